//! Plans, outcomes and findings for people and machines: each a pure function to a writer.

mod before;
mod findings;
mod github;
pub mod html;
pub mod json;
pub mod markdown;
mod metrics;
mod phrase;
mod styles;
pub mod text;
mod words;

pub use before::{Before, Settings, before};
pub use findings::findings;
pub use github::annotations;
pub use metrics::{Before as MetricsBefore, Metrics, metrics};
pub use phrase::Refusals;
pub use styles::Styles;
