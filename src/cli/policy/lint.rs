//! `attune policy lint`: what is wrong with policy documents, and what is probably not meant.

use std::path::{Path, PathBuf};

use super::document::{Reading, Written, has_errors};
use crate::base::{Finding, Location};
use crate::cli::actions::ActionArgs;
use crate::cli::args::Format;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::policy::{Catalogue, Depth, Lint, LintInput, lint};
use crate::render::findings;
use crate::render::json::{self, FindingsV1};

/// Check policy documents against all rules
///
/// An error is what a server refuses, drops or reads otherwise than it is written; a warning is probably not meant.
/// Exits with 1 when there are errors. The rules, each with examples, are in docs/lints.md.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune policy lint policies/*.json
  attune policy lint policy.json --release 4.4
  attune policy lint policies/*.json --format json | jq '.findings[] | select(.severity == \"error\")'")]
pub(super) struct LintArgs {
    /// The documents
    #[arg(required = true, value_name = "FILE")]
    documents: Vec<PathBuf>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    actions: ActionArgs,
}

impl LintArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let catalogue = self.actions.catalogue()?;
        let mut reading = Reading::default();
        for path in &self.documents {
            look(&mut reading, path, &catalogue);
        }
        let Reading { findings: found, sources } = &reading;
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &FindingsV1::of(found, sources)))?,
            Format::Text if found.is_empty() => output.result(|out, _| writeln!(out, "nothing found"))?,
            Format::Text => output.result(|out, styles| findings(out, styles, found, sources))?,
        }
        if reading.has_errors() { Err(has_errors(&self.documents)) } else { Ok(Exit::Done) }
    }
}

/// Reads a document and holds it against the rules; what both find is said once.
fn look(reading: &mut Reading, path: &Path, catalogue: &Catalogue) {
    let Some(written) = reading.document(path) else { return };
    let text_length = Some(reading.sources.file(written.file).text.len());
    let lints = lint(&LintInput { document: &written.document, catalogue, text_length, depth: Depth::Thorough });
    for finding in lints.into_iter().map(|lint| finding(lint, &written)) {
        if !reading.findings.iter().any(|known| known.code == finding.code && known.at == finding.at) {
            reading.findings.push(finding);
        }
    }
}

fn finding(lint: Lint, written: &Written) -> Finding {
    let at = written.places.nearest(lint.place).map(|span| Location { file: written.file, span });
    Finding { help: lint.help, ..Finding::new(lint.rule.code, lint.severity, lint.message).at(at) }
}
