//! Service accounts: further key pairs of an S3 user. Only the user itself can see and change them; an administrator cannot.

use super::policies::check_document;
use super::{Caller, Refusal, new_keys, require_s3};
use crate::sim::document::StoredDocument;
use crate::sim::release::Role;
use crate::sim::state::{ClusterState, Keys, ServiceAccount, User};

/// A service account as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) parent: String,
    pub(crate) implied: bool,
    /// Its own policy, or else the name of the user's.
    pub(crate) policy: String,
}

/// The access keys of the caller's service accounts.
pub(crate) fn list(state: &ClusterState, caller: &Caller) -> Result<Vec<String>, Refusal> {
    Ok(own(state, caller)?.service_accounts.keys().cloned().collect())
}

pub(crate) fn show(state: &ClusterState, caller: &Caller, access_key: &str) -> Result<Shown, Refusal> {
    let user = own(state, caller)?;
    let account = user.service_accounts.get(access_key).ok_or_else(|| missing(access_key))?;
    let own = account.policy.as_ref().map(|policy| policy.as_str().to_owned());
    let (implied, of_user) = (own.is_none(), user.policy.clone().unwrap_or_default());
    Ok(Shown { parent: caller.user.clone(), implied, policy: own.unwrap_or(of_user) })
}

/// Adds a service account, whose secret is shown only this once. Assumed: the user needs a policy.
pub(crate) fn add(state: &mut ClusterState, caller: &Caller, policy: Option<StoredDocument>) -> Result<Keys, Refusal> {
    let limit = state.limits.service_accounts;
    let user = own(state, caller)?;
    if user.policy.is_none() {
        return Err(Refusal::invalid("The user has no S3 policy attached"));
    }
    if user.service_accounts.len() >= limit {
        return Err(Refusal::invalid(format!("The maximum number of service accounts ({limit}) is reached")));
    }
    if let Some(policy) = &policy {
        check_document(policy, state.limits.document_bytes)?;
    }
    let serial = state.next_serial();
    let parts = ["service", &state.guid, &caller.tenant, &caller.user, &serial];
    let keys = new_keys(state, caller.tenant(state)?, &parts);
    let account = ServiceAccount { secret_key: keys.secret_key.clone(), policy };
    own_mut(state, caller)?.service_accounts.insert(keys.access_key.clone(), account);
    Ok(keys)
}

pub(crate) fn remove(state: &mut ClusterState, caller: &Caller, access_key: &str) -> Result<(), Refusal> {
    let removed = own_mut(state, caller)?.service_accounts.remove(access_key);
    removed.map(drop).ok_or_else(|| missing(access_key))
}

fn own<'s>(state: &'s ClusterState, caller: &Caller) -> Result<&'s User, Refusal> {
    require_s3_user(state, caller)?;
    caller.account(state)
}

fn own_mut<'s>(state: &'s mut ClusterState, caller: &Caller) -> Result<&'s mut User, Refusal> {
    require_s3_user(state, caller)?;
    caller.tenant_mut(state)?.users.get_mut(&caller.user).ok_or(Refusal::Unauthorized)
}

/// Assumed: a real cluster answers 403 to anyone else.
fn require_s3_user(state: &ClusterState, caller: &Caller) -> Result<(), Refusal> {
    require_s3(state)?;
    if caller.role == Role::S3 {
        return Ok(());
    }
    Err(Refusal::Forbidden(format!("User \"{}\" is not an S3 user", caller.user)))
}

fn missing(access_key: &str) -> Refusal {
    Refusal::param("access_key", format!("Service account \"{access_key}\" does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::testing::{admin, cluster, message, policy};

    #[test]
    fn only_the_user_itself_sees_its_service_accounts() {
        let mut state = cluster("5.1");
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        let implied = add(&mut state, &alice, None).unwrap();
        let narrowed = add(&mut state, &alice, Some(policy())).unwrap();
        assert_eq!(list(&state, &alice).unwrap().len(), 2);
        let shown = show(&state, &alice, &implied.access_key).unwrap();
        assert_eq!(shown, Shown { parent: "alice".into(), implied: true, policy: "ml".into() });
        assert!(show(&state, &alice, &narrowed.access_key).unwrap().policy.starts_with("{"));
        assert!(matches!(list(&state, &admin()), Err(Refusal::Forbidden(_))));
        assert!(matches!(remove(&mut state, &admin(), &implied.access_key), Err(Refusal::Forbidden(_))));
        remove(&mut state, &alice, &implied.access_key).unwrap();
        assert!(message(remove(&mut state, &alice, &implied.access_key)).contains("does not exist"));
        state.limits.service_accounts = 1;
        assert!(message(add(&mut state, &alice, None)).contains("maximum number"));
    }
}
