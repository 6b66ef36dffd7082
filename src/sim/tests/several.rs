//! Several clusters at one address: which one a request reaches, and that each is a cluster of its own.

use std::collections::BTreeSet;

use reqwest::Client;
use serde_json::{Value, json};

use super::super::state::ClusterState;
use super::super::{FaultRules, Options, Running, SimError, start};
use super::client_that_trusts;
use super::faults::parse;

/// Clusters in memory with these names.
fn of(names: &[&str]) -> Options {
    Options::several(names.iter().map(|name| ((*name).to_owned(), ClusterState::default())))
}

/// One that sends requests below a URL, with this `Host` if there is one.
struct Caller<'r> {
    client: Client,
    url: String,
    host: Option<&'r str>,
}

impl<'r> Caller<'r> {
    /// One for the cluster that the path names.
    fn by_path(running: &Running, name: &str) -> Self {
        Self { client: client_that_trusts(None), url: format!("{}/{name}", running.url()), host: None }
    }

    fn by_host(running: &Running, host: &'r str) -> Self {
        Self { client: client_that_trusts(None), url: running.url().to_owned(), host: Some(host) }
    }

    async fn call(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/api/v2{path}", self.url);
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(host) = self.host {
            request = request.header("host", host);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn log_in(&self, password: &str) -> (u16, String) {
        let login = json!({ "username": "admin", "password": password });
        let (status, answer) = self.call("POST", "/login", "", Some(login)).await;
        (status, answer["data"]["access_token"].as_str().unwrap_or_default().to_owned())
    }

    async fn name(&self) -> String {
        let (_, token) = self.log_in("admin").await;
        let (_, answer) = self.call("GET", "/cluster", &token, None).await;
        answer["data"]["name"].as_str().unwrap_or_default().to_owned()
    }
}

async fn refused(options: Options) -> String {
    start(options).await.map(drop).map_err(|SimError(why)| why).unwrap_err()
}

#[tokio::test]
async fn host_or_path_select_the_cluster() {
    let running = start(of(&["a", "b-1"])).await.unwrap();
    for (host, name) in
        [("a.localhost", "a"), ("b-1.localhost:14000", "b-1"), ("B-1.sim.example.com", "b-1"), ("a", "a")]
    {
        assert_eq!(Caller::by_host(&running, host).name().await, name, "{host}");
    }
    assert_eq!(Caller::by_path(&running, "b-1").name().await, "b-1");
    for caller in [
        Caller::by_path(&running, "c"),
        Caller::by_path(&running, "A"),
        Caller::by_host(&running, "c.localhost"),
        Caller::by_host(&running, "localhost"),
        Caller::by_host(&running, "[::1]:80"),
    ] {
        let (status, answer) = caller.call("POST", "/login", "", Some(json!({}))).await;
        assert_eq!(status, 404);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("There are 2, for example `a`") && message.contains("NAME.localhost"), "{message}");
    }
}

#[tokio::test]
async fn each_cluster_has_its_own_state_tokens_and_lockouts() {
    let running = start(of(&["a", "b"])).await.unwrap();
    let [a, b] = ["a", "b"].map(|name| Caller::by_path(&running, name));
    let ((_, token), (_, other)) = (a.log_in("admin").await, b.log_in("admin").await);
    assert_eq!(b.call("GET", "/cluster", &token, None).await.0, 401, "a token of the other");
    let new = json!({ "username": "eve", "password": "Secret-1234", "role": "S3" });
    assert_eq!(a.call("POST", "/users", &token, Some(new)).await.0, 200);
    let users = |name: &str| running.cluster(name).unwrap().state().unwrap().tenants["Root"].users.len();
    assert_eq!((users("a"), users("b")), (2, 1));
    for _ in 0..5 {
        a.log_in("wrong").await;
    }
    assert_eq!((a.log_in("admin").await.0, b.log_in("admin").await.0), (403, 200));
    assert_eq!(b.call("GET", "/cluster", &other, None).await.0, 200);
    assert!(running.state().is_err(), "there is no single state");
    let urls: Vec<&str> = running.clusters().iter().map(|cluster| cluster.url()).collect();
    assert!(urls[0].starts_with("http://a.localhost:") && urls[1].starts_with("http://b.localhost:"), "{urls:?}");
}

#[tokio::test]
async fn a_fault_can_be_for_one_cluster_and_stops_no_other() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let faults = parse(&["a:POST /login#1=503", "call:2=refuse:409:here"]);
    let options = Options { faults, log: Some(log.path().to_owned()), record: true, ..of(&["a", "b"]) };
    let running = start(options).await.unwrap();
    let [a, b] = ["a", "b"].map(|name| Caller::by_path(&running, name));
    let statuses = [a.log_in("admin").await.0, b.log_in("admin").await.0, a.log_in("admin").await.0];
    assert_eq!(statuses, [503, 200, 409], "a rule for all counts the calls of each");
    running.set_faults(&parse(&["a:call:1=stop-before"]));
    let login = |of: &Caller| of.client.post(format!("{}/api/v2/login", of.url)).send();
    assert!(login(&a).await.is_err() && login(&a).await.is_err(), "it has stopped");
    assert_eq!(b.name().await, "b");
    running.set_faults(&FaultRules::default());
    assert!(login(&a).await.is_err(), "a cluster that stopped stays so");
    let text = std::fs::read_to_string(log.path()).unwrap();
    let first = r#"{"seq":1,"connection":1,"cluster":"a","method":"POST","path":"/api/v2/login","status":503,"faults":["503-before"]}"#;
    assert_eq!(text.lines().next(), Some(first), "{text}");
    let of_b = running.events().into_iter().filter(|event| event.cluster == "b").count();
    assert_eq!((of_b, running.most_in_flight()), (3, 1));
}

#[tokio::test]
async fn clusters_of_a_directory_keep_their_files_and_get_guids_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let options = || Options { state: super::super::StateSource::Directory(folder.path().to_owned()), ..of(&[]) };
    assert!(refused(options()).await.contains("has no state file"));
    write("a.json", "{}");
    write("b.json", r#"{"name":"peter"}"#);
    write(".a.json.lock", "");
    write("notes.txt", "");
    let running = start(options()).await.unwrap();
    let facts = |name: &str| {
        let state = running.cluster(name).unwrap().state().unwrap();
        (state.name.clone(), state.guid.clone())
    };
    assert_eq!((running.clusters().len(), facts("a").0, facts("b").0), (2, "a".to_owned(), "peter".to_owned()));
    assert_ne!(facts("a").1, facts("b").1);
    write("a.json", r#"{"serial":7}"#);
    assert_eq!(Caller::by_path(&running, "a").name().await, "a", "an edited file has the same default");
    drop(running);
    write("c.json", r#"{"name":"peter"}"#);
    assert!(refused(options()).await.contains("`b` and `c` have the same guid"));
    std::fs::remove_file(folder.path().join("c.json")).unwrap();
    write("B 2.json", "{}");
    assert!(refused(options()).await.contains("lower-case letters"));
    std::fs::remove_file(folder.path().join("B 2.json")).unwrap();
    let error = refused(Options { faults: parse(&["c:call:1=drop"]), ..options() }).await;
    assert!(error.contains("there is no such cluster"), "{error}");
    let error = refused(Options { faults: parse(&["c:call:1=drop"]), ..Options::default() }).await;
    assert!(error.contains("one cluster has no name here"), "{error}");
}

#[tokio::test]
async fn a_thousand_clusters_are_a_thousand_identities_at_one_address() {
    let names: Vec<String> = (0..1000).map(|number| format!("c{number}")).collect();
    let running = start(Options {
        tls: true,
        ..Options::several(names.iter().map(|name| (name.clone(), ClusterState::default())))
    })
    .await
    .unwrap();
    let guids: BTreeSet<String> =
        running.clusters().iter().map(|cluster| cluster.state().unwrap().guid.clone()).collect();
    assert_eq!(guids.len(), 1000);
    let port = running.url().rsplit_once(':').unwrap().1.to_owned();
    let client = client_that_trusts(running.certificate_pem());
    let url = format!("{}/c999/api/v2/cluster", running.url());
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(running.cluster("c7").unwrap().url(), format!("https://c7.localhost:{port}"));
}
