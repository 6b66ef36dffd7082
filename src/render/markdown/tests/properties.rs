//! No name and no document becomes structure: property tests over the events of a Markdown parser.

use proptest::prelude::*;
use proptest::sample::select;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::world::{
    added, attached, detached, document, finding, moved, overridden, plan_of, removed, replaced, review,
};
use super::{LEAST, USUAL, length};
use crate::base::Severity;
use crate::render::json::{NewKeysV1, OptionV1, PlanV1};
use crate::render::markdown::escape::visible;
use crate::render::markdown::plan;

/// A letter of every foreign name, which no text of attune has.
const SIGN: char = 'Ω';

/// Text that has a meaning in Markdown or HTML, or for those who read it.
const PIECES: &[&str] = &[
    "`", "``", "```", "````", "~~~", "|", "<!-- ", "-->", "--", "<script>", "</code>", "<b>", "\n", "\n\n", "\r\n",
    "\t", "    ", " ", "#123", "GH-1", "![x](y)", "www.a.b", "a@b.c", "# ", "\n# ", "* ", "- ", "> ", "***", "---",
    "===", "__", "~~", "\\", "&lt;", "&#96;", "&", "\"", "'", "$$", "$`x`$", "[^1]", "[^1]: ", ":smile:", "\u{202e}",
    "\u{2066}", "\u{200b}", "\u{feff}", "\u{0}", "\u{2028}", "\u{85}", "\u{301}", "é", "政策", "🦀", "{#id}", ": ",
    "+++", "::: x", "1. ",
];

/// The longer ones.
const LONG_PIECES: &[&str] = &[
    "</details>",
    "<details>",
    "@org/team",
    "[x](http://a.b)",
    "<http://a.b>",
    "https://a.b/c",
    "\u{1b}[2J",
    "attune:digest=",
];

fn name() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select([PIECES, LONG_PIECES].concat()), 0..5);
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

fn only_its_own(page: &str) -> Parsed {
    let parsed = Parsed::of(page);
    assert_eq!(parsed.headings, 1, "{page}");
    assert_eq!(parsed.injected, 0, "{parsed:?}\n{page}");
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
    fn every_limit_holds_and_cuts_let_no_structure_in(plan in any_plan(), max in LEAST..8_000_usize) {
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

#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Text outside code and HTML.
    pub(super) text: String,
    /// The text of each code span, in order.
    pub(super) spans: Vec<String>,
    /// The language and the text of each fence.
    pub(super) fences: Vec<(String, String)>,
    /// All HTML blocks.
    pub(super) html: String,
    pub(super) headings: usize,
    /// Structure that attune never writes.
    pub(super) injected: usize,
}

impl Parsed {
    /// Reads a page with all that GitHub adds to Markdown, and some that others do.
    pub(super) fn of(page: &str) -> Self {
        let mut parsed = Self::default();
        let mut in_fence = false;
        for event in Parser::new_ext(page, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    parsed.fences.push((language.into_string(), String::new()));
                    in_fence = true;
                }
                Event::End(TagEnd::CodeBlock) => in_fence = false,
                Event::Text(text) if in_fence => parsed.fences.last_mut().unwrap().1.push_str(&text),
                Event::Text(text) => parsed.text.push_str(&text),
                Event::Code(text) => parsed.spans.push(text.into_string()),
                Event::Html(html) => parsed.html.push_str(&html),
                Event::Start(Tag::Heading { .. }) => parsed.headings += 1,
                Event::Start(Tag::Paragraph | Tag::List(_) | Tag::Item | Tag::Strong | Tag::HtmlBlock)
                | Event::End(_)
                | Event::SoftBreak => {}
                Event::Start(_)
                | Event::InlineHtml(_)
                | Event::HardBreak
                | Event::Rule
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_) => parsed.injected += 1,
            }
        }
        parsed
    }

    /// The names in the summaries of folds.
    pub(super) fn summaries(&self) -> Vec<String> {
        let parts = self.html.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap());
        let plain = |text: &str| {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            text.replace("&amp;", "&")
        };
        parts.map(plain).collect()
    }

    /// The HTML without what is in code, line by line.
    pub(super) fn own_html(&self) -> Vec<String> {
        let strip = |line: &str| {
            let mut parts = line.split("<code>");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |all, part| all + part.split_once("</code>").unwrap().1)
        };
        self.html.lines().filter(|line| !line.is_empty()).map(strip).collect()
    }
}
