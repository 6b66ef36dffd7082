//! Attachments of policies to users and groups, and the key pairs that an attach creates.
//!
//! Groups (from 6.0) come from a directory: the cluster knows those that have a policy, and takes any name. This is assumed.

use std::collections::BTreeMap;

use super::policies::require_policies;
use super::{Caller, Refusal, new_keys, require_s3};
use crate::sim::state::{ClusterState, Keys, User};
use crate::sim::switches::{AttachAgain, AttachOver, RefuseOrAllow};

/// The policy of each user that can have one; an empty name for none. Assumed: users without a policy are listed (a public
/// client handles an empty name).
pub(crate) fn list(state: &ClusterState, caller: &Caller) -> Result<BTreeMap<String, String>, Refusal> {
    let users = caller.require_s3_reader(state)?.users.iter().filter(|(_, user)| user.can_have_policy());
    Ok(users.map(|(name, user)| (name.clone(), user.policy.clone().unwrap_or_default())).collect())
}

/// Attaches a policy to a user. From 5.1, returns the new key pair of a user that had none. It is shown only this once.
pub(crate) fn attach(
    state: &mut ClusterState,
    caller: &Caller,
    policy: &str,
    user: &str,
) -> Result<Option<Keys>, Refusal> {
    caller.require_s3_writer(state)?;
    require_policies(state, caller, policy)?;
    let account = account(state, caller, user)?;
    if !account.can_have_policy() {
        return Err(Refusal::param("user_name", format!("User \"{user}\" is not an S3 user")));
    }
    if account.policy.as_deref() == Some(policy) && state.switches.attach_again == AttachAgain::Present {
        return Err(Refusal::Present(format!("Policy \"{policy}\"")));
    }
    if let (Some(attached), AttachOver::Refuse) = (&account.policy, state.switches.attach_over) {
        return Err(Refusal::param(
            "user_name",
            format!("User \"{user}\" already has the policy \"{attached}\" attached"),
        ));
    }
    let keys = if state.behaviour().own_key_pairs && account.keys.is_none() {
        Some(create_keys(state, caller, user)?)
    } else {
        None
    };
    let account = account_mut(state, caller, user)?;
    account.policy = Some(policy.to_owned());
    if keys.is_some() {
        account.keys.clone_from(&keys);
    }
    Ok(keys)
}

/// Detaches a user from its policy. The key pair stays: attaching any policy re-enables it.
pub(crate) fn detach(state: &mut ClusterState, caller: &Caller, user: &str) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    let rule = state.switches.detach_unattached;
    let account = account_mut(state, caller, user)?;
    match (account.policy.take(), rule) {
        (Some(_), _) | (None, RefuseOrAllow::Allow) => Ok(()),
        (None, RefuseOrAllow::Refuse) => {
            Err(Refusal::param("user_name", format!("User \"{user}\" has no policy attached")))
        }
    }
}

/// Detaches a user from this policy, and from no other one.
pub(crate) fn detach_policy(
    state: &mut ClusterState,
    caller: &Caller,
    policy: &str,
    user: &str,
) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    match account(state, caller, user)?.policy.as_deref() {
        Some(attached) if attached != policy => {
            Err(Refusal::invalid(format!("User \"{user}\" does not have the policy \"{policy}\" attached")))
        }
        Some(_) | None => detach(state, caller, user),
    }
}

/// Replaces the key pair of a user that has a policy, by default of the caller. The old pair is revoked at once.
pub(crate) fn renew_keys(state: &mut ClusterState, caller: &Caller, user: Option<&str>) -> Result<Keys, Refusal> {
    require_s3(state)?;
    let user = user.unwrap_or(&caller.user);
    if user != caller.user {
        caller.require_writer()?;
    }
    if account(state, caller, user)?.policy.is_none() {
        // The vendor's message.
        let message = "S3 API credentials can only be generated for users with an S3 policy attached.";
        return Err(Refusal::invalid(message));
    }
    let keys = create_keys(state, caller, user)?;
    account_mut(state, caller, user)?.keys = Some(keys.clone());
    Ok(keys)
}

fn create_keys(state: &mut ClusterState, caller: &Caller, user: &str) -> Result<Keys, Refusal> {
    let serial = state.next_serial();
    let parts = ["keys", &state.guid, &caller.tenant, user, &serial];
    Ok(new_keys(state, caller.tenant(state)?, &parts))
}

fn account<'s>(state: &'s ClusterState, caller: &Caller, user: &str) -> Result<&'s User, Refusal> {
    caller.tenant(state)?.users.get(user).ok_or_else(|| unknown(user))
}

fn account_mut<'s>(state: &'s mut ClusterState, caller: &Caller, user: &str) -> Result<&'s mut User, Refusal> {
    caller.tenant_mut(state)?.users.get_mut(user).ok_or_else(|| unknown(user))
}

fn unknown(user: &str) -> Refusal {
    Refusal::param("user_name", format!("User \"{user}\" does not exist"))
}

pub(crate) fn list_groups(state: &ClusterState, caller: &Caller) -> Result<BTreeMap<String, String>, Refusal> {
    let groups = caller.require_s3_reader(state)?.groups.iter();
    Ok(groups.filter_map(|(group, attached)| Some((group.clone(), attached.clone()?))).collect())
}

/// Attaches a policy to a group, which gets no key pair.
pub(crate) fn attach_group(
    state: &mut ClusterState,
    caller: &Caller,
    policy: &str,
    group: &str,
) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    require_policies(state, caller, policy)?;
    if group.is_empty() {
        return Err(Refusal::invalid("the group name is empty"));
    }
    let rule = state.switches.attach_over;
    let attached = caller.tenant_mut(state)?.groups.entry(group.to_owned()).or_default();
    if let (Some(attached), AttachOver::Refuse) = (&attached, rule) {
        return Err(Refusal::invalid(format!("Group \"{group}\" already has the policy \"{attached}\" attached")));
    }
    *attached = Some(policy.to_owned());
    Ok(())
}

/// Detaches a group from its policy. The cluster forgets the group.
pub(crate) fn detach_group(state: &mut ClusterState, caller: &Caller, group: &str) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    let rule = state.switches.detach_unattached;
    let attached = caller.tenant_mut(state)?.groups.remove(group).flatten();
    match (attached, rule) {
        (Some(_), _) | (None, RefuseOrAllow::Allow) => Ok(()),
        (None, RefuseOrAllow::Refuse) => Err(Refusal::invalid(format!("Group \"{group}\" has no policy attached"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::policies;
    use crate::sim::operations::testing::{admin, cluster, message, policy as testing_policy};
    use crate::sim::switches::{CommaInName, KeyLength, RemoveAttached};

    #[test]
    fn an_attach_creates_a_key_pair_once_and_only_from_5_1() {
        let mut state = cluster("4.4");
        assert_eq!(attach(&mut state, &admin(), "ml", "bob"), Ok(None));
        let mut state = cluster("5.1");
        let keys = attach(&mut state, &admin(), "ml", "bob").unwrap().unwrap();
        assert_eq!(state.tenants["Root"].users["bob"].keys.as_ref(), Some(&keys));
        detach(&mut state, &admin(), "bob").unwrap();
        assert_eq!(state.tenants["Root"].users["bob"].keys.as_ref(), Some(&keys), "a detach keeps the keys");
        assert_eq!(attach(&mut state, &admin(), "readonly", "bob"), Ok(None));
        let other = attach(&mut state, &admin(), "ml", "alice").unwrap().unwrap();
        assert_ne!(other, keys);
    }

    #[test]
    fn a_user_has_one_policy() {
        let mut state = cluster("5.1");
        attach(&mut state, &admin(), "readonly", "alice").unwrap();
        assert_eq!(list(&state, &admin()).unwrap()["alice"], "readonly");
        state.switches.attach_over = AttachOver::Refuse;
        assert!(message(attach(&mut state, &admin(), "ml", "alice")).contains("already has the policy \"readonly\""));
        attach(&mut state, &admin(), "ml", "bob").unwrap();
    }

    #[test]
    fn attaching_the_same_policy_again_follows_the_switch() {
        let mut state = cluster("5.1");
        attach(&mut state, &admin(), "ml", "alice").unwrap();
        state.switches.attach_again = AttachAgain::Present;
        let refused = attach(&mut state, &admin(), "ml", "alice");
        assert_eq!(message(refused), "Policy \"ml\" is already present in the list");
        attach(&mut state, &admin(), "readonly", "alice").unwrap();
    }

    #[test]
    fn a_comma_in_a_name_follows_the_switch() {
        let mut state = cluster("5.1");
        assert!(message(attach(&mut state, &admin(), "ml,readonly", "bob")).contains("\"ml,readonly\" does not exist"));
        state.switches.comma = CommaInName::List;
        assert!(message(attach(&mut state, &admin(), "ml,nope", "bob")).contains("\"nope\" does not exist"));
        attach(&mut state, &admin(), "ml,readonly", "bob").unwrap();
        assert_eq!(state.tenants["Root"].users["bob"].policy.as_deref(), Some("ml,readonly"));
        assert!(message(policies::add(&mut state, &admin(), "a,b", testing_policy())).contains("comma"));
        detach(&mut state, &admin(), "alice").unwrap();
        assert!(message(policies::remove(&mut state, &admin(), "ml")).contains("attached to user \"bob\""));
        state.switches.remove_attached = RemoveAttached::Detaches;
        policies::remove(&mut state, &admin(), "ml").unwrap();
        assert_eq!(state.tenants["Root"].users["bob"].policy.as_deref(), Some("readonly"));
    }

    #[test]
    fn long_keys_have_128_characters() {
        let mut state = cluster("5.1");
        state.switches.keys = KeyLength::Long;
        let keys = attach(&mut state, &admin(), "ml", "bob").unwrap().unwrap();
        assert_eq!((keys.access_key.len(), keys.secret_key.len()), (128, 128));
    }

    #[test]
    fn a_detach_without_attachment_follows_the_switch() {
        let mut state = cluster("5.1");
        assert!(message(detach(&mut state, &admin(), "bob")).contains("no policy attached"));
        state.switches.detach_unattached = RefuseOrAllow::Allow;
        detach(&mut state, &admin(), "bob").unwrap();
    }

    #[test]
    fn a_detach_that_names_the_policy_is_of_that_policy() {
        let mut state = cluster("5.1");
        let other = detach_policy(&mut state, &admin(), "readonly", "alice");
        assert!(message(other).contains("does not have the policy \"readonly\""));
        detach_policy(&mut state, &admin(), "ml", "alice").unwrap();
        assert!(message(detach_policy(&mut state, &admin(), "ml", "alice")).contains("no policy attached"));
    }

    #[test]
    fn both_sides_of_an_attachment_must_exist_and_fit() {
        let mut state = cluster("5.1");
        assert!(message(attach(&mut state, &admin(), "nope", "bob")).contains("Policy \"nope\" does not exist"));
        assert!(message(attach(&mut state, &admin(), "ml", "nobody")).contains("User \"nobody\" does not exist"));
        assert!(message(attach(&mut state, &admin(), "ml", "eve")).contains("not an S3 user"));
        assert!(message(detach(&mut state, &admin(), "nobody")).contains("does not exist"));
        attach(&mut state, &admin(), "ml", "ldap").unwrap();
    }

    #[test]
    fn users_that_can_have_a_policy_are_listed() {
        let attached = list(&cluster("5.1"), &admin()).unwrap();
        let expected = [("alice", "ml"), ("bob", ""), ("dave", "readonly"), ("ldap", "")];
        assert!(attached.iter().map(|(user, policy)| (user.as_str(), policy.as_str())).eq(expected));
    }

    #[test]
    fn groups_follow_the_switches_and_the_rights() {
        let mut state = cluster("6.0");
        assert!(
            message(attach_group(&mut state, &admin(), "nope", "staff")).contains("Policy \"nope\" does not exist")
        );
        assert!(message(attach_group(&mut state, &admin(), "ml", "")).contains("empty"));
        attach_group(&mut state, &admin(), "ml", "staff").unwrap();
        state.switches.attach_over = AttachOver::Refuse;
        assert!(
            message(attach_group(&mut state, &admin(), "readonly", "staff")).contains("already has the policy \"ml\"")
        );
        state.switches.detach_unattached = RefuseOrAllow::Allow;
        detach_group(&mut state, &admin(), "nobody").unwrap();
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        assert!(matches!(attach_group(&mut state, &eve, "ml", "staff"), Err(Refusal::Forbidden(_))));
        assert!(matches!(detach_group(&mut state, &eve, "staff"), Err(Refusal::Forbidden(_))));
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        assert!(list_groups(&state, &eve).is_ok() && matches!(list_groups(&state, &alice), Err(Refusal::Forbidden(_))));
    }

    #[test]
    fn before_6_0_groups_do_not_block_a_removal() {
        let mut state = cluster("5.1");
        state.tenants.get_mut("Root").unwrap().groups.insert("staff".to_owned(), Some("ml".to_owned()));
        detach(&mut state, &admin(), "alice").unwrap();
        policies::remove(&mut state, &admin(), "ml").unwrap();
    }
}
