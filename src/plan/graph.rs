//! Decides how each policy is replaced, and builds the graph of calls: each call once, with the calls it waits for.
//!
//! The rules: a policy exists before it is attached, and no user or group has it when it is removed. A user that has access
//! before and after has it throughout. A call that takes access away waits for one that gives access only if a rule above
//! requires it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{BucketName, PolicyName, Principal, UserName};
use crate::desired::Strategy;
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::change::{Call, ChangeId, ReplaceMethod};
use super::compare::{AttachmentChange, BucketAction, Comparison, PolicyAction};
use super::renames;

pub(super) fn methods(
    comparison: &Comparison,
    observed: &Observed,
    strategy: Strategy,
    fallbacks: &BTreeSet<ChangeId>,
) -> BTreeMap<PolicyName, ReplaceMethod> {
    let mut methods = BTreeMap::new();
    let entered = entered_from_recreated(comparison, observed);
    for (policy, action) in &comparison.policies {
        let PolicyAction::Replace(after) = action else { continue };
        let replaced = comparison.replaced_by(policy);
        let is_renamed = replaced != policy;
        // The strategy is about documents. A rename interrupts access only where there is no room.
        let gap = strategy == Strategy::Gap && !is_renamed || fallbacks.contains(&ChangeId::Policy(policy.clone()));
        let has_policy = || comparison.keeping(policy).any(|(_, change)| change.attached.as_ref() == Some(replaced));
        let method = if !is_renamed && !is_recreated(policy, comparison, observed) {
            ReplaceMethod::Finish
        } else if !has_policy() && !entered.contains(policy) {
            ReplaceMethod::Plain
        } else if gap && can_gap(policy, comparison) {
            ReplaceMethod::Gap
        } else {
            ReplaceMethod::Swap(temporary(policy, after, comparison, observed))
        };
        methods.insert(policy.clone(), method);
    }
    methods
}

/// Whether a policy can be replaced with a gap: only declared users can be detached on the way. After an interruption, nothing
/// on the cluster would tell that an undeclared user had the policy.
pub(super) fn can_gap(policy: &PolicyName, comparison: &Comparison) -> bool {
    comparison.keeping(policy).all(|(_, change)| change.declared)
}

/// The policies that a user moves to from a recreated one. The user can neither wait for the new document there (the old
/// policy waits for the user to leave) nor move before it, so it needs a policy in between.
fn entered_from_recreated<'a>(comparison: &'a Comparison, observed: &Observed) -> BTreeSet<&'a PolicyName> {
    let moved = comparison.affected.values().filter(|change| change.before != change.after);
    moved.filter(|change| leaves_recreated(change, comparison, observed)).filter_map(|c| c.after.as_ref()).collect()
}

/// Whether this plan removes a policy and adds it again: its users and groups must leave before, and come back after.
pub(super) fn is_recreated(policy: &PolicyName, comparison: &Comparison, observed: &Observed) -> bool {
    let Some(PolicyAction::Replace(after)) = comparison.policies.get(policy) else { return false };
    observed.policies.get(policy).is_some_and(|now| now.normal() != Some(after))
}

pub(super) fn leaves_recreated(change: &AttachmentChange, comparison: &Comparison, observed: &Observed) -> bool {
    let mut listed = change.before.iter().flat_map(PolicyName::listed);
    listed.any(|policy| is_removed_on_the_way(&policy, comparison, observed))
}

/// Whether this plan removes a policy to add another document, or another name, in its place.
pub(super) fn is_removed_on_the_way(policy: &PolicyName, comparison: &Comparison, observed: &Observed) -> bool {
    comparison.renamed_to(policy).is_some() || is_recreated(policy, comparison, observed)
}

/// The temporary policy for this document: a leftover with the same document, or a free name that no user or group has.
fn temporary(policy: &PolicyName, after: &Normal, comparison: &Comparison, observed: &Observed) -> PolicyName {
    let old = Some(comparison.replaced_by(policy)).filter(|replaced| *replaced != policy);
    let mut attempt = 0_u64;
    loop {
        let name = renames::temporary(policy, old, after, attempt);
        match observed.policies.get(&name) {
            None if !comparison.missing.contains(&name) => return name,
            Some(Body::Known(document)) if document == after => return name,
            None | Some(Body::Known(_) | Body::NotRead | Body::Unreadable(_)) => attempt += 1,
        }
    }
}

/// What a call does to which objects: no plan does the same thing to the same objects twice. The order of the variants breaks
/// ties: calls that take access away come before calls that give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    RevokeKeys(UserName),
    Detach(Principal),
    Add(PolicyName),
    Attach(Principal, PolicyName),
    Remove(PolicyName),
    Bucket(BucketName),
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) change: ChangeId,
    pub(super) call: Call,
    pub(super) after: BTreeSet<Key>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) nodes: BTreeMap<Key, Node>,
    /// The policies that are added in the place of a removed one, by that one: the same, or its new name.
    pub(super) added_instead: BTreeMap<PolicyName, PolicyName>,
}

impl Graph {
    fn call(&mut self, key: Key, change: &ChangeId, call: Call) {
        self.nodes.insert(key, Node { change: change.clone(), call, after: BTreeSet::new() });
    }

    fn has(&self, key: &Key) -> bool {
        self.nodes.contains_key(key)
    }

    /// Lets `key` wait for `first` if both are part of the plan.
    pub(super) fn wait(&mut self, key: &Key, first: &Key) {
        if key == first || !self.has(first) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(key) {
            node.after.insert(first.clone());
        }
    }
}

pub(super) fn build(
    comparison: &Comparison,
    observed: &Observed,
    methods: &BTreeMap<PolicyName, ReplaceMethod>,
    fallbacks: &BTreeSet<ChangeId>,
) -> Graph {
    let mut builder = Builder { comparison, observed, methods, fallbacks, graph: Graph::default() };
    builder.policies();
    builder.attachments();
    builder.buckets();
    builder.wait_for_detaching();
    builder.graph
}

struct Builder<'a> {
    comparison: &'a Comparison,
    observed: &'a Observed,
    methods: &'a BTreeMap<PolicyName, ReplaceMethod>,
    fallbacks: &'a BTreeSet<ChangeId>,
    graph: Graph,
}

impl Builder<'_> {
    fn policies(&mut self) {
        for (policy, action) in &self.comparison.policies {
            let change = ChangeId::Policy(policy.clone());
            match action {
                PolicyAction::Add(document) => self.add(policy, document, &change),
                PolicyAction::Replace(document) => self.replace(policy, document, &change),
                PolicyAction::Remove => {
                    if self.observed.policies.contains_key(policy) {
                        self.remove(policy, &change);
                    }
                    for leftover in self.comparison.leftovers_of(policy) {
                        self.remove(leftover, &change);
                    }
                }
                PolicyAction::Keep | PolicyAction::Unmanaged => {}
            }
        }
    }

    fn replace(&mut self, policy: &PolicyName, document: &Normal, change: &ChangeId) {
        match self.methods.get(policy) {
            Some(ReplaceMethod::Swap(temporary)) => {
                if !self.observed.policies.contains_key(temporary) {
                    self.add(temporary, document, change);
                }
                self.remove_and_add(policy, document, change);
                self.remove(temporary, change);
                self.graph.wait(&Key::Remove(temporary.clone()), &Key::Add(policy.clone()));
                let replaced = self.comparison.replaced_by(policy);
                self.graph.wait(&Key::Remove(replaced.clone()), &Key::Add(temporary.clone()));
            }
            Some(ReplaceMethod::Gap | ReplaceMethod::Plain) => self.remove_and_add(policy, document, change),
            Some(ReplaceMethod::Finish) if !self.observed.policies.contains_key(policy) => {
                self.add(policy, document, change);
            }
            Some(ReplaceMethod::Finish) | None => {}
        }
        for leftover in self.comparison.leftovers_of(policy) {
            if !self.graph.has(&Key::Remove(leftover.clone())) {
                self.remove(leftover, change);
                self.graph.wait(&Key::Remove(leftover.clone()), &Key::Add(policy.clone()));
            }
        }
    }

    fn remove_and_add(&mut self, policy: &PolicyName, document: &Normal, change: &ChangeId) {
        let replaced = self.comparison.replaced_by(policy);
        self.remove(replaced, change);
        self.add(policy, document, change);
        self.graph.wait(&Key::Add(policy.clone()), &Key::Remove(replaced.clone()));
        self.graph.added_instead.insert(replaced.clone(), policy.clone());
    }

    fn add(&mut self, policy: &PolicyName, document: &Normal, change: &ChangeId) {
        let has = self.comparison.affected_by(policy).map(|(principal, _)| principal.clone()).collect();
        let call = Call::AddPolicy { policy: policy.clone(), document: document.clone(), has };
        self.graph.call(Key::Add(policy.clone()), change, call);
    }

    fn remove(&mut self, policy: &PolicyName, change: &ChangeId) {
        let expects = self.observed_text(policy).or_else(|| self.added_text(policy));
        let call = Call::RemovePolicy { policy: policy.clone(), expects };
        self.graph.call(Key::Remove(policy.clone()), change, call);
    }

    fn observed_text(&self, policy: &PolicyName) -> Option<Arc<str>> {
        self.observed.policies.get(policy).and_then(Body::shared_text)
    }

    /// The document with which this plan adds a policy.
    fn added_text(&self, policy: &PolicyName) -> Option<Arc<str>> {
        let added = self.graph.nodes.get(&Key::Add(policy.clone()))?;
        if let Call::AddPolicy { document, .. } = &added.call { Some(document.shared_json()) } else { None }
    }

    fn attachments(&mut self) {
        for (principal, attachment) in &self.comparison.affected {
            match (&attachment.after, &attachment.attached) {
                (Some(target), _) => self.plan_attach(principal, attachment, target),
                (None, Some(policy)) => self.plan_detach(principal, attachment, policy),
                (None, None) => {}
            }
        }
    }

    /// A policy of a bucket is replaced in place, and waits for nothing.
    fn buckets(&mut self) {
        for (bucket, action) in &self.comparison.buckets {
            let (BucketAction::Set(policy), Some(now)) = (action, self.observed.buckets.get(bucket)) else { continue };
            let expects = now.text().into();
            let call = Call::SetBucketPolicy { bucket: bucket.clone(), policy: policy.clone(), expects };
            self.graph.call(Key::Bucket(bucket.clone()), &ChangeId::Bucket(bucket.clone()), call);
        }
    }

    fn plan_detach(&mut self, principal: &Principal, attachment: &AttachmentChange, policy: &PolicyName) {
        let change = ChangeId::Principal(principal.clone());
        self.detach(principal, policy, &change);
        if let Some(user) = principal.user().filter(|_| attachment.revoke_keys) {
            let revoke = Key::RevokeKeys(user.clone());
            self.graph.call(revoke.clone(), &change, Call::RevokeKeys { user: user.clone() });
            // The cluster creates a pair only while the user has a policy.
            self.graph.wait(&Key::Detach(principal.clone()), &revoke);
        }
    }

    /// Attaches a policy to a user or group: directly, after a temporary policy, or after a detach.
    fn plan_attach(&mut self, principal: &Principal, attachment: &AttachmentChange, target: &PolicyName) {
        let keeps = attachment.before.as_ref() == Some(target);
        let change = if keeps { ChangeId::Policy(target.clone()) } else { ChangeId::Principal(principal.clone()) };
        let method = self.methods.get(target);
        let in_place = attachment.attached.as_ref() == Some(self.comparison.replaced_by(target));
        let leaves = in_place && matches!(method, Some(ReplaceMethod::Swap(_) | ReplaceMethod::Gap));
        if attachment.attached.as_ref() == Some(target) && !leaves {
            return;
        }
        let between = in_place || !keeps && leaves_recreated(attachment, self.comparison, self.observed);
        let mut attached = attachment.attached.clone();
        // The attached name gives nothing yet. It would as soon as the policy is added.
        if !in_place && attached.as_ref().is_some_and(|name| self.is_added_to_name(name)) {
            attached = self.detach_first(principal, attached, &change);
        }
        match method {
            Some(ReplaceMethod::Swap(temporary)) if between && attached.as_ref() != Some(temporary) => {
                self.attach(principal, temporary, attached.as_ref(), &change);
                attached = Some(temporary.clone());
            }
            Some(ReplaceMethod::Gap) if between => attached = self.detach_first(principal, attached, &change),
            Some(ReplaceMethod::Swap(_) | ReplaceMethod::Gap | ReplaceMethod::Plain | ReplaceMethod::Finish) | None => {
                if self.fallbacks.contains(&ChangeId::Principal(principal.clone())) {
                    attached = self.detach_first(principal, attached, &change);
                }
            }
        }
        self.attach(principal, target, attached.as_ref(), &change);
    }

    /// Detaches whatever is attached. Returns the name attached after it: none.
    fn detach_first(
        &mut self,
        principal: &Principal,
        attached: Option<PolicyName>,
        change: &ChangeId,
    ) -> Option<PolicyName> {
        self.detach(principal, &attached?, change);
        None
    }

    fn detach(&mut self, principal: &Principal, policy: &PolicyName, change: &ChangeId) {
        let call = Call::Detach { principal: principal.clone(), policy: policy.clone() };
        self.graph.call(Key::Detach(principal.clone()), change, call);
    }

    fn attach(&mut self, principal: &Principal, policy: &PolicyName, expects: Option<&PolicyName>, change: &ChangeId) {
        let key = Key::Attach(principal.clone(), policy.clone());
        let grants = self.added_text(policy).or_else(|| self.observed_text(policy));
        let call =
            Call::Attach { principal: principal.clone(), policy: policy.clone(), expects: expects.cloned(), grants };
        self.graph.call(key.clone(), change, call);
        self.graph.wait(&key, &Key::Add(policy.clone()));
        self.graph.wait(&key, &Key::Detach(principal.clone()));
        if let Some(expected) = expects {
            self.graph.wait(&key, &Key::Attach(principal.clone(), expected.clone()));
        }
    }

    /// Lets a removal wait until no user or group has the policy, and an addition until no one has the name who should not get
    /// the policy: an addition gives the policy to everyone who has its name.
    fn wait_for_detaching(&mut self) {
        let mut waits = Vec::new();
        for (key, node) in &self.graph.nodes {
            let (Call::Attach { expects: Some(left), .. } | Call::Detach { policy: left, .. }) = &node.call else {
                continue;
            };
            for policy in left.listed() {
                if self.is_added_to_name(&policy) {
                    waits.push((Key::Add(policy.clone()), key.clone()));
                }
                waits.push((Key::Remove(policy), key.clone()));
            }
        }
        for (waiting, leaving) in waits {
            self.graph.wait(&waiting, &leaving);
        }
    }

    /// Whether this plan adds a policy whose name is attached already.
    fn is_added_to_name(&self, policy: &PolicyName) -> bool {
        self.comparison.missing.contains(policy) && self.graph.has(&Key::Add(policy.clone()))
    }
}
