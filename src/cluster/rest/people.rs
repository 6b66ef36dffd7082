//! Puts together who is in the tenant and who holds what, from what the calls of each release tell.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{OrgId, UserRow};
use crate::base::{PolicyName, UserName};
use crate::cluster::{UserRecord, Users};

/// Whether any record says what its user holds. Since 4.4 records have a `policy`; whether one without a policy
/// has an empty one or none is not in the definitions.
pub(super) fn tell_policies(rows: &[UserRow]) -> bool {
    rows.iter().any(|row| row.policy.is_some())
}

/// The users of the tenant `org`, with what `/users` says they hold. Records without a tenant are of the caller's;
/// a record of another tenant can only be there on releases that list all to a cluster's administrator.
pub(super) fn from_records(rows: Vec<UserRow>, org: Option<&OrgId>, attachments_known: bool) -> Users {
    let users = rows.into_iter().filter(|row| is_of(row, org)).map(record).collect();
    Users { users, attachments_known }
}

/// The same, with what `/s3/userPolicies` says. A holder whom `/users` does not list (a directory's user, perhaps)
/// still holds a policy, and is added: with the role that holding implies, and no source, since none is known. A name that
/// either answer has several times gets a record for each.
pub(super) fn from_map(
    rows: Vec<UserRow>,
    org: Option<&OrgId>,
    reported: Vec<(UserName, Option<PolicyName>)>,
) -> Users {
    let mut held: BTreeMap<UserName, Vec<Option<PolicyName>>> = BTreeMap::new();
    for (user, policy) in reported {
        held.entry(user).or_default().push(policy);
    }
    let listed: BTreeSet<UserName> = rows.iter().map(|row| UserName::reported(row.name.as_str())).collect();
    let nothing = vec![None];
    let mut users = Vec::new();
    for user in from_records(rows, org, true).users {
        let policies = held.get(&user.name).unwrap_or(&nothing);
        users.extend(policies.iter().map(|policy| UserRecord { policy: policy.clone(), ..user.clone() }));
    }
    for (name, policies) in held.into_iter().filter(|(name, _)| !listed.contains(name)) {
        let holder = |policy| UserRecord { name: name.clone(), role: "S3".into(), source: String::new(), policy };
        users.extend(policies.into_iter().filter(Option::is_some).map(holder));
    }
    Users { users, attachments_known: true }
}

/// Whether a record is of the tenant `org`.
pub(super) fn is_of(row: &UserRow, org: Option<&OrgId>) -> bool {
    match (&row.org_id, org) {
        (Some(row), Some(org)) => row == org,
        (None, _) | (_, None) => true,
    }
}

fn record(row: UserRow) -> UserRecord {
    UserRecord { name: UserName::reported(row.name), role: row.role, source: row.source, policy: row.policy.flatten() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::rest::answer;

    fn rows() -> Vec<UserRow> {
        answer::users(
            r#"{"data":[{"username":"a","role":"S3","source":"Internal","org_id":0},
                {"username":"b","role":"S3","org_id":"0"},
                {"username":"c","role":"S3","org_id":1},
                {"username":"d","role":"ClusterAdmin"}]}"#,
        )
        .unwrap()
    }

    fn org() -> OrgId {
        rows().swap_remove(0).org_id.unwrap()
    }

    fn shown(users: &Users) -> Vec<(&str, Option<&str>)> {
        users.users.iter().map(|user| (user.name.as_str(), user.policy.as_ref().map(PolicyName::as_str))).collect()
    }

    #[test]
    fn users_of_other_tenants_are_left_out() {
        let users = from_records(rows(), Some(&org()), false);
        assert_eq!(shown(&users), [("a", None), ("b", None), ("d", None)]);
        assert!(!users.attachments_known);
        assert_eq!(from_records(rows(), None, false).users.len(), 4);
    }

    #[test]
    fn a_holder_that_is_not_listed_is_still_a_holder() {
        let held = answer::user_policies(r#"{"users":{"a":"p","b":"","c":"q","ldap":"r","gone":""}}"#).unwrap();
        let users = from_map(rows(), Some(&org()), held);
        assert_eq!(shown(&users), [("a", Some("p")), ("b", None), ("d", None), ("ldap", Some("r"))]);
        assert!(users.attachments_known);
    }

    #[test]
    fn a_name_that_an_answer_has_twice_has_two_records() {
        let held = answer::user_policies(r#"{"users":{"a":"p","a":"q","ldap":"r","ldap":"r"}}"#).unwrap();
        let users = from_map(rows(), Some(&org()), held);
        let expected =
            [("a", Some("p")), ("a", Some("q")), ("b", None), ("d", None), ("ldap", Some("r")), ("ldap", Some("r"))];
        assert_eq!(shown(&users), expected);
        let twice = || rows().into_iter().chain(rows()).filter(|row| row.name == "a").collect();
        let held = answer::user_policies(r#"{"users":{"a":"p"}}"#).unwrap();
        assert_eq!(shown(&from_map(twice(), Some(&org()), held)), [("a", Some("p")); 2]);
        assert_eq!(from_records(twice(), Some(&org()), true).users.len(), 2);
    }

    #[test]
    fn one_record_with_the_member_tells_for_all() {
        assert!(!tell_policies(&rows()));
        assert!(tell_policies(&answer::users(r#"{"data":[{"username":"a"},{"username":"b","policy":""}]}"#).unwrap()));
    }
}
