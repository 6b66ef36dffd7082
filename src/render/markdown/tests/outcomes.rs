//! Comments on outcomes.

use serde_json::json;

use super::length;
use super::properties::Parsed;
use super::world::{of_json, plan_of};
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1, SummaryV1};
use crate::render::markdown::{LEAST, USUAL, outcome};

fn step(id: usize, status: StatusV1, reason: &str) -> StepOutcomeV1 {
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    of_json(&json!({"id": id, "call": "attach", "policy": "p", "user": "u", "status": status, "reason": reason}))
}

fn outcome_of(steps: Vec<StepOutcomeV1>, left: &[&str]) -> OutcomeV1 {
    let file = ".attune/before-0123456789abcdef0123456789abcdef.toml";
    let outcome = of_json(&json!({
        "format": "attune.outcome/1",
        "tool_version": "0.0.0",
        "digest": "0123456789abcdef".repeat(4),
        "cluster": plan_of(Vec::new()).cluster,
        "steps": [],
        "converged": left.is_empty(),
        "remaining": SummaryV1 { detach: left.len(), ..SummaryV1::default() },
        "remaining_changes": left,
        "rollback_file": file,
        "rollback_command": format!("attune apply --yes --file {file}"),
    }));
    OutcomeV1 { steps, ..outcome }
}

#[test]
fn a_successful_outcome_is_short() {
    let page = outcome(&outcome_of(vec![step(1, StatusV1::Done, ""), step(2, StatusV1::AlreadyDone, "")], &[]), USUAL);
    insta::assert_snapshot!(page, @r##"
    <!-- attune:outcome guid=6e2bb63c-a0a7 tenant=Root -->
    <!-- attune:outcome-of=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef cluster=stewie -->

    ### attune: the cluster matches the configuration

    cluster `stewie` · WEKA `5.1.2` · tenant `Root` · plan `0123456789abcdef0123456789abcdef`

    2 API calls: 1 done, 1 already done

    To roll back:

    ```sh
    attune apply --yes --file .attune/before-0123456789abcdef0123456789abcdef.toml
    ```
    "##);
}

#[test]
fn failed_steps_are_listed() {
    let mut kept = step(1, StatusV1::Done, "");
    kept.remarks = vec![RemarkV1::KeptInEmergency];
    kept.keys_stored_in = Some("a`b".into());
    let mut after = step(3, StatusV1::NotReached, "");
    after.blocked_by = Some(2);
    let steps = vec![kept, step(2, StatusV1::Refused, "no: </details>\n# `x`"), after];
    let page = outcome(&outcome_of(steps, &["user/@org/team"]), USUAL);
    insta::assert_snapshot!(page, @r##"
    <!-- attune:outcome guid=6e2bb63c-a0a7 tenant=Root -->
    <!-- attune:outcome-of=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef cluster=stewie -->

    ### attune: partially applied, 1 to detach remaining

    cluster `stewie` · WEKA `5.1.2` · tenant `Root` · plan `0123456789abcdef0123456789abcdef`

    3 API calls: 1 done, 1 refused, 1 not started

    **Steps to check**

    - step 1, attach `p` to `u`: created S3 keys: move them from ``a`b`` to their destination, then delete that file
    - step 2, attach `p` to `u`: refused: `` no: </details>\n# `x` ``
    - step 3, attach `p` to `u`: not started, because of step 2

    **Remaining: 1 change**

    - `user/@org/team`

    `attune plan` shows them, `attune apply` resumes.

    To roll back:

    ```sh
    attune apply --yes --file .attune/before-0123456789abcdef0123456789abcdef.toml
    ```
    "##);
    let parsed = Parsed::of(&page);
    assert_eq!((parsed.headings, parsed.injected), (1, 0), "{parsed:?}");
    assert!(parsed.spans.contains(&"no: </details>\\n# `x`".to_owned()), "{parsed:?}");
}

#[test]
fn a_long_outcome_leaves_out_more_step_by_step_and_says_so() {
    let mut steps: Vec<StepOutcomeV1> = (1..=300).map(|id| step(id, StatusV1::Failed, &"why ".repeat(50))).collect();
    steps.extend((301..=600).map(|id| step(id, StatusV1::NotReached, "")));
    let outcome_of = outcome_of(steps, &["user/alice"]);
    let whole = outcome(&outcome_of, 1_000_000);
    assert!(whole.contains("- step 600, attach `p` to `u`: not started\n") && !whole.contains("left out"), "{whole}");
    let mut page = whole;
    for said in [
        "Steps that were not started and names of remaining changes are left out",
        "Reasons are shortened",
        "do not fit",
    ] {
        let max = length(&page) - 1;
        page = outcome(&outcome_of, max);
        assert!(length(&page) <= max && page.contains(said), "{said}: {page}");
        assert!(page.contains("600 API calls: 300 failed, 300 not started"), "{page}");
        assert!(page.contains("partially applied, 1 to detach remaining"), "{page}");
    }
    assert!(length(&page) <= LEAST);
}
