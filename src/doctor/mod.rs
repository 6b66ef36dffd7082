//! The check of a cluster before anything is done to it: what is looked at, and what is found about it.

mod codes;
mod facts;
mod judge;
#[cfg(test)]
mod tests;

pub use codes::CODES;
pub use facts::{Facts, look};
pub use judge::judge;

use crate::base::{Finding, PolicyName, UserName};
use crate::cluster::ConnectionInfo;
use crate::observed::Identity;

/// What is known after a check.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which cluster, which tenant, as whom.
    pub identity: Identity,
    /// Whether the role suffices to apply a plan.
    pub may_apply: bool,
    /// How the cluster is reached and spoken to.
    pub connection: ConnectionInfo,
    /// Whether the cluster says who holds what; unknown when it was not told.
    pub attachments_known: Option<bool>,
    /// What the cluster's own definition says about the calls.
    pub definition: Definition,
    /// The policies in transit that are there, in the order of their names; unknown when they were not listed.
    pub leftovers: Option<Vec<Leftover>>,
    /// What was found, what weighs most first.
    pub findings: Vec<Finding>,
}

/// What came of holding the calls against the cluster's own definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// There is none.
    None,
    /// It was not got, or is none that can be read.
    Unreadable,
    /// It was compared.
    Compared {
        /// How many calls were held against it.
        calls: usize,
        /// How many differences were found.
        differences: usize,
    },
}

/// A policy that an interrupted apply left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its name.
    pub temporary: PolicyName,
    /// The policy it stands in for.
    pub policy: PolicyName,
    /// Who holds it, as far as the cluster tells.
    pub holders: Vec<UserName>,
}
