//! Who gains or loses what access between two documents, each question answered once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{PolicyName, Principal, map};
use crate::observed::{Body, Observed, granted};
use crate::policy::access::{Access, Context, Side, Undecided, difference, summary};
use crate::policy::{Catalogue, Normal};

use super::compare::Comparison;
use super::holders::AttachmentChange;

/// What access a change gives a user or group, or takes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// The user or group.
    pub principal: Principal,
    /// What is gained, lost, or not decided. Shared by all for whom it is the same.
    pub access: Arc<Access>,
}

/// The document that gives access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    /// None: no access.
    Nothing,
    /// This one.
    Document(Normal),
    /// One that is not known or cannot be modelled: its text, or which one it is.
    Unknown(Arc<str>),
}

impl Held {
    /// The document by which the name that is attached gives access.
    pub(super) fn by(policies: &BTreeMap<PolicyName, Body>, attached: Option<&PolicyName>) -> Self {
        let Some(name) = attached else { return Self::Nothing };
        match granted(policies, name).as_deref() {
            None => Self::Nothing,
            Some(Body::Known(normal)) => Self::Document(normal.clone()),
            Some(Body::NotRead) => Self::Unknown(format!("[policy {name}, not read]").into()),
            Some(Body::Unreadable(text)) => Self::Unknown(text.as_str().into()),
        }
    }

    /// The document as text, for a digest.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Document(normal) => Some(normal.json()),
            Self::Unknown(text) => Some(text),
        }
    }

    /// Whether it names the user by a variable.
    fn is_variable(&self) -> bool {
        self.text().is_some_and(|text| text.contains("${"))
    }

    /// This document with whom it is for, where that matters.
    fn of(&self, principal: &Principal) -> (Self, Option<Principal>) {
        (self.clone(), self.is_variable().then(|| principal.clone()))
    }
}

/// Two documents to compare. Equal questions have equal answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    before: Held,
    after: Held,
    /// Only where a document names the user by a variable.
    principal: Option<Principal>,
}

impl Question {
    /// What the second document gives and takes compared with the first, for this user or group.
    pub(super) fn new(before: Held, after: Held, principal: Option<&Principal>) -> Self {
        let variable = before.is_variable() || after.is_variable();
        Self { before, after, principal: principal.filter(|_| variable).cloned() }
    }
}

/// The questions that have been answered.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    catalogue: &'a Catalogue,
    known: BTreeMap<Question, Arc<Access>>,
}

impl<'a> Answers<'a> {
    /// None yet, by the actions of this catalogue.
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, known: BTreeMap::new() }
    }

    /// Answers these questions, in their order.
    pub(super) fn all(&mut self, asked: &[Question]) -> Vec<Arc<Access>> {
        let mut open: Vec<Question> =
            asked.iter().filter(|question| !self.known.contains_key(*question)).cloned().collect();
        open.sort();
        open.dedup();
        let answers = map(open.clone(), |question| Arc::new(answer(&question, self.catalogue)));
        self.known.extend(open.into_iter().zip(answers));
        asked.iter().filter_map(|question| self.known.get(question).cloned()).collect()
    }

    /// Whether each of these documents gives any access at all.
    pub(super) fn gives(&self, asked: &[(&Held, &Principal)]) -> Vec<Gives> {
        let mut open: Vec<_> = asked.iter().map(|(held, principal)| held.of(principal)).collect();
        let all = open.clone();
        open.sort();
        open.dedup();
        let answers = map(open.clone(), |(held, principal)| gives(&held, principal.as_ref(), self.catalogue));
        let known: BTreeMap<_, _> = open.into_iter().zip(answers).collect();
        all.iter().map(|question| known.get(question).copied().unwrap_or(Gives::Undecided)).collect()
    }
}

/// The access that users and groups are expected to gain and lose, by what the comparison says of them: by it the steps are
/// put in order. What the steps really do is computed from them (`effects`).
pub(super) fn expected(
    comparison: &Comparison,
    observed: &Observed,
    answers: &mut Answers<'_>,
) -> BTreeMap<Principal, Arc<Access>> {
    let (principals, asked): (Vec<&Principal>, Vec<Question>) = comparison
        .affected()
        .map(|(principal, fate)| {
            let before = Held::by(&observed.policies, fate.physical.as_ref());
            (principal, Question::new(before, held_then(fate, comparison, observed), Some(principal)))
        })
        .filter(|(_, question)| question.before != question.after)
        .unzip();
    principals.into_iter().cloned().zip(answers.all(&asked)).collect()
}

fn held_then(fate: &AttachmentChange, comparison: &Comparison, observed: &Observed) -> Held {
    match fate.after.as_ref().and_then(|policy| comparison.policies.get(policy)?.document()) {
        Some(document) => Held::Document(document.clone()),
        None => Held::by(&observed.policies, fate.after.as_ref()),
    }
}

/// Whether a document gives any access at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Something,
    Nothing,
    Undecided,
}

fn gives(held: &Held, principal: Option<&Principal>, catalogue: &Catalogue) -> Gives {
    let access = match held {
        Held::Nothing => return Gives::Nothing,
        Held::Unknown(_) => return Gives::Undecided,
        Held::Document(normal) => summary(normal.document(), &context(catalogue, principal)),
    };
    match (access.gained.is_empty(), access.undecided.is_empty()) {
        (false, _) => Gives::Something,
        (true, true) => Gives::Nothing,
        (true, false) => Gives::Undecided,
    }
}

fn context<'a>(catalogue: &'a Catalogue, principal: Option<&'a Principal>) -> Context<'a> {
    let context = Context::new(catalogue);
    principal.map_or(context, |principal| context.with(principal))
}

fn answer(question: &Question, catalogue: &Catalogue) -> Access {
    let document = |held: &Held| match held {
        Held::Nothing => Ok(None),
        Held::Document(normal) => Ok(Some(normal.document().clone())),
        Held::Unknown(_) => Err(()),
    };
    match (document(&question.before), document(&question.after)) {
        (Ok(before), Ok(after)) => {
            difference(before.as_ref(), after.as_ref(), &context(catalogue, question.principal.as_ref()))
        }
        (Err(()), Ok(_)) | (Ok(_), Err(())) | (Err(()), Err(())) => anything(),
    }
}

/// A document that cannot be modelled may allow anything, and take anything away.
fn anything() -> Access {
    let open = |side| Undecided { side, actions: vec!["s3:*".into()], pattern: "arn:aws:s3:::*".into(), profile: None };
    Access { undecided: vec![open(Side::Gained), open(Side::Lost)], ..Access::default() }
}
