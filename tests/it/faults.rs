//! Faults of the simulated cluster: how the REST transport reports them, and the server as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use attune::base::{PolicyName, Principal, UserName};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::{CallError, Cluster, Credentials, Effect, PasswordLogin};
use attune::sim::state::ClusterState;
use attune::sim::{Applied, Event, Fault, FaultRules, Options, Trigger, start};

const STATE: &str = r#"{"tenants":{"Root":{"users":{"bob":{}}}}}"#;

fn connect(url: &str) -> RestCluster {
    RestCluster::new(RestOptions {
        cache: None,
        release: None,
        endpoints: vec![Endpoint::parse(url).unwrap()],
        credentials: Credentials::Password(PasswordLogin {
            username: "admin".into(),
            password: "admin".into(),
            org: None,
        }),
        tenant: None,
        trust: Trust::default(),
        // The tests do not wait for `Retry-After` of a busy cluster.
        timeouts: Timeouts { busy: Duration::from_millis(1), ..Timeouts::default() },
    })
    .unwrap()
}

async fn attach(cluster: &RestCluster) -> Result<bool, CallError> {
    let pair = cluster.attach(&PolicyName::reported("readonly"), &Principal::User(UserName::reported("bob"))).await?;
    Ok(pair.is_some())
}

#[tokio::test]
async fn the_transport_never_reports_an_executed_call_as_not_executed() {
    for fault in Fault::all() {
        // A call that is executed and answered with 429 is a contradiction that no client can detect.
        if matches!(fault, Fault::Status { status: 429, applied: Applied::Yes, .. }) {
            continue;
        }
        let mut options = Options::in_memory(serde_json::from_str::<ClusterState>(STATE).unwrap());
        options.faults = FaultRules::one(Trigger::Write(1), fault.clone());
        options.record = true;
        let sim = start(options).await.unwrap();
        let answer = attach(&connect(sim.url())).await;
        let done = sim.state().unwrap().access_of("Root", "bob").is_some();
        let undone = match answer.as_ref().map_err(|error| error.effect) {
            Ok(_) | Err(Effect::UnknownOutcome) => false,
            Err(Effect::NotSent | Effect::Refused(_) | Effect::Unauthorized(_)) => true,
        };
        assert!(!(done && undone), "{fault}: {answer:?}");
        let shown: Vec<bool> = sim.events().iter().flat_map(Event::shown_keys).map(|shown| shown.sent).collect();
        assert_eq!(shown, if done { vec![answer == Ok(true)] } else { Vec::new() }, "{fault}");
    }
}

fn serve(state: &Path, rule: &str) -> Child {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_attune"));
    serve.args(["sim", "serve", "--fault", rule, "--state"]).arg(state);
    serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn errors(mut child: Child) -> (Option<i32>, String) {
    let status = child.wait().unwrap();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (status.code(), text)
}

#[tokio::test]
async fn a_server_process_ends_at_its_stop_fault() {
    for (rule, done) in [("write:1=stop-before", false), ("write:1=stop-after", true)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        std::fs::write(&path, STATE).unwrap();
        let mut child = serve(&path, rule);
        let url = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let cluster = connect(&url);
        assert_eq!(attach(&cluster).await.unwrap_err().effect, Effect::UnknownOutcome);
        // It may take new connections until it has ended. A connection from before that may not know it yet.
        let (code, text) = errors(child);
        assert_eq!(attach(&connect(&url)).await.unwrap_err().effect, Effect::NotSent);
        assert!(code == Some(1) && text.contains("stopped by a fault"), "{code:?} {text}");
        let state: ClusterState = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(state.complete().unwrap().access_of("Root", "bob").is_some(), done, "{rule}");
    }
}

#[test]
fn an_unknown_rule_is_refused_with_a_list_of_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = errors(serve(&folder.path().join("cluster.json"), "write:1=explode"));
    assert_ne!(code, Some(0), "{text}");
    assert!(text.contains("`explode` is not a fault; there are refuse, delay, drop"), "{text}");
}
