//! Requests by brute force: what each kind asks for is written once more in a file.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::conditions::on_minio;
use super::*;
use crate::policy::access::abilities::abilities_within;

/// A kind of request with its formulas by the rules of MinIO of 2021 and of 2026 and of AWS.
pub(super) struct Kind {
    pub(super) word: String,
    pub(super) resource: &'static str,
    formulas: [Formula; 3],
}

/// Ways, each of which needs all of some actions: with a resource (` `), without a bucket (`@`), not denied (`!`),
/// or with the keys of a list of buckets (`#`).
type Formula = Vec<Vec<(char, String)>>;

/// The kinds of a file that was written without the table of the engine.
pub(super) static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/lineage/formulas.json")).unwrap();
    let kind = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let resource = if text("resource") == "bucket" { "bucket" } else { "object" };
        Kind { word: text("word"), resource, formulas: ["2021", "2026", "aws"].map(|rules| ways(&text(rules))) }
    };
    file["kinds"].as_array().unwrap().iter().map(kind).collect()
});

pub(super) const ALL: [Rules; 3] = [Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS];

/// Lists of actions that these requests ask for.
pub(super) const ACTIONS: [&[&str]; 15] = [
    &["s3:GetObjectTagging", "s3:PutObjectVersionTagging"],
    &["s3:Get*", "s3:PutLifecycleConfiguration"],
    &["s3:DeleteObject"],
    &["s3:DeleteObject", "s3:BypassGovernanceRetention"],
    &["s3:GetBucketObjectLockConfiguration"],
    &["s3:DeleteObjectVersion"],
    &["s3:Delete*"],
    &["s3:*"],
    &["s3:PutObject*"],
    &["s3:PutObject", "s3:ListBucket"],
    &["s3:BypassGovernanceRetention", "s3:PutObjectRetention"],
    &["s3:GetObjectVersion", "s3:ListAllMyBuckets"],
    &["s3:GetBucketLocation", "s3:ListBucketVersions"],
    &["s3:CreateBucket", "s3:PutBucketVersioning"],
    &["s3:PutBucket*", "s3:GetObject"],
];

impl Kind {
    /// Whether it asks for one action, the same by all rules.
    fn is_plain(&self) -> bool {
        let [one, others @ ..] = &self.formulas;
        matches!(one.as_slice(), [way] if way.len() == 1) && others.iter().all(|other| other == one)
    }
}

fn ways(formula: &str) -> Formula {
    let action = |word: &str| match word.strip_prefix(['!', '@', '#']) {
        Some(name) => (word.chars().next().unwrap(), format!("s3:{name}")),
        None => (' ', format!("s3:{word}")),
    };
    formula.split('|').map(|way| way.split_whitespace().map(action).collect()).collect()
}

/// The keys as a list of buckets has them.
fn in_list(keys: &Keys) -> Keys {
    let mut keys = keys.clone();
    keys.insert("s3:prefix", Some(""));
    keys
}

/// A document with the answers of a list of buckets in the place of its conditions on their keys.
fn for_list(document: &Document) -> Document {
    let keys = in_list(&all_keys(&[])[0]);
    let (is_of_list, mut document) = (|clause: &Clause| clause.key == "s3:prefix", document.clone());
    let applies = |statement: &Statement| {
        statement.conditions.iter().filter(|clause| is_of_list(clause)).all(|clause| holds(clause, &keys))
    };
    document.statements.retain(applies);
    document.statements.iter_mut().for_each(|statement| statement.conditions.retain(|clause| !is_of_list(clause)));
    document
}

pub(super) fn server(rules: usize) -> usize {
    usize::from(rules == 2)
}

impl Oracle {
    /// The resources on which a document allows a request, if the resource without a bucket is this one.
    pub(super) fn can(&mut self, document: &Document, rules: usize, kind: &Kind, keys: &Keys, account: usize) -> Set {
        let Kind { resource: kind, formulas, .. } = kind;
        let mut can = self.nothing(kind);
        for way in &formulas[rules] {
            let mut all: Set = self.nothing(kind).iter().map(|word| !word).collect();
            for (need, action) in way {
                let set = match need {
                    '@' => {
                        let of_account = self.allowed(document, action, "account", keys)[0] >> account & 1 == 1;
                        self.nothing(kind).iter().map(|_| if of_account { !0 } else { 0 }).collect()
                    }
                    '!' => self.covered(document, action, kind, keys)[1].iter().map(|denied| !denied).collect(),
                    '#' => self.allowed(document, action, kind, &in_list(keys)),
                    _ => self.allowed(document, action, kind, keys),
                };
                change(&mut all, &set, |all, one| all & one);
            }
            change(&mut can, &all, |can, way| can | way);
        }
        self.cut(kind, &mut can);
        can
    }

    /// Clears the bits behind the last resource, which mean nothing.
    pub(super) fn cut(&self, kind: &str, set: &mut Set) {
        let last = self.resources[kind].len();
        set.iter_mut().enumerate().for_each(|(word, bits)| {
            *bits &= if (word + 1) * 64 <= last { !0 } else { (1 << (last % 64)) - 1 };
        });
    }

    /// The resources on which a document allows a request that another one does not, whatever the resource without a
    /// bucket is.
    pub(super) fn gained(
        &mut self,
        pair: (Option<&Document>, &Document),
        rules: usize,
        kind: &Kind,
        keys: &Keys,
    ) -> Set {
        let (before, after) = pair;
        let mut gained = self.nothing(kind.resource);
        for account in 0..=server(rules) {
            let mut more = self.can(after, rules, kind, keys, account);
            if let Some(before) = before {
                change(&mut more, &self.can(before, rules, kind, keys, account), |more, less| more & !less);
            }
            change(&mut gained, &more, |all, one| all | one);
        }
        gained
    }

    /// The resources of lines. `asked` is the pattern of names that they were asked for.
    pub(super) fn told(
        &mut self,
        lines: &[RequestLine],
        (kind, rules): (&Kind, Rules),
        keys: &Keys,
        asked: Option<&str>,
    ) -> Set {
        let Kind { word, resource: kind, .. } = kind;
        let mut told = self.nothing(kind);
        for line in lines {
            let says = line.requests.iter().any(|request| request.word() == *word)
                && (line.rules.is_empty() || line.rules.contains(&rules))
                && line.conditions.iter().all(|text| holds_as_worded(text, keys));
            if !says {
                continue;
            }
            let mut of = |pattern: &String| match asked {
                Some(asked) if self.is_asked(asked, pattern, kind) => self.named(asked, kind),
                Some(_) | None => self.described(pattern, kind),
            };
            let mut said = of(&line.pattern);
            for within in &line.within {
                change(&mut said, &of(within), |said, one| said & one);
            }
            for exception in &line.except {
                if exception.conditions.iter().all(|text| holds_as_worded(text, keys)) {
                    let resources = exception.resources.as_deref().unwrap_or("*");
                    change(&mut said, &self.described(resources, kind), |said, one| said & !one);
                }
            }
            change(&mut told, &said, |told, said| told | said);
        }
        told
    }

    pub(super) fn first_other(&self, kind: &str, one: &Set, other: &Set) -> Option<&String> {
        let mut all = self.resources[kind].iter().enumerate();
        let bit = |set: &Set, index: usize| set[index / 64] >> (index % 64) & 1;
        all.find(|(index, _)| bit(one, *index) != bit(other, *index)).map(|(_, name)| name)
    }
}

/// Whether a document allows the request of a witness.
pub(super) fn can_do(document: &Document, rules: usize, kind: &Kind, witness: &RequestWitness) -> [bool; 2] {
    let server = Server::ALL[server(rules)];
    let resource = built(server, kind.resource, &witness.resource);
    let accounts =
        if server == Server::Aws { ["*".to_owned(), format!("{ARN}*")] } else { ["/"; 2].map(str::to_owned) };
    accounts.map(|account| {
        let holds = |(need, action): &(char, String)| {
            let on = if *need == '@' { &account } else { &resource };
            let document = if *need == '#' { &for_list(document) } else { document };
            let effects = effects(server, document, on, action, &witness.conditions);
            !effects.contains(&Effect::Deny) && (*need == '!' || effects.contains(&Effect::Allow))
        };
        kind.formulas[rules].iter().any(|way| way.iter().all(holds))
    })
}

/// Whether the example of a line is allowed by a document, and not by the one before.
pub(super) fn is_new((before, after): (Option<&Document>, &Document), line: &RequestLine) -> bool {
    let kind = KINDS.iter().find(|kind| kind.word == line.witness.request.word()).unwrap();
    let of_line = |rules: &Rules| line.rules.is_empty() || line.rules.contains(rules);
    let rules = ALL.iter().position(of_line).unwrap();
    let more = can_do(after, rules, kind, &line.witness);
    let less = before.map_or([false; 2], |before| can_do(before, rules, kind, &line.witness));
    more.iter().zip(less).any(|(more, less)| *more && !less)
}

pub(super) struct Pair<'a> {
    pub(super) before: Option<&'a Document>,
    pub(super) after: &'a Document,
    pub(super) used: &'a [&'static str],
    pub(super) kinds: &'a [&'static Kind],
}

impl Pair<'_> {
    /// Compares lines with brute force, by all rules.
    pub(super) fn check(&self, oracles: &mut [Oracle; 2], lines: &[RequestLine], within: Option<&str>) {
        let why = |what: &str| {
            let before = self.before.map(shown).unwrap_or_default();
            format!("{what}\nbefore:\n{before}after:\n{}within {within:?}, lines: {lines:#?}", shown(self.after))
        };
        for kind in self.kinds {
            for (index, rules) in ALL.into_iter().enumerate() {
                let oracle = &mut oracles[server(index)];
                for keys in all_keys(self.used).iter().filter(|keys| index == 2 || on_minio(self.used, keys)) {
                    let mut differs = oracle.gained((self.before, self.after), index, kind, keys);
                    if let Some(pattern) = within {
                        change(&mut differs, &oracle.named(pattern, kind.resource), |differs, within| differs & within);
                    }
                    let told = oracle.told(lines, (kind, rules), keys, within);
                    let wrong = oracle.first_other(kind.resource, &differs, &told);
                    assert!(
                        wrong.is_none(),
                        "{}",
                        why(&format!("{} by {rules} with {keys:?} on {wrong:?}", kind.word))
                    );
                }
            }
        }
        for line in lines {
            assert!(is_new((self.before, self.after), line), "{}", why(&format!("{line:#?}")));
        }
    }

    /// Compares single decisions with brute force.
    fn check_decisions(&self, oracles: &mut [Oracle; 2], random: &mut Random, catalogue: &Catalogue) {
        for kind in self.kinds {
            for (index, rules) in ALL.into_iter().enumerate() {
                let oracle = &mut oracles[server(index)];
                let all = &oracle.resources[kind.resource];
                let resource = random.pick(all).trim_start_matches(ARN).trim_end_matches('/').to_owned();
                let Ok(request) = RequestOn::parse(&kind.word, &resource) else { continue };
                let written = built(Server::ALL[server(index)], kind.resource, request.resource());
                let at = all.iter().position(|resource| *resource == written).unwrap();
                let decision = decide_request(Some(self.after), &request, &Context::new(catalogue), rules);
                let keys = all_keys(self.used);
                let mut answers = Vec::new();
                for keys in keys.iter().filter(|keys| index == 2 || on_minio(self.used, keys)) {
                    for account in 0..=server(index) {
                        let can = oracle.can(self.after, index, kind, keys, account);
                        answers.push(can[at / 64] >> (at % 64) & 1 == 1);
                    }
                }
                let (all, any) = (answers.iter().all(|yes| *yes), answers.iter().any(|yes| *yes));
                let right = match decision.verdict {
                    Verdict::Allowed => all,
                    Verdict::Denied => !any,
                    // Brute force knows few values of each key.
                    Verdict::Depends => !self.used.is_empty() || (any && !all),
                };
                let what = format!("{} on {resource} by {rules}", kind.word);
                assert!(right, "{what}: {decision:#?}\n{}", shown(self.after));
            }
        }
    }
}

/// Compares some kinds of requests for each of some random pairs: those of several actions, and a few others.
fn run(seed: u64, pairs: usize, conditions: bool) {
    let catalogue = Catalogue::newest();
    let mut random = Random(seed);
    let mut oracles = Server::ALL.map(Oracle::new);
    let pool: Vec<_> = (0..200).map(|_| random.pattern()).collect();
    let (plain, notable): (Vec<&Kind>, Vec<&Kind>) = KINDS.iter().partition(|kind| kind.is_plain());
    let context = Context::new(&catalogue);
    for _ in 0..pairs {
        let keys: Vec<&str> = (0..2).map(|_| random.pick(&KEYS).0).filter(|_| conditions).collect();
        let vocabulary = Vocabulary { actions: &ACTIONS, pool: &pool, keys: &keys };
        let before = random.document(&vocabulary);
        let after = random.variant(&before, &vocabulary);
        let some: Vec<&Kind> = notable.iter().copied().chain((0..3).map(|_| random.pick(&plain))).collect();
        let kinds: Vec<RequestKind> = some.iter().map(|kind| RequestKind::of_word(&kind.word).unwrap()).collect();
        let mut engine = Engine::new(Some(&before), Some(&after), &context);
        let found = abilities::requests_of(&mut engine, &[Side::Gained, Side::Lost], &kinds, None);
        assert_eq!(found.undecided, []);
        let pair = |before, after| Pair { before, after, used: &keys, kinds: &some };
        pair(Some(&before), &after).check(&mut oracles, &found.gained, None);
        pair(Some(&after), &before).check(&mut oracles, &found.lost, None);
        let one = pair(None, &after);
        // What is asked is always written as an ARN.
        let pattern = format!("{ARN}{}", random.pick(&pool).trim_start_matches(ARN));
        let able = abilities_within(&after, &kinds, std::slice::from_ref(&pattern), &context);
        one.check(&mut oracles, &able.gained, Some(&pattern));
        one.check_decisions(&mut oracles, &mut random, &catalogue);
    }
}

#[test]
fn requests_are_those_of_brute_force() {
    run(11, pairs(40), false);
}

#[test]
fn requests_under_conditions_are_those_of_brute_force() {
    run(12, pairs(8), true);
}

#[test]
fn the_table_of_the_engine_is_that_of_the_file() {
    assert_eq!(KINDS.len(), RequestKind::ALL.len());
    for kind in KINDS.iter() {
        let request = RequestKind::of_word(&kind.word).unwrap();
        let resource =
            if kind.resource == "bucket" { crate::policy::Kind::Bucket } else { crate::policy::Kind::Object };
        assert_eq!(request.kind(), resource, "{}", kind.word);
        for (index, rules) in ALL.iter().enumerate() {
            let allowed = |asked: &AskedAction| match asked.on {
                AskedOn::Resource => (' ', asked.name.to_owned()),
                AskedOn::Account => ('@', asked.name.to_owned()),
                AskedOn::Listed => ('#', asked.name.to_owned()),
            };
            let way = |way: &Way| -> BTreeSet<(char, String)> {
                let undenied = way.undenied.iter().map(|asked| ('!', asked.name.to_owned()));
                way.allowed.iter().map(allowed).chain(undenied).collect()
            };
            let of_engine: BTreeSet<_> = request.formula(rules).ways.iter().map(way).collect();
            let of_file: BTreeSet<_> = kind.formulas[index].iter().map(|way| way.iter().cloned().collect()).collect();
            assert_eq!(of_engine, of_file, "{} by {rules}", kind.word);
        }
    }
}
