//! `verify` against the S3 service of the simulator, which decides with an evaluator of its own.

use std::time::Duration;

use attune::policy::access::{Context, RuleList};
use attune::policy::{Catalogue, Document, read};
use attune::s3::{Failing, Manners, Pace, S3Client, S3Endpoint, S3Keys, S3Options, Step, Token};
use attune::sim::state::ClusterState;
use attune::sim::{self, FaultRules, Options, Running};
use attune::verify::{Asking, Outcome, Problem, Question, Scope, Verified, questions, verify};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{Folder, Run, validate};
use crate::served::answering;

const ACCESS_KEY: &str = "AKIAALICE0000000000A";
const SECRET_KEY: &str = "geheim0123456789abcdefghijklmnopqrstuvwx";

fn cluster(rules: &str, document: &Value) -> ClusterState {
    let keys = json!({ "access_key": ACCESS_KEY, "secret_key": SECRET_KEY });
    let buckets = json!({ "backup": { "policy": "none" }, "archive": { "object_lock": true } });
    let state = json!({
        "switches": { "s3_rules": rules },
        "tenants": { "Root": {
            "users": { "alice": { "policy": "team", "keys": keys } },
            "policies": { "team": { "document": document } },
            "buckets": buckets,
        } },
    });
    serde_json::from_value::<ClusterState>(state).unwrap().complete().unwrap()
}

async fn start(rules: &str, document: &Value, faults: &[&str]) -> Running {
    let faults = FaultRules(faults.iter().map(|text| text.parse().unwrap()).collect());
    let s3 = Some(([127, 0, 0, 1], 0).into());
    sim::start(Options { s3, faults, record: true, ..Options::in_memory(cluster(rules, document)) }).await.unwrap()
}

/// Asks everything about the document, without waiting.
async fn ask(running: &Running, rules: &str, document: &Document, token: &Token) -> Verified {
    ask_with((running, rules), document, token, (SECRET_KEY, None)).await.unwrap()
}

/// The same with this secret, which is new until then.
async fn ask_with(
    (running, rules): (&Running, &str),
    document: &Document,
    token: &Token,
    (secret, new_until): (&str, Option<Instant>),
) -> Result<Verified, Problem> {
    let endpoint = S3Endpoint::parse(running.s3_url().unwrap(), false).unwrap();
    let (region, timeout) = ("us-east-1".to_owned(), Duration::from_secs(20));
    let client = S3Client::new(S3Options { endpoint, region, trust: Default::default(), timeout }).unwrap();
    let keys = S3Keys::new(ACCESS_KEY.to_owned(), secret.to_owned(), None, None).unwrap();
    let (catalogue, rules) = (Catalogue::newest(), rules.parse::<RuleList>().unwrap());
    let context = Context { rules: &rules, ..Context::new(&catalogue) }.with_user("alice");
    let settings = ["backup".to_owned(), "archive".to_owned()].into();
    let scope = Scope { objects: true, reads: true, settings, most: 2000 };
    let manners = Manners { at_once: 8, per_second: 10_000, pauses: Vec::new(), busy: Duration::from_millis(1) };
    let asking = Asking {
        client: &client,
        keys: Some(&keys),
        token,
        manners: &manners,
        pace: &Pace::of(&manners),
        versioned: true,
        new_until,
        store: &|name, _| Ok(name.into()),
        progress: &|| {},
    };
    verify(&asking, questions(Some(document), None, &context, &scope, token)).await
}

/// A random document about buckets that are there and buckets that are not.
fn random_document(random: &mut fastrand::Rng) -> Value {
    const ACTIONS: [&str; 18] = [
        "s3:*",
        "s3:Get*",
        "s3:Put*",
        "s3:Delete*",
        "s3:List*",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObjectTagging",
        "s3:PutObjectTagging",
        "s3:ListBucket",
        "s3:DeleteBucket",
        "s3:GetBucketLocation",
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:AbortMultipartUpload",
        "s3:PutObjectLegalHold",
    ];
    const RESOURCES: [&str; 11] = [
        "*",
        "data-*",
        "data-*/*",
        "data-*/a/*",
        "*-logs/*",
        "backup",
        "backup/*",
        "backup/ro/*",
        "archive",
        "archive/*",
        "data-${aws:username}-*/*",
    ];
    let mut some = |from: &[&str], most: usize| -> Vec<String> {
        (0..random.usize(1..=most)).map(|_| from[random.usize(..from.len())].to_owned()).collect()
    };
    let count = some(&["x"], 3).len();
    let statements = (0..count).map(|index| {
        let actions = some(&ACTIONS, 3);
        let resources: Vec<String> = some(&RESOURCES, 2).iter().map(|of| format!("arn:aws:s3:::{of}")).collect();
        let denies = index > 0 && some(&["a", "b"], 1) == ["b"];
        json!({ "Effect": if denies { "Deny" } else { "Allow" }, "Action": actions, "Resource": resources })
    });
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

fn known(document: &Value) -> Document {
    read(&document.to_string()).document.unwrap()
}

/// The questions that the service answered as the document says.
fn agreed(verified: &Verified) -> impl Iterator<Item = &Question> + Clone {
    verified.answers.iter().filter(|one| one.outcome == Outcome::Agrees).map(|one| &one.question)
}

/// Whatever a document says, the service that enforces it differs nowhere, nothing is changed, and every request that could change
/// something is about a name with the characters of the run, or about a setting of a bucket that was named.
#[tokio::test]
async fn a_service_that_enforces_the_document_differs_nowhere_and_nothing_changes() {
    let cases: usize = std::env::var("ATTUNE_VERIFY").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8);
    let mut random = fastrand::Rng::with_seed(7);
    let (mut asked, mut told) = (0, 0);
    for case in 0..cases {
        let document = random_document(&mut random);
        for rules in ["minio-2021", "minio-2026"] {
            let running = start(rules, &document, &[]).await;
            let token = Token::random().unwrap();
            let before = running.state().unwrap();
            let verified = ask(&running, rules, &known(&document), &token).await;
            let after = running.state().unwrap();
            assert!(!verified.differs(), "{case} {rules} {document}: {verified:?}");
            assert_eq!((verified.void.as_ref(), verified.left.as_slice()), (None, [].as_slice()), "{case} {document}");
            assert_eq!(before.tenants["Root"].buckets, after.tenants["Root"].buckets, "{case} {document}");
            asked += verified.answers.len();
            told += agreed(&verified).count();
            for event in running.events() {
                let line = format!("{} {}", event.method, event.path);
                let is_read = ["GET", "HEAD"].contains(&event.method.as_str());
                let is_setting = ["/backup", "/archive"].contains(&event.path.as_str());
                assert!(
                    is_read || is_setting && event.method == "PUT" || event.path.contains(token.as_str()),
                    "{line}"
                );
                assert!(event.method != "POST", "{line}");
            }
            running.stop().await;
        }
    }
    assert!(told > asked / 3 && asked > cases * 40, "{told} of {asked} tell");
}

/// What the user of these tests may do: it can take away what it makes.
fn team() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Data", "Effect": "Allow",
          "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:GetBucketLocation", "s3:DeleteBucket"],
          "Resource": ["arn:aws:s3:::data-*", "arn:aws:s3:::data-*/*"] },
        { "Sid": "Backup", "Effect": "Allow",
          "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket",
            "s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy",
            "s3:GetBucketVersioning"],
          "Resource": ["arn:aws:s3:::backup", "arn:aws:s3:::backup/*"] },
    ] })
}

/// On services that do what S3 servers do not, nothing is left, and the kind of request is not believed.
#[tokio::test]
async fn a_service_that_takes_a_question_for_a_request_is_not_believed_and_nothing_is_left() {
    for (fault, kind, what) in [
        ("s3-makes-buckets", "no bucket", "bucket data-"),
        ("s3-ignores-parameters", "no key", "object backup/"),
        ("s3-takes-any-body", "setting", "bucket-policy of bucket backup"),
    ] {
        let running = start("minio-2021", &team(), &[fault]).await;
        let before = running.state().unwrap();
        let verified = ask(&running, "minio-2021", &known(&team()), &Token::random().unwrap()).await;
        let after = running.state().unwrap();
        let (before, after) = (&before.tenants["Root"].buckets, &after.tenants["Root"].buckets);
        assert_eq!(serde_json::to_value(before).unwrap(), serde_json::to_value(after).unwrap(), "{fault}");
        let left: Vec<_> = verified.left.iter().map(|left| (left.what.starts_with(what), left.is_there)).collect();
        assert_eq!(left, [(true, false)], "{fault}: {:?}", verified.left);
        let of = verified.kinds.iter().find(|of| of.kind.name() == kind).unwrap();
        assert!(of.nothing.is_some() && !verified.tells(), "{fault}: {verified:?}");
        assert!(agreed(&verified).all(|question| question.ask.row().kind.name() != kind), "{fault}");
        running.stop().await;
    }
}

/// A service of AWS's kind looks before it decides: what is about buckets that are not there tells nothing.
#[tokio::test]
async fn a_service_that_looks_first_tells_nothing_about_buckets_that_are_not_there() {
    let running = start("aws", &team(), &[]).await;
    let verified = ask(&running, "aws", &known(&team()), &Token::random().unwrap()).await;
    assert!(!verified.differs() && verified.left.is_empty(), "{verified:?}");
    let told = agreed(&verified).map(|question| question.ask.row().kind.name());
    assert!(told.clone().count() > 5 && told.clone().all(|kind| kind != "no bucket"), "{:?}", told.collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test]
async fn a_busy_service_is_asked_again() {
    let running = start("minio-2021", &team(), &["s3 call:5,times=3=503", "s3 call:30,times=2=reset"]).await;
    let verified = ask(&running, "minio-2021", &known(&team()), &Token::random().unwrap()).await;
    assert!(verified.tells() && verified.answers.len() == agreed(&verified).count(), "{verified:?}");
    let writes = agreed(&verified).filter(|question| question.ask.row().step == Step::Write).count();
    assert!(writes > 5, "{writes}");
    running.stop().await;
}

/// A configuration with the document of [`team`], and keys of each kind.
fn folder() -> Folder {
    let config = "[cluster]\nendpoints = [\"sim:cluster.json\"]\ntenant = \"Root\"\n[policies.team]\ndocument = \"team.json\"\n\
        [users.alice]\npolicy = \"team\"\n[users.bob]\n";
    let pair = |user: &str, access: &str, secret: &str| {
        json!({ "cluster": "stewie", "tenant": "Root", "user": user, "access_key": access, "secret_key": secret })
            .to_string()
    };
    Folder::with(&[
        ("attune.toml", &config.replace("[users.bob]\n", "")),
        ("team.json", &team().to_string()),
        ("cluster.json", &serde_json::to_string(&cluster("minio-2021", &team())).unwrap()),
        ("alice.json", &pair("alice", ACCESS_KEY, SECRET_KEY)),
        ("bob.json", &pair("bob", ACCESS_KEY, SECRET_KEY)),
        ("wrong.json", &pair("alice", ACCESS_KEY, "falsch0123456789")),
        ("unknown.json", &pair("alice", "AKIANOBODY000000000A", SECRET_KEY)),
        ("page.html", "<html>sign in</html>"),
        ("aws", &format!("[alice]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")),
    ])
}

/// Runs `attune verify` as a person would, against a service in this process.
async fn run(folder: &Folder, running: &Running, args: &str) -> Run {
    let line = format!("verify {args} --s3 {} --rate 1000", running.s3_url().unwrap());
    let aws = folder.path("aws").display().to_string();
    tokio::task::block_in_place(|| {
        let run = folder.attune_with(&line, &[("AWS_SHARED_CREDENTIALS_FILE", &aws), ("AWS_CONFIG_FILE", "/nowhere")]);
        assert!(!run.stdout.contains(SECRET_KEY) && !run.stderr.contains(SECRET_KEY), "{run:?}");
        run
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_is_said_with_its_request_and_exits_with_2() {
    let (folder, running) = (folder(), start("minio-2021", &team(), &["s3-allow:s3:DeleteObject"]).await);
    let junit = run(&folder, &running, "alice --aws-profile alice --format junit").await.exits(2);
    let json = run(&folder, &running, "alice --keys alice.json --format json").await.exits(2).json();
    validate(&json);
    let differing: Vec<_> =
        json["answers"].as_array().unwrap().iter().filter(|of| of["outcome"] == "differs").collect();
    assert!(
        !differing.is_empty() && differing.iter().all(|of| of["request"] == "delete" && of["allowed"] == false),
        "{json}"
    );
    let text = run(&folder, &running, "alice --keys alice.json").await.exits(2);
    text.says(" otherwise")
        .says("+ alice can delete in data-*/* on the service, and by the file cannot")
        .says("DELETE /data-");
    assert_eq!(junit.stdout.matches("<failure").count(), differing.len(), "{}", junit.stdout);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_says_how_much_it_asked_and_whose_keys_it_cannot_prove() {
    let (folder, running) = (folder(), start("minio-2021", &team(), &[]).await);
    run(&folder, &running, "alice --keys alice.json")
        .await
        .exits(0)
        .says(" asked, all as the file says; ")
        .says("need --objects")
        .says("policies of buckets: not exercised")
        .warns("not proven: that the keys are those of the user");
    run(&folder, &running, "alice --keys alice.json --max-requests 3")
        .await
        .says("3 asked")
        .says("beyond --max-requests");
    let all = "alice --keys alice.json --objects --settings --bucket backup";
    run(&folder, &running, all).await.exits(0).says("all as the file says");
    // A bucket that no line of the document names is asked for, too.
    let other = "alice --keys alice.json --settings --bucket archive";
    run(&folder, &running, other).await.exits(0).says("6 could not be put back");
    // A run that verifies nothing prints one document of JSON, which says so.
    let none = "alice --keys alice.json --max-requests 0 --format json";
    let json = run(&folder, &running, none).await.exits(1).warns("nothing was asked").json();
    assert_eq!(json["asked"], 0, "{json}");
    run(&folder, &running, "--anonymous").await.exits(1).warns("no policies of buckets are known");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_keys_and_services_are_said_and_nothing_else_is_asked() {
    let (folder, running) = (folder(), start("minio-2021", &team(), &[]).await);
    for (args, message) in [
        ("alice --keys wrong.json", "the secret key is not that of the access key"),
        ("alice --keys unknown.json", "does not know the access key"),
        ("alice --keys bob.json", "the keys are those of user `bob`"),
        ("alice --keys nowhere.json", "cannot be read"),
        ("alice --keys team.json", "holds no key pair"),
        ("alice --aws-profile carol", "have no profile `carol`"),
        ("alice", "the environment has no keys"),
        ("carol --keys alice.json", "carol"),
    ] {
        run(&folder, &running, args).await.exits(1).warns(message);
    }
    let other = |service: &str| format!("verify alice --keys alice.json --s3 {service}");
    for (service, message) in [
        (running.url(), "is no S3 service"),
        ("http://127.0.0.1:1", "no connection to http://127.0.0.1:1"),
        ("http://s3.example.com", "is not encrypted"),
        ("https://u:p@h", "holds a user name or a password"),
        ("https://h/path", "more than a host and a port"),
    ] {
        folder.attune(&other(service)).exits(1).warns(message);
    }
    running.stop().await;
}

#[test]
fn what_is_no_s3_service_is_said_without_its_words() {
    let folder = folder();
    for (head, body, message) in [
        (
            "200 OK\r\nContent-Type: text/html",
            "<html>sign in</html>",
            "is no S3 service: the answer is a page for people",
        ),
        ("307 Moved\r\nLocation: http://192.0.2.1/", "", "attune does not follow"),
        ("403 Forbidden", "", "the answer 403 is not one of S3"),
        ("418 No", "<Error><Code>\u{1b}[31mEvil</Code></Error>", "the answer 418 is not one of S3"),
        (
            "403 Forbidden",
            "<Error><Code>RequestTimeTooSkewed</Code><ServerTime>2020-01-01T00:00:00Z</ServerTime></Error>",
            "the clock of this machine differs from its own by ",
        ),
        ("400 Bad", "<Error><Code>AuthorizationHeaderMalformed</Code></Error>", "signatures for another region"),
        ("400 Bad", "<Error><Code>ExpiredToken</Code></Error>", "refuses the token"),
    ] {
        let run =
            folder.attune(&format!("verify alice --keys alice.json --s3 {} -vvv", answering(head, body))).exits(1);
        assert!(!run.stderr.contains("Evil") && !run.stderr.contains('\u{1b}'), "{run:?}");
        assert!(!run.stderr.contains(SECRET_KEY) && !run.stderr.contains("Signature="), "{run:?}");
        run.warns(message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_nothing_is_asked_everything_once() {
    let all = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"] },
    ] });
    let (folder, running) = (folder(), start("minio-2021", &all, &[]).await);
    let keys = json!({ "access_key": ACCESS_KEY, "secret_key": SECRET_KEY });
    folder.drift(|state| state["users"]["dora"] = json!({ "keys": { "access_key": "D", "secret_key": "d" } }));
    folder.write("dora.json", &keys.to_string());
    // The keys are those of a user who can do everything.
    let much = run(&folder, &running, "dora --observed --keys dora.json").await.exits(1);
    much.says("everything was let through there").warns("nothing is verified: no answer tells");
    running.stop().await;
    let nothing = json!({ "Version": "2012-10-17", "Statement": [] });
    let running = start("minio-2021", &nothing, &[]).await;
    run(&folder, &running, "dora --observed --keys dora.json")
        .await
        .exits(0)
        .says("nothing is allowed, as the cluster's");
    running.stop().await;
}

/// A proposal does not decide where keys go: with `--base`, the address is that of the base.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_does_not_decide_where_keys_go() {
    let (folder, running) = (folder(), start("minio-2021", &team(), &[]).await);
    let before = folder.read("attune.toml");
    folder.write("before.toml", &before);
    let address = format!("s3_endpoints = [\"{}\"]\n[policies", running.s3_url().unwrap());
    folder.write("attune.toml", &before.replace("[policies", &address));
    let line = "verify alice --keys alice.json --rate 1000";
    let asked = || running.events().len();
    folder.attune(&format!("{line} --base ./before.toml")).exits(1).warns("there is no address of an S3 service");
    assert_eq!(asked(), 0);
    folder.attune(line).exits(0);
    assert!(asked() > 40, "{}", asked());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_expectations_are_asked_instead_of_the_policy() {
    let folder = folder();
    let config = folder.read("attune.toml");
    let expectations = "[[expect]]\nname = \"nobody deletes data\"\nusers = [\"*\"]\ncannot = [\"delete\"]\non = [\"data-*/*\"]\n\
        [[expect]]\nname = \"alice works\"\nuser = \"alice\"\ncan = [\"read\", \"write\"]\non = [\"data-*/*\"]\n";
    let running = start("minio-2021", &team(), &["s3-allow:s3:DeleteObject"]).await;
    let line = "alice --keys alice.json --contract";
    run(&folder, &running, line).await.exits(1).warns("no expectation with `can` or `cannot` is about");
    folder.write("attune.toml", &format!("{config}{expectations}"));
    let differs = run(&folder, &running, line).await.exits(2);
    differs
        .says("3 asked: 2 as the contract says, 1 otherwise")
        .says("+ alice can delete in data-*/* on the service, and by the contract cannot")
        .says("expected by: nobody deletes data");
    running.stop().await;
    let running = start("minio-2021", &team(), &[]).await;
    run(&folder, &running, line).await.exits(0).says("3 asked, all as the contract says");
    running.stop().await;
}

#[tokio::test]
async fn new_keys_are_tried_until_their_time_is_over_and_no_longer() {
    let until = || Some(Instant::now() + Duration::from_millis(2500));
    let document = known(&team());
    let (running, token) = (start("minio-2026", &team(), &[]).await, Token::random().unwrap());
    let other = format!("x{}", &SECRET_KEY[1..]);
    let ended = ask_with((&running, "minio-2026"), &document, &token, (&other, until())).await;
    assert_eq!(ended.unwrap_err(), Problem::Keys(Failing::Secret));
    assert!(running.events().len() > 1, "only once");
    // A policy that does not arrive: everything is denied, and nothing is told.
    let running = start("minio-2026", &team(), &["s3 * /*=refuse:403:AccessDenied"]).await;
    let verified = ask_with((&running, "minio-2026"), &document, &token, (SECRET_KEY, until())).await.unwrap();
    assert!(!verified.tells() && !verified.differs(), "{verified:?}");
}
