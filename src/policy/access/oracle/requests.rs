//! Requests by brute force: what each kind asks for is written here once more, in its own words.

use super::conditions::on_minio;
use super::*;
use crate::policy::access::abilities::abilities_within;

/// A kind of request: its word, the kind of its resource, and what it asks for by the rules of MinIO of 2021 and of 2026
/// and of AWS. `A B | C !D @E`: allowed are A and B; or else C and, without a bucket, E, and D is not denied.
const TABLE: [(&str, &str, [&str; 3]); 13] = [
    (
        "see-buckets",
        "bucket",
        ["@ListAllMyBuckets | ListBucket", "@ListAllMyBuckets | ListBucket | GetBucketLocation", "@ListAllMyBuckets"],
    ),
    ("list", "bucket", ["ListBucket"; 3]),
    (
        "list-versions",
        "bucket",
        ["ListBucket | ListBucketVersions", "ListBucket | ListBucketVersions", "ListBucketVersions"],
    ),
    (
        "create-locked-bucket",
        "bucket",
        [
            "CreateBucket",
            "CreateBucket PutBucketObjectLockConfiguration PutBucketVersioning",
            "CreateBucket PutBucketObjectLockConfiguration PutBucketVersioning",
        ],
    ),
    ("read", "object", ["GetObject"; 3]),
    ("read-version", "object", ["GetObject", "GetObject", "GetObjectVersion"]),
    ("write-with-retention", "object", ["PutObject PutObjectRetention"; 3]),
    ("write-with-legal-hold", "object", ["PutObject", "PutObject PutObjectLegalHold", "PutObject PutObjectLegalHold"]),
    ("write-with-tags", "object", ["PutObject", "PutObject", "PutObject PutObjectTagging"]),
    ("delete", "object", ["DeleteObject"; 3]),
    ("delete-version", "object", ["DeleteObject", "DeleteObject !DeleteObjectVersion", "DeleteObjectVersion"]),
    (
        "delete-locked-version",
        "object",
        [
            "DeleteObject BypassGovernanceRetention | DeleteObject GetBucketObjectLockConfiguration",
            "DeleteObject BypassGovernanceRetention !DeleteObjectVersion",
            "DeleteObjectVersion BypassGovernanceRetention",
        ],
    ),
    (
        "shorten-retention",
        "object",
        [
            "PutObjectRetention | BypassGovernanceRetention",
            "PutObjectRetention | BypassGovernanceRetention",
            "PutObjectRetention BypassGovernanceRetention",
        ],
    ),
];

const ALL: [Rules; 3] = [Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS];

/// Lists of actions that these requests ask for.
const ACTIONS: [&[&str]; 13] = [
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

/// The ways of a formula: allowed, allowed without a bucket, and not denied.
fn ways(formula: &str) -> Vec<Vec<(char, String)>> {
    let action = |word: &str| match word.strip_prefix(['!', '@']) {
        Some(name) => (word.chars().next().unwrap(), format!("s3:{name}")),
        None => (' ', format!("s3:{word}")),
    };
    formula.split('|').map(|way| way.split_whitespace().map(action).collect()).collect()
}

fn server(rules: usize) -> usize {
    usize::from(rules == 2)
}

impl Oracle {
    /// The resources on which a document allows a request, if the resource without a bucket is this one.
    fn can(&mut self, document: &Document, formula: &str, kind: &'static str, keys: &Keys, account: usize) -> Set {
        let mut can = self.nothing(kind);
        for way in ways(formula) {
            let mut all: Set = self.nothing(kind).iter().map(|word| !word).collect();
            for (need, action) in way {
                let set = match need {
                    '@' => {
                        let of_account = self.allowed(document, &action, "account", keys)[0] >> account & 1 == 1;
                        self.nothing(kind).iter().map(|_| if of_account { !0 } else { 0 }).collect()
                    }
                    '!' => self.covered(document, &action, kind, keys)[1].iter().map(|denied| !denied).collect(),
                    _ => self.allowed(document, &action, kind, keys),
                };
                change(&mut all, &set, |all, one| all & one);
            }
            change(&mut can, &all, |can, way| can | way);
        }
        // Bits behind the last resource mean nothing.
        let last = self.resources[kind].len();
        can.iter_mut().enumerate().for_each(|(word, bits)| {
            *bits &= if (word + 1) * 64 <= last { !0 } else { (1 << (last % 64)) - 1 };
        });
        can
    }

    fn told(&mut self, lines: &[RequestLine], word: &str, rules: Rules, kind: &'static str, keys: &Keys) -> Set {
        let mut told = self.nothing(kind);
        for line in lines {
            let says = line.requests.iter().any(|request| request.word() == word)
                && (line.rules.is_empty() || line.rules.contains(&rules))
                && line.conditions.iter().all(|text| holds_as_worded(text, keys));
            if !says {
                continue;
            }
            let mut said = self.matches(&line.pattern, kind).clone();
            for within in &line.within {
                change(&mut said, &self.described(within, kind), |said, one| said & one);
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

    fn first_other(&self, kind: &str, one: &Set, other: &Set) -> Option<&String> {
        let mut all = self.resources[kind].iter().enumerate();
        let bit = |set: &Set, index: usize| set[index / 64] >> (index % 64) & 1;
        all.find(|(index, _)| bit(one, *index) != bit(other, *index)).map(|(_, name)| name)
    }
}

/// Whether a document allows the request of a witness.
fn can_do(server: Server, document: &Document, (kind, formula): (&str, &str), witness: &RequestWitness) -> [bool; 2] {
    let resource = built(server, kind, &witness.resource);
    let accounts =
        if server == Server::Aws { ["*".to_owned(), format!("{ARN}*")] } else { ["/"; 2].map(str::to_owned) };
    accounts.map(|account| {
        let holds = |(need, action): &(char, String)| {
            let on = if *need == '@' { &account } else { &resource };
            let effects = effects(server, document, on, action, &witness.conditions);
            !effects.contains(&Effect::Deny) && (*need == '!' || effects.contains(&Effect::Allow))
        };
        ways(formula).iter().any(|way| way.iter().all(holds))
    })
}

struct Pair<'a> {
    before: Option<&'a Document>,
    after: &'a Document,
    used: &'a [&'static str],
}

impl Pair<'_> {
    /// Compares lines with brute force, by all rules.
    fn check(&self, oracles: &mut [Oracle; 2], lines: &[RequestLine], within: Option<&str>) {
        let why = |what: &str| {
            let before = self.before.map(shown).unwrap_or_default();
            format!("{what}\nbefore:\n{before}after:\n{}within {within:?}, lines: {lines:#?}", shown(self.after))
        };
        for (word, kind, formulas) in TABLE {
            for (index, rules) in ALL.into_iter().enumerate() {
                let oracle = &mut oracles[server(index)];
                for keys in all_keys(self.used).iter().filter(|keys| index == 2 || on_minio(self.used, keys)) {
                    let mut differs = oracle.nothing(kind);
                    for account in 0..=server(index) {
                        let mut more = oracle.can(self.after, formulas[index], kind, keys, account);
                        let less = self.before.map(|before| oracle.can(before, formulas[index], kind, keys, account));
                        change(&mut more, &less.unwrap_or(oracle.nothing(kind)), |more, less| more & !less);
                        change(&mut differs, &more, |all, one| all | one);
                    }
                    if let Some(pattern) = within {
                        change(&mut differs, oracle.matches(pattern, kind), |differs, within| differs & within);
                    }
                    let told = oracle.told(lines, word, rules, kind, keys);
                    let wrong = oracle.first_other(kind, &differs, &told);
                    assert!(wrong.is_none(), "{}", why(&format!("{word} by {rules} with {keys:?} on {wrong:?}")));
                }
            }
        }
        for line in lines {
            let (_, kind, formulas) = TABLE.iter().find(|(word, ..)| *word == line.witness.request.word()).unwrap();
            let of_line = |rules: &Rules| line.rules.is_empty() || line.rules.contains(rules);
            let index = ALL.iter().position(of_line).unwrap();
            let server = Server::ALL[server(index)];
            let more = can_do(server, self.after, (kind, formulas[index]), &line.witness);
            let less =
                self.before.map_or([false; 2], |before| can_do(server, before, (kind, formulas[index]), &line.witness));
            assert!(more.iter().zip(less).any(|(more, less)| *more && !less), "{}", why(&format!("{line:#?}")));
        }
    }

    /// Compares single decisions with brute force.
    fn check_decisions(&self, oracles: &mut [Oracle; 2], random: &mut Random, catalogue: &Catalogue) {
        for (word, kind, formulas) in TABLE {
            for (index, rules) in ALL.into_iter().enumerate() {
                let oracle = &mut oracles[server(index)];
                let at = random.below(oracle.resources[kind].len());
                let resource = oracle.resources[kind][at].trim_start_matches(ARN).trim_end_matches('/').to_owned();
                let Ok(request) = RequestOn::parse(word, &resource) else { continue };
                let at = oracle.resources[kind]
                    .iter()
                    .position(|r| *r == built(Server::ALL[server(index)], kind, request.resource()))
                    .unwrap();
                let decision = decide_request(Some(self.after), &request, &Context::new(catalogue), rules);
                let keys = all_keys(self.used);
                let possible = keys.iter().filter(|keys| index == 2 || on_minio(self.used, keys));
                let answers: Vec<bool> = possible
                    .flat_map(|keys| {
                        (0..=server(index))
                            .map(|account| {
                                oracle.can(self.after, formulas[index], kind, keys, account)[at / 64] >> (at % 64) & 1
                                    == 1
                            })
                            .collect::<Vec<_>>()
                    })
                    .collect();
                let (all, any) = (answers.iter().all(|yes| *yes), answers.iter().any(|yes| *yes));
                let right = match decision.verdict {
                    Verdict::Allowed => all,
                    Verdict::Denied => !any,
                    // Brute force knows few values of each key.
                    Verdict::Depends => !self.used.is_empty() || (any && !all),
                };
                assert!(right, "{word} on {resource} by {rules}: {decision:#?}\n{}", shown(self.after));
            }
        }
    }
}

fn run(seed: u64, pairs: usize, conditions: bool) {
    let catalogue = Catalogue::newest();
    let mut random = Random(seed);
    let mut oracles = Server::ALL.map(Oracle::new);
    let pool: Vec<_> = (0..200).map(|_| random.pattern()).collect();
    let kinds: Vec<RequestKind> = TABLE.iter().map(|(word, ..)| RequestKind::of_word(word).unwrap()).collect();
    let context = Context::new(&catalogue);
    for _ in 0..pairs {
        let keys: Vec<&str> = (0..2).map(|_| random.pick(&KEYS).0).filter(|_| conditions).collect();
        let vocabulary = Vocabulary { actions: &ACTIONS, pool: &pool, keys: &keys };
        let before = random.document(&vocabulary);
        let after = random.variant(&before, &vocabulary);
        let mut engine = Engine::new(Some(&before), Some(&after), &context);
        let found = abilities::requests_of(&mut engine, &[Side::Gained, Side::Lost], &kinds, None);
        assert_eq!(found.undecided, []);
        Pair { before: Some(&before), after: &after, used: &keys }.check(&mut oracles, &found.gained, None);
        Pair { before: Some(&after), after: &before, used: &keys }.check(&mut oracles, &found.lost, None);
        let one = Pair { before: None, after: &after, used: &keys };
        let pattern = random.pick(&pool);
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
