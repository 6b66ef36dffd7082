//! The S3 service of the simulated cluster, over real sockets, with requests that this test signs itself.

mod faults;
mod rules;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use attune::sim::state::ClusterState;
use attune::sim::{self, FaultRules, Options, Running};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::harness::Folder;

const NO_BUCKET: &str = "attune-verify-q7w3e9r1t5y2u8i4o6p0";

/// A client with keys, or without.
#[derive(Debug, Clone, Default)]
struct Client {
    url: String,
    keys: Option<(String, String)>,
    token: Option<String>,
    /// How far its clock is ahead.
    ahead: time::Duration,
}

/// What the service answered: the status, the code of the error, and the body.
#[derive(Debug)]
struct Answer {
    status: u16,
    code: String,
    body: String,
}

impl Answer {
    fn is(&self, status: u16, code: &str) -> bool {
        (self.status, self.code.as_str()) == (status, code)
    }
}

impl Client {
    fn new(running: &Running, keys: Option<(&str, &str)>) -> Self {
        let keys = keys.map(|(access_key, secret_key)| (access_key.to_owned(), secret_key.to_owned()));
        Self { url: running.s3_url().unwrap().to_owned(), keys, ..Self::default() }
    }

    fn of(running: &Running, user: &str) -> Self {
        Self::new(running, Some((&access_key(user), &format!("secret of {user}"))))
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(method, path, body, &[]).await
    }

    async fn send_with(&self, method: &str, path: &str, body: &str, headers: &[(&str, String)]) -> Answer {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = client.request(method.clone(), format!("{}{path}", self.url)).body(body.to_owned());
        for (name, value) in self.signed(method.as_str(), path, body).iter().chain(headers) {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        Answer { status, code: code.map(|(code, _)| code.to_owned()).unwrap_or_default(), body }
    }

    /// The headers of a signed request: signature version 4.
    fn signed(&self, method: &str, path: &str, body: &str) -> Vec<(&'static str, String)> {
        let Some((access_key, secret_key)) = &self.keys else { return Vec::new() };
        let now = (OffsetDateTime::now_utc() + self.ahead).replace_nanosecond(0).unwrap();
        let time = now.format(&Rfc3339).unwrap().replace(['-', ':'], "");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
            .collect();
        pairs.sort();
        let digest = hex::encode(Sha256::digest(body));
        let host = self.url.split_once("//").unwrap().1;
        let mut headers = vec![("host", host.to_owned()), ("x-amz-content-sha256", digest.clone())];
        headers.push(("x-amz-date", time.clone()));
        headers.extend(self.token.clone().map(|token| ("x-amz-security-token", token)));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{method}\n{path}\n{}\n{lines}\n{names}\n{digest}", pairs.join("&"));
        let scope = format!("{}/us-east-1/s3/aws4_request", &time[..8]);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mac = |key: &[u8], text: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let key = [&time[..8], "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret_key}").into_bytes(), |key, part| mac(&key, part));
        let signature = hex::encode(mac(&key, &text));
        headers.remove(0);
        headers.push((
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"),
        ));
        headers
    }
}

fn access_key(user: &str) -> String {
    format!("KEYOF{}", user.to_uppercase())
}

/// A cluster whose users have these documents.
fn cluster(rules: &str, users: &[(&str, Value)], buckets: &Value) -> ClusterState {
    let mut policies = serde_json::Map::new();
    let mut rows = serde_json::Map::new();
    for (name, statements) in users {
        policies
            .insert((*name).to_owned(), json!({ "document": { "Version": "2012-10-17", "Statement": statements } }));
        let keys = json!({ "access_key": access_key(name), "secret_key": format!("secret of {name}") });
        rows.insert((*name).to_owned(), json!({ "policy": name, "keys": keys }));
    }
    let state = json!({
        "switches": { "s3_rules": rules },
        "tenants": { "Root": { "users": rows, "policies": policies, "buckets": buckets } },
    });
    serde_json::from_value::<ClusterState>(state).unwrap().complete().unwrap()
}

async fn start(state: ClusterState, faults: &[&str]) -> Running {
    let faults = FaultRules(faults.iter().map(|text| text.parse().unwrap()).collect());
    let s3 = Some(([127, 0, 0, 1], 0).into());
    sim::start(Options { s3, faults, record: true, ..Options::in_memory(state) }).await.unwrap()
}

fn allow(action: &str) -> Value {
    json!([{ "Effect": "Allow", "Action": [action], "Resource": ["arn:aws:s3:::*"] }])
}

/// Everything but one action.
fn all_but(action: &str) -> Value {
    json!([
        { "Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"] },
        { "Effect": "Deny", "Action": [action], "Resource": ["arn:aws:s3:::*"] },
    ])
}

/// A row of `tests/lineage/harmless.json` as it is sent.
fn sent(row: &Value) -> (String, String, String, Vec<(&'static str, String)>) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    // The newer server answers differently to an id that cannot be one of its own, as in the rows without a bucket.
    let random =
        if row["kind"] == "no bucket" { "a1s2d3f4g5h6j7k8l9z0m" } else { "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9" };
    let path = text("path")
        .replace("/NO-BUCKET", &format!("/{NO_BUCKET}"))
        .replace("/BUCKET", "/locked")
        .replace("RANDOM-UUID", random)
        .replace("RANDOM", random)
        .replace("KEY", "attune-verify-a1s2d3f4g5h6j7k8l9z0");
    let is_no_key = row["kind"] == "no key";
    let body = text("body");
    let digest = STANDARD.encode(Md5::digest(if is_no_key { body.as_str() } else { "something else" }));
    let headers = (!body.is_empty()).then_some(("content-md5", digest)).into_iter().collect();
    (text("method"), path, body, headers)
}

/// What two real servers answer to the requests that change nothing, the simulator answers as well, and nothing changes.
#[tokio::test]
async fn requests_that_change_nothing_are_answered_as_by_the_real_servers() {
    let data: Value = serde_json::from_str(include_str!("../../lineage/harmless.json")).unwrap();
    let rows = data["rows"].as_array().unwrap();
    let buckets = json!({ "locked": { "object_lock": true, "policy": "download" } });
    for rules in ["2021", "2026"] {
        for row in rows {
            let action = row["action"].as_str().unwrap();
            let users = [("only", allow(action)), ("other", all_but(action))];
            let running = start(cluster(&format!("minio-{rules}"), &users, &buckets), &[]).await;
            let (method, path, body, headers) = sent(row);
            let before = running.state().unwrap();
            for (user, expected) in [("only", "allowed"), ("other", "denied"), ("", "denied")] {
                let expected = &row[rules][expected];
                let client = if user.is_empty() { Client::new(&running, None) } else { Client::of(&running, user) };
                let answer = client.send_with(&method, &path, &body, &headers).await;
                let got = json!([answer.status, answer.code]);
                // Without a signature, the policy of the bucket decides.
                let opened = user.is_empty()
                    && row["kind"] == "read"
                    && ["s3:ListBucket", "s3:GetBucketLocation"].contains(&action);
                let opened = opened || user.is_empty() && action == "s3:GetObject" && row["kind"] == "no key";
                assert!(got == *expected || opened, "{rules} {user} {row}\n{answer:?}");
            }
            let after = running.state().unwrap();
            assert_eq!(before.tenants["Root"].buckets, after.tenants["Root"].buckets, "{rules} {row}");
            running.stop().await;
        }
    }
}

#[tokio::test]
async fn keys_tokens_and_clocks_are_checked_before_the_documents() {
    let users = [("alice", allow("s3:GetObject"))];
    let running = start(cluster("minio-2021", &users, &json!({ "data": {} })), &[]).await;
    let alice = Client::of(&running, "alice");
    assert!(alice.send("GET", "/data/a%20b", "").await.is(404, "NoSuchKey"));
    assert!(alice.send("GET", "/", "").await.is(403, "AccessDenied"));
    let with = |access_key: &str, secret_key: &str| Client::new(&running, Some((access_key, secret_key)));
    assert!(with("NOBODY", "secret of alice").send("GET", "/", "").await.is(403, "InvalidAccessKeyId"));
    assert!(with("KEYOFALICE", "secret").send("GET", "/", "").await.is(403, "SignatureDoesNotMatch"));
    let late = Client { ahead: time::Duration::minutes(-20), ..alice.clone() };
    let answer = late.send("GET", "/", "").await;
    assert!(answer.is(403, "RequestTimeTooSkewed") && answer.body.contains("<ServerTime>20"), "{answer:?}");
    let token = Client { token: Some("a.b.c".to_owned()), ..alice };
    assert!(token.send("GET", "/", "").await.is(403, "InvalidTokenId"));
    for event in running.events() {
        assert!(event.query.is_none() && event.path.starts_with('/'), "{event:?}");
    }
}

#[test]
fn the_second_line_is_the_url_and_the_log_has_no_secrets() {
    let folder = Folder::new();
    let state = cluster("minio-2021", &[("alice", allow("s3:GetObject"))], &json!({ "data": {} }));
    folder.write("cluster.json", &serde_json::to_string(&state).unwrap());
    let serve = ["sim", "serve", "--state", "cluster.json", "--s3", "--tls", "--log", "log"];
    let mut child = folder.command(serve).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<String> = lines.take(3).map(|line| line.unwrap()).collect();
    assert!(
        lines[0].starts_with("https://") && lines[1].starts_with("https://") && lines[2].starts_with("sha256:"),
        "{lines:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let serve = ["sim", "serve", "--state", "cluster.json", "--s3", "--log", "log"];
    let mut child = folder.command(serve).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.take(2).map(|line| line.unwrap()).last().unwrap();
    let keys = Some((access_key("alice"), "secret of alice".to_owned()));
    let alice = Client { url, keys, token: None, ahead: time::Duration::ZERO };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(alice.send("GET", "/data/key?x=1", "body of the request")).is(404, "NoSuchKey"));
    runtime.block_on(alice.send("GET", "/data/key?X-Amz-Signature=abc", ""));
    child.kill().unwrap();
    child.wait().unwrap();
    let log = folder.read("log");
    assert!(log.contains(r#""path":"/data/key","s3":true,"query":"x=1","status":404"#), "{log}");
    for secret in ["KEYOF", "secret of", "body of", "abc", "AWS4"] {
        assert!(!log.contains(secret), "{log}");
    }
}
