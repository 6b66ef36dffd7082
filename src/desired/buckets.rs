//! Declared buckets.

use super::{Allowed, Authored};
use crate::base::{CannedPolicy, Location};

/// A declared bucket. It exists: attune adds and deletes no buckets.
#[derive(Debug, Clone)]
pub struct BucketEntry {
    /// The purpose.
    pub description: Option<String>,
    /// Its policy.
    pub intent: BucketIntent,
    /// The rules that are suppressed for its document, in addition to those for every document.
    pub lint: Allowed,
    /// The place of the declaration.
    pub at: Option<Location>,
}

/// The desired policy of a bucket.
#[derive(Debug, Clone)]
pub enum BucketIntent {
    /// A policy with a name.
    Canned(CannedPolicy),
    /// A document of its own.
    Document(Authored),
}
