//! The engine against brute force: all resources of up to seven characters, all answers to some conditions, and an
//! evaluator that shares no code with the engine.
//!
//! `ATTUNE_ORACLE_PAIRS` is the number of random pairs of documents.

use std::collections::BTreeMap;

mod buckets;
mod compared;
mod conditions;
mod documents;
mod proposals;
mod requests;
mod sets;

use conditions::{KEYS, Keys, WORDS, all_keys, any_of, holds, holds_as_worded, on_minio};
pub(crate) use documents::pairs;
use documents::{SOME_ACTIONS, Vocabulary, like, shown};
pub(crate) use proposals::Proposals;

use super::*;
use crate::policy::properties::Random;
use crate::policy::{Clause, Effect, Statement};

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

/// The resources of a kind, as servers write them.
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
        _ => {
            let names = words(&['a', 'b'], 3..=5);
            let objects = names.iter().flat_map(|name| {
                let keys = words(&['a', 'b', '/', '~'], 1..=6 - name.len());
                keys.into_iter().map(move |key| format!("{prefix}{name}/{key}"))
            });
            // Servers of MinIO match a key without the slashes in front of it.
            objects.filter(|object| server == Server::Aws || !object.contains("//")).collect()
        }
    }
}

/// The resource of a request, from the text of a witness.
fn built(server: Server, kind: &str, written: &str) -> String {
    let bare = written.strip_prefix(ARN).unwrap_or(written);
    match (server, kind) {
        (Server::Aws, _) => written.to_owned(),
        (Server::Minio, "account") => "/".to_owned(),
        (Server::Minio, "bucket") => format!("{bare}/"),
        (Server::Minio, _) => {
            let (bucket, key) = bare.split_once('/').unwrap();
            format!("{bucket}/{}", key.trim_start_matches('/'))
        }
    }
}

/// A set of the resources of a kind: one bit for each.
type Set = Vec<u64>;

/// Changes a set by another, word by word.
fn change(set: &mut Set, other: &Set, how: fn(u64, u64) -> u64) {
    set.iter_mut().zip(other).for_each(|(word, other)| *word = how(*word, *other));
}

/// Brute force for one server. It remembers the matches of patterns.
struct Oracle {
    server: Server,
    resources: BTreeMap<&'static str, Vec<String>>,
    matches: BTreeMap<&'static str, BTreeMap<String, Set>>,
    /// The index of each resource as a server of MinIO writes it.
    of_minio: BTreeMap<&'static str, Vec<Option<usize>>>,
}

impl Oracle {
    fn new(server: Server) -> Self {
        const KINDS: [&str; 3] = ["account", "bucket", "object"];
        let own: BTreeMap<_, _> = KINDS.map(|kind| (kind, resources(server, kind))).into();
        let index = |(kind, own): (&&'static str, &Vec<String>)| {
            let known: BTreeMap<_, _> =
                resources(Server::Minio, kind).into_iter().enumerate().map(|(index, name)| (name, index)).collect();
            let written = |name: &String| match server {
                Server::Minio => name.clone(),
                Server::Aws => built(Server::Minio, kind, name),
            };
            (*kind, own.iter().map(|name| known.get(&written(name)).copied()).collect())
        };
        let of_minio = own.iter().map(index).collect();
        Self { server, resources: own, matches: BTreeMap::new(), of_minio }
    }

    /// A set of the resources of MinIO as those of this server.
    fn translated(&self, kind: &str, of_minio: &Set) -> Set {
        let mut set = self.nothing(kind);
        for (index, other) in self.of_minio[kind].iter().enumerate() {
            let bit = other.map_or(0, |other| of_minio[other / 64] >> (other % 64) & 1);
            set[index / 64] |= bit << (index % 64);
        }
        set
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
        let [mut allowed, denied] = self.covered(document, action, kind, keys);
        change(&mut allowed, &denied, |allowed, denied| allowed & !denied);
        allowed
    }

    /// The resources for which statements allow an action, and for which statements deny it.
    fn covered(&mut self, document: &Document, action: &str, kind: &'static str, keys: &Keys) -> [Set; 2] {
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
        [allowed, denied]
    }

    /// The resources for which a line reports a difference of an action.
    fn said(&mut self, line: &AccessLine, action: &str, kind: &'static str, keys: &Keys) -> Set {
        let says = line.actions.iter().any(|pattern| like(pattern, action))
            && line.conditions.iter().all(|text| holds_as_worded(text, keys));
        if !says {
            return self.nothing(kind);
        }
        let mut said = self.matches(&line.pattern, kind).clone();
        if let Cause::Deny { pattern } = &line.cause {
            change(&mut said, &self.described(pattern, kind), |said, one| said & one);
        }
        for exception in &line.except {
            if exception.conditions.iter().all(|text| holds_as_worded(text, keys)) {
                let resources = exception.resources.as_deref().unwrap_or("*");
                change(&mut said, &self.described(resources, kind), |said, one| said & !one);
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

/// Whether a document allows the request of a witness.
fn allows(server: Server, document: &Document, kind: &str, witness: &Witness) -> bool {
    let resource = built(server, kind, &witness.resource);
    let effects = effects(server, document, &resource, &witness.action, &witness.conditions);
    effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
}

/// The effects of the statements that apply to an action on a resource, if exactly these conditions hold.
fn effects(server: Server, document: &Document, resource: &str, action: &str, holding: &[String]) -> Vec<Effect> {
    let condition = |clause: &Clause| {
        let positive = clause.operator.replace("Not", "");
        let (holds, text) = match WORDS.iter().find(|(operator, _)| *operator == positive) {
            None => {
                let is_present = server == Server::Minio && clause.key.starts_with("aws:");
                if is_present {
                    return clause.values == ["false"];
                }
                (clause.values == ["true"], "is absent".to_owned())
            }
            Some((_, word)) => (positive == clause.operator, format!("{word}{}", any_of(&positive, &clause.values))),
        };
        holding.contains(&format!("{} {text}", clause.key)) == holds
    };
    let applies = |statement: &&Statement| {
        let patterns = &statement.resources.patterns;
        let covered = patterns.iter().any(|pattern| covers(server, pattern, resource)) != statement.resources.negated;
        covered && about(server, statement, action) && statement.conditions.iter().all(condition)
    };
    document.statements.iter().filter(applies).map(|statement| statement.effect).collect()
}

fn catalogue() -> Catalogue {
    let rows: Vec<_> = ACTIONS.iter().map(|(name, kind)| format!(r#"{{"name":"{name}","kind":"{kind}"}}"#)).collect();
    Catalogue::from_json(&format!("[{}]", rows.join(","))).unwrap()
}

/// The gained and the lost lines of a difference.
pub(crate) type Lines = [Vec<AccessLine>; 2];

/// Random pairs of documents.
pub(crate) struct Trial {
    pub(crate) seed: u64,
    pub(crate) pairs: usize,
    /// Whether statements have conditions.
    pub(crate) conditions: bool,
    /// The rules that count: all of them, or those of AWS.
    pub(crate) rules: &'static RuleList,
    /// Whether the lines are read from a text, which does not tell the two resources of no bucket apart.
    pub(crate) printed: bool,
}

impl Trial {
    /// Compares the lines of each pair with brute force.
    pub(crate) fn run(&self, lines: impl Fn(usize, &Access, &Catalogue) -> Lines) {
        let catalogue = catalogue();
        let mut random = Random(self.seed);
        let mut oracles = Server::ALL.map(Oracle::new);
        let pool: Vec<_> = (0..400).map(|_| random.pattern()).collect();
        for pair in 0..self.pairs {
            let keys: Vec<&str> = (0..3).map(|_| random.pick(&KEYS).0).filter(|_| self.conditions).collect();
            let vocabulary = Vocabulary { actions: &SOME_ACTIONS, pool: &pool, keys: &keys };
            let before = random.document(&vocabulary);
            let after = random.variant(&before, &vocabulary);
            let context = Context { rules: self.rules, ..Context::new(&catalogue) };
            let access = difference(Some(&before), Some(&after), &context);
            let others: Vec<_> = access.undecided.iter().filter(|open| open.actions != ["*:*"]).collect();
            assert!(others.is_empty(), "only `NotAction` leaves something open, of other services: {others:#?}");
            let [gained, lost] = lines(pair, &access, &catalogue);
            for (lines, less, more) in [(&gained, &before, &after), (&lost, &after, &before)] {
                self.compare(&mut oracles, lines, (less, more), &keys);
            }
        }
    }

    fn compare(&self, oracles: &mut [Oracle; 2], lines: &[AccessLine], pair: (&Document, &Document), used: &[&str]) {
        let (less, more) = pair;
        let keys = all_keys(used);
        let why = || format!("less:\n{}more:\n{}lines: {lines:#?}", shown(less), shown(more));
        for ((action, kind), keys) in ACTIONS.iter().flat_map(|action| keys.iter().map(move |keys| (action, keys))) {
            let [minio, aws] = oracles.each_mut().map(|oracle| {
                let mut differs = oracle.allowed(more, action, kind, keys);
                change(&mut differs, &oracle.allowed(less, action, kind, keys), |more, less| more & !less);
                let [leading, own] = [vec![], vec![Rules::AWS]].map(|rules| {
                    let mut said = oracle.nothing(kind);
                    for line in lines.iter().filter(|line| line.rules == rules) {
                        change(&mut said, &oracle.said(line, action, kind, keys), |said, one| said | one);
                    }
                    said
                });
                (differs, leading, own)
            });
            let none = |oracle: &Oracle, wrong: &Set| {
                let mut resources = oracle.resources[kind].iter().enumerate();
                let wrong = resources.find(|(index, _)| wrong[index / 64] >> (index % 64) & 1 == 1);
                assert!(wrong.is_none(), "{:?} {action} {keys:?} on {wrong:?}\n{}", oracle.server, why());
            };
            let same = |oracle: &Oracle, differs: &Set, said: &Set| {
                let mut wrong = said.clone();
                change(&mut wrong, differs, |said, differs| said ^ differs);
                let some = |set: &Set| set.iter().any(|word| *word != 0);
                if self.printed && *kind == "account" && some(said) == some(differs) {
                    return;
                }
                none(oracle, &wrong);
            };
            let (differs, leading, own) = aws;
            if self.rules.first() == Rules::AWS {
                same(&oracles[1], &differs, &leading);
                continue;
            }
            if on_minio(used, keys) {
                same(&oracles[0], &minio.0, &minio.1);
            }
            let mut missing = differs.clone();
            for said in [&own, &leading, &oracles[1].translated(kind, &minio.1)] {
                change(&mut missing, said, |missing, said| missing & !said);
            }
            none(&oracles[1], &missing);
            change(&mut missing, &own, |_, own| own);
            change(&mut missing, &differs, |own, differs| own & !differs);
            if !(self.printed && *kind == "account") {
                none(&oracles[1], &missing);
            }
        }
        for line in lines.iter().filter(|_| !self.printed) {
            let kind = ACTIONS.iter().find(|(name, _)| *name == line.witness.action).unwrap().1;
            let differs = |server: &Server| {
                allows(*server, more, kind, &line.witness) && !allows(*server, less, kind, &line.witness)
            };
            let is_of_aws = line.rules == [Rules::AWS] || self.rules.first() == Rules::AWS;
            let server = if is_of_aws { Server::Aws } else { Server::Minio };
            assert!(differs(&server), "{line:#?}\n{}", why());
        }
    }
}

fn run(seed: u64, pairs: usize, conditions: bool, rules: &'static RuleList) {
    let trial = Trial { seed, pairs, conditions, rules, printed: false };
    trial.run(|_, access, _| [access.gained.clone(), access.lost.clone()]);
}

#[test]
fn differences_are_those_of_brute_force() {
    run(1, pairs(1_000), false, &ALL_RULES);
    run(3, pairs(250), false, &AWS_RULES);
}

#[test]
fn differences_under_conditions_are_those_of_brute_force() {
    run(2, pairs(150), true, &ALL_RULES);
    run(4, pairs(50), true, &AWS_RULES);
}
