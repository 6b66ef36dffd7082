//! What the calls answer, by release and by switch.

use serde_json::json;

use super::{World, content};

#[tokio::test]
async fn a_policy_goes_from_add_to_remove_on_every_release() {
    for release in ["3.14", "4.0", "4.4", "5.1"] {
        let world = World::new(release).await;
        let ok = (200, json!({ "data": null }));
        let user = json!({"username":"alice","password":"StrongPass111","role":"S3","posix_uid":10,"posix_gid":10});
        let (status, added) = world.post("/users", &user).await;
        assert_eq!((status, &added["data"]["username"]), (200, &json!("alice")), "{release}");
        let add = json!({"policy_name":"ml","policy_file_content":content()});
        assert_eq!(world.post("/s3/policies", &add).await, ok, "{release}");
        let (status, _) = world.post("/s3/policies/attach", &json!({"policy_name":"ml","user_name":"alice"})).await;
        assert_eq!(status, 200, "{release}");
        let (_, shown) = world.get("/s3/policies/ml").await;
        assert_eq!(shown, json!({"data":{"policy":{"name":"ml","content":content()}}}), "{release}");
        assert_eq!(world.delete("/s3/policies/ml").await.0, 400, "{release}");
        assert_eq!(world.post("/s3/policies/detach", &json!({"user_name":"alice"})).await, ok, "{release}");
        assert_eq!(world.delete("/s3/policies/ml").await, ok, "{release}");
        let (_, list) = world.get("/s3/policies").await;
        assert_eq!(list, json!({"data":{"policies":["readonly","readwrite","writeonly"]}}), "{release}");
        let uid = added["data"]["uid"].as_str().unwrap();
        assert_eq!(world.delete(&format!("/users/{uid}")).await, ok, "{release}");
        assert_eq!(world.delete(&format!("/users/{uid}")).await.0, 404, "{release}");
        world.running.stop().await;
    }
}

#[tokio::test]
async fn what_a_release_does_not_tell_is_not_told() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{"policy":"readonly","posix_uid":7}}}}}"#;
    for (release, uid, held, posix, policy) in [
        ("3.14", false, false, false, false),
        ("4.0", true, true, false, false),
        ("4.4", true, true, true, true),
        ("5.1", true, true, true, true),
    ] {
        let world = World::with(release, state, |_| {}).await;
        let (_, me) = world.get("/users/whoami").await;
        assert_eq!(me["data"]["uid"].is_string(), uid, "{release}");
        let (status, answer) = world.get("/s3/userPolicies").await;
        assert_eq!(status == 200, held, "{release}");
        assert_eq!(answer["data"]["users"]["alice"] == "readonly", held, "{release}");
        let (_, users) = world.get("/users").await;
        let alice = users["data"].as_array().unwrap().iter().find(|user| user["username"] == "alice").unwrap();
        assert_eq!(alice["posix_uid"] == 7, posix, "{release}");
        assert_eq!(alice["policy"] == "readonly", policy, "{release}");
        let (_, cluster) = world.get("/cluster").await;
        assert!(cluster["data"]["release"].as_str().unwrap().starts_with(release));
        assert_eq!(cluster["data"]["name"], "stewie");
    }
}

#[tokio::test]
async fn without_a_token_that_holds_nothing_is_answered() {
    let mut world = World::with("5.1", "{}", |options| options.token_uses = Some(1)).await;
    assert_eq!(world.get("/users").await.0, 200);
    let unauthorized = (401, json!({"data":"Unauthorized"}));
    assert_eq!(world.get("/users").await, unauthorized);
    world.token = "eyJ.x.y".to_owned();
    assert_eq!(world.get("/users").await, unauthorized);
    assert_eq!(world.post("/s3/policies", &json!({"nonsense":1})).await, unauthorized);
    assert_eq!(world.post("/login", &json!({"username":"admin","password":"x"})).await, unauthorized);
    let bare = world.client.get(format!("{}/api/v2/users", world.running.url())).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_gives_a_new_access_token() {
    for release in ["3.14", "5.1"] {
        let mut world = World::with(release, "{}", |options| options.token_uses = Some(1)).await;
        let (_, answer) = world.post("/login", &json!({"username":"admin","password":"admin"})).await;
        let tokens = if release == "3.14" { answer["data"][0].clone() } else { answer["data"].clone() };
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let (status, again) = world.post("/login/refresh", &json!({"refresh_token":tokens["refresh_token"]})).await;
        assert_eq!(status, 200);
        let again = if release == "3.14" { &again["data"][0] } else { &again["data"] };
        world.token = again["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.get("/users").await.0, 200);
        assert_eq!(world.post("/login/refresh", &json!({"refresh_token":"x"})).await.0, 401);
    }
}

#[tokio::test]
async fn a_key_pair_is_shown_by_the_first_attach_and_never_again() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{}}}}}"#;
    let world = World::with("5.1", state, |_| {}).await;
    let attach = json!({"policy_name":"readonly","user_name":"alice"});
    let (_, first) = world.post("/s3/policies/attach", &attach).await;
    assert!(first["data"]["access_key"].is_string());
    assert_eq!(first["data"]["secret_key"].as_str().unwrap().len(), 40);
    assert_eq!(world.post("/s3/policies/attach", &attach).await, (200, json!({"data":null})));
    let wish =
        json!({"access_key":first["data"]["access_key"],"secret_key":first["data"]["secret_key"],"duration":900});
    let (status, given) = world.post("/s3/sts", &wish).await;
    assert_eq!(status, 200);
    assert!(given["session_token"].is_string());
}

#[tokio::test]
async fn switches_change_the_shapes_of_answers() {
    let state = r#"{"tenants":{"Root":{"users":{"alice":{"policy":"readonly"},"bob":{}}}}}"#;
    let list = |shape: &str| format!("list_shape={shape}");
    for (shape, expected) in [
        ("objects", json!({"data":{"policies":[{"name":"readonly"},{"name":"readwrite"},{"name":"writeonly"}]}})),
        ("bare_names", json!({"data":["readonly","readwrite","writeonly"]})),
        ("bare_objects", json!({"data":[{"name":"readonly"},{"name":"readwrite"},{"name":"writeonly"}]})),
    ] {
        let world = World::with("5.1", "{}", |options| options.switches = vec![list(shape)]).await;
        assert_eq!(world.get("/s3/policies").await.1, expected);
    }
    let settings = ["content_as_string=true", "user_policies_bare=true", "attach_shows_keys=false", "sts_in_data=true"];
    let world = World::with("5.1", state, |options| options.switches = settings.map(str::to_owned).to_vec()).await;
    let (_, shown) = world.get("/s3/policies/readwrite").await;
    let text = shown["data"]["policy"]["content"].as_str().unwrap();
    assert!(text.starts_with(r#"{"Version":"2012-10-17","#), "{text}");
    let (_, held) = world.get("/s3/userPolicies").await;
    assert_eq!(held, json!({"users":{"alice":"readonly","bob":""}}));
    let attach = json!({"policy_name":"readonly","user_name":"bob"});
    assert_eq!(world.post("/s3/policies/attach", &attach).await, (200, json!({"data":null})));
    let state = std::fs::read_to_string(&world.state).unwrap();
    assert!(state.contains("secret_key") && state.contains("\"content_as_string\": true"), "{state}");
}

#[tokio::test]
async fn a_document_comes_back_as_it_was_sent() {
    let world = World::new("5.1").await;
    let document = r#"{"Statement":[{"Sid":"\u0061 b","Resource":"*","Effect":"Deny","Action":"s3:*","X":1.50}],"Version":"2012-10-17"}"#;
    let spaced = document.replace(',', " ,\n ");
    let body = format!(r#"{{"policy_name":"ü /?","policy_file_content":{spaced}}}"#);
    let request = world.client.post(format!("{}/api/v2/s3/policies", world.running.url()));
    let request = request.bearer_auth(&world.token).header("content-type", "application/json").body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let shown = world.send(reqwest::Method::GET, "/s3/policies/%C3%BC%20%2F%3F", None).await.text().await.unwrap();
    assert_eq!(shown, format!(r#"{{"data":{{"policy":{{"name":"ü /?","content":{document}}}}}}}"#));
}

#[tokio::test]
async fn tenants_are_apart() {
    let state = r#"{"tenants":{"lab":{"users":{"boss":{"role":"TenantAdmin","password":"Boss-1234"}}}}}"#;
    let mut world = World::with("5.1", state, |_| {}).await;
    let (_, tenants) = world.get("/tenants").await;
    assert_eq!((&tenants["data"][0]["name"], &tenants["data"][1]["id"]), (&json!("Root"), &json!(1)));
    let uid = tenants["data"][1]["uid"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/organizations/{uid}")).await.1["data"]["name"], "lab");
    assert_eq!(world.get("/organizations/x").await.0, 404);
    assert_eq!(world.get("/users?org=lab").await.1["data"][0]["username"], "boss");
    assert_eq!(world.get("/users?include_tenants=true").await.1["data"].as_array().unwrap().len(), 2);
    let user = json!({"username":"carol","password":"StrongPass111","role":"S3","org":"1"});
    assert_eq!(world.post("/users", &user).await.1["data"]["org_id"], 1);
    world.log_in("boss", "Boss-1234", "lab").await;
    let (_, me) = world.get("/users/whoami").await;
    assert_eq!((&me["data"]["org_name"], &me["data"]["role"]), (&json!("lab"), &json!("TenantAdmin")));
    assert_eq!(world.get("/users?org=Root").await.0, 403);
    assert_eq!(world.delete("/s3").await.0, 403);
    let attach = json!({"policy_name":"readonly","user_name":"carol"});
    let (_, keys) = world.post("/s3/policies/attach", &attach).await;
    assert!(keys["data"]["access_key"].as_str().unwrap().starts_with("0001"), "{keys}");
}
