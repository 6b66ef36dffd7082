//! Tenants ("organizations" before 5.1): list them, and find one by name or id.

use super::{Caller, Refusal};
use crate::sim::ids;
use crate::sim::state::{State, Tenant};

/// The tenants the caller sees: all for a cluster administrator, its own for any other. The latter is assumed.
///
/// # Errors
/// The caller may not look.
pub fn list<'s>(state: &'s State, caller: &Caller) -> Result<Vec<(&'s String, &'s Tenant)>, Refusal> {
    caller.may_look()?;
    let all = caller.may_rule().is_ok();
    Ok(state.tenants.iter().filter(|(name, _)| all || **name == caller.tenant).collect())
}

/// The id of a tenant in the form of a UUID.
#[must_use]
pub fn uid(state: &State, name: &str) -> String {
    ids::uuid(&["tenant", &state.guid, name])
}

/// The name of the tenant that `org` names, by its name or its id. Another than its own is open to a cluster
/// administrator only.
///
/// # Errors
/// There is no such tenant, or it is not open to the caller.
pub fn named(state: &State, caller: &Caller, org: &str) -> Result<String, Refusal> {
    let is_it = |name: &str, tenant: &Tenant| name == org || tenant.id.is_some_and(|id| id.to_string() == org);
    let found = state.tenants.iter().find(|(name, tenant)| is_it(name, tenant)).map(|(name, _)| name);
    let name = found.ok_or_else(|| Refusal::param("org", format!("Tenant \"{org}\" does not exist")))?;
    if *name != caller.tenant {
        caller.may_rule()?;
    }
    Ok(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::{admin, cluster};

    #[test]
    fn another_tenant_is_for_a_cluster_administrator() {
        let state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        assert_eq!(list(&state, &admin()).unwrap().len(), 2);
        assert_eq!(list(&state, &boss).unwrap().len(), 1);
        assert_eq!(named(&state, &admin(), "1"), Ok("lab".to_owned()));
        assert_eq!(named(&state, &boss, "lab"), Ok("lab".to_owned()));
        assert!(matches!(named(&state, &boss, "Root"), Err(Refusal::Forbidden(_))));
        assert!(matches!(named(&state, &admin(), "x"), Err(Refusal::Invalid { .. })));
    }
}
