//! What machines read: frozen copies of a plan, an outcome, a check and findings. The core's own types are not serialised, so that
//! they can change while these do not. A plan and an outcome can be read back, to be shown and never to be run; what people
//! read is made from these copies, so that a saved one looks as it did.

mod access;
mod access_report;
mod base;
mod change;
mod doctor;
mod drift;
mod drift_state;
mod finding;
mod grade;
mod import;
mod keys;
mod many;
mod note;
mod outcome;
mod plan;
mod policy_diff;
mod report;
mod review;
mod sarif;
mod saved;
mod unreported;
mod visible;

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, PrettyFormatter, Serializer};
use visible::VisibleJson;

pub use access::{AccessLineV1, AccessV1, ProfileV1, SideV1, UndecidedV1, WitnessV1};
pub use access_report::AccessReportV1;
pub use base::BaseV1;
pub use change::{AccessChangeV1, ChangeV1, HolderV1, KindV1, ReplaceMethodV1};
pub use doctor::DoctorV1;
pub use drift::{DriftKindV1, DriftSummaryV1, DriftV1, DriftedV1, IgnoredV1, RememberedV1};
pub use drift_state::{DriftStateV1, ReportedV1};
pub use finding::{FindingV1, FindingsV1, SeverityV1};
pub use grade::{CellV1, ClassNameV1, ClassV1, GradeV1, GradesV1, ReachV1};
pub use import::ImportV1;
pub use keys::{CredentialProcess, KeysV1, SessionV1};
pub use many::{ManyV1, OneV1};
pub use note::NoteV1;
pub use outcome::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1};
pub use plan::{CallV1, ClusterV1, LimitsV1, OverrideV1, PlanV1, StepV1, SummaryV1, UnchangedV1, UnmanagedV1};
pub use policy_diff::PolicyDiffV1;
pub use report::{BucketKindV1, BucketV1, HoldingV1, LookedV1, PolicyReportV1, PolicyStateV1, ReportV1, RowV1, WhoV1};
pub use review::{DeclaredV1, NewKeysV1, OptionV1, ReviewV1, SettingChangeV1, UndeclaredV1};
pub use sarif::SarifV1;
pub use saved::{NotSaved, Saved};
pub use unreported::{NotReportedV1, UnreportedV1};

/// Writes a value as pretty JSON and a line break. In strings, what a person would not see is written as its number.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJson(PrettyFormatter::new())))?;
    writeln!(out)
}

/// A value as JSON on one line.
#[must_use]
pub fn line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    // Values here have only texts as keys, and memory takes all that is written to it.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut line, VisibleJson(CompactFormatter)));
    String::from_utf8(line).unwrap_or_default()
}

/// The JSON Schema (2020-12) of one of the formats here.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}
