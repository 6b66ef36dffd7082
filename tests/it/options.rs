//! Which options every command has, under which heading; and that no command has options that mean nothing to it.

use std::fmt::Write as _;

use super::harness::{Folder, expect_file, root};
use super::help::commands;

/// Options by heading.
type Options = Vec<(String, Vec<String>)>;

/// The options of a command, as its help lists them.
fn options(folder: &Folder, command: &str) -> Options {
    let help = folder.attune(format!("{command} -h").trim()).exits(0).stdout;
    let mut found = Options::new();
    for line in help.lines() {
        if let Some(heading) = line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            found.push((heading.to_owned(), Vec::new()));
        }
        let start = line.trim_start();
        let is_option = start.starts_with('-') && line.starts_with("  ") && line.len() - start.len() < 8;
        let long = start.split([' ', ',', '.', '[']).find(|word| word.starts_with("--"));
        if let (true, Some(long), Some((_, options))) = (is_option, long, found.last_mut()) {
            options.push(long.to_owned());
        }
    }
    found.retain(|(_, options)| !options.is_empty());
    found
}

fn all(folder: &Folder) -> Vec<(String, Options)> {
    let all = [String::new()].into_iter().chain(commands(folder));
    all.map(|command| (command.clone(), options(folder, &command))).collect()
}

#[test]
fn every_command_has_these_options_under_these_headings() {
    let mut page = String::new();
    for (command, options) in all(&Folder::new()) {
        writeln!(page, "{}", format!("attune {command}").trim()).unwrap();
        for (heading, options) in options {
            writeln!(page, "  {heading}: {}", options.join(" ")).unwrap();
        }
    }
    expect_file(&root().join("tests/options.txt"), &page);
}

#[test]
fn an_option_that_means_nothing_to_a_command_is_an_error_of_that_command() {
    let folder = Folder::new();
    let values = [
        ("--file", " x"),
        ("--cluster", " x"),
        ("--via", " rest"),
        ("--weka-bin", " x"),
        ("--tenant", " x"),
        ("--ca-file", " x"),
        ("--insecure", ""),
    ];
    let arguments = |command: &str| match command {
        "approve" | "show" | "policy lint" | "policy render" => " x",
        "merge" => " --targets x",
        "policy diff" => " x y",
        "edit move" => " --from x --to y",
        "edit detach" => " x",
        "edit add-user" => " x --policy y",
        "edit adopt" => " user/x",
        "completions" => " bash",
        "sim serve" | "sim weka" => " --state x",
        "sim check" => " a s3:GetObject arn:aws:s3:::b --state x",
        _ => "",
    };
    let mut refused = 0;
    for (command, options) in all(&folder).into_iter().skip(1) {
        let has = |option: &str| options.iter().any(|(_, options)| options.iter().any(|one| one == option));
        let has_subcommands = ["edit", "policy", "keys", "sts", "sim"].contains(&command.as_str());
        for (option, value) in values.iter().filter(|(option, _)| !has(option) && !has_subcommands) {
            let first = command.split(' ').next().unwrap();
            for args in [
                format!("{command}{} {option}{value}", arguments(&command)),
                format!("{option}{value} {command}{}", arguments(&command)),
            ] {
                let run = folder.attune(&args).exits(1);
                let expected = format!("so it has no `{option}`");
                assert!(
                    run.stderr.contains(&expected) && run.stderr.contains(&format!("attune {first}")),
                    "{args}: {}",
                    run.stderr
                );
                assert_eq!(run.stdout, "", "{args}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
