//! The documentation says what the program does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use attune::base::Code;

use super::harness::{Folder, expect_file, files, root};

/// The rooms that find things, with what they find.
const ROOMS: [(&str, &str, &[Code]); 7] = [
    ("The file", "Found when a desired-state file is read.", attune::desired::CODES),
    ("The plan", "Found when the file is compared with the cluster.", attune::plan::CODES),
    ("The cluster", "Found about what a cluster reports, by a plan and by `attune doctor`.", attune::observed::CODES),
    ("The check", "Found by `attune doctor` when it looks at a cluster.", attune::doctor::CODES),
    ("The import", "Found by `attune import` when it writes a file of what a cluster has.", attune::import::CODES),
    ("The drift", "Found by `attune drift` beside what a plan finds.", attune::drift::CODES),
    ("The command", "Why a command could not do what was asked.", attune::cli::CODES),
];

fn findings_page() -> String {
    let mut page = String::from(
        "# What can be found wrong\n\n\
         Every finding has one of these codes, which do not change. Findings about the documents of policies have codes of their\n\
         own: see [lints](lints.md). A test keeps this page in step with the program.\n",
    );
    for (room, about, codes) in ROOMS {
        write!(page, "\n## {room}\n\n{about}\n\n| code | meaning |\n|---|---|\n").unwrap();
        for code in codes {
            writeln!(page, "| `{}` | {} |", code.id, code.about).unwrap();
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
fn the_plan_in_the_readme_is_the_plan_of_the_quickstart() {
    let plan = Folder::example("quickstart").attune("plan").exits(0).stdout;
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let start = readme.find("```text\n").unwrap() + "```text\n".len();
    let end = start + readme[start..].find("```").unwrap();
    expect_file(&path, &format!("{}{plan}{}", &readme[..start], &readme[end..]));
}

#[test]
fn exit_codes_are_those_of_the_readme() {
    use attune::cli::Exit;
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let codes: Vec<u8> = readme
        .lines()
        .skip_while(|line| *line != "## Exit codes")
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let exits = [Exit::Done, Exit::Error, Exit::Changes, Exit::Refused, Exit::Stale, Exit::Partial, Exit::Interrupted];
    assert_eq!(codes, exits.map(Exit::number));
}

#[test]
fn links_lead_somewhere() {
    let mut pages = files(&root().join("docs"), ".md");
    pages.extend([root().join("README.md"), root().join("CHANGELOG.md")]);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://");
            let there = page.parent().unwrap_or(Path::new("")).join(target).exists();
            assert!(outside || there, "{}: {link} leads nowhere", page.display());
        }
    }
}
