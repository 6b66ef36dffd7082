//! The simulated cluster over a real socket: what the calls answer, by release and by switch, and that the documentation
//! of the simulator is true.

mod faults;
mod server;
mod several;

use std::io::ErrorKind;
use std::path::PathBuf;

use reqwest::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::state::ClusterState;
use super::{Fault, FaultRule, Options, Running, Switches, Trigger, start};

const PAGE: &str = include_str!("../../../docs/simulator.md");
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::ml/*"],"Sid":""}]}"#;

/// A cluster with its state in a file. Its requests are sent byte for byte, each over its own connection.
struct TestCluster {
    running: Running,
    token: String,
    state: PathBuf,
    _folder: TempDir,
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: String,
    head: String,
    body: String,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

impl TestCluster {
    async fn new(release: &str) -> Self {
        Self::with(release, "{}", |_| {}).await
    }

    async fn with(release: &str, state: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        std::fs::write(&path, state).unwrap();
        let mut options = Options { release: Some(release.parse().unwrap()), record: true, ..Options::new(&path) };
        change(&mut options);
        let running = start(options).await.unwrap();
        let mut cluster = Self { running, token: String::new(), state: path, _folder: folder };
        cluster.log_in("admin", "admin", "Root").await;
        cluster
    }

    async fn log_in(&mut self, user: &str, password: &str, tenant: &str) {
        let answer =
            self.send("POST", "/login", Some(&json!({"username":user,"password":password,"org":tenant}))).await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let tokens = if answer["data"].is_array() { &answer["data"][0] } else { &answer["data"] };
        tokens["access_token"].as_str().unwrap_or_default().clone_into(&mut self.token);
    }

    fn address(&self) -> &str {
        self.running.url().trim_start_matches("http://")
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let (token, length) = (&self.token, body.len());
        format!(
            "{method} /api/v2{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    async fn send_raw(&self, request: &str) -> Seen {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        read(&mut stream).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Seen {
        self.send_raw(&self.request(method, path, &body.map(Value::to_string).unwrap_or_default())).await
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let seen = self.send(method, path, body).await;
        (seen.status[..3].parse().unwrap(), serde_json::from_str(&seen.body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("POST", path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, None).await
    }
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let end = match stream.read_to_end(&mut bytes).await {
        Ok(_) => End::Closed,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            End::Reset
        }
    };
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
    Seen { status, head: head.to_owned(), body: body.to_owned(), end }
}

/// A client that trusts a certificate in PEM form, or none.
fn client_that_trusts(certificate: Option<&str>) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn content() -> Value {
    serde_json::from_str(POLICY).unwrap()
}

#[tokio::test]
async fn a_policy_goes_from_add_to_remove_on_every_release() {
    for release in ["3.14", "4.0", "4.4", "5.1"] {
        let cluster = TestCluster::new(release).await;
        let ok = (200, json!({ "data": null }));
        let user = json!({"username":"alice","password":"StrongPass111","role":"S3","posix_uid":10,"posix_gid":10});
        let (status, added) = cluster.post("/users", &user).await;
        assert_eq!((status, &added["data"]["username"]), (200, &json!("alice")), "{release}");
        let add = json!({"policy_name":"ml","policy_file_content":content()});
        assert_eq!(cluster.post("/s3/policies", &add).await, ok, "{release}");
        let (status, _) = cluster.post("/s3/policies/attach", &json!({"policy_name":"ml","user_name":"alice"})).await;
        assert_eq!(status, 200, "{release}");
        let (_, shown) = cluster.get("/s3/policies/ml").await;
        assert_eq!(shown, json!({"data":{"policy":{"name":"ml","content":content()}}}), "{release}");
        assert_eq!(cluster.delete("/s3/policies/ml").await.0, 400, "{release}");
        assert_eq!(cluster.post("/s3/policies/detach", &json!({"user_name":"alice"})).await, ok, "{release}");
        assert_eq!(cluster.delete("/s3/policies/ml").await, ok, "{release}");
        let (_, list) = cluster.get("/s3/policies").await;
        assert_eq!(list, json!({"data":{"policies":["readonly","readwrite","writeonly"]}}), "{release}");
        let uid = added["data"]["uid"].as_str().unwrap();
        assert_eq!(cluster.delete(&format!("/users/{uid}")).await, ok, "{release}");
        assert_eq!(cluster.delete(&format!("/users/{uid}")).await.0, 404, "{release}");
        cluster.running.stop().await;
    }
}

#[tokio::test]
async fn a_release_answers_only_with_the_fields_it_has() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{"policy":"readonly","posix_uid":7}}}}}"#;
    for (release, uid, held, posix, policy) in [
        ("3.14", false, false, false, false),
        ("4.0", true, true, false, false),
        ("4.4", true, true, true, true),
        ("5.1", true, true, true, true),
    ] {
        let cluster = TestCluster::with(release, state, |_| {}).await;
        let (_, me) = cluster.get("/users/whoami").await;
        assert_eq!(me["data"]["uid"].is_string(), uid, "{release}");
        let (status, answer) = cluster.get("/s3/userPolicies").await;
        assert_eq!(status == 200, held, "{release}");
        assert_eq!(answer["data"]["users"]["alice"] == "readonly", held, "{release}");
        let (_, users) = cluster.get("/users").await;
        let alice = users["data"].as_array().unwrap().iter().find(|user| user["username"] == "alice").unwrap();
        assert_eq!(alice["posix_uid"] == 7, posix, "{release}");
        assert_eq!(alice["policy"] == "readonly", policy, "{release}");
        let (_, about) = cluster.get("/cluster").await;
        assert!(about["data"]["release"].as_str().unwrap().starts_with(release));
        assert_eq!(about["data"]["name"], "stewie");
    }
}

#[tokio::test]
async fn calls_without_a_valid_token_are_unauthorized() {
    let mut cluster = TestCluster::with("5.1", "{}", |options| options.token_uses = Some(1)).await;
    assert_eq!(cluster.get("/users").await.0, 200);
    let unauthorized = (401, json!({"data":"Unauthorized"}));
    assert_eq!(cluster.get("/users").await, unauthorized);
    cluster.token = "eyJ.x.y".to_owned();
    assert_eq!(cluster.get("/users").await, unauthorized);
    assert_eq!(cluster.post("/s3/policies", &json!({"nonsense":1})).await, unauthorized);
    assert_eq!(cluster.post("/login", &json!({"username":"admin","password":"x"})).await, unauthorized);
    let bare = cluster.request("GET", "/users", "").replace("authorization", "x");
    assert_eq!(cluster.send_raw(&bare).await.status, "401 Unauthorized");
}

#[tokio::test]
async fn a_refresh_token_gives_a_new_access_token() {
    for (release, in_array) in [("3.14", false), ("3.14", true), ("5.1", false)] {
        let mut cluster = TestCluster::with(release, "{}", |options| {
            options.token_uses = Some(1);
            options.switches = vec![format!("login_in_array={in_array}")];
        })
        .await;
        let (_, answer) = cluster.post("/login", &json!({"username":"admin","password":"admin"})).await;
        let tokens = if in_array { answer["data"][0].clone() } else { answer["data"].clone() };
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let (status, again) = cluster.post("/login/refresh", &json!({"refresh_token":tokens["refresh_token"]})).await;
        assert_eq!(status, 200);
        let again = if in_array { &again["data"][0] } else { &again["data"] };
        cluster.token = again["access_token"].as_str().unwrap().to_owned();
        assert_eq!(cluster.get("/users").await.0, 200);
        assert_eq!(cluster.post("/login/refresh", &json!({"refresh_token":"x"})).await.0, 401);
    }
}

#[tokio::test]
async fn switches_change_the_shapes_of_answers() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{"policy":"readonly"},"bob":{}}}}}"#;
    let list = |shape: &str| format!("list_shape={shape}");
    for (shape, expected) in [
        ("objects", json!({"data":{"policies":[{"name":"readonly"},{"name":"readwrite"},{"name":"writeonly"}]}})),
        ("bare_names", json!({"data":["readonly","readwrite","writeonly"]})),
        ("bare_objects", json!({"data":[{"name":"readonly"},{"name":"readwrite"},{"name":"writeonly"}]})),
    ] {
        let cluster = TestCluster::with("5.1", "{}", |options| options.switches = vec![list(shape)]).await;
        assert_eq!(cluster.get("/s3/policies").await.1, expected);
    }
    let settings = ["content_as_string=true", "user_policies_bare=true", "attach_shows_keys=false", "sts_in_data=true"];
    let cluster =
        TestCluster::with("5.1", state, |options| options.switches = settings.map(str::to_owned).to_vec()).await;
    let (_, shown) = cluster.get("/s3/policies/readwrite").await;
    let text = shown["data"]["policy"]["content"].as_str().unwrap();
    assert!(text.starts_with(r#"{"Version":"2012-10-17","#), "{text}");
    let (_, held) = cluster.get("/s3/userPolicies").await;
    assert_eq!(held, json!({"users":{"alice":"readonly","bob":""}}));
    let attach = json!({"policy_name":"readonly","user_name":"bob"});
    assert_eq!(cluster.post("/s3/policies/attach", &attach).await, (200, json!({"data":null})));
    let state = std::fs::read_to_string(&cluster.state).unwrap();
    assert!(state.contains("secret_key") && state.contains("\"content_as_string\": true"), "{state}");
}

#[tokio::test]
async fn a_document_comes_back_as_it_was_sent() {
    let cluster = TestCluster::new("5.1").await;
    let document = r#"{"Statement":[{"Sid":"\u0061 b","Resource":"*","Effect":"Deny","Action":"s3:*","X":1.50}],"Version":"2012-10-17"}"#;
    let spaced = document.replace(',', " ,\n ");
    let body = format!(r#"{{"policy_name":"ü /?","policy_file_content":{spaced}}}"#);
    assert_eq!(cluster.send_raw(&cluster.request("POST", "/s3/policies", &body)).await.status, "200 OK");
    let shown = cluster.send("GET", "/s3/policies/%C3%BC%20%2F%3F", None).await;
    assert_eq!(shown.body, format!(r#"{{"data":{{"policy":{{"name":"ü /?","content":{document}}}}}}}"#));
}

#[tokio::test]
async fn tenants_are_isolated() {
    let state = r#"{"tenants":{"lab":{"users":{"boss":{"role":"TenantAdmin","password":"Boss-1234"}}}}}"#;
    let mut cluster = TestCluster::with("5.1", state, |_| {}).await;
    let (_, tenants) = cluster.get("/tenants").await;
    assert_eq!((&tenants["data"][0]["name"], &tenants["data"][1]["id"]), (&json!("Root"), &json!(1)));
    let uid = tenants["data"][1]["uid"].as_str().unwrap().to_owned();
    assert_eq!(cluster.get(&format!("/organizations/{uid}")).await.1["data"]["name"], "lab");
    assert_eq!(cluster.get("/organizations/x").await.0, 404);
    assert_eq!(cluster.get("/users?org=lab").await.1["data"][0]["username"], "boss");
    assert_eq!(cluster.get("/users?include_tenants=true").await.1["data"].as_array().unwrap().len(), 2);
    let user = json!({"username":"carol","password":"StrongPass111","role":"S3","org":"1"});
    assert_eq!(cluster.post("/users", &user).await.1["data"]["org_id"], 1);
    cluster.log_in("boss", "Boss-1234", "lab").await;
    let (_, me) = cluster.get("/users/whoami").await;
    assert_eq!((&me["data"]["org_name"], &me["data"]["role"]), (&json!("lab"), &json!("TenantAdmin")));
    assert_eq!(cluster.get("/users?org=Root").await.0, 403);
    assert_eq!(cluster.delete("/s3").await.0, 403);
    let attach = json!({"policy_name":"readonly","user_name":"carol"});
    let (_, keys) = cluster.post("/s3/policies/attach", &attach).await;
    assert!(keys["data"]["access_key"].as_str().unwrap().starts_with("0001"), "{keys}");
}

fn marked_deleted(cluster: &TestCluster) -> bool {
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&cluster.state).unwrap()).unwrap();
    state["s3_deleted"] == json!(true)
}

#[tokio::test]
async fn bodies_and_queries_are_read_strictly() {
    let cluster = TestCluster::new("5.1").await;
    let path = "/s3/policies/attach";
    let (status, answer) = cluster.post(path, &json!({"policy":"ml","user":"alice"})).await;
    assert_eq!((status, &answer["data"]["unknown_params"]), (400, &json!(["policy", "user"])));
    assert_eq!(cluster.get("/users?tenant=x").await.0, 400);
    let plain =
        cluster.request("POST", path, r#"{"policy_name":"ml","user_name":"alice"}"#).replace("content-type", "x");
    assert!(cluster.send_raw(&plain).await.body.contains("content type"));
}

#[tokio::test]
async fn dots_in_a_path_reach_the_call_that_deletes_s3() {
    let cluster = TestCluster::new("5.1").await;
    assert_eq!(cluster.delete("/s3/policies/%2e%2e").await.0, 400);
    assert!(!marked_deleted(&cluster));
    assert_eq!(cluster.delete("/s3/policies/..").await.0, 200);
    assert!(marked_deleted(&cluster));
    for path in ["/s3", "/s3/policies", "/s3/policies/readonly", "/s3/userPolicies"] {
        assert_eq!(cluster.get(path).await.0, 400, "{path}");
    }
    assert_eq!(cluster.post("/s3/policies/detach", &json!({"user_name":"a"})).await.0, 400);
    assert_eq!(cluster.delete("/s3").await.0, 400);
    assert_eq!(cluster.get("/users").await.0, 200);
}

#[test]
fn the_state_file_in_the_documentation_is_valid() {
    let (_, rest) = PAGE.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let state: ClusterState = serde_json::from_str(example).unwrap();
    state.complete().unwrap();
}

#[test]
fn every_switch_is_listed_with_its_default_first() {
    let Value::Object(switches) = serde_json::to_value(Switches::default()).unwrap() else { panic!() };
    for (name, value) in switches {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(PAGE.contains(&format!("| `{name}` | `{value}`, ")), "{name}, {value}");
    }
}

/// The texts in backticks in the first column of the table with this head.
fn first_column(head: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(&format!("| {head} |")).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_fault_is_listed_and_what_is_listed_is_one() {
    for when in first_column("when") {
        when.parse::<Trigger>().unwrap_or_else(|problem| panic!("{problem}"));
    }
    let listed = first_column("fault");
    for fault in &listed {
        fault.parse::<Fault>().unwrap_or_else(|problem| panic!("{problem}"));
    }
    let named = |fault: &Fault| listed.iter().any(|text| text.split(':').next() == Some(fault.name().as_str()));
    let others = |fault: &Fault| matches!(fault, Fault::Status { .. } | Fault::Kill(_));
    for fault in Fault::all().iter().filter(|fault| !others(fault)) {
        assert!(named(fault), "{fault} is not listed");
    }
    let rules = PAGE.split("--fault ").skip(1).filter_map(|text| text.split([' ', '\n', '`']).next());
    let rules: Vec<&str> = rules.filter(|rule| rule.contains(":3=")).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.parse::<FaultRule>().is_ok()), "{rules:?}");
}
