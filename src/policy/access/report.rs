//! What users and groups may do, put together for those who ask.

use super::{Access, Context, Decision, Profile, Request, Verdict, decide, summary};
use crate::base::{PolicyName, Principal};
use crate::policy::Document;

/// A user or group with the policy it holds.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The user or group.
    pub principal: Principal,
    /// The policy it holds, if any.
    pub policy: Option<PolicyName>,
    /// The document of that policy, where it is known.
    pub document: Option<Document>,
}

/// An answer about users and groups.
#[derive(Debug, Clone)]
pub struct Report {
    /// The request that was asked about; none when all that is allowed was asked for.
    pub request: Option<Request>,
    /// An answer for each.
    pub answers: Vec<Answer>,
}

/// The answer for one of them.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The user or group, with what it holds.
    pub holder: Holder,
    /// All it may do, when that was asked for.
    pub access: Option<Access>,
    /// What each profile says to the request that was asked about.
    pub decisions: Vec<(Profile, Decision)>,
}

impl Holder {
    /// Whether what it may do can be told.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.policy.is_none() || self.document.is_some()
    }

    /// All that it may do.
    #[must_use]
    pub fn everything(self, context: &Context<'_>) -> Answer {
        let context = context.with(&self.principal);
        let known = self.is_known();
        let all = || self.document.as_ref().map(|document| summary(document, &context)).unwrap_or_default();
        let access = known.then(all);
        Answer { holder: self, access, decisions: Vec::new() }
    }

    /// Whether it may do this.
    #[must_use]
    pub fn asked(self, request: &Request, context: &Context<'_>) -> Answer {
        let context = context.with(&self.principal);
        let profiles = Profile::ALL.into_iter().filter(|one| context.profile.is_none_or(|only| only == *one));
        let profiles = profiles.filter(|_| self.is_known());
        let decision = |profile| (profile, decide(self.document.as_ref(), request, &context, profile));
        let decisions = profiles.map(decision).collect();
        Answer { holder: self, access: None, decisions }
    }
}

impl Answer {
    /// Whether the request is allowed always, by all rules looked at.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        !self.decisions.is_empty() && self.decisions.iter().all(|(_, decision)| decision.verdict == Verdict::Allowed)
    }

    /// Whether the request may be allowed: by some rules, or under conditions.
    #[must_use]
    pub fn may_be_allowed(&self) -> bool {
        self.decisions.iter().any(|(_, decision)| decision.verdict != Verdict::Denied)
    }
}
