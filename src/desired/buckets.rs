//! Declared buckets.

use super::{Allowed, Authored, Desired};
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

impl Desired {
    /// Whether a bucket policy counts for users by any of the rules.
    pub fn buckets_count_for_users(&self) -> bool {
        self.cluster.rules().has_union()
    }

    /// Whether an expectation is about requests without a login, so that an observation reads the policies of buckets if it can.
    pub fn asks_about_anonymous(&self) -> bool {
        self.expectations.iter().any(|expectation| expectation.who.covers_anonymous())
    }

    /// Whether a plan depends on the policies of buckets, so that an observation reads all of them.
    pub fn needs_buckets(&self) -> bool {
        !self.buckets.is_empty() || !self.ownership.buckets.is_empty()
    }
}
