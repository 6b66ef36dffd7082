//! Random documents for the oracle, and their text.

use std::collections::BTreeMap;

use super::ARN;
use crate::policy::properties::Random;
use crate::policy::{Clause, Document, Effect, Selector, Statement};

/// What random documents are made of.
pub(super) struct Vocabulary<'a> {
    /// Lists of actions.
    pub(super) actions: &'a [&'static [&'static str]],
    /// Patterns of resources.
    pub(super) pool: &'a [String],
    /// Keys of conditions.
    pub(super) keys: &'a [&'static str],
}

/// Lists of actions of every kind.
pub(super) const SOME_ACTIONS: [&[&str]; 6] = [
    &["s3:GetObject"],
    &["s3:GetObject", "s3:ListBucket"],
    &["s3:*"],
    &["s3:GetObjectVersion"],
    &["s3:Get*", "s3:ListAllMyBuckets"],
    &["s3:P*", "s3:DeleteObject"],
];

pub(super) fn shown(document: &Document) -> String {
    let line = |s: &Statement| {
        let not = |selector: &Selector| if selector.negated { "not " } else { "" };
        let conditions: Vec<_> =
            s.conditions.iter().map(|c| format!("{} {} {:?}", c.operator, c.key, c.values)).collect();
        let (actions, resources) = (s.actions.patterns.join(" "), s.resources.patterns.join(" ").replace(ARN, ":"));
        format!("{:?} {}{actions} on {}{resources} {conditions:?}\n", s.effect, not(&s.actions), not(&s.resources))
    };
    document.statements.iter().map(line).collect()
}

impl Random {
    pub(super) fn pattern(&mut self) -> String {
        if self.below(25) == 0 {
            return "*".to_owned();
        }
        let start = self.pick(&["", "", "aba", "aab/", "*", "bab/", "aba*"]);
        let length = self.below(6);
        let rest: String = (0..length).map(|_| self.pick(&['a', 'b', 'a', 'b', '/', '~', '*', '*', '?'])).collect();
        format!("{ARN}{start}{rest}")
    }

    fn clause(&mut self, keys: &[&'static str]) -> Clause {
        let key = self.pick(keys);
        let (operator, values) = match (key, self.below(6)) {
            (_, 0) => ("Null", self.pick(&[&["true"][..], &["false"]])),
            ("aws:SourceIp", _) => {
                let networks = [
                    &["10.0.0.0/8"][..],
                    &["10.0.0.0/9"],
                    &["10.128.0.0/9"],
                    &["10.0.0.0/9", "10.128.0.0/9"],
                    &["10.1.0.0/16", "10.128.0.0/9", "11.0.0.0/8"],
                    &["10.0.0.1/32"],
                    &["0.0.0.0/1", "128.0.0.0/1"],
                ];
                (self.pick(&["IpAddress", "NotIpAddress"]), self.pick(&networks))
            }
            ("aws:CurrentTime", _) => {
                let operators = [
                    "DateLessThan",
                    "DateLessThanEquals",
                    "DateGreaterThan",
                    "DateGreaterThanEquals",
                    "DateEquals",
                    "DateNotEquals",
                ];
                let times = [&["2026-01-01T00:00:00Z"][..], &["2026-06-01T12:00:00Z"], &["2026-06-01T14:00:00+02:00"]];
                (self.pick(&operators), self.pick(&times))
            }
            ("n", _) => {
                let operators = [
                    "NumericLessThan",
                    "NumericLessThanEquals",
                    "NumericGreaterThan",
                    "NumericEquals",
                    "NumericNotEquals",
                ];
                (self.pick(&operators), self.pick(&[&["1"][..], &["2"], &["3"]]))
            }
            ("s3:prefix", 1..=3) => {
                let operators = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"];
                (self.pick(&operators), self.pick(&[&[""][..], &["", "a"], &["*"], &["a"]]))
            }
            (_, 1) => ("StringEqualsIgnoreCase", self.pick(&[&["a"][..], &["B"], &["ab"]])),
            (_, _) => {
                let operators = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"];
                (self.pick(&operators), self.pick(&[&["a"][..], &["b"], &["a", "b"], &["a*"], &["a*", "b"]]))
            }
        };
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Clause { operator: operator.to_owned(), key: key.to_owned(), values }
    }

    fn statement(&mut self, of: &Vocabulary<'_>) -> Statement {
        let Vocabulary { actions, pool, keys } = of;
        let resources = (0..=self.below(3)).map(|_| self.pick(pool)).collect();
        let actions = self.pick(actions);
        let clauses = if keys.is_empty() { 0 } else { self.below(3) };
        Statement {
            sid: None,
            effect: if self.below(5) < 3 { Effect::Allow } else { Effect::Deny },
            actions: Selector {
                negated: self.below(8) == 0,
                patterns: actions.iter().map(|action| (*action).to_owned()).collect(),
            },
            resources: Selector { negated: self.below(8) == 0, patterns: resources },
            conditions: (0..clauses).map(|_| self.clause(keys)).collect(),
            extra: BTreeMap::new(),
            principals: None,
        }
    }

    /// A document with conditions on some of the keys.
    pub(super) fn document(&mut self, of: &Vocabulary<'_>) -> Document {
        let statements = (0..=self.below(4)).map(|_| self.statement(of)).collect();
        Document { version: Some("2012-10-17".to_owned()), id: None, statements, extra: BTreeMap::new() }
    }

    /// Another document, or the same one with an added, removed or changed statement.
    pub(super) fn variant(&mut self, document: &Document, of: &Vocabulary<'_>) -> Document {
        let mut variant = document.clone();
        let place = self.below(variant.statements.len());
        match self.below(4) {
            0 => return self.document(of),
            1 => variant.statements.push(self.statement(of)),
            2 => drop(variant.statements.remove(place)),
            _ => variant.statements[place].resources.patterns.push(self.pick(of.pool)),
        }
        variant
    }
}

/// The number of pairs, if the environment has no other.
pub(crate) fn pairs(usual: usize) -> usize {
    std::env::var("ATTUNE_ORACLE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Whether a pattern matches a text, by plain recursion.
pub(super) fn glob(pattern: &[char], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some('*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some('?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(one), Some(other)) => one == other && glob(&pattern[1..], &text[1..]),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

pub(super) fn like(pattern: &str, text: &str) -> bool {
    glob(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}
