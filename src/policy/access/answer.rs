//! The answers about users and groups: all their access, one request, or all requests that match patterns.

use std::fmt;

use super::decide::{Decision, Request, Verdict, decide};
use super::question::Question;
use super::rules::Rules;
use super::{Access, Context, summary};
use crate::base::{PolicyName, Principal};
use crate::policy::{Document, for_everyone};

/// Whose access an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user or group.
    Principal(Principal),
    /// Everyone whom a document is about. It is in the file of this path.
    Document(String),
    /// Anyone with a token whose claim has these roles, which are names of policies.
    Roles(PolicyName),
}

impl Holder {
    /// Whether it may have service accounts or temporary credentials, which the cluster does not report.
    fn has_service_accounts(&self) -> bool {
        match self {
            Self::Principal(principal) => principal.user().is_some(),
            Self::Document(_) | Self::Roles(_) => false,
        }
    }

    /// How the command line names it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Principal(principal) => principal.label(),
            Self::Document(path) => path.clone(),
            Self::Roles(roles) => format!("roles {roles}"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::Document(path) => f.write_str(path),
            Self::Roles(roles) => write!(f, "a token with the roles {roles}"),
        }
    }
}

/// A user or group with its policy, or a document alone.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Whose access it is.
    pub holder: Holder,
    /// The policy that it has, if any.
    pub policy: Option<PolicyName>,
    /// The document of the policy, if known.
    pub document: Option<Document>,
}

/// What a report is about.
#[derive(Debug, Clone)]
pub enum Asked {
    /// All access.
    Everything,
    /// One request.
    Request(Request),
    /// All requests that match two patterns.
    Question(Question),
}

/// A report on the access of users and groups.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it is about.
    pub asked: Asked,
    /// One answer for each user and group.
    pub answers: Vec<Answer>,
    /// The number of evaluated users and groups. Some may have no answer.
    pub evaluated: usize,
}

/// The answer for one user or group.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The user or group with its policy.
    pub attachment: Attachment,
    /// All access, or its part that a question is about.
    pub access: Option<Access>,
    /// The decisions, if the report is about one request. Rules that evaluate alike are one decision, by the first.
    pub decisions: Vec<(Rules, Decision)>,
}

impl Attachment {
    /// A document alone. The access of a bucket policy is that of requests without a login.
    #[must_use]
    pub fn of_document(path: &str, document: &Document) -> Self {
        let document = for_everyone(document);
        Self { holder: Holder::Document(path.to_owned()), policy: None, document: Some(document) }
    }

    /// Whether its access is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.policy.is_none() || self.document.is_some()
    }

    /// The answer for the user or group.
    #[must_use]
    pub fn answer(self, asked: &Asked, context: &Context<'_>) -> Answer {
        match asked {
            Asked::Everything => self.access(context, summary),
            Asked::Request(request) => self.decisions(request, context),
            Asked::Question(question) => self.access(context, |document, context| question.allowed(document, context)),
        }
    }

    fn context<'a>(&'a self, context: &Context<'a>) -> Context<'a> {
        match &self.holder {
            Holder::Principal(principal) => context.with(principal),
            Holder::Document(_) | Holder::Roles(_) => *context,
        }
    }

    fn access(self, context: &Context<'_>, of: impl Fn(&Document, &Context<'_>) -> Access) -> Answer {
        let context = self.context(context);
        let known = self.is_known();
        let all = || self.document.as_ref().map(|document| of(document, &context)).unwrap_or_default();
        let access = known.then(all);
        Answer { attachment: self, access, decisions: Vec::new() }
    }

    fn decisions(self, request: &Request, context: &Context<'_>) -> Answer {
        let context = self.context(context);
        let known = self.is_known();
        let rules = context
            .groups(Rules::evaluate_like)
            .into_iter()
            .filter(|_| known)
            .filter_map(|group| group.first().copied());
        let decision = |rules| (rules, decide(self.document.as_ref(), request, &context, rules));
        let decisions = rules.map(decision).collect();
        Answer { attachment: self, access: None, decisions }
    }
}

impl Report {
    /// Whether it is about someone who may have service accounts or temporary credentials, which the cluster does not report.
    #[must_use]
    pub fn has_service_accounts(&self) -> bool {
        self.answers.iter().any(|answer| answer.attachment.holder.has_service_accounts())
    }
}

impl Answer {
    /// Whether the request is always allowed, by all rules that count.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        !self.decisions.is_empty() && self.decisions.iter().all(|(_, decision)| decision.verdict == Verdict::Allowed)
    }

    /// Whether the request, or some of the requests, may be allowed: by some rules, or under conditions.
    #[must_use]
    pub fn may_be_allowed(&self) -> bool {
        self.decisions.iter().any(|(_, decision)| decision.verdict != Verdict::Denied)
            || self.access.as_ref().is_some_and(|access| *access != Access::default())
    }
}
