//! What people can do: the requests that a document allows, or that one document allows and another does not.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Context;
use super::describe::{Description, Exception};
use super::engine::Engine;
use super::findings::{Example, GroupFindings};
use super::lines::{Side, described_exceptions};
use super::requests::RequestKind;
use super::rules::Rules;
use crate::policy::Document;

/// The requests that only one of two documents allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requests {
    /// Requests that only the document after allows.
    pub gained: Vec<RequestLine>,
    /// Requests that only the document before allows.
    pub lost: Vec<RequestLine>,
    /// Undecided differences. They count as gained or lost.
    pub undecided: Vec<UndecidedRequests>,
}

/// A set of requests that only one of two documents allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The kinds of requests, in the order of the table.
    pub requests: Vec<RequestKind>,
    /// The resources, as a pattern of one of the documents.
    pub pattern: String,
    /// Further patterns: the resources are also among each of these. Seldom any.
    pub within: Vec<String>,
    /// The requests of the pattern that are no part of the line.
    pub except: Vec<Exception>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<String>,
    /// The rules that have the line. Empty if all rules that count have it.
    pub rules: Vec<Rules>,
    /// An example.
    pub witness: RequestWitness,
}

/// An example request that only one of two documents allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestWitness {
    /// What it does.
    pub request: RequestKind,
    /// The resource as an ARN.
    pub resource: String,
    /// The conditions that must hold or not hold. All other conditions of the documents do not hold.
    pub conditions: Vec<String>,
}

/// A possible difference, which counts as a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecidedRequests {
    /// The direction.
    pub side: Side,
    /// The kinds of requests, in the order of the table.
    pub requests: Vec<RequestKind>,
    /// The resources that can have a difference.
    pub pattern: String,
    /// The rules that have the possible difference. Empty if all rules that count have it.
    pub rules: Vec<Rules>,
}

impl Requests {
    /// The gained requests without those that are also in other ones, line by line.
    pub(super) fn without(self, others: &Self) -> Self {
        let is_new = |line: &RequestLine| !others.gained.iter().any(|other| line.is_in(other));
        let gained = self.gained.into_iter().filter(is_new).collect();
        Self { gained, lost: Vec::new(), undecided: Vec::new() }
    }

    /// The same with one line for all kinds of which the same holds.
    pub(super) fn merged(self) -> Self {
        Self { gained: merged(self.gained), lost: merged(self.lost), undecided: self.undecided }
    }

    /// Whether certainly nothing is gained.
    pub fn gains_nothing(&self) -> bool {
        self.gained.is_empty() && !self.undecided.iter().any(|open| open.side == Side::Gained)
    }

    /// Whether certainly nothing is lost.
    pub fn loses_nothing(&self) -> bool {
        self.lost.is_empty() && !self.undecided.iter().any(|open| open.side == Side::Lost)
    }
}

impl RequestLine {
    /// Whether another line has the same requests in the same place, or more.
    fn is_in(&self, other: &Self) -> bool {
        let is_excepted = |exception: &Exception| self.except.contains(exception);
        self.pattern == other.pattern
            && self.within == other.within
            && other.except.iter().all(is_excepted)
            && self.requests.iter().all(|kind| other.requests.contains(kind))
            && (other.rules.is_empty()
                || !self.rules.is_empty() && self.rules.iter().all(|rules| other.rules.contains(rules)))
            && other.conditions.iter().all(|condition| self.conditions.contains(condition))
    }
}

/// What a document allows to do.
pub fn abilities(document: &Document, context: &Context<'_>) -> Requests {
    requests_of(&mut Engine::new(None, Some(document), context), &[Side::Gained], RequestKind::ALL, None).merged()
}

/// What a document allows to do of some kinds of requests, on the resources that one of some patterns covers. The patterns
/// begin with `arn:aws:s3:::`.
pub(super) fn abilities_within(
    document: &Document,
    kinds: &[RequestKind],
    patterns: &[String],
    context: &Context<'_>,
) -> Requests {
    requests_of(&mut Engine::new(None, Some(document), context), &[Side::Gained], kinds, Some(patterns)).merged()
}

/// The requests that only one document allows, with a line for each kind.
pub(super) fn requests_of(
    engine: &mut Engine<'_>,
    sides: &[Side],
    kinds: &[RequestKind],
    within: Option<&[String]>,
) -> Requests {
    let found = engine.requests(sides, kinds, within);
    let lines = |side| found.get(&side).map_or(Vec::new(), request_lines);
    let (gained, lost) = (lines(Side::Gained), lines(Side::Lost));
    let undecided = found.iter().flat_map(|(side, found)| undecided_requests(found, *side)).collect();
    Requests { gained, lost, undecided }
}

/// An example, and the rules that have it.
type OfRules<'a> = (Vec<Rules>, &'a Rc<Example>);

/// The lines of single kinds of requests, ordered by pattern: each with all the rules that have it.
fn request_lines(all_findings: &GroupFindings<'_>) -> Vec<RequestLine> {
    let mut with_rules: BTreeMap<(&Description, &str), OfRules<'_>> = BTreeMap::new();
    for (group, findings) in all_findings {
        for (description, examples) in &findings.found {
            for (word, example) in examples {
                let known = with_rules.entry((description, word)).or_insert_with(|| (Vec::new(), example));
                known.0.extend(group);
            }
        }
    }
    let all: Vec<Rules> = all_findings.iter().flat_map(|(group, _)| group).copied().collect();
    let line = |((description, word), (rules, example)): ((&Description, &str), OfRules<'_>)| {
        let request = RequestKind::of_word(word)?;
        let deny = description.deny.iter().filter(|deny| ***deny != *description.pattern);
        Some(RequestLine {
            requests: vec![request],
            pattern: description.pattern.to_string(),
            within: deny.chain(&description.within).map(ToString::to_string).collect(),
            except: described_exceptions(description),
            conditions: description.conditions.iter().map(ToString::to_string).collect(),
            rules: if rules == all { Vec::new() } else { rules },
            witness: RequestWitness {
                request,
                resource: example.resource.clone(),
                conditions: example.conditions.iter().map(ToString::to_string).collect(),
            },
        })
    };
    with_rules.into_iter().filter_map(line).collect()
}

fn merged(lines: Vec<RequestLine>) -> Vec<RequestLine> {
    let mut merged: Vec<RequestLine> = Vec::new();
    for line in lines {
        let of_known = |known: &&mut RequestLine| {
            let RequestLine { requests: _, pattern, within, except, conditions, rules, witness: _ } = &line;
            (pattern, within, except, conditions, rules)
                == (&known.pattern, &known.within, &known.except, &known.conditions, &known.rules)
        };
        match merged.iter_mut().find(of_known) {
            Some(known) => {
                known.requests.extend(&line.requests);
                known.requests.sort_unstable();
                let order = |witness: &RequestWitness| (witness.resource.len(), witness.request);
                if order(&line.witness) < order(&known.witness) {
                    known.witness = line.witness;
                }
            }
            None => merged.push(line),
        }
    }
    merged
}

/// The undecided differences of requests, ordered by pattern: each with all the rules that have it.
fn undecided_requests(all_findings: &GroupFindings<'_>, side: Side) -> Vec<UndecidedRequests> {
    let mut with_rules: BTreeMap<(&str, &BTreeSet<&str>), Vec<Rules>> = BTreeMap::new();
    for (group, findings) in all_findings {
        for (pattern, words) in &findings.undecided {
            with_rules.entry((pattern, words)).or_default().extend(group);
        }
    }
    let all: Vec<Rules> = all_findings.iter().flat_map(|(group, _)| group).copied().collect();
    let open = |((pattern, words), rules): ((&str, &BTreeSet<&str>), Vec<Rules>)| {
        let mut requests: Vec<_> = words.iter().filter_map(|word| RequestKind::of_word(word)).collect();
        requests.sort_unstable();
        let rules = if rules == all { Vec::new() } else { rules };
        UndecidedRequests { side, requests, pattern: pattern.to_owned(), rules }
    };
    with_rules.into_iter().map(open).collect()
}
