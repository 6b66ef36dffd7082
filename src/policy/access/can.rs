//! Whether a person can do something: a kind of request on one resource, or on all resources of a pattern.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::abilities::{Requests, abilities_within};
use super::actions::is_action_name;
use super::conditions::{Atoms, Literal};
use super::decide::{Applying, Decision, Request, RequestProblem, Verdict, decide};
use super::formulas::{Formulas, WayTerms};
use super::glob::Glob;
use super::question::resources;
use super::requests::{AskedOn, RequestKind};
use super::resources::{ARN, ResourceSpace};
use super::rules::Rules;
use super::terms::{Compiler, Numbers, Term, normal_statements};
use super::views::{Known, View};
use super::{Context, pattern_covers};
use crate::base::nearest;
use crate::policy::{Document, Kind};

/// A kind of request on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOn {
    kind: RequestKind,
    resource: String,
}

/// The decision of a document about a request: by which actions, and by which statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// The ways to be allowed, in the order of the table. One that allows it is enough.
    pub ways: Vec<WayDecision>,
}

/// The decision about one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayDecision {
    /// Whether this way alone allows the request.
    pub verdict: Verdict,
    /// The actions that it asks for.
    pub actions: Vec<ActionDecision>,
}

/// The decision about one action that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDecision {
    /// The full name of the action.
    pub action: &'static str,
    /// The resource for which the server asks: an ARN.
    pub resource: String,
    /// The keys that the server sets for it, with their values. Seldom any.
    pub keys: &'static [(&'static str, &'static str)],
    /// What the request needs.
    pub need: Need,
    /// The decision about the action alone.
    pub decision: Decision,
}

/// What a request needs of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NeedV1")]
pub enum Need {
    /// A statement must allow it, and none may deny it.
    Allowed,
    /// No statement may deny it.
    NotDenied,
}

impl RequestDecision {
    /// The way that decides: one that allows the request, else one that may, else the first.
    pub fn deciding(&self) -> Option<&WayDecision> {
        self.ways.iter().min_by_key(|way| match way.verdict {
            Verdict::Allowed => 0,
            Verdict::Depends => 1,
            Verdict::Denied => 2,
        })
    }
}

impl RequestOn {
    /// Reads a word of the table, or the full name of an action that people mean by it, and a resource. The prefix
    /// `arn:aws:s3:::` is optional. `*` and `?` in the resource are plain characters.
    ///
    /// # Errors
    /// No kind of request has this word or action, or the resource does not fit it.
    pub fn parse(what: &str, resource: &str) -> Result<Self, RequestProblem> {
        let kind = RequestKind::of_word(what).or_else(|| RequestKind::of_action(what)).ok_or_else(|| unknown(what))?;
        let behind = resource.strip_prefix(ARN).unwrap_or(resource);
        let is_object = behind.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
        let is_bucket = !behind.is_empty() && !behind.contains('/') && behind != "*";
        let fits = match kind.kind() {
            Kind::Account => false,
            Kind::Bucket => is_bucket,
            Kind::Object => is_object,
        };
        if !fits || behind.starts_with("arn:") {
            let (action, resource) = (what.to_owned(), resource.to_owned());
            return Err(RequestProblem::Resource { action, kind: kind.kind(), resource });
        }
        Ok(Self { kind, resource: format!("{ARN}{behind}") })
    }

    /// What it does.
    pub fn kind(&self) -> RequestKind {
        self.kind
    }

    /// The resource, as an ARN.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What a document allows of it. `*` and `?` in the resource stand for other characters as well.
    pub(super) fn allowed(&self, document: &Document, context: &Context<'_>) -> Requests {
        abilities_within(
            document,
            &[self.kind],
            &resources(self.resource.strip_prefix(ARN).unwrap_or(&self.resource), self.kind.kind()),
            context,
        )
    }
}

fn unknown(what: &str) -> RequestProblem {
    let words = RequestKind::ALL.iter().map(|kind| kind.word());
    let actions = RequestKind::ALL.iter().filter_map(|kind| kind.own_action());
    let near = if is_action_name(what) { nearest(what, actions) } else { nearest(what, words) };
    RequestProblem::Action { action: what.to_owned(), near: near.map(str::to_owned) }
}

/// Evaluates a request by one set of rules. No document allows nothing.
pub fn decide_request(
    document: Option<&Document>,
    request: &RequestOn,
    context: &Context<'_>,
    rules: Rules,
) -> RequestDecision {
    let verdict = |way: Option<usize>| verdict(document, request, context, rules, way);
    let action = |asked: &super::AskedAction, need| {
        let on_action = Request::of_asked(asked, request.kind.kind(), &request.resource);
        let decision = decide(document, &on_action, context, rules);
        ActionDecision { action: asked.name, resource: on_action.resource, keys: asked.on.keys(), need, decision }
    };
    let formula = request.kind.formula(&context.asked(rules));
    let ways = formula.ways.iter().enumerate().map(|(index, way)| {
        let allowed = way.allowed.iter().map(|asked| action(asked, Need::Allowed));
        let undenied = way.undenied.iter().map(|asked| action(asked, Need::NotDenied));
        WayDecision { verdict: verdict(Some(index)), actions: allowed.chain(undenied).collect() }
    });
    RequestDecision { verdict: verdict(None), ways: ways.collect() }
}

/// The verdict of all ways, or of one of them. If servers may read the resource in different ways, it is the common one.
fn verdict(
    document: Option<&Document>,
    request: &RequestOn,
    context: &Context<'_>,
    rules: Rules,
    way: Option<usize>,
) -> Verdict {
    let Some(document) = document.map(normal_statements) else { return Verdict::Denied };
    let formulas = Formulas::of_requests(&[request.kind], &context.asked(rules));
    let compiler = Compiler { rules, requester: context.requester(&rules), action_sets: &formulas.action_sets };
    let (mut atoms, mut numbers) = (Atoms::default(), Numbers::default());
    let compiled = compiler.compile(&document, &mut atoms, &mut numbers);
    let (space, resource) = request.place(&rules);
    let known = Known { atoms: &atoms, conditions: context.conditions };
    let verdicts = ResourceSpace::of(Kind::Account, &rules).iter().map(|account| {
        // Nobody lists buckets without a login.
        let account = (!compiler.requester.is_anonymous).then_some(*account);
        let views: Vec<_> =
            compiled.iter().map(|statement| View::new(statement, space, account, known, &mut numbers)).collect();
        let mut ways = formulas.all[0].terms_of_ways(&views);
        if let Some(way) = way {
            ways = vec![ways.swap_remove(way)];
        }
        let applying: Vec<_> = ways.iter().map(|way| applying(way, &resource)).collect();
        Applying::verdict(&applying, &atoms, context.state_cap)
    });
    let all = verdicts.reduce(|one, other| if one == other { one } else { Verdict::Depends });
    all.unwrap_or(Verdict::Depends)
}

impl RequestOn {
    fn place(&self, rules: &Rules) -> (ResourceSpace, Glob) {
        let asked = super::AskedAction { name: "", on: AskedOn::Resource };
        Request::of_asked(&asked, self.kind.kind(), &self.resource).place(rules)
    }
}

/// The literals under which the terms of a way apply to a resource.
fn applying(way: &WayTerms<'_>, resource: &Glob) -> Applying {
    let whens = |terms: &Vec<&Term>| -> Vec<Vec<Literal>> {
        terms.iter().filter_map(|term| term.applies_when(resource)).collect()
    };
    Applying { allow: way.allow.iter().map(whens).collect(), deny: whens(&way.deny) }
}

/// All requests whose kind and resource match two patterns. A bucket stands for itself and everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestQuestion {
    resource: String,
    /// The kinds of requests and the patterns of their resources, by kind of resource.
    pub(super) asked: Vec<(Vec<RequestKind>, Vec<String>)>,
}

impl RequestQuestion {
    /// Reads a pattern of words or of the actions that people mean by them, and a pattern of resources. The prefix
    /// `arn:aws:s3:::` is optional.
    ///
    /// # Errors
    /// No kind of request matches, or the resource fits none of them.
    pub fn parse(what: &str, resource: &str) -> Result<Self, RequestProblem> {
        let is_meant = |kind: &RequestKind| {
            pattern_covers(what, kind.word()) || kind.own_action().is_some_and(|own| pattern_covers(what, own))
        };
        let matching: Vec<RequestKind> = RequestKind::ALL.iter().copied().filter(is_meant).collect();
        let Some(first) = matching.first() else { return Err(unknown(what)) };
        let behind = resource.strip_prefix(ARN).unwrap_or(resource);
        let of_kind = |kind: Kind| {
            let kinds: Vec<_> = matching.iter().copied().filter(|request| request.kind() == kind).collect();
            (kinds, resources(behind, kind))
        };
        let asked = [Kind::Bucket, Kind::Object].map(of_kind).into_iter();
        let asked: Vec<_> = asked.filter(|(kinds, on)| !kinds.is_empty() && !on.is_empty()).collect();
        if asked.is_empty() {
            let (action, resource) = (what.to_owned(), resource.to_owned());
            return Err(RequestProblem::Resource { action, kind: first.kind(), resource });
        }
        Ok(Self { resource: format!("{ARN}{behind}"), asked })
    }

    /// The pattern of the resources, as an ARN.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The kinds of requests that it is about.
    pub fn kinds(&self) -> impl Iterator<Item = RequestKind> {
        self.asked.iter().flat_map(|(kinds, _)| kinds).copied()
    }

    /// What the document allows of it.
    pub fn allowed(&self, document: &Document, context: &Context<'_>) -> Requests {
        let mut all = Requests::default();
        for (kinds, patterns) in &self.asked {
            let Requests { gained, undecided, .. } = abilities_within(document, kinds, patterns, context);
            all.gained.extend(gained);
            all.undecided.extend(undecided);
        }
        all
    }
}
