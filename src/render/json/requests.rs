//! What people can do: the requests that a document allows, and the decision about one of them.

use std::collections::BTreeMap;

use super::access::ExceptionV1;
use crate::policy::access::{
    ActionDecision, Exception, Ground, Need, RequestDecision, RequestLine, Requests, Rules, Side, UndecidedRequests,
    Verdict, WayDecision, in_words,
};

json_types! {
    /// What someone can do.
    #[derive(Default, PartialEq, Eq)]
    pub struct CanV1 {
        /// The requests that are allowed.
        requests: Vec<RequestLineV1>,
        /// Requests that may be allowed: the search was too long, or a document has unknown resources.
        undecided: Vec<UndecidedRequestsV1>,
    }

    /// A set of requests on some resources.
    #[derive(PartialEq, Eq)]
    pub struct RequestLineV1 {
        /// The words of the requests, such as `delete-version`.
        requests: Vec<String>,
        /// The same in a phrase.
        in_words: String,
        /// The resources, as a pattern of the document.
        pattern: String,
        /// Further patterns: the resources are also among each of these.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        within: Vec<String>,
        /// The requests of `pattern` that are excluded.
        except: Vec<ExceptionV1>,
        /// The conditions, all of which must hold.
        conditions: Vec<String>,
        /// The only rules under which this line holds; missing when it holds under all rules that count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
        /// One of the requests.
        example: RequestExampleV1,
    }

    /// A request.
    #[derive(PartialEq, Eq)]
    pub struct RequestExampleV1 {
        /// Its word.
        request: String,
        /// The resource, as an ARN.
        resource: String,
        /// The conditions that must hold, and those that must not.
        conditions: Vec<String>,
    }

    /// Requests that may be allowed.
    #[derive(PartialEq, Eq)]
    pub struct UndecidedRequestsV1 {
        /// The words of the requests.
        requests: Vec<String>,
        /// The pattern of the resources.
        pattern: String,
        /// The only rules under which this holds; missing when it holds under all rules that count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
    }

    /// The decision about a request, by some of the rules.
    pub struct DecisionV1 {
        /// The rules.
        rules: Vec<String>,
        /// The answer.
        verdict: Verdict,
        /// The ways to be allowed: one that allows the request is enough.
        ways: Vec<WayV1>,
    }

    /// One way to be allowed.
    pub struct WayV1 {
        /// Whether this way alone allows the request.
        verdict: Verdict,
        /// The actions that a server asks for.
        actions: Vec<AskedActionV1>,
    }

    /// An action that a server asks for.
    pub struct AskedActionV1 {
        /// The action.
        action: String,
        /// The resource, as an ARN.
        resource: String,
        /// The keys that the server sets for it, with their values.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        keys: BTreeMap<String, String>,
        /// What the request needs.
        need: NeedV1,
        /// The answer about the action alone.
        verdict: Verdict,
        /// The statements that allow it.
        allowed_by: Vec<GroundV1>,
        /// The statements that deny it.
        denied_by: Vec<GroundV1>,
    }

    /// What a request needs of an action.
    pub enum NeedV1 {
        /// A statement must allow it, and none may deny it.
        Allowed,
        /// No statement may deny it.
        NotDenied,
    }

    /// A statement that allows or denies an action.
    #[derive(PartialEq, Eq)]
    pub struct GroundV1 {
        /// Its `Sid`, or else `statement N`, counted from 1.
        statement: String,
        /// The conditions under which it applies, all of them.
        conditions: Vec<String>,
    }
}

/// The names of rules.
pub(super) fn names(rules: &[Rules]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}

impl CanV1 {
    /// A copy of what a document allows.
    pub fn of(can: &Requests) -> Self {
        let open = |open: &UndecidedRequests| UndecidedRequestsV1 {
            requests: open.requests.iter().map(|kind| kind.word().to_owned()).collect(),
            pattern: open.pattern.clone(),
            rules: names(&open.rules),
        };
        let undecided = can.undecided.iter().filter(|open| open.side == Side::Gained);
        Self { requests: can.gained.iter().map(RequestLineV1::of).collect(), undecided: undecided.map(open).collect() }
    }
}

impl RequestLineV1 {
    fn of(line: &RequestLine) -> Self {
        let except = |Exception { resources, conditions, reason }: &Exception| ExceptionV1 {
            resources: resources.clone(),
            conditions: conditions.clone(),
            reason: *reason,
        };
        Self {
            requests: line.requests.iter().map(|kind| kind.word().to_owned()).collect(),
            in_words: in_words(line.requests.iter().copied()),
            pattern: line.pattern.clone(),
            within: line.within.clone(),
            except: line.except.iter().map(except).collect(),
            conditions: line.conditions.clone(),
            rules: names(&line.rules),
            example: RequestExampleV1 {
                request: line.witness.request.word().to_owned(),
                resource: line.witness.resource.clone(),
                conditions: line.witness.conditions.clone(),
            },
        }
    }
}

impl DecisionV1 {
    pub(super) fn of(rules: &[Rules], decision: &RequestDecision) -> Self {
        let way = |way: &WayDecision| WayV1 {
            verdict: way.verdict,
            actions: way.actions.iter().map(AskedActionV1::of).collect(),
        };
        Self { rules: names(rules), verdict: decision.verdict, ways: decision.ways.iter().map(way).collect() }
    }
}

impl AskedActionV1 {
    fn of(of: &ActionDecision) -> Self {
        let copy =
            |ground: &Ground| GroundV1 { statement: ground.statement.clone(), conditions: ground.conditions.clone() };
        Self {
            action: of.action.to_owned(),
            resource: of.resource.clone(),
            keys: of.keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            need: match of.need {
                Need::Allowed => NeedV1::Allowed,
                Need::NotDenied => NeedV1::NotDenied,
            },
            verdict: of.decision.verdict,
            allowed_by: of.decision.allowed_by.iter().map(copy).collect(),
            denied_by: of.decision.denied_by.iter().map(copy).collect(),
        }
    }
}
