//! Who holds what: attach, detach, and the key pairs that an attach makes.

use std::collections::BTreeMap;

use super::{Caller, Refusal, policies, s3};
use crate::sim::ids;
use crate::sim::state::{Keys, State, User};
use crate::sim::switches::{AttachOver, Rule};

/// Which user holds which policy; users that can hold one and do not have an empty name.
///
/// That all of them are listed is assumed: a client was seen to cope with an empty name.
///
/// # Errors
/// The caller may not look, or there is no S3 cluster.
pub fn held(state: &State, caller: &Caller) -> Result<BTreeMap<String, String>, Refusal> {
    caller.may_look()?;
    s3::is_there(state)?;
    let users = caller.tenant(state)?.users.iter().filter(|(_, user)| user.can_hold_policy());
    Ok(users.map(|(name, user)| (name.clone(), user.policy.clone().unwrap_or_default())).collect())
}

/// Gives a user a policy. From 5.1 a user that has no key pair gets one, which is returned: this is the only time
/// it can be seen.
///
/// # Errors
/// The policy or the user is not there, the user cannot hold one or holds one already; or the caller may not.
pub fn attach(state: &mut State, caller: &Caller, policy: &str, user: &str) -> Result<Option<Keys>, Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    policies::is_there(state, caller, policy)?;
    let account = account(state, caller, user)?;
    if !account.can_hold_policy() {
        return Err(Refusal::param("user_name", format!("User \"{user}\" is not an S3 user")));
    }
    if let (Some(held), AttachOver::Refuse) = (&account.policy, state.switches.attach_over) {
        return Err(Refusal::param("user_name", format!("User \"{user}\" already has the policy \"{held}\" attached")));
    }
    let made = if state.behaviour().own_key_pairs && account.keys.is_none() {
        Some(make_keys(state, caller, user)?)
    } else {
        None
    };
    let account = account_mut(state, caller, user)?;
    account.policy = Some(policy.to_owned());
    if made.is_some() {
        account.keys.clone_from(&made);
    }
    Ok(made)
}

/// Takes the policy it holds from a user. A key pair stays: attaching any policy later makes it work again.
///
/// # Errors
/// The user is not there or holds nothing; or the caller may not.
pub fn detach(state: &mut State, caller: &Caller, user: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    let rule = state.switches.detach_unattached;
    let account = account_mut(state, caller, user)?;
    match (account.policy.take(), rule) {
        (Some(_), _) | (None, Rule::Allow) => Ok(()),
        (None, Rule::Refuse) => Err(Refusal::param("user_name", format!("User \"{user}\" has no policy attached"))),
    }
}

/// Takes this policy from a user, and no other one.
///
/// # Errors
/// The user is not there, holds another policy or none; or the caller may not.
pub fn detach_this(state: &mut State, caller: &Caller, policy: &str, user: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    match account(state, caller, user)?.policy.as_deref() {
        Some(held) if held != policy => {
            Err(Refusal::invalid(format!("User \"{user}\" does not have the policy \"{policy}\" attached")))
        }
        Some(_) | None => detach(state, caller, user),
    }
}

/// Makes a new key pair of a user that holds a policy, or of the caller; the old one is worthless at once.
///
/// # Errors
/// The user is not there or holds nothing, or the caller may not.
pub fn renew_keys(state: &mut State, caller: &Caller, user: Option<&str>) -> Result<Keys, Refusal> {
    s3::is_there(state)?;
    let user = user.unwrap_or(&caller.user);
    if user != caller.user {
        caller.may_change()?;
    }
    if account(state, caller, user)?.policy.is_none() {
        // The vendor's words.
        let message = "S3 API credentials can only be generated for users with an S3 policy attached.";
        return Err(Refusal::invalid(message));
    }
    let made = make_keys(state, caller, user)?;
    account_mut(state, caller, user)?.keys = Some(made.clone());
    Ok(made)
}

fn make_keys(state: &mut State, caller: &Caller, user: &str) -> Result<Keys, Refusal> {
    let tenant = caller.tenant(state)?.id.unwrap_or_default();
    let serial = state.next_serial();
    let parts = ["keys", &state.guid, &caller.tenant, user, &serial];
    Ok(Keys { access_key: ids::access_key(tenant, &parts), secret_key: ids::secret_key(&parts) })
}

fn account<'s>(state: &'s State, caller: &Caller, user: &str) -> Result<&'s User, Refusal> {
    caller.tenant(state)?.user(user).ok_or_else(|| unknown(user))
}

fn account_mut<'s>(state: &'s mut State, caller: &Caller, user: &str) -> Result<&'s mut User, Refusal> {
    caller.tenant_mut(state)?.user_mut(user).ok_or_else(|| unknown(user))
}

fn unknown(user: &str) -> Refusal {
    Refusal::param("user_name", format!("User \"{user}\" does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::{admin, cluster, message};

    #[test]
    fn an_attach_makes_a_key_pair_once_and_only_from_5_1() {
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
    fn a_user_holds_one_policy() {
        let mut state = cluster("5.1");
        attach(&mut state, &admin(), "readonly", "alice").unwrap();
        assert_eq!(held(&state, &admin()).unwrap()["alice"], "readonly");
        state.switches.attach_over = AttachOver::Refuse;
        assert!(message(attach(&mut state, &admin(), "ml", "alice")).contains("already has the policy \"readonly\""));
        attach(&mut state, &admin(), "ml", "bob").unwrap();
    }

    #[test]
    fn a_detach_of_nothing_follows_the_switch() {
        let mut state = cluster("5.1");
        assert!(message(detach(&mut state, &admin(), "bob")).contains("no policy attached"));
        state.switches.detach_unattached = Rule::Allow;
        detach(&mut state, &admin(), "bob").unwrap();
    }

    #[test]
    fn a_detach_that_names_the_policy_looks_at_the_rights_first() {
        let mut state = cluster("5.1");
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        for policy in ["ml", "readonly"] {
            assert!(matches!(detach_this(&mut state, &eve, policy, "alice"), Err(Refusal::Forbidden(_))), "{policy}");
        }
        let other = detach_this(&mut state, &admin(), "readonly", "alice");
        assert!(message(other).contains("does not have the policy \"readonly\""));
        detach_this(&mut state, &admin(), "ml", "alice").unwrap();
        assert!(message(detach_this(&mut state, &admin(), "ml", "alice")).contains("no policy attached"));
    }

    #[test]
    fn both_sides_of_an_attachment_must_be_there_and_fit() {
        let mut state = cluster("5.1");
        assert!(message(attach(&mut state, &admin(), "nope", "bob")).contains("Policy \"nope\" does not exist"));
        assert!(message(attach(&mut state, &admin(), "ml", "nobody")).contains("User \"nobody\" does not exist"));
        assert!(message(attach(&mut state, &admin(), "ml", "eve")).contains("not an S3 user"));
        assert!(message(detach(&mut state, &admin(), "nobody")).contains("does not exist"));
        attach(&mut state, &admin(), "ml", "ldap").unwrap();
    }

    #[test]
    fn who_can_hold_a_policy_is_listed() {
        let held = held(&cluster("5.1"), &admin()).unwrap();
        let expected = [("alice", "ml"), ("bob", ""), ("dave", "readonly"), ("ldap", "")];
        assert!(held.iter().map(|(user, policy)| (user.as_str(), policy.as_str())).eq(expected));
    }
}
