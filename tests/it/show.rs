//! `attune show`: a saved result looks as before.

use super::harness::{Folder, folders, root};

#[test]
fn every_golden_plan_looks_as_before() {
    let folder = Folder::new();
    let mut shown = 0;
    for case in folders(&root().join("tests/golden")) {
        let (plan, text) = (case.join("plan.json"), case.join("plan.txt"));
        let (Ok(plan), Ok(text)) = (std::fs::read_to_string(plan), std::fs::read_to_string(text)) else { continue };
        // The expected JSON omits the fillers of a cluster.
        if !plan.contains("attune.plan/1") || case.join("fill").exists() {
            continue;
        }
        folder.write("plan.json", &plan);
        let run = folder.attune("show plan.json").exits(0);
        assert_eq!(run.stdout, text, "{}", case.display());
        assert_eq!(folder.attune("show plan.json --format json").exits(0).stdout, plan, "{}", case.display());
        shown += 1;
    }
    assert!(shown > 40, "{shown}");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_outcome_looks_as_before() {
    let saved = Folder::example("quickstart");
    saved.write("outcome.json", &saved.attune("apply --yes --format json").exits(0).stdout);
    let shown = saved.attune("show outcome.json").exits(0).says("API calls: ").says("matches the configuration");
    let as_text = Folder::example("quickstart").attune("apply --yes").exits(0);
    assert!(as_text.stdout.ends_with(&shown.stdout), "{}\n{}", as_text.stdout, shown.stdout);
    assert_eq!(saved.attune_fed("show -", &saved.read("outcome.json")).exits(0).stdout, shown.stdout);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn findings_are_shown_with_their_places_and_other_files_than_plans_are_refused() {
    let folder = Folder::copy_of(&root().join("tests/golden/users-that-cannot-hold"));
    folder.attune("plan --out saved.json").exits(1);
    let shown = folder.attune("show saved.json").exits(0);
    assert!(shown.stderr.contains("error[not-an-s3-user]: "), "{}", shown.stderr);
    assert!(shown.stderr.contains("  --> attune.toml:"), "{}", shown.stderr);
    let newer = folder.read("saved.json").replace("attune.plan/1", "attune.plan/2");
    for (text, why) in
        [(newer.as_str(), "the format is `attune.plan/2`, written by attune"), ("[]", "not a plan or an outcome")]
    {
        folder.write("other.json", text);
        let refused = folder.attune("show other.json").exits(1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    assert!(folder.attune("show gone.json").exits(1).stderr.contains("cannot read gone.json"));
    let later = folder.read("saved.json").replacen("{", "{\n  \"added_later\": 1,", 1);
    folder.write("later.json", &later);
    folder.attune("show later.json").exits(0);
}
