//! `attune policy`: looks at policy documents, offline.

mod diff;
mod document;
mod lint;
mod render;

use super::exit::{Exit, Failure};
use super::output::Output;
use clap::Subcommand;

/// Look at policy documents, without a cluster
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
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
