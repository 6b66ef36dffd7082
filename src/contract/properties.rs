//! Envelopes of random team files, compared with single decisions about every request of a small universe.

use super::{Against, Breach, BreachBy, Why, check_envelopes};
use crate::base::{BucketName, PolicyName, Release};
use crate::desired::{Authored, Boundary, BucketIntent, Desired, Loaded, PolicyIntent, load};
use crate::policy::access::{Conditions, Context, Credentials, RequestOn, RequestOrAction, Verdict, decide_request};
use crate::policy::{BucketDocument, Catalogue, Document, Random, alone, predefined};

const GRANTED: [&str; 6] =
    ["s3:GetObject", "s3:Get*", "s3:PutObject", "s3:*Object", "s3:ListBucket", "s3:DeleteObject*"];
const ACTIONS: [&str; 7] =
    ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:Get*", "s3:*", "s3:DeleteObjectVersion", "s3:ListBucket"];
const RESOURCES: [&str; 7] = [
    "arn:aws:s3:::abc/*",
    "arn:aws:s3:::abc/a",
    "arn:aws:s3:::ab*",
    "*",
    "arn:aws:s3:::xyz/b*",
    "arn:aws:s3:::abc",
    "arn:aws:s3:::abc/${aws:username}/*",
];
const CONDITIONS: [&str; 4] = ["", "", "", "{ StringEquals = { \"aws:UserAgent\" = \"x\" } }"];
const OBJECTS: [&str; 7] = ["abc/a", "abc/b", "abc/u1/k", "abc/u2/k", "xyz/a", "xyz/b", "zzz/a"];
const BUCKETS: [&str; 3] = ["abc", "xyz", "zzz"];
const OF_OBJECTS: [&str; 5] = ["read", "write", "delete", "delete-version", "read-version"];
const OF_BUCKETS: [&str; 3] = ["list", "delete-bucket", "create-bucket"];

/// A line with a condition, or nothing.
fn condition_line(random: &mut Random, key: &str) -> String {
    let condition = random.pick(&CONDITIONS);
    if condition.is_empty() { String::new() } else { format!("{key} = {condition}\n") }
}

fn loaded(main: &str, team: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("attune.toml"), main).unwrap();
    std::fs::write(folder.path().join("team.toml"), team).unwrap();
    load(&folder.path().join("attune.toml"), Boundary::Repository).unwrap()
}

fn statement(random: &mut Random, policy: &str) -> String {
    let effect = random.pick(&["Allow", "Allow", "Allow", "Deny"]);
    let (action, on, condition) = (random.pick(&ACTIONS), random.pick(&RESOURCES), condition_line(random, "condition"));
    format!(
        "[[policies.{policy}.statement]]\neffect = \"{effect}\"\naction = \"{action}\"\nresource = \"{on}\"\n{condition}"
    )
}

/// A main file with one envelope and a policy of its own, and a team's file.
fn random(random: &mut Random) -> (String, String) {
    let condition = condition_line(random, "conditions");
    let resources = [random.pick(&RESOURCES[..6]), random.pick(&RESOURCES[..6])];
    let main = format!(
        "include = [\"team.toml\"]\n[[envelope]]\nname = \"e\"\nfiles = \"team.toml\"\npolicies = \"p*\"\nusers = \"u*\"\n\
         may_attach = [\"m*\", \"readonly\"]\nactions = [{:?}, {:?}]\nresources = {resources:?}\n{condition}{}",
        random.pick(&GRANTED),
        random.pick(&GRANTED),
        statement(random, "main"),
    );
    let mut team = statement(random, "p1") + &statement(random, "p1");
    team += random.pick(&["", "[policies.p2]\ncombine = [\"p1\", \"main\"]\n"]);
    let name = random.pick(&["u", "u", "u", "x"]);
    team += "[users]\n";
    team += &format!("{name}1 = \"{}\"\n", random.pick(&["p1", "p1", "main", "readonly", "other"]));
    let (from, then) = (random.pick(&["main", "p1", "detached"]), random.pick(&["p1", "main", "readonly", "detached"]));
    let row = random.pick(&["p1", "main"]);
    team += &random.pick(&[
        String::new(),
        format!("u2 = {{ policy = \"p1\", from = 2030-01-01, before = \"{from}\" }}\n"),
        format!("u2 = {{ policy = \"p1\", until = 2030-01-01, then = \"{then}\" }}\n"),
        format!("[users.\"u{{{{n}}}}\"]\neach = [{{ n = \"2\", p = \"{row}\" }}]\npolicy = \"{{{{p}}}}\"\n"),
    ]);
    (main, team)
}

fn document(desired: &Desired, policy: &str) -> Option<Document> {
    let name = PolicyName::parse(policy).unwrap();
    match desired.policies.get(&name).map(|entry| &entry.intent) {
        Some(PolicyIntent::Present(authored)) => Some(Authored::document(authored).clone()),
        Some(PolicyIntent::Absent) => None,
        None => predefined(&name, &Release::newest()),
    }
}

fn verdicts(document: &Document, word: &str, on: &str, context: &Context<'_>) -> Vec<Verdict> {
    let request = RequestOn::parse(word, on).unwrap();
    context.rules.iter().map(|rules| decide_request(Some(document), &request, context, rules).verdict).collect()
}

/// A request that the document surely allows and the envelope surely does not, for the one user.
fn beyond(document: &Document, granted: &Document, user: &str, catalogue: &Catalogue) -> Option<String> {
    beyond_for(document, granted, &Context::new(catalogue).with_user(user))
}

fn beyond_for(document: &Document, granted: &Document, requester: &Context<'_>) -> Option<String> {
    let objects = OF_OBJECTS.iter().flat_map(|word| OBJECTS.iter().map(move |on| (*word, *on)));
    let buckets = OF_BUCKETS.iter().flat_map(|word| BUCKETS.iter().map(move |on| (*word, *on)));
    objects.chain(buckets).find_map(|(word, on)| {
        let is_beyond = [Conditions::Any, Conditions::NotGiven].into_iter().any(|conditions| {
            let context = requester.with_conditions(conditions);
            let [has, may] = [document, granted].map(|of| verdicts(of, word, on, &context));
            // With any conditions, the envelope must possibly allow what the document possibly allows.
            has.iter().zip(&may).any(|(has, may)| *has != Verdict::Denied && *may == Verdict::Denied)
        });
        is_beyond.then(|| format!("{word} {on}"))
    })
}

#[test]
fn what_an_envelope_accepts_gives_nothing_outside_and_what_it_refuses_has_a_witness() {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let (mut accepted, mut refused, mut named) = (0, 0, 0);
    for seed in 0..150 {
        let (main, team) = random(&mut Random(seed));
        let loaded = loaded(&main, &team);
        let text = format!("{seed}\n{main}\n{team}");
        let has_other_name = team.contains("x1 = ") || team.contains("= \"other\"");
        let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.is_error()).collect();
        assert_eq!(!errors.is_empty(), has_other_name, "{text}\n{errors:?}");
        if has_other_name {
            assert!(errors.iter().all(|error| error.code.id == "outside-envelope"), "{text}\n{errors:?}");
            named += 1;
            continue;
        }
        let desired = loaded.desired;
        let [checked] = &check_envelopes(&desired, Against::Configuration(&Release::newest()), &context)[..] else {
            panic!()
        };
        let granted = &checked.envelope.granted;
        let users = |policy: &str| -> Vec<String> {
            let has =
                desired.ever().into_iter().filter(|(_, _, at)| at.policy().is_some_and(|of| of.as_str() == policy));
            has.map(|(principal, ..)| principal.name().to_owned()).collect()
        };
        for policy in ["p1", "p2", "main", "readonly"] {
            let Some(document) = document(&desired, policy) else { continue };
            let is_declared = policy.starts_with('p');
            let users = if is_declared { vec!["u1".to_owned(), "u2".to_owned()] } else { users(policy) };
            let example = users.iter().find_map(|user| beyond(&document, granted, user, &catalogue));
            let breach = checked
                .breaches
                .iter()
                .find(|breach| breach.by == BreachBy::Policy(PolicyName::parse(policy).unwrap()));
            match breach {
                None => {
                    assert_eq!(example, None, "{policy}\n{text}");
                    accepted += usize::from(!users.is_empty());
                }
                Some(breach) => {
                    let Why::Allowed(example) = &breach.why else { panic!("{breach:?}\n{text}") };
                    assert!(!example.is_open, "{breach:?}\n{text}");
                    refused += 1;
                    let RequestOrAction::Request(kind) = &example.what else { continue };
                    let possible = context.with_credentials(Credentials::Any);
                    let has = verdicts(&document, kind.word(), &example.resource, &possible);
                    assert!(has.iter().any(|verdict| *verdict != Verdict::Denied), "{breach:?}\n{text}");
                    let sure = possible.with_conditions(Conditions::NotGiven);
                    let may = verdicts(granted, kind.word(), &example.resource, &sure);
                    assert!(may.iter().any(|verdict| *verdict != Verdict::Allowed), "{breach:?}\n{text}");
                }
            }
        }
    }
    assert!(accepted > 10 && refused > 30 && named > 10, "{accepted} {refused} {named}");
}

/// A main file with an envelope for buckets, and a team's file with the policy of one.
fn random_bucket(random: &mut Random) -> (String, String) {
    let condition = condition_line(random, "conditions");
    let resources = [random.pick(&RESOURCES[..6]), random.pick(&["arn:aws:s3:::ab*", "*", "arn:aws:s3:::abc/*"])];
    let main = format!(
        "include = [\"team.toml\"]\n[[envelope]]\nname = \"e\"\nfiles = \"team.toml\"\nbuckets = \"*\"\n\
         actions = [{:?}, {:?}]\nresources = {resources:?}\n{condition}",
        random.pick(&GRANTED),
        random.pick(&GRANTED),
    );
    let mut team = String::new();
    for effect in ["Allow", random.pick(&["Allow", "Deny"])] {
        let (action, condition) = (random.pick(&ACTIONS), condition_line(random, "condition"));
        team += &format!(
            "[[buckets.abc.statement]]\neffect = \"{effect}\"\nprincipal = {:?}\naction = \"{action}\"\n\
             resource = {:?}\n{condition}",
            random.pick(&["*", "u1", "u2"]),
            random.pick(&["arn:aws:s3:::abc", "arn:aws:s3:::abc/*", "arn:aws:s3:::abc/a*"]),
        );
    }
    (main, team)
}

#[test]
fn a_bucket_policy_that_an_envelope_accepts_lets_nobody_do_more() {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let (mut accepted, mut refused) = ([0, 0], [0, 0]);
    let name = BucketName::parse("abc").unwrap();
    for seed in 0..80 {
        let (main, team) = random_bucket(&mut Random(seed));
        let desired = loaded(&main, &team).desired;
        let text = format!("{seed}\n{main}\n{team}");
        let BucketIntent::Document(authored) = &desired.buckets[&name].intent else { panic!("{text}") };
        let document = alone(&name, BucketDocument::Known(authored.document()));
        let [checked] = &check_envelopes(&desired, Against::Configuration(&Release::newest()), &context)[..] else {
            panic!("{text}")
        };
        let granted = &checked.envelope.granted;
        let requesters = [context.anonymous(), context.with_user("u1"), context.with_user("u2")];
        let is_beyond = requesters.map(|requester| beyond_for(&document, granted, &requester).is_some());
        match checked.breaches.first() {
            None => {
                assert_eq!(is_beyond, [false; 3], "{text}");
                accepted[usize::from(team.contains("u1"))] += 1;
            }
            Some(Breach { by: BreachBy::Bucket { to_anonymous, .. }, why: Why::Allowed(example), .. }) => {
                assert!(!example.is_open && (*to_anonymous || !is_beyond[0]), "{example:?}\n{text}");
                refused[usize::from(*to_anonymous)] += 1;
                let RequestOrAction::Request(kind) = &example.what else { continue };
                let [anonymous, users @ ..] = requesters.map(|requester| {
                    let has = verdicts(&document, kind.word(), &example.resource, &requester);
                    has.iter().any(|verdict| *verdict != Verdict::Denied)
                });
                assert!(if *to_anonymous { anonymous } else { users.contains(&true) }, "{example:?}\n{text}");
            }
            Some(breach) => panic!("{breach:?}\n{text}"),
        }
    }
    assert!(accepted.iter().chain(&refused).all(|count| *count > 3), "{accepted:?} {refused:?}");
}
