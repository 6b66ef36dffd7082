//! Plans, outcomes and findings for people and machines: each a pure function to a writer.

mod before;
mod findings;
mod github;
pub mod json;
mod markdown_drift;
mod metrics;
mod styles;
pub mod text;
mod words;

pub use before::{Before, Settings, before};
pub use findings::findings;
pub use github::annotations;
pub use markdown_drift::markdown_drift;
pub use metrics::{Before as MetricsBefore, Metrics, metrics};
pub use styles::Styles;
