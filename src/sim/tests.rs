//! The simulated cluster over a real socket.

use std::path::PathBuf;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Options, Running, SimRelease, start};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::ml/*"],"Sid":""}]}"#;

/// A running cluster, and a client that is logged in.
struct World {
    running: Running,
    client: Client,
    token: String,
    state: PathBuf,
    _folder: TempDir,
}

impl World {
    async fn new(release: &str) -> Self {
        Self::with(release, "{}", |_| {}).await
    }

    async fn with(release: &str, state: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        std::fs::write(&path, state).unwrap();
        let mut options = Options::new(&path);
        options.release = Some(release.parse::<SimRelease>().unwrap());
        change(&mut options);
        let running = start(options).await.unwrap();
        let mut world = Self { running, client: client(), token: String::new(), state: path, _folder: folder };
        let (_, answer) = world.post("/login", &json!({"username":"admin","password":"admin","org":"Root"})).await;
        let tokens = if answer["data"].is_array() { &answer["data"][0] } else { &answer["data"] };
        world.token = tokens["access_token"].as_str().unwrap_or_default().to_owned();
        world
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.client.request(method, format!("{}/api/v2{path}", self.running.url()));
        let request = request.bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, None).await
    }
}

fn client() -> Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn content() -> Value {
    serde_json::from_str(POLICY).unwrap()
}

#[tokio::test]
async fn a_policy_goes_from_add_to_remove_on_every_release() {
    for release in ["3.14", "4.0", "4.4", "5.1"] {
        let world = World::new(release).await;
        let ok = (200, json!({ "data": null }));
        let user = json!({"username":"alice","password":"StrongPass111","role":"S3","posix_uid":10,"posix_gid":10});
        let (status, added) = world.post("/users", &user).await;
        assert_eq!((status, &added["data"]["username"]), (200, &json!("alice")), "{release}");
        let add = json!({"policy_name":"ml","policy_file_content":content()});
        assert_eq!(world.post("/s3/policies", &add).await, ok, "{release}");
        let (status, _) = world.post("/s3/policies/attach", &json!({"policy_name":"ml","user_name":"alice"})).await;
        assert_eq!(status, 200, "{release}");
        let (_, shown) = world.get("/s3/policies/ml").await;
        assert_eq!(shown, json!({"data":{"policy":{"name":"ml","content":content()}}}), "{release}");
        assert_eq!(world.delete("/s3/policies/ml").await.0, 400, "{release}");
        assert_eq!(world.post("/s3/policies/detach", &json!({"user_name":"alice"})).await, ok, "{release}");
        assert_eq!(world.delete("/s3/policies/ml").await, ok, "{release}");
        let (_, list) = world.get("/s3/policies").await;
        assert_eq!(list, json!({"data":{"policies":["readonly","readwrite","writeonly"]}}), "{release}");
        let uid = added["data"]["uid"].as_str().unwrap();
        assert_eq!(world.delete(&format!("/users/{uid}")).await, ok, "{release}");
        assert_eq!(world.delete(&format!("/users/{uid}")).await.0, 404, "{release}");
        world.running.stop().await;
    }
}

#[tokio::test]
async fn what_a_release_does_not_tell_is_not_told() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{"policy":"readonly","posix_uid":7}}}}}"#;
    for (release, uid, held, posix, policy) in [
        ("3.14", false, false, false, false),
        ("4.0", true, true, false, false),
        ("4.4", true, true, true, true),
        ("5.1", true, true, true, true),
    ] {
        let world = World::with(release, state, |_| {}).await;
        let (_, me) = world.get("/users/whoami").await;
        assert_eq!(me["data"]["uid"].is_string(), uid, "{release}");
        let (status, answer) = world.get("/s3/userPolicies").await;
        assert_eq!(status == 200, held, "{release}");
        assert_eq!(answer["data"]["users"]["alice"] == "readonly", held, "{release}");
        let (_, users) = world.get("/users").await;
        let alice = users["data"].as_array().unwrap().iter().find(|user| user["username"] == "alice").unwrap();
        assert_eq!(alice["posix_uid"] == 7, posix, "{release}");
        assert_eq!(alice["policy"] == "readonly", policy, "{release}");
        let (_, cluster) = world.get("/cluster").await;
        assert!(cluster["data"]["release"].as_str().unwrap().starts_with(release));
        assert_eq!(cluster["data"]["name"], "stewie");
    }
}

#[tokio::test]
async fn without_a_token_that_holds_nothing_is_answered() {
    let mut world = World::with("5.1", "{}", |options| options.token_uses = Some(1)).await;
    assert_eq!(world.get("/users").await.0, 200);
    let unauthorized = (401, json!({"data":"Unauthorized"}));
    assert_eq!(world.get("/users").await, unauthorized);
    world.token = "eyJ.x.y".to_owned();
    assert_eq!(world.get("/users").await, unauthorized);
    assert_eq!(world.post("/s3/policies", &json!({"nonsense":1})).await, unauthorized);
    assert_eq!(world.post("/login", &json!({"username":"admin","password":"x"})).await, unauthorized);
    let bare = world.client.get(format!("{}/api/v2/users", world.running.url())).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_gives_a_new_access_token() {
    for release in ["3.14", "5.1"] {
        let mut world = World::with(release, "{}", |options| options.token_uses = Some(1)).await;
        let (_, answer) = world.post("/login", &json!({"username":"admin","password":"admin"})).await;
        let tokens = if release == "3.14" { answer["data"][0].clone() } else { answer["data"].clone() };
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let (status, again) = world.post("/login/refresh", &json!({"refresh_token":tokens["refresh_token"]})).await;
        assert_eq!(status, 200);
        let again = if release == "3.14" { &again["data"][0] } else { &again["data"] };
        world.token = again["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.get("/users").await.0, 200);
        assert_eq!(world.post("/login/refresh", &json!({"refresh_token":"x"})).await.0, 401);
    }
}

#[tokio::test]
async fn a_key_pair_is_shown_by_the_first_attach_and_never_again() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{}}}}}"#;
    let world = World::with("5.1", state, |_| {}).await;
    let attach = json!({"policy_name":"readonly","user_name":"alice"});
    let (_, first) = world.post("/s3/policies/attach", &attach).await;
    assert!(first["data"]["access_key"].is_string());
    assert_eq!(first["data"]["secret_key"].as_str().unwrap().len(), 40);
    assert_eq!(world.post("/s3/policies/attach", &attach).await, (200, json!({"data":null})));
    let wish =
        json!({"access_key":first["data"]["access_key"],"secret_key":first["data"]["secret_key"],"duration":900});
    let (status, given) = world.post("/s3/sts", &wish).await;
    assert_eq!(status, 200);
    assert!(given["session_token"].is_string());
}

#[tokio::test]
async fn the_file_is_the_state() {
    let world = World::new("5.1").await;
    std::fs::write(&world.state, r#"{"name":"peter"}"#).unwrap();
    assert_eq!(world.get("/cluster").await.1["data"]["name"], "peter");
    std::fs::write(&world.state, "{").unwrap();
    let (status, answer) = world.get("/cluster").await;
    assert_eq!(status, 500);
    assert!(answer["message"].as_str().unwrap().contains("cluster.json"), "{answer}");
}
