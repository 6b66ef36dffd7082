//! Plans, outcomes, drift, reports and findings for people and machines: pure functions to a writer.

mod before;
mod findings;
pub mod html;
pub mod json;
pub mod markdown;
mod metrics;
mod phrase;
mod styles;
pub mod text;

pub use before::{Before, Settings, before};
pub use findings::{annotations, findings};
pub use metrics::{Before as MetricsBefore, Metrics, metrics};
pub use phrase::Refusals;
pub use styles::Styles;
