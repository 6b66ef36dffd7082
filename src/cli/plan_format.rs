//! The forms that a plan can be had in.

use clap::ValueEnum;

use super::args::Format;

/// The form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// For a comment on a pull request
    Markdown,
}

impl PlanFormat {
    /// The form in which a failure is reported; other forms have none, and leave it to stderr.
    pub(super) fn of_failure(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Text | Self::Markdown => Format::Text,
        }
    }
}
