//! The engine against brute force: all resources up to seven characters, all answers to a few conditions, and an
//! evaluator that shares no code with it.
//!
//! `ATTUNE_ORACLE_PAIRS` sets how many pairs of random documents are tried.

use std::collections::BTreeMap;

use super::*;
use crate::policy::{Clause, Effect, Selector, Statement};

const ARN: &str = "arn:aws:s3:::";

/// The actions evaluated: some of each kind, and the pair one of which implies the other.
const ACTIONS: [(&str, &str); 7] = [
    ("s3:ListAllMyBuckets", "account"),
    ("s3:ListBucket", "bucket"),
    ("s3:DeleteBucket", "bucket"),
    ("s3:GetObject", "object"),
    ("s3:GetObjectVersion", "object"),
    ("s3:PutObject", "object"),
    ("s3:DeleteObject", "object"),
];

/// Whether a pattern matches a text, the plain way.
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

/// Whether a resource pattern matches a resource as the profile's servers build it.
fn covers(profile: Profile, pattern: &str, resource: &str) -> bool {
    match profile {
        Profile::Aws => like(pattern, resource),
        Profile::Minio => {
            let pattern = if pattern == "*" { "*" } else { pattern.strip_prefix(ARN).unwrap_or("\0") };
            like(pattern, resource) || (!pattern.is_empty() && clean(resource) == pattern)
        }
    }
}

/// What cleaning a path does to those keys that a server accepts.
fn clean(resource: &str) -> &str {
    match resource.strip_suffix('/') {
        Some(rest) if !rest.is_empty() && !rest.ends_with('/') => rest,
        Some(_) | None => resource,
    }
}

/// The resources an action's kind can name, as the profile's servers build them.
fn resources(profile: Profile, kind: &str) -> Vec<String> {
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
    let prefix = if profile == Profile::Aws { ARN } else { "" };
    match (kind, profile) {
        ("account", Profile::Aws) => vec!["*".to_owned(), format!("{ARN}*")],
        ("account", Profile::Minio) => vec!["/".to_owned()],
        ("bucket", Profile::Aws) => words(&['a', 'b'], 3..=6).iter().map(|name| format!("{prefix}{name}")).collect(),
        ("bucket", Profile::Minio) => words(&['a', 'b'], 3..=6).iter().map(|name| format!("{name}/")).collect(),
        _ => words(&['a', 'b'], 3..=5)
            .iter()
            .flat_map(|name| {
                let keys = words(&['a', 'b', '/', '~'], 1..=6 - name.len());
                keys.into_iter().map(move |key| format!("{prefix}{name}/{key}"))
            })
            .collect(),
    }
}

/// The resource of a request, from how a witness writes it.
fn built(profile: Profile, kind: &str, written: &str) -> String {
    let bare = written.strip_prefix(ARN).unwrap_or(written);
    match (profile, kind) {
        (Profile::Aws, _) => written.to_owned(),
        (Profile::Minio, "account") => "/".to_owned(),
        (Profile::Minio, "bucket") => format!("{bare}/"),
        (Profile::Minio, _) => bare.to_owned(),
    }
}

/// What a request's keys say: `k` and `l`, each absent or a text.
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

/// The same, read back from how a line words it.
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

/// Patterns' matches, remembered: one flag for each of a list of resources.
struct Oracle {
    profile: Profile,
    resources: BTreeMap<&'static str, Vec<String>>,
    matches: BTreeMap<(String, &'static str), Vec<bool>>,
}

impl Oracle {
    fn new(profile: Profile) -> Self {
        let resources = ["account", "bucket", "object"].map(|kind| (kind, resources(profile, kind))).into();
        Self { profile, resources, matches: BTreeMap::new() }
    }

    fn matches(&mut self, pattern: &str, kind: &'static str) -> Vec<bool> {
        let (profile, resources) = (self.profile, &self.resources[kind]);
        let find = || resources.iter().map(|resource| covers(profile, pattern, resource)).collect();
        self.matches.entry((pattern.to_owned(), kind)).or_insert_with(find).clone()
    }

    fn any(&mut self, patterns: &[String], kind: &'static str) -> Vec<bool> {
        let mut any = vec![false; self.resources[kind].len()];
        for pattern in patterns {
            any.iter_mut().zip(self.matches(pattern, kind)).for_each(|(any, one)| *any |= one);
        }
        any
    }

    /// For each resource, whether a document allows an action on it.
    fn allowed(&mut self, document: &Document, action: &str, kind: &'static str, keys: &Keys) -> Vec<bool> {
        let mut allowed = vec![false; self.resources[kind].len()];
        let mut denied = allowed.clone();
        for statement in &document.statements {
            if !statement.conditions.iter().all(|clause| holds(clause, keys)) || !about(self.profile, statement, action)
            {
                continue;
            }
            let target = if statement.effect == Effect::Allow { &mut allowed } else { &mut denied };
            let any = self.any(&statement.resources.patterns, kind);
            target.iter_mut().zip(any).for_each(|(target, any)| *target |= any != statement.resources.negated);
        }
        allowed.iter().zip(denied).map(|(allowed, denied)| *allowed && !denied).collect()
    }

    /// For each resource, whether a line says that an action on it makes a difference.
    fn said(&mut self, line: &Line, action: &str, kind: &'static str, keys: &Keys) -> Vec<bool> {
        let says = line.profile.is_none_or(|profile| profile == self.profile)
            && line.actions.iter().any(|pattern| like(pattern, action))
            && line.conditions.iter().all(|text| holds_as_worded(text, keys));
        let mut said = vec![says; self.resources[kind].len()];
        let mut keep = |set: Vec<bool>, wanted: bool| {
            said.iter_mut().zip(set).for_each(|(said, one)| *said &= one == wanted);
        };
        keep(self.matches(&line.pattern, kind), true);
        if let Cause::Deny { pattern } = &line.cause {
            keep(self.described(pattern, kind), true);
        }
        for exception in &line.except {
            let (what, when) = match exception.strip_prefix("when ") {
                Some(when) => ("*", when),
                None => exception.split_once(" when ").unwrap_or((exception, "")),
            };
            if when.is_empty() || when.split(" and ").all(|text| holds_as_worded(text, keys)) {
                keep(self.described(what, kind), false);
            }
        }
        said
    }

    fn described(&mut self, text: &str, kind: &'static str) -> Vec<bool> {
        match text.strip_prefix("everything but ") {
            Some(list) => {
                let list: Vec<_> = list.split(", ").map(str::to_owned).collect();
                self.any(&list, kind).iter().map(|any| !any).collect()
            }
            None => self.matches(text, kind),
        }
    }
}

fn about(profile: Profile, statement: &Statement, action: &str) -> bool {
    let named = statement.actions.patterns.iter().any(|pattern| {
        like(pattern, action)
            || (profile == Profile::Minio && pattern == "s3:GetObjectVersion" && action == "s3:GetObject")
    });
    named != statement.actions.negated
}

/// Whether a document allows the request of a witness.
fn allows(profile: Profile, document: &Document, kind: &str, witness: &Witness) -> bool {
    let resource = built(profile, kind, &witness.resource);
    let condition = |clause: &Clause| {
        let positive = Clause { operator: clause.operator.replace("Not", ""), ..clause.clone() };
        let word = if positive.operator == "StringLike" { "like" } else { "is" };
        let text = format!("{} {word} {}", positive.key, positive.values.join(" or "));
        witness.conditions.contains(&text) == (positive == *clause)
    };
    let applies = |statement: &&Statement| {
        let patterns = &statement.resources.patterns;
        let covered = patterns.iter().any(|pattern| covers(profile, pattern, &resource)) != statement.resources.negated;
        covered && about(profile, statement, &witness.action) && statement.conditions.iter().all(condition)
    };
    let effects: Vec<_> = document.statements.iter().filter(applies).map(|statement| statement.effect).collect();
    effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
}

/// SplitMix64: the same documents every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

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

    /// Another document, or the same with a statement more, less or changed.
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

fn catalogue() -> Catalogue {
    let rows: Vec<_> = ACTIONS.iter().map(|(name, kind)| format!(r#"{{"name":"{name}","kind":"{kind}"}}"#)).collect();
    Catalogue::from_json(&format!("[{}]", rows.join(","))).unwrap()
}

fn compare(oracles: &mut [Oracle; 2], before: &Document, after: &Document, keys: &[Keys], context: &Context<'_>) {
    let access = difference(Some(before), Some(after), context);
    assert_eq!(access.undecided, []);
    for (lines, less, more) in [(&access.gained, before, after), (&access.lost, after, before)] {
        let why = || format!("less:\n{}more:\n{}lines: {lines:#?}", shown(less), shown(more));
        for oracle in oracles.iter_mut() {
            for ((action, kind), keys) in ACTIONS.iter().flat_map(|action| keys.iter().map(move |keys| (action, keys)))
            {
                let had = oracle.allowed(less, action, kind, keys);
                let has = oracle.allowed(more, action, kind, keys);
                let mut said = vec![false; had.len()];
                for line in lines {
                    said.iter_mut().zip(oracle.said(line, action, kind, keys)).for_each(|(all, one)| *all |= one);
                }
                for (index, (had, has)) in had.into_iter().zip(has).enumerate() {
                    let resource = &oracle.resources[kind][index];
                    assert_eq!(
                        has && !had,
                        said[index],
                        "{:?} {action} {resource} {keys:?}\n{}",
                        oracle.profile,
                        why()
                    );
                }
            }
        }
        for line in lines {
            let kind = ACTIONS.iter().find(|(name, _)| *name == line.witness.action).unwrap().1;
            let shown = Profile::ALL.into_iter().filter(|profile| line.profile.is_none_or(|only| only == *profile));
            let differs =
                |profile| allows(profile, more, kind, &line.witness) && !allows(profile, less, kind, &line.witness);
            assert!(shown.into_iter().any(differs), "{line:#?}\n{}", why());
        }
    }
}

fn shown(document: &Document) -> String {
    let line = |s: &Statement| {
        let not = |selector: &Selector| if selector.negated { "not " } else { "" };
        let conditions: Vec<_> =
            s.conditions.iter().map(|c| format!("{} {} {:?}", c.operator, c.key, c.values)).collect();
        let (actions, resources) = (s.actions.patterns.join(" "), s.resources.patterns.join(" ").replace(ARN, ":"));
        format!("{:?} {}{actions} on {}{resources} {conditions:?}\n", s.effect, not(&s.actions), not(&s.resources))
    };
    document.statements.iter().map(line).collect()
}

fn pairs(usual: usize) -> usize {
    std::env::var("ATTUNE_ORACLE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn run(seed: u64, pairs: usize, conditions: bool) {
    let catalogue = catalogue();
    let context = Context::new(&catalogue);
    let keys = if conditions { all_keys() } else { vec![all_keys().remove(0)] };
    let mut random = Random(seed);
    let mut oracles = Profile::ALL.map(Oracle::new);
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
