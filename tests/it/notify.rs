//! `attune drift --notify-command`, and the example that posts to a chat.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Folder, Run, root, validate};

/// An example whose cluster is as declared, with a program that keeps its input and its environment.
fn world() -> Folder {
    let folder = Folder::example("quickstart");
    folder.attune("apply --yes").exits(0);
    program(&folder, "notify", "cat >> told.json; env > environment");
    folder
}

fn program(folder: &Folder, name: &str, script: &str) {
    folder.write(name, &format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n"));
    std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the program was told since the last call.
fn told(folder: &Folder) -> Option<Value> {
    let text = folder.path("told.json").exists().then(|| folder.read("told.json"))?;
    std::fs::remove_file(folder.path("told.json")).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    validate(&value);
    Some(value)
}

fn spoil(folder: &Folder) {
    folder.drift(|tenant| tenant["users"]["carol"]["policy"] = json!("readwrite"));
}

#[test]
fn the_program_gets_the_json_of_drift_and_no_login() {
    let folder = world();
    folder.attune("drift --notify-command ./notify").exits(0).says("no drift");
    assert_eq!(told(&folder), None);
    spoil(&folder);
    let secrets = [("ATTUNE_PASSWORD", "s3cret"), ("WEKA_TOKEN", "s3cret"), ("CHANNEL", "ops")];
    for format in ["text", "json", "markdown"] {
        let run = folder.attune_with(&format!("drift --format {format} --notify-command ./notify"), &secrets).exits(2);
        let of_json = folder.attune("drift --format json").exits(2);
        assert_eq!(told(&folder), Some(of_json.json()), "{format}");
        assert!(format != "json" || run.stdout == of_json.stdout, "the program's output is not in the result");
    }
    let environment = folder.read("environment");
    assert!(environment.contains("CHANNEL=ops") && !environment.contains("s3cret"), "{environment}");
}

#[test]
fn the_program_is_told_of_new_drift_and_of_its_end_once() {
    let folder = world();
    let line = "drift --since state.json --notify-command ./notify";
    spoil(&folder);
    folder.attune(line).exits(2);
    assert_eq!(told(&folder).unwrap()["summary"]["reported"], 1);
    folder.attune(line).exits(0);
    assert_eq!(told(&folder), None);
    folder.attune("apply --yes").exits(0);
    folder.attune(line).exits(0);
    assert_eq!(told(&folder).unwrap()["resolved"][0]["id"], "user/carol");
    folder.attune(line).exits(0);
    assert_eq!(told(&folder), None);
}

#[test]
fn the_program_is_told_that_drift_cannot_be_determined() {
    let folder = world();
    folder.write("attune.toml", &format!("{}\n[users.bob]\npolicy = 1\n", folder.read("attune.toml")));
    let run = folder.attune("drift --format json --notify-command ./notify").exits(1);
    assert_eq!(told(&folder), Some(run.json()));
    folder.attune("drift -f gone.toml --notify-command ./notify").exits(1);
    assert_eq!(told(&folder).unwrap()["findings"][0]["code"], "no-file");
    let folder = world();
    folder.write("state.json", "no state");
    let run = folder.attune("drift --since state.json --metrics m --notify-command ./notify").exits(1);
    let error = told(&folder).unwrap()["findings"][0]["message"].as_str().unwrap().to_owned();
    assert!(run.stderr.contains(&error), "{error}");
    let metrics = folder.read("m");
    let failed = metrics.lines().any(|line| line.starts_with("attune_drift_exit_code{") && line.ends_with(" 1"));
    assert!(failed && !metrics.contains("attune_drift_objects"), "{metrics}");
}

#[test]
fn a_failed_notification_keeps_the_exit_code_and_is_repeated() {
    let folder = world();
    let line = "drift --since state.json --notify-command";
    program(&folder, "fails", "echo 'no \u{1b}[31mroute' >&2; exit 3");
    program(&folder, "talks", "head -c 9000000 /dev/zero; head -c 9000000 /dev/zero >&2; exit 1");
    program(&folder, "ignores", "exit 0");
    spoil(&folder);
    let failed = folder.attune(&format!("{line} ./fails")).exits(2).says("carol");
    let failed = failed.warns("fails` of `--notify-command` failed: it ended with exit status: 3: no \\u{1b}[31mroute");
    assert!(failed.stderr.contains("help: "), "{}", failed.stderr);
    let loud = folder.attune(&format!("{line} ./talks")).exits(2).warns("its output is too long to be shown");
    assert!(loud.stdout.len() < 10_000, "nothing of the program's output is in the result");
    folder.attune(&format!("{line} ./notify")).exits(2);
    assert!(told(&folder).is_some(), "what nobody was told is new");
    folder.attune("drift --notify-command ./ignores").exits(2);
    folder.write("attune.toml", "[");
    folder.attune("drift --notify-command ./fails").exits(1).warns("`--notify-command` failed");
}

#[test]
fn a_program_that_cannot_run_is_an_error_before_the_cluster_is_read() {
    let folder = world();
    folder.write("cluster.json", "this would be an error of its own");
    folder.attune("drift --notify-command ./gone").exits(1).warns("it is not an executable file");
    folder.write("plain", "no program");
    folder.attune("drift --notify-command ./plain").exits(1).warns("it is not an executable file");
    // The current directory may belong to a proposal.
    folder.attune_with("drift --notify-command notify", &[("PATH", ".:")]).exits(1).warns("it is not in PATH");
    let run = folder.attune("drift --format json --notify-command ./gone").exits(1);
    assert_eq!(run.codes(), ["environment"]);
}

#[test]
fn the_example_posts_to_a_chat() {
    if ["jq", "curl"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        assert!(std::env::var_os("CI").is_none(), "the example needs jq and curl");
        return;
    }
    let folder = world();
    let script = std::fs::read_to_string(root().join("examples/ci/notify/slack")).unwrap();
    folder.write("slack", &script);
    std::fs::set_permissions(folder.path("slack"), std::fs::Permissions::from_mode(0o755)).unwrap();
    spoil(&folder);
    folder.drift(|tenant| tenant["policies"]["etl-<!channel>"] = tenant["policies"]["ml-readers"].clone());
    let post = |status: &str| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = format!("http://{}/services/T0/secret", server.local_addr().unwrap());
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let posted = std::thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                let read = client.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if length.is_some_and(|length: usize| body.len() >= length) {
                    client.write_all(answer.as_bytes()).unwrap();
                    return (head.to_owned(), body.to_owned());
                }
            }
        });
        let mut command = folder.command(["drift", "--notify-command", "./slack"]);
        let command = command.env("PATH", std::env::var_os("PATH").unwrap()).env("WEBHOOK", webhook);
        let run = Run::of("drift", &command.output().unwrap()).exits(2);
        (posted.join().unwrap(), run)
    };
    let ((head, body), run) = post("200 OK");
    assert_eq!(run.stderr, "");
    assert!(head.starts_with("POST /services/T0/secret ") && head.contains("application/json"), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let expected = "S3 access of stewie differs from the configuration:\n• policy/etl-&lt;!channel&gt; (policy_added)\n\
                    • user/carol (user_attached)";
    assert_eq!(body, json!({"text": expected}));
    let (_, run) = post("500 Oops");
    assert!(run.stderr.contains("The requested URL returned error: 500"), "{}", run.stderr);
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
}
