//! A set of requests that a promise is about: what a document may allow of it, and what it does not surely allow of it.

use std::collections::BTreeSet;

use super::abilities::{RequestLine, Requests, requests_of};
use super::can::RequestQuestion;
use super::decide::RequestProblem;
use super::engine::Engine;
use super::lines::{AccessLine, Side};
use super::question::{Question, resources};
use super::reach::{Reach, asked_names};
use super::requests::RequestKind;
use super::resources::ARN;
use super::rules::Rules;
use super::wording::is_about_unknown_policy;
use super::{Access, Context, gains, pattern_covers};
use crate::policy::{Catalogue, Document, Effect, Kind, Statement};

/// All requests that match one of some words or actions, on the resources that match one of some patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSet {
    /// The kinds of requests and the patterns of their resources, by kind of resource.
    pub(super) requests: Vec<(Vec<RequestKind>, Vec<String>)>,
    /// The names of the actions that each of these asks for.
    asked: Vec<BTreeSet<String>>,
    /// The actions that no request asks for by its name, with the patterns of their resources.
    actions: Vec<Question>,
}

/// A request of a set that should not be in it, or an open question about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The request or action.
    pub what: RequestOrAction,
    /// The resource: an ARN. Of an open question, the pattern of the resources.
    pub resource: String,
    /// The conditions that must hold or not hold. All other conditions of the documents do not hold.
    pub conditions: Vec<String>,
    /// The rules by which it is an example. Empty if it is one by all rules that count.
    pub rules: Vec<Rules>,
    /// Whether it is only a possible example: the search was too long, or the document has unknown parts.
    pub is_open: bool,
}

impl Counterexample {
    /// Whether it depends on conditions, or is not decided.
    pub fn may_be_allowed(&self) -> bool {
        self.is_open || !self.conditions.is_empty()
    }

    /// Whether it is one only if the policy of a bucket that is not known says so.
    pub fn needs_unknown_policy(&self) -> bool {
        self.conditions.iter().any(|condition| is_about_unknown_policy(condition))
    }
}

/// What a counterexample asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOrAction {
    /// A kind of request.
    Request(RequestKind),
    /// An action.
    Action(String),
}

/// A word or pattern of a set that fits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetProblem {
    /// The word or action at this index is none, or fits none of the resources.
    What(usize, RequestProblem),
    /// The resource at this index fits none of the words and actions.
    On(usize, RequestProblem),
}

impl RequestSet {
    /// Reads words of the table of requests, actions or patterns of either, and patterns of resources. The prefix
    /// `arn:aws:s3:::` is optional, and a bucket stands for itself and everything in it.
    ///
    /// # Errors
    /// A word, an action or a resource that fits nothing.
    pub fn parse(whats: &[&str], on: &[&str], catalogue: &Catalogue) -> Result<Self, Vec<SetProblem>> {
        let mut set = Self { requests: Vec::new(), asked: Vec::new(), actions: Vec::new() };
        let (mut problems, mut fits) = (Vec::new(), vec![None; on.len()]);
        for (index, what) in whats.iter().enumerate() {
            let mut first = None;
            let mut any = false;
            for (resource, fit) in on.iter().zip(&mut fits) {
                match set.add(what, resource, catalogue) {
                    Ok(()) => (*fit, any) = (Some(Ok(())), true),
                    Err(problem) => {
                        fit.get_or_insert_with(|| Err(problem.clone()));
                        first.get_or_insert(problem);
                    }
                }
            }
            problems.extend(first.filter(|_| !any).map(|problem| SetProblem::What(index, problem)));
        }
        if problems.is_empty() {
            let unfit = fits.into_iter().enumerate().filter_map(|(index, fit)| Some((index, fit?.err()?)));
            problems.extend(unfit.map(|(index, problem)| SetProblem::On(index, problem)));
        }
        if problems.is_empty() { Ok(set.merged()) } else { Err(problems) }
    }

    /// The patterns of the resources of its requests.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().flat_map(|(_, on)| on).map(String::as_str)
    }

    /// Whether a request on one resource is in it. The prefix `arn:aws:s3:::` is needed.
    pub fn covers(&self, kind: RequestKind, resource: &str) -> bool {
        let is_on = |on: &[String]| on.iter().any(|pattern| pattern_covers(pattern, resource));
        self.requests.iter().any(|(kinds, on)| kinds.contains(&kind) && is_on(on))
    }

    fn add(&mut self, what: &str, resource: &str, catalogue: &Catalogue) -> Result<(), RequestProblem> {
        match RequestQuestion::parse(what, resource) {
            Ok(question) => self.requests.extend(question.asked),
            Err(RequestProblem::Action { .. }) if what.contains(':') => {
                self.actions.push(Question::parse(what, resource, catalogue)?);
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// The same with one entry for all kinds of requests on the same resources.
    fn merged(mut self) -> Self {
        let mut merged: Vec<(Vec<RequestKind>, Vec<String>)> = Vec::new();
        for (kinds, on) in self.requests {
            let is_same = |(_, other): &&mut (Vec<RequestKind>, Vec<String>)| *other == on;
            match merged.iter_mut().find(is_same) {
                Some((known, _)) => {
                    known.extend(kinds);
                    known.sort_unstable();
                    known.dedup();
                }
                None => merged.push((kinds, on)),
            }
        }
        self.asked = merged.iter().map(|(kinds, _)| asked_names(kinds)).collect();
        self.requests = merged;
        self
    }

    /// A document that allows the actions of the set and nothing else. A word stands for the action that people mean by it.
    ///
    /// # Errors
    /// A word that no action stands for, or that is none, at this index.
    pub fn document(whats: &[&str], on: &[&str]) -> Result<Document, usize> {
        let action = |(index, what): (usize, &&str)| {
            let own = |word: &str| RequestKind::of_word(word).and_then(RequestKind::own_action);
            let action = if what.contains(':') || *what == "*" { Some(*what) } else { own(what) };
            action.map(str::to_owned).ok_or(index)
        };
        let actions = whats.iter().enumerate().map(action).collect::<Result<Vec<_>, _>>()?;
        let resource = |on: &&str| {
            let behind = on.strip_prefix(ARN).unwrap_or(on);
            [Kind::Bucket, Kind::Object].map(|kind| resources(behind, kind)).concat()
        };
        let all: Vec<String> = on.iter().flat_map(resource).collect();
        Ok(allowing(actions.iter().map(String::as_str), all.iter().map(String::as_str)))
    }

    /// The kinds of requests that it is about.
    pub fn kinds(&self) -> impl Iterator<Item = RequestKind> {
        self.requests.iter().flat_map(|(kinds, _)| kinds).copied()
    }

    /// What of it the document may allow, and `before` does not.
    pub fn allowed(
        &self,
        before: Option<&Reach<'_>>,
        document: &Reach<'_>,
        context: &Context<'_>,
    ) -> Option<Counterexample> {
        self.found(before, Some(document), context)
    }

    /// What of it the document may not allow, and `before` may allow.
    pub fn missing(
        &self,
        before: Option<&Reach<'_>>,
        document: Option<&Reach<'_>>,
        context: &Context<'_>,
    ) -> Option<Counterexample> {
        match before {
            Some(before) => self.found(document, Some(before), context),
            None => self.found(document, Some(&Reach::new(&everything())), context),
        }
    }

    /// Whether no request can be in it, such as for a bucket whose name is too short.
    pub fn is_empty(&self, context: &Context<'_>) -> bool {
        self.found(None, Some(&Reach::new(&everything())), context).is_none()
    }

    /// The shortest example that `after` allows and `before` does not.
    fn found(
        &self,
        before: Option<&Reach<'_>>,
        after: Option<&Reach<'_>>,
        context: &Context<'_>,
    ) -> Option<Counterexample> {
        let after = after?;
        let requests = self.requests.iter().zip(&self.asked).flat_map(|((kinds, on), asked)| {
            let Some(part) = after.part(asked, on) else { return Vec::new() };
            let before = before.and_then(|before| before.part(asked, on));
            let mut engine = Engine::new(before.as_ref(), Some(&part), context);
            examples(requests_of(&mut engine, &[Side::Gained], kinds, Some(on)))
        });
        let actions = self.actions.iter().flat_map(|question| {
            let part = question.part_of(after.document());
            of_actions(gains(before.map(Reach::document), Some(&part), context))
        });
        shortest(requests.chain(actions))
    }
}

/// The shortest request that a document may allow, and none of two others does.
pub fn beyond(
    document: &Document,
    granted: &Document,
    before: Option<&Document>,
    context: &Context<'_>,
) -> Option<Counterexample> {
    let mut engine = Engine::beyond(before, Some(document), Some(granted), context);
    shortest(examples(requests_of(&mut engine, &[Side::Gained], RequestKind::ALL, None)).into_iter())
}

/// The shortest request that a document may allow and another one does not. If there is none, an action: one that no request asks
/// for now may have an effect on the next release.
pub fn exceeds(document: &Document, granted: &Document, context: &Context<'_>) -> Option<Counterexample> {
    let actions = || shortest(of_actions(gains(Some(granted), Some(document), context)).into_iter());
    beyond(document, granted, None, context).or_else(actions)
}

fn everything() -> Document {
    allowing(["s3:*"], ["*"])
}

fn allowing<'t>(actions: impl IntoIterator<Item = &'t str>, on: impl IntoIterator<Item = &'t str>) -> Document {
    let version = Some("2012-10-17".to_owned());
    Document { version, statements: vec![Statement::plain(Effect::Allow, actions, on)], ..Document::default() }
}

fn examples(requests: Requests) -> Vec<Counterexample> {
    let found = requests.gained.into_iter().map(|RequestLine { witness, rules, .. }| Counterexample {
        what: RequestOrAction::Request(witness.request),
        resource: witness.resource,
        conditions: witness.conditions,
        rules,
        is_open: false,
    });
    let open = requests.undecided.into_iter().filter_map(|open| {
        let what = RequestOrAction::Request(*open.requests.first()?);
        Some(Counterexample { what, resource: open.pattern, conditions: Vec::new(), rules: open.rules, is_open: true })
    });
    found.chain(open).collect()
}

fn of_actions(access: Access) -> Vec<Counterexample> {
    let found = access.gained.into_iter().map(|AccessLine { witness, rules, .. }| Counterexample {
        what: RequestOrAction::Action(witness.action),
        resource: witness.resource,
        conditions: witness.conditions,
        rules,
        is_open: false,
    });
    let open = access.undecided.into_iter().filter_map(|open| {
        let what = RequestOrAction::Action(open.actions.first()?.clone());
        Some(Counterexample { what, resource: open.pattern, conditions: Vec::new(), rules: open.rules, is_open: true })
    });
    found.chain(open).collect()
}

/// The example that a person understands first: a certain one, by all rules, without conditions, with the shortest resource.
fn shortest(examples: impl Iterator<Item = Counterexample>) -> Option<Counterexample> {
    examples.min_by_key(|of| {
        let request = match of.what {
            RequestOrAction::Request(kind) => Some(kind),
            RequestOrAction::Action(_) => None,
        };
        let (rules, conditions, length) = (of.rules.len(), of.conditions.len(), of.resource.len());
        (of.is_open, rules, conditions, length, request.is_none(), request, of.resource.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl RequestSet {
        /// Whether a request of this word on a resource is in the set, character by character.
        pub(crate) fn has_request(&self, word: &str, resource: &str) -> bool {
            let resource = format!("{ARN}{}", resource.strip_prefix(ARN).unwrap_or(resource));
            let of = |(kinds, on): &(Vec<RequestKind>, Vec<String>)| {
                kinds.iter().any(|kind| kind.word() == word)
                    && on.iter().any(|pattern| pattern.parse::<crate::base::NamePattern>().unwrap().matches(&resource))
            };
            self.requests.iter().any(of)
        }
    }

    #[test]
    fn each_word_fits_a_resource_and_each_resource_a_word() {
        let catalogue = Catalogue::newest();
        let parse = |whats: &[&str], on: &[&str]| RequestSet::parse(whats, on, &catalogue);
        let set = parse(&["read", "s3:ListBucket"], &["abc", "abc/x*"]).unwrap();
        assert!(
            set.has_request("read", "abc/y") && set.has_request("list", "abc") && !set.has_request("list", "abc/y")
        );
        let problems = parse(&["s3:ListBucket"], &["abc", "abc/x*"]).unwrap_err();
        assert!(matches!(problems.as_slice(), [SetProblem::On(1, RequestProblem::Resource { .. })]), "{problems:?}");
        let problems = parse(&["read", "s3:GetObjct"], &["abc"]).unwrap_err();
        assert!(matches!(problems.as_slice(), [SetProblem::What(1, RequestProblem::Action { .. })]), "{problems:?}");
    }

    #[test]
    fn an_action_that_no_request_has_the_name_of_is_decided_as_an_action() {
        let catalogue = Catalogue::newest();
        let context = Context::new(&catalogue);
        let Some(own) = catalogue.actions().iter().find(|action| RequestKind::of_action(&action.name).is_none()) else {
            return;
        };
        let on = ["abc"];
        let Ok(set) = RequestSet::parse(&[&own.name], &on, &catalogue) else { return };
        let allows = allowing([own.name.as_str()], ["arn:aws:s3:::abc", "arn:aws:s3:::abc/*"]);
        assert!(set.allowed(None, &Reach::new(&allows), &context).is_some());
        let reads = allowing(["s3:GetObject"], ["*"]);
        assert!(set.missing(None, Some(&Reach::new(&reads)), &context).is_some());
    }
}
