//! `attune sim weka` as a program: prompts, and the output for faults and logins.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use attune::sim::state::ClusterState;
use attune::sim::{Event, FaultRule, FaultRules, Options, Running, start};
use serde_json::Value;

use super::harness::{Folder, Run};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;

/// A cluster of 5.1 where `alice` has `readonly` and a key pair.
fn state() -> ClusterState {
    let keys = r#"{"access_key":"AK","secret_key":"alices-secret-key"}"#;
    let users = format!(r#"{{"alice":{{"policy":"readonly","keys":{keys}}},"bob":{{}}}}"#);
    serde_json::from_str(&format!(r#"{{"release":"5.1","tenants":{{"Root":{{"users":{users}}}}}}}"#)).unwrap()
}

async fn simulated(faults: &[&str], tls: bool) -> Running {
    let faults = FaultRules(faults.iter().map(|rule| rule.parse::<FaultRule>().unwrap()).collect());
    start(Options { faults, tls, record: true, ..Options::in_memory(state()) }).await.unwrap()
}

/// A run against a server; the arguments behind `--` are the command's.
fn weka(folder: &Folder, running: &Running, args: &str) -> Run {
    folder.attune(&format!("sim weka --url {} {args}", running.url()))
}

/// The events, once all responses are recorded.
async fn events(running: &Running) -> Vec<Event> {
    while (running.events().len() as u64) < running.requests() {
        tokio::task::yield_now().await;
    }
    running.events()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_a_broken_connection_are_printed_as_by_the_command() {
    let folder = Folder::new();
    folder.write("p.json", DOCUMENT);
    for (fault, args, code, err) in [
        ("call:1=refuse:409:it is held", "s3 policy attach readonly bob", 1, "error: it is held\n"),
        ("call:1=refuse:403:not you", "s3 policy list", 1, "error: permission denied: not you\n"),
        ("call:1=refuse", "s3 policy add new p.json", 1, "error: refused by a fault\n"),
        ("write:1=refuse:400:full", "s3 policy add new p.json", 1, "error: full\n"),
        // An expired token is replaced, if there is another.
        ("call:1=expire", "s3 policy remove nope", 1, "error: Policy \"nope\" does not exist\n"),
        ("POST /weka-command=expire", "user", 1, "error: Not logged in, or the login is not accepted\n"),
        (
            "call:1=503-after",
            "s3 policy attach readonly bob",
            1,
            "error: internal error 503: a fault of the simulator\n",
        ),
        ("call:1=429", "user", 1, "error: try again later: a fault of the simulator\n"),
        ("call:1=drop-after", "s3 policy attach readonly bob", 1, "error: Connection closed\n"),
        ("call:1=html-after:200", "s3 policy attach readonly bob", 1, "error: Connection closed\n"),
        ("call:1=shape", "s3 policy attach readonly bob", 1, "error: Connection closed\n"),
        ("call:1=truncated-after", "s3 policy attach readonly bob", 1, "error: Connection closed\n"),
        ("call:1=delay:1ms", "s3 policy list", 0, ""),
    ] {
        let running = simulated(&[fault], false).await;
        let run = weka(&folder, &running, &format!("-- {args}")).exits(code);
        assert_eq!(run.stderr, err, "{fault}");
        let done: Vec<bool> = events(&running).await.iter().map(|event| event.applied).collect();
        let expected = fault.contains("-after") || fault.contains("delay");
        assert!(done.last() == Some(&expected) && !done.iter().rev().skip(1).any(|done| *done), "{fault}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_incomplete_run_counts_as_no_write() {
    let folder = Folder::new();
    folder.write("p.json", DOCUMENT);
    let running = simulated(&[], false).await;
    weka(&folder, &running, "-- s3 policy add new p.json").exits(0);
    weka(&folder, &running, "-- s3 policy add new p.json").exits(1);
    weka(&folder, &running, "-- s3 policy detach bob").exits(2);
    let seen = events(&running).await;
    let shown = |event: &Event| (event.writes.is_some(), event.applied, event.change.is_some());
    let expected =
        [(false, false, false), (true, true, true), (false, false, false), (true, false, false), (false, false, false)];
    assert_eq!(seen.iter().map(shown).collect::<Vec<_>>(), expected);
    let gone = weka(&folder, &running, "-- s3 policy add other not-there.json").exits(1);
    assert!(gone.stderr.starts_with("error: the file not-there.json cannot be read: "), "{}", gone.stderr);
    let gone = "-- s3 sts assume-role --access-key AK --duration=60m --policy-file=not-there.json";
    let gone = weka(&folder, &running, gone).exits(1);
    assert_eq!((gone.stdout.as_str(), gone.stderr.lines().count()), ("", 1), "nothing is asked: {}", gone.stderr);
    assert!(events(&running).await[5..].iter().all(|event| !event.applied));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_printed_before_its_answer_is_read() {
    let folder = Folder::new();
    let running = simulated(&[], false).await;
    let question = "The existing S3 credentials will be replaced. Continue? [yes/no]: ";
    let url = running.url();
    let args = ["sim", "weka", "--url", url, "--", "s3", "user", "keys-generate", "--user", "alice", "--json"];
    let mut child = folder.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut asked = vec![0; question.len()];
    stdout.read_exact(&mut asked).unwrap();
    assert_eq!(String::from_utf8(asked).unwrap(), question);
    assert_eq!(events(&running).await.len(), 1, "it waits for the answer");
    stdin.write_all(b"yes\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    let pair: Value = serde_json::from_str(&rest).unwrap();
    assert_ne!(pair["secret_key"], "alices-secret-key");
    let seen = events(&running).await;
    assert!(seen.len() == 2 && seen[1].applied && seen[1].shown_keys().len() == 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_user_or_password_is_refused() {
    let folder = Folder::new();
    let running = simulated(&[], false).await;
    let args = ["sim", "weka", "--url", running.url(), "--", "user", "whoami", "--json"];
    let whoami = |variables: &[(&str, &str)]| {
        let mut command: Command = folder.command(args);
        Run::of("user whoami", &command.envs(variables.iter().copied()).output().unwrap())
    };
    let (user, password) = (("WEKA_USERNAME", "admin"), ("WEKA_PASSWORD", "admin"));
    for half in [vec![user], vec![password], vec![user, ("WEKA_PASSWORD", "")], vec![user, ("WEKA_PASSWORD", "other")]]
    {
        let refused = whoami(&half).exits(1);
        assert_eq!(refused.stderr, "error: Not logged in, or the login is not accepted\n", "{half:?}");
    }
    for whole in [vec![], vec![user, password], vec![user, password, ("WEKA_ORG", "Root")]] {
        let shown: Value = serde_json::from_str(&whoami(&whole).exits(0).stdout).unwrap();
        assert_eq!(shown[0]["username"], "admin", "{whole:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_with_tls_is_reached_with_its_certificate() {
    let folder = Folder::new();
    let running = simulated(&[], true).await;
    folder.write("ca.pem", running.certificate_pem().unwrap());
    weka(&folder, &running, "--cacert ca.pem -- s3 policy list").exits(0).says("readonly");
    assert_eq!(weka(&folder, &running, "-- s3 policy list").exits(1).stderr, "error: Connection closed\n");
    let other = simulated(&[], true).await;
    assert_eq!(weka(&folder, &other, "--cacert ca.pem -- status").exits(1).stderr, "error: Connection closed\n");
    folder.write("none.pem", "nothing");
    weka(&folder, &running, "--cacert none.pem -- status").exits(1).warns("it has no `-----BEGIN CERTIFICATE-----`");
    weka(&folder, &running, "--cacert gone.pem -- status").exits(1).warns("gone.pem cannot be used");
}
