//! Policies of buckets over both transports, and how an observation reads them.

use std::path::PathBuf;
use std::time::Duration;

use attune::base::{BucketName, CannedPolicy, Release};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::weka::{WekaCluster, WekaOptions};
use attune::cluster::{
    CallError, Cluster, Credentials, Effect, PasswordLogin, RetryPolicy, RetryingCluster, observe, observe_all,
    read_bucket_policy,
};
use attune::desired::Desired;
use attune::observed::{Buckets, Observed};
use attune::sim::{Options, Running, start};

use super::harness::Folder;
use super::weka::temporary;

const OWN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::data/public/*"]}]}"#;

const STATE: &str = r#"{"release":"RELEASE","tenants":{"Root":{"buckets":{
    "data":{},"open":{"policy":"public"},"files":{"policy":"download"},
    "own":{"policy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::own/*"]}]}}}},
    "lab":{"buckets":{"secret":{"policy":"public"}}}}}"#;

const RELEASES: [&str; 5] = ["3.14", "4.0", "4.4", "5.1", "6.0"];

/// Every switch that concerns buckets, with every value but its default.
const SWITCHES: [&str; 15] = [
    "custom_bucket_policy=none",
    "custom_bucket_policy=empty",
    "custom_bucket_policy=document",
    "custom_bucket_policy=refuse",
    "unset_bucket_policy=null",
    "unset_bucket_policy=object",
    "unset_bucket_policy=refuse",
    "unset_bucket_policy=not_found",
    "bucket_words=lower",
    "bucket_document_form=object",
    "bucket_document_form=text",
    "bucket_document_as_object=true",
    "buckets_in_data=true",
    "command_shape=table",
    "command_shape=bare",
];

struct World {
    sim: Running,
    folder: Folder,
}

impl World {
    async fn new(release: &str, switches: &[&str], faults: &[&str]) -> Self {
        let folder = Folder::new();
        folder.write("cluster.json", &STATE.replace("RELEASE", release));
        let mut options = Options::new(folder.path("cluster.json"));
        options.switches = switches.iter().map(ToString::to_string).collect();
        options.faults.0 = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        Self { sim: start(options).await.unwrap(), folder }
    }

    fn rest(&self) -> RestCluster {
        let (username, password) = self.sim.admin_login();
        let login = PasswordLogin { username, password: password.into(), org: None };
        RestCluster::new(RestOptions {
            release: None,
            endpoints: vec![Endpoint::parse(self.sim.url()).unwrap()],
            credentials: Credentials::Password(login),
            tenant: None,
            trust: Trust::default(),
            timeouts: Timeouts::default(),
            cache: None,
        })
        .unwrap()
    }

    /// The command, which notes its arguments.
    fn weka(&self) -> WekaCluster {
        self.weka_of(None)
    }

    fn weka_of(&self, release: Option<Release>) -> WekaCluster {
        let (program, url) = (env!("CARGO_BIN_EXE_attune"), self.sim.url());
        let log = self.folder.path("arguments.txt");
        let script =
            format!("#!/bin/sh\necho \"$@\" >> {}\nexec {program} sim weka --url {url} -- \"$@\"\n", log.display());
        temporary(&self.folder, &script);
        let program: PathBuf = self.folder.path("weka");
        let limit = Duration::from_secs(30);
        WekaCluster::new(WekaOptions {
            program,
            login: None,
            server: None,
            tenant: None,
            release,
            any_certificate: true,
            limit,
        })
    }
}

fn bucket(name: &str) -> BucketName {
    BucketName::reported(name)
}

fn retry() -> RetryPolicy {
    RetryPolicy { retries: 2, first: Duration::from_millis(1), longest: Duration::from_millis(2) }
}

/// A bucket's policy from closed to open and back, by names and by a document.
async fn story(cluster: &dyn Cluster) -> Result<(), CallError> {
    let (data, own) = (bucket("data"), bucket("own"));
    let mut names = cluster.buckets().await?;
    names.sort();
    assert_eq!(names, ["data", "files", "open", "own"].map(bucket), "only those of the tenant");
    assert!(read_bucket_policy(cluster, &data).await?.is_none());
    let public = read_bucket_policy(cluster, &bucket("open")).await?;
    assert_eq!(public.canned, Some(CannedPolicy::Public));
    assert_eq!(public.document.normal().unwrap().document().statements.len(), 2);
    let custom = read_bucket_policy(cluster, &own).await?;
    assert_eq!((custom.canned, custom.document.normal().is_some()), (None, true));
    for canned in [CannedPolicy::Download, CannedPolicy::Upload, CannedPolicy::None, CannedPolicy::Public] {
        cluster.set_canned_bucket_policy(&data, canned).await?;
        assert_eq!(read_bucket_policy(cluster, &data).await?.canned, Some(canned));
    }
    for _ in 0..2 {
        cluster.set_bucket_document(&data, OWN).await?;
        let now = read_bucket_policy(cluster, &data).await?;
        assert_eq!(now.canned, None);
        assert!(now.text().contains("data/public/*"));
    }
    cluster.set_canned_bucket_policy(&data, CannedPolicy::None).await?;
    assert!(read_bucket_policy(cluster, &data).await?.is_none());
    let wrong = cluster.set_bucket_document(&data, &OWN.replace("s3:GetObject", "s3:*")).await.unwrap_err();
    assert!(matches!(wrong.effect, Effect::Refused(_)) && wrong.message.contains("s3:*"), "{wrong}");
    let missing = cluster.set_canned_bucket_policy(&bucket("none-such"), CannedPolicy::None).await.unwrap_err();
    assert!(matches!(missing.effect, Effect::Refused(_)) && missing.message.contains("does not exist"), "{missing}");
    Ok(())
}

#[tokio::test]
async fn a_bucket_is_opened_and_closed_over_both_transports_on_every_release() {
    for release in RELEASES {
        let world = World::new(release, &[], &[]).await;
        story(&world.rest()).await.unwrap();
        story(&world.weka()).await.unwrap();
    }
}

#[tokio::test]
async fn every_shape_of_answers_about_buckets_is_read() {
    for switch in SWITCHES {
        let world = World::new("5.1", &[switch], &[]).await;
        story(&world.rest()).await.unwrap_or_else(|error| panic!("{switch}: {error}"));
        story(&world.weka()).await.unwrap_or_else(|error| panic!("{switch} over the command: {error}"));
    }
}

#[tokio::test]
async fn a_document_is_in_no_argument_and_the_other_order_of_arguments_is_tried_and_remembered() {
    let world = World::new("6.0", &[], &[]).await;
    // A build with an older number than the order of its arguments.
    let cluster = world.weka_of(Release::parse("5.1.2"));
    story(&cluster).await.unwrap();
    let arguments = world.folder.read("arguments.txt");
    assert!(!arguments.contains("Statement"), "{arguments}");
    let turned = arguments.lines().filter(|line| line.contains("policy set download data")).count();
    assert_eq!(turned, 1, "{arguments}");
    assert!(arguments.contains("policy set data download") && !arguments.contains("policy set upload data"));
}

#[tokio::test]
async fn a_bucket_with_the_name_of_a_policy_is_not_set_by_the_command() {
    let world = World::new("5.1", &[], &[]).await;
    for name in ["none", "public", "download", "upload"] {
        let error = world.weka().set_canned_bucket_policy(&bucket(name), CannedPolicy::Public).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent, "{error}");
    }
    for name in ["", "..", "-x", "a/b", "Data", "a\u{1b}b"] {
        let (rest, weka) = (world.rest(), world.weka());
        for cluster in [&rest as &dyn Cluster, &weka] {
            for error in [
                cluster.bucket_policy(&bucket(name)).await.map(drop).unwrap_err(),
                cluster.bucket_document(&bucket(name)).await.map(drop).unwrap_err(),
                cluster.set_canned_bucket_policy(&bucket(name), CannedPolicy::None).await.unwrap_err(),
                cluster.set_bucket_document(&bucket(name), OWN).await.unwrap_err(),
            ] {
                assert_eq!(error.effect, Effect::NotSent, "{name:?}: {error}");
            }
        }
    }
}

async fn observed(world: &World, states: &[&Desired]) -> Result<Observed, CallError> {
    let cluster = world.rest();
    observe(&RetryingCluster::new(&cluster, retry()), states, 4).await
}

fn owner() -> Desired {
    let mut desired = Desired::default();
    desired.ownership.buckets = ["data*".parse().unwrap()].into_iter().collect();
    desired
}

#[tokio::test]
async fn buckets_are_read_only_if_something_needs_them() {
    let world = World::new("5.1", &[], &[]).await;
    assert_eq!(observed(&world, &[&Desired::default()]).await.unwrap().buckets, Buckets::NotRead);
    let read = observed(&world, &[&Desired::default(), &owner()]).await.unwrap();
    assert_eq!(read.buckets.known().unwrap().len(), 4);
    let cluster = world.rest();
    let all = observe_all(&cluster, &[], 4).await.unwrap();
    assert_eq!(all.buckets, read.buckets);
}

#[tokio::test]
async fn buckets_that_cannot_be_read_are_unknown_and_an_error_only_if_something_needs_them() {
    for fault in ["GET /s3/buckets=refuse:404", "GET /s3/buckets/open/policyJson=500", "GET /s3/buckets=shape-before"] {
        let world = World::new("5.1", &[], &[fault]).await;
        let cluster = world.rest();
        let all = observe_all(&RetryingCluster::new(&cluster, retry()), &[], 4).await.unwrap();
        assert!(matches!(&all.buckets, Buckets::Unreadable(why) if why.contains("/s3/buckets")), "{fault}");
        let error = observed(&world, &[&owner()]).await.unwrap_err();
        assert!(error.to_string().contains("/s3/buckets"), "{error}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_removed_meanwhile_is_left_out_and_one_that_is_refused_is_unreadable() {
    let removed = r#"GET /s3/buckets/open/policy#1=behind:{"remove_bucket":{"bucket":"open"}}"#;
    let world = World::new("5.1", &[], &[removed]).await;
    let read = observed(&world, &[&owner()]).await.unwrap();
    assert_eq!(read.buckets.known().unwrap().len(), 3);
    let refused = ["GET /s3/buckets/own/policy=refuse", "GET /s3/buckets/own/policyJson=refuse"];
    let world = World::new("5.1", &[], &refused).await;
    let read = observed(&world, &[&owner()]).await.unwrap();
    let own = read.buckets.get(&bucket("own")).unwrap();
    assert_eq!((own.canned, own.document.normal()), (None, None));
    let world = World::new("5.1", &[], &["GET /s3/buckets/open/policyJson=refuse"]).await;
    let open = observed(&world, &[&owner()]).await.unwrap().buckets.get(&bucket("open")).cloned().unwrap();
    assert_eq!((open.canned, open.document.normal()), (Some(CannedPolicy::Public), None), "never a guess");
}

#[tokio::test]
async fn every_fault_of_a_change_says_what_it_may_have_done() {
    for (fault, applied) in [
        ("drop-before", false),
        ("drop-after", true),
        ("500-before", false),
        ("500-after", true),
        ("html-after", true),
        ("truncated-after", true),
        ("shape-after", true),
        ("reset", true),
    ] {
        for change in ["policy", "policyJson"] {
            let world = World::new("5.1", &[], &[&format!("PUT /s3/buckets/data/{change}#1={fault}")]).await;
            let cluster = world.rest();
            let failed = if change == "policy" {
                cluster.set_canned_bucket_policy(&bucket("data"), CannedPolicy::Public).await
            } else {
                cluster.set_bucket_document(&bucket("data"), OWN).await
            };
            assert_eq!(failed.unwrap_err().effect, Effect::UnknownOutcome, "{change} {fault}");
            let now = read_bucket_policy(&cluster, &bucket("data")).await.unwrap();
            assert_eq!(!now.is_none(), applied, "{change} {fault}");
        }
    }
}

/// Random documents of two users and policies of two buckets: `attune sim check` and the access engine decide alike.
#[test]
fn the_simulators_own_evaluator_agrees_with_access() {
    let mut rng = fastrand::Rng::with_seed(24);
    let actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetBucketLocation"];
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..12 {
        let folder = Folder::new();
        let statement = |rng: &mut fastrand::Rng, own: bool, bucket: &str| {
            let on_bucket = rng.bool();
            let action = if on_bucket { actions[3 + rng.usize(..2)] } else { actions[rng.usize(..3)] };
            let under = if on_bucket { "" } else { ["/*", "/a*", "/a", "/${aws:username}/*"][rng.usize(..4)] };
            let bucket = if own { ["data", "logs", "d*", "*"][rng.usize(..4)] } else { bucket };
            let principal = [r#""*""#, r#"{"AWS":["*"]}"#, r#"{"AWS":["alice"]}"#][rng.usize(..3)];
            let effect = if rng.u8(..4) == 0 { "Deny" } else { "Allow" };
            let whom = if own { String::new() } else { format!(r#","Principal":{principal}"#) };
            format!(
                r#"{{"Effect":"{effect}","Action":["{action}"],"Resource":["arn:aws:s3:::{bucket}{under}"]{whom}}}"#
            )
        };
        let document = |rng: &mut fastrand::Rng, own: bool, bucket: &str| {
            let statements: Vec<String> = (0..1 + rng.usize(..4)).map(|_| statement(rng, own, bucket)).collect();
            format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
        };
        let (own, data, logs) =
            (document(&mut rng, true, ""), document(&mut rng, false, "data"), document(&mut rng, false, "logs"));
        folder.write(
            "cluster.json",
            &format!(
                r#"{{"tenants":{{"Root":{{"users":{{"alice":{{"policy":"own"}},"bob":{{"policy":"own"}}}},
                "policies":{{"own":{{"document":{own}}}}},"buckets":{{"data":{{"policy":{data}}},"logs":{{"policy":{logs}}}}}}}}}}}"#
            ),
        );
        folder.write("attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n");
        folder.write("data.json", &data);
        folder.write("logs.json", &logs);
        for _ in 0..8 {
            let who = ["alice", "bob", "--anonymous"][rng.usize(..3)];
            let action = actions[rng.usize(..5)];
            let key = if action.ends_with("Object") { ["/a", "/ab", "/alice/x", "/b"][rng.usize(..4)] } else { "" };
            let bucket = ["data", "logs"][rng.usize(..2)];
            let arn = format!("arn:aws:s3:::{bucket}{key}");
            let answer = folder.attune(&format!("sim check --state cluster.json {who} {action} {arn}"));
            let of_action = match action {
                "s3:GetObject" => "read",
                "s3:PutObject" => "write",
                "s3:DeleteObject" => "delete",
                "s3:ListBucket" => "list",
                _ => "read-location",
            };
            // The access of a bucket policy is that of requests without a login.
            let subject = if who == "--anonymous" { format!("./{bucket}.json") } else { format!("{who} --observed") };
            let access = folder.attune(&format!("access {subject} {of_action} {arn} --exact --rules minio-2026"));
            let state = folder.read("cluster.json");
            assert_eq!(answer.code, access.code, "{who} {action} {arn}\n{}\n{}\n{state}", answer.stdout, access.stdout);
            *seen.entry(format!("{} {:?}", who == "--anonymous", answer.code)).or_default() += 1;
        }
    }
    assert!(seen.len() == 4 && seen.values().all(|count| *count > 3), "{seen:?}");
}
