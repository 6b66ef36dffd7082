//! A client's mistakes are errors.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{World, content};

fn marked_deleted(world: &World) -> bool {
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&world.state).unwrap()).unwrap();
    state["s3_deleted"] == json!(true)
}

/// Sends a request byte for byte: HTTP libraries resolve dots in a path themselves.
async fn send_raw(world: &World, method: &str, path: &str) -> String {
    let address = world.running.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = &world.token;
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let world = World::new("5.1").await;
    let path = "/s3/policies/attach";
    let (status, answer) = world.post(path, &json!({})).await;
    assert_eq!((status, &answer["data"]["missing_params"]), (400, &json!(["policy_name", "user_name"])));
    let (status, answer) = world.post(path, &json!({"policy":"ml","user":"alice"})).await;
    assert_eq!((status, &answer["data"]["param"]), (400, &json!("policy")));
    let (status, answer) = world.post("/s3/policies", &json!({"policy_name":1,"policy_file_content":{}})).await;
    assert_eq!((status, &answer["data"]["error"]), (400, &json!("policy_name must be a string")));
    let text = json!({"policy_name":"a","policy_file_content":content().to_string()});
    assert_eq!(world.post("/s3/policies", &text).await.0, 400);
    assert_eq!(world.get("/users?tenant=x").await.0, 400);
    let url = format!("{}/api/v2{path}", world.running.url());
    let plain = world.client.post(url).bearer_auth(&world.token).body("{}").send().await.unwrap();
    assert_eq!(plain.status(), 400);
}

#[tokio::test]
async fn paths_and_methods_are_those_of_the_release() {
    let world = World::new("4.4").await;
    assert_eq!(world.get("/tenants").await.0, 404);
    assert_eq!(world.get("/users?org=Root").await.0, 400);
    assert_eq!(world.get("/s3/policy").await.0, 404);
    assert_eq!(world.call(Method::PUT, "/s3/policies/ml", None).await.0, 405);
    assert_eq!(world.call(Method::PATCH, "/cluster", None).await.0, 405);
}

#[tokio::test]
async fn dots_in_a_path_reach_the_call_that_deletes_s3() {
    let world = World::new("5.1").await;
    assert_eq!(send_raw(&world, "DELETE", "/api/v2/s3/policies/%2e%2e").await, "HTTP/1.1 400 Bad Request");
    assert!(!marked_deleted(&world));
    assert_eq!(send_raw(&world, "DELETE", "/api/v2/s3/policies/..").await, "HTTP/1.1 200 OK");
    assert!(marked_deleted(&world));
    for path in ["/s3", "/s3/policies", "/s3/policies/readonly", "/s3/userPolicies"] {
        assert_eq!(world.get(path).await.0, 400, "{path}");
    }
    assert_eq!(world.post("/s3/policies/detach", &json!({"user_name":"a"})).await.0, 400);
    assert_eq!(world.delete("/s3").await.0, 400);
    assert_eq!(world.get("/users").await.0, 200);
}

#[tokio::test]
async fn who_may_only_look_only_looks() {
    let state = r#"{"tenants":{"Root":{"users":{"eve":{"role":"ReadOnly","password":"e"},"alice":{"password":"a"}}}}}"#;
    let mut world = World::with("5.1", state, |_| {}).await;
    world.log_in("eve", "e", "root").await;
    assert_eq!(world.get("/s3/policies").await.0, 200);
    assert_eq!(world.post("/s3/policies/detach", &json!({"user_name":"alice"})).await.0, 403);
    world.log_in("alice", "a", "Root").await;
    assert_eq!(world.get("/users").await.0, 403);
    assert_eq!(world.get("/users/whoami").await.1["data"]["role"], "S3");
}
