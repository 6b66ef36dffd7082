//! Sets of requests by brute force: what a document may allow of one, what it lacks of one, and what it allows beyond another.

use super::requests::{ACTIONS, ALL, KINDS, Kind, can_do, server};
use super::*;

/// Whether brute force finds a request of a set for which `holds` says yes, by any rules.
fn any(
    oracles: &mut [Oracle; 2],
    set: &RequestSet,
    keys: &[Keys],
    used: &[&str],
    mut differs: impl FnMut(&mut Oracle, usize, &'static Kind, &Keys) -> Set,
) -> bool {
    for (kinds, patterns) in &set.requests {
        for kind in KINDS.iter().filter(|kind| kinds.iter().any(|one| one.word() == kind.word)) {
            for index in 0..ALL.len() {
                let oracle = &mut oracles[server(index)];
                for keys in keys.iter().filter(|keys| index == 2 || on_minio(used, keys)) {
                    let mut found = differs(oracle, index, kind, keys);
                    let mut within = oracle.nothing(kind.resource);
                    for pattern in patterns {
                        change(&mut within, &oracle.named(pattern, kind.resource), |all, one| all | one);
                    }
                    change(&mut found, &within, |found, within| found & within);
                    oracle.cut(kind.resource, &mut found);
                    if found.iter().any(|word| *word != 0) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

/// Whether a counterexample is allowed by one document and by none of others.
fn is_only_of(less: &[Document], more: &Document, found: &Counterexample) -> bool {
    let RequestOrAction::Request(request) = found.what else { return false };
    let kind = KINDS.iter().find(|kind| kind.word == request.word()).unwrap();
    let of_one = |rules: &Rules| found.rules.is_empty() || found.rules.contains(rules);
    let rules = ALL.iter().position(of_one).unwrap();
    let witness = RequestWitness { request, resource: found.resource.clone(), conditions: found.conditions.clone() };
    let allowed = can_do(more, rules, kind, &witness);
    let others: Vec<_> = less.iter().map(|document| can_do(document, rules, kind, &witness)).collect();
    (0..2).any(|account| allowed[account] && !others.iter().any(|other| other[account]))
}

fn allowing_all() -> Document {
    let version = Some("2012-10-17".to_owned());
    Document { version, statements: vec![Statement::plain(Effect::Allow, ["*"], ["*"])], ..Document::default() }
}

/// The document for requests without the keys of conditions, except for a list of buckets, which has its own.
fn without_keys(document: &Document) -> Document {
    let none = all_keys(&[]).remove(0);
    let is_of_list = |clause: &Clause| clause.key == "s3:prefix";
    let mut document = document.clone();
    document
        .statements
        .retain(|of| of.conditions.iter().filter(|clause| !is_of_list(clause)).all(|clause| holds(clause, &none)));
    document.statements.iter_mut().for_each(|of| of.conditions.retain(is_of_list));
    document
}

impl Oracle {
    /// The resources whose names match a pattern of names, as the server writes them: MinIO knows no key that begins with `/`.
    pub(super) fn named(&self, pattern: &str, kind: &str) -> Set {
        let pattern = self.as_written(pattern, kind);
        let mut set = self.nothing(kind);
        for (index, resource) in self.resources[kind].iter().enumerate() {
            let name = resource.strip_prefix(ARN).unwrap_or(resource);
            let name = if kind == "bucket" { name.trim_end_matches('/') } else { name };
            set[index / 64] |= u64::from(like(&pattern, name)) << (index % 64);
        }
        set
    }

    /// Whether a line that names this pattern is about the pattern that was asked.
    pub(super) fn is_asked(&self, asked: &str, pattern: &str, kind: &str) -> bool {
        asked == pattern || pattern.strip_prefix(ARN) == Some(&self.as_written(asked, kind))
    }

    /// A pattern of names as the server writes them, without the prefix of resources.
    fn as_written(&self, pattern: &str, kind: &str) -> String {
        let is_key = kind == "object" && pattern.contains('/');
        let pattern = if is_key { built(self.server, kind, pattern) } else { pattern.to_owned() };
        pattern.strip_prefix(ARN).unwrap_or(&pattern).to_owned()
    }
}

impl RequestSet {
    /// Whether a counterexample is in the set.
    fn has(&self, found: &Counterexample) -> bool {
        let RequestOrAction::Request(request) = found.what else { return false };
        let of = |(kinds, on): &(Vec<RequestKind>, Vec<String>)| {
            kinds.contains(&request) && on.iter().any(|pattern| like(pattern, &found.resource))
        };
        self.requests.iter().any(of)
    }
}

const KEYS_OF_CLIENTS: [&str; 3] = ["k", "n", "s3:prefix"];

fn run(seed: u64, rounds: usize, conditions: bool) {
    let catalogue = Catalogue::newest();
    let mut random = Random(seed);
    let mut oracles = Server::ALL.map(Oracle::new);
    let pool: Vec<_> = (0..200).map(|_| random.pattern()).collect();
    let context = Context::new(&catalogue);
    let plain = context.with_conditions(Conditions::NotGiven);
    let all_kinds: Vec<&Kind> = KINDS.iter().collect();
    let mut found = [0; 6];
    for _ in 0..rounds {
        let keys: Vec<&str> = (0..2).map(|_| random.pick(&KEYS_OF_CLIENTS)).filter(|_| conditions).collect();
        let vocabulary = Vocabulary { actions: &ACTIONS, pool: &pool, keys: &keys };
        let before = random.document(&vocabulary);
        let after = random.variant(&before, &vocabulary);
        let granted = random.document(&Vocabulary { actions: &ACTIONS, pool: &pool, keys: &[] });
        let words: Vec<String> = (0..9).map(|_| random.pick(&all_kinds).word.clone()).collect();
        let on: Vec<String> =
            (0..4).map(|_| if random.below(4) == 0 { "a*".to_owned() } else { random.pick(&pool) }).collect();
        let [words, on] = [&words, &on].map(|texts| texts.iter().map(String::as_str).collect::<Vec<_>>());
        let Ok(set) = RequestSet::parse(&words, &on, &catalogue) else { continue };
        let (all, none) = (all_keys(&keys), all_keys(&[]));
        let why = |what: &str, found: &Option<Counterexample>| {
            let [before, after, granted] = [&before, &after, &granted].map(shown);
            format!("{what} {words:?} on {on:?}: {found:#?}\nbefore:\n{before}after:\n{after}granted:\n{granted}")
        };
        let everything = allowing_all();
        let [to, from] = [&after, &before].map(Reach::new);
        let checks = [
            (set.allowed(None, &to, &context), (None, &after), &all, keys.as_slice()),
            (set.allowed(Some(&from), &to, &context), (Some(&before), &after), &all, &keys),
            (set.missing(None, Some(&to), &plain), (Some(&after), &everything), &none, &[]),
            (set.missing(Some(&from), Some(&to), &plain), (Some(&after), &before), &none, &[]),
        ];
        for (index, (answer, (less, more), all, used)) in checks.iter().enumerate() {
            let expected = any(&mut oracles, &set, all, used, |oracle, index, kind, keys| {
                oracle.gained((*less, more), index, kind, keys)
            });
            let what = ["allowed", "gained", "lacks", "lost"][index];
            assert!(answer.is_some() || !expected, "{}", why(what, answer));
            if let Some(found) = answer {
                assert!(set.has(found), "{}", why(what, answer));
                let document = |of: &Document| if index > 1 { without_keys(of) } else { of.clone() };
                let less: Vec<Document> = less.map(document).into_iter().collect();
                assert!(is_only_of(&less, &document(more), found), "{}", why(what, answer));
            }
            found[index] += usize::from(expected);
        }
        let every = RequestSet::parse(&["*"], &["*"], &catalogue).unwrap();
        for (at, less) in [(4, None), (5, Some(&before))] {
            let answer = beyond(&after, &granted, less, &context);
            let expected = any(&mut oracles, &every, &all, &keys, |oracle, index, kind, keys| {
                let mut outside = oracle.nothing(kind.resource);
                for account in 0..=server(index) {
                    let mut one = oracle.can(&after, index, kind, keys, account);
                    for other in less.into_iter().chain([&granted]) {
                        let other = oracle.can(other, index, kind, keys, account);
                        change(&mut one, &other, |one, other| one & !other);
                    }
                    change(&mut outside, &one, |all, one| all | one);
                }
                outside
            });
            assert!(answer.is_some() || !expected, "{}", why("beyond", &answer));
            let less: Vec<Document> = less.into_iter().chain([&granted]).cloned().collect();
            assert!(answer.iter().all(|found| is_only_of(&less, &after, found)), "{}", why("beyond", &answer));
            found[at] += usize::from(expected);
        }
    }
    assert!(conditions || found.iter().all(|count| *count > 3 && *count < rounds), "each answer is found: {found:?}");
}

#[test]
fn sets_of_requests_are_those_of_brute_force() {
    run(21, pairs(120), false);
}

#[test]
fn sets_of_requests_under_conditions_are_those_of_brute_force() {
    run(22, pairs(30), true);
}
