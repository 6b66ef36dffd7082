//! What `until` alone takes away: the part of a desired state that `attune apply --expired` applies without an approval.

use std::collections::BTreeMap;

use crate::base::{PolicyName, Principal};
use crate::desired::{Desired, ObjectPatterns, Phase};
use crate::observed::{Body, Observed};
use crate::policy::{Catalogue, Effect};

use super::access::{AccessCache, AccessQuery, EffectiveDocument};
use super::plan_with;

/// The access that has ended and is still there.
#[derive(Debug, Clone)]
pub struct Expired {
    /// The users and groups that lose it, and nothing else. Everything else is as if it were neither declared nor owned.
    pub desired: Desired,
    /// The users and groups that keep it for now, each with the reason.
    pub left_out: BTreeMap<Principal, String>,
}

/// The part of a desired state that ends access. It gives nobody anything: by all rules that count, with any credentials of
/// a user, in every group.
pub fn expired(desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Expired {
    let cache = AccessCache::new(catalogue, desired.cluster.rules());
    let mut left_out = BTreeMap::new();
    let ended: Vec<Principal> = desired
        .terms()
        .filter(|(principal, term)| term.phase == Phase::Ended && still_has(desired, observed, principal))
        .map(|(principal, _)| principal.clone())
        .collect();
    let mut part = only(desired, |_| false);
    for principal in ended {
        let alone = only(desired, |who| *who == principal);
        let entry = alone.entry(&principal).cloned();
        match (entry, problem(&alone, &principal, observed, catalogue, &cache)) {
            (Some(entry), None) => match &principal {
                Principal::User(user) => _ = part.users.insert(user.clone(), entry),
                Principal::Group(group) => _ = part.groups.insert(group.clone(), entry),
            },
            (_, Some(problem)) => _ = left_out.insert(principal, problem),
            (None, None) => {}
        }
    }
    Expired { desired: part, left_out }
}

/// Whether a user or group has another policy than it is to have. One that has none gets none.
fn still_has(desired: &Desired, observed: &Observed, principal: &Principal) -> bool {
    let after = desired.entry(principal).and_then(|entry| entry.intent.policy());
    observed.attached_to(principal).is_some_and(|attached| Some(&attached) != after)
}

/// A desired state with some of its users and groups, and nothing else but its settings.
fn only(desired: &Desired, mut is_kept: impl FnMut(&Principal) -> bool) -> Desired {
    let mut part = Desired {
        policies: BTreeMap::new(),
        abstracts: BTreeMap::new(),
        broken: BTreeMap::new(),
        ownership: ObjectPatterns::default(),
        only_expired: true,
        ..desired.clone()
    };
    part.users.retain(|user, _| is_kept(&Principal::from(user)));
    part.groups.retain(|group, _| is_kept(&Principal::from(group)));
    part
}

/// Why the access of a user or group is not ended; `None` if it is.
fn problem(
    alone: &Desired,
    principal: &Principal,
    observed: &Observed,
    catalogue: &Catalogue,
    cache: &AccessCache<'_>,
) -> Option<String> {
    let attached = observed.attached_to(principal);
    let before = EffectiveDocument::of(&observed.policies, attached.as_ref());
    let then = alone.entry(principal).and_then(|entry| entry.intent.policy());
    if let Some(then) = then {
        if !observed.policies.contains_key(then) {
            return Some(format!("the policy `{then}` does not exist"));
        }
        let after = EffectiveDocument::of(&observed.policies, Some(then));
        let query = AccessQuery::new(before.clone(), after, Some(principal)).with_any_credentials();
        if !cache.difference(query).gains_nothing() {
            return Some(format!("nothing proves that `{then}` gives no more than it has now"));
        }
    }
    let may_be_in_group = principal.user().is_some()
        && (!observed.groups.is_empty() || observed.capabilities.groups && !observed.groups_known);
    let listed = attached.iter().flat_map(PolicyName::listed);
    if may_be_in_group && listed.into_iter().any(|policy| may_deny(observed.policies.get(&policy))) {
        return Some("its policy denies something that a group may give".to_owned());
    }
    let plan = plan_with(alone, observed, catalogue);
    let error = plan.findings.iter().find(|finding| finding.is_error());
    error.map(|error| error.message.clone())
}

/// Whether a document has a `Deny`, or may have one.
fn may_deny(body: Option<&Body>) -> bool {
    match body {
        None => false,
        Some(Body::Known(normal)) => {
            normal.document().statements.iter().any(|statement| statement.effect == Effect::Deny)
        }
        Some(_) => true,
    }
}
