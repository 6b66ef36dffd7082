//! The simulated cluster against the vendor's definitions: its answers fit their schemas, and its calls are in them.

use std::path::PathBuf;

use attune::sim::{Options, Running, start};
use serde_json::{Value, json};

use crate::harness::{JsonSchema, root};

const STATE: &str = r#"{"switches":{"user_policies_bare":true},"tenants":{
    "Root":{"users":{"alice":{"password":"Alices-1","policy":"readonly","posix_uid":1000,"posix_gid":1000},"bob":{},
        "carol":{"source":"LDAP","role":"Regular"}},
        "policies":{"ml":{"document":{"Version":"2012-10-17","Statement":[]}}}},
    "etl":{"users":{"boss":{"role":"TenantAdmin","password":"pw"}}}}}"#;

/// A reduced definition, the release that follows it, and the switches of a build that has all of it.
const DEFINITIONS: [(&str, &str, &[&str]); 5] = [
    ("3.14", "3.14", &["login_in_array=true"]),
    ("4.0", "4.0", &[]),
    ("4.4", "4.4", &[]),
    ("5.1", "5.1", &[]),
    ("5.1-later", "5.1", &["key_reset=true"]),
];

fn definition(name: &str) -> Value {
    let path: PathBuf = root().join("tests/vendor").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct World {
    sim: Running,
    client: reqwest::Client,
    definition: Value,
    name: &'static str,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new((name, release, switches): (&'static str, &str, &[&str])) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        std::fs::write(&path, STATE).unwrap();
        let mut options = Options::new(&path);
        options.release = Some(release.parse().unwrap());
        options.switches = switches.iter().map(ToString::to_string).collect();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sim: start(options).await.unwrap(), client, definition: definition(name), name, _folder: folder }
    }

    /// Sends a call, and checks its answer if the definition has the call. `None` for a call that it does not have.
    async fn call(&self, token: &str, method: &str, path: &str, at: &str, body: Option<Value>) -> Option<Value> {
        let operation = &self.definition["paths"][path][method.to_lowercase()];
        if operation.is_null() {
            return None;
        }
        let url = format!("{}/api/v2{at}", self.sim.url());
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        let name = self.name;
        if let Some(problem) = self.misfit(operation, status, &answer) {
            panic!("{name}: {method} {path} answers {status} {answer}: {problem}");
        }
        Some(answer)
    }

    async fn log_in(&self, user: &str, password: &str, org: &str) -> String {
        let body = json!({ "username": user, "password": password, "org": org });
        let answer = self.call("", "POST", "/login", "/login", Some(body)).await.unwrap();
        let tokens = answer["data"].get(0).unwrap_or(&answer["data"]);
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// Why an answer does not fit the schema of its status. A success has no other members than the schema.
    fn misfit(&self, operation: &Value, status: u16, answer: &Value) -> Option<String> {
        let mut response = &operation["responses"][status.to_string()];
        if let Some(to) = response["$ref"].as_str() {
            response = self.definition.pointer(to.strip_prefix('#')?)?;
        }
        if response.is_null() {
            return Some("the definition has no such status".to_owned());
        }
        let schema = &response["content"]["application/json"]["schema"];
        let mut whole = json!({ "allOf": [schema], "components": self.definition["components"] });
        if status == 200 {
            close(&mut whole);
        }
        JsonSchema::new(whole).misfit(answer)
    }
}

/// Forbids further members in all objects with properties, and requires a member that is alone.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            let names: Option<Vec<String>> = properties.map(|properties| properties.keys().cloned().collect());
            members.values_mut().for_each(close);
            // An example of a user's name stands for all names.
            if let Some(names) = names.filter(|names| names != &["user1"]) {
                members.insert("additionalProperties".to_owned(), false.into());
                if names.len() == 1 {
                    members.insert("required".to_owned(), names.into());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn answers_of_the_simulated_cluster_fit_the_schemas_of_the_vendor() {
    for of in DEFINITIONS {
        let world = World::new(of).await;
        let (admin, password) = world.sim.admin_login();
        let token = world.log_in(&admin, &password, "Root").await;
        let call = async |method: &str, path: &str, at: &str, body: Option<Value>| {
            world.call(&token, method, path, at, body).await
        };
        for path in
            ["/cluster", "/organizations", "/tenants", "/users", "/users/whoami", "/s3/userPolicies", "/s3/policies"]
        {
            call("GET", path, path, None).await;
        }
        let document = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a/*"] }] });
        let policy = json!({ "policy_name": "new", "policy_file_content": document });
        call("POST", "/s3/policies", "/s3/policies", Some(policy)).await.unwrap();
        call("GET", "/s3/policies/{policy}", "/s3/policies/new", None).await.unwrap();
        call("GET", "/s3/policies/{policy}", "/s3/policies/none", None).await.unwrap();
        let attach = json!({ "policy_name": "new", "user_name": "bob" });
        call("POST", "/s3/policies/attach", "/s3/policies/attach", Some(attach.clone())).await.unwrap();
        call("POST", "/s3/policies/attach", "/s3/policies/attach", Some(json!({ "user_name": "bob" }))).await.unwrap();
        let users = call("GET", "/users", "/users", None).await.unwrap();
        let bob = users["data"].as_array().unwrap().iter().find(|user| user["username"] == "bob").unwrap();
        let reset = format!("/users/{}/s3/resetCredentials", bob["uid"].as_str().unwrap());
        call("POST", "/users/{uid}/s3/resetCredentials", &reset, Some(json!({}))).await;
        call("POST", "/users/{uid}/s3/resetCredentials", "/users/none/s3/resetCredentials", None).await;
        let detach = json!({ "user_name": "bob" });
        call("POST", "/s3/policies/detach", "/s3/policies/detach", Some(detach)).await.unwrap();
        call("DELETE", "/s3/policies/{policy}", "/s3/policies/new", None).await.unwrap();
        let provider = json!({ "config_url": "https://idp.example.com/x", "claim_name": "roles" });
        for (method, body) in
            [("POST", Some(provider.clone())), ("GET", None), ("PUT", Some(provider)), ("DELETE", None)]
        {
            call(method, "/s3/oidc", "/s3/oidc", body).await;
        }
        let user = json!({ "username": "dave", "password": "StrongPass111", "role": "S3", "posix_uid": 7 });
        let dave = call("POST", "/users", "/users", Some(user)).await.unwrap();
        let at = format!("/users/{}", dave["data"]["uid"].as_str().unwrap());
        call("PUT", "/users/{uid}", &at, Some(json!({ "posix_gid": 8 }))).await.unwrap();
        call("DELETE", "/users/{uid}", &at, None).await.unwrap();
        buckets(&world, &token).await;
        service_accounts(&world).await;
        world.call("no token", "GET", "/users", "/users", None).await.unwrap();
    }
}

/// The paths of buckets in the definitions.
const BUCKETS: &str = "/s3/buckets";
const BUCKET: &str = "/s3/buckets/{bucket}";
const POLICY: &str = "/s3/buckets/{bucket}/policy";
const POLICY_JSON: &str = "/s3/buckets/{bucket}/policyJson";

async fn buckets(world: &World, token: &str) {
    let call = async |method: &str, path: &str, at: &str, body: Option<Value>| {
        world.call(token, method, path, at, body).await.unwrap()
    };
    let new = json!({ "bucket_name": "data", "policy": "Download", "hard_quota": "1MB" });
    call("POST", BUCKETS, BUCKETS, Some(new)).await;
    let listed = call("GET", BUCKETS, BUCKETS, None).await;
    let first = &listed["buckets"][0];
    assert_eq!(first.get("name").unwrap_or(first), "data");
    let (policy, policy_json) = ("/s3/buckets/data/policy", "/s3/buckets/data/policyJson");
    assert_eq!(call("GET", POLICY, policy, None).await["data"]["policy"], "Download");
    let download = call("GET", POLICY_JSON, policy_json, None).await;
    let document: Value = serde_json::from_str(download["data"]["policy"].as_str().unwrap()).unwrap();
    assert_eq!(document["Statement"][1]["Action"], json!(["s3:GetObject"]));
    for sent in [document.clone(), document.to_string().into()] {
        call("PUT", POLICY_JSON, policy_json, Some(json!({ "policy_file_content": sent }))).await;
        assert_eq!(call("GET", POLICY, policy, None).await["data"]["policy"], "Custom");
    }
    call("PUT", POLICY, policy, Some(json!({ "bucket_policy": "None" }))).await;
    assert_eq!(call("GET", POLICY_JSON, policy_json, None).await["data"]["policy"], "");
    call("PUT", POLICY, policy, Some(json!({ "bucket_policy": "Private" }))).await;
    call("GET", POLICY, "/s3/buckets/none/policy", None).await;
    call("DELETE", BUCKET, "/s3/buckets/data?unlink=true", None).await;
    call("DELETE", BUCKET, "/s3/buckets/data?unlink=perhaps", None).await;
}

/// A body of a definition's members: most with plausible values, some of a wrong type, missing or unknown.
fn random_body(rng: &mut fastrand::Rng, operation: &Value) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let properties = schema["properties"].as_object()?;
    let mut body = serde_json::Map::new();
    for name in properties.keys().filter(|_| rng.u8(..) > 60).cloned().collect::<Vec<_>>() {
        let value = match rng.u8(..12) {
            0 => json!(null),
            1 => json!(rng.i32(..)),
            2 => json!([]),
            3 => json!({ "Version": "2012-10-17", "Statement": [] }),
            4 => json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
                "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::data/*"] }] }),
            5 => json!(
                "{\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"s3:ListBucket\",\"Resource\":\"arn:aws:s3:::data\"}]}"
            ),
            6 => json!("\u{202e}\u{0} \"quoted\" \\"),
            7 => json!(""),
            8 => json!(["None", "Download", "Upload", "PUBLIC", "custom"][rng.usize(..5)]),
            9 => json!(["data", "logs", "Data", "10.0.0.1", "x"][rng.usize(..5)]),
            10 => json!("1MB"),
            _ => json!(true),
        };
        body.insert(name, value);
    }
    if rng.u8(..) < 20 {
        body.insert("unknown".to_owned(), json!(1));
    }
    Some(Value::Object(body))
}

#[tokio::test]
async fn every_answer_to_a_random_call_about_buckets_fits_the_schemas_of_the_vendor() {
    for of in DEFINITIONS {
        let world = World::new(of).await;
        let (admin, password) = world.sim.admin_login();
        let token = world.log_in(&admin, &password, "Root").await;
        let mut rng = fastrand::Rng::with_seed(24);
        let mut accepted = 0;
        for _ in 0..400 {
            let path = [BUCKETS, BUCKET, POLICY, POLICY_JSON][rng.usize(..4)];
            let methods: Vec<&String> = world.definition["paths"][path].as_object().unwrap().keys().collect();
            let method = methods[rng.usize(..methods.len())].to_uppercase();
            // A bucket that is removed is soon added again.
            if method == "DELETE" && rng.u8(..) > 25 {
                continue;
            }
            let body = random_body(&mut rng, &world.definition["paths"][path][method.to_lowercase()]);
            let name = ["data", "data", "data", "logs", "%00", "Data%20x", "a%2Fb", "%E2%80%AE"][rng.usize(..8)];
            let answer = world.call(&token, &method, path, &path.replace("{bucket}", name), body).await.unwrap();
            accepted += usize::from(answer.get("message").is_none());
        }
        assert!(accepted > 25, "{}: {accepted}", world.name);
    }
}

async fn service_accounts(world: &World) {
    let token = world.log_in("alice", "Alices-1", "Root").await;
    const PATH: &str = "/s3/serviceAccounts";
    let Some(made) = world.call(&token, "POST", PATH, PATH, Some(json!({}))).await else { return };
    let listed = world.call(&token, "GET", PATH, PATH, None).await.unwrap();
    assert_eq!(listed["service_accounts"][0]["access_key"], made["access_key"]);
    let one = format!("{PATH}/{}", made["access_key"].as_str().unwrap());
    let path = format!("{PATH}/{{access_key}}");
    let shown = world.call(&token, "GET", &path, &one, None).await.unwrap();
    assert_eq!(shown, json!({ "parent_user": "alice", "implied_policy": true, "policy": "readonly" }));
    world.call(&token, "DELETE", &path, &one, None).await.unwrap();
}

#[tokio::test]
async fn calls_of_the_simulated_cluster_are_those_of_the_vendor() {
    for of in DEFINITIONS.into_iter().filter(|(_, release, _)| *release == "5.1") {
        let world = World::new(of).await;
        let (admin, password) = world.sim.admin_login();
        let token = world.log_in(&admin, &password, "Root").await;
        let url = format!("{}/api/v2/docs/schema", world.sim.url());
        let own: Value = world.client.get(url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
        for (path, item) in own["paths"].as_object().unwrap() {
            if ["/docs/schema", "/s3"].contains(&path.as_str()) {
                continue;
            }
            for (method, operation) in item.as_object().unwrap() {
                let vendor = &world.definition["paths"][path][method];
                assert!(!vendor.is_null(), "{}: {method} {path} is not in the definition", world.name);
                let of = |operation: &Value| {
                    operation["requestBody"]["content"]["application/json"]["schema"]["properties"].clone()
                };
                let (sent, declared) = (of(operation), of(vendor));
                let sent = sent.as_object().into_iter().flat_map(|sent| sent.keys());
                let unknown: Vec<&String> = sent.filter(|name| declared[name.as_str()].is_null()).collect();
                assert!(unknown.is_empty(), "{}: {method} {path} has no {unknown:?}", world.name);
            }
        }
    }
}
