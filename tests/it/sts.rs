//! Temporary credentials in every format, and the refusal to create a key pair where that is impossible.

use serde_json::Value;

use super::harness::{Folder, Run};

const SECRET: &str = "a-secret-of-alice";

fn folder() -> Folder {
    let alice = format!(r#"{{"policy":"readonly","keys":{{"access_key":"AKALICE","secret_key":"{SECRET}"}}}}"#);
    let users = format!(r#"{{"admin":{{"role":"ClusterAdmin","password":"admin"}},"alice":{alice},"bob":{{}}}}"#);
    Folder::with(&[(
        "cluster.json",
        &format!(r#"{{"format":"attune.sim/1","tenants":{{"Root":{{"users":{users}}}}}}}"#),
    )])
}

/// No configuration is needed if the command line names the cluster.
fn assume(folder: &Folder, more: &str, secret: &str) -> Run {
    let args = format!("sts assume-role --cluster sim:cluster.json --access-key AKALICE {more}");
    folder.attune_with(&args, &[("ATTUNE_SECRET_KEY", secret)])
}

#[test]
fn temporary_credentials_come_in_every_form() {
    let folder = folder();
    let json: Value = assume(&folder, "--duration 60m --format json", SECRET).exits(0).json();
    for member in ["access_key", "secret_key", "session_token", "until"] {
        assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    let process = assume(&folder, "--duration 1w --format credential-process", SECRET).exits(0);
    let process: Value = serde_json::from_str(&process.stdout).unwrap();
    assert_eq!(process["Version"], 1);
    for member in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
        assert!(process[member].is_string(), "{member}");
    }
    let env = assume(&folder, "--duration 2d --format env", SECRET).exits(0).stdout;
    let names: Vec<_> = env.lines().filter_map(|line| line.strip_prefix("export ")?.split('=').next()).collect();
    assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
    assume(&folder, "--duration 900s", SECRET).exits(0).says("session token  ");
}

#[test]
fn a_refusal_is_shown_without_the_secret() {
    let folder = folder();
    let wrong = assume(&folder, "--duration 60m", "another-secret").exits(1);
    assert!(wrong.stderr.contains("The access key or secret key is invalid"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("another-secret") && wrong.stdout.is_empty());
    let short = assume(&folder, "--duration 14m", SECRET).exits(1);
    assert!(short.stderr.contains("from 15 minutes to one week"), "{}", short.stderr);
    let nobody =
        folder.attune("sts assume-role --cluster sim:cluster.json --access-key AKALICE --duration 1w").exits(1);
    assert!(nobody.stderr.contains("set ATTUNE_SECRET_KEY"), "{}", nobody.stderr);
    folder.write("policy.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}"#);
    let broken = assume(&folder, "--duration 60m --policy-file policy.json", SECRET).exits(1);
    assert!(broken.stderr.contains("policy.json has errors"), "{}", broken.stderr);
}

#[test]
fn a_key_pair_is_not_created_without_a_destination_nor_over_rest() {
    let folder = folder();
    folder.write("attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n");
    let nowhere = folder.attune("keys rotate alice --yes").exits(1);
    assert!(nowhere.stderr.contains("names no destination for the new secret"), "{}", nowhere.stderr);
    let destination = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n";
    folder.write("attune.toml", destination);
    let rest = folder.attune("keys rotate alice --yes").exits(1);
    assert!(rest.stderr.contains("--via weka"), "{}", rest.stderr);
    assert_eq!(folder.tenant()["users"]["alice"]["keys"]["secret_key"], SECRET);
}
