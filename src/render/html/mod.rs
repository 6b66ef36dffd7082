//! HTML pages: one file each, without network and scripts, made of the frozen copies in [`json`](super::json).

mod changes;
mod matrix;
mod outcome;
mod page;
mod plan;
mod report;

pub use outcome::outcome;
pub use plan::plan;
pub use report::report;
