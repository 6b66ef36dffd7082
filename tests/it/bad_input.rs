//! Invalid input gets a clear answer and changes nothing.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::harness::{ADMIN, Folder, Run};
use super::served::Served;

/// A loopback address without a listener.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Answers one request with this text and closes.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer.as_bytes());
    });
    url
}

fn plan_at(folder: &Folder, url: &str, variables: &[(&str, &str)]) -> Run {
    folder.attune_with(&format!("plan --cluster {url}"), variables)
}

#[test]
fn an_unreachable_cluster_is_reported() {
    let folder = Folder::example("minimal");
    plan_at(&folder, &nobody(), &ADMIN).exits(1).warns("POST /login").warns("help:");
    let run = folder.attune_with(&format!("plan --format json --cluster {}", nobody()), &ADMIN).exits(1);
    assert_eq!(run.codes(), ["cluster-unreachable"]);
}

#[test]
fn a_response_that_is_not_json_is_reported() {
    let folder = Folder::example("minimal");
    let url = answering("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n<html>proxy</html>\r\n");
    plan_at(&folder, &url, &ADMIN).exits(1).warns("POST /login");
}

#[test]
fn a_wrong_password_is_reported_and_not_shown() {
    let folder = Folder::example("minimal");
    let served = Served::start(&folder, "");
    let run = plan_at(&folder, &served.url, &[("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "wr0ng-Passw0rd")]);
    let run = run.exits(1).warns("401");
    assert!(!run.stderr.contains("wr0ng"), "{}", run.stderr);
}

#[test]
fn credentials_come_from_the_environment_in_their_order() {
    let folder = Folder::example("minimal");
    let served = Served::start(&folder, "");
    let plan = |variables: &[(&str, &str)]| plan_at(&folder, &served.url, variables);
    plan(&ADMIN).exits(0);
    plan(&[("WEKA_USERNAME", "admin"), ("WEKA_PASSWORD", "admin"), ("WEKA_ORG", "Root")]).exits(0);
    plan(&[ADMIN[0], ADMIN[1], ("WEKA_USERNAME", "nobody"), ("WEKA_PASSWORD", "x")]).exits(0);
    plan(&[ADMIN[0], ("WEKA_USERNAME", "admin"), ("WEKA_PASSWORD", "admin")]).exits(1).warns("ATTUNE_PASSWORD");
    plan(&[]).exits(1).warns("auth-token.json");
    folder.write(".weka/auth-token.json", "not json at all");
    plan(&[]).exits(1).warns("weka user login");
}

#[test]
fn a_certificate_is_trusted_by_file_or_fingerprint_and_not_otherwise() {
    let folder = Folder::example("minimal");
    let served = Served::start(&folder, "--tls --certificate ca.pem");
    let fingerprint = served.fingerprint.clone().unwrap();
    let rest = folder.read("attune.toml").replace("[cluster]\nendpoints = [\"sim:cluster.json\"]\n", "");
    assert!(!rest.contains("sim:"), "{rest}");
    let file = |trust: &str| {
        let text = format!("[cluster]\nendpoints = [\"{}\"]\n{trust}\n\n{rest}", served.url);
        folder.write("tls.toml", &text);
        folder.attune_with("plan -f tls.toml", &ADMIN)
    };
    file("").exits(1).warns(&fingerprint);
    file("ca_file = \"ca.pem\"").exits(0);
    file(&format!("fingerprint = \"{fingerprint}\"")).exits(0);
    file(&format!("fingerprint = \"sha256:{}\"", "0".repeat(64))).exits(1).warns(&fingerprint);
    file("ca_file = \"attune.toml\"").exits(1).warns("BEGIN CERTIFICATE");
    for _ in 0..2 {
        folder.attune_with(&format!("plan --cluster {} --insecure", served.url), &ADMIN).exits(0).warns("--insecure");
    }
}

#[test]
fn an_unencrypted_endpoint_is_accepted_only_on_this_machine() {
    let folder = Folder::example("minimal");
    plan_at(&folder, "http://192.0.2.1:14000", &ADMIN).exits(1).warns("https://");
}

#[test]
fn a_name_that_breaks_a_url_reaches_no_cluster() {
    let folder = Folder::example("minimal");
    let served = Served::start(&folder, "--log requests.jsonl");
    for name in ["..", ".", "a/b", "a\\\\b", "", "a\\u0007b"] {
        folder.write("bad.toml", &format!("[policies.\"{name}\"]\nabsent = true\n"));
        let args = format!("apply --yes -f bad.toml --format json --cluster {}", served.url);
        assert_eq!(folder.attune_with(&args, &ADMIN).exits(1).codes(), ["bad-name"], "{name:?}");
    }
    assert_eq!(folder.read("requests.jsonl"), "");
    assert_ne!(folder.state()["s3_deleted"], true);
}

#[test]
fn an_invalid_file_stops_the_run_before_any_request() {
    let folder = Folder::example("minimal");
    let served = Served::start(&folder, "--log requests.jsonl");
    folder.write("broken.json", "{\"Version\": \"2012-10-17\", \"Statement\": [}");
    folder.write(
        "bad.toml",
        "[policies.a]\ndocument = \"broken.json\"\n[policies.b]\ndocument = \"missing.json\"\n[users.bob]\npolcy = \"a\"\n",
    );
    let args = format!("apply --yes -f bad.toml --format json --cluster {}", served.url);
    let mut codes = folder.attune_with(&args, &ADMIN).exits(1).codes();
    codes.sort();
    assert_eq!(codes, ["json-syntax", "unknown-key", "unreadable-file"]);
    assert_eq!(folder.read("requests.jsonl"), "");
}
