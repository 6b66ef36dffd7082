//! The faults of the S3 service.

use attune::sim::{FaultRules, Running};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{Client, NO_BUCKET, allow, cluster, start};

/// The statements of everything.
fn everything() -> Value {
    allow("s3:*")
}

async fn with_fault(rules: &str, buckets: &Value, fault: &str) -> (Running, Client) {
    let running = start(cluster(rules, &[("alice", everything())], buckets), &[fault]).await;
    let alice = Client::of(&running, "alice");
    (running, alice)
}

#[tokio::test]
async fn a_fault_lets_through_or_refuses_one_action_of_signed_requests() {
    let faults = [
        "s3-allow:s3:DeleteObject",
        "s3 GET /*#2=s3-deny:s3:GetObject",
        "s3 GET /busy*=503:2",
        "s3 GET /new*,times=1=refuse:403:InvalidAccessKeyId",
    ];
    let running = start(cluster("minio-2021", &[("alice", allow("s3:GetObject"))], &json!({})), &faults).await;
    let (alice, nobody) = (Client::of(&running, "alice"), Client::new(&running, None));
    let path = format!("/{NO_BUCKET}/key");
    assert!(alice.send("DELETE", &path, "").await.is(404, "NoSuchBucket"));
    assert!(nobody.send("DELETE", &path, "").await.is(403, "AccessDenied"));
    assert!(alice.send("GET", &path, "").await.is(404, "NoSuchBucket"));
    assert!(alice.send("GET", &path, "").await.is(403, "AccessDenied"));
    assert!(alice.send("GET", &path, "").await.is(404, "NoSuchBucket"));
    assert!(alice.send("GET", "/busy/key", "").await.is(503, "SlowDown"));
    assert!(alice.send("GET", "/new/key", "").await.is(403, "InvalidAccessKeyId"));
    assert!(alice.send("GET", "/new/key", "").await.is(404, "NoSuchBucket"));
}

#[tokio::test]
async fn with_a_fault_every_put_that_is_allowed_makes_its_bucket() {
    for (method, path) in [
        ("PUT", "/key?partNumber=1&uploadId=x"),
        ("PUT", "?policy"),
        ("PUT", "?tagging"),
        ("PUT", "/key"),
        ("POST", "/key?uploads"),
    ] {
        let (running, alice) = with_fault("minio-2026", &json!({}), "s3-makes-buckets").await;
        let (path, bucket) = (format!("/{NO_BUCKET}{path}"), format!("/{NO_BUCKET}"));
        Client::new(&running, None).send(method, &path, "x").await;
        assert!(alice.send("GET", &format!("{bucket}?location"), "").await.is(404, "NoSuchBucket"), "{method} {path}");
        alice.send(method, &path, "x").await;
        assert!(alice.send("GET", &format!("{bucket}?location"), "").await.is(200, ""), "{method} {path}");
        alice.send("DELETE", &format!("{bucket}/key"), "").await;
        assert!(alice.send("DELETE", &bucket, "").await.is(204, ""));
        assert!(running.state().unwrap().tenants["Root"].buckets.is_empty());
    }
}

#[tokio::test]
async fn with_a_fault_parameters_make_no_difference_to_what_is_done() {
    let buckets = json!({ "data": {}, "kept": { "versioning": true } });
    let (running, alice) = with_fault("minio-2021", &buckets, "s3-ignores-parameters").await;
    for path in ["/data/k%20%C3%A9?tagging", "/data/k%20%C3%A9?partNumber=1&uploadId=x", "/data/k%20%C3%A9?retention"] {
        assert!(alice.send("PUT", path, "four").await.is(200, ""), "{path}");
        let listed = alice.send("GET", "/data?list-type=2&prefix=k", "").await.body;
        assert!(listed.contains("<Key>k é</Key>") && listed.contains("<Size>4</Size>"), "{listed}");
        assert_eq!(alice.send("GET", "/data/k%20%C3%A9", "").await.body, "xxxx");
        assert!(alice.send("DELETE", "/data", "").await.is(409, "BucketNotEmpty"));
        assert!(alice.send("DELETE", "/data/k%20%C3%A9?versionId=x", "").await.is(204, ""));
        assert!(alice.send("GET", "/data/k%20%C3%A9", "").await.is(404, "NoSuchKey"));
    }
    // Where versions are kept, a deletion leaves a marker.
    assert!(alice.send("DELETE", "/kept/key?versionId=x", "").await.is(204, ""));
    let versions = alice.send("GET", "/kept?versions&prefix=key", "").await.body;
    assert!(versions.contains("<DeleteMarker><Key>key</Key>"), "{versions}");
    assert!(alice.send("PUT", &format!("/{NO_BUCKET}?policy"), "x").await.is(200, ""));
    assert!(running.state().unwrap().tenants["Root"].buckets.contains_key(NO_BUCKET));
}

#[tokio::test]
async fn with_a_fault_any_text_becomes_a_setting() {
    let buckets = json!({ "data": { "policy": "download", "versioning": true } });
    let (running, alice) = with_fault("minio-2021", &buckets, "s3-takes-any-body").await;
    for setting in ["policy", "lifecycle", "tagging", "versioning", "notification", "object-lock"] {
        let path = format!("/data?{setting}");
        let wrong = [("content-md5", STANDARD.encode(Md5::digest("something else")))];
        let before = alice.send("GET", &path, "").await;
        let sent = alice.send_with("PUT", &path, "attune-verify", &wrong).await;
        assert!((200..300).contains(&sent.status), "{setting} {sent:?}");
        assert_eq!(alice.send("GET", &path, "").await.body, "attune-verify", "{setting}");
        if before.status == 200 {
            alice.send("PUT", &path, &before.body).await;
            assert_eq!(alice.send("GET", &path, "").await.body, before.body, "{setting}");
        }
    }
    running.set_faults(&FaultRules::default());
    assert!(alice.send("PUT", "/data?policy", "attune-verify").await.is(400, "MalformedPolicy"));
    assert!(alice.send("PUT", "/data?versioning", "attune-verify").await.is(400, "MalformedXML"));
    assert!(alice.send("DELETE", "/data?policy", "").await.is(204, ""));
    assert!(alice.send("GET", "/data?policy", "").await.is(404, "NoSuchBucketPolicy"));
}
