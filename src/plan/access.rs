//! The access that users and groups gain and lose between two documents. Equal questions are evaluated once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{PolicyName, Principal, map};
use crate::observed::{Body, Buckets, Observed, granted};
use crate::policy::access::{
    Access, Basis, Context, Credentials, RuleList, Side, Undecided, basis, depends_on_user, difference,
};
use crate::policy::{Catalogue, Normal, normal};

use super::compare::{AttachmentChange, Comparison};

/// The document by which a user or group has access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EffectiveDocument {
    None,
    Known(Normal),
    /// One that was not read or cannot be modelled: its text, or which one it is.
    Unknown(Arc<str>),
}

impl EffectiveDocument {
    pub(super) fn of(policies: &BTreeMap<PolicyName, Body>, attached: Option<&PolicyName>) -> Self {
        let Some(name) = attached else { return Self::None };
        match granted(policies, name).as_deref() {
            None => Self::None,
            Some(Body::Known(normal)) => Self::Known(normal.clone()),
            Some(Body::NotRead) => Self::Unknown(format!("[policy {name}, not read]").into()),
            Some(Body::Unreadable(text)) => Self::Unknown(text.as_str().into()),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Known(normal) => Some(normal.json()),
            Self::Unknown(text) => Some(text),
        }
    }

    /// Together with the policies of all buckets.
    fn beside(&self, buckets: &Buckets) -> Self {
        let own = match self {
            Self::None => None,
            Self::Known(normal) => Some(normal.document()),
            Self::Unknown(_) => return self.clone(),
        };
        buckets.together(own, None).map_or_else(|| self.clone(), |document| Self::Known(normal(&document)))
    }

    /// Whether it may give two users different access.
    fn depends_on_user(&self) -> bool {
        match self {
            Self::None | Self::Unknown(_) => false,
            Self::Known(normal) => depends_on_user(normal.document()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccessQuery {
    before: EffectiveDocument,
    after: EffectiveDocument,
    /// Only if a document depends on the user.
    principal: Option<Principal>,
    credentials: Credentials,
}

impl AccessQuery {
    /// Asks what `after` gives and takes compared with `before`, for this user or group.
    pub(super) fn new(before: EffectiveDocument, after: EffectiveDocument, principal: Option<&Principal>) -> Self {
        let depends = before.depends_on_user() || after.depends_on_user();
        let credentials = Credentials::Own;
        Self { before, after, principal: principal.filter(|_| depends).cloned(), credentials }
    }

    /// Whether both documents were read and can be modelled.
    pub(super) fn is_read(&self) -> bool {
        ![&self.before, &self.after].into_iter().any(|document| matches!(document, EffectiveDocument::Unknown(_)))
    }

    /// Asks the same for nobody in particular.
    pub(super) fn between([before, after]: [EffectiveDocument; 2]) -> Self {
        Self::new(before, after, None)
    }

    /// The same for requests without a login.
    pub(super) fn without_login(self) -> Self {
        Self { principal: None, credentials: Credentials::None, ..self }
    }

    /// The same with temporary credentials and service accounts of the user.
    pub(super) fn with_any_credentials(self) -> Self {
        let is_other = self.principal.as_ref().is_some_and(|principal| principal.user().is_some());
        Self { credentials: if is_other { Credentials::Any } else { Credentials::Own }, ..self }
    }
}

/// Evaluates access by the actions of a catalogue, and remembers the results.
#[derive(Debug)]
pub(super) struct AccessCache<'a> {
    catalogue: &'a Catalogue,
    rules: &'a RuleList,
    /// The policies of buckets, if they count for users by any of the rules.
    beside: Option<&'a Buckets>,
    known: RefCell<Answers>,
}

/// What was evaluated.
pub(super) type Answers = BTreeMap<AccessQuery, Arc<Access>>;

impl<'a> AccessCache<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, rules: &'a RuleList) -> Self {
        Self::knowing(catalogue, rules, Answers::new())
    }

    /// One with answers by the same actions and rules.
    pub(super) fn knowing(catalogue: &'a Catalogue, rules: &'a RuleList, known: Answers) -> Self {
        Self { catalogue, rules, beside: None, known: RefCell::new(known) }
    }

    pub(super) fn into_answers(self) -> Answers {
        self.known.into_inner()
    }

    /// The same, with the policies of buckets as they are before.
    pub(super) fn with_buckets(self, buckets: &'a Buckets) -> Self {
        Self { beside: Some(buckets).filter(|of| of.have_policies() && self.rules.has_union()), ..self }
    }

    /// Asks what a user or group gains and loses by its own policy, beside the policies of buckets: they may allow what it no
    /// longer denies.
    pub(super) fn query(&self, [before, after]: [&EffectiveDocument; 2], principal: Option<&Principal>) -> AccessQuery {
        let [before, after] = [before, after].map(|own| self.beside.map_or_else(|| own.clone(), |all| own.beside(all)));
        AccessQuery::new(before, after, principal)
    }

    pub(super) fn rules(&self) -> &'a RuleList {
        self.rules
    }

    /// Evaluates what is open of these questions, in parallel: they are most of the time of a plan.
    pub(super) fn evaluate(&self, queries: impl Iterator<Item = AccessQuery>) {
        let mut known = self.known.borrow_mut();
        let open: BTreeSet<AccessQuery> = queries.filter(|query| !known.contains_key(query)).collect();
        let context = self.context();
        known.extend(map(open.into_iter().collect(), |query| {
            let access = Arc::new(evaluate(&query, &context));
            (query, access)
        }));
    }

    pub(super) fn difference(&self, query: AccessQuery) -> Arc<Access> {
        let mut known = self.known.borrow_mut();
        let evaluated = |query: &AccessQuery| Arc::new(evaluate(query, &self.context()));
        Arc::clone(known.entry(query).or_insert_with_key(evaluated))
    }

    /// What it rests on that two documents give the same access.
    pub(super) fn basis(&self, before: &Normal, after: &Normal) -> Vec<Basis> {
        basis(before.document(), after.document(), &self.context())
    }

    fn context(&self) -> Context<'a> {
        Context { rules: self.rules, ..Context::new(self.catalogue) }
    }
}

/// The access that users and groups are expected to gain and lose, by the comparison alone: it decides the order of the steps.
/// The real effects are computed from the steps ([`effects`](super::effects)).
pub(super) fn expected(
    comparison: &Comparison,
    observed: &Observed,
    cache: &AccessCache<'_>,
) -> BTreeMap<Principal, Arc<Access>> {
    cache.evaluate(queries(comparison, observed).map(|(_, query)| query));
    queries(comparison, observed).map(|(principal, query)| (principal.clone(), cache.difference(query))).collect()
}

/// What there is to ask about the users and groups whose document changes, by the comparison alone.
pub(super) fn queries<'a>(
    comparison: &'a Comparison,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a Principal, AccessQuery)> {
    let query = |(principal, change): (&'a Principal, &AttachmentChange)| {
        let before = EffectiveDocument::of(&observed.policies, change.attached.as_ref());
        let query = AccessQuery::new(before, document_after(change, comparison, observed), Some(principal));
        (query.before != query.after).then_some((principal, query))
    };
    comparison.affected.iter().filter_map(query)
}

pub(super) fn document_after(
    change: &AttachmentChange,
    comparison: &Comparison,
    observed: &Observed,
) -> EffectiveDocument {
    match change.after.as_ref().and_then(|policy| comparison.policies.get(policy)?.document()) {
        Some(document) => EffectiveDocument::Known(document.clone()),
        None => EffectiveDocument::of(&observed.policies, change.after.as_ref()),
    }
}

fn evaluate(query: &AccessQuery, context: &Context<'_>) -> Access {
    let document = |side: &EffectiveDocument| match side {
        EffectiveDocument::None => Ok(None),
        EffectiveDocument::Known(normal) => Ok(Some(normal.document().clone())),
        EffectiveDocument::Unknown(_) => Err(()),
    };
    match (document(&query.before), document(&query.after)) {
        (Ok(before), Ok(after)) => {
            let context = match query.credentials {
                Credentials::None => context.anonymous(),
                Credentials::Own | Credentials::Any => context.with_credentials(query.credentials),
            };
            let context = query.principal.as_ref().map_or(context, |principal| context.with(principal));
            difference(before.as_ref(), after.as_ref(), &context)
        }
        (Err(()), Ok(_)) | (Ok(_), Err(())) | (Err(()), Err(())) => {
            // A document that cannot be modelled may allow anything, and take anything away.
            let (actions, pattern) = (vec!["s3:*".to_owned()], "arn:aws:s3:::*".to_owned());
            let open = |side| Undecided { side, actions: actions.clone(), pattern: pattern.clone(), rules: Vec::new() };
            Access { undecided: vec![open(Side::Gained), open(Side::Lost)], ..Access::default() }
        }
    }
}
