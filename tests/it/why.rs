//! `attune access --why`: the statements that decide, where they are, who wrote them, and what a plan changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::base::{git, with_git};
use crate::harness::Folder;

const FILE: &str = r#"[cluster]
endpoints = ["sim:cluster.json"]

[credentials]
file = true
dir  = "secrets"

[[policies.team.statement]]
sid      = "Read"
effect   = "Allow"
action   = "s3:GetObject"
resource = "arn:aws:s3:::logs/*"

[[policies.team.statement]]
effect   = "Deny"
action   = "s3:Get*"
resource = "arn:aws:s3:::logs/closed/*"

[policies.file]
document = "policies/file.json"

[users]
alice = "team"
bob = "file"
carol = { detached = true }
dora = "readonly"
"@anonymous" = "file"
"#;

const DOCUMENT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:PutObject"],
      "Resource": "arn:aws:s3:::logs/*"
    }
  ]
}
"#;

const CLUSTER: &str = r#"{"format": "attune.sim/1", "tenants": {"Root": {
  "policies": {"file": {"document": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*"}]}}},
  "users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"},
    "alice": {"role": "S3", "policy": "file"}, "bob": {"role": "S3", "policy": "file"}, "carol": {"role": "S3"},
    "@anonymous": {"role": "S3"}, "dora": {"role": "S3", "policy": "readonly"}}}}}"#;

fn folder() -> Folder {
    let files = [
        ("attune.toml", FILE),
        ("policies/file.json", DOCUMENT),
        ("cluster.json", CLUSTER),
        (".gitignore", "*.lock\n"),
    ];
    Folder::with(&files)
}

fn commit(folder: &Folder, author: &str, message: &str) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--author", author, "--date", "2026-03-01T23:30:00+0200", "-m", message]);
    git(folder, &["rev-parse", "HEAD"]).trim().to_owned()
}

fn repository() -> Folder {
    let folder = folder();
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder, "First <f@x>", "first");
    folder
}

fn last_change(folder: &Folder, args: &str) -> Value {
    let run = with_git(folder, &format!("access --why {args} --format json"));
    run.json()["why"]["statements"][0]["last_change"].clone()
}

#[test]
fn the_statements_that_decide_are_named_with_their_places() {
    let folder = folder();
    let run = folder.attune("access --why alice read logs/a").exits(0);
    let expected = "alice has team
  + read on arn:aws:s3:::logs/a: allowed by Read
statement 1 \"Read\" of policy team allows s3:GetObject
    at attune.toml:8
";
    assert_eq!(run.stdout, expected, "outside of Git there is no commit");
    let denied = folder.attune("access --why alice read logs/closed/a").exits(2);
    denied.says("statement 2 of policy team denies s3:GetObject\n    at attune.toml:14\n");
    folder.attune("access --why bob write arn:aws:s3:::logs/a").exits(0).says("at policies/file.json:4\n");
    let none = folder.attune("access --why bob read logs/a").exits(2).says("no statement allows it");
    assert!(!none.stdout.contains("statement 1"), "{}", none.stdout);
    folder.attune("access --why carol read logs/a").exits(2).says("carol has no policy");
    let predefined = folder.attune("access --why dora read logs/a").exits(0).says("statement 1 of policy readonly");
    assert!(!predefined.stdout.contains("    at "), "{}", predefined.stdout);
    folder.attune("access --why @anonymous write logs/a").exits(0).says("at policies/file.json:4\n");
    folder.attune("access --why role/team read logs/a").exits(0).says("statement 1 \"Read\" of policy team");
    let both = folder.attune("access --why --roles team,file write logs/a").exits(0);
    both.says("statement 1 of policy file allows s3:PutObject\n    at policies/file.json:4\n");
    folder.attune("access --why policies/file.json write logs/a").exits(0).says("statement 1 allows s3:PutObject\n");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_cluster_is_asked_with_the_places_of_equal_documents() {
    let folder = folder();
    let run = folder.attune("access --why alice write logs/a --observed").exits(0);
    run.says("statement 1 of policy file allows s3:PutObject\n    at policies/file.json:4\n");
    folder.write("policies/file.json", &DOCUMENT.replace("PutObject", "DeleteObject"));
    let other = folder.attune("access --why alice write logs/a --observed").exits(0).says("of policy file allows");
    assert!(!other.stdout.contains("    at "), "another document has another place: {}", other.stdout);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_plan_says_what_is_new_and_what_it_takes() {
    let folder = folder();
    let new = folder.attune("access --why alice read logs/a --plan").exits(0);
    new.says("new with this plan\n    this plan adds policy team (at attune.toml:8)\n")
        .says("    this plan moves alice from file to team (at attune.toml:23)\n");
    folder.attune("access --why alice write logs/a --plan").exits(2).says("taken away by this plan\n");
    let same = folder.attune("access --why dora read logs/a --plan").exits(0).says("allowed on the cluster already\n");
    assert!(!same.stdout.contains("this plan "), "{}", same.stdout);
    folder.attune("access --why carol read logs/a --plan").exits(2).says("not allowed on the cluster either\n");
    let json = folder.attune("access --why alice read logs/a --plan --format json").exits(0).json();
    let plan = &json["why"]["plan"];
    assert_eq!(
        (&plan["before"], &plan["after"], &plan["refused"]),
        (&json!("denied"), &json!("allowed"), &json!(false))
    );
    let refused = folder.attune("access --why alice read logs/a --plan --deny-new-access");
    assert_eq!(refused.code, Some(1), "an option of plans only");
    folder.write("attune.toml", &FILE.replace("dora", "nobody-there"));
    folder.attune("access --why alice read logs/a --plan").exits(1).warns("the plan is blocked");
}

#[test]
fn a_question_that_is_not_about_one_request_is_refused() {
    let folder = folder();
    for args in ["alice read logs/*", "alice read logs", "alice s3:Get* logs/a"] {
        folder.attune(&format!("access --why {args}")).exits(1).warns("one request");
    }
    folder.attune("access --why alice read logs/* --exact").exits(0).says("allows s3:GetObject");
    folder.attune("access --why alice").exits(1).warns("needs WHAT and ARN");
    folder.attune("access --why").exits(1);
    folder.attune("access --why alice read logs/a --all").exits(1);
    folder.attune("access alice read logs/a --plan").exits(1);
    folder.attune("access --why alice read logs/a --plan --observed").exits(1);
    folder.attune("access --why --who read logs/a").exits(1);
}

#[test]
fn the_last_change_of_a_statement_is_that_of_its_lines() {
    let folder = repository();
    let first = git(&folder, &["rev-parse", "HEAD"]);
    folder.write("policies/file.json", &DOCUMENT.replace("\"s3:PutObject\"", "\"s3:PutObject\", \"s3:GetObject\""));
    let second = commit(&folder, "Eve \u{1b}[31mRed <e@x>", "let \u{202e}them read\n\nbecause");
    folder.write("attune.toml", &format!("# A comment.\n{FILE}"));
    commit(&folder, "Third <t@x>", "a comment");
    let bob = last_change(&folder, "bob write logs/a");
    assert_eq!((&bob["commit"], &bob["committed"]), (&json!(second), &json!(true)));
    assert_eq!((&bob["date"], &bob["summary"]), (&json!("2026-03-01"), &json!("let \u{202e}them read")));
    assert_eq!(last_change(&folder, "alice read logs/a")["commit"], json!(first.trim()), "only its place has changed");
    let text = with_git(&folder, "access --why bob write logs/a").exits(0).stdout;
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(text.contains(&format!("last changed in {}, 2026-03-01, Eve", &second[..12])), "{text}");
    // The work tree is ahead, elsewhere and in these lines.
    folder.write("attune.toml", &format!("# Another.\n# Line.\n{FILE}"));
    assert_eq!(last_change(&folder, "alice read logs/a")["commit"], json!(first.trim()));
    folder.write("attune.toml", &FILE.replace("action   = \"s3:GetObject\"", "action   = \"s3:GetObject*\""));
    assert_eq!(last_change(&folder, "alice read logs/a"), json!({"committed": false}));
    with_git(&folder, "access --why alice read logs/a").exits(0).says("    not committed\n");
    folder.write("policies/new.json", DOCUMENT);
    folder.write("attune.toml", &FILE.replace("policies/file.json", "policies/new.json"));
    assert_eq!(last_change(&folder, "bob write logs/a"), json!({"committed": false}), "the file is not committed");
}

#[test]
fn a_merge_is_not_the_last_change_of_what_one_side_wrote() {
    let folder = repository();
    git(&folder, &["checkout", "-q", "-b", "side"]);
    folder.write("policies/file.json", &DOCUMENT.replace("logs/*", "logs/x*"));
    let side = commit(&folder, "Side <s@x>", "side");
    git(&folder, &["checkout", "-q", "main"]);
    folder.write("attune.toml", &format!("# A comment.\n{FILE}"));
    commit(&folder, "Main <m@x>", "main");
    git(&folder, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    assert_eq!(last_change(&folder, "bob write logs/x/a")["commit"], json!(side));
}

#[test]
fn a_shallow_clone_says_that_it_does_not_know_more() {
    let folder = repository();
    folder.write("attune.toml", &format!("# A comment.\n{FILE}"));
    commit(&folder, "Second <s@x>", "second");
    let clone = Folder::new();
    let url = format!("file://{}", folder.path("").display());
    git(&clone, &["-c", "protocol.file.allow=always", "clone", "-q", "--depth", "1", &url, "x"]);
    let run = with_git(&clone, "access --why bob write logs/a --file x/attune.toml --format json").exits(0);
    let change = &run.json()["why"]["statements"][0]["last_change"];
    assert_eq!((&change["or_before"], &change["author"]), (&json!(true), &json!("Second")));
    let whole = last_change(&folder, "bob write logs/a");
    assert_eq!((&whole["or_before"], &whole["author"]), (&Value::Null, &json!("First")));
    with_git(&clone, "access --why bob write logs/a --file x/attune.toml").exits(0).says(" or before it, ");
}

#[test]
fn nothing_of_the_repository_is_run_and_no_object_is_replaced() {
    let folder = repository();
    let first = git(&folder, &["rev-parse", "HEAD"]);
    folder.write("policies/file.json", &DOCUMENT.replace("logs/*", "logs/x*"));
    folder.write(".gitattributes", "* filter=evil diff=evil\n");
    let second = commit(&folder, "Second <s@x>", "second");
    git(&folder, &["replace", &second, first.trim()]);
    folder.write("alarm.sh", &format!("#!/bin/sh\necho ran >> {}\ncat\n", folder.path("alarm").display()));
    fs::set_permissions(folder.path("alarm.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path("alarm.sh").display().to_string();
    for (name, value) in [
        ("core.fsmonitor", program.as_str()),
        ("core.hooksPath", folder.path("").to_str().unwrap()),
        ("core.pager", &program),
        ("pager.rev-list", &program),
        ("filter.evil.clean", &program),
        ("filter.evil.smudge", &program),
        ("diff.evil.textconv", &program),
        ("diff.evil.command", &program),
        ("diff.external", &program),
        ("alias.rev-list", &format!("!{program}")),
        ("alias.blame", &format!("!{program}")),
        ("blame.ignoreRevsFile", "missing"),
        ("log.showSignature", "true"),
        ("gpg.program", &program),
    ] {
        git(&folder, &["config", name, value]);
    }
    assert_eq!(last_change(&folder, "bob write logs/x/a")["commit"], json!(second));
    assert!(!folder.path("alarm").exists(), "something of the repository was run");
}
