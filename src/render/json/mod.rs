//! JSON: frozen copies of plans, outcomes and the rest, so that the core's own types can change while the formats do not.
//!
//! Text, Markdown and HTML are made from these copies, so that a saved plan or outcome looks the same later.

/// Defines the types of a format. An enum is written in snake case. A struct has no members but these, all public;
/// `member?: T` is an `Option<T>` that is missing for `None`, and `member*: T` a `Vec<T>` that is missing when it is empty. A
/// struct with a format has the members `format` and `tool_version` first. With `of(ARGUMENTS)`, each member has its value,
/// and the function `of` makes the struct. With `of(TYPE)`, each variant of an enum has the pattern that it is made from.
macro_rules! json_types {
    () => {};
    ($(#[$meta:meta])* pub enum $name:ident { $($variants:tt)* } $($rest:tt)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        $(#[$meta])*
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variants)* }
        json_types! { $($rest)* }
    };
    ($(#[$meta:meta])* pub enum $name:ident of($type:ty) {
        $($(#[$doc:meta])* $variant:ident = $pattern:pat,)*
    } $($rest:tt)*) => {
        json_types! { $(#[$meta])* pub enum $name { $($(#[$doc])* $variant,)* } $($rest)* }
        impl $name {
            /// The same in this format.
            pub fn of(of: $type) -> Self {
                match of {
                    $($pattern => Self::$variant,)*
                }
            }
        }
    };
    ($(#[$meta:meta])* pub struct $name:ident = $format:literal $(of $args:tt)? { $($members:tt)* } $($rest:tt)*) => {
        json_types! {
            @members [$(#[$meta])* #[schemars(title = $format)]] $name [$($args)?]
            [
                #[doc = concat!("`", $format, "`.")]
                pub format: String,
                /// The version of attune that wrote it.
                pub tool_version: String,
            ]
            [format: $format.to_owned(), tool_version: env!("CARGO_PKG_VERSION").to_owned(),]
            $($members)*
        }
        json_types! { $($rest)* }
    };
    ($(#[$meta:meta])* pub struct $name:ident $(of $args:tt)? { $($members:tt)* } $($rest:tt)*) => {
        json_types! { @members [$(#[$meta])*] $name [$($args)?] [] [] $($members)* }
        json_types! { $($rest)* }
    };
    (@members [$($meta:tt)*] $name:ident [] [$($members:tt)*] $values:tt) => {
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $($meta)*
        pub struct $name { $($members)* }
    };
    (@members $metas:tt $name:ident [$args:tt] $members:tt [$($values:tt)*]) => {
        json_types! { @members $metas $name [] $members [] }
        impl $name {
            /// A copy for this format.
            pub fn of $args -> Self {
                Self { $($values)* }
            }
        }
    };
    (@members $metas:tt $name:ident $args:tt $done:tt $values:tt
        $(#[$meta:meta])* $member:ident?: $type:ty $(= $value:expr)?, $($rest:tt)*) => {
        json_types! {
            @members $metas $name $args $done $values $(#[$meta])* #[serde(skip_serializing_if = "Option::is_none")]
            $member: Option<$type> $(= $value)?, $($rest)*
        }
    };
    (@members $metas:tt $name:ident $args:tt $done:tt $values:tt
        $(#[$meta:meta])* $member:ident*: $type:ty $(= $value:expr)?, $($rest:tt)*) => {
        json_types! {
            @members $metas $name $args $done $values $(#[$meta])*
            #[serde(default, skip_serializing_if = "Vec::is_empty")] $member: Vec<$type> $(= $value)?, $($rest)*
        }
    };
    (@members $metas:tt $name:ident $args:tt [$($done:tt)*] [$($values:tt)*]
        $(#[$meta:meta])* $member:ident: $type:ty $(= $value:expr)?, $($rest:tt)*) => {
        json_types! {
            @members $metas $name $args
            [$($done)* $(#[$meta])* pub $member: $type,]
            [$($values)* $($member: $value,)?]
            $($rest)*
        }
    };
}

mod access;
mod answers;
mod approvals;
mod change;
mod cluster;
mod drift;
mod expectation;
mod finding;
mod keys;
mod outcome;
mod plan;
mod probe;
mod report;
mod saved;
mod snapshot;
mod verify;

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::base::VisibleText;

pub use access::{
    AccessChangeV1, AccessLineV1, AccessV1, CanV1, ExampleV1, InPracticeV1, PolicyDiffV1, PracticeKind, Profile,
    RequestLineV1, UndecidedRequestsV1, UndecidedV1,
};
pub use answers::{
    AccessComparisonV1, AccessReportV1, AllV1, LastChangeV1, MissingV1, StatementV1, SubjectV1, WhyChangeV1, WhyPlanV1,
    WhyV1,
};
pub use approvals::{ApprovalsV1, ApprovedV1, is_approvals};
pub use change::{
    AttachedPrincipalV1, BaseV1, CallV1, ChangeV1, DeclaredV1, KindV1, NewKeysV1, OptionV1, ReplaceMethodV1, ReviewV1,
    StepV1, TermV1, UndeclaredV1, time_text,
};
pub use cluster::{CredentialProcess, DoctorV1, ImportV1, SessionV1};
pub use drift::{DriftStateV1, DriftV1, DriftedV1, RememberedV1};
pub use expectation::{EnvelopeV1, ExpectationV1, FailureV1, MutationsV1, TestV1};
pub use finding::{FindingV1, FindingsV1};
pub use keys::{DetachedV1, KeysV1, RevocationV1, RevokedKeysV1, RevokedV1, RotatedV1, RotationStatusV1};
pub use outcome::{
    HistoryV1, OutcomeV1, PastApplyV1, PastResultV1, RemarkV1, StatusV1, StepOutcomeV1, VerifiedUserV1, VerifiedV1,
};
pub use plan::{ClusterV1, OverrideV1, PartV1, PlanSnapshotV1, PlanV1, SummaryV1, UnchangedV1, UnmanagedV1};
pub use probe::{ProbeServiceV1, ProbeV1};
pub use report::{
    AttachmentV1, BucketKindV1, BucketV1, CellV1, GradesV1, PolicyReportV1, PolicyStateV1, PrincipalV1, PublicBucketV1,
    PublicV1, ReportV1, RowV1, ScopeV1,
};
pub use saved::{
    ManyV1, NotSaved, OneV1, PlannedTarget, Saved, TargetV1, TargetsV1, format_of, result_target, target_name,
};
pub use snapshot::SnapshotV1;
pub use verify::{VerifyAnswerV1, VerifyOutcomeV1, VerifySourceV1, VerifyV1};

/// Writes a value as pretty JSON and a line break, with hidden characters escaped.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", visible(&serde_json::to_string_pretty(value)?))
}

fn pretty(value: &impl Serialize) -> String {
    // This cannot fail: all keys are strings.
    visible(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A value as JSON on one line.
pub fn line(value: &impl Serialize) -> String {
    // This cannot fail: all keys are strings.
    visible(&serde_json::to_string(value).unwrap_or_default())
}

/// JSON with hidden characters as escapes, which a JSON parser turns back.
fn visible(json: &str) -> String {
    let (mut eye, mut shown) = (VisibleText::default(), String::with_capacity(json.len()));
    let mut chars = json.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            // An escape, which is visible. The text after it starts anew.
            let kind = chars.next().unwrap_or_default();
            shown.extend([c, kind]);
            shown.extend(chars.by_ref().take(if kind == 'u' { 4 } else { 0 }));
            eye = VisibleText::default();
        } else if c != '\n' && eye.hides(c) {
            let mut units = [0; 2];
            shown.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The JSON Schema (2020-12) of one of the formats here.
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_read_back() {
        let value = json!({ "a\u{202e}b": ["\u{1b}[2J\n\u{301}", "tag \u{e0041}", "plain é", "\u{7f}\u{ad}"] });
        let mut pretty = Vec::new();
        write(&mut pretty, &value).unwrap();
        let pretty = String::from_utf8(pretty).unwrap();
        for text in [pretty.as_str(), &line(&value)] {
            assert!(
                !text.contains(['\u{202e}', '\u{301}', '\u{7f}', '\u{ad}', '\u{e0041}']) && text.contains('é'),
                "{text}"
            );
            assert!(text.contains(r"\u202e") && text.contains(r"\udb40\udc41"), "{text}");
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
        assert!(pretty.starts_with("{\n  \""), "{pretty}");
    }
}
