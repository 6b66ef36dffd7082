//! Pages: one file each, that needs no network and no script. Made of the frozen copies in [`json`](super::json).

mod access;
mod changes;
mod document;
mod holders;
mod matrix;
mod outcome;
mod page;
mod plan;
mod policies;
mod report;
mod review;
mod text;
mod view;
mod words;

pub use outcome::outcome;
pub use plan::plan;
pub use report::report;
