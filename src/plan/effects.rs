//! What the steps of a plan do to everyone's access: the steps are simulated on what was observed, and every user and group is
//! evaluated before and after, whoever it is. What a plan shows, guards and digests is this, never the changes that were meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{PolicyName, Principal};
use crate::observed::{Body, Observed};
use crate::policy::access::Access;

use super::access::{Answers, Held, Question};
use super::step::{Call, Step};

/// What the steps of a plan do to one user or group.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The name attached before: of a policy, of one that does not exist, or a list of several.
    pub before: Option<PolicyName>,
    /// The name attached after.
    pub after: Option<PolicyName>,
    /// Whether it has no access at some instant on the way, although it has some before and after.
    pub gap: bool,
    /// What it gains and loses; `None` where the same document gives it access before and after.
    pub access: Option<Arc<Access>>,
    pub(super) first: Held,
    pub(super) last: Held,
}

/// What the steps of a plan do to everyone.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// To the users and groups that any step touches, or whose document any step changes.
    pub(super) on: BTreeMap<Principal, Effect>,
    /// To the documents of policies, by name: before and after.
    pub(super) documents: BTreeMap<PolicyName, (Held, Held)>,
    /// Access that somebody would have on the way, and neither before nor after.
    pub(super) defects: Vec<String>,
}

impl Effects {
    /// The effects of these steps, in this order.
    pub(super) fn new(steps: &[Step], observed: &Observed, answers: &mut Answers<'_>) -> Self {
        let mut simulation = Simulation::new(steps, observed);
        for step in steps {
            simulation.step(&step.call);
        }
        simulation.effects(answers)
    }
}

/// The cluster while the steps are made.
struct Simulation<'a> {
    observed: &'a Observed,
    policies: BTreeMap<PolicyName, Body>,
    /// What is attached, where a step has changed it.
    attached: BTreeMap<Principal, Option<PolicyName>>,
    /// Who has each policy that any step adds or removes.
    has: BTreeMap<PolicyName, BTreeSet<Principal>>,
    /// The documents that a user or group has access by, one after the other.
    documents: BTreeMap<Principal, Vec<Held>>,
}

impl<'a> Simulation<'a> {
    fn new(steps: &[Step], observed: &'a Observed) -> Self {
        let names = steps.iter().filter_map(|step| match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => {
                Some((policy.clone(), BTreeSet::new()))
            }
            Call::Attach { .. } | Call::RevokeKeys { .. } | Call::Detach { .. } => None,
        });
        let mut has: BTreeMap<PolicyName, BTreeSet<Principal>> = names.collect();
        let mut note = |attached: &PolicyName, principal: &dyn Fn() -> Principal| {
            for_each_listed(attached, |policy| {
                if let Some(principals) = has.get_mut(policy) {
                    principals.insert(principal());
                }
            });
        };
        observed.attachments().for_each(|(principal, attached)| note(attached, &principal));
        for principal in observed.duplicates.principals() {
            observed.all_held_by(&principal).into_iter().for_each(|attached| note(attached, &|| principal.clone()));
        }
        let (attached, documents) = (BTreeMap::new(), BTreeMap::new());
        Self { observed, policies: observed.policies.clone(), attached, has, documents }
    }

    fn step(&mut self, call: &Call) {
        match call {
            Call::AddPolicy { policy, document, .. } => {
                self.change(policy, |policies| _ = policies.insert(policy.clone(), Body::Known(document.clone())));
            }
            Call::RemovePolicy { policy, .. } => self.change(policy, |policies| _ = policies.remove(policy)),
            Call::Attach { principal, policy, .. } => self.attach(principal, Some(policy)),
            Call::Detach { principal, .. } => self.attach(principal, None),
            Call::RevokeKeys { user } => self.see(&Principal::from(user)),
        }
    }

    fn change(&mut self, policy: &PolicyName, change: impl FnOnce(&mut BTreeMap<PolicyName, Body>)) {
        let principals = self.has.get(policy).cloned().unwrap_or_default();
        principals.iter().for_each(|principal| self.see(principal));
        change(&mut self.policies);
        principals.iter().for_each(|principal| self.see(principal));
    }

    fn attach(&mut self, principal: &Principal, policy: Option<&PolicyName>) {
        self.see(principal);
        let before = self.attached(principal);
        for (attached, has) in [(before.as_ref(), false), (policy, true)] {
            let Some(attached) = attached else { continue };
            for_each_listed(attached, |policy| {
                let Some(principals) = self.has.get_mut(policy) else { return };
                _ = if has { principals.insert(principal.clone()) } else { principals.remove(principal) };
            });
        }
        self.attached.insert(principal.clone(), policy.cloned());
        self.see(principal);
    }

    fn attached(&self, principal: &Principal) -> Option<PolicyName> {
        match self.attached.get(principal) {
            Some(attached) => attached.clone(),
            None => self.observed.attached_to(principal),
        }
    }

    /// Notes by which document somebody has access now.
    fn see(&mut self, principal: &Principal) {
        let held = Held::by(&self.policies, self.attached(principal).as_ref());
        let documents = self.documents.entry(principal.clone()).or_default();
        if documents.last() != Some(&held) {
            documents.push(held);
        }
    }

    fn effects(self, answers: &mut Answers<'_>) -> Effects {
        let mut effects = Effects::default();
        for name in self.has.keys() {
            let [before, after] =
                [&self.observed.policies, &self.policies].map(|policies| Held::by(policies, Some(name)));
            if before != after {
                effects.documents.insert(name.clone(), (before, after));
            }
        }
        let mut changed = Vec::new();
        let mut asked = Vec::new();
        for (principal, documents) in &self.documents {
            let (Some(first), Some(last)) = (documents.first(), documents.last()) else { continue };
            let on_the_way = || documents.iter().filter(|held| *held != first && *held != last);
            let gap = *first != Held::Nothing && *last != Held::Nothing && documents.contains(&Held::Nothing);
            if on_the_way().any(|held| *held != Held::Nothing) {
                effects
                    .defects
                    .push(format!("{principal} would have access on the way that it has neither before nor after"));
            }
            if first != last {
                changed.push(principal.clone());
                asked.push(Question::new(first.clone(), last.clone(), Some(principal)));
            }
            let effect = Effect {
                before: self.observed.attached_to(principal),
                after: self.attached(principal),
                gap,
                access: None,
                first: first.clone(),
                last: last.clone(),
            };
            effects.on.insert(principal.clone(), effect);
        }
        for (principal, access) in changed.into_iter().zip(answers.all(&asked)) {
            if let Some(effect) = effects.on.get_mut(&principal) {
                effect.access = Some(access);
            }
        }
        effects
    }
}

/// Each policy that somebody has to whom this name is attached; without a copy where it is one.
fn for_each_listed(attached: &PolicyName, mut each: impl FnMut(&PolicyName)) {
    if attached.is_list() {
        attached.listed().for_each(|policy| each(&policy));
    } else {
        each(attached);
    }
}
