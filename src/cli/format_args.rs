//! Arguments about the format of results.

use clap::ValueEnum;

use crate::render::markdown;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// For a comment on a pull request
    Markdown,
    /// An HTML page, with everyone's access before and after
    #[cfg(feature = "html")]
    Html,
}

impl PlanFormat {
    pub(super) fn is_page(self) -> bool {
        match self {
            #[cfg(feature = "html")]
            Self::Html => true,
            Self::Text | Self::Json | Self::Markdown => false,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct MaxChars {
    /// Maximum length of Markdown in characters (Unicode code points); GitHub accepts 65536 in a comment, GitLab 1000000
    ///
    /// A longer plan is shortened in this order: unchanged lines of documents, documents, lost access, names of additions.
    /// Removed, detached, moved and gained access is never left out. If that does not fit, the comment says that the plan
    /// must not be approved from it.
    #[arg(long, default_value_t = markdown::USUAL, value_name = "N", value_parser = max_chars)]
    pub(super) max_chars: usize,
}

fn max_chars(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    let least = markdown::LEAST;
    if number < least { Err(format!("must be at least {least}")) } else { Ok(number) }
}
