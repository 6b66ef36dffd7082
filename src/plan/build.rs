//! Builds the graph of calls from a comparison: which calls, and what each waits for.
//!
//! The rules: a policy is there before anyone is attached to it, and nobody holds it when it is removed; a user that
//! has access before and after has it throughout; what takes access away never waits for what gives it, except where
//! a rule above says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{PolicyName, Principal};
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::change::{ChangeId, ReplaceMethod};
use super::compare::{Comparison, PolicyAction};
use super::graph::{Graph, Key};
use super::holders::AttachmentChange;
use super::methods::{Concessions, leaves_remade};
use super::step::Call;

/// The graph of all calls.
pub(super) fn build(
    comparison: &Comparison,
    observed: &Observed,
    methods: &BTreeMap<PolicyName, ReplaceMethod>,
    concessions: &Concessions,
) -> Graph {
    let mut builder = Builder { comparison, observed, methods, concessions, graph: Graph::default() };
    builder.policies();
    builder.holders();
    builder.waits_of_leaving();
    builder.graph
}

struct Builder<'a> {
    comparison: &'a Comparison,
    observed: &'a Observed,
    methods: &'a BTreeMap<PolicyName, ReplaceMethod>,
    concessions: &'a Concessions,
    graph: Graph,
}

impl Builder<'_> {
    fn policies(&mut self) {
        for (policy, fate) in &self.comparison.policies {
            let change = ChangeId::Policy(policy.clone());
            match fate {
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
                PolicyAction::Keep | PolicyAction::LeaveAlone => {}
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
                self.graph.wait(&Key::Remove(policy.clone()), &Key::Add(temporary.clone()));
            }
            Some(ReplaceMethod::Gap | ReplaceMethod::Plain) => self.remove_and_add(policy, document, change),
            Some(ReplaceMethod::Finish) if !self.observed.policies.contains_key(policy) => {
                self.add(policy, document, change)
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
        self.remove(policy, change);
        self.add(policy, document, change);
        self.graph.wait(&Key::Add(policy.clone()), &Key::Remove(policy.clone()));
    }

    fn add(&mut self, policy: &PolicyName, document: &Normal, change: &ChangeId) {
        let has = self.comparison.holders_of(policy).map(|(principal, _)| principal.clone()).collect();
        let call = Call::AddPolicy { policy: policy.clone(), document: document.clone(), has };
        self.graph.call(Key::Add(policy.clone()), change, call);
    }

    fn remove(&mut self, policy: &PolicyName, change: &ChangeId) {
        let expects = self.present(policy).or_else(|| self.planned(policy));
        let call = Call::RemovePolicy { policy: policy.clone(), expects };
        self.graph.call(Key::Remove(policy.clone()), change, call);
    }

    /// The document of a policy as it was observed.
    fn present(&self, policy: &PolicyName) -> Option<Arc<str>> {
        self.observed.policies.get(policy).and_then(Body::shared_text)
    }

    /// The document that a policy is added with by this plan.
    fn planned(&self, policy: &PolicyName) -> Option<Arc<str>> {
        match &self.graph.nodes.get(&Key::Add(policy.clone()))?.call {
            Call::AddPolicy { document, .. } => Some(document.shared_json()),
            Call::RemovePolicy { .. } | Call::Attach { .. } | Call::RevokeKeys { .. } | Call::Detach { .. } => None,
        }
    }

    fn holders(&mut self) {
        for (principal, fate) in self.comparison.affected() {
            match (&fate.after, &fate.physical) {
                (Some(target), _) => self.towards(principal, fate, target),
                (None, Some(policy)) => self.away(principal, fate, policy),
                (None, None) => {}
            }
        }
    }

    fn away(&mut self, principal: &Principal, fate: &AttachmentChange, policy: &PolicyName) {
        let change = ChangeId::Holder(principal.clone());
        self.detach(principal, policy, &change);
        if let Some(user) = principal.user().filter(|_| fate.revoke_keys) {
            let revoke = Key::Retire(user.clone());
            self.graph.call(revoke.clone(), &change, Call::RevokeKeys { user: user.clone() });
            // A pair can be made only while a policy is held.
            self.graph.wait(&Key::Detach(principal.clone()), &revoke);
        }
    }

    /// Brings a user or group to its policy, by way of a stand-in or of nothing where it must be.
    fn towards(&mut self, principal: &Principal, fate: &AttachmentChange, target: &PolicyName) {
        let stays = fate.before.as_ref() == Some(target);
        let change = if stays { ChangeId::Policy(target.clone()) } else { ChangeId::Holder(principal.clone()) };
        let method = self.methods.get(target);
        let in_place = fate.physical.as_ref() == Some(target);
        if in_place && !matches!(method, Some(ReplaceMethod::Swap(_) | ReplaceMethod::Gap)) {
            return;
        }
        let from_remade = !stays && leaves_remade(fate, self.comparison, self.observed);
        let between = in_place || from_remade;
        let mut holds = fate.physical.clone();
        // The name gives nothing yet, and would as soon as it is added.
        if !in_place && holds.as_ref().is_some_and(|name| self.comes_to_be(name)) {
            holds = self.let_go(principal, holds, &change);
        }
        match method {
            Some(ReplaceMethod::Swap(temporary)) if between && holds.as_ref() != Some(temporary) => {
                self.attach(principal, temporary, holds.as_ref(), &change);
                holds = Some(temporary.clone());
            }
            Some(ReplaceMethod::Gap) if between => holds = self.let_go(principal, holds, &change),
            Some(ReplaceMethod::Swap(_) | ReplaceMethod::Gap | ReplaceMethod::Plain | ReplaceMethod::Finish) | None => {
                if self.concessions.holders.contains(principal) {
                    holds = self.let_go(principal, holds, &change);
                }
            }
        }
        self.attach(principal, target, holds.as_ref(), &change);
    }

    fn let_go(&mut self, principal: &Principal, holds: Option<PolicyName>, change: &ChangeId) -> Option<PolicyName> {
        self.detach(principal, &holds?, change);
        None
    }

    fn detach(&mut self, principal: &Principal, policy: &PolicyName, change: &ChangeId) {
        let call = Call::Detach { principal: principal.clone(), policy: policy.clone() };
        self.graph.call(Key::Detach(principal.clone()), change, call);
    }

    fn attach(&mut self, principal: &Principal, policy: &PolicyName, holds: Option<&PolicyName>, change: &ChangeId) {
        let key = Key::Attach(principal.clone(), policy.clone());
        let grants = self.planned(policy).or_else(|| self.present(policy));
        let call =
            Call::Attach { principal: principal.clone(), policy: policy.clone(), expects: holds.cloned(), grants };
        self.graph.call(key.clone(), change, call);
        self.graph.wait(&key, &Key::Add(policy.clone()));
        self.graph.wait(&key, &Key::Detach(principal.clone()));
        if let Some(holds) = holds {
            self.graph.wait(&key, &Key::Attach(principal.clone(), holds.clone()));
        }
    }

    /// A policy is removed, or added while someone has its name, only when those have left who do not keep it: by the call
    /// that expects to find it attached. An addition gives the policy to everyone who has its name.
    fn waits_of_leaving(&mut self) {
        let mut waits = Vec::new();
        for (key, node) in &self.graph.nodes {
            let left = match &node.call {
                Call::Attach { expects: Some(left), .. } | Call::Detach { policy: left, .. } => left,
                Call::Attach { expects: None, .. }
                | Call::RevokeKeys { .. }
                | Call::AddPolicy { .. }
                | Call::RemovePolicy { .. } => continue,
            };
            for policy in left.listed() {
                if self.comes_to_be(&policy) {
                    waits.push((Key::Add(policy.clone()), key.clone()));
                }
                waits.push((Key::Remove(policy), key.clone()));
            }
        }
        for (waiting, leaving) in waits {
            self.graph.wait(&waiting, &leaving);
        }
    }

    /// Whether this plan adds a policy whose name is attached to someone although it does not exist.
    fn comes_to_be(&self, policy: &PolicyName) -> bool {
        self.comparison.holders.missing.contains(policy) && self.graph.has(&Key::Add(policy.clone()))
    }
}
