//! Help, the version and usage errors: what they say, and their colors.

use super::harness::Folder;

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_version_is_one_line_and_with_verbose_all_that_a_bug_report_needs() {
    let folder = Folder::new();
    let line = format!("attune {}\n", env!("CARGO_PKG_VERSION"));
    for args in ["--version", "-V", "-V plan"] {
        assert_eq!(folder.attune(args).exits(0).stdout, line, "{args}");
    }
    for args in ["--version -v", "-V -v", "-vV", "-Vv", "--version --verbose", "-v --version"] {
        let run = folder.attune(args).exits(0);
        let names: Vec<&str> = run.stdout.lines().skip(1).filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        assert_eq!(names, ["commit", "features", "TLS", "platform", "profile"], "{args}: {}", run.stdout);
        assert!(run.stdout.starts_with(&line) && run.stdout.contains("\nfeatures: age, html, sim\n"), "{}", run.stdout);
    }
    assert_eq!(folder.attune("-V -f valve.toml").exits(0).stdout, line);
}

const ESCAPE: char = '\u{1b}';

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn help_and_errors_are_colored_like_everything_else() {
    let folder = Folder::example("quickstart");
    let [force, no] = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
    for (args, variables, expected) in [
        ("plan", vec![], false),
        ("plan", vec![force], true),
        ("plan", vec![("CLICOLOR_FORCE", "0")], false),
        ("plan", vec![("CLICOLOR_FORCE", "")], false),
        ("plan", vec![force, no], false),
        ("plan", vec![force, ("NO_COLOR", "")], true),
        ("plan --color never", vec![force], false),
        ("plan --color always", vec![no], true),
    ] {
        for (args, is_error) in
            [(args.to_owned(), false), (format!("{args} --help"), false), (format!("{args} -x"), true)]
        {
            let run = folder.attune_with(&args, &variables);
            let text = if is_error { &run.stderr } else { &run.stdout };
            assert!(!text.is_empty());
            assert_eq!(text.contains(ESCAPE), expected, "{args} {variables:?}: {text}");
        }
    }
}

#[test]
fn a_habit_from_another_tool_is_answered_with_the_right_word() {
    let folder = Folder::new();
    for (args, tip) in [
        ("apply --auto-approve", "tip: `--yes` skips the confirmation"),
        ("apply -auto-approve", "tip: `--yes` skips the confirmation"),
        ("plan -out=plan.json", "two dashes: `--out`"),
        ("plan -detailed-exitcode", "two dashes: `--detailed-exitcode`"),
        ("apply --dry-run", "`attune plan` shows the changes and makes none"),
        ("plan -refresh-only", "`attune drift` shows what changed outside attune"),
        ("destroy", "declare policies `absent = true`"),
        ("apply -destroy", "declare policies `absent = true`"),
        ("state", "attune keeps no state"),
        ("diff", "`attune plan` shows the changes"),
        // The parser's own answers stay.
        ("plan --detailed-exitcod", "a similar argument exists: '--detailed-exitcode'"),
        ("plann", "'plan'"),
    ] {
        let run = folder.attune(args).exits(1);
        assert!(run.stderr.contains(tip), "{args}: {}", run.stderr);
        assert_eq!(run.stderr.matches("tip: ").count(), 1, "{args}: {}", run.stderr);
    }
    let unknown = folder.attune("plan -nothing-like-it").exits(1);
    assert!(!unknown.stderr.contains("two dashes"), "{}", unknown.stderr);
    let escaped = folder.attune_with("plan -\u{1b}[2Jout", &[]).exits(1);
    assert!(!escaped.stderr.contains(ESCAPE), "{}", escaped.stderr);
}
