//! Plans, outcomes, drift, reports and findings for people and machines: pure functions to a writer.

mod findings;
pub mod html;
pub mod json;
pub mod markdown;
mod metrics;
mod phrase;
mod rollback_file;
mod styles;
pub mod text;

pub use findings::{annotations, findings};
pub use metrics::{Metrics, PreviousRun, metrics};
pub use phrase::Refusals;
pub use rollback_file::{RollbackFile, RollbackSettings};
pub use styles::Styles;
