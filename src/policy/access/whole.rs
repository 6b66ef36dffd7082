//! A question about all of a set of requests: whether a document allows every one of them.

use super::Context;
use super::decide::RequestProblem;
use super::reach::Reach;
use super::requests::RequestKind;
use super::resources::ARN;
use super::rules::{RuleList, Rules};
use super::set::{Counterexample, RequestSet, SetProblem};
use crate::policy::{Catalogue, Document, Kind};

/// All requests whose action and resource match two patterns, all of which a document shall allow. A bucket stands for itself
/// and everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    set: RequestSet,
    resource: String,
}

/// By some rules, a request that is not allowed; `None` if all are.
pub type Missing = (Vec<Rules>, Option<Counterexample>);

impl Whole {
    /// Reads two patterns. The prefix `arn:aws:s3:::` is optional.
    ///
    /// # Errors
    /// Nothing matches, or the resource fits none of it.
    pub fn parse(what: &str, resource: &str, catalogue: &Catalogue) -> Result<Self, RequestProblem> {
        let unfit = || {
            let kind = RequestKind::of_word(what).or_else(|| RequestKind::of_action(what)).map(|kind| kind.kind());
            let kind = kind.unwrap_or(if resource.contains('/') { Kind::Object } else { Kind::Bucket });
            RequestProblem::Resource { action: what.to_owned(), kind, resource: resource.to_owned() }
        };
        let set = RequestSet::parse(&[what], &[resource], catalogue).map_err(|problems| {
            let first = problems.into_iter().next();
            first.map_or_else(unfit, |(SetProblem::What(_, problem) | SetProblem::On(_, problem))| problem)
        })?;
        if set.is_empty(&Context::new(catalogue)) {
            return Err(unfit());
        }
        Ok(Self { set, resource: format!("{ARN}{}", resource.strip_prefix(ARN).unwrap_or(resource)) })
    }

    /// The pattern of the resources, as an ARN.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The words of the requests that it is about.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.set.kinds().map(|kind| kind.word())
    }

    /// What the document may not allow of it, by each of the rules that count. Rules that agree are together, and the leading
    /// ones come first.
    pub fn missing(&self, document: Option<&Document>, context: &Context<'_>) -> Vec<Missing> {
        let reach = document.map(Reach::new);
        context.rules.agreeing(|rules| {
            let only = RuleList::from(rules);
            let context = Context { rules: &only, ..*context };
            let may_allow = || reach.as_ref().is_some_and(|of| self.set.allowed(None, of, &context).is_some());
            let missing = self.set.missing(None, reach.as_ref(), &context);
            missing.map(|of| match of.may_be_allowed() && !may_allow() {
                true => Counterexample { rules: Vec::new(), conditions: Vec::new(), is_open: false, ..of },
                false => Counterexample { rules: Vec::new(), ..of },
            })
        })
    }
}
