//! `attune policy`: looks at policy documents, offline.

mod diff;
mod document;
mod lint;
mod render;

use std::path::Path;

use clap::Subcommand;

use super::args::Format;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::policy::normal;

/// Look at policy documents, without a cluster
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy diff old.json new.json
  attune policy lint policies/*.json
  attune policy render policy.json")]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

/// The bytes of a document that would be sent; what is wrong with it is reported.
pub(super) fn normal_document(path: &Path, output: &mut Output) -> Result<String, Failure> {
    let mut reading = document::Reading::default();
    match reading.document(path) {
        Some(written) if !reading.has_errors() => {
            output.findings(&reading.findings, &reading.sources);
            Ok(normal(&written.document).json().to_owned())
        }
        Some(_) | None => {
            let failed = reading.refused(Format::Text, output, &[path.to_path_buf()]);
            Err(failed.err().unwrap_or_else(|| Failure::new(&exit::BAD_DOCUMENT, "the document has errors")))
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Diff(diff::DiffArgs),
    Lint(lint::LintArgs),
    Render(render::RenderArgs),
}

impl PolicyArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        match &self.command {
            Command::Diff(command) => command.run(output),
            Command::Lint(command) => command.run(output),
            Command::Render(command) => command.run(output),
        }
    }
}
