//! The documentation matches the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use attune::base::Code;

use super::harness::{Folder, expect_file, files, root};

/// The rooms with findings, and their codes.
const ROOMS: [(&str, &str, &[Code]); 7] = [
    ("Configuration", "When attune reads a configuration.", attune::desired::CODES),
    ("Plan", "When attune compares the configuration with the cluster.", attune::plan::CODES),
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

/// The anchors of a page's headings, as mdbook and GitHub make them.
pub(crate) fn headings(page: &str) -> BTreeSet<String> {
    let titles = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |title: &str| {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    titles.map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut pages = files(&root().join("docs"), ".md");
    let others = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples/ci/README.md"];
    pages.extend(others.map(|page| root().join(page)));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://");
            let file = page.parent().unwrap_or(Path::new("")).join(target);
            assert!(outside || file.exists(), "{}: {link} leads nowhere", page.display());
            let Some((_, heading)) = link.split_once('#').filter(|_| !link.contains("://")) else { continue };
            let file = if target.is_empty() { page.clone() } else { file };
            let has = headings(&fs::read_to_string(&file).unwrap()).contains(heading);
            assert!(has, "{}: {link} leads to no heading", page.display());
        }
    }
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
