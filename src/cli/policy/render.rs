//! `attune policy render`: the bytes that would be sent.

use std::path::PathBuf;

use super::document::Reading;
use crate::cli::args::Format;
use crate::cli::exit::{self, Exit, Failure};
use crate::cli::output::Output;
use crate::policy::{MAX_DOCUMENT, normal};

/// Print exactly the bytes that a cluster would be sent
///
/// The document in its one form: minified, in a fixed order, without what says nothing. These bytes are what the
/// cluster's limit is held against; how many they are is said on stderr. Nothing is added, not even a line break.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy render policy.json
  attune policy render policy.json --quiet | wc --bytes
  attune policy render policy.json --quiet | jq .")]
pub(super) struct RenderArgs {
    /// The document
    #[arg(value_name = "FILE")]
    document: PathBuf,
}

impl RenderArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let mut reading = Reading::default();
        let (Some(written), false) = (reading.document(&self.document), reading.has_errors()) else {
            return reading.refused(Format::Text, output, std::slice::from_ref(&self.document));
        };
        output.findings(&reading.findings, &reading.sources);
        let normal = normal(&written.document);
        output.exact(normal.json().as_bytes())?;
        output.aside(|out, _| writeln!(out, "{} of {MAX_DOCUMENT} bytes", normal.len()));
        if normal.len() > MAX_DOCUMENT {
            let message = format!("the document is {} bytes; a cluster takes {MAX_DOCUMENT}", normal.len());
            let help = "use wildcards, or fewer or shorter statements";
            return Err(Failure::new(&exit::BAD_DOCUMENT, message).help(help));
        }
        Ok(Exit::Done)
    }
}
