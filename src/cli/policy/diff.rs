//! `attune policy diff`: how two policy documents differ, entry by entry and in access.

use std::path::PathBuf;

use super::document::Reading;
use crate::cli::actions::{ActionArgs, Rules};
use crate::cli::args::Format;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::policy::access::Context;
use crate::policy::{Sameness, compared};
use crate::render::json::{self, PolicyDiffV1};
use crate::render::text;

/// Show how two policy documents differ, and what access that gives and takes
///
/// The way a document is written does not count: the order of members, statements and entries, or a string for a list
/// of one. Exits with 0 when both are the same document, else with 2.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy diff old.json new.json
  attune policy diff old.json new.json --format json | jq .same_access
  attune policy diff old.json new.json --profile aws --release 4.4")]
pub(super) struct DiffArgs {
    /// The document as it was
    #[arg(value_name = "OLD")]
    before: PathBuf,
    /// The document as it is to be
    #[arg(value_name = "NEW")]
    after: PathBuf,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Whose rules of evaluation apply
    #[arg(long, value_enum, default_value_t = Rules::Both)]
    profile: Rules,
    #[command(flatten)]
    actions: ActionArgs,
}

impl DiffArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let catalogue = self.actions.catalogue()?;
        let mut reading = Reading::default();
        let (before, after) = (reading.document(&self.before), reading.document(&self.after));
        let (Some(before), Some(after), false) = (before, after, reading.has_errors()) else {
            return reading.refused(self.format, output, &[self.before.clone(), self.after.clone()]);
        };
        let context = Context { profile: self.profile.profile(), ..Context::new(&catalogue) };
        let compared = compared(before.document, after.document, &context);
        match self.format {
            Format::Text => output.result(|out, styles| text::policy_diff(out, styles, &compared))?,
            Format::Json => output.result(|out, _| json::write(out, &PolicyDiffV1::of(&compared)))?,
        }
        Ok(if compared.sameness == Sameness::Same { Exit::Done } else { Exit::Changes })
    }
}
