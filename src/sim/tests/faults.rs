//! Faults over a real socket: what the client sees, and what was done.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{End, Seen, TestCluster, client_that_trusts, read};
use crate::sim::state::ClusterState;
use crate::sim::{Applied, Fault};
use crate::sim::{EndReason, FaultRule, FaultRules, KillHook, Options, history, start};

/// A cluster in which `bob` holds nothing and has no keys.
async fn with(change: impl FnOnce(&mut Options)) -> TestCluster {
    let state = r#"{"tenants":{"Root":{"users":{"bob":{},"carol":{"policy":"readonly"}}}}}"#;
    TestCluster::with("5.1", state, change).await
}

async fn faulty(rules: &[&str]) -> TestCluster {
    with(|options| options.faults = parse(rules)).await
}

pub(super) fn parse(rules: &[&str]) -> FaultRules {
    FaultRules(rules.iter().map(|text| text.parse::<FaultRule>().unwrap()).collect())
}

impl TestCluster {
    async fn attach(&self) -> Seen {
        let body = json!({"policy_name":"readwrite","user_name":"bob"});
        self.send("POST", "/s3/policies/attach", Some(&body)).await
    }

    fn held(&self, user: &str) -> Option<String> {
        self.running.state().unwrap().tenants["Root"].users[user].policy.clone()
    }
}

#[tokio::test]
async fn each_fault_has_its_documented_effect() {
    let keys = r#"{"data":{"access_key":""#;
    let told = r#"{"message":"a fault of the simulator"}"#;
    let unexpected = r#"{"data":{"unexpected":[true]}}"#;
    // The fault, the status, how the body begins, whether the call was done.
    for (fault, status, body, applied) in [
        ("refuse:409:it is there", "409 Conflict", r#"{"message":"it is there"}"#, false),
        ("delay:1ms", "200 OK", keys, true),
        ("drop-before", "", "", false),
        ("drop-after", "", "", true),
        ("500-before", "500 Internal Server Error", told, false),
        ("500-after", "500 Internal Server Error", told, true),
        ("503-before", "503 Service Unavailable", told, false),
        ("429-after:7", "429 Too Many Requests", told, true),
        ("html-before:200", "200 OK", "<html>\n<head><title>200 OK", false),
        ("html-after", "502 Bad Gateway", "<html>\n<head><title>502 Bad Gateway", true),
        ("shape-before", "200 OK", unexpected, false),
        ("shape-after", "200 OK", unexpected, true),
        ("truncated-before", "200 OK", "{\"data", false),
        ("truncated-after", "200 OK", keys, true),
        ("expire", "401 Unauthorized", r#"{"data":"Unauthorized"}"#, false),
        ("stop-before", "", "", false),
        ("stop-after", "", "", true),
        (r#"behind:{"detach":{"user":"carol"}}"#, "200 OK", keys, true),
    ] {
        let cluster = faulty(&[&format!("write:1={fault}")]).await;
        let seen = cluster.attach().await;
        assert_eq!((seen.status.as_str(), seen.end), (status, End::Closed), "{fault}");
        assert!(seen.body.starts_with(body), "{fault}: {}", seen.body);
        assert_eq!(cluster.held("bob").is_some(), applied, "{fault}");
        assert_eq!(cluster.held("carol").is_some(), !fault.starts_with("behind"), "{fault}");
        let json = serde_json::from_str::<Value>(&seen.body).is_ok();
        assert_eq!(json, !["", "<"].contains(&&seen.body[..seen.body.len().min(1)]) && !fault.starts_with("trunc"));
        assert_eq!(seen.head.contains("content-type: text/html"), fault.starts_with("html"), "{fault}");
        assert_eq!(seen.head.contains("retry-after: 7"), fault.ends_with(":7"), "{fault}");
        let event = cluster.running.events().pop().unwrap();
        assert_eq!((event.seq, event.faults), (2, vec![fault.parse::<Fault>().unwrap()]));
        assert_eq!((event.applied, event.change.is_some()), (applied, applied), "{fault}");
        assert_eq!(event.status.map(|status| status.to_string()).unwrap_or_default(), status[..status.len().min(3)]);
    }
}

#[tokio::test]
async fn a_reset_comes_in_the_middle_of_the_body() {
    let whole = faulty(&[]).await.attach().await;
    assert_eq!((whole.status.as_str(), whole.end), ("200 OK", End::Closed));
    let cluster = faulty(&["write:1=reset"]).await;
    let seen = cluster.attach().await;
    assert_eq!((seen.status.as_str(), seen.end), ("200 OK", End::Reset));
    assert!(seen.head.contains(&format!("content-length: {}", whole.body.len())), "{}", seen.head);
    assert_eq!(seen.body, whole.body[..whole.body.len() / 2]);
    assert_eq!(cluster.held("bob").as_deref(), Some("readwrite"));
}

#[tokio::test]
async fn under_tls_connections_are_cut_as_well() {
    let mut options = Options::in_memory(ClusterState::default());
    options.tls = true;
    options.faults = parse(&["call:2=drop", "call:3=reset"]);
    let running = start(options).await.unwrap();
    let client = client_that_trusts(running.certificate_pem());
    let url = format!("{}/api/v2/cluster", running.url());
    let get = || async { client.get(&url).send().await };
    assert_eq!(get().await.unwrap().status(), 401);
    let dropped = get().await.unwrap_err();
    assert!(dropped.is_request() && !dropped.is_connect(), "{dropped:?}");
    let response = get().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.bytes().await.is_err());
    assert_eq!(get().await.unwrap().status(), 401);
    assert_eq!(running.requests(), 4, "nothing was sent again by the client library");
}

#[tokio::test]
async fn an_expired_token_stays_expired() {
    let mut cluster = faulty(&["GET /users=expire"]).await;
    let status = async |cluster: &TestCluster, path| cluster.send("GET", path, None).await.status;
    assert_eq!(status(&cluster, "/cluster").await, "200 OK");
    assert_eq!(status(&cluster, "/users").await, "401 Unauthorized");
    assert_eq!(status(&cluster, "/cluster").await, "401 Unauthorized");
    cluster.log_in("admin", "admin", "Root").await;
    assert_eq!(status(&cluster, "/cluster").await, "200 OK");
    let login = json!({"username":"admin","password":"admin"});
    let tokens: Value = serde_json::from_str(&cluster.send("POST", "/login", Some(&login)).await.body).unwrap();
    let refresh = json!({"refresh_token": tokens["data"]["refresh_token"]});
    cluster.running.set_faults(&parse(&["call:1=expire"]));
    for _ in 0..2 {
        assert_eq!(cluster.send("POST", "/login/refresh", Some(&refresh)).await.status, "401 Unauthorized");
    }
}

#[tokio::test]
async fn a_login_can_fail_as_any_call() {
    for (fault, tokens) in [("call:1=drop-after", 0), ("POST /login,times=1=503", 0), ("call:2=503", 1)] {
        let cluster = faulty(&[fault]).await;
        assert_eq!(usize::from(!cluster.token.is_empty()), tokens, "{fault}");
        assert_eq!(cluster.running.events()[0].faults.len(), 1 - tokens, "{fault}");
    }
}

#[tokio::test]
async fn a_cluster_that_stops_is_gone_for_all() {
    let cluster = faulty(&["write:1=stop-after"]).await;
    let mut idle = TcpStream::connect(cluster.address()).await.unwrap();
    assert_eq!(cluster.attach().await.end, End::Closed);
    assert_eq!(read(&mut idle).await.status, "");
    let refused = TcpStream::connect(cluster.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(cluster.held("bob").as_deref(), Some("readwrite"));
    cluster.running.stopped().await;
    assert_eq!(cluster.running.until(std::future::pending::<()>()).await, EndReason::Fault);
}

#[tokio::test]
async fn a_client_is_killed_at_the_call_and_the_cluster_goes_on() {
    for applied in Applied::BOTH {
        let killed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&killed);
        let cluster = with(|options| {
            options.faults = FaultRules::one("write:1".parse().unwrap(), Fault::Kill(applied));
            options.on_kill = Some(KillHook::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }));
        })
        .await;
        let seen = cluster.attach().await;
        assert_eq!((seen.status.as_str(), seen.end), ("", End::Closed));
        assert_eq!((killed.load(Ordering::Relaxed), cluster.held("bob").is_some()), (1, applied == Applied::Yes));
        assert_eq!(cluster.attach().await.status, "200 OK");
    }
}

#[tokio::test]
async fn a_call_is_executed_even_if_the_client_leaves() {
    let delay = Duration::from_millis(5);
    let cluster = faulty(&["write:1=delay:5ms"]).await;
    let body = r#"{"policy_name":"readwrite","user_name":"bob"}"#;
    let mut stream = TcpStream::connect(cluster.address()).await.unwrap();
    let begun = Instant::now();
    stream.write_all(cluster.request("POST", "/s3/policies/attach", body).as_bytes()).await.unwrap();
    drop(stream);
    while cluster.held("bob").is_none() {
        tokio::task::yield_now().await;
    }
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn every_state_is_kept_with_who_made_it() {
    let cluster = faulty(&[r#"write:2=behind:{"attach":{"policy":"writeonly","user":"carol"}}"#]).await;
    cluster.attach().await;
    cluster.send("POST", "/s3/policies/detach", Some(&json!({"user_name":"bob"}))).await;
    cluster.send("POST", "/s3/policies/detach", Some(&json!({"user_name":"bob"}))).await;
    let events = cluster.running.events();
    let applied: Vec<bool> = events.iter().map(|event| event.applied).collect();
    assert_eq!(applied, [true, true, true, false], "the login, and bob can be detached once");
    let history = history(&events);
    let access = |state: &ClusterState, user| state.access_of("Root", user).map(|document| document.contains("s3:*"));
    let told = history.iter().map(|(event, change)| {
        let is_own = event.change.as_ref().is_some_and(|own| own.number == change.number);
        (event.seq, is_own, access(&change.after, "bob"), access(&change.after, "carol"))
    });
    let (all, some) = (Some(true), Some(false));
    assert!(told.eq([(2, true, all, some), (3, false, all, some), (3, true, None, some)]), "{history:?}");
    assert!(history.windows(2).all(|pair| pair[0].1.after == pair[1].1.before));
}

#[tokio::test]
async fn a_secret_is_sent_or_lost() {
    for (fault, sent) in [("call:99=drop", true), ("write:1=drop-after", false), ("write:1=500-after", false)] {
        let cluster = faulty(&[fault]).await;
        cluster.attach().await;
        cluster.attach().await;
        let shown: Vec<_> = cluster.running.events().iter().flat_map(crate::sim::Event::shown_keys).collect();
        let [shown] = shown.as_slice() else { panic!("{shown:?}") };
        assert_eq!((shown.user.as_str(), shown.sent), ("bob", sent));
        assert_eq!(cluster.running.state().unwrap().tenants["Root"].users["bob"].keys.as_ref(), Some(&shown.keys));
    }
    let cluster = with(|options| options.switches = vec!["attach_shows_keys=false".to_owned()]).await;
    cluster.attach().await;
    assert!(cluster.running.events().iter().all(|event| event.shown_keys().is_empty()));
}
