//! The server itself: the file behind it, TLS, the log, stopping.

use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

use super::super::{Options, start};
use super::{TestCluster, client_that_trusts};

#[tokio::test]
async fn the_file_is_the_state() {
    let cluster = TestCluster::new("5.1").await;
    std::fs::write(&cluster.state, r#"{"name":"peter"}"#).unwrap();
    assert_eq!(cluster.get("/cluster").await.1["data"]["name"], "peter");
    std::fs::write(&cluster.state, "{").unwrap();
    let (status, answer) = cluster.get("/cluster").await;
    assert_eq!(status, 500);
    assert!(answer["message"].as_str().unwrap().contains("cluster.json"), "{answer}");
}

#[tokio::test]
async fn a_missing_state_file_is_created_with_the_options() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.json");
    let mut options = Options::new(&path);
    options.release = Some("4.4".parse().unwrap());
    options.switches = vec!["remove_attached=allow".to_owned()];
    let running = start(options.clone()).await.unwrap();
    assert_eq!(running.admin_login(), ("admin".to_owned(), "admin".to_owned()));
    running.stop().await;
    options.release = None;
    options.switches = vec!["attach_over=refuse".to_owned()];
    drop(start(options.clone()).await.unwrap());
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&state["format"], &state["release"]), (&json!("attune.sim/1"), &json!("4.4.8")));
    assert_eq!(state["switches"]["remove_attached"], "allow");
    assert_eq!(state["switches"]["attach_over"], "refuse");
}

#[tokio::test]
async fn a_failed_start_has_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.json");
    let good = Options::new(&path);
    let refused = async |options: Options| start(options).await.unwrap_err();
    let error = refused(Options::new(folder.path().join("no/c.json"))).await;
    assert!(error.to_string().contains("its directory must exist"), "{error}");
    let error = refused(Options { switches: vec!["colour=red".to_owned()], ..good.clone() }).await;
    assert!(error.to_string().contains("`colour=red` is not a switch"), "{error}");
    let error = refused(Options { log: Some(folder.path().join("no/log")), ..good.clone() }).await;
    assert!(error.to_string().starts_with("the log "), "{error}");
    let running = start(good.clone()).await.unwrap();
    let listen = running.url().trim_start_matches("http://").parse().unwrap();
    let error = refused(Options { listen, ..good.clone() }).await;
    assert!(error.to_string().contains("cannot listen on"), "{error}");
    std::fs::write(&path, "{\n\"release\": \"9.9\"}").unwrap();
    let error = refused(good).await.to_string();
    assert!(error.contains("does not know the release `9.9`") && error.contains("line 2"), "{error}");
}

#[tokio::test]
async fn tls_needs_a_trusted_certificate_and_a_client_without_a_handshake_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(Options { tls: true, ..Options::new(folder.path().join("c.json")) }).await.unwrap();
    let url = format!("{}/api/v2/cluster", running.url());
    assert!(url.starts_with("https://127.0.0.1:"));
    let _silent = TcpStream::connect(running.url().trim_start_matches("https://")).await.unwrap();
    let certificate = CertificateDer::from_pem_slice(running.certificate_pem().unwrap().as_bytes()).unwrap();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&certificate)));
    assert_eq!(running.fingerprint(), Some(digest.as_str()));
    assert!(client_that_trusts(None).get(&url).send().await.unwrap_err().is_connect());
    assert_eq!(client_that_trusts(running.certificate_pem()).get(&url).send().await.unwrap().status(), 401);
    assert_eq!(running.requests(), 1);
    running.stop().await;
}

#[tokio::test]
async fn the_log_has_each_request_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let cluster = TestCluster::with("5.1", "{}", |options| {
        options.log = Some(log.clone());
        options.faults = super::faults::parse(&["call:4=delay:1ms", "call:4=html-after"]);
    })
    .await;
    let _idle = TcpStream::connect(cluster.address()).await.unwrap();
    cluster.get("/users?org=Root").await;
    cluster.send("DELETE", "/s3/policies/a%20b", None).await;
    cluster.send("GET", "/cluster", None).await;
    let text = std::fs::read_to_string(&log).unwrap();
    let expected = [
        r#"{"seq":1,"connection":1,"method":"POST","path":"/api/v2/login","status":200}"#,
        r#"{"seq":2,"connection":3,"method":"GET","path":"/api/v2/users","status":200}"#,
        r#"{"seq":3,"connection":4,"method":"DELETE","path":"/api/v2/s3/policies/a%20b","status":400}"#,
        r#"{"seq":4,"connection":5,"method":"GET","path":"/api/v2/cluster","status":502,"faults":["delay","html-after"]}"#,
    ];
    assert!(text.lines().eq(expected), "{text}");
}

#[tokio::test]
async fn each_request_takes_the_latency() {
    let latency = Duration::from_millis(20);
    let cluster = TestCluster::with("5.1", "{}", |options| options.latency = latency).await;
    let begun = Instant::now();
    assert_eq!(cluster.get("/cluster").await.0, 200);
    assert!(begun.elapsed() >= latency);
    assert_eq!(cluster.running.requests(), 2);
}

#[tokio::test]
async fn it_stops_on_request_and_when_dropped() {
    let (told, dropped) = (TestCluster::new("5.1").await, TestCluster::new("5.1").await);
    let address = told.address().to_owned();
    told.running.until(async {}).await;
    assert!(TcpStream::connect(address).await.is_err());
    let address = dropped.address().to_owned();
    drop(dropped.running);
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
