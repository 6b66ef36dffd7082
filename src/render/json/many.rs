//! `attune.many/1`: what a command said of many files, for machines.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

/// What a command said of many files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.many/1")]
pub struct ManyV1 {
    /// `attune.many/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The exit code of the whole: the worst of all.
    pub exit: u8,
    /// The files, in the order in which they were named.
    pub runs: Vec<OneV1>,
}

/// What a command said of one file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneV1 {
    /// The file.
    pub file: String,
    /// The exit code that it alone would have had.
    pub exit: u8,
    /// Why it failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the command gives for this file alone: a plan, an outcome, a check, findings; absent where it came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub result: Option<Box<RawValue>>,
}

impl ManyV1 {
    /// Puts what was said together.
    #[must_use]
    pub fn new(exit: u8, runs: Vec<OneV1>) -> Self {
        Self { format: "attune.many/1".to_owned(), tool_version: env!("CARGO_PKG_VERSION").to_owned(), exit, runs }
    }
}
