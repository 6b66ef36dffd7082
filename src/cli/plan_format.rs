//! The forms that a plan can be had in.

use clap::ValueEnum;

use super::args::Format;
use crate::render::markdown;

/// The form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// For a comment on a pull request
    Markdown,
    /// A page to look at, with the access of everybody before and after
    Html,
}

impl PlanFormat {
    /// The form in which a failure is reported; other forms have none, and leave it to stderr.
    pub(super) fn of_failure(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Text | Self::Markdown | Self::Html => Format::Text,
        }
    }
}

/// How long Markdown may be.
#[derive(Debug, clap::Args)]
pub(super) struct MaxChars {
    /// How many characters (Unicode code points) Markdown may have; GitHub takes 65536 in a comment, GitLab 1000000
    ///
    /// Where a plan is longer, unchanged lines of documents are left out first, then documents, then what access is lost
    /// and names of what is added. What is removed, detached, moved and gained never is: where that does not fit, the
    /// comment says that the plan must not be approved from it.
    #[arg(long, default_value_t = markdown::USUAL, value_name = "N", value_parser = max_chars)]
    pub(super) max_chars: usize,
}

/// How long a comment may be, which must be enough for the shortest one.
fn max_chars(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| format!("`{text}` is no number of characters"))?;
    let least = markdown::LEAST;
    if number < least { Err(format!("at least {least} are needed")) } else { Ok(number) }
}
