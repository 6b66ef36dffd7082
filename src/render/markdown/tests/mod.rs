//! Comments have all that an approval needs, fit, and have no foreign structure.

mod outcomes;
mod properties;
mod world;

use serde_json::{Value, json};

use super::{LEAST, USUAL};
use crate::base::Severity;
use crate::render::json::{ChangeV1, OptionV1, PlanV1};
use properties::Parsed;
use world::{added, detached, document, finding, moved, overridden, plan_of, removed, replaced};

fn length(page: &str) -> usize {
    page.chars().count()
}

fn full(sid: &str) -> Value {
    let statements: Vec<Value> = (0..16)
        .map(|number| {
            json!({"Sid": format!("{sid}{number}"), "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": format!("arn:aws:s3:::some-bucket-{number:02}/*")})
        })
        .collect();
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    assert!((1700..2048).contains(&document.to_string().len()), "{}", document.to_string().len());
    document
}

fn large() -> PlanV1 {
    let hundred = |change: fn(usize) -> ChangeV1| (0..100).map(change);
    let removals = hundred(|number| removed(&format!("etl-old-{number:03}"), &full("Old")));
    let moves = hundred(|number| {
        moved(&format!("svc-user-{number:03}"), &format!("etl-old-{number:03}"), &format!("ml-new-{number:03}"))
    });
    let additions = hundred(|number| added(&format!("ml-new-{number:03}"), &full("New")));
    plan_of(additions.chain(removals).chain(moves).collect())
}

fn has_the_indispensable(page: &str, plan: &PlanV1) {
    for number in 0..100 {
        for text in [
            format!("\n- policy `etl-old-{number:03}`: no attachments left\n"),
            format!("\n- user `svc-user-{number:03}`: `etl-old-{number:03}` → `ml-new-{number:03}`\n"),
            format!("+ s3:GetObject, s3:PutObject on ml-new-{number:03}/*"),
        ] {
            assert!(page.contains(&text), "no {text:?} in\n{page}");
        }
    }
    assert!(page.contains(&format!("\nattune apply --approved {}\n", plan.digest)), "{page}");
}

#[test]
fn a_plan_of_300_changes_fits_and_every_removal_move_and_gain_is_in_it() {
    let plan = large();
    let page = super::plan(&plan, USUAL);
    assert!(length(&page) <= USUAL, "{}", length(&page));
    has_the_indispensable(&page, &plan);
    assert!(page.contains("\n- 100 documents of added policies\n"), "{page}");
}

#[test]
fn each_step_leaves_out_more_and_says_so() {
    let mut changes = large().changes;
    let edited =
        |number| replaced(&format!("ml-edited-{number:02}"), &document("A", "one"), &document("A", "two"), "zoe");
    changes.extend((0..20).map(edited));
    let mut plan = plan_of(changes);
    plan.findings.push(finding(Severity::Warning, "a warning"));
    let whole = super::plan(&plan, 1_000_000);
    assert!(!whole.contains("Left out") && whole.contains("1 statement unchanged"), "{whole}");
    has_the_indispensable(&whole, &plan);
    let said = [
        "\n- unchanged parts of documents\n",
        "\n- 100 documents of added policies\n",
        "\n- 20 documents of replaced policies\n- 100 documents of removed policies\n",
        "\n- lost access (except who loses some), and examples of gained access\n",
        "\n- names of added policies and attached users",
    ];
    let mut page = whole;
    for step in 0..said.len() {
        // Less by more than the digits of the length itself.
        let max = length(&page) - 10;
        let next = super::plan(&plan, max);
        assert!(length(&next) <= max, "{} of {max}", length(&next));
        assert!(next.contains(&format!("to fit in {max} characters")), "{next}");
        for (at, said) in said.iter().enumerate() {
            assert_eq!(next.contains(said), at <= step, "step {step}: {said:?} in\n{next}");
        }
        has_the_indispensable(&next, &plan);
        assert!(!next.contains("1 statement unchanged"));
        assert_eq!(next.contains("<code>ml-new-007</code>"), step < 1);
        assert_eq!(next.contains("<code>etl-old-007</code>"), step < 2);
        assert_eq!(next.contains("**Replaced: 20 policies**\n\n<details>"), step < 2);
        assert!(next.contains("ml-edited-19"), "{next}");
        assert_eq!(next.contains("- s3:GetObject, s3:PutObject on etl-old-007/*"), step < 3);
        assert_eq!(next.contains("- policy `ml-new-007`"), (1..4).contains(&step));
        assert_eq!(next.contains("`a warning`"), step < 4);
        page = next;
    }
    let none = super::plan(&plan, length(&page) - 10);
    assert_eq!(none.lines().next(), Some("<!-- attune:plan guid=6e2bb63c-a0a7 tenant=Root -->"));
    too_large(&none, &plan);
}

fn too_large(page: &str, plan: &PlanV1) {
    assert!(length(page) <= LEAST, "{page}");
    assert!(page.contains("**Do not approve this plan from this comment.**"), "{page}");
    assert!(page.contains("100 to remove"), "{page}");
    assert!(!page.contains("--approved") && !page.contains("attune:digest="), "{page}");
    assert_eq!(page.matches(&plan.digest).count(), 1, "only in the marker that tells it cannot be approved");
    assert!(page.contains(&format!("<!-- attune:too-large={} ", plan.digest)), "{page}");
    assert!(Parsed::of(page).fences.is_empty());
}

#[test]
fn a_plan_that_does_not_fit_at_all_is_not_shown_in_part() {
    let mut plan = large();
    too_large(&super::plan(&plan, 5_000), &plan);
    plan.cluster.name = "`<!--".repeat(100_000);
    plan.cluster.tenant = "\u{202e}".repeat(100_000);
    plan.cluster.guid = "-".repeat(100_000);
    too_large(&super::plan(&plan, 0), &plan);
}

#[test]
fn the_command_has_the_options() {
    let mut plan = plan_of(vec![detached("ops", "logs")]);
    let option = |name: &str, value: &str| OptionV1 { name: name.into(), value: Some(value.into()) };
    plan.options = vec![option("--override", "max_removals=1"), option("--override", "protected_users=o'b")];
    plan.overrides = vec![overridden("protected_users=o'b"), overridden("max_removals=1")];
    let page = super::plan(&plan, USUAL);
    let command = page.lines().find(|line| line.starts_with("attune apply")).unwrap();
    assert_eq!(
        shlex::split(command).unwrap(),
        [
            "attune",
            "apply",
            "--approved",
            &plan.digest,
            "--override",
            "max_removals=1",
            "--override",
            "protected_users=o'b"
        ]
    );
    assert!(page.contains("(a guard is overridden)") && page.contains("- by `max_removals=1`: "), "{page}");
    plan.options = vec![option("--override", "protected_users=a\u{202e}b")];
    let page = super::plan(&plan, USUAL);
    assert!(page.contains("exactly this plan, with the options of this plan:"), "{page}");
    plan.options = vec![option("--catalogue", "sha256:00")];
    let page = super::plan(&plan, USUAL);
    assert!(page.contains("with the options of this plan:") && !page.contains("--catalogue sha256"), "{page}");
}
