//! The engine against brute force: all resources of up to seven characters, all answers to some conditions, and an
//! evaluator that shares no code with the engine.
//!
//! `ATTUNE_ORACLE_PAIRS` is the number of random pairs of documents.

use std::collections::BTreeMap;

use super::*;
use crate::policy::properties::Random;
use crate::policy::{Clause, Effect, Selector, Statement};

const ARN: &str = "arn:aws:s3:::";

/// The evaluated actions: some of each kind, and the pair where one implies the other.
const ACTIONS: [(&str, &str); 7] = [
    ("s3:ListAllMyBuckets", "account"),
    ("s3:ListBucket", "bucket"),
    ("s3:DeleteBucket", "bucket"),
    ("s3:GetObject", "object"),
    ("s3:GetObjectVersion", "object"),
    ("s3:PutObject", "object"),
    ("s3:DeleteObject", "object"),
];

/// The servers that the engine tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Minio,
    Aws,
}

impl Server {
    const ALL: [Self; 2] = [Self::Minio, Self::Aws];

    fn is_meant_by(self, line: &AccessLine) -> bool {
        let rules = match self {
            Self::Minio => Rules::MINIO_2021,
            Self::Aws => Rules::AWS,
        };
        line.rules.is_empty() || line.rules.contains(&rules)
    }
}

/// Whether a pattern matches a text, by plain recursion.
fn glob(pattern: &[char], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some('*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some('?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(one), Some(other)) => one == other && glob(&pattern[1..], &text[1..]),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn like(pattern: &str, text: &str) -> bool {
    glob(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// Whether a resource pattern matches a resource as servers write it.
fn covers(server: Server, pattern: &str, resource: &str) -> bool {
    match server {
        Server::Aws => like(pattern, resource),
        Server::Minio => {
            let pattern = if pattern == "*" { "*" } else { pattern.strip_prefix(ARN).unwrap_or("\0") };
            like(pattern, resource) || (!pattern.is_empty() && clean(resource) == pattern)
        }
    }
}

/// The cleaned path of a key that a server accepts.
fn clean(resource: &str) -> &str {
    match resource.strip_suffix('/') {
        Some(rest) if !rest.is_empty() && !rest.ends_with('/') => rest,
        Some(_) | None => resource,
    }
}

fn resources(server: Server, kind: &str) -> Vec<String> {
    let words = |alphabet: &[char], lengths: std::ops::RangeInclusive<usize>| -> Vec<String> {
        let mut words = vec![String::new()];
        let mut all = Vec::new();
        for length in 1..=*lengths.end() {
            words =
                words.iter().flat_map(|word| alphabet.iter().map(move |letter| format!("{word}{letter}"))).collect();
            if lengths.contains(&length) {
                all.extend(words.iter().cloned());
            }
        }
        all
    };
    let prefix = if server == Server::Aws { ARN } else { "" };
    match (kind, server) {
        ("account", Server::Aws) => vec!["*".to_owned(), format!("{ARN}*")],
        ("account", Server::Minio) => vec!["/".to_owned()],
        ("bucket", Server::Aws) => words(&['a', 'b'], 3..=6).iter().map(|name| format!("{prefix}{name}")).collect(),
        ("bucket", Server::Minio) => words(&['a', 'b'], 3..=6).iter().map(|name| format!("{name}/")).collect(),
        _ => words(&['a', 'b'], 3..=5)
            .iter()
            .flat_map(|name| {
                let keys = words(&['a', 'b', '/', '~'], 1..=6 - name.len());
                keys.into_iter().map(move |key| format!("{prefix}{name}/{key}"))
            })
            .collect(),
    }
}

/// The resource of a request, from the text of a witness.
fn built(server: Server, kind: &str, written: &str) -> String {
    let bare = written.strip_prefix(ARN).unwrap_or(written);
    match (server, kind) {
        (Server::Aws, _) => written.to_owned(),
        (Server::Minio, "account") => "/".to_owned(),
        (Server::Minio, "bucket") => format!("{bare}/"),
        (Server::Minio, _) => bare.to_owned(),
    }
}

/// The values of the keys `k` and `l` of a request, each absent or a text.
type Keys = BTreeMap<&'static str, Option<&'static str>>;

fn all_keys() -> Vec<Keys> {
    let texts = [None, Some("a"), Some("b"), Some("ab")];
    texts.iter().flat_map(|k| texts.iter().map(|l| Keys::from([("k", *k), ("l", *l)]))).collect()
}

fn holds(clause: &Clause, keys: &Keys) -> bool {
    let value = keys[clause.key.as_str()];
    let any = |test: fn(&str, &str) -> bool| value.is_some_and(|v| clause.values.iter().any(|given| test(given, v)));
    match clause.operator.as_str() {
        "StringEquals" => any(|given, value| given == value),
        "StringNotEquals" => !any(|given, value| given == value),
        "StringLike" => any(like),
        "StringNotLike" => !any(like),
        other => panic!("{other}"),
    }
}

fn holds_as_worded(text: &str, keys: &Keys) -> bool {
    let (key, said) = text.split_once(' ').unwrap();
    let (operator, values) = [
        ("is not ", "StringNotEquals"),
        ("is ", "StringEquals"),
        ("not like ", "StringNotLike"),
        ("like ", "StringLike"),
    ]
    .iter()
    .find_map(|(word, operator)| Some((*operator, said.strip_prefix(word)?)))
    .unwrap();
    let values = values.split(" or ").map(str::to_owned).collect();
    holds(&Clause { operator: operator.to_owned(), key: key.to_owned(), values }, keys)
}

/// A set of the resources of a kind: one bit for each.
type Set = Vec<u64>;

fn change(set: &mut Set, other: &Set, how: fn(u64, u64) -> u64) {
    set.iter_mut().zip(other).for_each(|(word, other)| *word = how(*word, *other));
}

/// Brute force for one server. It remembers the matches of patterns.
struct Oracle {
    server: Server,
    resources: BTreeMap<&'static str, Vec<String>>,
    matches: BTreeMap<&'static str, BTreeMap<String, Set>>,
}

impl Oracle {
    fn new(server: Server) -> Self {
        let resources = ["account", "bucket", "object"].map(|kind| (kind, resources(server, kind))).into();
        Self { server, resources, matches: BTreeMap::new() }
    }

    fn nothing(&self, kind: &str) -> Set {
        vec![0; self.resources[kind].len().div_ceil(64)]
    }

    fn matches(&mut self, pattern: &str, kind: &'static str) -> &Set {
        let known = self.matches.entry(kind).or_default();
        if !known.contains_key(pattern) {
            let mut set = vec![0; self.resources[kind].len().div_ceil(64)];
            for (index, resource) in self.resources[kind].iter().enumerate() {
                set[index / 64] |= u64::from(covers(self.server, pattern, resource)) << (index % 64);
            }
            known.insert(pattern.to_owned(), set);
        }
        &self.matches[kind][pattern]
    }

    fn any(&mut self, patterns: &[String], kind: &'static str) -> Set {
        let mut any = self.nothing(kind);
        for pattern in patterns {
            change(&mut any, self.matches(pattern, kind), |any, one| any | one);
        }
        any
    }

    /// The resources on which a document allows an action.
    fn allowed(&mut self, document: &Document, action: &str, kind: &'static str, keys: &Keys) -> Set {
        let (mut allowed, mut denied) = (self.nothing(kind), self.nothing(kind));
        for statement in &document.statements {
            if !statement.conditions.iter().all(|clause| holds(clause, keys)) || !about(self.server, statement, action)
            {
                continue;
            }
            let target = if statement.effect == Effect::Allow { &mut allowed } else { &mut denied };
            let any = self.any(&statement.resources.patterns, kind);
            let how = if statement.resources.negated { |set, any: u64| set | !any } else { |set, any| set | any };
            change(target, &any, how);
        }
        change(&mut allowed, &denied, |allowed, denied| allowed & !denied);
        allowed
    }

    /// The resources for which a line reports a difference of an action.
    fn said(&mut self, line: &AccessLine, action: &str, kind: &'static str, keys: &Keys) -> Set {
        let says = self.server.is_meant_by(line)
            && line.actions.iter().any(|pattern| like(pattern, action))
            && line.conditions.iter().all(|text| holds_as_worded(text, keys));
        if !says {
            return self.nothing(kind);
        }
        let mut said = self.matches(&line.pattern, kind).clone();
        if let Cause::Deny { pattern } = &line.cause {
            change(&mut said, &self.described(pattern, kind), |said, one| said & one);
        }
        for exception in &line.except {
            let (what, when) = match exception.strip_prefix("when ") {
                Some(when) => ("*", when),
                None => exception.split_once(" when ").unwrap_or((exception, "")),
            };
            if when.is_empty() || when.split(" and ").all(|text| holds_as_worded(text, keys)) {
                change(&mut said, &self.described(what, kind), |said, one| said & !one);
            }
        }
        said
    }

    fn described(&mut self, text: &str, kind: &'static str) -> Set {
        match text.strip_prefix("everything but ") {
            Some(list) => {
                let list: Vec<_> = list.split(", ").map(str::to_owned).collect();
                self.any(&list, kind).iter().map(|any| !any).collect()
            }
            None => self.matches(text, kind).clone(),
        }
    }
}

fn about(server: Server, statement: &Statement, action: &str) -> bool {
    let named = statement.actions.patterns.iter().any(|pattern| {
        like(pattern, action)
            || (server == Server::Minio && pattern == "s3:GetObjectVersion" && action == "s3:GetObject")
    });
    named != statement.actions.negated
}

fn allows(server: Server, document: &Document, kind: &str, witness: &Witness) -> bool {
    let resource = built(server, kind, &witness.resource);
    let condition = |clause: &Clause| {
        let positive = Clause { operator: clause.operator.replace("Not", ""), ..clause.clone() };
        let word = if positive.operator == "StringLike" { "like" } else { "is" };
        let text = format!("{} {word} {}", positive.key, positive.values.join(" or "));
        witness.conditions.contains(&text) == (positive == *clause)
    };
    let applies = |statement: &&Statement| {
        let patterns = &statement.resources.patterns;
        let covered = patterns.iter().any(|pattern| covers(server, pattern, &resource)) != statement.resources.negated;
        covered && about(server, statement, &witness.action) && statement.conditions.iter().all(condition)
    };
    let effects: Vec<_> = document.statements.iter().filter(applies).map(|statement| statement.effect).collect();
    effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
}

fn catalogue() -> Catalogue {
    let rows: Vec<_> = ACTIONS.iter().map(|(name, kind)| format!(r#"{{"name":"{name}","kind":"{kind}"}}"#)).collect();
    Catalogue::from_json(&format!("[{}]", rows.join(","))).unwrap()
}

fn compare(oracles: &mut [Oracle; 2], before: &Document, after: &Document, keys: &[Keys], context: &Context<'_>) {
    let access = difference(Some(before), Some(after), context);
    let others: Vec<_> = access.undecided.iter().filter(|open| open.actions != ["*:*"]).collect();
    assert!(others.is_empty(), "only `NotAction` leaves something open, of other services: {others:#?}");
    for (lines, less, more) in [(&access.gained, before, after), (&access.lost, after, before)] {
        let why = || format!("less: {less:?}\nmore: {more:?}\nlines: {lines:#?}");
        for oracle in oracles.iter_mut() {
            for ((action, kind), keys) in ACTIONS.iter().flat_map(|action| keys.iter().map(move |keys| (action, keys)))
            {
                let mut wrong = oracle.allowed(more, action, kind, keys);
                change(&mut wrong, &oracle.allowed(less, action, kind, keys), |more, less| more & !less);
                let mut said = oracle.nothing(kind);
                for line in lines {
                    change(&mut said, &oracle.said(line, action, kind, keys), |said, one| said | one);
                }
                change(&mut wrong, &said, |differs, said| differs ^ said);
                let resources = oracle.resources[kind].iter().enumerate();
                let wrong: Vec<_> = resources.filter(|(index, _)| wrong[index / 64] >> (index % 64) & 1 == 1).collect();
                assert!(wrong.is_empty(), "{:?} {action} {keys:?} on {:?}\n{}", oracle.server, wrong[0], why());
            }
        }
        for line in lines {
            let kind = ACTIONS.iter().find(|(name, _)| *name == line.witness.action).unwrap().1;
            let differs = |server: &Server| {
                allows(*server, more, kind, &line.witness) && !allows(*server, less, kind, &line.witness)
            };
            let shown = |server: &&Server| server.is_meant_by(line);
            assert!(Server::ALL.iter().filter(shown).any(differs), "{line:#?}\n{}", why());
        }
    }
}

impl Random {
    fn pattern(&mut self) -> String {
        if self.below(25) == 0 {
            return "*".to_owned();
        }
        let start = self.pick(&["", "", "aba", "aab/", "*", "bab/", "aba*"]);
        let length = self.below(6);
        let rest: String = (0..length).map(|_| self.pick(&['a', 'b', 'a', 'b', '/', '~', '*', '*', '?'])).collect();
        format!("{ARN}{start}{rest}")
    }

    fn clause(&mut self) -> Clause {
        let operator = self.pick(&["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]);
        let values = self.pick(&[&["a"][..], &["b"], &["a", "b"], &["a*"], &["a*", "b"]]);
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Clause { operator: operator.to_owned(), key: self.pick(&["k", "k", "l"]).to_owned(), values }
    }

    fn statement(&mut self, pool: &[String], conditions: bool) -> Statement {
        let resources = (0..=self.below(3)).map(|_| self.pick(pool)).collect();
        let actions = self.pick(&[
            &["s3:GetObject"][..],
            &["s3:GetObject", "s3:ListBucket"],
            &["s3:*"],
            &["s3:GetObjectVersion"],
            &["s3:Get*", "s3:ListAllMyBuckets"],
            &["s3:P*", "s3:DeleteObject"],
        ]);
        let clauses = if conditions { self.below(3) } else { 0 };
        Statement {
            sid: None,
            effect: if self.below(5) < 3 { Effect::Allow } else { Effect::Deny },
            actions: Selector {
                negated: self.below(8) == 0,
                patterns: actions.iter().map(|action| (*action).to_owned()).collect(),
            },
            resources: Selector { negated: self.below(8) == 0, patterns: resources },
            conditions: (0..clauses).map(|_| self.clause()).collect(),
            extra: BTreeMap::new(),
        }
    }

    fn document(&mut self, pool: &[String], conditions: bool) -> Document {
        let statements = (0..=self.below(4)).map(|_| self.statement(pool, conditions)).collect();
        Document { version: Some("2012-10-17".to_owned()), id: None, statements, extra: BTreeMap::new() }
    }

    /// Another document, or the same one with an added, removed or changed statement.
    fn variant(&mut self, document: &Document, pool: &[String], conditions: bool) -> Document {
        let mut variant = document.clone();
        let place = self.below(variant.statements.len());
        match self.below(4) {
            0 => return self.document(pool, conditions),
            1 => variant.statements.push(self.statement(pool, conditions)),
            2 => drop(variant.statements.remove(place)),
            _ => variant.statements[place].resources.patterns.push(self.pick(pool)),
        }
        variant
    }
}

fn pairs(usual: usize) -> usize {
    std::env::var("ATTUNE_ORACLE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn run(seed: u64, pairs: usize, conditions: bool) {
    let catalogue = catalogue();
    let context = Context::new(&catalogue);
    let keys = if conditions { all_keys() } else { vec![all_keys().remove(0)] };
    let mut random = Random(seed);
    let mut oracles = Server::ALL.map(Oracle::new);
    let pool: Vec<_> = (0..400).map(|_| random.pattern()).collect();
    for _ in 0..pairs {
        let before = random.document(&pool, conditions);
        let after = random.variant(&before, &pool, conditions);
        compare(&mut oracles, &before, &after, &keys, &context);
    }
}

#[test]
fn differences_are_those_of_brute_force() {
    run(1, pairs(2_000), false);
}

#[test]
fn differences_under_conditions_are_those_of_brute_force() {
    run(2, pairs(200), true);
}
