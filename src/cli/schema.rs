//! `attune schema`: the JSON Schemas of what attune reads and writes.

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::desired::SCHEMA;

/// Print a JSON Schema
///
/// Editors complete and check a desired-state file whose first line is `#:schema PATH` with the path of its schema.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune schema > attune.schema.json
  attune schema plan")]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t = Of::File)]
    of: Of,
}

/// What there are schemas of.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// The desired-state file
    File,
    /// A plan, as `attune plan --format json` prints it
    Plan,
    /// An outcome, as `attune apply --format json` prints it
    Outcome,
    /// A drift, as `attune drift --format json` prints it
    Drift,
    /// What `attune drift --since` remembers
    DriftState,
    /// Findings, as `attune validate --format json` prints them
    Findings,
    /// A difference of policies, as `attune policy diff --format json` prints it
    PolicyDiff,
    /// What users may do, as `attune access --format json` prints it
    Access,
    /// Who holds what and may do what, as `attune report --format json` prints it
    Report,
    /// A new key pair, as `attune keys generate --format json` prints it
    Keys,
    /// Temporary credentials, as `attune sts assume-role --format json` prints them
    Session,
    /// What was imported, as `attune import --format json` prints it
    Import,
    /// The check of a cluster, as `attune doctor --format json` prints it
    Doctor,
    /// What a command says of many files
    Many,
}

impl SchemaArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        output.exact(self.of.schema().as_bytes())?;
        Ok(Exit::Done)
    }
}

impl Of {
    /// The schema as it is checked in; tests hold each against the types that it is generated from.
    fn schema(self) -> &'static str {
        match self {
            Self::File => SCHEMA,
            Self::Plan => include_str!("../../schemas/plan.schema.json"),
            Self::Outcome => include_str!("../../schemas/outcome.schema.json"),
            Self::Drift => include_str!("../../schemas/drift.schema.json"),
            Self::DriftState => include_str!("../../schemas/drift-state.schema.json"),
            Self::Findings => include_str!("../../schemas/findings.schema.json"),
            Self::PolicyDiff => include_str!("../../schemas/policy-diff.schema.json"),
            Self::Access => include_str!("../../schemas/access.schema.json"),
            Self::Report => include_str!("../../schemas/report.schema.json"),
            Self::Keys => include_str!("../../schemas/keys.schema.json"),
            Self::Session => include_str!("../../schemas/session.schema.json"),
            Self::Import => include_str!("../../schemas/import.schema.json"),
            Self::Doctor => include_str!("../../schemas/doctor.schema.json"),
            Self::Many => include_str!("../../schemas/many.schema.json"),
        }
    }
}
