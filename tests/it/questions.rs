//! Questions of `attune access`: who can do all of something, with roles, and what only one of two can do.

use serde_json::{Value, json};

use crate::harness::Folder;

const FILE: &str = r#"
[cluster]
endpoints = ["sim:cluster.json"]

[roles.home]

[[policies.home.statement]]
sid      = "Home"
effect   = "Allow"
action   = "s3:GetObject"
resource = "arn:aws:s3:::logs/${aws:username}/*"

[[policies.office.statement]]
effect    = "Allow"
action    = "s3:GetObject"
resource  = "arn:aws:s3:::logs/*"
condition = { IpAddress = { "aws:SourceIp" = "10.0.0.0/8" } }

[[policies.never.statement]]
effect    = "Allow"
action    = "s3:GetObject"
resource  = "arn:aws:s3:::logs/*"
condition = { IpAddress = { "aws:SourceIp" = "10.0.0.0/8" } }

[[policies.never.statement]]
effect    = "Deny"
action    = "s3:GetObject"
resource  = "arn:aws:s3:::logs/*"
condition = { IpAddress = { "aws:SourceIp" = "10.0.0.0/8" } }

[[policies.named.statement]]
effect    = "Allow"
action    = "s3:GetObject"
resource  = "arn:aws:s3:::logs/*"
condition = { StringEquals = { "aws:username" = "frank" } }

[groups]
ops = "home"

[users]
alan  = "home"
alice = "home"
bob   = "readonly"
carol = { detached = true }
dora  = "office"
erin  = "named"
frank = "named"
gina  = "never"
"#;

const CLUSTER: &str = r#"{"format": "attune.sim/1", "tenants": {"Root": {
  "policies": {"home": {"document": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::logs/*"}]}}},
  "users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"},
    "alice": {"role": "S3", "policy": "home"},
    "zoe": {"role": "S3", "policy": "readwrite"}}}}}"#;

fn folder() -> Folder {
    Folder::with(&[("attune.toml", FILE), ("cluster.json", CLUSTER)])
}

fn who(json: &Value) -> Vec<String> {
    let name = |of: &Value| {
        let group = || of["group"].as_str().map(|group| format!("group/{group}"));
        let role = || of["roles"].as_array().map(|roles| format!("role/{}", roles[0].as_str().unwrap()));
        of["user"].as_str().map(str::to_owned).or_else(group).or_else(role).unwrap()
    };
    json["principals"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn all_of_something_is_more_than_some_of_it() {
    let folder = folder();
    let any = folder.attune("access --who read logs --any --format json").exits(0).json();
    assert_eq!(who(&any), ["alan", "alice", "bob", "dora", "erin", "frank", "group/ops"]);
    let all = folder.attune("access --who read logs --all").exits(0);
    let all = all
        .says("bob has readonly: + all of it\n")
        .says("frank has named: + all of it\n")
        .says("dora has office: ? not always: cannot read on logs/x when aws:SourceIp not in 10.0.0.0/8\n")
        .says("2 of 9 users and groups can always read on everything in logs\n");
    for other in ["alan", "alice", "erin", "gina", "ops"] {
        assert!(!all.stdout.contains(other), "{other}: {}", all.stdout);
    }
    let json = folder.attune("access --who read logs --all --format json").exits(0).json();
    assert_eq!(who(&json), ["bob", "dora", "frank"]);
    assert_eq!(json["request"]["pattern"], true);
    let of_dora = &json["principals"][1]["all"][0];
    assert_eq!((&of_dora["allowed"], &of_dora["missing"]["request"]), (&json!(false), &json!("read")));
    assert_eq!(of_dora["missing"]["conditions"], json!(["aws:SourceIp not in 10.0.0.0/8"]));
    assert_eq!(json["principals"][0]["all"], json!([{"rules": ["minio-2021", "minio-2026", "aws"], "allowed": true}]));
    let own = folder.attune("access --who read logs/alice/* --all --format json").exits(0).json();
    assert!(who(&own).contains(&"alice".to_owned()) && !who(&own).contains(&"alan".to_owned()), "{own:#}");
}

#[test]
fn an_answer_about_all_says_how_other_rules_differ() {
    let file = "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObjectVersion\"\n\
                resource = \"arn:aws:s3:::logs/*\"\n[users]\nal = \"p\"\n";
    let folder = Folder::with(&[("attune.toml", file)]);
    let all = folder.attune("access --who read logs --all --rules minio-2021,aws").exits(0);
    assert!(all.stdout.starts_with("al has p: + all of it\n  ! by aws: cannot read on logs/"), "{}", all.stdout);
    let aws = folder.attune("access --who read logs --all --rules aws").exits(0);
    assert_eq!(aws.stdout, "0 of 1 user or group can always read on everything in logs\n");
}

#[test]
fn roles_are_asked_if_it_is_said() {
    let folder = folder();
    let without = folder.attune("access --who read logs").exits(0);
    without.warns("not asked: 1 role of an identity provider; `--roles` adds them");
    let with = folder.attune("access --who read logs --roles").exits(0).says("a token with home: + read on logs/");
    assert!(with.stdout.contains("of 10 users, groups and roles can read in logs"), "{}", with.stdout);
    assert!(!with.stderr.contains("not asked"), "{}", with.stderr);
    let named = folder.attune("access --who read logs --roles office,home --format json").exits(0).json();
    assert!(who(&named).ends_with(&["role/home".to_owned(), "role/office".to_owned()]), "{named:#}");
    let all = folder.attune("access --who read logs --all --roles office").exits(0);
    all.says("a token with office: ? not always").says("2 of 10 users, groups and roles");
    folder.attune("access --roles").exits(1).warns("names no role");
    folder.attune("access --who read logs --roles gone").exits(1).warns("is unknown");
}

#[test]
fn questions_about_all_are_refused_where_they_mean_nothing() {
    let folder = folder();
    folder.attune("access --who read ab --all").exits(1).warns("`ab` is none");
    folder.attune("access --who red logs --all").exits(1).warns("did you mean");
    folder.attune("access --who s3:Gett* logs --all").exits(1).warns("no action");
    folder.attune("access alice --all").exits(1);
    folder.attune("access --who read logs --all --any").exits(1);
    folder.attune("access --who read logs --all --exact").exits(1);
    folder.attune("access --who s3:* * --all").exits(0).says("0 of 9 users and groups can always do all of s3:* in *");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn two_users_are_compared() {
    let folder = folder();
    let run = folder.attune("access --compare alice alan").exits(2);
    let expected = "alice has home; alan has home
only alice
  logs/alice/*   read
  ! logs/alice/*: not by aws: read versions
only alan
  logs/alan/*   read
  ! logs/alan/*: not by aws: read versions
both
  nothing
alice and alan can each do something that the other cannot
";
    assert_eq!(run.stdout, expected);
    let more = folder.attune("access --compare alice bob").exits(2);
    more.says("bob can do all that alice can, and more\n").says("*, except logs/alice/*   read\n");
    folder.attune("access --compare erin frank").exits(2).says("frank can do all that erin can, and more");
    folder.attune("access --compare carol bob").exits(2).says("carol has no policy; bob has readonly");
    folder.attune("access --compare carol gina").exits(0).says("the same access\n");
    folder.attune("access --compare alice alice").exits(0).says("the same access\n");
    folder.attune("access --compare group/ops role/home").exits(0).says("group ops has home; a token with home\n");
    folder.attune("access --compare alice dora").exits(2).says("logs/alice/* when aws:SourceIp in 10.0.0.0/8");
    let observed = folder.attune("access --compare alice zoe --observed").exits(2);
    observed.says("zoe can do all that alice can, and more");
}

#[test]
fn actions_without_effect_are_a_difference_of_actions_only() {
    let file = "[[policies.one.statement]]\neffect = \"Allow\"\naction = \"s3:DeleteObject\"\nresource = \"*\"\n\
                [[policies.two.statement]]\neffect = \"Allow\"\naction = [\"s3:DeleteObject\", \"s3:DeleteObjectVersion\"]\n\
                resource = \"*\"\n[users]\nal = \"one\"\nbo = \"two\"\n";
    let folder = Folder::with(&[("attune.toml", file)]);
    let run = folder.attune("access --compare al bo --rules minio-2021").exits(2);
    run.says("al and bo can do the same; the actions of their policies differ\n");
    folder.attune("access --compare al bo --rules aws").exits(2).says("bo can do all that al can, and more");
}

#[test]
fn a_comparison_is_data_with_its_actions() {
    let folder = folder();
    let json = folder.attune("access --compare dora bob --format json").exits(2).json();
    assert_eq!(json["format"], "attune.access-comparison/1");
    assert_eq!((&json["one"]["user"], &json["other"]["policy"]), (&json!("dora"), &json!("readonly")));
    assert_eq!(json["relation"], "other_has_more");
    assert_eq!(json["only_one"]["requests"], json!([]));
    assert_eq!(json["both"]["requests"][0]["pattern"], "arn:aws:s3:::logs/*");
    assert_eq!(json["actions"]["lost"], json!([]));
    folder.attune("access --compare dora bob -v").exits(2).says("actions of only bob (+), of only dora (-)");
    folder.attune("access --compare dora").exits(1);
    folder.attune("access --compare dora nobody").exits(1).warns("there is no user `nobody`");
    folder.attune("access --compare dora bob --who read logs").exits(1);
    folder.write("attune.toml", &FILE.replace("\"readonly\"", "\"elsewhere\""));
    folder.attune("access --compare dora bob").exits(1).warns("is unknown");
}
