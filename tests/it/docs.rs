//! The documentation matches the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use attune::base::Code;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::harness::{Folder, expect_file, files, root};

/// The rooms with findings, and their codes.
const ROOMS: [(&str, &str, &[Code]); 8] = [
    ("Configuration", "When attune reads a configuration.", attune::desired::CODES),
    ("Plan", "When attune compares the configuration with the cluster.", attune::plan::CODES),
    ("Expectations", "In `attune validate`, `attune test` and a plan.", attune::contract::CODES),
    ("Cluster", "What the cluster reports, in a plan and in `attune doctor`.", attune::observed::CODES),
    ("Preflight check", "In `attune doctor`.", attune::doctor::CODES),
    ("Import", "In `attune import`.", attune::import::CODES),
    ("Drift", "In `attune drift`, in addition to those of a plan.", attune::drift::CODES),
    ("Commands", "Why a command failed.", attune::cli::CODES),
];

fn findings_page() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Each error, warning and note has one of these codes. Codes do not change. Rules about policy documents have codes of their\n\
         own: see [Lint rules](lints.md). This page is generated.\n",
    );
    for (room, about, codes) in ROOMS {
        write!(page, "\n## {room}\n\n{about}\n\n| code | meaning |\n|---|---|\n").unwrap();
        for code in codes {
            writeln!(page, "| <a id=\"{0}\"></a>`{0}` | {1} |", code.id, code.about).unwrap();
        }
    }
    page
}

#[test]
fn every_code_is_documented() {
    expect_file(&root().join("docs/findings.md"), &findings_page());
}

#[test]
fn codes_are_unique_over_all_rooms() {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let lints = attune::policy::rules().into_iter().map(|rule| ("lint", rule.code));
    let others = ROOMS.iter().flat_map(|(room, _, codes)| codes.iter().map(|code| (*room, *code)));
    for (room, code) in others.chain(lints) {
        if let Some(other) = seen.insert(code.id, room) {
            panic!("`{}` is a code of {other} and of {room}", code.id);
        }
        assert!(code.about.ends_with('.'), "`{}` is not explained by a sentence", code.id);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_pictures_in_the_readme_show_the_plan_of_the_quickstart() {
    let plan = Folder::example("quickstart").attune("plan").exits(0).stdout;
    let pictured = fs::read_to_string(root().join("docs/images/plan.txt")).unwrap();
    assert!(pictured == plan, "the pictures are old: run docs/images/make.sh and commit what it writes");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for picture in ["docs/images/plan-terminal.png", "docs/images/plan-html.png"] {
        assert!(readme.contains(&format!("({picture})")) && root().join(picture).is_file(), "{picture}");
    }
}

#[test]
fn the_page_about_access_has_all_words_for_requests() {
    let page = fs::read_to_string(root().join("docs/access.md")).unwrap();
    let words = page.split_once("|---|---|\n").unwrap().1;
    let expected: String = attune::policy::access::RequestKind::ALL
        .iter()
        .map(|kind| format!("| `{}` | {} |\n", kind.word(), kind.phrase()))
        .collect();
    assert_eq!(words, expected);
}

#[test]
fn the_page_about_exit_codes_has_all_of_them() {
    use attune::cli::Exit;
    let page = fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let codes: Vec<u8> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let exits = [Exit::Done, Exit::Error, Exit::Changes, Exit::Refused, Exit::Stale, Exit::Partial, Exit::Interrupted];
    assert_eq!(codes, exits.map(Exit::number));
}

#[test]
fn the_readme_links_to_every_page_and_to_the_pipelines() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for page in files(&root().join("docs"), ".md").iter().filter(|page| !page.ends_with("SUMMARY.md")) {
        let link = format!("({})", page.strip_prefix(root()).unwrap().display());
        assert!(readme.contains(&link), "the README does not link to {link}");
    }
    assert!(readme.contains("(examples/ci/README.md)"));
}

/// The targets of the links and pictures of a page, and its anchors: those of the headings as mdBook and GitHub make them, and
/// those in the text.
pub(crate) fn links_and_anchors(page: &str) -> (Vec<String>, BTreeSet<String>) {
    let (mut links, mut anchors, mut heading) = (Vec::new(), BTreeSet::new(), None);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = &event {
            links.push(dest_url.to_string());
        }
        if let Event::Start(Tag::Heading { .. }) = event {
            heading = Some(String::new());
        } else if let Event::End(TagEnd::Heading(_)) = event {
            let title = heading.take().unwrap_or_default().to_lowercase().replace(' ', "-");
            let kept: String = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
            let numbered = (1..).map(|number| format!("{kept}-{number}"));
            let anchor = std::iter::once(kept.clone()).chain(numbered).find(|anchor| !anchors.contains(anchor));
            anchors.extend(anchor);
        } else if let (Event::Text(text) | Event::Code(text), Some(heading)) = (&event, &mut heading) {
            heading.push_str(text);
        } else if let Event::InlineHtml(html) | Event::Html(html) = event {
            let id = html.split_once(" id=\"").and_then(|(_, rest)| rest.split('"').next());
            anchors.extend(id.map(str::to_owned));
        }
    }
    (links, anchors)
}

/// The pages that people read: not those that tests compare.
fn all_pages() -> Vec<std::path::PathBuf> {
    let mut pages = files(&root().join("docs"), ".md");
    pages.extend(["examples", "fuzz", ".github"].iter().flat_map(|folder| files(&root().join(folder), ".md")));
    pages.extend(files(&root().join("tests"), "README.md"));
    let top = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(top.filter(|path| path.extension().is_some_and(|end| end == "md")));
    pages
}

#[test]
fn links_lead_somewhere() {
    let (mut checked, mut broken) = (0, Vec::new());
    for page in all_pages() {
        let (links, own) = links_and_anchors(&fs::read_to_string(&page).unwrap());
        for link in links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            checked += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = page.parent().unwrap().join(target);
            let leads = match (target, anchor) {
                ("", anchor) => own.contains(anchor),
                (_, "") => file.exists(),
                (_, anchor) => fs::read_to_string(&file).is_ok_and(|text| links_and_anchors(&text).1.contains(anchor)),
            };
            if !leads {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "these lead nowhere: {broken:#?}");
    assert!(checked > 150, "{checked}");
}

#[test]
fn a_link_and_an_anchor_are_found_as_in_a_book() {
    let page = "# One `two`: three\n# Same\n## Same\n```sh\n# no [heading](no.md)\n```\n[a](b.md#c) ![d](e.png) <a id=\"f\"></a>";
    let (links, anchors) = links_and_anchors(page);
    assert_eq!(links, ["b.md#c", "e.png"]);
    assert_eq!(anchors.iter().map(String::as_str).collect::<Vec<_>>(), ["f", "one-two-three", "same", "same-1"]);
}

#[test]
fn sources_that_pages_name_exist() {
    let mut named = 0;
    for page in ["CONTRIBUTING.md", "docs/architecture.md", "docs/reliability.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let code = text.split('`').skip(1).step_by(2);
        for path in code.filter(|code| code.ends_with(".rs") && code.contains('/')) {
            let exists = ["", "src"].iter().any(|folder| root().join(folder).join(path).is_file());
            assert!(exists, "{page} names {path}, which does not exist");
            named += 1;
        }
    }
    assert!(named > 5, "{named}");
}
