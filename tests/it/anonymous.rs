//! Anyone without a login: answers, expectations and reports, on a simulated cluster with policies of buckets.

use serde_json::{Map, Value, json};

use crate::harness::{Folder, validate};
use crate::served::Served;

/// 200 buckets, three of which let in everyone: two by `download`, one by a document of its own. `alice` has `readonly`.
fn folder(more: &str) -> Folder {
    let configuration =
        format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n\n[users]\nalice = \"readonly\"\n\n{more}");
    let bucket = |number: usize| {
        let name = format!("data-{number:03}");
        let policy = match number {
            17 | 120 => json!("download"),
            5 => document(&name),
            _ => json!("none"),
        };
        (name, json!({ "policy": policy }))
    };
    let buckets: Map<String, Value> = (0..200).map(bucket).collect();
    let users =
        json!({"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "readonly"}, "zoe": {}});
    let cluster = json!({"format": "attune.sim/1", "tenants": {"Root": {"users": users, "buckets": buckets}}});
    Folder::with(&[("attune.toml", &configuration), ("cluster.json", &cluster.to_string())])
}

fn document(bucket: &str) -> Value {
    let resource = |rest: &str| format!("arn:aws:s3:::{bucket}{rest}");
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Look", "Effect": "Allow", "Principal": "*", "Action": ["s3:ListBucket"], "Resource": [resource("")]},
        {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"], "Resource": [resource("/open/*")]},
        {"Effect": "Allow", "Principal": {"AWS": ["alice"]}, "Action": ["s3:PutObject"], "Resource": [resource("/*")]},
    ]})
}

#[test]
fn who_can_read_names_anonymous_with_the_bucket_and_the_statement() {
    let folder = folder("");
    let run = folder.attune("access --who s3:GetObject data-*/* --observed --rules minio-2021").exits(0);
    let run = run.says("anonymous: + read").says("by the policy of bucket data-005: statement ");
    let run = run.says("by the policy of bucket data-017 (download): ").says("and so can anyone without a login");
    assert!(!run.stdout.contains("zoe"), "by these rules, no policy of a bucket counts for users:\n{}", run.stdout);
    let by_aws = folder.attune("access --who s3:GetObject data-*/* --observed --rules aws").exits(0);
    by_aws.says("zoe has no policy: + read");
    let answer =
        folder.attune("access --who s3:GetObject data-*/* --observed --rules minio-2021 --format json").exits(0);
    let answer = answer.json();
    validate(&answer);
    let anonymous = answer["principals"].as_array().unwrap().iter().find(|of| of["anonymous"] == true).unwrap();
    let buckets: Vec<&str> =
        anonymous["by"].as_array().unwrap().iter().map(|of| of["bucket"].as_str().unwrap()).collect();
    assert_eq!(buckets, ["data-005", "data-017", "data-120"]);
    assert_eq!(answer["not_reported"], json!(["service_accounts"]));
}

#[test]
fn one_request_without_a_login_is_decided_and_explained() {
    let folder = folder("");
    folder
        .attune("access --anonymous read data-017/k --observed")
        .exits(0)
        .says("anonymous")
        .says("of bucket data-017");
    folder.attune("access --anonymous read data-018/k --observed").exits(2).says("not allowed");
    folder.attune("access --anonymous see-buckets data-017 --observed").exits(2);
    let why = folder.attune("access --anonymous list data-005 --why --observed").exits(0);
    why.says(" \"Look\" of the policy of bucket data-005 allows s3:ListBucket");
    let union = folder.attune("access --why alice write data-005/k --observed --rules aws,minio-2021").exits(0);
    union.says("of the policy of bucket data-005 allows s3:PutObject, by aws");
    folder.attune("access alice write data-005/k --observed --rules minio-2021").exits(2);
    folder.attune("access --compare alice @anonymous --observed").exits(2).says("anonymous");
    let everything = folder.attune("access --anonymous --observed --rules minio-2021").exits(0);
    everything.says("data-005/open/*").says("data-120");
}

#[test]
fn an_answer_says_that_the_policies_of_buckets_were_not_read() {
    let folder = folder("");
    let run = folder.attune("access --who s3:GetObject data-*/*").exits(0);
    assert!(run.stderr.contains("not counted: the policies of buckets"), "{}", run.stderr);
    assert!(!run.stdout.contains("anonymous"), "{}", run.stdout);
    let json = folder.attune("access alice --format json").exits(0).json();
    assert_eq!(json["not_reported"], json!(["service_accounts", "bucket_policies"]));
    folder.attune("access --anonymous").exits(1).warns("is unknown: no policies of buckets were read");
}

#[test]
fn an_expectation_names_anonymous_and_a_fourth_public_bucket_is_refused() {
    let expect = "[[expect]]\nname = \"only three are public\"\nuser = \"@anonymous\"\ncannot = \"read\"\non = [\"data-0*\", \"data-1*\"]\n";
    let folder = folder(&format!("[buckets]\ndata-042 = \"download\"\n\n{expect}"));
    let run = folder.attune("plan").exits(3);
    run.says("expectation \"only three are public\" fails: everyone without a login can read (read) `data-042/")
        .says("the policy of bucket `data-042` allows it");
    let nobody = expect.replace("user = \"@anonymous\"\ncannot", "nobody").replace("on =", "except = [\"*\"]\non =");
    folder.write("attune.toml", &folder.read("attune.toml").replace(expect, &nobody));
    folder.attune("plan").exits(3).says("everyone without a login can read");
    let except = nobody.replace("[\"*\"]", "[\"*\", \"@anonymous\"]");
    folder.write("attune.toml", &folder.read("attune.toml").replace(&nobody, &except));
    folder.attune("plan").exits(0);
}

#[test]
fn a_report_has_a_row_for_anonymous_and_the_public_buckets() {
    let folder = folder("");
    let text = folder.attune("report --observed --format text").exits(0);
    let text = text.says("buckets that everyone can use without a login").says("data-017: ").says("(policy download)");
    assert!(text.stdout.contains("  anonymous\n"), "{}", text.stdout);
    let report = folder.attune("report --observed --format json").exits(0).json();
    validate(&report);
    let public: Vec<&str> =
        report["public_buckets"].as_array().unwrap().iter().map(|of| of["bucket"].as_str().unwrap()).collect();
    assert_eq!(public, ["data-005", "data-017", "data-120"]);
    assert!(report["public_buckets"][0]["before"]["can"].as_array().unwrap().contains(&json!("read")));
    folder.attune("report --observed --format html").exits(0).says("Buckets that everyone can use").says("anonymous");
    let offline = folder.attune("report --desired --format json").exits(0).json();
    assert_eq!(offline["public_buckets"], Value::Null);
    assert!(offline["not_reported"].as_array().unwrap().contains(&json!("bucket_policies")));
}

#[test]
fn lint_of_the_policy_of_a_bucket_has_rules_of_its_own() {
    let folder = folder("");
    folder.write("bucket.json", &document("data-005").to_string());
    folder.attune("policy lint --bucket data-005 bucket.json").exits(0).says("bucket-principal-named");
    folder.attune("policy lint --bucket data-006 bucket.json").exits(1).says("resource-of-other-bucket");
    folder.attune("policy lint bucket.json").exits(1).says("belongs in `[buckets.NAME]`");
    folder.attune("policy lint --bucket NOT_A_BUCKET bucket.json").exits(1);
}

/// By AWS, the policy of a bucket counts for users. Where it is unknown, that is said once, in a sentence.
#[test]
fn an_unknown_policy_of_a_bucket_may_decide() {
    let folder = folder("");
    let fault = "GET /s3/buckets/data-005/policyJson=refuse:400";
    let served = Served::start_with(&folder, &["--fault", fault]);
    let ask = |question: &str| {
        let line = format!("access {question} --observed --cluster {}", served.url);
        folder.attune_with(&line, &[("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")])
    };
    let by_aws = "! by aws it depends, allowed by statement 1 and perhaps by the unknown policy of bucket data-005; denied perhaps \
        by the unknown policy of bucket data-005";
    ask("alice read data-005/x").exits(0).says(by_aws);
    let alone = "? delete on arn:aws:s3:::data-005/x: it depends, allowed perhaps by the unknown policy of bucket data-005; denied";
    ask("alice delete data-005/x --rules aws").exits(2).says(alone);
    ask("--anonymous read data-005/x").exits(2).says("it depends, allowed perhaps by the unknown policy");
}
