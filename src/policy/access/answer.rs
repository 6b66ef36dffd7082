//! The answers about users and groups: what they can do, one request, or all requests that match patterns.

use std::fmt;

use super::abilities::{Requests, abilities};
use super::can::{RequestDecision, RequestOn, RequestQuestion, decide_request};
use super::decide::{RequestProblem, Verdict};
use super::question::Question;
use super::rules::{RuleList, Rules};
use super::set::Counterexample;
use super::whole::{Missing, Whole};
use super::{Access, Context, Credentials, is_of_user, summary};
use crate::base::{BucketName, CannedPolicy, PolicyName, Principal, UserName};
use crate::policy::{Catalogue, Document, Effect, Principals, Statement, for_everyone};

/// Whose access an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A user or group.
    Principal(Principal),
    /// Everyone without a login, whom only bucket policies let in.
    Anonymous,
    /// Everyone whom a document is about. It is in the file of this path.
    Document(String),
    /// Anyone with a token whose claim has these roles, which are names of policies.
    Roles(PolicyName),
}

impl Holder {
    /// How files and the command line name everyone without a login. No user can have this name.
    pub const ANONYMOUS: &str = "@anonymous";

    /// Whether it may have service accounts or temporary credentials, which the cluster does not report.
    fn has_service_accounts(&self) -> bool {
        self.user().is_some()
    }

    /// The user or group, if it is one.
    pub fn principal(&self) -> Option<&Principal> {
        if let Self::Principal(principal) = self { Some(principal) } else { None }
    }

    /// The name of the user, if it is one.
    pub fn user(&self) -> Option<&str> {
        self.principal()?.user().map(UserName::as_str)
    }

    /// How the command line names it.
    pub fn label(&self) -> String {
        match self {
            Self::Principal(principal) => principal.label(),
            Self::Anonymous => Self::ANONYMOUS.to_owned(),
            Self::Document(path) => path.clone(),
            Self::Roles(roles) => format!("roles {roles}"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::Anonymous => f.write_str("everyone without a login"),
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
    /// What they can do, and which actions are allowed.
    Everything,
    /// One request.
    Request(RequestOn),
    /// All requests that match two patterns.
    Requests(RequestQuestion),
    /// All actions that match two patterns, and that the table of requests does not have.
    Actions(Question),
    /// All of the requests and actions that match two patterns.
    All(Whole),
}

impl Asked {
    /// Reads a question about all of something.
    ///
    /// # Errors
    /// There is no such word or action, or the resource does not fit it.
    pub fn all(what: &str, resource: &str, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        Whole::parse(what, resource, catalogue).map(Self::All)
    }

    /// Reads a word of the table of requests, or an action, or a pattern of either; and a resource or a pattern. If
    /// `is_exact`, the resource is no pattern.
    ///
    /// # Errors
    /// There is no such word or action, or the resource does not fit it.
    pub fn parse(what: &str, resource: &str, is_exact: bool, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        let is_action = what.contains(':');
        let is_unknown = is_action && !what.contains(['*', '?']) && catalogue.get(what).is_none();
        if is_unknown {
            // The message names the nearest action.
            return Question::parse(what, resource, catalogue).map(Self::Actions);
        }
        match RequestOn::parse(what, resource) {
            Ok(request) if is_exact || !request.resource().contains(['*', '?']) => return Ok(Self::Request(request)),
            Err(problem @ RequestProblem::Resource { .. }) if is_exact => return Err(problem),
            Ok(_) | Err(_) => {}
        }
        match RequestQuestion::parse(what, resource) {
            Ok(question) => Ok(Self::Requests(question)),
            Err(RequestProblem::Action { .. }) if is_action => {
                Question::parse(what, resource, catalogue).map(Self::Actions)
            }
            Err(problem) => Err(problem),
        }
    }

    /// The requests among what is asked for that a document allows.
    fn requests(&self, document: &Document, context: &Context<'_>) -> Requests {
        match self {
            Self::Everything => abilities(document, context),
            Self::Requests(question) => question.allowed(document, context),
            Self::Request(request) => request.allowed(document, context),
            Self::Actions(_) | Self::All(_) => Requests::default(),
        }
    }

    /// Whether a document may allow something of what is asked for.
    fn may_be_allowed(&self, document: &Document, context: &Context<'_>) -> bool {
        match self {
            Self::Everything | Self::Requests(_) | Self::Request(_) => {
                !self.requests(document, context).gains_nothing()
            }
            Self::Actions(question) => !question.allowed(document, context).gains_nothing(),
            Self::All(whole) => whole.missing(Some(document), context).iter().any(|(_, missing)| missing.is_none()),
        }
    }
}

/// A report on the access of users and groups.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it is about.
    pub asked: Asked,
    /// The word, the action or the pattern that was asked for.
    pub what: Option<String>,
    /// The rules that count. The first ones lead.
    pub rules: RuleList,
    /// One answer for each user and group.
    pub answers: Vec<Answer>,
    /// The number of evaluated users and groups. Some may have no answer. Requests without a login do not count.
    pub evaluated: usize,
    /// Whether the roles of tokens are among these.
    pub with_roles: bool,
    /// Whether the policies of buckets are known.
    pub buckets_known: bool,
}

/// The answer for one user or group.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The user or group with its policy.
    pub attachment: Attachment,
    /// What it can do, or the part of it that a question is about.
    pub can: Option<Requests>,
    /// The actions that are allowed, or those that a question is about.
    pub access: Option<Access>,
    /// The decisions, if the report is about one request. Rules that decide alike are one decision. The leading rules come first.
    pub decisions: Vec<(Vec<Rules>, RequestDecision)>,
    /// What is missing of all that a question is about. Rules that agree are together. The leading rules come first.
    pub missing: Vec<Missing>,
    /// What its temporary credentials and service accounts can do, and its own keys cannot: some servers give them another
    /// name. For one request, that request; for a question, its part. Nothing is looked for unless the document tests the name.
    pub other_keys: Requests,
    /// The policies of buckets that allow what is asked for. Only for requests without a login.
    pub by: Vec<ByBucket>,
}

/// The policy of a bucket that allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByBucket {
    /// The bucket.
    pub bucket: BucketName,
    /// The name of its policy, if it has one.
    pub canned: Option<CannedPolicy>,
    /// The statements that allow it: `statement N`, counted from 1, with the `Sid`.
    pub statements: Vec<String>,
}

impl Attachment {
    /// A document alone. The access of a bucket policy is that of requests without a login.
    pub fn of_document(path: &str, document: &Document) -> Self {
        let document = for_everyone(document);
        Self { holder: Holder::Document(path.to_owned()), policy: None, document: Some(document) }
    }

    /// Whether its access is known.
    pub fn is_known(&self) -> bool {
        (self.policy.is_none() && self.holder != Holder::Anonymous) || self.document.is_some()
    }

    /// The answer for the user or group.
    pub fn answer(self, asked: &Asked, context: &Context<'_>) -> Answer {
        let context = self.context(context);
        let document = self.document.as_ref();
        let (mut can, mut access, mut decisions, mut missing) = (None, None, Vec::new(), Vec::new());
        match asked {
            _ if !self.is_known() => {}
            Asked::Everything => {
                can = Some(document.map(|it| abilities(it, &context)).unwrap_or_default());
                access = Some(document.map(|it| summary(it, &context)).unwrap_or_default());
            }
            Asked::Requests(question) => {
                can = Some(document.map(|it| question.allowed(it, &context)).unwrap_or_default());
            }
            Asked::Actions(question) => {
                access = Some(document.map(|it| question.allowed(it, &context)).unwrap_or_default());
            }
            Asked::Request(request) => {
                decisions = context.rules.agreeing(|rules| decide_request(document, request, &context, rules));
            }
            Asked::All(whole) => missing = whole.missing(document, &context),
        }
        let other_keys = document.filter(|document| tests_name(document)).map(|document| {
            let any = asked.requests(document, &context.with_credentials(Credentials::Any));
            any.without(&asked.requests(document, &context))
        });
        let (other_keys, by) = (other_keys.unwrap_or_default(), Vec::new());
        Answer { can, access, decisions, missing, other_keys, by, attachment: self }
    }

    /// The context of an evaluation for it.
    pub fn context<'a>(&'a self, context: &Context<'a>) -> Context<'a> {
        match &self.holder {
            Holder::Principal(principal) => context.with(principal),
            Holder::Anonymous => context.anonymous(),
            Holder::Document(_) | Holder::Roles(_) => *context,
        }
    }
}

/// Whether a document tests the name or the kind of the user.
fn tests_name(document: &Document) -> bool {
    let mut clauses = document.statements.iter().flat_map(|statement| &statement.conditions);
    let mut principals = document.statements.iter().filter_map(|statement| statement.principals.as_ref());
    principals.any(Principals::depends_on_user) || clauses.any(|clause| is_of_user(&clause.key))
}

impl Report {
    /// Whether it is about someone who may have service accounts or temporary credentials, which the cluster does not report.
    pub fn has_service_accounts(&self) -> bool {
        self.answers.iter().any(|answer| answer.attachment.holder.has_service_accounts())
    }
}

impl ByBucket {
    /// The statements of the policy of a bucket that allow something of what is asked for. `document` is the policy alone, as
    /// [`combined`](crate::policy::combined) makes it. `None` if nothing is allowed.
    pub fn of(
        (bucket, canned): (&BucketName, Option<CannedPolicy>),
        document: &Document,
        asked: &Asked,
        context: &Context<'_>,
    ) -> Option<Self> {
        let context = context.anonymous();
        let allows = |statement: &&Statement| {
            let document = Document { statements: vec![(*statement).clone()], ..document.clone() };
            statement.effect == Effect::Allow && asked.may_be_allowed(&document, &context)
        };
        let statements: Vec<String> =
            document.statements.iter().filter(allows).filter_map(|statement| statement.sid.clone()).collect();
        (!statements.is_empty()).then(|| Self { bucket: bucket.clone(), canned, statements })
    }
}

impl Answer {
    /// Whether the request is always allowed, by the leading rules.
    pub fn is_allowed(&self) -> bool {
        self.decisions.first().is_some_and(|(_, decision)| decision.verdict == Verdict::Allowed)
    }

    /// Whether all that a question is about is always allowed, by the leading rules.
    pub fn is_all_allowed(&self) -> bool {
        self.missing.first().is_some_and(|(_, missing)| missing.is_none())
    }

    /// Whether the request, or some of the requests, may be allowed: by some rules, or under conditions.
    pub fn may_be_allowed(&self) -> bool {
        self.decisions.iter().any(|(_, decision)| decision.verdict != Verdict::Denied)
            || self.can.as_ref().is_some_and(|can| !can.gains_nothing())
            || !self.other_keys.gains_nothing()
            || self.access.as_ref().is_some_and(|access| !access.gains_nothing())
            || self.missing.iter().any(|(_, missing)| missing.as_ref().is_none_or(Counterexample::may_be_allowed))
    }
}
