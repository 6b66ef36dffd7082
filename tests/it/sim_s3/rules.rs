//! The rules by which the S3 service decides requests, and temporary credentials.

use attune::sim::{FaultRules, Running};
use serde_json::{Value, json};

use super::{Client, NO_BUCKET, access_key, allow, cluster, start};

#[tokio::test]
async fn aws_looks_for_the_bucket_first_and_hides_keys_from_those_who_may_not_list() {
    let users =
        [("reader", allow("s3:GetObject")), ("lister", json!([allow("s3:GetObject")[0], allow("s3:ListBucket")[0]]))];
    let open = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::open/*"] },
        { "Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::open/secret/*"] },
    ] });
    let running = start(cluster("aws", &users, &json!({ "data": {}, "open": { "policy": open } })), &[]).await;
    let (reader, lister) = (Client::of(&running, "reader"), Client::of(&running, "lister"));
    let nobody = Client::new(&running, None);
    for client in [&reader, &lister, &nobody] {
        assert!(client.send("DELETE", &format!("/{NO_BUCKET}/key"), "").await.is(404, "NoSuchBucket"));
    }
    assert!(reader.send("GET", "/data/key", "").await.is(403, "AccessDenied"));
    assert!(lister.send("GET", "/data/key", "").await.is(404, "NoSuchKey"));
    assert!(lister.send("DELETE", "/data/key", "").await.is(403, "AccessDenied"));
    // The policy of the bucket counts for users as well.
    assert!(lister.send("DELETE", "/open/key", "").await.is(204, ""));
    assert!(nobody.send("DELETE", "/open/key", "").await.is(204, ""));
    assert!(lister.send("GET", "/open/secret/key", "").await.is(403, "AccessDenied"));
}

/// These statements, and one that lets AWS tell whether a key exists.
fn and_list(statements: &Value) -> Value {
    let mut all = statements.as_array().unwrap().clone();
    all.push(json!({ "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::data"] }));
    all.into()
}

/// Which of these requests a user may send, by each of the rules.
#[tokio::test]
async fn the_rules_read_documents_differently() {
    let on = |effect: &str, action: &str, resource: &str| json!({ "Effect": effect, "Action": [action], "Resource": [format!("arn:aws:s3:::{resource}")] });
    let of_object = |action: &str| on("Allow", action, "data/*");
    let put = of_object("s3:PutObject");
    let (get, put_part) = (("GET", "/data/k"), ("PUT", "/data/k?partNumber=1&uploadId=x"));
    let delete_version = ("DELETE", "/data/k?versionId=8d2f1c34-0000-4000-8000-000000000000");
    let location = ("GET", "/data?location");
    for (statements, (method, path), expected) in [
        (json!([of_object("s3:GetBucketLocation")]), location, [true, true, false]),
        (json!([on("Allow", "s3:GetBucketLocation", "*ta")]), location, [false, false, true]),
        (json!([of_object("s3:GetObjectVersion")]), get, [true, true, false]),
        (json!([of_object("s3:getobject")]), get, [false, false, true]),
        (json!([of_object("s3:DeleteObject")]), delete_version, [true, true, false]),
        (
            json!([of_object("s3:DeleteObject"), on("Deny", "s3:DeleteObjectVersion", "data/*")]),
            delete_version,
            [true, false, false],
        ),
        (
            json!([{ "Effect": "Allow", "NotAction": ["s3:PutObject"], "Resource": ["arn:aws:s3:::*"] }]),
            location,
            [false, true, true],
        ),
        (json!([on("Allow", "s3:GetObject", "data/?")]), ("GET", "/data/%C3%A9"), [true, false, true]),
        (json!([on("Deny", "s3:PutObject", "data/*"), put, put]), put_part, [true, false, false]),
        (json!([on("Allow", "s3:GetObject", "data/k")]), ("GET", "/data//k"), [true, true, false]),
        (json!([on("Allow", "s3:GetObject", "data/${aws:username}")]), ("GET", "/data/alice"), [true, true, true]),
    ] {
        for (rules, expected) in ["minio-2021", "minio-2026", "aws"].into_iter().zip(expected) {
            let running = start(cluster(rules, &[("alice", and_list(&statements))], &json!({ "data": {} })), &[]).await;
            let alice = Client::of(&running, "alice");
            let answer = alice.send(method, path, "").await;
            assert_eq!(answer.status != 403, expected, "{rules} {statements} {path} {answer:?}");
        }
    }
}

#[tokio::test]
async fn temporary_credentials_are_those_of_their_user_until_they_expire() {
    let own = json!([
        { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::data/${aws:username}/*"] },
        { "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::data/*"] },
    ]);
    for (rules, has_name) in [("minio-2021", false), ("minio-2026", true)] {
        let running = start(cluster(rules, &[("alice", own.clone())], &json!({ "data": {} })), &[]).await;
        let narrow = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::*"] }] });
        let [whole, narrowed] = [None, Some(narrow)].map(|policy| assume_role(&running, "alice", policy));
        let (whole, narrowed) = (whole.await, narrowed.await);
        let part = "/data/k?partNumber=1&uploadId=x";
        assert!(whole.send("PUT", part, "").await.is(404, "NoSuchUpload"));
        assert!(narrowed.send("PUT", part, "").await.is(403, "AccessDenied"));
        assert!(narrowed.send("GET", "/data?location", "").await.is(200, ""));
        assert_eq!(whole.send("GET", "/data/alice/k", "").await.is(404, "NoSuchKey"), has_name);
        assert!(Client { token: None, ..whole.clone() }.send("GET", "/", "").await.is(403, "InvalidAccessKeyId"));
        // The clocks of both go forward.
        running.set_faults(&FaultRules(vec!["s3-clock:14m".parse().unwrap()]));
        assert!(whole.send("GET", "/data?location", "").await.is(200, ""));
        running.set_faults(&FaultRules(vec!["s3-clock:16m".parse().unwrap()]));
        assert!(whole.send("GET", "/data?location", "").await.is(403, "RequestTimeTooSkewed"));
        let later = Client { ahead: time::Duration::minutes(16), ..whole };
        assert!(later.send("GET", "/data?location", "").await.is(400, "ExpiredToken"));
    }
}

#[tokio::test]
async fn a_service_account_narrows_its_user_and_before_5_1_the_password_is_the_secret_key() {
    let narrow =
        json!({ "Statement": [{ "Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::data/own/*"] }] });
    let accounts = json!({ "SERVICE": { "secret_key": "secret of SERVICE", "policy": narrow }, "PLAIN": { "secret_key": "secret" } });
    let mut state = cluster("minio-2021", &[("alice", allow("s3:GetObject"))], &json!({ "data": {} }));
    let alice = state.tenants.get_mut("Root").unwrap().users.get_mut("alice").unwrap();
    alice.service_accounts = serde_json::from_value(accounts).unwrap();
    alice.password = Some("password of alice".to_owned());
    let running = start(state.clone(), &[]).await;
    let with = |running: &Running, access_key: &str, secret: &str| Client::new(running, Some((access_key, secret)));
    let service = with(&running, "SERVICE", "secret of SERVICE");
    assert!(service.send("GET", "/data/own/k", "").await.is(404, "NoSuchKey"));
    assert!(service.send("GET", "/data/k", "").await.is(403, "AccessDenied"), "the account has no such access");
    assert!(service.send("DELETE", "/data/own/k", "").await.is(403, "AccessDenied"), "the user has no such access");
    assert!(with(&running, "PLAIN", "secret").send("GET", "/data/k", "").await.is(404, "NoSuchKey"));
    assert!(with(&running, "alice", "password of alice").send("GET", "/", "").await.is(403, "InvalidAccessKeyId"));
    state.release = "4.4".parse().unwrap();
    let old = start(state, &[]).await;
    assert!(with(&old, "alice", "password of alice").send("GET", "/data/k", "").await.is(404, "NoSuchKey"));
    assert!(Client::of(&old, "alice").send("GET", "/", "").await.is(403, "InvalidAccessKeyId"));
}

/// The keys of a request decide conditions.
#[tokio::test]
async fn conditions_see_the_request() {
    let when = |operator: &str, key: &str, value: Value| {
        json!([{ "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::data"],
            "Condition": { operator: { key: value } } }])
    };
    for (statements, path, is) in [
        (when("StringEquals", "s3:prefix", json!("own/")), "/data?prefix=own%2F", true),
        (when("StringEquals", "s3:prefix", json!("own/")), "/data?prefix=other%2F", false),
        (when("NumericLessThanEquals", "s3:max-keys", json!(10)), "/data?max-keys=10", true),
        (when("NumericLessThanEquals", "s3:max-keys", json!("10")), "/data?max-keys=11", false),
        (when("DateGreaterThan", "aws:CurrentTime", json!("2020-01-01T00:00:00Z")), "/data", true),
        (when("DateLessThan", "aws:CurrentTime", json!("2020-01-01T00:00:00Z")), "/data", false),
        (when("IpAddress", "aws:SourceIp", json!(["127.0.0.0/8"])), "/data", true),
        (when("Bool", "aws:SecureTransport", json!(true)), "/data", false),
        (when("Null", "s3:prefix", json!(true)), "/data", true),
        (when("Null", "s3:prefix", json!("true")), "/data?prefix=", false),
        (when("StringLikeIfExists", "s3:prefix", json!("own/*")), "/data", true),
        (when("StringNotEquals", "aws:username", json!("alice")), "/data", false),
    ] {
        let running = start(cluster("minio-2021", &[("alice", statements.clone())], &json!({ "data": {} })), &[]).await;
        let answer = Client::of(&running, "alice").send("GET", path, "").await;
        assert!(if is { answer.is(200, "") } else { answer.is(403, "AccessDenied") }, "{statements} {path} {answer:?}");
    }
}

async fn assume_role(running: &Running, user: &str, policy: Option<Value>) -> Client {
    let post = async |path: &str, body: Value, token: &str| {
        let request =
            reqwest::Client::builder().no_proxy().build().unwrap().post(format!("{}/api/v2{path}", running.url()));
        let response = request.json(&body).bearer_auth(token).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let login = post("/login", json!({ "username": "admin", "password": "admin" }), "").await;
    let mut asked =
        json!({ "access_key": access_key(user), "secret_key": format!("secret of {user}"), "duration": 900 });
    if let Some(policy) = policy {
        asked["policy_file_content"] = policy;
    }
    let given = post("/s3/sts", asked, login["data"]["access_token"].as_str().unwrap()).await;
    let text = |name: &str| given[name].as_str().unwrap_or_else(|| panic!("{given}")).to_owned();
    let keys = Some((text("access_key"), text("secret_key")));
    Client { url: running.s3_url().unwrap().to_owned(), keys, token: Some(text("session_token")), ..Client::default() }
}
