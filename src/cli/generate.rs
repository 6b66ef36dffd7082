//! `attune schema`, `attune completions` and `attune man`: generated files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
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
    #[arg(value_enum, default_value_t = Of::File)]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// A configuration
    File,
    /// A plan, from `attune plan --format json`
    Plan,
    /// An outcome, from `attune apply --format json`
    Outcome,
    /// Past applies, from `attune history --format json`
    History,
    /// Drift, from `attune drift --format json`
    Drift,
    /// The state file of `attune drift --since`
    DriftState,
    /// A snapshot, from `attune snapshot`
    Snapshot,
    /// Findings, from `attune validate --format json`
    Findings,
    /// A comparison of policies, from `attune policy diff --format json`
    PolicyDiff,
    /// Access of users, from `attune access --format json`
    Access,
    /// A comparison of the access of two, from `attune access --compare --format json`
    AccessComparison,
    /// Checked expectations, from `attune test --format json`
    Test,
    /// Attachments and access, from `attune report --format json`
    Report,
    /// Rotated key pairs, from `attune keys rotate --format json`
    Keys,
    /// Revoked users, from `attune keys revoke --format json`
    Revocation,
    /// A new S3 key pair, as a destination of `[credentials]` gets it
    Destination,
    /// Temporary credentials, from `attune sts assume-role --format json`
    Session,
    /// An import, from `attune import --format json`
    Import,
    /// A preflight check, from `attune doctor --format json`
    Doctor,
    /// A probe, from `attune doctor --probe --format json`
    Probe,
    /// What the S3 service says, from `attune verify --format json`
    Verify,
    /// The result of a command for several configurations
    Many,
}

impl SchemaArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        output.exact(self.of.schema().as_bytes())?;
        Ok(Exit::Done)
    }
}

impl Of {
    fn schema(self) -> &'static str {
        match self {
            Self::File => SCHEMA,
            Self::Plan => include_str!("../../schemas/plan.schema.json"),
            Self::Outcome => include_str!("../../schemas/outcome.schema.json"),
            Self::History => include_str!("../../schemas/history.schema.json"),
            Self::Drift => include_str!("../../schemas/drift.schema.json"),
            Self::DriftState => include_str!("../../schemas/drift-state.schema.json"),
            Self::Snapshot => include_str!("../../schemas/snapshot.schema.json"),
            Self::Findings => include_str!("../../schemas/findings.schema.json"),
            Self::PolicyDiff => include_str!("../../schemas/policy-diff.schema.json"),
            Self::Access => include_str!("../../schemas/access.schema.json"),
            Self::AccessComparison => include_str!("../../schemas/access-comparison.schema.json"),
            Self::Test => include_str!("../../schemas/test.schema.json"),
            Self::Report => include_str!("../../schemas/report.schema.json"),
            Self::Keys => include_str!("../../schemas/keys.schema.json"),
            Self::Revocation => include_str!("../../schemas/revocation.schema.json"),
            Self::Destination => include_str!("../../schemas/destination.schema.json"),
            Self::Session => include_str!("../../schemas/session.schema.json"),
            Self::Import => include_str!("../../schemas/import.schema.json"),
            Self::Doctor => include_str!("../../schemas/doctor.schema.json"),
            Self::Probe => include_str!("../../schemas/probe.schema.json"),
            Self::Verify => include_str!("../../schemas/verify.schema.json"),
            Self::Many => include_str!("../../schemas/many.schema.json"),
        }
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
