//! Reads a cluster: everything that a plan depends on, complete or not at all.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::buckets::bucket_policies;
use super::{CallError, Cluster, capabilities, groups_by_name};
use crate::base::{BucketName, PolicyName, Principal};
use crate::desired::Desired;
use crate::observed::{Body, BucketPolicy, Buckets, Duplicates, Limits, Observed};

/// Reads the cluster: identity, users, groups, all policy names, and the documents that matter for one of the desired
/// states. If one of them needs the policies of buckets, it reads these, too. Sends at most `jobs` reads at a time.
/// An incomplete observation is never returned.
pub async fn observe(cluster: &dyn Cluster, states: &[&Desired], jobs: usize) -> Result<Observed, CallError> {
    observe_watched(cluster, states, jobs, &|_| ()).await
}

/// The same, and shows what is there by now from time to time: documents to come are not read, nor are the policies of buckets.
pub async fn observe_watched(
    cluster: &dyn Cluster,
    states: &[&Desired],
    jobs: usize,
    watch: &Watch<'_>,
) -> Result<Observed, CallError> {
    read_all(cluster, states, Documents::OfStates, None, (jobs, watch)).await
}

/// What sees a part of an observation.
type Watch<'a> = dyn Fn(&Observed) + Sync + 'a;

/// How many parts it sees, whatever the number of documents: each costs a copy of all that is there.
const PARTS: usize = 8;

/// The same after a run, without the documents and policies of buckets that are `known`: of these, only the names are read.
pub async fn observe_again(
    cluster: &dyn Cluster,
    states: &[&Desired],
    known: &Observed,
    jobs: usize,
) -> Result<Observed, CallError> {
    read_all(cluster, states, Documents::OfStates, Some(known), (jobs, &|_| ())).await
}

/// The same, with the documents of all attached policies and, if they can be read, the policies of buckets.
pub async fn observe_all(cluster: &dyn Cluster, states: &[&Desired], jobs: usize) -> Result<Observed, CallError> {
    read_all(cluster, states, Documents::Attached, None, (jobs, &|_| ())).await
}

/// Reads the cluster with the documents of all policies and the policies of buckets: all that any desired state can need.
pub async fn observe_whole(cluster: &dyn Cluster, jobs: usize) -> Result<Observed, CallError> {
    read_all(cluster, &[], Documents::All, None, (jobs, &|_| ())).await
}

/// The documents to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Documents {
    /// Those that matter for a desired state.
    OfStates,
    /// These, and those of attached policies.
    Attached,
    /// All of them.
    All,
}

async fn read_all(
    cluster: &dyn Cluster,
    states: &[&Desired],
    which: Documents,
    known: Option<&Observed>,
    (jobs, watch): (usize, &Watch<'_>),
) -> Result<Observed, CallError> {
    let needs = Needs::of(states, which);
    let description = async {
        let identity = cluster.identity().await?;
        let capabilities = capabilities(cluster, &identity.release).await;
        Ok((identity, capabilities))
    };
    let lists = async {
        tokio::try_join!(
            cluster.users(),
            cluster.groups(),
            cluster.list_policies(),
            provider(cluster),
            bucket_names(cluster, needs)
        )
    };
    // What a cluster can do decides which lists it has. After a run, that is known.
    let ((identity, capabilities), lists) = match known {
        None => (description.await?, lists.await?),
        Some(_) => tokio::try_join!(description, lists)?,
    };
    let (users, groups, names, identity_provider, bucket_names) = lists;
    let groups_known = groups.is_some();
    let groups = groups.unwrap_or_default();
    // A name with several records has an attachment for each.
    let of_users = users.users.iter().filter_map(|user| Some((Principal::from(&user.name), user.policy.as_ref()?)));
    let of_groups = groups.iter().filter_map(|group| Some((Principal::from(&group.name), group.policy.as_ref()?)));
    let attachments: Vec<(Principal, &PolicyName)> = of_users.chain(of_groups).collect();
    let mut wanted = relevant(states, which, &names, &attachments);
    let body = |name: &PolicyName| known.and_then(|known| known.policies.get(name).cloned()).unwrap_or(Body::NotRead);
    wanted.retain(|name| body(name) == Body::NotRead);
    let mut duplicates = Duplicates::default();
    duplicates.policies(&names);
    let mut observed = Observed {
        identity,
        capabilities,
        policies: names.into_iter().map(|name| (name.clone(), body(&name))).collect(),
        groups_known,
        identity_provider,
        attachments_known: users.attachments_known,
        keys_can_be_generated: cluster.can_generate_keys(),
        users: users.by_name(&mut duplicates),
        groups: groups_by_name(groups, &mut duplicates),
        duplicates,
        limits: Limits::default(),
        buckets: Buckets::NotRead,
    };
    let known_buckets = known.and_then(|known| known.buckets.known());
    let (buckets, ()) = tokio::try_join!(
        buckets(cluster, bucket_names, (needs, known_buckets), jobs),
        add_documents(cluster, &wanted, &mut observed, (jobs, watch))
    )?;
    Ok(Observed { buckets, ..observed })
}

async fn add_documents(
    cluster: &dyn Cluster,
    wanted: &BTreeSet<PolicyName>,
    observed: &mut Observed,
    (jobs, watch): (usize, &Watch<'_>),
) -> Result<(), CallError> {
    watch(observed);
    let mut read = stream::iter(wanted).map(|name| document(cluster, name)).buffer_unordered(jobs.max(1));
    let part = wanted.len().div_ceil(PARTS).max(1);
    let mut count = 0;
    while let Some((name, text)) = read.try_next().await? {
        match text {
            Some(text) => observed.policies.insert(name, Body::read(&text)),
            None => observed.policies.remove(&name),
        };
        count += 1;
        if count % part == 0 {
            watch(observed);
        }
    }
    Ok(())
}

/// How much the policies of buckets matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing depends on them.
    Nothing,
    /// An answer says more with them.
    Wants,
    /// A desired state is about them.
    Must,
}

impl Needs {
    fn of(states: &[&Desired], which: Documents) -> Self {
        if states.iter().any(|desired| desired.needs_buckets()) {
            return Self::Must;
        }
        let asks = states.iter().any(|desired| desired.asks_about_anonymous());
        if which == Documents::OfStates && !asks { Self::Nothing } else { Self::Wants }
    }

    /// A failed read: an error if a state is about buckets or no call is sent any more, otherwise the buckets are unknown.
    fn unreadable(self, cluster: &dyn Cluster, error: CallError) -> Result<Buckets, CallError> {
        if self == Self::Must || cluster.stopped().is_some() {
            return Err(error);
        }
        tracing::warn!("the policies of buckets cannot be read, so that it is unknown what they let in: {error}");
        Ok(Buckets::Unreadable(error.to_string()))
    }
}

/// The names of the buckets, or what is known without them.
async fn bucket_names(cluster: &dyn Cluster, needs: Needs) -> Result<Result<Vec<BucketName>, Buckets>, CallError> {
    if needs == Needs::Nothing {
        return Ok(Err(Buckets::NotRead));
    }
    match cluster.buckets().await {
        Ok(names) => Ok(Ok(names)),
        Err(error) => needs.unreadable(cluster, error).map(Err),
    }
}

async fn buckets(
    cluster: &dyn Cluster,
    names: Result<Vec<BucketName>, Buckets>,
    (needs, known): (Needs, Option<&BTreeMap<BucketName, BucketPolicy>>),
    jobs: usize,
) -> Result<Buckets, CallError> {
    let names = match names {
        Ok(names) => names,
        Err(unknown) => return Ok(unknown),
    };
    let known = names.iter().filter_map(|name| Some((name.clone(), known?.get(name)?.clone())));
    let mut buckets: BTreeMap<_, _> = known.collect();
    let unread = names.into_iter().filter(|name| !buckets.contains_key(name)).collect();
    match bucket_policies(cluster, unread, jobs).await {
        Ok(read) => {
            buckets.extend(read);
            Ok(Buckets::Known(buckets))
        }
        Err(error) => needs.unreadable(cluster, error),
    }
}

/// Whether an identity provider gives policies by name. After an error it is unknown.
async fn provider(cluster: &dyn Cluster) -> Result<Option<bool>, CallError> {
    Ok(cluster.identity_provider().await.unwrap_or_else(|error| {
        tracing::warn!("it is unknown whether an identity provider gives policies by name: {error}");
        None
    }))
}

/// The policies on the cluster whose documents matter for a desired state: declared ones, their old names, ones that may be
/// removed, temporary ones and the policies they replace, and those that a declared user or group has now or then.
fn relevant(
    states: &[&Desired],
    which: Documents,
    names: &[PolicyName],
    attachments: &[(Principal, &PolicyName)],
) -> BTreeSet<PolicyName> {
    // An expectation is about everyone, with whatever policy. An envelope is about what its users have at any time.
    let has_expectations =
        states.iter().any(|desired| !desired.expectations.is_empty() || !desired.envelopes.is_empty());
    // By some rules, the policy of a bucket counts together with those of users.
    let has_buckets = states.iter().any(|desired| desired.needs_buckets() && desired.cluster.rules().has_union());
    let all_attached = (has_expectations || has_buckets) && which == Documents::OfStates;
    let which = if all_attached { Documents::Attached } else { which };
    let replacing = names.iter().filter_map(|name| Some([name.clone(), name.temporary_for()?]));
    let replacing = replacing.filter(|_| !states.is_empty());
    let mut wanted: BTreeSet<PolicyName> = replacing.flatten().collect();
    let declares = |desired: &&Desired, who: &Principal| desired.entry(who).is_some() || desired.ownership.covers(who);
    for (principal, attached) in attachments {
        // The access of a user with a list of policies comes from all of them together.
        if which == Documents::Attached || attached.is_list() {
            wanted.extend(attached.listed());
        }
        if states.iter().any(|desired| declares(desired, principal)) {
            wanted.insert((*attached).clone());
        }
    }
    let with_roles = states.iter().filter(|desired| !desired.expectations.is_empty());
    wanted.extend(with_roles.flat_map(|desired| &desired.guards.roles).cloned());
    wanted.extend(states.iter().flat_map(|desired| desired.renames()).map(|(_, old)| old.policy.clone()));
    let declared = states.iter().flat_map(|desired| desired.principals());
    wanted.extend(declared.filter_map(|(_, entry)| entry.intent.policy().cloned()));
    let bound = states.iter().filter(|desired| !desired.envelopes.is_empty()).flat_map(|desired| desired.ever());
    wanted.extend(bound.filter_map(|(_, _, attachment)| attachment.policy().cloned()));
    let of_state = |name: &PolicyName| {
        let mut states = states.iter();
        states.any(|desired| desired.policies.contains_key(name) || desired.ownership.covers_policy(name))
    };
    let matters = |name: &&PolicyName| which == Documents::All || wanted.contains(*name) || of_state(name);
    names.iter().filter(matters).filter(|name| name.addressable().is_ok()).cloned().collect()
}

/// Reads documents, at most `jobs` at a time. `None` is a policy that was removed after it was listed.
pub async fn documents(
    cluster: &dyn Cluster,
    wanted: &BTreeSet<PolicyName>,
    jobs: usize,
) -> Result<Vec<(PolicyName, Option<String>)>, CallError> {
    stream::iter(wanted).map(|name| document(cluster, name)).buffer_unordered(jobs.max(1)).try_collect().await
}

async fn document(cluster: &dyn Cluster, name: &PolicyName) -> Result<(PolicyName, Option<String>), CallError> {
    match cluster.show_policy(name).await {
        Ok(text) => Ok((name.clone(), Some(text))),
        Err(error) if cluster.list_policies().await?.contains(name) => Err(error),
        Err(_) => Ok((name.clone(), None)),
    }
}
