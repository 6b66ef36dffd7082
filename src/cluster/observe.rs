//! Reads from a cluster all that a plan depends on, as a whole.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{CallError, Cluster, GroupRecord, Users, groups_by_name};
use crate::base::{PolicyName, Principal};
use crate::desired::{DeclaredAttachment, Desired};
use crate::observed::{Body, Duplicates, Limits, Observed};
use crate::policy;

/// Observes the cluster: identity, users, all policy names, and the documents that matter for `desired`, at most
/// `jobs` reads at a time.
///
/// # Errors
/// The first read that fails; an incomplete observation is never returned.
pub async fn observe(cluster: &dyn Cluster, desired: &Desired, jobs: usize) -> Result<Observed, CallError> {
    observe_for(cluster, &[desired], jobs).await
}

/// The same, with the documents that matter for any of several desired states.
///
/// # Errors
/// The first read that fails; an incomplete observation is never returned.
pub async fn observe_for(cluster: &dyn Cluster, states: &[&Desired], jobs: usize) -> Result<Observed, CallError> {
    let of_all = |names: &[PolicyName], users: &Users, groups: &Groups| {
        states.iter().flat_map(|desired| wanted(desired, names, users, groups)).collect()
    };
    look(cluster, jobs, &of_all).await
}

/// Observes the cluster with the documents of all policies that anybody holds, at most `jobs` reads at a time.
///
/// # Errors
/// The first read that fails; an incomplete observation is never returned.
pub async fn observe_held(cluster: &dyn Cluster, jobs: usize) -> Result<Observed, CallError> {
    look(cluster, jobs, &held).await
}

/// Observes the cluster with the documents that matter for any of several desired states and those of all policies that
/// anybody holds, at most `jobs` reads at a time.
///
/// # Errors
/// The first read that fails; an incomplete observation is never returned.
pub async fn observe_all(cluster: &dyn Cluster, states: &[&Desired], jobs: usize) -> Result<Observed, CallError> {
    let all = |names: &[PolicyName], users: &Users, groups: &Groups| {
        let matters = states.iter().flat_map(|desired| wanted(desired, names, users, groups));
        matters.chain(held(names, users, groups)).collect()
    };
    look(cluster, jobs, &all).await
}

/// The groups as they are reported.
type Groups = [GroupRecord];

/// Who holds what, by all records of a name that has several.
fn holdings<'a>(users: &'a Users, groups: &'a Groups) -> impl Iterator<Item = (Principal, &'a PolicyName)> {
    let users = users.users.iter().filter_map(|user| Some((Principal::from(&user.name), user.policy.as_ref()?)));
    let groups = groups.iter().filter_map(|group| Some((Principal::from(&group.name), group.policy.as_ref()?)));
    users.chain(groups)
}

/// Which documents matter, of all policies and of who holds what.
type Wanted<'a> = dyn Fn(&[PolicyName], &Users, &Groups) -> BTreeSet<PolicyName> + Sync + 'a;

async fn look(cluster: &dyn Cluster, jobs: usize, wanted: &Wanted<'_>) -> Result<Observed, CallError> {
    let identity = cluster.identity().await?;
    let (users, groups, names, identity_provider) =
        tokio::try_join!(cluster.users(), cluster.groups(), cluster.list_policies(), cluster.identity_provider())?;
    let groups_known = groups.is_some();
    let groups = groups.unwrap_or_default();
    let wanted = wanted(&names, &users, &groups);
    let mut duplicates = Duplicates::default();
    duplicates.policies(&names);
    let mut policies: BTreeMap<PolicyName, Body> = names.into_iter().map(|name| (name, Body::NotRead)).collect();
    for (name, text) in documents(cluster, &wanted, jobs).await? {
        match text {
            Some(text) => policies.insert(name, body(text)),
            None => policies.remove(&name),
        };
    }
    Ok(Observed {
        identity,
        policies,
        groups_known,
        identity_provider,
        attachments_known: users.attachments_known,
        keys_can_be_generated: cluster.can_generate_keys(),
        users: users.by_name(&mut duplicates),
        groups: groups_by_name(groups, &mut duplicates),
        duplicates,
        limits: Limits::default(),
    })
}

/// The policies on the cluster whose documents matter: those that a file names, that may be removed, that are in
/// transit, and that somebody declared holds now or then.
fn wanted(desired: &Desired, names: &[PolicyName], users: &Users, groups: &Groups) -> BTreeSet<PolicyName> {
    let held: BTreeSet<&PolicyName> = holdings(users, groups)
        .filter(|(principal, _)| desired.entry(principal).is_some() || desired.ownership.covers(principal))
        .map(|(_, policy)| policy)
        .collect();
    // Whoever has several policies at once has access by all of them together.
    let listed: BTreeSet<PolicyName> = holdings(users, groups)
        .filter(|(_, attached)| attached.is_list())
        .flat_map(|(_, attached)| attached.listed().collect::<Vec<_>>())
        .collect();
    let targets: BTreeSet<&PolicyName> = desired
        .holders()
        .filter_map(|(_, entry)| match &entry.intent {
            DeclaredAttachment::Has(policy) => Some(policy),
            DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
        })
        .collect();
    let in_transit: BTreeSet<PolicyName> = names.iter().filter_map(PolicyName::temporary_for).collect();
    let matters = |name: &&PolicyName| {
        desired.policies.contains_key(*name)
            || desired.ownership.covers_policy(name)
            || name.temporary_for().is_some()
            || in_transit.contains(*name)
            || held.contains(name)
            || listed.contains(*name)
            || targets.contains(name)
    };
    names.iter().filter(matters).filter(|name| name.addressable().is_ok()).cloned().collect()
}

/// The policies that anybody holds.
fn held(names: &[PolicyName], users: &Users, groups: &Groups) -> BTreeSet<PolicyName> {
    let held: BTreeSet<PolicyName> =
        holdings(users, groups).flat_map(|(_, attached)| attached.listed().collect::<Vec<_>>()).collect();
    names.iter().filter(|name| held.contains(*name) && name.addressable().is_ok()).cloned().collect()
}

/// The documents as the cluster tells them, at most `jobs` at a time; `None` for a policy that went away since it was listed.
///
/// # Errors
/// The first read that fails.
pub async fn documents(
    cluster: &dyn Cluster,
    wanted: &BTreeSet<PolicyName>,
    jobs: usize,
) -> Result<Vec<(PolicyName, Option<String>)>, CallError> {
    stream::iter(wanted.iter().cloned())
        .map(|name| async move {
            match cluster.show_policy(&name).await {
                Ok(text) => Ok((name, Some(text))),
                Err(error) if cluster.list_policies().await?.contains(&name) => Err(error),
                Err(_) => Ok((name, None)),
            }
        })
        .buffer_unordered(jobs.max(1))
        .try_collect()
        .await
}

/// Models a document that a cluster returned, as far as that can be done.
#[must_use]
pub fn body(text: String) -> Body {
    match policy::read_lenient(&text) {
        Ok(document) => Body::Known(policy::normal(&document)),
        Err(_) => Body::Unreadable(text),
    }
}
