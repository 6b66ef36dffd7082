//! A cluster as a desired-state file: what is asked of it, and what files are made of the answers.

mod choose;
mod codes;
mod files;
mod look;
mod statements;

use std::collections::BTreeMap;

pub use codes::CODES;
pub use files::adopt;
pub use look::{Survey, look};

use crate::base::{Finding, PolicyName, Principal};

/// The name of the desired-state file.
pub const MAIN: &str = "attune.toml";

/// Which policies, users and groups are wanted: all, or those whose names match. Patterns of policies alone stand for who
/// holds such a policy as well, patterns of users or groups alone for the policies that those hold.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Patterns of policy names.
    pub policies: Vec<glob::Pattern>,
    /// Patterns of user names.
    pub users: Vec<glob::Pattern>,
    /// Patterns of group names.
    pub groups: Vec<glob::Pattern>,
}

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each in a JSON file of its own.
    Files,
    /// As statements in the desired-state file, where that can be.
    Inline,
}

/// The files that declare what a cluster has, and what they leave out.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// The desired-state file.
    pub text: String,
    /// The documents, by their paths beside it.
    pub documents: BTreeMap<String, String>,
    /// The policies that are declared, by name.
    pub policies: BTreeMap<PolicyName, Declared>,
    /// The users and groups that are declared, with the policies they hold.
    pub holders: BTreeMap<Principal, PolicyName>,
    /// What is left out without being out of order.
    pub left_out: LeftOut,
    /// What is out of order, or good to know, by code and then by name.
    pub findings: Vec<Finding>,
}

/// How a policy is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The file of its document; none when its statements are in the desired-state file.
    pub document: Option<String>,
    /// The rules that its document is allowed to break, since a plan would stop at them.
    pub allowed: Vec<&'static str>,
}

/// How many are left out although nothing is wrong with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Predefined policies.
    pub predefined: usize,
    /// Users that could hold a policy and hold none.
    pub holding_nothing: usize,
    /// Policies that were not asked for.
    pub other_policies: usize,
    /// Users that hold a policy and were not asked for.
    pub other_users: usize,
    /// Groups that hold a policy and were not asked for.
    pub other_groups: usize,
}
