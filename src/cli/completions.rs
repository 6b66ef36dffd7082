//! `attune completions`: what a shell completes the command line with.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::output::Output;

/// Print completions for a shell
///
/// Put them where the shell looks for completions, and start it anew.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune completions bash > ~/.local/share/bash-completion/completions/attune
  attune completions zsh > ~/.zfunc/_attune
  attune completions fish > ~/.config/fish/completions/attune.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "attune", &mut text);
        output.exact(&text)?;
        Ok(Exit::Done)
    }
}
