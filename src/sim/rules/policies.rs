//! Policies: list, show, add, remove. There is no update call in any release.

use super::{Caller, Refusal, document, s3};
use crate::sim::document::Document;
use crate::sim::state::{Policy, State, Tenant};
use crate::sim::switches::{AddOver, Lists, Rule};

/// The names of all policies of the caller's tenant, the predefined ones among them.
///
/// # Errors
/// The caller may not look, or there is no S3 cluster.
pub fn list(state: &State, caller: &Caller) -> Result<Vec<String>, Refusal> {
    caller.may_look()?;
    s3::is_there(state)?;
    let tenant = caller.tenant(state)?;
    let mut names: Vec<String> = state.predefined.keys().chain(tenant.policies.keys()).cloned().collect();
    if state.switches.lists == Lists::PoliciesTwice {
        names.extend(tenant.policies.keys().cloned());
    }
    names.sort();
    Ok(names)
}

/// The document of a policy.
///
/// # Errors
/// There is no such policy, the caller may not look, or there is no S3 cluster.
pub fn show(state: &State, caller: &Caller, name: &str) -> Result<Document, Refusal> {
    caller.may_look()?;
    s3::is_there(state)?;
    let own = caller.tenant(state)?.policies.get(name).map(|policy| &policy.document);
    own.or_else(|| state.predefined.get(name)).cloned().ok_or_else(|| missing(name))
}

/// Adds a policy.
///
/// # Errors
/// The name is taken or predefined, the document is not one, there are too many; or the caller may not.
pub fn add(state: &mut State, caller: &Caller, name: &str, document: Document) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    // Which characters a name may have is unknown; an empty one could never be shown or removed.
    if name.is_empty() {
        return Err(Refusal::param("policy_name", "the policy name is empty"));
    }
    if state.predefined.contains_key(name) {
        return Err(Refusal::param("policy_name", format!("Policy \"{name}\" is predefined and cannot be changed")));
    }
    document::check(&document, state.limits.document_bytes)?;
    let (limit, predefined, add_over) = (state.limits.policies, state.predefined.len(), state.switches.add_over);
    let policies = &mut caller.tenant_mut(state)?.policies;
    match (policies.contains_key(name), add_over) {
        (true, AddOver::Refuse) => {
            return Err(Refusal::param("policy_name", format!("Policy \"{name}\" already exists")));
        }
        (false, AddOver::Refuse | AddOver::Overwrite) if policies.len() + predefined >= limit => {
            return Err(Refusal::invalid(format!("The maximum number of policies ({limit}) is reached")));
        }
        (false, AddOver::Refuse | AddOver::Overwrite) | (true, AddOver::Overwrite) => {}
    }
    policies.insert(name.to_owned(), Policy { document });
    Ok(())
}

/// Removes a policy. Where the switch allows it while users hold it, they go on holding its name: what a cluster
/// that accepts the call does with them is unknown.
///
/// # Errors
/// There is no such policy, it is predefined, it is held; or the caller may not.
pub fn remove(state: &mut State, caller: &Caller, name: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    s3::is_there(state)?;
    if state.predefined.contains_key(name) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is predefined and cannot be removed")));
    }
    let (rule, groups) = (state.switches.remove_attached, state.behaviour().groups);
    let tenant = caller.tenant_mut(state)?;
    if !tenant.policies.contains_key(name) {
        return Err(missing(name));
    }
    if let (Rule::Refuse, Some(holder)) = (rule, holder(tenant, name)) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is attached to user \"{holder}\"")));
    }
    // What a file says about groups counts on releases that have them.
    let mut holding = tenant.groups.iter().filter(|(_, held)| groups && held.as_deref() == Some(name));
    if let (Rule::Refuse, Some((group, _))) = (rule, holding.next()) {
        return Err(Refusal::param("policy", format!("Policy \"{name}\" is attached to group \"{group}\"")));
    }
    tenant.policies.remove(name);
    Ok(())
}

fn holder<'t>(tenant: &'t Tenant, policy: &str) -> Option<&'t str> {
    tenant.users.iter().find(|(_, user)| user.policy.as_deref() == Some(policy)).map(|(name, _)| name.as_str())
}

/// Lets a call about a policy through that is there.
pub(super) fn is_there(state: &State, caller: &Caller, name: &str) -> Result<(), Refusal> {
    let there = caller.tenant(state)?.policies.contains_key(name) || state.predefined.contains_key(name);
    if there { Ok(()) } else { Err(missing(name)) }
}

/// The definitions give 400 and 401 for these calls and no 404, so a policy that is not there is a 400.
fn missing(name: &str) -> Refusal {
    Refusal::param("policy", format!("Policy \"{name}\" does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::{POLICY, admin, cluster, policy};

    fn refused(result: Result<(), Refusal>, part: &str) {
        let message = result.unwrap_err().message();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn a_policy_is_added_listed_shown_and_removed() {
        let mut state = cluster("5.1");
        add(&mut state, &admin(), "etl", policy()).unwrap();
        assert_eq!(list(&state, &admin()).unwrap(), ["etl", "ml", "readonly", "readwrite", "writeonly"]);
        assert_eq!(show(&state, &admin(), "etl").unwrap().as_str(), POLICY);
        remove(&mut state, &admin(), "etl").unwrap();
        assert!(show(&state, &admin(), "etl").unwrap_err().message().contains("does not exist"));
        refused(remove(&mut state, &admin(), "etl"), "does not exist");
        refused(remove(&mut state, &admin(), "ML"), "does not exist");
    }

    #[test]
    fn predefined_policies_differ_by_release_and_cannot_be_touched() {
        let mut state = cluster("4.4");
        assert!(!show(&state, &admin(), "readonly").unwrap().as_str().contains("ListBucket"));
        assert!(show(&cluster("5.1"), &admin(), "readonly").unwrap().as_str().contains("ListBucket"));
        refused(add(&mut state, &admin(), "readonly", policy()), "predefined");
        refused(remove(&mut state, &admin(), "readonly"), "predefined");
    }

    #[test]
    fn adding_over_a_name_follows_the_switch() {
        let mut state = cluster("5.1");
        refused(add(&mut state, &admin(), "ml", policy()), "already exists");
        state.switches.add_over = AddOver::Overwrite;
        let other = Document::parse(&POLICY.replace("Allow", "Deny")).unwrap();
        add(&mut state, &admin(), "ml", other.clone()).unwrap();
        assert_eq!(show(&state, &admin(), "ml").unwrap(), other);
    }

    #[test]
    fn removing_a_held_policy_follows_the_switch() {
        let mut state = cluster("5.1");
        refused(remove(&mut state, &admin(), "ml"), "attached to user \"alice\"");
        state.switches.remove_attached = Rule::Allow;
        remove(&mut state, &admin(), "ml").unwrap();
        assert_eq!(state.tenants["Root"].users["alice"].policy.as_deref(), Some("ml"));
    }

    #[test]
    fn the_limit_counts_the_predefined_ones() {
        let mut state = cluster("5.1");
        state.limits.policies = 5;
        add(&mut state, &admin(), "one", policy()).unwrap();
        refused(add(&mut state, &admin(), "two", policy()), "maximum number");
    }

    #[test]
    fn who_may_only_look_changes_nothing_and_a_deleted_s3_answers_nothing() {
        let mut state = cluster("5.1");
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        list(&state, &eve).unwrap();
        assert!(matches!(add(&mut state, &eve, "x", policy()), Err(Refusal::Forbidden(_))));
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        assert!(matches!(list(&state, &alice), Err(Refusal::Forbidden(_))));
        state.s3_deleted = true;
        refused(list(&state, &admin()).map(|_| ()), "not configured");
        refused(add(&mut state, &admin(), "x", policy()), "not configured");
    }

    #[test]
    fn tenants_do_not_see_each_other() {
        let state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        assert_eq!(list(&state, &boss).unwrap().len(), 3);
        assert!(show(&state, &boss, "ml").is_err());
    }
}
