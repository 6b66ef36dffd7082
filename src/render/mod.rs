//! Plans, outcomes, drift, reports and findings for people and machines: pure functions to a writer.

mod checks;
mod csv;
mod findings;
mod fleet_metrics;
#[cfg(feature = "html")]
pub mod html;
pub mod json;
pub mod markdown;
mod metrics;
mod phrase;
#[cfg(test)]
mod printed;
mod rollback_file;
pub mod text;

pub use checks::{Checked, code_quality, junit, junit_of_expectations, junit_of_verify, sarif};
pub use csv::access_review;
pub use findings::{annotations, findings};
pub use fleet_metrics::fleet_metrics;
pub use metrics::{Metrics, PreviousRun, metrics};
pub use phrase::Refusals;
pub use rollback_file::{RollbackFile, RollbackSettings};

use console::Style;

/// The styles of text. The default is plain.
#[derive(Debug, Clone, Default)]
pub struct Styles {
    /// Additions and success.
    pub add: Style,
    /// Removals and failure.
    pub remove: Style,
    /// Changes and warnings.
    pub change: Style,
    /// Headings.
    pub strong: Style,
    /// Less important text.
    pub dim: Style,
    /// Whether the styles are coloured.
    pub coloured: bool,
    /// How many columns a line has, where text is wrapped; `None` wraps nothing.
    pub width: Option<usize>,
}

impl Styles {
    /// The styles for a terminal.
    pub fn coloured() -> Self {
        let style = || Style::new().force_styling(true);
        Self {
            add: style().green(),
            remove: style().red(),
            change: style().yellow(),
            strong: style().bold(),
            dim: style().dim(),
            coloured: true,
            width: None,
        }
    }
}
