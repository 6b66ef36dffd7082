//! What people can do: the requests that a document allows, and the decision about one of them.

use std::collections::BTreeMap;

use crate::policy::access::{
    ActionDecision, Exception, Ground, Need, RequestDecision, RequestKind, RequestLine, RequestWitness, Requests,
    Rules, Side, UndecidedRequests, Verdict, WayDecision, in_words,
};

json_types! {
    /// What someone can do.
    #[derive(Default, PartialEq, Eq)]
    pub struct CanV1 of(can: &Requests) {
        /// The requests that are allowed.
        requests: Vec<RequestLineV1> = can.gained.iter().map(RequestLineV1::of).collect(),
        /// Requests that may be allowed: the search was too long, or a document has unknown resources.
        undecided: Vec<UndecidedRequestsV1> = can
            .undecided
            .iter()
            .filter(|open| open.side == Side::Gained)
            .map(UndecidedRequestsV1::of)
            .collect(),
    }

    /// A set of requests on some resources.
    #[derive(PartialEq, Eq)]
    pub struct RequestLineV1 of(line: &RequestLine) {
        /// The words of the requests, such as `delete-version`.
        requests: Vec<String> = words(&line.requests),
        /// The same in a phrase.
        in_words: String = in_words(line.requests.iter().copied()),
        /// The resources, as a pattern of the document.
        pattern: String = line.pattern.clone(),
        /// Further patterns: the resources are also among each of these.
        within*: String = line.within.clone(),
        /// The requests of `pattern` that are excluded.
        except: Vec<Exception> = line.except.clone(),
        /// The conditions, all of which must hold.
        conditions: Vec<String> = line.conditions.clone(),
        /// The only rules under which this line holds; missing when it holds under all rules that count.
        rules*: String = names(&line.rules),
        /// One of the requests.
        example: RequestExampleV1 = RequestExampleV1::of(&line.witness),
    }

    /// A request.
    #[derive(PartialEq, Eq)]
    pub struct RequestExampleV1 of(witness: &RequestWitness) {
        /// Its word.
        request: String = witness.request.word().to_owned(),
        /// The resource, as an ARN.
        resource: String = witness.resource.clone(),
        /// The conditions that must hold, and those that must not.
        conditions: Vec<String> = witness.conditions.clone(),
    }

    /// Requests that may be allowed.
    #[derive(PartialEq, Eq)]
    pub struct UndecidedRequestsV1 of(open: &UndecidedRequests) {
        /// The words of the requests.
        requests: Vec<String> = words(&open.requests),
        /// The pattern of the resources.
        pattern: String = open.pattern.clone(),
        /// The only rules under which this holds; missing when it holds under all rules that count.
        rules*: String = names(&open.rules),
    }

    /// The decision about a request, by some of the rules.
    pub struct DecisionV1 of(rules: &[Rules], decision: &RequestDecision) {
        /// The rules.
        rules: Vec<String> = names(rules),
        /// The answer.
        verdict: Verdict = decision.verdict,
        /// The ways to be allowed: one that allows the request is enough.
        ways: Vec<WayV1> = decision.ways.iter().map(WayV1::of).collect(),
    }

    /// One way to be allowed.
    pub struct WayV1 of(way: &WayDecision) {
        /// Whether this way alone allows the request.
        verdict: Verdict = way.verdict,
        /// The actions that a server asks for.
        actions: Vec<AskedActionV1> = way.actions.iter().map(AskedActionV1::of).collect(),
    }

    /// An action that a server asks for.
    pub struct AskedActionV1 of(of: &ActionDecision) {
        /// The action.
        action: String = of.action.to_owned(),
        /// The resource, as an ARN.
        resource: String = of.resource.clone(),
        /// The keys that the server sets for it, with their values.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        keys: BTreeMap<String, String> =
            of.keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        /// What the request needs.
        need: Need = of.need,
        /// The answer about the action alone.
        verdict: Verdict = of.decision.verdict,
        /// The statements that allow it.
        allowed_by: Vec<GroundV1> = of.decision.allowed_by.iter().map(GroundV1::of).collect(),
        /// The statements that deny it.
        denied_by: Vec<GroundV1> = of.decision.denied_by.iter().map(GroundV1::of).collect(),
    }

    /// A statement that allows or denies an action.
    #[derive(PartialEq, Eq)]
    pub struct GroundV1 of(ground: &Ground) {
        /// Its `Sid`, or else `statement N`, counted from 1.
        statement: String = ground.statement.clone(),
        /// The conditions under which it applies, all of them.
        conditions: Vec<String> = ground.conditions.clone(),
    }
}

/// The words of requests.
pub(super) fn words(kinds: &[RequestKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.word().to_owned()).collect()
}

/// The names of rules.
pub(super) fn names(rules: &[Rules]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}
