//! `attune schema`: the JSON Schemas of what attune reads and writes.

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::desired;
use crate::render::json::{
    self, AccessReportV1, DoctorV1, DriftStateV1, DriftV1, FindingsV1, ImportV1, KeysV1, ManyV1, OutcomeV1, PlanV1,
    PolicyDiffV1, ReportV1, SessionV1,
};

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
        let schema = match self.of {
            Of::File => desired::schema(),
            Of::Plan => json::schema_of::<PlanV1>(),
            Of::Outcome => json::schema_of::<OutcomeV1>(),
            Of::Drift => json::schema_of::<DriftV1>(),
            Of::DriftState => json::schema_of::<DriftStateV1>(),
            Of::Findings => json::schema_of::<FindingsV1>(),
            Of::PolicyDiff => json::schema_of::<PolicyDiffV1>(),
            Of::Access => json::schema_of::<AccessReportV1>(),
            Of::Report => json::schema_of::<ReportV1>(),
            Of::Keys => json::schema_of::<KeysV1>(),
            Of::Session => json::schema_of::<SessionV1>(),
            Of::Import => json::schema_of::<ImportV1>(),
            Of::Doctor => json::schema_of::<DoctorV1>(),
            Of::Many => json::schema_of::<ManyV1>(),
        };
        output.result(|out, _| json::write(out, &schema))?;
        Ok(Exit::Done)
    }
}
