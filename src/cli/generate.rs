//! `attune schema`, `attune completions` and `attune man`: generated files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;
use clap_mangen::Man;
use roff::{Roff, roman};

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::desired::SCHEMA;

/// Print a JSON Schema
///
/// For completion in an editor, start a configuration with the line `#:schema PATH`, with the path of its schema.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune schema > attune.schema.json
  attune schema plan")]
pub(super) struct SchemaArgs {
    /// Subject of the schema
    #[arg(default_value = "file", value_parser = PossibleValuesParser::new(SCHEMAS.map(subject)))]
    of: String,
}

/// A subject of a schema, what it is, the command that prints it, and the schema.
type Subject = (&'static str, &'static str, &'static str, &'static str);

const SCHEMAS: [Subject; 24] = [
    ("file", "A configuration", "", SCHEMA),
    ("plan", "A plan", "plan --format json", include_str!("../../schemas/plan.schema.json")),
    ("outcome", "An outcome", "apply --format json", include_str!("../../schemas/outcome.schema.json")),
    ("history", "Past applies", "history --format json", include_str!("../../schemas/history.schema.json")),
    ("drift", "Drift", "drift --format json", include_str!("../../schemas/drift.schema.json")),
    (
        "drift-state",
        "The state file of `attune drift --since`",
        "",
        include_str!("../../schemas/drift-state.schema.json"),
    ),
    ("snapshot", "A snapshot", "snapshot", include_str!("../../schemas/snapshot.schema.json")),
    ("findings", "Findings", "validate --format json", include_str!("../../schemas/findings.schema.json")),
    (
        "policy-diff",
        "A comparison of policies",
        "policy diff --format json",
        include_str!("../../schemas/policy-diff.schema.json"),
    ),
    ("access", "Access of users", "access --format json", include_str!("../../schemas/access.schema.json")),
    (
        "access-comparison",
        "A comparison of the access of two",
        "access --compare --format json",
        include_str!("../../schemas/access-comparison.schema.json"),
    ),
    ("test", "Checked expectations", "test --format json", include_str!("../../schemas/test.schema.json")),
    ("report", "Attachments and access", "report --format json", include_str!("../../schemas/report.schema.json")),
    ("keys", "Rotated key pairs", "keys rotate --format json", include_str!("../../schemas/keys.schema.json")),
    ("revocation", "Revoked users", "keys revoke --format json", include_str!("../../schemas/revocation.schema.json")),
    (
        "destination",
        "A new S3 key pair, as a destination of `[credentials]` gets it",
        "",
        include_str!("../../schemas/destination.schema.json"),
    ),
    (
        "session",
        "Temporary credentials",
        "sts assume-role --format json",
        include_str!("../../schemas/session.schema.json"),
    ),
    ("import", "An import", "import --format json", include_str!("../../schemas/import.schema.json")),
    ("doctor", "A preflight check", "doctor --format json", include_str!("../../schemas/doctor.schema.json")),
    ("probe", "A probe", "doctor --probe --format json", include_str!("../../schemas/probe.schema.json")),
    ("verify", "What the S3 service says", "verify --format json", include_str!("../../schemas/verify.schema.json")),
    (
        "approvals",
        "The approved plans of several targets",
        "approve",
        include_str!("../../schemas/approvals.schema.json"),
    ),
    ("many", "The result of a command for several configurations", "", include_str!("../../schemas/many.schema.json")),
    (
        "targets",
        "The targets of configurations",
        "targets --format json",
        include_str!("../../schemas/targets.schema.json"),
    ),
];

fn subject((name, what, command, _): Subject) -> PossibleValue {
    let help = if command.is_empty() { what.to_owned() } else { format!("{what}, from `attune {command}`") };
    PossibleValue::new(name).help(help)
}

impl SchemaArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let (.., schema) = SCHEMAS.iter().find(|(name, ..)| *name == self.of).copied().unwrap_or_default();
        output.exact(schema.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// Print completions for a shell
///
/// Save them where the shell looks for completions, and restart it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune completions bash > ~/.local/share/bash-completion/completions/attune
  attune completions zsh > ~/.zfunc/_attune
  attune completions fish > ~/.config/fish/completions/attune.fish")]
pub(super) struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, mut command: clap::Command, output: &mut Output) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "attune", &mut text);
        output.exact(&text)?;
        Ok(Exit::Done)
    }
}

/// Print the manual page, or write the pages of all commands
///
/// Existing pages are overwritten.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune man | man -l -
  attune man --out ~/.local/share/man/man1     then: man attune-plan")]
pub(super) struct ManArgs {
    /// Directory for the pages of all commands
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ManArgs {
    pub(super) fn run(&self, command: clap::Command, output: &mut Output) -> Result<Exit, Failure> {
        let mut command = command.disable_help_subcommand(true);
        command.build();
        let Some(directory) = &self.out else {
            output.exact(&page(&command, "attune")?)?;
            return Ok(Exit::Done);
        };
        let mut pages = BTreeMap::new();
        add_pages(&command, "attune", &mut pages)?;
        let written = fs::create_dir_all(directory)
            .and_then(|()| pages.iter().try_for_each(|(name, roff)| fs::write(directory.join(name), roff)));
        written.map_err(|error| Failure::unwritten("manual pages", directory, &error))?;
        output.result(|out, _| writeln!(out, "{} pages in {}", pages.len(), directory.display()))?;
        Ok(Exit::Done)
    }
}

fn add_pages(command: &clap::Command, name: &str, pages: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    pages.insert(format!("{name}.1"), page(command, name)?);
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set()) {
        add_pages(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
}

fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let source = format!("attune {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone().display_name(name)).title(name.to_uppercase()).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help() {
        examples_and_notes(&text.to_string()).to_writer(&mut page)?;
    }
    Ok(page)
}

/// The end of a help text, line by line: the examples, and the notes after them.
fn examples_and_notes(text: &str) -> Roff {
    let mut roff = Roff::new();
    let (examples, notes) = text.split_once("\n\n").unwrap_or((text, ""));
    for (title, text) in [("EXAMPLES", examples.trim_start_matches("Examples:\n")), ("NOTES", notes)] {
        if text.is_empty() {
            continue;
        }
        roff.control("SH", [title]);
        roff.control("nf", []);
        text.lines().for_each(|line| _ = roff.text([roman(line)]));
        roff.control("fi", []);
    }
    roff
}
