//! That no name and no document becomes structure.

use proptest::prelude::*;
use proptest::sample::select;

use super::parsed::Parsed;
use super::world::{
    added, attached, detached, document, finding, moved, overridden, plan_of, removed, replaced, review,
};
use super::{LEAST, USUAL, length};
use crate::base::Severity;
use crate::render::json::{NewKeysV1, OptionV1, PlanV1};
use crate::render::markdown::escape::visible;
use crate::render::markdown::plan;

/// A letter that is in every name from elsewhere, and in nothing that attune says.
const SIGN: char = 'Ω';

/// What upsets readers of Markdown and of HTML, and their readers.
const PIECES: &[&str] = &[
    "`",
    "``",
    "```",
    "````",
    "~~~",
    "|",
    "<!-- ",
    "-->",
    "--",
    "</details>",
    "<details>",
    "<script>",
    "</code>",
    "<b>",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "    ",
    " ",
    "@org/team",
    "#123",
    "GH-1",
    "![x](y)",
    "[x](http://a.b)",
    "<http://a.b>",
    "https://a.b/c",
    "www.a.b",
    "a@b.c",
    "# ",
    "\n# ",
    "* ",
    "- ",
    "> ",
    "***",
    "---",
    "===",
    "__",
    "~~",
    "\\",
    "&lt;",
    "&#96;",
    "&",
    "\"",
    "'",
    "$$",
    "$`x`$",
    "[^1]",
    "[^1]: ",
    ":smile:",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[2J",
    "\u{2028}",
    "\u{85}",
    "\u{301}",
    "é",
    "政策",
    "🦀",
    "attune:digest=",
    "{#id}",
    ": ",
    "+++",
    "::: x",
    "1. ",
];

fn name() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(PIECES), 0..5);
    (pieces, any::<prop::sample::Index>()).prop_map(|(mut pieces, at)| {
        let sign = SIGN.to_string();
        pieces.insert(at.index(pieces.len() + 1), &sign);
        pieces.concat()
    })
}

/// A plan of each kind of change, with such names everywhere.
fn any_plan() -> impl Strategy<Value = PlanV1> {
    (prop::collection::vec(name(), 14), any::<bool>(), any::<bool>()).prop_map(|(names, blocked, refused)| {
        let name = |at: usize| names[at].as_str();
        let mut plan = plan_of(vec![
            added(name(0), &document(name(1), name(2))),
            replaced(name(3), &document(name(1), name(2)), &document(name(1), name(4)), name(5)),
            replaced(name(4), &serde_json::json!(name(6)), &document("Other", "bucket"), name(5)),
            removed(name(6), &document(name(2), name(7))),
            attached(name(7), name(8)),
            moved(name(9), name(10), name(11)),
            detached(name(12), name(13)),
        ]);
        plan.changes[3].temporary_policies = vec![name(8).to_owned()];
        plan.cluster.name = name(10).to_owned();
        plan.cluster.tenant = name(11).to_owned();
        plan.cluster.guid = name(12).to_owned();
        plan.cluster.release = format!("5.1.2{}", name(13));
        plan.overrides.push(overridden(name(0)));
        plan.options.push(OptionV1 { name: "--override".into(), value: Some(name(0).to_owned()) });
        plan.new_keys = Some(NewKeysV1 {
            users: vec![name(1).to_owned()],
            users_with_policy: vec![name(2).to_owned()],
            destination: Some(name(2).to_owned()),
        });
        plan.review = Some(review(name(3), name(4), name(5)));
        plan.findings.push(finding(Severity::Warning, name(1)));
        if blocked {
            plan.findings.push(finding(Severity::Error, name(2)));
        }
        if refused {
            plan.refusals.push(finding(Severity::Error, name(3)));
        }
        plan
    })
}

/// That a page has no structure but its own.
fn only_its_own(page: &str) -> Parsed {
    let parsed = Parsed::of(page);
    assert_eq!(parsed.number("heading"), 1, "{page}");
    assert_eq!(parsed.number("injected"), 0, "{parsed:?}\n{page}");
    assert!(!parsed.text.contains(SIGN), "{parsed:?}\n{page}");
    let own = |c: char| c.is_ascii_alphanumeric() || " .,:;()·→-".contains(c);
    assert!(parsed.text.chars().all(own), "{parsed:?}\n{page}");
    for line in parsed.own_html() {
        let marker =
            line.starts_with("<!-- attune:") && line.ends_with(" -->") && !line[4..line.len() - 3].contains("--");
        let summary = line.starts_with("<details><summary>policy ") && line.ends_with("</summary>");
        assert!(marker || summary || line == "</details>", "{line:?} in\n{page}");
        assert!(marker || !line.contains(SIGN), "{line:?} in\n{page}");
    }
    for (language, text) in &parsed.fences {
        let fine = |line: &str| match language.as_str() {
            "diff" => {
                line.starts_with("+ ") || line.starts_with("- ") || line.starts_with("@@ ") || line.starts_with("  ")
            }
            "sh" => line.starts_with("attune apply "),
            _ => false,
        };
        assert!(text.lines().all(fine), "{language}: {text}\n{page}");
    }
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{2028}']), "{page:?}");
    parsed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn names_and_documents_stay_text(plan in any_plan()) {
        let page = super::super::plan(&plan, USUAL);
        let parsed = only_its_own(&page);
        // A fold for each change that has a document.
        let folds = plan.changes.iter().filter(|change| change.policy.is_some());
        let details = |line: &str| parsed.own_html().iter().filter(|other| other.starts_with(line)).count();
        prop_assert_eq!(details("<details>"), folds.clone().count());
        prop_assert_eq!(details("</details>"), folds.clone().count());
        let summaries = parsed.summaries();
        for change in folds {
            let policy = visible(change.policy.as_deref().unwrap());
            prop_assert!(summaries.contains(&policy), "{} in {:?}", policy, summaries);
        }
        // The last spans of the lists are the names, as they are.
        for change in &plan.changes[4..] {
            let holder = change.user.as_deref().or(change.group.as_deref()).unwrap();
            let held = [change.before.as_ref(), change.after.as_ref()].into_iter().flatten();
            let held = held.map(|value| visible(&serde_json::from_str::<String>(value.get()).unwrap()));
            let expected: Vec<String> = std::iter::once(visible(holder)).chain(held).collect();
            let found = parsed.spans.windows(expected.len()).any(|spans| spans == expected);
            prop_assert!(found, "{:?} in {:?}", expected, parsed.spans);
        }
    }

    #[test]
    fn every_length_is_kept_to_and_nothing_is_let_in_by_what_is_left_out(plan in any_plan(), max in LEAST..8_000_usize) {
        let page = super::super::plan(&plan, max);
        prop_assert!(length(&page) <= max, "{} of {}", length(&page), max);
        let parsed = only_its_own(&page);
        let whole = !page.contains("attune:too-large=");
        for change in plan.changes.iter().filter(|change| change.policy.is_none() && change.before.is_some()) {
            let holder = visible(change.user.as_deref().or(change.group.as_deref()).unwrap());
            prop_assert!(!whole || parsed.spans.contains(&holder), "no {} in\n{}", holder, page);
        }
        prop_assert!(whole || !page.contains("--approved"));
    }
}

#[test]
fn the_worst_name_there_is_breaks_nothing() {
    let worst = format!("{SIGN}`|<!-- </details>\n\n# @org/team #123");
    let page = plan(&plan_of(vec![removed(&worst, &document(&worst, &worst)), moved(&worst, &worst, &worst)]), USUAL);
    let parsed = only_its_own(&page);
    assert!(parsed.spans.contains(&format!("{SIGN}`|<!-- </details>\\n\\n# @org/team #123")), "{page}");
}
