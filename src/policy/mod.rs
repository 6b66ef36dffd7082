//! Policy documents: reading, equality, access, lint. Pure, and without a cluster.

mod catalogue;
mod document;

pub use catalogue::{Action, Catalogue, CatalogueProblem, Kind, Level};
pub use document::{Clause, Document, Effect, Selector, Statement};
