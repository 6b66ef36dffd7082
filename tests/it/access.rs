//! `attune access`: who may do what, in the configuration and on the cluster.

use serde_json::{Value, json};

use crate::harness::Folder;

const FILE: &str = r#"
[cluster]
endpoints = ["sim:cluster.json"]

[credentials]
file = true
dir  = "secrets"

[[policies.logs.statement]]
sid      = "Logs"
effect   = "Allow"
action   = ["s3:GetObject", "s3:PutObject"]
resource = "arn:aws:s3:::logs/${aws:username}/*"

[[policies.logs.statement]]
effect   = "Deny"
action   = "s3:PutObject"
resource = "arn:aws:s3:::logs/*/closed/*"

[users.alice]
policy = "logs"

[users.bob]
policy = "readonly"

[users.carol]
detached = true
"#;

const CLUSTER: &str = r#"{"format": "attune.sim/1", "tenants": {"Root": {
  "policies": {"other": {"document": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::logs/*"}]}}},
  "users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"},
    "alice": {"role": "S3", "policy": "other"},
    "bob": {"role": "S3"},
    "zoe": {"role": "S3", "policy": "readwrite"}}}}}"#;

fn folder() -> Folder {
    Folder::with(&[("attune.toml", FILE), ("cluster.json", CLUSTER)])
}

fn users(json: &Value) -> Vec<&str> {
    json["principals"].as_array().unwrap().iter().map(|user| user["user"].as_str().unwrap()).collect()
}

#[test]
fn what_a_user_can_do_is_in_words_and_the_actions_are_behind_an_option() {
    let folder = folder();
    let alice = folder.attune("access alice").exits(0).says("alice has logs");
    let alice = alice.says("logs/${aws:username}/*   read\n");
    let alice = alice.says("logs/${aws:username}/*, except logs/*/closed/*, denied\n      write\n");
    assert!(!alice.stdout.contains("s3:"), "{}", alice.stdout);
    folder.attune("access alice -v").exits(0).says("actions").says("s3:GetObject").says("logs/${aws:username}/*");
    folder.attune("access bob").exits(0).says("bob has readonly").says("list keys and versions");
    folder.attune("access bob -v").exits(0).says("s3:List*");
    let older = folder.attune("access bob --release 4.4").exits(0);
    assert!(!older.stdout.contains("list keys"), "{}", older.stdout);
    folder.attune("access carol").exits(0).says("carol has no policy").says("no access");
    let json = folder.attune("access alice --format json").exits(0).json();
    let principal = &json["principals"][0];
    assert_eq!((&principal["policy"], &principal["document_known"]), (&json!("logs"), &json!(true)));
    assert!(!principal["access"]["gained"].as_array().unwrap().is_empty());
    let requests = principal["can"]["requests"].as_array().unwrap();
    assert!(requests.iter().any(|line| line["requests"].as_array().unwrap().contains(&json!("read"))), "{requests:?}");
    assert_eq!(json["rules"], json!(["minio-2021", "minio-2026", "aws"]));
    assert_eq!(json["not_reported"], json!(["service_accounts", "bucket_policies"]));
}

#[test]
fn an_ordinary_user_is_one_screen() {
    let file = r#"
[[policies.team.statement]]
effect   = "Allow"
action   = ["s3:ListBucket", "s3:GetBucketLocation"]
resource = "arn:aws:s3:::ml-data"

[[policies.team.statement]]
effect   = "Allow"
action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
resource = "arn:aws:s3:::ml-data/team/*"

[users.alice]
policy = "team"
"#;
    let text = Folder::with(&[("attune.toml", file)]).attune("access alice").exits(0).stdout;
    let expected = "alice has team
  ml-data          see the name, list keys and versions, read the location
  ml-data/team/*   read, write, delete (versions for good, too)
  ! ml-data: not by aws: see the name, list versions
  ! ml-data/team/*: not by minio-2026: write with a legal hold; not by aws: read versions, write
      with tags or a legal hold, delete versions for good
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn one_request_is_answered_with_the_statements_that_decide() {
    let folder = folder();
    let ask = |args: &str, code| folder.attune(&format!("access {args}")).exits(code);
    ask("alice s3:GetObject arn:aws:s3:::logs/alice/a", 0).says("allowed by Logs");
    ask("alice read logs/alice/a", 0).says("+ read on arn:aws:s3:::logs/alice/a: allowed by Logs");
    ask("alice s3:GetObject arn:aws:s3:::logs/bob/a", 2).says("no statement allows it");
    ask("alice s3:PutObject arn:aws:s3:::logs/alice/closed/a", 2).says("denied by statement 2");
    ask("alice s3:GetObject logs/alice/* --exact", 0)
        .says("s3:GetObject on arn:aws:s3:::logs/alice/*: allowed by Logs");
    ask("carol s3:GetObject arn:aws:s3:::logs/alice/a", 2).says("carol has no policy");
    let json = ask("alice s3:GetObject arn:aws:s3:::logs/alice/a --format json", 0).json();
    assert_eq!(
        json["request"],
        json!({"asked": "s3:GetObject", "requests": ["read"], "resource": "arn:aws:s3:::logs/alice/a", "pattern": false})
    );
    let decisions = json["principals"][0]["decisions"].as_array().unwrap();
    assert_eq!(decisions[0]["rules"], json!(["minio-2021", "minio-2026", "aws"]), "all rules decide alike");
    assert_eq!(decisions[0]["ways"][0]["actions"][0]["allowed_by"][0]["statement"], "Logs");
    let one = ask("alice s3:GetObject arn:aws:s3:::logs/alice/a --format json --rules aws", 0).json();
    assert_eq!(one["principals"][0]["decisions"][0]["rules"], json!(["aws"]));
}

#[test]
fn an_action_stands_for_the_request_that_is_meant_and_the_leading_rules_decide() {
    let statement = |action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [
              {{"Sid": "Only", "Effect": "Allow", "Action": "{action}", "Resource": "arn:aws:s3:::v/*"}}]}}"#
        )
    };
    let folder = Folder::with(&[
        ("delete.json", &statement("s3:DeleteObject")),
        ("version.json", &statement("s3:DeleteObjectVersion")),
    ]);
    for what in ["delete-version", "s3:DeleteObjectVersion"] {
        let ask = |file: &str, code| folder.attune(&format!("access {file} {what} v/k")).exits(code);
        let by_delete = ask("delete.json", 0);
        let by_delete = by_delete.says("delete versions for good").says("by minio-2021 and minio-2026 allowed");
        by_delete.says("a server asks for s3:DeleteObject (allowed by Only)").says("! by aws not allowed");
        let by_version = ask("version.json", 2).says("by minio-2021 and minio-2026 not allowed");
        by_version.says("a server asks for s3:DeleteObject (no statement allows it)").says("! by aws allowed by Only");
        folder.attune(&format!("access version.json {what} v/k --rules aws")).exits(0).says("allowed by Only");
        folder.attune(&format!("access version.json {what} v --rules minio-2021")).exits(2).says("nothing of that");
    }
}

#[test]
fn names_of_buckets_are_seen_where_keys_may_be_listed() {
    let folder = Folder::with(&[(
        "p.json",
        r#"{"Version": "2012-10-17", "Statement": [
          {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data"},
          {"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::*"}]}"#,
    )]);
    for what in ["see-buckets", "s3:ListAllMyBuckets"] {
        for all in ["*", "arn:aws:s3:::*"] {
            folder.attune(&format!("access p.json {what} {all}")).exits(0).says("p.json: + see the name on data");
        }
        folder.attune(&format!("access p.json {what} * --rules aws")).exits(2).says("nothing of that");
    }
    folder.attune("access p.json see-buckets data").exits(0).says("(allowed by statement 1)");
    folder.attune("access p.json see-buckets other").exits(2);
}

#[test]
fn keys_with_another_name_than_their_user_are_named() {
    let file = r#"
[[policies.p.statement]]
effect   = "Allow"
action   = "s3:*"
resource = "arn:aws:s3:::data/*"

[[policies.p.statement]]
effect    = "Deny"
action    = "s3:DeleteObject"
resource  = "arn:aws:s3:::data/*"
condition = { StringEquals = { "aws:username" = "alice" } }

[users.alice]
policy = "p"
[users.bob]
policy = "p"
"#;
    let folder = Folder::with(&[("attune.toml", file)]);
    let also = "its temporary credentials and service accounts also: delete";
    folder.attune("access alice delete data/k").exits(2).says("denied by statement 2").says(also);
    folder.attune("access alice").exits(0).says(also);
    let other = folder.attune("access alice delete data/k --rules minio-2026").exits(2);
    assert!(!other.stdout.contains(also), "there they have its name: {}", other.stdout);
    let bob = folder.attune("access bob delete data/k").exits(0).says("allowed by statement 1");
    assert!(!bob.stdout.contains(also));
    let json = folder.attune("access --who delete data/k --format json").exits(0).json();
    assert_eq!(users(&json), ["alice", "bob"]);
    assert_eq!(json["principals"][0]["other_keys"]["requests"][0]["rules"], json!(["minio-2021", "aws"]));
}

#[test]
fn the_users_that_can_do_something_are_listed() {
    let folder = folder();
    for what in ["s3:GetObject", "read"] {
        let json =
            folder.attune(&format!("access --who {what} arn:aws:s3:::logs/alice/a --format json")).exits(0).json();
        assert_eq!(users(&json), ["alice", "bob"]);
    }
    folder.attune("access --who s3:DeleteObject arn:aws:s3:::logs/alice/a").exits(0).says("nobody");
}

#[test]
fn a_pattern_asks_for_everything_that_matches_it() {
    let folder = folder();
    let who = folder.attune("access --who s3:GetObject logs").exits(0);
    who.says("alice has logs: + read on logs/${aws:username}/*\n")
        .says("bob has readonly: + read on logs/*")
        .says("2 of 3 users and groups can read in logs");
    let none = folder.attune("access --who s3:Delete* logs").exits(0);
    none.says("0 of 3 users and groups can do something of s3:Delete* in logs");
    folder.attune("access alice s3:Put* logs/*/closed/*").exits(2).says("alice has logs: - nothing of that");
    folder.attune("access alice s3:GetObject logs/bob/*").exits(2).says("nothing of that");
    let json = folder.attune("access alice s3:*Object logs/alice/* --format json").exits(0).json();
    assert_eq!(
        json["request"],
        json!({"asked": "s3:*Object", "requests": ["read", "write", "delete"], "resource": "arn:aws:s3:::logs/alice/*", "pattern": true})
    );
    let lines = json["principals"][0]["can"]["requests"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["requests"] == json!(["read"])), "{lines:?}");
}

#[test]
fn what_only_other_rules_allow_is_a_further_line() {
    let folder = Folder::with(&[(
        "p.json",
        r#"{"Version": "2012-10-17", "Statement": [
          {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::*-logs"}]}"#,
    )]);
    let run = folder.attune("access p.json list app-logs*").exits(0);
    assert_eq!(run.stdout, "p.json: - nothing of that\n  ! *-logs: only by aws: list keys\n");
    let run = folder.attune("access p.json list app-l* --rules aws").exits(0);
    assert_eq!(run.stdout, "p.json: + list keys on *-logs\n");
    assert_eq!(
        folder.attune("access p.json list app-l* --rules minio-2021").exits(2).stdout,
        "p.json: - nothing of that\n"
    );
}

#[test]
fn users_with_the_same_policy_and_answer_share_a_block() {
    let folder = folder();
    let more = "[users.dave]\npolicy = \"readonly\"\n\n[users.erin]\npolicy = \"logs\"\n";
    folder.write("attune.toml", &format!("{FILE}\n{more}"));
    let who = folder.attune("access --who s3:GetObject arn:aws:s3:::shared/a").exits(0);
    assert_eq!(
        who.stdout,
        "bob and dave have readonly\n  + s3:GetObject on arn:aws:s3:::shared/a: allowed by statement 1\n"
    );
    let who = folder.attune("access --who s3:GetObject arn:aws:s3:::logs/alice/a").exits(0);
    assert_eq!(who.stdout.matches(" has ").count(), 1, "the variable of erin has another value: {}", who.stdout);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_policy_on_the_cluster_is_read() {
    let folder = folder();
    let json = folder.attune("access --observed --who s3:DeleteObject logs/alice/a --format json").exits(0).json();
    assert_eq!(users(&json), ["alice", "zoe"]);
    folder.attune("access --observed alice s3:GetObject logs/alice/a").exits(2).says("alice has other");
    folder.attune("access --observed zoe").exits(0).says("zoe has readwrite").says("do everything");
}

#[test]
fn unknown_access_is_reported() {
    let folder = folder();
    folder.write("attune.toml", &FILE.replace("\"readonly\"", "\"elsewhere\""));
    let unknown = folder.attune("access bob").exits(1).says("is unknown").warns("`elsewhere`").warns("--observed");
    assert!(!unknown.stdout.contains("no access"));
    let who = folder.attune("access --who s3:GetObject logs/alice/a --format json").exits(1);
    assert_eq!(users(&who.json()), ["alice", "bob"]);
    assert_eq!(who.json()["principals"][1]["document_known"], false);
    folder.attune("access alise").exits(1).warns("there is no user `alise`").warns("did you mean `alice`?");
    folder.attune("access alice s3:GetObjekt logs/a").exits(1).warns("did you mean `s3:GetObject`?");
    folder.attune("access alice s3:GetObject logs --exact").exits(1).warns("BUCKET/KEY");
    folder.attune("access alice s3:Gett* logs").exits(1).warns("`s3:Gett*` is no action");
    let word = folder.attune("access alice delete-versoin logs").exits(1);
    word.warns("`delete-versoin` is no word for a request")
        .warns("did you mean `delete-version`?")
        .warns("has all words");
    folder.attune("access").exits(1);
    folder.attune("access alice s3:GetObject").exits(1);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_override_in_a_refusal_is_sufficient() {
    let folder = folder();
    let refused = folder.attune("plan --deny-new-access").exits(3);
    let agree: Vec<_> =
        refused.stdout.split("--allow-access '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert!(agree.len() > 2, "{}", refused.stdout);
    let args = |agree: &[&str]| agree.iter().map(|one| format!(" --allow-access {one}")).collect::<String>();
    folder.attune(&format!("plan --deny-new-access{}", args(&agree))).exits(0);
    folder.attune(&format!("plan --deny-new-access{}", args(&agree[1..]))).exits(3);
}

#[test]
fn a_document_alone_is_asked() {
    let folder = Folder::with(&[
        (
            "bucket.json",
            r#"{"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"},
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam:::user/al"}, "Action": "s3:*", "Resource": "arn:aws:s3:::site/*"}]}"#,
        ),
        (
            "home.json",
            r#"{"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}]}"#,
        ),
    ]);
    let run = folder.attune("access bucket.json").exits(0);
    run.says("bucket.json\n  site/*   read\n")
        .warns("requests without a login")
        .warns("gives named principals nothing");
    folder.attune("access bucket.json s3:GetObject site/a").exits(0).says("allowed by statement 1");
    folder.attune("access bucket.json s3:PutObject site/a").exits(2).says("no statement allows it");
    folder.attune("access bucket.json s3:Put* site").exits(2).says("bucket.json: - nothing of that");
    folder.attune("access home.json").exits(0).says("home/${aws:username}/*");
    let json = folder.attune("access home.json --format json").exits(0).json();
    assert_eq!(
        (&json["principals"][0]["document"], &json["principals"][0]["user"]),
        (&json!("home.json"), &Value::Null)
    );
    folder.attune("access none.json").exits(1).warns("cannot read the policy document none.json");
}

/// The list of buckets asks with an empty prefix: to list one's own folder does not show the bucket's name.
#[test]
fn the_name_of_a_bucket_is_seen_only_if_its_list_is_allowed_without_a_prefix() {
    let document = |prefix: &str| {
        let condition = format!(r#"{{"StringLike": {{"s3:prefix": [{prefix}]}}}}"#);
        let list = r#""Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::team""#;
        format!(r#"{{"Version": "2012-10-17", "Statement": [{{{list}, "Condition": {condition}}}]}}"#)
    };
    let folder =
        Folder::with(&[("folder.json", &document(r#""home/x/*""#)), ("top.json", &document(r#""", "home/x/*""#))]);
    let run = folder.attune("access folder.json --rules minio-2021,minio-2026").exits(0);
    run.says("team when s3:prefix like \"home/x/*\"\n      list keys and versions\n");
    folder
        .attune("access folder.json see-buckets team")
        .exits(2)
        .says("s3:ListBucket with s3:prefix \"\" and s3:delimiter \"/\" (no statement allows it)");
    folder.attune("access folder.json list team").exits(2).says("it depends, allowed by statement 1 when s3:prefix");
    folder.attune("access top.json see-buckets team").exits(0);
    let json = folder.attune("access top.json see-buckets team --format json").exits(0).json();
    let asked = &json["principals"][0]["decisions"][0]["ways"][1]["actions"][0];
    assert_eq!(asked["keys"], json!({"s3:prefix": "", "s3:delimiter": "/"}));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_token_with_several_roles_has_the_merged_access_of_their_policies() {
    let document = |action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::{resource}/*"}}]}}"#
        )
    };
    let state = format!(
        r#"{{"tenants":{{"Root":{{"policies":{{"a":{{"document":{}}},"b":{{"document":{}}}}}}}}}}}"#,
        document("s3:GetObject", "models"),
        document("s3:PutObject", "web")
    );
    let file = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[policies.a]\ndocument = \"a.json\"\n[policies.b]\ndocument = \"b.json\"\n";
    let folder = Folder::with(&[
        ("attune.toml", file),
        ("cluster.json", &state),
        ("a.json", &document("s3:GetObject", "models")),
        ("b.json", &document("s3:PutObject", "web")),
    ]);
    for way in ["", "--observed"] {
        let all = folder.attune(&format!("access --roles a,b {way}")).exits(0).says("a token with a, b");
        all.says("models").says("web");
        let asked = |roles: &str, action: &str, object: &str| {
            folder.attune(&format!("access {way} --roles {roles} {action} arn:aws:s3:::{object}"))
        };
        asked("a,b", "s3:GetObject", "models/x").exits(0);
        asked("a,b", "s3:PutObject", "web/x").exits(0);
        asked("a", "s3:PutObject", "web/x").exits(2);
        asked("a,b", "s3:PutObject", "models/x").exits(2);
        assert_eq!(asked("a,gone", "s3:PutObject", "models/x").code, Some(1));
        let answer = folder.attune(&format!("access --roles b,a {way} --format json")).exits(0).json();
        assert_eq!(answer["principals"][0]["roles"], serde_json::json!(["a", "b"]));
    }
    folder.attune("access --roles a s3:GetObject").exits(1).warns("WHAT and ARN are given together");
    folder.attune("access alice s3:GetObject").exits(1).warns("WHAT and ARN are given together");
}
