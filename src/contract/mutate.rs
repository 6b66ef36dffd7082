//! How good a contract is: which wider policies no expectation would notice.

use super::state::Given;
use super::{State, Subject, check};
use crate::base::{Location, PolicyName};
use crate::desired::Desired;
use crate::policy::access::{Context, gains, pattern_covers};
use crate::policy::{Document, Effect, Normal, Part, Place, Statement, normal};

/// A statement of a declared policy, made wider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The policy.
    pub policy: PolicyName,
    /// The index of the statement.
    pub statement: usize,
    /// What makes it wider.
    pub widening: Widening,
    /// The place of the statement.
    pub at: Option<Location>,
}

/// What makes a policy wider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Widening {
    /// An `Allow` has this action as well.
    Action(String),
    /// An `Allow` has this resource as well.
    Resource(String),
    /// An `Allow` has no conditions.
    NoConditions,
    /// A `Deny` is gone.
    NoDeny,
}

/// The result of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutationResult {
    /// An expectation fails.
    Caught,
    /// No expectation fails, although somebody gains access.
    Missed,
    /// Nobody gains anything.
    NoGain,
}

/// All mutations of the declared policies, in the order of policies and statements.
#[must_use]
pub fn mutations(desired: &Desired, context: &Context<'_>) -> Vec<Mutation> {
    let mut all = Vec::new();
    for (policy, entry) in &desired.policies {
        let Some(authored) = entry.intent.authored() else { continue };
        for (index, statement) in authored.document().statements.iter().enumerate() {
            let at = authored.place(Place::Statement(index, Part::Whole));
            let mutation = |widening| Mutation { policy: policy.clone(), statement: index, widening, at: at.clone() };
            all.extend(widenings(statement, context).into_iter().map(mutation));
        }
    }
    all
}

fn widenings(statement: &Statement, context: &Context<'_>) -> Vec<Widening> {
    if statement.effect == Effect::Deny {
        return vec![Widening::NoDeny];
    }
    let has = |action: &str| statement.actions.patterns.iter().any(|pattern| pattern_covers(pattern, action));
    let missing = context.catalogue.actions().iter().filter(|action| has(&action.name) == statement.actions.negated);
    let mut all: Vec<Widening> = missing.map(|action| Widening::Action(action.name.clone())).collect();
    if !statement.resources.negated {
        let patterns = &statement.resources.patterns;
        let mut resources: Vec<String> = patterns.iter().flat_map(|pattern| wider(pattern)).collect();
        resources.retain(|resource| !patterns.contains(resource));
        resources.sort();
        resources.dedup();
        all.extend(resources.into_iter().map(Widening::Resource));
    }
    all.extend((!statement.conditions.is_empty()).then_some(Widening::NoConditions));
    all
}

/// Wider patterns of a resource: everything, all keys of the bucket, and all buckets that begin alike.
fn wider(pattern: &str) -> Vec<String> {
    let Some(behind) = pattern.strip_prefix("arn:aws:s3:::") else { return Vec::new() };
    let bucket = behind.split('/').next().unwrap_or_default();
    let keys = behind.contains('/').then(|| format!("arn:aws:s3:::{bucket}/*"));
    let buckets = (!bucket.ends_with('*')).then(|| format!("arn:aws:s3:::{bucket}*"));
    [Some("*".to_owned()), keys, buckets].into_iter().flatten().collect()
}

impl Mutation {
    /// Whether an expectation fails with the mutation and not without it, for everyone who has the policy.
    #[must_use]
    pub fn result(&self, desired: &Desired, state: &State, context: &Context<'_>) -> MutationResult {
        let declared = desired.policies.get(&self.policy).and_then(|entry| entry.intent.authored());
        let Some(authored) = declared else { return MutationResult::NoGain };
        let (before, after) = (authored.document(), self.document(authored.document()));
        let [old, new] = [authored.normal(), normal(&after)].map(|document| self.state_with(&document, state));
        if new.subjects.is_empty() || gains(Some(before), Some(&after), context).gains_nothing() {
            return MutationResult::NoGain;
        }
        let checked = check(&desired.expectations, Some(&old), &new, context);
        let is_caught = checked.iter().any(|checked| checked.failures.iter().any(|failure| failure.is_new));
        if is_caught { MutationResult::Caught } else { MutationResult::Missed }
    }

    /// Everyone who has the policy, with this document.
    fn state_with(&self, document: &Normal, state: &State) -> State {
        let with_policy = state.subjects.iter().filter(|subject| subject.policy.as_ref() == Some(&self.policy));
        let with_document = |of: &Subject| Subject { given: Given::Document(document.clone()), ..of.clone() };
        State { subjects: with_policy.map(with_document).collect(), unreported: state.unreported.clone() }
    }

    /// The document with the mutation.
    pub(super) fn document(&self, document: &Document) -> Document {
        let mut wide = document.clone();
        let Some(statement) = wide.statements.get_mut(self.statement) else { return wide };
        match &self.widening {
            Widening::Action(action) if statement.actions.negated => {
                statement.actions.patterns.retain(|pattern| !pattern_covers(pattern, action));
            }
            Widening::Action(action) => statement.actions.patterns.push(action.clone()),
            Widening::Resource(resource) => statement.resources.patterns.push(resource.clone()),
            Widening::NoConditions => statement.conditions.clear(),
            Widening::NoDeny => _ = wide.statements.remove(self.statement),
        }
        wide
    }

    /// What it changes, in words.
    #[must_use]
    pub fn phrase(&self) -> String {
        match &self.widening {
            Widening::Action(action) => format!("allows `{action}`"),
            Widening::Resource(resource) => format!("is about `{resource}`"),
            Widening::NoConditions => "has no conditions".to_owned(),
            Widening::NoDeny => "is gone".to_owned(),
        }
    }
}
