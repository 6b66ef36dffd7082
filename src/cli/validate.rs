//! `attune validate`: checks the files, offline.

use super::args::{Format, GlobalArgs};
use super::desired::{NotReady, read};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::desired::Loaded;
use crate::render::findings;
use crate::render::json::{self, FindingsV1};

/// Check the files without a cluster
///
/// Finds everything that is wrong with the file, what it includes and the documents it names, in one run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune validate
  attune validate -f clusters/weka01.toml --format json")]
pub(super) struct ValidateArgs {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl ValidateArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let loaded = match read(global) {
            Ok(loaded) => loaded,
            Err(failure) => return NotReady::from(failure).reported(self.format, output),
        };
        match self.format {
            Format::Json => {
                output.result(|out, _| json::write(out, &FindingsV1::of(&loaded.findings, &loaded.sources)))?;
            }
            Format::Text => output.result(|out, styles| {
                findings(out, styles, &loaded.findings, &loaded.sources)?;
                if loaded.has_errors() { Ok(()) } else { writeln!(out, "{}", valid(global, &loaded)) }
            })?,
        }
        if loaded.has_errors() {
            let message = format!("{} is not valid", global.file.display());
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, message));
        }
        Ok(Exit::Done)
    }
}

fn valid(global: &GlobalArgs, loaded: &Loaded) -> String {
    let (policies, users) = (loaded.desired.policies.len(), loaded.desired.users.len());
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    format!(
        "{} is valid: {}, {}",
        global.file.display(),
        plural(policies, "policy", "policies"),
        plural(users, "user", "users"),
    )
}
