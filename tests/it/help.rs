//! Documentation of the command line: help, completions and manual pages.

use std::collections::BTreeSet;
use std::fs;

use super::harness::Folder;

/// The commands below one, as its help lists them.
pub(crate) fn below(folder: &Folder, command: &str) -> Vec<String> {
    let help = folder.attune(&format!("{command} --help")).exits(0).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    named.filter(|name| !name.is_empty() && name != "help").map(|name| format!("{command} {name}")).collect()
}

/// All commands, such as `sim serve`.
pub(crate) fn commands(folder: &Folder) -> Vec<String> {
    let mut found = below(folder, "");
    let mut at = 0;
    while let Some(command) = found.get(at).cloned() {
        found.extend(below(folder, &command));
        at += 1;
    }
    let found: Vec<String> = found.iter().map(|command| command.trim().to_owned()).collect();
    assert!(found.len() > 15 && found.contains(&"sim serve".to_owned()), "{found:?}");
    found
}

#[test]
fn the_help_of_every_command_has_examples_of_it() {
    let folder = Folder::new();
    folder.attune("--help").exits(0).says("\nExamples:\n  attune ");
    for command in commands(&folder) {
        let help = folder.attune(&format!("{command} --help")).exits(0).says("\nExamples:\n");
        let examples = help.stdout.split("\nExamples:\n").nth(1).unwrap();
        assert!(examples.contains(&format!("attune {command}")), "{command}: {examples}");
    }
}

#[test]
fn every_shell_completes_every_command() {
    let folder = Folder::new();
    let commands = commands(&folder);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = folder.attune(&format!("completions {shell}")).exits(0);
        for name in commands.iter().flat_map(|command| command.split(' ')) {
            assert!(run.stdout.contains(name), "{shell} does not know {name}");
        }
        assert!(run.stdout.contains("detailed-exitcode"), "{shell} does not know the options");
    }
    folder.attune("completions tcsh").exits(1).warns("possible values: bash, elvish, fish, powershell, zsh");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = Folder::new();
    let main = folder.attune("man").exits(0).says(".TH ATTUNE 1").says(".SH EXAMPLES").says("attune\\-plan(1)").stdout;
    let commands = commands(&folder);
    let count = commands.len() + 1;
    folder.attune("man --out share/man1").exits(0).says(&format!("{count} pages in share/man1"));
    let there: BTreeSet<String> = fs::read_dir(folder.path("share/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let expected = commands.iter().map(|command| format!("attune-{}.1", command.replace(' ', "-")));
    assert_eq!(there, expected.chain(["attune.1".to_owned()]).collect());
    assert_eq!(folder.read("share/man1/attune.1"), main);
    let page = folder.read("share/man1/attune-sim-serve.1");
    for part in [".TH ATTUNE-SIM-SERVE 1", "Serve a simulated cluster", ".SH EXAMPLES", "\\fBattune sim serve\\fR"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}
