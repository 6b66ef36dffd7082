//! Policy documents: reading, equality, access, lint. Pure, and without a cluster.

mod document;

pub use document::{Clause, Document, Effect, Selector, Statement};
