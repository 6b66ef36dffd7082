//! Expectations through the binary: what breaks one is refused, overridden by name, and shown when the base loses one.

use crate::base::{commit, git};
use crate::harness::{Folder, Run, root};

fn folder() -> Folder {
    Folder::copy_of(&root().join("tests/contract"))
}

fn replace(folder: &Folder, file: &str, old: &str, new: &str) {
    let text = folder.read(file);
    assert!(text.contains(old), "{text}");
    folder.write(file, &text.replace(old, new));
}

/// Runs attune with arguments that have blanks.
fn with_words(folder: &Folder, args: &[&str]) -> Run {
    let output = folder.command(args.iter().copied()).env("PATH", std::env::var("PATH").unwrap()).output().unwrap();
    Run::of(&args.join(" "), &output)
}

const NAME: &str = "expect=only cleanup deletes from prod";

const WIDENED: (&str, &str) =
    ("action = [\"s3:GetBucketLocation\", \"s3:GetObject\", \"s3:ListBucket\"]", "action = \"s3:*\"");

#[test]
fn a_contract_holds_and_a_wider_policy_is_refused_by_name_with_one_request() {
    let folder = folder();
    folder.attune("test").exits(0).says("expectations: 3 hold");
    folder.attune("apply --yes").exits(0).says("expectations: 3 hold");
    folder.attune("test --observed").exits(0).says("ok      analysts can read");
    replace(&folder, "attune.toml", WIDENED.0, WIDENED.1);
    let refused = "expectation \"only cleanup deletes from prod\" fails: user `alice` can delete";
    let run = folder.attune("test").exits(3);
    run.says("FAILED  only cleanup deletes from prod").says("its statement \"Read\" allows").says("at attune.toml:");
    folder.attune("validate").exits(1).says(refused);
    let before = folder.read("cluster.json");
    for command in ["plan", "apply --yes"] {
        let run = folder.attune(command).exits(3).says(&format!("refused: {refused}"));
        run.says("--override 'expect=only cleanup deletes from prod'").says("expectations: 1 of 3 fails");
    }
    assert_eq!(folder.read("cluster.json"), before);
    let run = with_words(&folder, &["apply", "--yes", "--override", NAME]).exits(0);
    run.says("overridden by expect=only cleanup deletes from prod");
    // Now the cluster is as it should not be: a plan that does not make it worse is only warned about.
    let run = folder.attune("plan").exits(0).says("no changes");
    run.warns("expectation \"only cleanup deletes from prod\" fails");
    folder.attune("test --observed").exits(3).says("expectations: 1 of 3 fails");
    replace(&folder, "attune.toml", "except = [\"svc-cleanup\"]\n", "except = [\"svc-cleanup\"]\nstrict = true\n");
    folder.attune("plan").exits(3).says("already before this plan");
}

#[test]
fn an_unmanaged_user_counts_and_so_does_a_role() {
    let folder = folder();
    replace(
        &folder,
        "cluster.json",
        "\"alice\": { \"role\": \"S3\" },",
        "\"alice\": { \"role\": \"S3\" },\n\"zoe\": { \"role\": \"S3\", \"policy\": \"readwrite\" },",
    );
    let run = folder.attune("plan").exits(0);
    run.warns("user `zoe` can delete").says("expectations: 1 of 3 fails");
    folder.write("attune.toml", &(folder.read("attune.toml") + "\n[roles.prod-cleanup]\n"));
    folder.attune("test").exits(3).says("a token with the roles prod-cleanup");
    replace(&folder, "attune.toml", "except = [\"svc-cleanup\"]", "except = [\"svc-cleanup\", \"role/prod-*\"]");
    folder.attune("test").exits(0);
}

#[test]
fn a_proposal_that_drops_an_expectation_is_still_held_to_it() {
    let folder = folder();
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder);
    replace(&folder, "attune.toml", WIDENED.0, WIDENED.1);
    replace(
        &folder,
        "attune.toml",
        "nobody = [\"s3:DeleteObject*\", \"s3:DeleteBucket\"]",
        "nobody = \"s3:DeleteBucket\"",
    );
    replace(&folder, "attune.toml", "except = [\"svc-cleanup\"]", "except = [\"svc-cleanup\", \"alice\"]");
    let run = with_words(&folder, &["plan", "--base", "main"]).exits(3);
    run.says("expect.\"only cleanup deletes from prod\"").says("only cleanup deletes from prod (base)");
    let by = format!("{NAME} (base)");
    with_words(&folder, &["plan", "--base", "main", "--override", &by]).exits(0).says("overridden by expect=");
}

#[test]
fn results_are_for_pipelines_as_well() {
    let folder = folder();
    replace(&folder, "attune.toml", WIDENED.0, WIDENED.1);
    let json = folder.attune("test --format json").exits(3).json();
    assert_eq!(json["expectations"][0]["failures"][0]["who"], "alice");
    assert_eq!(json["findings"][0]["file"], "attune.toml");
    folder.attune("test --format junit").exits(3).says("<failure message=").says("tests=\"3\" failures=\"1\"");
    folder.attune("test --format github").exits(3).says("::error file=attune.toml,line=");
    let sarif = folder.attune("test --format sarif").exits(3);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "expectation-failed");
    folder.write("empty.toml", "[users]\n");
    folder.attune("-f empty.toml test").exits(0).says("no expectations").warns("nothing was checked");
}

#[test]
fn mutations_say_what_no_expectation_would_notice() {
    let folder = folder();
    let run = folder.attune("test --mutate").exits(0).says("missed  policy prod-read, statement 1");
    run.says("that widen access are noticed");
    let json = folder.attune("test --mutate --format json").exits(0).json();
    let of = &json["mutations"];
    assert_eq!(of["possible"], of["tried"]);
    assert!(of["caught"].as_u64().unwrap() > 20, "{of}");
    let missed = |change: &str| of["missed"].as_array().unwrap().iter().any(|one| one["change"] == change);
    assert!(missed("allows `s3:PutObject`") && !missed("allows `s3:DeleteObject`"), "{of}");
    let stopped = folder.attune("test --mutate --mutate-for 0").exits(0);
    stopped.says("0 of 0 that widen access are noticed (stopped: 0 of");
}

#[test]
fn what_a_cluster_does_not_report_is_not_decided() {
    // 3.14 does not report over REST who has which policy.
    let folder = folder();
    replace(&folder, "cluster.json", "\"release\": \"5.1.2\"", "\"release\": \"3.14\"");
    let json = folder.attune("test --observed --format json").exits(3).json();
    let why: Vec<&str> =
        json["expectations"].as_array().unwrap().iter().map(|of| of["failures"][0]["why"].as_str().unwrap()).collect();
    assert_eq!(why, ["not_reported"; 3]);
    // 6.0 does not report which groups have one.
    replace(&folder, "cluster.json", "\"release\": \"3.14\"", "\"release\": \"6.0\"");
    let run = folder.attune("test --observed").exits(3).says("does not report over REST which policies groups have");
    run.says("ok      services only do their work");
}

/// A name that Markdown and HTML would read.
const ODD: &str = "zoe </td><script>alert(1)</script> `x` | [a](b) @all **never**";

fn with_odd_names() -> Folder {
    let file = format!(
        "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n\
         [users]\nalice = \"readonly\"\n\
         [[expect]]\nname = \"nobody new reads\"\nreason = \"it <b>is</b> secret\"\nnobody = \"read\"\non = \"vault\"\nexcept = [\"zoe\"]\n\
         [[expect]]\nname = {ODD:?}\nuser = \"zoe\"\ncannot = \"delete\"\non = \"vault\"\n\
         [[expect]]\nname = \"alice does not write\"\nuser = \"alice\"\ncannot = \"write\"\non = \"vault\"\n"
    );
    let cluster = r#"{"format": "attune.sim/1", "tenants": {"Root": {"users": {
        "admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {}, "zoe": {"policy": "readwrite"}}}}}"#;
    Folder::with(&[("attune.toml", &file), ("cluster.json", cluster)])
}

#[test]
fn plans_in_markdown_and_html_list_expectations_with_odd_names() {
    let folder = with_odd_names();
    let markdown = folder.attune("plan --format markdown").exits(3).stdout;
    let list = format!(
        "**Expectations**: 2 of 3 fail\n\n- `nobody new reads`: fails with this plan\n- ``{ODD}``: failed before\n\n"
    );
    assert!(markdown.contains(&list), "{markdown}");
    let page = folder.attune("plan --format html").exits(3).stdout;
    assert_eq!(page.matches("id=\"expectations\"").count(), 1, "one landmark of each name");
    assert!(page.contains("fails with this plan") && page.contains("failed before") && page.contains("holds"));
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("it &lt;b&gt;is"), "{page}");
    folder.attune("plan --out plan.json").exits(3);
    let saved = folder.attune("show plan.json --format html").exits(0).stdout;
    assert_eq!(saved.matches("id=\"expectations\"").count(), 1);
    let none = Folder::example("quickstart");
    assert!(!none.attune("plan --format html").exits(0).stdout.contains("id=\"expectations\""));
    assert!(!none.attune("plan --format markdown").exits(0).stdout.contains("Expectations"));
}

#[test]
fn a_report_lists_expectations_with_a_request_that_proves_a_failure() {
    let folder = with_odd_names();
    let text = folder.attune("report --format text").exits(0);
    let text = text
        .says("expectations: 2 of 3 fail\n  fails with this plan: nobody new reads\n      user alice can read on vault/x\n")
        .says("      user zoe can delete on vault/x")
        .says("  holds: alice does not write\n");
    assert!(text.stdout.contains("alice (before: no policy)"), "{}", text.stdout);
    let observed = folder.attune("report --format text --observed").exits(0).says("expectations: 1 of 3 fails\n");
    observed.says("  holds: nobody new reads\n").says("the cluster as it is");
    let desired = folder.attune("report --format text --desired").exits(0);
    desired.says("expectations: 1 of 3 fails\n  fails: nobody new reads\n").says("without the cluster");
    let json = folder.attune("report --format json").exits(0).json();
    assert_eq!(json["expectations"][0]["failures"][0]["request"], "read");
    let page = folder.attune("report").exits(0).stdout;
    assert_eq!(page.matches("id=\"expectations\"").count(), 1);
    assert!(!page.contains("<script"), "{page}");
    folder.attune("report --format text --out report.txt").exits(0);
    assert!(folder.read("report.txt").contains("access by bucket"));
    let csv = folder.attune("report --format csv").exits(0).stdout;
    assert!(!csv.contains("nobody new reads"), "{csv}");
}

#[test]
fn access_that_ends_does_not_end_by_itself_if_that_breaks_an_expectation() {
    let file = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[users]\nbo = { policy = \"readonly\", until = 2020-01-01 }\n\
                [[expect]]\nname = \"bo reads\"\nuser = \"bo\"\ncan = \"read\"\non = \"logs\"\n";
    let cluster = r#"{"format": "attune.sim/1", "tenants": {"Root": {"users": {
        "admin": {"role": "ClusterAdmin", "password": "admin"}, "bo": {"policy": "readonly"}}}}}"#;
    let folder = Folder::with(&[("attune.toml", file), ("cluster.json", cluster)]);
    let refused = folder.attune("apply --expired").exits(3);
    refused.says("expectation \"bo reads\" fails").warns("nothing was changed");
    assert_eq!(folder.tenant()["users"]["bo"]["policy"], "readonly");
    let mut overridden = folder.command(["apply", "--expired", "--override", "expect=bo reads"]);
    assert!(overridden.output().unwrap().status.success());
    assert_eq!(folder.tenant()["users"]["bo"]["policy"], serde_json::Value::Null);
}
