//! The simulated cluster over a real socket.

mod calls;
mod docs;
mod faults;
mod server;
mod strict;

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
        world.log_in("admin", "admin", "Root").await;
        world
    }

    async fn log_in(&mut self, user: &str, password: &str, tenant: &str) {
        let (_, answer) = self.post("/login", &json!({"username":user,"password":password,"org":tenant})).await;
        let tokens = if answer["data"].is_array() { &answer["data"][0] } else { &answer["data"] };
        tokens["access_token"].as_str().unwrap().clone_into(&mut self.token);
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
    client_that_trusts(rustls::RootCertStore::empty())
}

fn client_that_trusts(roots: rustls::RootCertStore) -> Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn content() -> Value {
    serde_json::from_str(POLICY).unwrap()
}
