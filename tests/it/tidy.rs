//! The house rules that no compiler knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::harness::{files, is_test_source, root};

/// How long a file may be before its tests.
const LONGEST: usize = 400;

/// The rooms that know no clock, environment, network or file.
const CORE: [&str; 9] = ["base", "approvals", "policy", "desired", "observed", "plan", "drift", "report", "render"];

struct Source {
    path: PathBuf,
    room: String,
    /// The shipped code: up to the tests of the file.
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        is_test_source(&self.path)
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned();
        let inside = path.strip_prefix(&src).unwrap().to_path_buf();
        let room = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        Source { path, room, text }
    };
    files(&src, ".rs").into_iter().map(source).collect()
}

/// The import table of the page about the architecture: for each room, the rooms it may import.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.trim_end_matches('|').split('|').map(str::trim).collect();
        let [room, _, imports] = cells.as_slice() else { return None };
        let imports = imports.split_whitespace().map(str::to_owned).collect();
        Some((room.trim_end_matches('`').to_owned(), imports))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn rooms_import_only_what_the_architecture_allows() {
    let imports = imports();
    for source in sources() {
        if source.path.parent() == Some(&root().join("src")) || source.is_test() {
            continue;
        }
        let allowed = imports.get(&source.room).unwrap_or_else(|| panic!("no room {} in the table", source.room));
        let used =
            source.text.split("crate::").skip(1).map(|rest| {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            });
        for room in used.filter(|room| imports.contains_key(room)) {
            let fine = room == source.room || allowed.contains(&room);
            assert!(fine, "{}: {} must not import {room}", source.path.display(), source.room);
        }
    }
}

#[test]
fn every_room_is_in_the_table() {
    let rooms: BTreeSet<String> = sources().into_iter().map(|source| source.room).collect();
    let rooms: Vec<&String> = rooms.iter().filter(|room| !room.ends_with(".rs")).collect();
    assert_eq!(rooms, imports().keys().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
}

#[test]
fn every_file_has_a_header_and_a_reasonable_length() {
    for source in sources() {
        let path = source.path.display();
        assert!(source.text.starts_with("//! "), "{path} does not begin with what it is for");
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST, "{path} has {lines} lines before its tests; split it by meaning");
    }
}

#[test]
fn the_core_touches_nothing_outside() {
    let outside = [
        "std::env",
        "std::fs",
        "SystemTime",
        "Instant::",
        "time::Instant",
        "std::net::Tcp",
        "tokio",
        "reqwest",
        "async fn",
    ];
    for source in sources() {
        let reader = source.path.to_string_lossy().contains("desired/files/");
        if reader || source.is_test() || !CORE.contains(&source.room.as_str()) {
            continue;
        }
        for word in outside {
            assert!(!code(&source.text).contains(word), "{} uses {word}", source.path.display());
        }
    }
}

#[test]
fn only_one_file_prints_and_no_hash_map_hides_an_order() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        for word in ["println!", "eprintln!", "print!(", "HashMap", "HashSet", "#[ignore", "dbg!"] {
            assert!(!code(&source.text).contains(word), "{} uses {word}", source.path.display());
        }
    }
}

#[test]
fn every_promise_of_the_security_page_names_existing_tests() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, table) = page.split_once("## Promises and their tests").unwrap();
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), ".rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut promises = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise")) {
        let cells: Vec<&str> = row.trim_end_matches('|').rsplitn(2, '|').collect();
        let names: Vec<&str> = cells[0].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test holds: {row}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
        }
        promises += 1;
    }
    assert!(promises >= 10, "{promises}");
    assert!(fs::read_to_string(root().join("README.md")).unwrap().contains("(docs/security.md)"));
}

#[test]
fn no_test_is_left_out() {
    for file in files(&root().join("tests"), ".rs").into_iter().chain(files(&root().join("src"), ".rs")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.lines().any(|line| line.trim_start().starts_with("#[ignore")), "{}", file.display());
    }
}

#[test]
fn the_repository_describes_itself_and_not_its_history() {
    let words = [["/wo", "rk/"].concat(), ["issue", " #"].concat(), ["sub", "agent"].concat()];
    for file in tracked() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} says {word:?}", file.display());
        }
    }
}

/// The files of the repository; without git, all files but build output.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    match listed {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).unwrap();
            text.split('\0').filter(|name| !name.is_empty()).map(|name| root().join(name)).collect()
        }
        _ => ["src", "tests", "docs", "examples"]
            .iter()
            .flat_map(|name| files(&root().join(Path::new(name)), ""))
            .collect(),
    }
}

/// A text without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
