//! Plans in Markdown, through the program.

use std::fs;

use attune::render::json::PlanV1;
use attune::render::markdown;

use super::harness::{Folder, folders, root};

#[test]
fn a_saved_plan_gives_the_comment_that_the_plan_gave() {
    let mut compared = 0;
    for folder in folders(&root().join("tests/golden")) {
        // The names of fillers are not in the expected JSON.
        if folder.join("fill").exists() {
            continue;
        }
        let Ok(comment) = fs::read_to_string(folder.join("plan.md")) else { continue };
        let saved = fs::read_to_string(folder.join("plan.json")).unwrap();
        let plan: PlanV1 = serde_json::from_str(&saved).unwrap();
        assert_eq!(markdown::plan(&plan, markdown::USUAL), comment, "{}", folder.display());
        compared += 1;
    }
    assert!(compared > 20, "only {compared} cases have a plan");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_comment_uses_the_length_limit_and_no_less_than_possible() {
    let folder = Folder::example("quickstart");
    let whole = folder.attune("plan --format markdown").exits(0).says("attune apply --approved ").stdout;
    let short =
        folder.attune("plan --format markdown --max-chars 2500").exits(0).says("Left out, to fit in 2500 ").stdout;
    assert!(short.chars().count() <= 2500 && short.lines().next() == whole.lines().next(), "{short}");
    folder.attune("plan --format markdown --max-chars 1499").exits(1).warns("must be at least 1500");
    folder.attune("plan --format markdown --max-chars many").exits(1).warns("`many` is not a number");
}

#[test]
fn a_plan_that_cannot_be_made_has_no_comment() {
    let folder = Folder::with(&[("attune.toml", "[policies]\nbroken = 1\n")]);
    let run = folder.attune("plan --format markdown").exits(1);
    assert_eq!(run.stdout, "");
}
