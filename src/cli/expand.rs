//! `attune expand`: the flat configuration.

use std::path::PathBuf;

use super::args::GlobalArgs;
use super::connect::unreadable;
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::output::Output;
use crate::desired::{self, Boundary};

/// Print the configuration without variables, templates and included files
///
/// The output is a configuration with the same meaning: put it beside the main file, and it has the same plan. A comment names
/// the template and the row of each entry that a row made. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune expand
  attune expand --var env=dev --out flat.toml
  attune -f clusters/weka01.toml expand")]
pub(super) struct ExpandArgs {
    /// Output file, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ExpandArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let expanded = desired::expand(&global.file, Boundary::Repository, &global.variables());
        let (loaded, text) = expanded.map_err(|error| unreadable(&error, global))?;
        output.findings(&loaded.findings, &loaded.sources);
        if loaded.has_errors() {
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, format!("{} has errors", global.file_name())));
        }
        match &self.out {
            Some(path) => save("the flat configuration", path, |out| out.write_all(text.as_bytes()))?,
            None => output.exact(text.as_bytes())?,
        }
        Ok(Exit::Done)
    }
}
