//! What one file declares, valid for itself and not yet held against other files.

use std::collections::BTreeSet;

use super::check::SchemaErrors;
use super::lint::Allowed;
use super::policies::DocumentFile;
use super::raw::RawFile;
use super::{PolicyEntry, PolicyIntent, PrincipalEntry, codes};
use crate::base::{FileId, Finding, GroupName, Location, NameProblem, PolicyName, Principal, UserName};

/// The entries of a file, and what was found wrong with them.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) file: FileId,
    pub(super) policies: Vec<(PolicyName, PolicyEntry)>,
    pub(super) users: Vec<(UserName, PrincipalEntry)>,
    pub(super) groups: Vec<(GroupName, PrincipalEntry)>,
    /// Where a user or group says what it holds, unless that is a policy that the same file declares to be there.
    pub(super) holds: Vec<(Principal, Location)>,
    pub(super) findings: Vec<Finding>,
}

impl Declared {
    /// Reads the entries of a file. `misfits` are what was already found wrong in it, `documents` the document file of
    /// each policy that names one, in their order; `allowed` are the rules that every document may break.
    pub(super) fn read<'d>(
        raw: &RawFile,
        misfits: &SchemaErrors,
        documents: impl IntoIterator<Item = Option<DocumentFile<'d>>>,
        allowed: &Allowed,
        file: FileId,
    ) -> Self {
        let (policies, users) = (Vec::with_capacity(raw.policies.0.len()), Vec::with_capacity(raw.users.0.len()));
        let mut read = Self { file, policies, users, groups: Vec::new(), holds: Vec::new(), findings: Vec::new() };
        for ((name, policy), document) in raw.policies.0.iter().zip(documents) {
            read.policy(name, policy, document, misfits.hit("policies", name.get()), allowed);
        }
        let mut present = Present::new(&read.policies);
        for (name, user) in &raw.users.0 {
            read.user(name, user, misfits.hit("users", name.get()), &mut present);
        }
        for (name, group) in &raw.groups.0 {
            read.group(name, group, misfits.hit("groups", name.get()), &mut present);
        }
        read
    }
}

/// The policies that a file declares to be there: whoever holds one shares its name.
pub(super) struct Present {
    policies: BTreeSet<PolicyName>,
    /// The one that was asked for last: whoever comes next often holds the same.
    last: Option<PolicyName>,
}

impl Present {
    fn new(policies: &[(PolicyName, PolicyEntry)]) -> Self {
        let present = policies.iter().filter(|(_, entry)| matches!(entry.intent, PolicyIntent::Present(_)));
        Self { policies: present.map(|(name, _)| name.clone()).collect(), last: None }
    }

    /// The policy of that name, if it is one of them.
    pub(super) fn get(&mut self, name: &str) -> Option<PolicyName> {
        if self.last.as_ref().is_none_or(|last| last.as_str() != name) {
            self.last = Some(self.policies.get(name)?.clone());
        }
        self.last.clone()
    }
}

pub(super) fn bad_name(what: &str, name: &str, problem: NameProblem, at: Location) -> Finding {
    Finding::error(codes::BAD_NAME, format!("the {what} name {name:?} {problem}"))
        .at(at)
        .help("such a name cannot be carried safely by the calls that would have to name it; rename it")
}
