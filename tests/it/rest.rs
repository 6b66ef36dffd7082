//! The REST transport against the simulated cluster, over every release and every shape of answer.

use attune::base::{PolicyName, Principal, UserName};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::{CallError, Cluster, Credentials, Effect, PasswordLogin, Users};
use attune::sim::{Options, Running, start};
use tempfile::TempDir;

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::ml/*"]}]}"#;

const STATE: &str = r#"{"tenants":{
    "Root":{"users":{"alice":{},"bob":{"policy":"readonly"}}},
    "etl":{"users":{"boss":{"role":"TenantAdmin","password":"pw"},"eve":{"policy":"readwrite"}}}}}"#;

const RELEASES: [&str; 4] = ["3.14", "4.0", "4.4", "5.1"];

struct World {
    sim: Running,
    _folder: TempDir,
}

impl World {
    async fn new(release: &str, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        std::fs::write(&path, STATE).unwrap();
        let mut options = Options::new(&path);
        options.release = Some(release.parse().unwrap());
        change(&mut options);
        Self { sim: start(options).await.unwrap(), _folder: folder }
    }

    fn cluster(&self, tenant: Option<&str>) -> RestCluster {
        let (username, password) = self.sim.admin_login();
        self.cluster_as(&username, &password, tenant)
    }

    fn cluster_as(&self, username: &str, password: &str, tenant: Option<&str>) -> RestCluster {
        RestCluster::new(RestOptions {
            release: None,
            endpoints: vec![Endpoint::parse(self.sim.url()).unwrap()],
            credentials: Credentials::Password(PasswordLogin {
                username: username.into(),
                password: password.into(),
                org: None,
            }),
            tenant: tenant.map(ToOwned::to_owned),
            trust: Trust::default(),
            timeouts: Timeouts::default(),
            cache: None,
        })
        .unwrap()
    }
}

fn policy(name: &str) -> PolicyName {
    PolicyName::parse(name).unwrap()
}

fn who(name: &str) -> Principal {
    Principal::User(user(name))
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn policy_of(users: &Users, name: &str) -> Option<String> {
    let found = users.users.iter().find(|user| user.name.as_str() == name).unwrap();
    found.policy.as_ref().map(ToString::to_string)
}

/// A policy from add to remove, attached to a user meanwhile.
async fn story(cluster: &RestCluster, known: bool) -> Result<(), CallError> {
    let (ml, alice) = (policy("ml"), user("alice"));
    cluster.add_policy(&ml, DOCUMENT).await?;
    assert!(cluster.list_policies().await?.contains(&ml));
    assert_eq!(cluster.show_policy(&ml).await?, DOCUMENT);
    cluster.attach(&ml, &Principal::User(alice.clone())).await?;
    let users = cluster.users().await?;
    assert_eq!(users.attachments_known, known);
    if known {
        assert_eq!(policy_of(&users, "alice").as_deref(), Some(ml.as_str()));
        assert_eq!(policy_of(&users, "bob").as_deref(), Some("readonly"));
    }
    assert!(users.users.iter().all(|user| user.name.as_str() != "eve"), "a user of another tenant");
    cluster.detach(&ml, &Principal::User(alice.clone())).await?;
    assert_eq!(policy_of(&cluster.users().await?, "alice"), None);
    cluster.remove_policy(&ml).await?;
    assert!(!cluster.list_policies().await?.contains(&ml));
    Ok(())
}

#[tokio::test]
async fn a_policy_goes_from_add_to_remove_on_every_release() {
    for release in RELEASES {
        let world = World::new(release, |_| {}).await;
        let cluster = world.cluster(Some("Root"));
        let identity = cluster.identity().await.unwrap();
        assert!(identity.release.to_string().starts_with(release));
        assert_eq!((identity.tenant.as_str(), identity.user.as_str()), ("Root", "admin"));
        story(&cluster, release != "3.14").await.unwrap();
    }
}

#[tokio::test]
async fn every_shape_of_response_is_read() {
    for setting in [
        "list_shape=objects",
        "list_shape=bare_names",
        "list_shape=bare_objects",
        "content_as_string=true",
        "user_policies_bare=true",
        "attach_shows_keys=false",
    ] {
        for release in ["4.0", "5.1"] {
            let world = World::new(release, |options| {
                options.switches.push(setting.to_string());
            })
            .await;
            story(&world.cluster(None), true).await.unwrap_or_else(|error| panic!("{setting} on {release}: {error}"));
        }
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_without_an_error() {
    for release in RELEASES {
        // A token proves the cluster with two calls, before any other.
        for uses in 3..7 {
            let world = World::new(release, |options| options.token_uses = Some(uses)).await;
            story(&world.cluster(Some("Root")), release != "3.14").await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_first_attach_shows_the_key_pair_if_the_cluster_does() {
    for (release, shown) in [("4.4", false), ("5.1", true)] {
        let world = World::new(release, |_| {}).await;
        let cluster = world.cluster(None);
        let pair = cluster.attach(&policy("readonly"), &who("alice")).await.unwrap();
        assert_eq!(pair.is_some(), shown, "{release}");
        assert!(cluster.attach(&policy("readwrite"), &who("alice")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_words_of_a_refusal_are_kept() {
    for release in RELEASES {
        let world = World::new(release, |_| {}).await;
        let cluster = world.cluster(None);
        for (error, word) in [
            (cluster.show_policy(&policy("none")).await.unwrap_err(), "none"),
            (cluster.remove_policy(&policy("none")).await.unwrap_err(), "none"),
            (cluster.attach(&policy("none"), &who("alice")).await.unwrap_err(), "none"),
            (cluster.attach(&policy("readonly"), &who("nobody")).await.unwrap_err(), "nobody"),
            (cluster.add_policy(&policy("readonly"), DOCUMENT).await.unwrap_err(), "readonly"),
        ] {
            assert!(matches!(error.effect, Effect::Refused(400..=409)), "{release}: {error:?}");
            assert!(error.message.contains(word), "{release}: {error}");
        }
    }
}

#[tokio::test]
async fn a_name_reaches_the_cluster_unchanged_or_not_at_all() {
    let world = World::new("5.1", |_| {}).await;
    let cluster = world.cluster(None);
    for name in ["...", "%2e%2e", "%2F..", "a?b#c", "a;b&c=d+e", "ü ñ", "a%", "attach", "@:[]|^\"<>`{}~"] {
        let name = policy(name);
        cluster.add_policy(&name, DOCUMENT).await.unwrap();
        assert!(cluster.list_policies().await.unwrap().contains(&name), "{name}");
        assert_eq!(cluster.show_policy(&name).await.unwrap(), DOCUMENT, "{name}");
        cluster.remove_policy(&name).await.unwrap();
    }
    let before = world.sim.requests();
    for name in ["", ".", "..", "../..", "a/b", "a\\b", "a\nb"] {
        let name = PolicyName::reported(name);
        assert_eq!(cluster.remove_policy(&name).await.unwrap_err().effect, Effect::NotSent);
        assert_eq!(cluster.show_policy(&name).await.unwrap_err().effect, Effect::NotSent);
        assert_eq!(cluster.add_policy(&name, DOCUMENT).await.unwrap_err().effect, Effect::NotSent);
    }
    assert_eq!(world.sim.requests(), before);
    assert_eq!(cluster.list_policies().await.unwrap().len(), 3);
}

#[tokio::test]
async fn each_tenant_has_its_own_login_and_users() {
    for release in RELEASES {
        let world = World::new(release, |_| {}).await;
        let cluster = world.cluster_as("boss", "pw", Some("etl"));
        assert_eq!(cluster.identity().await.unwrap().tenant, "etl");
        let users = cluster.users().await.unwrap();
        let mut names: Vec<&str> = users.users.iter().map(|user| user.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["boss", "eve"], "{release}");
        let wrong = world.cluster_as("boss", "pw", None).identity().await.unwrap_err();
        assert_eq!(wrong.effect, Effect::Unauthorized(401), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_pair_is_replaced_over_rest_only_where_the_definition_of_the_cluster_has_the_call() {
    for (release, switch, can) in [
        ("5.1", "key_reset=true", true),
        ("6.0", "key_reset=true", true),
        ("5.1", "key_reset=false", false),
        ("4.4", "key_reset=true", false),
    ] {
        let world = World::new(release, |options| options.switches.push(switch.to_owned())).await;
        let cluster = world.cluster(None);
        assert!(!cluster.can_generate_keys(), "not asked yet");
        let of_release = cluster.identity().await.unwrap().release;
        let capabilities = attune::cluster::capabilities(&cluster, &of_release).await;
        assert_eq!((capabilities.key_reset, cluster.can_generate_keys()), (can, can), "{release} {switch}");
        let first = cluster.attach(&policy("readonly"), &who("alice")).await.unwrap();
        let made = cluster.generate_keys(&user("alice")).await;
        if can {
            assert_ne!(made.unwrap().access_key, first.unwrap().access_key);
            let none = cluster.generate_keys(&user("nobody")).await.unwrap_err();
            assert_eq!(none.effect, Effect::NotSent, "{none}");
            cluster.detach(&policy("readonly"), &who("alice")).await.unwrap();
            let refused = cluster.generate_keys(&user("alice")).await.unwrap_err();
            assert!(refused.message.contains("with an S3 policy attached"), "{refused}");
        } else {
            assert_eq!(made.unwrap_err().effect, Effect::NotSent);
        }
    }
}
