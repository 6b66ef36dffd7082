//! Which users a rotation is for.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{NamePattern, PolicyName, UserName};
use crate::cluster::Users;
use crate::observed::{Duplicates, ObservedUser};

/// The users that a command line names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names, or patterns of names. A user is selected if one matches.
    pub users: Vec<NamePattern>,
    /// Only users with this policy.
    pub policy: Option<PolicyName>,
}

/// A selected user with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The user.
    pub user: UserName,
    /// Its policy.
    pub policy: PolicyName,
    /// Whether it comes from a directory.
    pub is_imported: bool,
}

/// The users of a cluster that a selection matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// The users with a policy, in the order of their names.
    pub users: Vec<Selected>,
    /// The users without one: the cluster creates keys only for users with a policy.
    pub without_policy: Vec<UserName>,
    /// The users with several records, so that it is unknown which of them a call changes.
    pub ambiguous: Vec<UserName>,
    /// The names and patterns that match no user.
    pub unmatched: Vec<NamePattern>,
}

impl Selection {
    /// Whether a user of this name and policy is selected.
    fn selects(&self, name: &UserName, user: &ObservedUser) -> bool {
        let is_named = self.users.is_empty() || self.users.iter().any(|pattern| pattern.matches(name.as_str()));
        let has = |policy: &PolicyName| user.attached.as_ref().is_some_and(|attached| attached.gives(policy));
        is_named && self.policy.as_ref().is_none_or(has)
    }

    /// The users that it matches.
    pub fn of(&self, users: Users) -> Matches {
        let mut duplicates = Duplicates::default();
        let users: BTreeMap<UserName, ObservedUser> = users.by_name(&mut duplicates);
        let mut matches = Matches::default();
        for (name, user) in users.iter().filter(|(name, user)| self.selects(name, user)) {
            match &user.attached {
                _ if duplicates.users.contains_key(name) => matches.ambiguous.push(name.clone()),
                None => matches.without_policy.push(name.clone()),
                Some(policy) => matches.users.push(Selected {
                    user: name.clone(),
                    policy: policy.clone(),
                    is_imported: user.is_imported(),
                }),
            }
        }
        let unmatched = self.users.iter().filter(|pattern| !users.keys().any(|name| pattern.matches(name.as_str())));
        matches.unmatched = unmatched.cloned().collect();
        matches
    }
}

impl Matches {
    /// Takes out the users of `done`, and returns those of them that were selected.
    pub fn without(&mut self, done: &BTreeSet<UserName>) -> Vec<UserName> {
        let (already, users) = std::mem::take(&mut self.users).into_iter().partition(|of| done.contains(&of.user));
        self.users = users;
        let already: Vec<Selected> = already;
        already.into_iter().map(|of| of.user).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::UserRecord;

    fn users(of: &[(&str, Option<&str>)]) -> Users {
        let record = |(name, policy): &(&str, Option<&str>)| UserRecord {
            name: UserName::reported(*name),
            role: "S3".to_owned(),
            source: "Internal".to_owned(),
            policy: policy.map(PolicyName::reported),
        };
        Users { users: of.iter().map(record).collect(), attachments_known: true }
    }

    fn names(of: &[Selected]) -> Vec<&str> {
        of.iter().map(|of| of.user.as_str()).collect()
    }

    fn selection(users: &[&str], policy: Option<&str>) -> Selection {
        Selection {
            users: users.iter().map(|text| text.parse().unwrap()).collect(),
            policy: policy.map(PolicyName::reported),
        }
    }

    const ALL: [(&str, Option<&str>); 6] = [
        ("svc-b", Some("ml")),
        ("svc-a", Some("other")),
        ("svc-c", None),
        ("list", Some("x,ml")),
        ("twice", Some("ml")),
        ("twice", Some("other")),
    ];

    #[test]
    fn names_patterns_and_a_policy_select_users() {
        let of = |patterns: &[&str], policy| selection(patterns, policy).of(users(&ALL));
        let found = of(&["svc-*", "gone", "s?c-b"], None);
        assert_eq!(names(&found.users), ["svc-a", "svc-b"]);
        assert_eq!(found.without_policy, [UserName::reported("svc-c")]);
        assert_eq!(found.unmatched, ["gone".parse().unwrap()]);
        let found = of(&[], Some("ml"));
        assert_eq!(names(&found.users), ["list", "svc-b"], "an attached list gives each of its policies");
        assert_eq!(found.ambiguous, [UserName::reported("twice")]);
        assert_eq!(names(&of(&["svc-*"], Some("ml")).users), ["svc-b"], "both must hold");
        assert!(of(&["Svc-a"], None).users.is_empty(), "names are case-sensitive");
    }

    #[test]
    fn users_that_are_done_are_taken_out() {
        let mut found = selection(&["svc-*"], None).of(users(&ALL));
        let done = BTreeSet::from([UserName::reported("svc-a"), UserName::reported("other")]);
        assert_eq!(found.without(&done), [UserName::reported("svc-a")]);
        assert_eq!(names(&found.users), ["svc-b"]);
    }
}
