//! Groups and the policies they hold, from 6.0.
//!
//! Groups come from a directory: the cluster knows those that hold a policy, and takes any name. This is assumed.

use std::collections::BTreeMap;

use super::{Caller, Refusal, policies, s3};
use crate::sim::state::State;
use crate::sim::switches::{AttachOver, Rule};

/// Which group holds which policy.
///
/// # Errors
/// The caller may not look, or there is no S3 cluster.
pub fn held(state: &State, caller: &Caller) -> Result<BTreeMap<String, String>, Refusal> {
    caller.may_look()?;
    s3::is_there(state)?;
    let groups = caller.tenant(state)?.groups.iter();
    Ok(groups.filter_map(|(group, held)| Some((group.clone(), held.clone()?))).collect())
}

/// Gives a group a policy. It is given no key pair.
///
/// # Errors
/// The policy is not there, the name is empty, the group may hold no other one; or the caller may not.
pub fn attach(state: &mut State, caller: &Caller, policy: &str, group: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    policies::is_there(state, caller, policy)?;
    if group.is_empty() {
        return Err(Refusal::invalid("the group name is empty"));
    }
    let rule = state.switches.attach_over;
    let held = caller.tenant_mut(state)?.groups.entry(group.to_owned()).or_default();
    if let (Some(held), AttachOver::Refuse) = (&held, rule) {
        return Err(Refusal::invalid(format!("Group \"{group}\" already has the policy \"{held}\" attached")));
    }
    *held = Some(policy.to_owned());
    Ok(())
}

/// Takes the policy it holds from a group, which the cluster knows no longer.
///
/// # Errors
/// The group holds nothing; or the caller may not.
pub fn detach(state: &mut State, caller: &Caller, group: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    let rule = state.switches.detach_unattached;
    let held = caller.tenant_mut(state)?.groups.remove(group).flatten();
    match (held, rule) {
        (Some(_), _) | (None, Rule::Allow) => Ok(()),
        (None, Rule::Refuse) => Err(Refusal::invalid(format!("Group \"{group}\" has no policy attached"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::{admin, cluster, message};

    #[test]
    fn a_group_holds_one_policy_which_stays_meanwhile() {
        let mut state = cluster("6.0");
        detach_is_refused(&mut state, "staff");
        attach(&mut state, &admin(), "readonly", "staff").unwrap();
        attach(&mut state, &admin(), "ml", "staff").unwrap();
        assert_eq!(held(&state, &admin()).unwrap(), BTreeMap::from([("staff".to_owned(), "ml".to_owned())]));
        crate::sim::rules::attachments::detach(&mut state, &admin(), "alice").unwrap();
        assert!(message(policies::remove(&mut state, &admin(), "ml")).contains("attached to group \"staff\""));
        detach(&mut state, &admin(), "staff").unwrap();
        detach_is_refused(&mut state, "staff");
        policies::remove(&mut state, &admin(), "ml").unwrap();
    }

    fn detach_is_refused(state: &mut State, group: &str) {
        assert!(message(detach(state, &admin(), group)).contains("no policy attached"));
    }

    #[test]
    fn groups_follow_the_switches_and_the_rights() {
        let mut state = cluster("6.0");
        assert!(message(attach(&mut state, &admin(), "nope", "staff")).contains("Policy \"nope\" does not exist"));
        assert!(message(attach(&mut state, &admin(), "ml", "")).contains("empty"));
        attach(&mut state, &admin(), "ml", "staff").unwrap();
        state.switches.attach_over = AttachOver::Refuse;
        assert!(message(attach(&mut state, &admin(), "readonly", "staff")).contains("already has the policy \"ml\""));
        state.switches.detach_unattached = Rule::Allow;
        detach(&mut state, &admin(), "nobody").unwrap();
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        assert!(matches!(attach(&mut state, &eve, "ml", "staff"), Err(Refusal::Forbidden(_))));
        assert!(matches!(detach(&mut state, &eve, "staff"), Err(Refusal::Forbidden(_))));
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        assert!(held(&state, &eve).is_ok() && matches!(held(&state, &alice), Err(Refusal::Forbidden(_))));
    }

    #[test]
    fn before_6_0_no_group_keeps_a_policy() {
        let mut state = cluster("5.1");
        state.tenants.get_mut("Root").unwrap().groups.insert("staff".to_owned(), Some("ml".to_owned()));
        crate::sim::rules::attachments::detach(&mut state, &admin(), "alice").unwrap();
        policies::remove(&mut state, &admin(), "ml").unwrap();
    }
}
