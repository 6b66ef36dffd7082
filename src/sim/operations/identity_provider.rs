//! The identity provider for S3: its values of a claim are names of policies.

use super::{Caller, Refusal};
use crate::sim::state::{ClusterState, IdentityProvider};

pub(crate) fn show<'s>(state: &'s ClusterState, caller: &Caller) -> Result<Option<&'s IdentityProvider>, Refusal> {
    caller.require_s3_reader(state)?;
    Ok(state.identity_provider.as_ref())
}

pub(crate) fn add(state: &mut ClusterState, caller: &Caller, provider: IdentityProvider) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    if state.identity_provider.is_some() {
        return Err(Refusal::invalid("An OIDC configuration exists already"));
    }
    check(&provider)?;
    state.identity_provider = Some(provider);
    Ok(())
}

/// Changes the members that are given.
pub(crate) fn change(
    state: &mut ClusterState,
    caller: &Caller,
    config_url: Option<String>,
    claim_name: Option<String>,
) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    let Some(old) = state.identity_provider.clone() else {
        return Err(Refusal::invalid("There is no OIDC configuration"));
    };
    let provider = IdentityProvider {
        config_url: config_url.unwrap_or(old.config_url),
        claim_name: claim_name.unwrap_or(old.claim_name),
    };
    check(&provider)?;
    state.identity_provider = Some(provider);
    Ok(())
}

pub(crate) fn remove(state: &mut ClusterState, caller: &Caller) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    let removed = state.identity_provider.take();
    removed.map(drop).ok_or_else(|| Refusal::invalid("There is no OIDC configuration"))
}

fn check(provider: &IdentityProvider) -> Result<(), Refusal> {
    if provider.config_url.starts_with("https://") {
        return Ok(());
    }
    Err(Refusal::param("config_url", "config_url must be an https address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::testing::{admin, cluster, message};

    #[test]
    fn a_provider_is_added_changed_and_removed() {
        let mut state = cluster("5.1");
        let provider =
            |config_url: &str| IdentityProvider { config_url: config_url.into(), claim_name: "roles".into() };
        assert!(message(add(&mut state, &admin(), provider("http://x"))).contains("https"));
        assert!(message(change(&mut state, &admin(), None, None)).contains("no OIDC"));
        add(&mut state, &admin(), provider("https://x")).unwrap();
        assert!(message(add(&mut state, &admin(), provider("https://y"))).contains("exists already"));
        change(&mut state, &admin(), None, Some("groups".into())).unwrap();
        let expected = IdentityProvider { config_url: "https://x".into(), claim_name: "groups".into() };
        assert_eq!(show(&state, &admin()).unwrap(), Some(&expected));
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        assert!(show(&state, &eve).is_ok() && matches!(remove(&mut state, &eve), Err(Refusal::Forbidden(_))));
        remove(&mut state, &admin()).unwrap();
        assert!(message(remove(&mut state, &admin())).contains("no OIDC"));
    }
}
