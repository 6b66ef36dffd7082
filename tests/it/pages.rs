//! The pages of the documentation: each is in the summary, and their commands print the output shown.
//!
//! `<!-- run in examples/NAME -->` says where the commands of a page are run, one after the other, `with weka` beside the
//! simulator's face of the `weka` command. In a block of `console`, `$ ` begins a command for a shell, what follows is what it prints on both
//! streams, `? N` its exit code where it is not 0. `[..]` in a line is anything, a line `...` any lines.

use std::fs;
use std::path::PathBuf;

use super::harness::{Folder, files, root, update};
use super::weka::face;

/// A command with what it prints, and the lines of the page that this is.
#[derive(Debug)]
struct Step {
    command: String,
    prints: Vec<String>,
    lines: std::ops::Range<usize>,
}

/// Where a page's commands are run, and the commands.
fn steps(page: &str) -> Option<(String, bool, Vec<Step>)> {
    let begin = page.lines().position(|line| line.starts_with("<!-- run in examples/"))?;
    let marker = page.lines().nth(begin)?.trim_start_matches("<!-- run in examples/").trim_end_matches(" -->");
    let (example, with_weka) = marker.strip_suffix(" with weka").map_or((marker, false), |name| (name, true));
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate().skip(begin) {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), prints: Vec::new(), lines: at + 1..at + 1 });
                }
                (None, Some(step)) => {
                    step.prints.push(line.to_owned());
                    step.lines.end = at + 1;
                }
                (None, None) => panic!("{line} belongs to no command"),
            },
        }
    }
    Some((example.to_owned(), with_weka, steps))
}

fn printed(folder: &Folder, command: &str) -> Vec<String> {
    let ended = folder.shell(&format!("exec 2>&1; {command}")).output().unwrap();
    let mut lines: Vec<String> = String::from_utf8_lossy(&ended.stdout).lines().map(str::to_owned).collect();
    match ended.status.code() {
        Some(0) => {}
        code => lines.push(format!("? {}", code.map_or_else(|| "signal".to_owned(), |code| code.to_string()))),
    }
    lines
}

fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn matches(expected: &[String], lines: &[String]) -> bool {
    match expected {
        [] => lines.is_empty(),
        [first, others @ ..] if first == "..." => (0..=lines.len()).any(|skipped| matches(others, &lines[skipped..])),
        [first, others @ ..] => {
            lines.first().is_some_and(|line| line_matches(first, line)) && matches(others, &lines[1..])
        }
    }
}

fn pages() -> Vec<PathBuf> {
    files(&root().join("docs"), ".md")
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_commands_of_the_pages_print_what_they_say() {
    let mut run = 0;
    let mut wrong = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let Some((example, with_weka, steps)) = steps(&page) else { continue };
        let folder = Folder::example(&example);
        if with_weka {
            face(&folder);
        }
        let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
        let mut moved = 0;
        for step in steps {
            let printed = printed(&folder, &step.command);
            run += 1;
            if matches(&step.prints, &printed) {
                continue;
            }
            wrong.push(format!("{}: $ {}\n{}", path.display(), step.command, printed.join("\n")));
            let range = step.lines.start + moved..step.lines.end + moved;
            moved = moved + printed.len() - range.len();
            lines.splice(range, printed);
        }
        if update() {
            fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
    }
    assert!(run > 15, "{run}");
    assert!(update() || wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_page_is_in_the_summary_and_every_page_of_the_summary_exists() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let mut listed: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    listed.sort_unstable();
    let mut there: Vec<String> =
        pages().iter().map(|path| path.strip_prefix(root().join("docs")).unwrap().display().to_string()).collect();
    there.retain(|page| page != "SUMMARY.md");
    assert_eq!(listed, there);
    let book: toml::Table = fs::read_to_string(root().join("book.toml")).unwrap().parse().unwrap();
    assert_eq!(book["book"]["src"].as_str(), Some("docs"));
}

#[test]
fn placeholders_in_pages_match_only_their_part() {
    let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    for (expected, printed, fits) in [
        ("a|b", "a|b", true),
        ("a|...|d", "a|b|c|d", true),
        ("a|...", "a", true),
        ("a [..] c", "a b c", true),
        ("a [..] c", "a b d", false),
        ("a|b", "a", false),
        ("...|x", "a|b", false),
    ] {
        assert_eq!(matches(&lines(expected), &lines(printed)), fits, "{expected} {printed}");
    }
}
