//! Who gains or loses what access by a plan: per user and group, the document held now against the document held then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{PolicyName, Principal, map};
use crate::observed::{Body, Observed};
use crate::policy::access::{Access, Context, Side, Undecided, difference, summary};
use crate::policy::{Catalogue, Normal};

use super::compare::{Comparison, PolicyFate};
use super::holders::HolderFate;

/// What access a change gives a user or group, or takes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderAccess {
    /// The user or group.
    pub principal: Principal,
    /// What is gained, lost, or not decided. Shared by all for whom it is the same.
    pub access: Arc<Access>,
}

/// The access of every user and group whose document becomes another. Bucket policies and what a user's service accounts and
/// temporary credentials add are outside: they follow from the user's policy.
pub(super) fn accesses(
    comparison: &Comparison,
    observed: &Observed,
    catalogue: &Catalogue,
) -> BTreeMap<Principal, Arc<Access>> {
    let asked: Vec<(&Principal, Question<'_>)> = comparison
        .affected()
        .map(|(principal, fate)| (principal, held_now(fate, observed), held_then(fate, comparison, observed)))
        .filter(|(_, before, after)| before != after)
        .map(|(principal, before, after)| {
            let variable = before.is_variable() || after.is_variable();
            (principal, Question { before, after, principal: variable.then_some(principal) })
        })
        .collect();
    let known =
        answers(&asked, |principal, question| Arc::new(answer(question.before, question.after, principal, catalogue)));
    let of = |(principal, question): &(&Principal, Question<'_>)| {
        Some((Principal::clone(principal), Arc::clone(known.get(question)?)))
    };
    asked.iter().filter_map(of).collect()
}

/// The users and groups, of those that matter, whose document gives them something now and nothing then. Where it is not decided
/// whether the one then gives anything, it is taken to give nothing. `accesses` are those of the same comparison: who had
/// nothing, or gains anything, is not bereft.
pub(super) fn bereft(
    comparison: &Comparison,
    observed: &Observed,
    (accesses, catalogue): (&BTreeMap<Principal, Arc<Access>>, &Catalogue),
    matters: impl Fn(&Principal) -> bool,
) -> BTreeSet<Principal> {
    let held: Vec<(&Principal, [Held<'_>; 2])> = comparison
        .affected()
        .filter(|(principal, _)| matters(principal))
        .map(|(principal, fate)| (principal, [held_now(fate, observed), held_then(fate, comparison, observed)]))
        .filter(|(principal, [before, after])| {
            let gains = || accesses.get(*principal).is_some_and(|access| !access.gained.is_empty());
            before != after && *before != Held::Nothing && !gains()
        })
        .collect();
    let asked: Vec<_> =
        held.iter().flat_map(|&(principal, both)| both.map(|held| (principal, held.of(principal)))).collect();
    let known = answers(&asked, |principal, (held, _)| gives(*held, principal, catalogue));
    let is_bereft = |(principal, both): &(&Principal, [Held<'_>; 2])| {
        let [before, after] = both.map(|held| known.get(&held.of(principal)));
        before != Some(&Gives::Nothing) && after != Some(&Gives::Something)
    };
    held.iter().filter(|row| is_bereft(row)).map(|(principal, _)| Principal::clone(principal)).collect()
}

/// The answers to questions, each asked once, for the first who asks it.
fn answers<'p, Q: Copy + Ord + Send, A: Send>(
    asked: &[(&'p Principal, Q)],
    answer: impl Fn(&'p Principal, &Q) -> A + Send + Sync,
) -> BTreeMap<Q, A> {
    let mut first: BTreeMap<Q, &Principal> = BTreeMap::new();
    for (principal, question) in asked {
        first.entry(*question).or_insert(principal);
    }
    let questions: Vec<(Q, &Principal)> = first.into_iter().collect();
    let answers = map(questions.clone(), |(question, principal)| answer(principal, &question));
    questions.into_iter().map(|(question, _)| question).zip(answers).collect()
}

/// Whether a document gives any access at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    Something,
    Nothing,
    Undecided,
}

fn gives(held: Held<'_>, principal: &Principal, catalogue: &Catalogue) -> Gives {
    let access = match held {
        Held::Nothing => return Gives::Nothing,
        Held::Unknown(_) => return Gives::Undecided,
        Held::Document(normal) => summary(normal.document(), &Context::new(catalogue).with(principal)),
    };
    match (access.gained.is_empty(), access.undecided.is_empty()) {
        (false, _) => Gives::Something,
        (true, true) => Gives::Nothing,
        (true, false) => Gives::Undecided,
    }
}

/// Equal questions have equal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Question<'a> {
    before: Held<'a>,
    after: Held<'a>,
    /// Only where a document speaks of the user by a variable.
    principal: Option<&'a Principal>,
}

/// The document that gives access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held<'a> {
    /// None: no access.
    Nothing,
    /// This one.
    Document(&'a Normal),
    /// One that is not known or cannot be modelled.
    Unknown(Option<&'a str>),
}

impl<'a> Held<'a> {
    /// This document with whom it is for, where that matters.
    fn of(self, principal: &'a Principal) -> (Self, Option<&'a Principal>) {
        (self, self.is_variable().then_some(principal))
    }

    /// Whether it speaks of the user by a variable.
    fn is_variable(&self) -> bool {
        self.text().is_some_and(|text| text.contains("${"))
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Document(normal) => Some(normal.json()),
            Self::Unknown(text) => *text,
        }
    }
}

fn of_body(body: Option<&Body>) -> Held<'_> {
    match body {
        None => Held::Nothing,
        Some(Body::Known(normal)) => Held::Document(normal),
        Some(Body::NotRead) => Held::Unknown(None),
        Some(Body::Unreadable(text)) => Held::Unknown(Some(text)),
    }
}

fn held_now<'a>(fate: &HolderFate, observed: &'a Observed) -> Held<'a> {
    of_body(fate.physical.as_ref().and_then(|policy: &PolicyName| observed.policies.get(policy)))
}

fn held_then<'a>(fate: &HolderFate, comparison: &'a Comparison, observed: &'a Observed) -> Held<'a> {
    let Some(policy) = &fate.after else { return Held::Nothing };
    match comparison.policies.get(policy) {
        Some(PolicyFate::Add(document) | PolicyFate::Replace(document)) => Held::Document(document),
        Some(PolicyFate::Keep | PolicyFate::Remove | PolicyFate::LeaveAlone | PolicyFate::Ambiguous) | None => {
            of_body(observed.policies.get(policy))
        }
    }
}

fn answer(before: Held<'_>, after: Held<'_>, principal: &Principal, catalogue: &Catalogue) -> Access {
    let document = |held: Held<'_>| match held {
        Held::Nothing => Ok(None),
        Held::Document(normal) => Ok(Some(normal.document().clone())),
        Held::Unknown(_) => Err(()),
    };
    let context = Context::new(catalogue).with(principal);
    match (document(before), document(after)) {
        (Ok(before), Ok(after)) => difference(before.as_ref(), after.as_ref(), &context),
        (Err(()), Ok(_)) | (Ok(_), Err(())) | (Err(()), Err(())) => anything(),
    }
}

/// A document that cannot be modelled may allow anything, and take anything away.
fn anything() -> Access {
    let open = |side| Undecided { side, actions: vec!["s3:*".into()], pattern: "arn:aws:s3:::*".into(), profile: None };
    Access { undecided: vec![open(Side::Gained), open(Side::Lost)], ..Access::default() }
}
