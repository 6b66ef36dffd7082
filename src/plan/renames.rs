//! Renames (`renamed_from`): whether the cluster is before, within or after each, and what is wrong with those that cannot run.
//!
//! A rename is a swap to another name: everyone who has the old policy moves to a temporary policy of the new name, the old policy
//! is removed, the new one is added. So the two names never exist at once, and a cluster that has both tells that someone made
//! one of them again.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::base::PolicyName;
use crate::desired::{Desired, PolicyIntent, RenamedFrom};
use crate::observed::{Body, Observed};
use crate::policy::Normal;

/// A rename that this plan starts, resumes or finishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    pub(super) old: PolicyName,
    pub(super) stage: Stage,
    /// Whether the old name is declared in the base, or owned.
    pub(super) ours: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The old policy exists and is removed. The new name is free.
    Open,
    /// The old policy is gone. Users and groups move from a temporary policy to the new one.
    Finishing,
}

/// The renames of this plan, by the new name.
pub(super) fn renames(desired: &Desired, observed: &Observed) -> BTreeMap<PolicyName, Rename> {
    let running = |(policy, old): (&PolicyName, &RenamedFrom)| {
        let [old_exists, new_exists] = [&old.policy, policy].map(|name| observed.policies.contains_key(name));
        let is_marked =
            temporary_policies(policy, observed).any(|(name, body)| is_mark(name, body, policy, &old.policy));
        let is_swapped = temporary_policies(policy, observed).next().is_some();
        let stage = match (old_exists, new_exists) {
            (true, false) if is_marked || !is_swapped => Stage::Open,
            (true | false, _) if is_marked => Stage::Finishing,
            (true | false, _) => return None,
        };
        let ours = old.in_base || desired.ownership.covers_policy(&old.policy);
        Some((policy.clone(), Rename { old: old.policy.clone(), stage, ours }))
    };
    desired.renames().filter_map(running).collect()
}

fn temporary_policies<'a>(
    policy: &'a PolicyName,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a PolicyName, &'a Body)> {
    observed.policies.iter().filter(move |(name, _)| name.temporary_for().as_ref() == Some(policy))
}

/// The temporary policy for a document of a policy. Its name has a hash of the document, so that it is never mistaken for one of
/// another document; of a rename, also of the old name, so that an interrupted rename is never mistaken for a replacement.
pub(super) fn temporary(policy: &PolicyName, old: Option<&PolicyName>, document: &Normal, attempt: u64) -> PolicyName {
    let mut hash = Sha256::new();
    if let Some(old) = old {
        hash.update("renamed from ");
        hash.update(old.as_str());
        hash.update("\n");
    }
    hash.update(document.json());
    if attempt > 0 {
        hash.update(attempt.to_be_bytes());
    }
    policy.temporary(&hex::encode(&hash.finalize()[..4]))
}

/// How many names of temporary policies are tried to recognise one. More than one only if a name was taken.
const ATTEMPTS: u64 = 16;

/// Whether a temporary policy is of a rename from this old name.
fn is_mark(name: &PolicyName, body: &Body, policy: &PolicyName, old: &PolicyName) -> bool {
    let is_of =
        |document: &Normal| (0..ATTEMPTS).any(|attempt| temporary(policy, Some(old), document, attempt) == *name);
    body.normal().is_some_and(is_of)
}

/// Whether a rename is only that: the old policy has the new document already, and the old name is declared in the base or owned.
/// Guards count any other as a removal.
pub(super) fn is_pure(rename: &Rename, policy: &PolicyName, desired: &Desired, observed: &Observed) -> bool {
    let intent = desired.policies.get(policy).map(|entry| &entry.intent);
    let after = match intent {
        Some(PolicyIntent::Present(authored)) => Some(authored.normal()),
        Some(PolicyIntent::Absent) | None => None,
    };
    let before = observed.policies.get(&rename.old).and_then(Body::normal);
    rename.ours && after.is_some() && before == after.as_ref()
}
