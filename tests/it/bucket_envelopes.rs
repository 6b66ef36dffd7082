//! Envelopes and bucket policies through the binary: what the policy of a bucket that an included file declares may let in.

use serde_json::json;

use crate::envelopes::{add, folder, is_refused, replace};
use crate::harness::Folder;

/// A folder whose team declares bucket policies, with envelopes.
fn with_buckets(team: &str) -> Folder {
    let folder = folder();
    replace(&folder, "attune.toml", "may_attach", "buckets    = \"ml-*\"\nmay_attach");
    add(&folder, "teams/ml.toml", team);
    let names = ["ml-data", "ml-open", "ml-up", "ml-pub"];
    folder.drift(|tenant| tenant["buckets"] = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect());
    folder
}

/// A statement of the policy of a bucket of the team.
fn statement(bucket: &str, effect: &str, principal: &str, action: &str) -> String {
    format!(
        "[[buckets.{bucket}.statement]]\neffect = \"{effect}\"\nprincipal = \"{principal}\"\naction = \"s3:{action}\"\n\
         resource = \"arn:aws:s3:::{bucket}/*\"\n"
    )
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_policy_of_a_bucket_lets_nobody_do_more() {
    let reads = statement("ml-data", "Allow", "*", "GetObject");
    let deletes = statement("ml-data", "Allow", "*", "DeleteObject");
    let folder = with_buckets(&reads);
    folder.attune("validate").exits(0);
    folder.attune("test").exits(0).says("envelopes: 1 holds");
    folder.attune("plan").exits(0).says("envelopes: 1 holds");

    add(&folder, "teams/ml.toml", &deletes);
    let what = "envelope \"ml\" is exceeded: the policy of bucket `ml-data` lets everyone without a login delete (delete) \
                `ml-data/x`: statement 2 of the bucket's policy allows `s3:DeleteObject`";
    folder.attune("validate").exits(1).says(what).says("--> teams/ml.toml:11");
    for command in ["plan", "apply --yes"] {
        folder.attune(command).exits(3).says(what).says("--override envelope=ml");
    }
    let json = folder.attune("test --format json").exits(3).json();
    let breach = &json["envelopes"][0]["breaches"][0];
    assert_eq!((&breach["bucket"], &breach["declared"]), (&json!("ml-data"), &json!(true)));
    assert_eq!((&breach["failure"]["who"], &breach["failure"]["request"]), (&json!("@anonymous"), &json!("delete")));
    folder.attune("apply --yes --override envelope=ml").exits(0);
    folder
        .attune("test --observed")
        .exits(3)
        .says("the policy of bucket `ml-data` lets everyone without a login delete");
    // A plan of a part is refused only by what it makes worse.
    folder.attune("plan --only policy/ml-rw").exits(0).warns("envelope-exceeded-before");
    add(&folder, "teams/ml.toml", &statement("ml-data", "Allow", "*", "DeleteObjectVersion"));
    folder.attune("plan --only bucket/ml-data").exits(3).says("delete versions for good (delete-version) `ml-data/x`");

    // An explicit Deny for everyone counts, and one for a user does not.
    for (principal, exit) in [("*", 0), ("alice", 3)] {
        with_buckets(&(deletes.clone() + &statement("ml-data", "Deny", principal, "DeleteObject")))
            .attune("test")
            .exits(exit);
    }
}

#[test]
fn the_policy_of_a_bucket_lets_named_users_do_no_more_by_the_rules_that_count_it() {
    let folder = with_buckets(&statement("ml-data", "Allow", "alice", "DeleteObject"));
    let run = folder
        .attune("test")
        .exits(3)
        .says("the policy of bucket `ml-data` lets requests with a login delete (delete) `ml-data/x` (by aws rules)");
    run.says("if \"Principal\": {\"AWS\":[\"alice\"]} is about the sender: statement 1 of the bucket's policy");
    let cluster = "[cluster]\nrules = \"minio-2026\"";
    replace(&folder, "attune.toml", "[cluster]", cluster);
    folder.attune("test").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn what_a_canned_policy_gives_is_not_decided_offline() {
    let folder = with_buckets("[buckets]\nml-open = \"download\"\nml-pub = \"none\"\n");
    let what = "only the cluster says what the policy `download` of bucket `ml-open` lets in";
    folder.attune("validate").exits(0).says("envelope-undecided").says(what);
    folder.attune("test").exits(3).says("UNKNOWN envelope ml").says(what);
    // No bucket of the cluster has it yet.
    folder.attune("plan").exits(3).says("what the policy of bucket `ml-open` lets in is not known");
    folder.drift(|tenant| tenant["buckets"]["other"] = json!({"policy": "download"}));
    folder.attune("plan").exits(3).says("lets everyone without a login read the location (read-location) `ml-open`");
    replace(&folder, "attune.toml", "\"s3:ListBucket\"", "\"s3:ListBucket\", \"s3:GetBucketLocation\"");
    folder.attune("plan").exits(0).says("envelopes: 1 holds");
    // An envelope that gives everything in the bucket needs no answer.
    let folder = with_buckets("[buckets]\nml-open = \"public\"\n");
    replace(&folder, "attune.toml", "\"s3:GetObject\", \"s3:ListBucket\", \"s3:PutObject\"", "\"s3:*\"");
    folder.attune("test").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_bucket_policy_is_bound_where_it_is_declared() {
    // By both envelopes of its file, and by the conditions of an envelope.
    let folder = with_buckets(&statement("ml-data", "Allow", "*", "PutObject"));
    folder.attune("test").exits(0);
    let more = "[[envelope]]\nname = \"inside\"\nfiles = \"**\"\npolicies = \"*\"\nusers = \"*\"\nbuckets = \"*\"\n\
                actions = [\"s3:GetObject\", \"s3:PutObject\"]\nresources = \"*\"\n\
                conditions = { IpAddress = { \"aws:SourceIp\" = \"10.0.0.0/8\" } }\n";
    add(&folder, "attune.toml", more);
    let run = folder.attune("test").exits(3).says("ok      envelope ml").says("FAILED  envelope inside");
    run.says("lets everyone without a login write (write) `ml-data/x`, if aws:SourceIp not in 10.0.0.0/8");

    // A file whose envelope has no buckets declares none, and an envelope without access lets nobody in.
    let folder = with_buckets(&statement("ml-data", "Allow", "*", "GetObject"));
    replace(&folder, "attune.toml", "buckets    = \"ml-*\"\n", "");
    is_refused(&folder, "outside-envelope", "the bucket `ml-data` in `teams/ml.toml`");

    // A row of another file declares the bucket as well.
    let folder = with_buckets("[tables.b]\nml-up = {}\n");
    let template = statement("\"{{b}}\"", "Allow", "*", "DeleteObject").replace(":::\"{{b}}\"", ":::{{b}}");
    add(&folder, "attune.toml", &format!("[buckets.\"{{{{b}}}}\"]\neach = \"b\"\n{template}"));
    folder.attune("test").exits(3).says("the policy of bucket `ml-up` lets everyone without a login delete");

    // The main file is free, and what it opens for everyone is not what the users of a team have.
    let folder = self::folder();
    add(&folder, "attune.toml", &statement("docs", "Allow", "*", "DeleteObject"));
    folder.drift(|tenant| tenant["buckets"] = json!({"docs": {}}));
    folder.attune("plan").exits(0).says("envelopes: 1 holds");
    folder.attune("apply --yes").exits(0);
    folder.attune("test --observed").exits(0);
}
