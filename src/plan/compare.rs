//! Compares the desired state with the cluster, object by object. Looks for no problems.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::{BucketName, CannedPolicy, PolicyName, Principal};
use crate::desired::{BucketIntent, DeclaredAttachment, Desired, PolicyIntent, PrincipalEntry};
use crate::observed::{Body, BucketPolicy, Observed};
use crate::policy::Normal;

use super::bucket_target::BucketTarget;
use super::renames::{self, Rename, Stage};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyAction {
    Keep,
    /// Add it with this document; it does not exist.
    Add(Normal),
    /// Give it this document, or finish an interrupted replacement.
    Replace(Normal),
    Remove,
    /// None: no configuration declares it and `[ownership]` does not cover it.
    Unmanaged,
}

/// The policy of a user or group now and after the plan. A temporary policy that an interrupted run left behind counts as its
/// policy only while this plan replaces or removes that policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachmentChange {
    /// The name attached now: of a policy, a temporary policy, a policy that does not exist, or a list of several.
    pub(super) attached: Option<PolicyName>,
    /// The same, or the policy that an attached temporary policy counts as.
    pub(super) before: Option<PolicyName>,
    pub(super) after: Option<PolicyName>,
    pub(super) declared: bool,
    /// Whether a user's key pair is revoked before it is detached.
    pub(super) revoke_keys: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Every policy name that is declared or exists, without the temporary policies among `leftovers`.
    pub(super) policies: BTreeMap<PolicyName, PolicyAction>,
    /// The temporary policies that an interrupted run left behind, by the policy that this plan replaces or removes. A
    /// temporary policy of any other policy is a policy like all others.
    pub(super) leftovers: BTreeMap<PolicyName, Vec<PolicyName>>,
    /// The renames of this plan, by the new name.
    pub(super) renames: BTreeMap<PolicyName, Rename>,
    /// The new names of the policies that this plan renames and removes, by the old name. They are not among `policies`.
    renamed: BTreeMap<PolicyName, PolicyName>,
    /// The users and groups whose policy changes: another one is attached, or it gets another document.
    pub(super) affected: BTreeMap<Principal, AttachmentChange>,
    /// The affected users and groups that have an added or replaced policy now, by that policy.
    affected_by: BTreeMap<PolicyName, Vec<Principal>>,
    /// How many declared users have the declared policy already.
    pub(super) unchanged_users: usize,
    /// How many declared groups have the declared policy already.
    pub(super) unchanged_groups: usize,
    /// The users and groups that are neither declared nor owned, in order. One that has a replaced policy is affected instead.
    pub(super) unmanaged: Vec<Principal>,
    /// How many users and groups have a policy now.
    pub(super) attached: usize,
    /// The policies with leftovers that a user or group has now, by its name or as a temporary policy.
    pub(super) attached_with_leftovers: BTreeSet<PolicyName>,
    /// What happens to the policy of each declared or owned bucket that exists.
    pub(super) buckets: BTreeMap<BucketName, BucketAction>,
    /// The attached names of policies that do not exist: adding one gives it to whoever has the name.
    pub(super) missing: BTreeSet<PolicyName>,
}

pub(super) fn compare(desired: &Desired, observed: &Observed) -> Comparison {
    let leftovers = leftovers(desired, observed);
    let renames = renames::renames(desired, observed);
    let open = renames.iter().filter(|(_, rename)| rename.stage == Stage::Open);
    let renamed = open.map(|(policy, rename)| (rename.old.clone(), policy.clone())).collect();
    let policies = policy_actions(desired, observed, &leftovers, &renamed);
    let buckets = bucket_actions(desired, observed);
    let mut comparison = Comparison { policies, leftovers, renames, renamed, buckets, ..Comparison::default() };
    for (user, declared, found) in merged(&desired.users, &observed.users) {
        let relevant = found.filter(|found| declared.is_some() || found.can_have_policy() || found.attached.is_some());
        if let Some(found) = relevant {
            comparison.principal(desired, observed, Principal::from(user), declared, found.attached.as_ref());
        }
    }
    for (group, declared, attached) in merged(&desired.groups, &observed.groups) {
        comparison.principal(desired, observed, Principal::from(group), declared, attached);
    }
    comparison
}

impl Comparison {
    pub(super) fn leftovers_of(&self, policy: &PolicyName) -> &[PolicyName] {
        self.leftovers.get(policy).map_or(&[], Vec::as_slice)
    }

    /// The policy that a name counts as: for a leftover, the policy that it was a temporary policy of; for the old name of a
    /// policy that is renamed, the new one.
    pub(super) fn counts_as<'a>(&self, name: &'a PolicyName) -> Cow<'a, PolicyName> {
        let policy = name.temporary_for().filter(|policy| self.leftovers_of(policy).contains(name));
        policy.or_else(|| self.renamed_to(name).cloned()).map_or(Cow::Borrowed(name), Cow::Owned)
    }

    /// The new name of a policy that this plan renames and removes.
    pub(super) fn renamed_to(&self, old: &PolicyName) -> Option<&PolicyName> {
        self.renamed.get(old)
    }

    /// The policies that this plan renames and removes: the old names, each with the new one.
    pub(super) fn renamed(&self) -> impl Iterator<Item = (&PolicyName, &PolicyName)> {
        self.renamed.iter()
    }

    /// The policy that is removed before this one is added in its place: of a rename, the old one; otherwise itself.
    pub(super) fn replaced_by<'a>(&'a self, policy: &'a PolicyName) -> &'a PolicyName {
        let open = self.renames.get(policy).filter(|rename| rename.stage == Stage::Open);
        open.map_or(policy, |rename| &rename.old)
    }

    /// Whether the policy, or a temporary policy of it, exists.
    pub(super) fn exists(&self, policy: &PolicyName, observed: &Observed) -> bool {
        observed.policies.contains_key(policy) || !self.leftovers_of(policy).is_empty()
    }

    /// The users and groups that have this added or replaced policy now, in order.
    pub(super) fn affected_by(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &AttachmentChange)> {
        let principals = self.affected_by.get(policy).into_iter().flatten();
        principals.filter_map(|principal| self.affected.get_key_value(principal))
    }

    /// The users and groups that have this added or replaced policy before and after, in order.
    pub(super) fn keeping(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &AttachmentChange)> {
        self.affected_by(policy).filter(|(_, change)| change.after == change.before)
    }

    fn principal(
        &mut self,
        desired: &Desired,
        observed: &Observed,
        principal: Principal,
        declared: Option<&PrincipalEntry>,
        attached: Option<&PolicyName>,
    ) {
        let mut before = attached.map(|name| self.counts_as(name).into_owned());
        let listed: Vec<PolicyName> = attached.into_iter().flat_map(PolicyName::listed).collect();
        self.missing.extend(listed.into_iter().filter(|name| !observed.policies.contains_key(name)));
        self.attached += usize::from(attached.is_some());
        self.attached_with_leftovers.extend(before.clone().filter(|policy| self.leftovers.contains_key(policy)));
        let intent = declared.map(|entry| &entry.intent);
        let after = match intent {
            Some(DeclaredAttachment::Has(policy)) => Some(policy.clone()),
            Some(DeclaredAttachment::Detached | DeclaredAttachment::Revoked) => None,
            None if desired.ownership.covers(&principal) => None,
            None => {
                if !self.any_action(before.as_ref(), PolicyAction::has_document) {
                    self.unmanaged.push(principal.clone());
                }
                before.clone()
            }
        };
        let renamed_to = attached.and_then(|name| self.renamed_to(name));
        // The old name counts as the new one only for those that move to it.
        if renamed_to.is_some() && renamed_to != after.as_ref() {
            before = attached.cloned();
        }
        let affected = attached != after.as_ref() || self.any_action(after.as_ref(), PolicyAction::is_change);
        if declared.is_some() && (!affected || before == after && renamed_to.is_none()) {
            match &principal {
                Principal::User(_) => self.unchanged_users += 1,
                Principal::Group(_) => self.unchanged_groups += 1,
            }
        }
        if !affected {
            return;
        }
        for policy in before.iter().flat_map(PolicyName::listed) {
            if self.policies.get(&policy).is_some_and(PolicyAction::has_document) {
                self.affected_by.entry(policy).or_default().push(principal.clone());
            }
        }
        let change = AttachmentChange {
            attached: attached.cloned(),
            before,
            after,
            declared: declared.is_some(),
            revoke_keys: intent == Some(&DeclaredAttachment::Revoked),
        };
        self.affected.insert(principal, change);
    }

    /// Whether the action of a policy, or of any of a list, satisfies the predicate.
    fn any_action(&self, name: Option<&PolicyName>, predicate: fn(&PolicyAction) -> bool) -> bool {
        let mut listed = name.into_iter().flat_map(PolicyName::listed);
        listed.any(|policy| self.policies.get(self.counts_as(&policy).as_ref()).is_some_and(predicate))
    }
}

impl PolicyAction {
    pub(super) fn has_document(&self) -> bool {
        self.document().is_some()
    }

    pub(super) fn document(&self) -> Option<&Normal> {
        match self {
            Self::Add(document) | Self::Replace(document) => Some(document),
            Self::Keep | Self::Remove | Self::Unmanaged => None,
        }
    }

    pub(super) fn is_change(&self) -> bool {
        match self {
            Self::Add(_) | Self::Replace(_) | Self::Remove => true,
            Self::Keep | Self::Unmanaged => false,
        }
    }
}

/// The temporary policies that an interrupted run left behind, of policies that this plan replaces or removes: declared ones,
/// and owned ones that are no longer declared. All others stay: another configuration may be replacing their policy now.
fn leftovers(desired: &Desired, observed: &Observed) -> BTreeMap<PolicyName, Vec<PolicyName>> {
    let mut leftovers: BTreeMap<PolicyName, Vec<PolicyName>> = BTreeMap::new();
    for name in observed.policies.keys() {
        let ours =
            |policy: &PolicyName| desired.policies.contains_key(policy) || desired.ownership.covers_policy(policy);
        if let Some(policy) = name.temporary_for().filter(ours) {
            leftovers.entry(policy).or_default().push(name.clone());
        }
    }
    leftovers
}

fn policy_actions(
    desired: &Desired,
    observed: &Observed,
    leftovers: &BTreeMap<PolicyName, Vec<PolicyName>>,
    renamed: &BTreeMap<PolicyName, PolicyName>,
) -> BTreeMap<PolicyName, PolicyAction> {
    let others: BTreeSet<&PolicyName> = leftovers.values().flatten().chain(renamed.keys()).collect();
    let is_renamed: BTreeSet<&PolicyName> = renamed.values().collect();
    let mut names: BTreeSet<&PolicyName> = observed.policies.keys().filter(|name| !others.contains(name)).collect();
    names.extend(desired.policies.keys().chain(leftovers.keys()));
    let action = |name: &PolicyName| {
        let now = observed.policies.get(name);
        let has_leftovers = leftovers.contains_key(name) || is_renamed.contains(name);
        let action = match desired.policies.get(name).map(|entry| &entry.intent) {
            Some(PolicyIntent::Present(authored)) => {
                let after = authored.normal();
                match now {
                    None if !has_leftovers => PolicyAction::Add(after),
                    Some(Body::Known(before)) if *before == after && !has_leftovers => PolicyAction::Keep,
                    None | Some(_) => PolicyAction::Replace(after),
                }
            }
            Some(PolicyIntent::Absent) if now.is_none() && !has_leftovers => PolicyAction::Keep,
            Some(PolicyIntent::Absent) => PolicyAction::Remove,
            None if name.is_predefined() || name.addressable().is_err() => PolicyAction::Unmanaged,
            None if desired.ownership.covers_policy(name) => PolicyAction::Remove,
            None => PolicyAction::Unmanaged,
        };
        (name.clone(), action)
    };
    names.into_iter().map(action).collect()
}

/// What happens to the policy of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BucketAction {
    Keep,
    Set(BucketTarget),
}

fn bucket_actions(desired: &Desired, observed: &Observed) -> BTreeMap<BucketName, BucketAction> {
    let action = |(bucket, now): (&BucketName, &BucketPolicy)| {
        let after = match desired.buckets.get(bucket).map(|entry| &entry.intent) {
            Some(BucketIntent::Canned(canned)) => BucketTarget::Canned(*canned),
            Some(BucketIntent::Document(authored)) => BucketTarget::Document(authored.normal()),
            None if desired.ownership.covers_bucket(bucket) => BucketTarget::Canned(CannedPolicy::None),
            None => return None,
        };
        let action = if after.is_met_by(now) { BucketAction::Keep } else { BucketAction::Set(after) };
        Some((bucket.clone(), action))
    };
    observed.buckets.known().into_iter().flatten().filter_map(action).collect()
}

/// Every key of two maps, in order, with the value in each.
pub(super) fn merged<'a, K: Ord, A, B>(
    first: &'a BTreeMap<K, A>,
    second: &'a BTreeMap<K, B>,
) -> impl Iterator<Item = (&'a K, Option<&'a A>, Option<&'a B>)> {
    let keys: BTreeSet<&K> = first.keys().chain(second.keys()).collect();
    keys.into_iter().map(|key| (key, first.get(key), second.get(key)))
}
