//! The invariants at every instant of a run, and the end state of a cluster.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use attune::base::PolicyName;
use attune::sim::ForeignChange;
use attune::sim::state::{ClusterState, ROOT};
use attune::sim::{Event, history};

/// Attachments and documents: everything of a cluster that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    policies: BTreeMap<String, String>,
    /// The policy of each user and group, and whether it has a key pair.
    principals: BTreeMap<String, (Option<String>, bool)>,
}

impl Standing {
    pub(super) fn of(state: &ClusterState) -> Self {
        let tenant = &state.tenants[ROOT];
        let policies = tenant.policies.iter();
        let users = tenant.users.iter().map(|(name, user)| (name.clone(), (user.policy.clone(), user.keys.is_some())));
        let groups = tenant.groups.iter().filter(|(_, policy)| policy.is_some());
        let groups = groups.map(|(name, policy)| (format!("{GROUP}{name}"), (policy.clone(), false)));
        let buckets = tenant.buckets.keys().map(|name| {
            let name = format!("{BUCKET}{name}");
            (name.clone(), (access_of(state, &name).map(Cow::into_owned), false))
        });
        Self {
            policies: policies.map(|(name, policy)| (name.clone(), policy.document.as_str().to_owned())).collect(),
            principals: users.chain(groups).chain(buckets).collect(),
        }
    }

    /// Without the key pairs: those are made on the way, and stay.
    pub(super) fn without_keys(mut self) -> Self {
        self.principals.values_mut().for_each(|(_, keys)| *keys = false);
        self
    }

    /// The same without the attachments of these users.
    pub(super) fn without(mut self, users: &BTreeSet<String>) -> Self {
        self.principals
            .iter_mut()
            .filter(|(name, _)| users.contains(*name))
            .for_each(|(_, (attached, _))| *attached = None);
        self
    }
}

/// The prefix of the name of a group among those of users.
pub(super) const GROUP: &str = "@";

/// The prefix of the name of a bucket among those of users. No user has a `/` in its name.
pub(super) const BUCKET: &str = "bucket/";

/// The documents by which the users and groups of a cluster have access.
pub(super) type Access = BTreeMap<String, Option<String>>;

pub(super) fn access(state: &ClusterState) -> Access {
    let tenant = &state.tenants[ROOT];
    let groups = tenant.groups.keys().map(|name| format!("{GROUP}{name}"));
    let buckets = tenant.buckets.keys().map(|name| format!("{BUCKET}{name}"));
    let names = tenant.users.keys().cloned().chain(groups).chain(buckets);
    names
        .map(|name| (access_of(state, &name).map(Cow::into_owned), name))
        .map(|(attached, name)| (name, attached))
        .collect()
}

fn access_of<'a>(state: &'a ClusterState, name: &str) -> Option<Cow<'a, str>> {
    if let Some(bucket) = name.strip_prefix(BUCKET) {
        let policy = &state.tenants[ROOT].buckets.get(bucket)?.policy;
        // Members in any order are the same document.
        return Some(Cow::Owned(serde_json::to_value(policy).unwrap().to_string()));
    }
    match name.strip_prefix(GROUP) {
        Some(group) => state.access_of_group(ROOT, group),
        None => state.access_of(ROOT, name),
    }
}

/// The document that gives each listed user or group access; other groups have none.
fn listed<'a>(access: &'a Access, name: &str) -> Option<&'a str> {
    access.get(name)?.as_deref()
}

/// The access that a run may give and take.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) before: Access,
    /// By the configuration; more than one if several are applied.
    pub(super) after: Vec<Access>,
    /// The users that may be without access temporarily.
    pub(super) without: BTreeSet<String>,
}

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// Whom it is about; nothing when it is about all.
    pub(super) user: Option<String>,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Bounds {
    /// Everything that was wrong at some instant.
    pub(super) fn violations(&self, events: &[Event]) -> Vec<Violation> {
        history(events).into_iter().flat_map(|(event, change)| self.at(&change.after, event)).collect()
    }

    fn at(&self, state: &ClusterState, event: &Event) -> Vec<Violation> {
        let when = format!("after request {} ({} {})", event.seq, event.method, event.path);
        let mut found = Vec::new();
        if state.s3_deleted {
            found.push(Violation { user: None, what: format!("S3 is deleted {when}") });
        }
        if let Some(name) = state.tenants[ROOT].policies.keys().find(|name| state.predefined.contains_key(*name)) {
            found.push(Violation { user: None, what: format!("the predefined policy {name} is touched {when}") });
        }
        for user in self.before.keys() {
            if let Some(what) = self.of_user(user, access_of(state, user).as_deref()) {
                found.push(Violation { user: Some(user.clone()), what: format!("{user} {what} {when}") });
            }
        }
        found
    }

    /// The violation by a user that has access by this document, if it is one.
    fn of_user(&self, user: &str, now: Option<&str>) -> Option<String> {
        let before = self.before[user].as_deref();
        let after = || self.after.iter().map(|access| listed(access, user));
        match now {
            None if before.is_none() || after().any(|after| after.is_none()) || self.without.contains(user) => None,
            None => Some("is without access".to_owned()),
            Some(_) if now == before || after().any(|after| after == now) => None,
            Some(document) => Some(format!("has access that nothing gives: {document}")),
        }
    }

    /// The users that a foreign change affects: its user, or all that ever have its policy.
    pub(super) fn concerned(
        &self,
        behind: &ForeignChange,
        start: &ClusterState,
        end: &ClusterState,
    ) -> BTreeSet<String> {
        let policy = match behind {
            ForeignChange::Attach { user, .. } | ForeignChange::Detach { user, .. } => {
                return BTreeSet::from([user.clone()]);
            }
            ForeignChange::SetBucketPolicy { .. } | ForeignChange::RemoveBucket { .. } => return BTreeSet::new(),
            ForeignChange::Add { policy, .. } | ForeignChange::Remove { policy, .. } => {
                PolicyName::reported(policy.clone())
            }
        };
        let meant = policy.temporary_for().unwrap_or(policy);
        let has = |state: &ClusterState, name: &str| {
            let tenant = &state.tenants[ROOT];
            let attached = match name.strip_prefix(GROUP) {
                Some(group) => tenant.groups.get(group).cloned().flatten(),
                None => tenant.users.get(name).and_then(|user| user.policy.clone()),
            };
            attached.is_some_and(|attached| {
                let attached = PolicyName::reported(attached);
                attached.temporary_for().unwrap_or(attached) == meant
            })
        };
        self.before.keys().filter(|name| has(start, name) || has(end, name)).cloned().collect()
    }
}
