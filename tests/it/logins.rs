//! Logins: tokens, files with secrets, and trusted certificates on the command line.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::harness::{ADMIN, Folder, Run};
use super::served::Served;

fn folder() -> Folder {
    Folder::with(&[("attune.toml", ""), ("cluster.json", r#"{"tenants":{"Root":{"users":{}}}}"#)])
}

/// A token of the administrator, as `weka user generate-token` gives one.
fn token(served: &Served) -> String {
    let host = served.url.trim_start_matches("http://");
    let body = r#"{"username":"admin","password":"admin"}"#;
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /api/v2/login HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let json = &answer[answer.find("\r\n\r\n").unwrap()..];
    let json = &json[json.find('{').unwrap()..=json.rfind('}').unwrap()];
    let value: Value = serde_json::from_str(json).unwrap();
    value["data"]["access_token"].as_str().unwrap().to_owned()
}

fn plan(folder: &Folder, served: &Served, variables: &[(&str, &str)]) -> Run {
    folder.attune_with(&format!("plan --cluster {}", served.url), variables)
}

#[test]
fn a_token_is_taken_from_a_variable_or_a_file() {
    let folder = folder();
    let served = Served::start(&folder, "");
    let token = token(&served);
    folder.write("token", &format!("{token}\n"));
    fs::set_permissions(folder.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    for variable in [("ATTUNE_TOKEN", token.as_str()), ("ATTUNE_TOKEN_FILE", "token")] {
        let run = plan(&folder, &served, &[variable]).exits(0);
        assert!(!run.stdout.contains(&token) && !run.stderr.contains(&token));
    }
    let run = plan(&folder, &served, &[("ATTUNE_TOKEN", "wrong-token")]).exits(1);
    assert!(!run.stderr.contains("wrong-token"), "{}", run.stderr);
    run.warns("the cluster does not accept the token of ATTUNE_TOKEN").warns("weka user generate-token");
    plan(&folder, &served, &[("ATTUNE_TOKEN", &token), ADMIN[0]]).exits(1).warns("are both set");
    let weka = folder.attune_with("plan --via weka --weka-bin /bin/false", &[("ATTUNE_TOKEN", &token)]).exits(1);
    weka.warns("the `weka` command takes no token from attune");
}

#[test]
fn a_password_is_read_from_a_file_that_only_its_owner_changes() {
    let folder = folder();
    let served = Served::start(&folder, "");
    folder.write("mounted/data/password", "admin\n");
    // Kubernetes mounts secrets through links.
    std::os::unix::fs::symlink("data/password", folder.path("mounted/password")).unwrap();
    let variables = [ADMIN[0], ("ATTUNE_PASSWORD_FILE", "mounted/password")];
    let mode = |mode| fs::set_permissions(folder.path("mounted/password"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o400);
    let quiet = plan(&folder, &served, &variables).exits(0);
    assert!(!quiet.stderr.contains("every user of this machine"), "{}", quiet.stderr);
    mode(0o644);
    plan(&folder, &served, &variables).exits(0).warns("every user of this machine can read this file");
    mode(0o666);
    plan(&folder, &served, &variables).exits(1).warns("others may change it (mode 0666)");
    mode(0o600);
    folder.write("mounted/data/password", "admin\n\n");
    plan(&folder, &served, &variables).exits(1).warns("POST /login");
}

#[test]
fn a_certificate_is_trusted_for_one_run() {
    let folder = folder();
    let served = Served::start(&folder, "--tls --certificate ca.pem");
    let fingerprint = served.fingerprint.clone().unwrap();
    let run = |args: &str| folder.attune_with(&format!("{args} --cluster {}", served.url), &ADMIN);
    run("plan").exits(1);
    for args in ["plan", "doctor", "keys revoke nobody", "import --out imported"] {
        for trust in ["--ca-file ca.pem".to_owned(), format!("--fingerprint {fingerprint}")] {
            let run = run(&format!("{args} {trust}"));
            assert!(!run.stderr.contains("certificate"), "{args} {trust}: {}", run.stderr);
            let _ = fs::remove_dir_all(folder.path("imported"));
        }
    }
    run("plan --fingerprint nonsense").exits(1).warns("--fingerprint");
    run(&format!("plan --ca-file ca.pem --fingerprint {fingerprint}")).exits(1).warns("cannot be used with");
    // The command line goes before the configuration.
    folder.write("attune.toml", &format!("[cluster]\nfingerprint = \"sha256:{}\"\n", "0".repeat(64)));
    run("plan").exits(1);
    run("plan --ca-file ca.pem").exits(0);
}
