//! Guards through the binary: refused plans do not run, and overrides are recorded.

use serde_json::{Value, json};

use crate::harness::{Folder, root};

/// The case of a plan that every guard but one refuses, and that its arguments let through.
fn overridden() -> (Folder, String) {
    let folder = Folder::copy_of(&root().join("tests/golden/guard-overridden"));
    let args = folder.read("args").trim().to_owned();
    (folder, args)
}

/// A member of every element of a list.
fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

const REFUSED: [&str; 4] = ["guard-removals", "guard-detached", "guard-protected-policy", "guard-protected-user"];

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_plan_refused_by_a_guard_is_not_applied() {
    let (folder, args) = overridden();
    let before = folder.read("cluster.json");
    let planned = folder.attune("plan --format json").exits(3).json();
    let digest = planned["digest"].as_str().unwrap();
    for how in ["--yes".to_owned(), format!("--approved {digest}")] {
        let run = folder.attune(&format!("apply {how} --format json")).exits(3).warns("a guard refuses this plan");
        assert_eq!(each(&run.json()["refusals"], "code"), REFUSED);
        folder.attune(&format!("apply {how}")).exits(3).says("to override it for one run: --override max_removals=1");
    }
    let some: Vec<&str> = args.split(" --override ").filter(|by| !by.ends_with("=bob")).collect();
    let run = folder.attune(&format!("apply --yes {}", some.join(" --override "))).exits(3);
    run.says("overridden by max_removals=1").says("refused: user `bob` is protected");
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn overrides_are_in_the_outcome() {
    let (folder, args) = overridden();
    let planned = folder.attune(&format!("plan --format json {args}")).exits(0).json();
    let digest = planned["digest"].as_str().unwrap();
    let run = folder.attune(&format!("apply --approved {digest} --format json {args}")).exits(0).json();
    assert_eq!(run["format"], "attune.outcome/1");
    assert_eq!(run["converged"], true);
    assert_eq!(run["overrides"], planned["overrides"]);
    let given =
        ["max_removals=1", "max_detached=1", "max_detached=50%", "protected_policies=logs", "protected_users=bob"];
    assert_eq!(each(&run["overrides"], "given"), given);
    let again = folder.attune(&format!("apply --yes --format json {args}")).exits(0).json();
    assert_eq!(again.get("overrides"), None, "an override that is not needed is mentioned");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn overrides_are_shown_after_an_apply() {
    let (folder, args) = overridden();
    let run = folder.attune(&format!("apply --yes {args}")).exits(0);
    let outcome = run.stdout.split("calls: ").nth(1).unwrap();
    for given in ["max_removals=1: 1 policy would be removed", "protected_users=bob: user `bob` is protected"] {
        assert!(outcome.contains(&format!("overridden by {given}")), "{outcome}");
    }
}

#[test]
fn an_unknown_override_is_refused_with_a_list_of_the_guards() {
    let (folder, _) = overridden();
    for command in ["plan", "apply --yes"] {
        let run = folder.attune(&format!("{command} --override max_removal=3"));
        assert!(run.code.is_some_and(|code| code != 0));
        run.warns("max_removals=LIMIT, max_detached=LIMIT, max_buckets_closed=LIMIT, protected_users=NAME, ");
        folder.attune(&format!("{command} --override max_detached=200%")).warns("`200%` is more than 100%");
    }
    assert_eq!(folder.tenant()["users"]["bob"]["policy"], json!("readwrite"));
}
