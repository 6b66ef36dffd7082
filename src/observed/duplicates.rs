//! Names with several records on a cluster: a user of two directories, or a wrong answer.

use std::collections::BTreeMap;

use super::{ObservedUser, SEVERAL_RECORDS};
use crate::base::{Finding, GroupName, PolicyName, Principal, UserName};

/// The names with several records. An API call has only the name, so it is unknown which record it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// All records of users with several.
    pub users: BTreeMap<UserName, Vec<ObservedUser>>,
    /// The policies in all records of groups with several.
    pub groups: BTreeMap<GroupName, Vec<Option<PolicyName>>>,
    /// The policies that are listed several times, with the number.
    pub policies: BTreeMap<PolicyName, usize>,
}

impl Duplicates {
    /// Adds the records of users. Of several records with one name, the map gets one with a policy if possible. The order of
    /// records does not matter.
    pub fn users(&mut self, records: Vec<(UserName, ObservedUser)>) -> BTreeMap<UserName, ObservedUser> {
        let order = |user: &ObservedUser| {
            (user.attached.is_none(), user.source.clone(), user.role.clone(), user.attached.clone())
        };
        by_name(records, order, &mut self.users)
    }

    /// Adds the records of groups. The map has only groups with a policy.
    pub fn groups(&mut self, records: Vec<(GroupName, Option<PolicyName>)>) -> BTreeMap<GroupName, PolicyName> {
        let order = |policy: &Option<PolicyName>| (policy.is_none(), policy.clone());
        let all = by_name(records, order, &mut self.groups);
        all.into_iter().filter_map(|(group, policy)| Some((group, policy?))).collect()
    }

    /// Adds the list of policies.
    pub fn policies<'a>(&mut self, names: impl IntoIterator<Item = &'a PolicyName>) {
        let mut counts: BTreeMap<&PolicyName, usize> = BTreeMap::new();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
        self.policies = counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, n)| (name.clone(), n)).collect();
    }

    /// Whether a user or group has several records.
    pub fn contains(&self, principal: &Principal) -> bool {
        match principal {
            Principal::User(user) => self.users.contains_key(user),
            Principal::Group(group) => self.groups.contains_key(group),
        }
    }

    /// The users and groups with several records.
    pub fn principals(&self) -> impl Iterator<Item = Principal> {
        self.users.keys().map(Principal::from).chain(self.groups.keys().map(Principal::from))
    }

    /// The policies in all records of a user or group with several.
    pub fn attached_to(&self, principal: &Principal) -> impl Iterator<Item = &PolicyName> {
        let (users, groups) = match principal {
            Principal::User(user) => (self.users.get(user), None),
            Principal::Group(group) => (None, self.groups.get(group)),
        };
        let users = users.into_iter().flatten().filter_map(|user| user.attached.as_ref());
        users.chain(groups.into_iter().flatten().filter_map(Option::as_ref))
    }

    /// The finding about a user or group with several records.
    pub fn about(&self, principal: &Principal, is_error: bool) -> Finding {
        let records: Vec<String> = match principal {
            Principal::User(user) => self.users.get(user).into_iter().flatten().map(record_of_user).collect(),
            Principal::Group(group) => {
                self.groups.get(group).into_iter().flatten().map(|policy| policy_of(policy.as_ref())).collect()
            }
        };
        let message = format!("{} records of {principal} ({})", records.len(), records.join("; "));
        let kind = principal.kind();
        let help = match is_error {
            true => format!("remove or rename all but one {kind} of this name, then plan again"),
            false => format!("attune changes nothing of this name; remove or rename all but one {kind} of it"),
        };
        several(message, is_error).help(help)
    }

    /// The finding about a policy that is listed several times.
    pub fn about_policy(&self, policy: &PolicyName, is_error: bool) -> Finding {
        let times = self.policies.get(policy).copied().unwrap_or_default();
        several(format!("the cluster lists policy `{policy}` {times} times"), is_error).help(match is_error {
            true => "check the cluster's list of policies, remove all but one of this name, then plan again",
            false => "check the cluster's list of policies",
        })
    }
}

fn several(message: String, is_error: bool) -> Finding {
    match is_error {
        true => Finding::error(SEVERAL_RECORDS, format!("{message}: it is unknown which of them an API call changes")),
        false => Finding::warning(SEVERAL_RECORDS, message),
    }
}

/// The records by name. All records of names with several go to `several`, sorted by `order`.
fn by_name<K: Ord + Clone, V: Clone, O: Ord>(
    mut records: Vec<(K, V)>,
    order: impl Fn(&V) -> O,
    several: &mut BTreeMap<K, Vec<V>>,
) -> BTreeMap<K, V> {
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    for equal in records.chunk_by(|(a, _), (b, _)| a == b).filter(|equal| equal.len() > 1) {
        let mut values: Vec<V> = equal.iter().map(|(_, value)| value.clone()).collect();
        values.sort_by_cached_key(&order);
        several.insert(equal[0].0.clone(), values);
    }
    let mut all: BTreeMap<K, V> = records.into_iter().collect();
    for (name, values) in several.iter() {
        all.insert(name.clone(), values[0].clone());
    }
    all
}

fn record_of_user(user: &ObservedUser) -> String {
    let source = if user.source.is_empty() { "unknown source" } else { &user.source };
    format!("{source}, role {}, {}", user.role, policy_of(user.attached.as_ref()))
}

fn policy_of(policy: Option<&PolicyName>) -> String {
    policy.map_or_else(|| "no policy".to_owned(), |policy| format!("`{policy}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(source: &str, holds: Option<&str>) -> ObservedUser {
        ObservedUser { role: "S3".into(), source: source.into(), attached: holds.map(PolicyName::reported) }
    }

    #[test]
    fn several_records_are_all_kept_in_an_order_of_their_own() {
        let name = |name: &str| UserName::reported(name);
        let records = vec![
            (name("x"), user("LDAP", None)),
            (name("y"), user("Internal", None)),
            (name("x"), user("AD", Some("p"))),
        ];
        let reversed = records.iter().rev().cloned().collect();
        let (mut one, mut other) = (Duplicates::default(), Duplicates::default());
        let (users, same) = (one.users(records), other.users(reversed));
        assert_eq!((&users, &one), (&same, &other));
        assert_eq!(users[&name("x")], user("AD", Some("p")));
        assert_eq!(one.users.keys().collect::<Vec<_>>(), [&name("x")]);
        let finding = one.about(&Principal::User(name("x")), true);
        assert_eq!(
            finding.message,
            "2 records of user `x` (AD, role S3, `p`; LDAP, role S3, no policy): it is unknown which of them an API call changes"
        );
    }

    #[test]
    fn equal_records_and_groups_without_a_policy_count_as_records() {
        let mut several = Duplicates::default();
        let users = several.users(vec![(UserName::reported("x"), user("AD", None)); 3]);
        assert_eq!((users.len(), several.users[&UserName::reported("x")].len()), (1, 3));
        let group = GroupName::reported("g");
        let groups = several.groups(vec![(group.clone(), None), (group.clone(), Some(PolicyName::reported("p")))]);
        assert_eq!(groups[&group], PolicyName::reported("p"));
        assert_eq!(several.attached_to(&Principal::Group(group)).count(), 1);
        several.policies(&["a", "b", "a"].map(PolicyName::reported));
        assert_eq!(several.policies, BTreeMap::from([(PolicyName::reported("a"), 2)]));
    }
}
