//! Which parts of a cluster a desired state depends on.

use super::Desired;

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
