//! The REST transport: the management API of a cluster, `https://HOST:14000/api/v2`.

mod answer;
mod definition;
mod dns;
mod endpoints;
mod facts;
mod outcome;
mod requests;
mod send;
mod session;
#[cfg(test)]
mod testing;
mod tls;
mod web;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

pub use definition::{Difference, NoDefinition, api_facts, differences};
pub use dns::is_loopback;
pub use endpoints::Endpoint;
pub use requests::{CALLS, Call};
pub use send::Timeouts;
pub use tls::{Fingerprint, Trust, TrustProblem};
pub use web::WebClient;

use answer::{Read, UserRow};
use facts::FactsCache;
use requests::{DocumentForm, Request};
use send::Sender;
use session::Session;

use crate::base::{
    ApiFacts, AttachmentsSource, BucketName, CannedPolicy, Capabilities, KeyPair, PolicyName, Principal, Release,
    SessionKeys, UserName,
};
use crate::cluster::buckets::NO_BUCKETS;
use crate::cluster::pin::ClusterPin;
use crate::cluster::{
    AssumeRole, CallError, Cluster, ClusterLimit, ConnectionInfo, Credentials, Effect, Identity, SetupProblem, Users,
};

/// The options of the transport.
#[derive(Debug, Clone)]
pub struct RestOptions {
    /// The addresses of the cluster: every backend serves the API. At least one.
    pub endpoints: Vec<Endpoint>,
    /// The credentials of the login.
    pub credentials: Credentials,
    /// The tenant of the configuration. It takes precedence over the `org` of the credentials. If the login turns out to be
    /// to another tenant (a stored token), no further call is sent.
    pub tenant: Option<String>,
    /// The release to assume in place of the reported one.
    pub release: Option<Release>,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How long attune waits.
    pub timeouts: Timeouts,
    /// The directory that keeps what the definitions of clusters say. None: nothing is kept.
    pub cache: Option<PathBuf>,
}

/// A cluster over REST. It logs in with the first call, and serves many tasks at once.
#[derive(Debug)]
pub struct RestCluster {
    session: Session,
    endpoints: Vec<Endpoint>,
    any_certificate: bool,
    /// What the cluster's own definition says, once it was asked for.
    facts: OnceCell<Option<ApiFacts>>,
    cache: Option<PathBuf>,
    /// The users whose ids calls need, until such a call fails: then an id may be of a user that was deleted.
    rows: Mutex<Option<Arc<Vec<UserRow>>>>,
    /// Whether the cluster takes documents of buckets as JSON in a string only.
    documents_as_text: AtomicBool,
}

impl RestCluster {
    /// The transport. Sends nothing yet.
    ///
    /// # Errors
    /// There is no endpoint, or the certificates to trust cannot be used.
    pub fn new(options: RestOptions) -> Result<Self, SetupProblem> {
        if options.endpoints.is_empty() {
            let message = "there is no endpoint to reach the cluster at";
            return Err(SetupProblem::new(message, "set endpoints = [\"https://…\"] under [cluster]"));
        }
        let RestOptions { endpoints, credentials, tenant, release, trust, timeouts, cache } = options;
        let any_certificate = trust == Trust::Anyone;
        // Nobody on the network may put words into the cache, and it is about the release that the cluster reports.
        let is_proven = endpoints.iter().all(Endpoint::is_encrypted) && !any_certificate;
        let cache = cache.filter(|_| is_proven && release.is_none());
        let sender = Sender::new(endpoints.clone(), &trust, timeouts).map_err(|problem| {
            let message = format!("the certificate or fingerprint to trust {problem}");
            SetupProblem::new(message, "check ca_file and fingerprint under [cluster]")
        })?;
        let session = Session::new(sender, credentials, ClusterPin::new(tenant, release));
        let (facts, rows, documents_as_text) = Default::default();
        Ok(Self { session, endpoints, any_certificate, facts, cache, rows, documents_as_text })
    }

    /// The same with a limit that other clients may share.
    pub fn limited_by(mut self, limit: Arc<ClusterLimit>) -> Self {
        self.session.sender.limited_by(limit);
        self
    }

    /// What a cluster of this release can do, by its own definition as well if that was read.
    fn capabilities_of(&self, release: &Release) -> Capabilities {
        let of_release = Capabilities::of(release);
        self.facts.get().copied().flatten().map_or(of_release, |facts| of_release.corrected_by(&facts))
    }

    /// The request for a new key pair, if the cluster has the call.
    async fn key_reset(&self, user: &UserName) -> Result<Request, CallError> {
        let call = format!("reset the keys of {user}");
        let facts = self.api_facts().await.map_err(CallError::for_unsent_call)?;
        if !facts.is_some_and(|facts| facts.key_reset) {
            let message = "the API definition of this cluster has no call that creates a key pair";
            return Err(CallError::new(call, Effect::NotSent, message)
                .help("reach the cluster through the `weka` command, with `--via weka`"));
        }
        let info = self.session.info().await.map_err(CallError::for_unsent_call)?;
        let rows = self.kept_rows().await.map_err(CallError::for_unsent_call)?;
        let uid = answer::uid_of(&rows, info.tenant_id.as_deref(), user);
        requests::reset_keys(user, &uid.map_err(|why| CallError::new(call, Effect::NotSent, why))?)
    }

    /// Sends the request for a new key pair.
    async fn reset_keys<T>(&self, user: &UserName, read: Read<T>) -> Result<T, CallError> {
        let sent = async { self.session.send(&self.key_reset(user).await?, read).await }.await;
        if sent.is_err() {
            *self.rows.lock().await = None;
        }
        sent
    }

    /// The users, which are read once for all calls that need an id.
    async fn kept_rows(&self) -> Result<Arc<Vec<UserRow>>, CallError> {
        let mut kept = self.rows.lock().await;
        if let Some(rows) = &*kept {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(self.session.send(&requests::USERS.request(), answer::users).await?);
        *kept = Some(Arc::clone(&rows));
        Ok(rows)
    }

    async fn read_facts(&self, identity: &Identity) -> Result<Option<ApiFacts>, CallError> {
        let cache = self.cache.as_deref().map(|at| FactsCache::new(at, &identity.guid, &identity.release));
        if let Some(facts) = cache.as_ref().and_then(FactsCache::read) {
            return Ok(Some(facts));
        }
        let definition = self.definition().await?;
        Ok(definition.and_then(|definition| self.learn(identity, &definition)))
    }

    /// What a definition says, which is kept for later runs.
    fn learn(&self, identity: &Identity, definition: &str) -> Option<ApiFacts> {
        let facts = api_facts(definition).ok()?;
        if let Some(at) = self.cache.as_deref() {
            FactsCache::new(at, &identity.guid, &identity.release).write(facts);
        }
        Some(facts)
    }

    async fn definition(&self) -> Result<Option<String>, CallError> {
        match self.session.send(&requests::DEFINITION.request(), answer::definition).await {
            Ok(definition) => Ok(Some(definition)),
            Err(error) if error.effect == Effect::Refused(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The user of a call. No REST call for groups is documented.
fn user<'a>(call: &str, principal: &'a Principal) -> Result<&'a UserName, CallError> {
    principal.user().ok_or_else(|| {
        CallError::new(format!("{call} {principal}"), Effect::NotSent, "no REST call is documented for groups")
            .help("reach the cluster through the `weka` command, with `--via weka`")
    })
}

#[async_trait]
impl Cluster for RestCluster {
    /// Asks the cluster each time, so that the run stops if another cluster answers now.
    async fn identity(&self) -> Result<Identity, CallError> {
        Ok(self.session.identify().await?.identity)
    }

    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError> {
        self.session.send(&requests::POLICIES.request(), answer::policies).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        self.session.send(&requests::SHOW_POLICY.about(policy)?, answer::document).await
    }

    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError> {
        self.session.send(&requests::add_policy(policy, document)?, answer::nothing).await
    }

    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError> {
        self.session.send(&requests::REMOVE_POLICY.about(policy)?, answer::nothing).await
    }

    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError> {
        let user = user("attach", principal)?;
        self.session.send(&requests::attach(policy, user)?, answer::key_pair).await
    }

    async fn attach_list(&self, policies: &[PolicyName], user: &UserName) -> Result<Option<KeyPair>, CallError> {
        self.session.send(&requests::attach_list(policies, user)?, answer::key_pair).await
    }

    /// Only a cluster whose own definition has the call can do it. False until [`api_facts`](Cluster::api_facts) was asked.
    fn can_generate_keys(&self) -> bool {
        self.facts.get().copied().flatten().is_some_and(|facts| facts.key_reset)
    }

    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError> {
        self.reset_keys(user, answer::new_key_pair).await
    }

    /// The answer does not matter, if it is one of the API: nobody gets the pair.
    async fn revoke_keys(&self, user: &UserName) -> Result<(), CallError> {
        self.reset_keys(user, answer::anything).await
    }

    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError> {
        self.session.send(&requests::assume_role(ask), answer::session_keys).await
    }

    /// The REST call names only the user, and detaches whichever policy it has.
    async fn detach(&self, _policy: &PolicyName, principal: &Principal) -> Result<(), CallError> {
        let user = user("detach", principal)?;
        self.session.send(&requests::detach(user)?, answer::nothing).await
    }

    /// The attached policies are in `GET /users`, or in `GET /s3/userPolicies`, or not reported.
    async fn users(&self) -> Result<Users, CallError> {
        let info = self.session.info().await?;
        let (source, tenant) = (self.capabilities_of(&info.identity.release).attachments, info.tenant_id.as_deref());
        let request = requests::USERS.request();
        let rows = self.session.send(&request, answer::users).await?;
        // Every tenant has a user. No match means that the two answers write ids differently.
        if !rows.is_empty() && !rows.iter().any(|row| answer::is_of(row, tenant)) {
            let message = "all users in the answer are of other tenants than the login";
            return Err(CallError::new(request.call(), Effect::UnknownOutcome, message));
        }
        // Since 4.4 records have a `policy`. No definition says whether that of a user without one is empty or missing.
        if rows.iter().any(|row| row.policy.is_some()) {
            return Ok(answer::from_records(rows, tenant, true));
        }
        if source == AttachmentsSource::None {
            return Ok(answer::from_records(rows, tenant, false));
        }
        match self.session.send(&requests::USER_POLICIES.request(), answer::user_policies).await {
            Ok(attached) => Ok(answer::from_map(rows, tenant, attached)),
            // `GET /users` reports policies, so that a later release may drop this call: no user has a policy.
            Err(error) if error.effect == Effect::Refused(404) && source == AttachmentsSource::Users => {
                Ok(answer::from_records(rows, tenant, true))
            }
            Err(error) => Err(error),
        }
    }

    async fn buckets(&self) -> Result<Vec<BucketName>, CallError> {
        let listed = self.session.send(&requests::BUCKETS.request(), answer::buckets).await;
        listed.map_err(|error| match error.effect {
            Effect::Refused(404 | 405) => error.help(NO_BUCKETS),
            Effect::Refused(_) | Effect::NotSent | Effect::Unauthorized(_) | Effect::UnknownOutcome => error,
        })
    }

    async fn tenants(&self) -> Result<Vec<String>, CallError> {
        let info = self.session.info().await?;
        let are_tenants = self.capabilities_of(&info.identity.release).tenants;
        let call = if are_tenants { requests::TENANTS } else { requests::ORGANIZATIONS };
        let listed = self.session.send(&call.request(), answer::tenants).await;
        listed.map_err(|error| match error.effect {
            Effect::Refused(_) => error.help(
                "only an administrator of the cluster may list tenants: use such a login, or name them in `[cluster] tenants`",
            ),
            Effect::NotSent | Effect::Unauthorized(_) | Effect::UnknownOutcome => error,
        })
    }

    async fn bucket_policy(&self, bucket: &BucketName) -> Result<String, CallError> {
        self.session.send(&requests::BUCKET_POLICY.about_bucket(bucket)?, answer::bucket_policy).await
    }

    async fn bucket_document(&self, bucket: &BucketName) -> Result<Option<String>, CallError> {
        self.session.send(&requests::BUCKET_DOCUMENT.about_bucket(bucket)?, answer::bucket_document).await
    }

    async fn set_canned_bucket_policy(&self, bucket: &BucketName, policy: CannedPolicy) -> Result<(), CallError> {
        self.session.send(&requests::set_bucket_policy(bucket, policy)?, answer::nothing).await
    }

    /// The definitions declare the document a string, and their example is an object, which clients send for policies of users.
    /// So the object is sent first. If the cluster refuses it, the string is tried and remembered.
    async fn set_bucket_document(&self, bucket: &BucketName, document: &str) -> Result<(), CallError> {
        let send = async |form| {
            self.session.send(&requests::set_bucket_document(bucket, document, form)?, answer::nothing).await
        };
        if self.documents_as_text.load(Ordering::Relaxed) {
            return send(DocumentForm::Text).await;
        }
        let refused = match send(DocumentForm::Object).await {
            Err(error) if error.effect == Effect::Refused(400) => error,
            ended => return ended,
        };
        match send(DocumentForm::Text).await {
            Err(error) if matches!(error.effect, Effect::Refused(_)) => Err(refused),
            ended => {
                self.documents_as_text.store(ended.is_ok(), Ordering::Relaxed);
                ended
            }
        }
    }

    fn stopped(&self) -> Option<String> {
        self.session.pin.stopped()
    }

    fn keep_shapes(&self) {
        self.session.sender.shapes.keep();
    }

    fn shapes(&self) -> BTreeMap<String, String> {
        self.session.sender.shapes.all()
    }

    fn connection(&self, release: &Release) -> ConnectionInfo {
        let (all, unencrypted) = (self.endpoints.iter(), |it: &&Endpoint| !it.is_encrypted() && !it.is_loopback());
        ConnectionInfo {
            transport: "REST",
            addresses: all.clone().map(ToString::to_string).collect(),
            unencrypted: all.filter(unencrypted).map(ToString::to_string).collect(),
            any_certificate: self.any_certificate,
            attachments_source: match self.capabilities_of(release).attachments {
                AttachmentsSource::None => None,
                AttachmentsSource::UserPolicies => Some("GET /s3/userPolicies"),
                AttachmentsSource::Users => Some("GET /users"),
            },
            definition_expected: Capabilities::of(release).api_definition,
            clock_ahead: self.session.sender.clock_ahead(),
        }
    }

    /// The answer of a cluster without an identity provider is not documented: one without an address counts as none, and after
    /// a refusal it is unknown.
    async fn identity_provider(&self) -> Result<Option<bool>, CallError> {
        if !self.capabilities_of(&self.session.info().await?.identity.release).identity_provider {
            return Ok(Some(false));
        }
        match self.session.send(&requests::IDENTITY_PROVIDER.request(), answer::identity_provider).await {
            Err(error) if matches!(error.effect, Effect::Refused(_)) => Ok(None),
            answer => answer,
        }
    }

    async fn api_facts(&self) -> Result<Option<ApiFacts>, CallError> {
        let identity = self.session.info().await?.identity;
        if !Capabilities::of(&identity.release).api_definition {
            return Ok(None);
        }
        let facts = self.facts.get_or_try_init(|| self.read_facts(&identity)).await.copied()?;
        facts.into_iter().for_each(|facts| self.session.pin.learn(facts));
        Ok(facts)
    }

    /// What the definition says needs no further call afterwards.
    async fn own_definition(&self) -> Result<Option<String>, CallError> {
        let definition = self.definition().await?;
        let identity = self.session.info().await?.identity;
        if let Some(definition) = definition.as_deref().filter(|_| Capabilities::of(&identity.release).api_definition) {
            // Facts that were asked for before stay.
            _ = self.facts.set(self.learn(&identity, definition));
        }
        Ok(definition)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Heard, Reply, Server, is_proof, json, proof, tokens};
    use super::*;
    use crate::cluster::{PasswordLogin, capabilities};

    fn options(endpoint: Endpoint, tenant: Option<&str>) -> RestOptions {
        let org = Some("of the credentials".into());
        RestOptions {
            release: None,
            endpoints: vec![endpoint],
            credentials: Credentials::Password(PasswordLogin { username: "admin".into(), password: "pw".into(), org }),
            tenant: tenant.map(ToOwned::to_owned),
            trust: Trust::default(),
            timeouts: Timeouts::default(),
            cache: None,
        }
    }

    fn cluster(server: &Server, tenant: Option<&str>) -> RestCluster {
        RestCluster::new(options(server.endpoint(), tenant)).unwrap()
    }

    /// A cluster of a release. `rest` answers all but logins and proofs.
    async fn server(release: &'static str, rest: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Server {
        Server::start(move |heard| match heard.call.as_str() {
            "POST /login" => tokens("t", 300),
            "GET /cluster" => json(200, format!(r#"{{"data":{{"name":"w","guid":"g","release":"{release}"}}}}"#)),
            "GET /users/whoami" => json(
                200,
                r#"{"data":{"username":"admin","role":"ClusterAdmin","org_name":"Root","org_id":0,"uid":"u","source":"Internal"}}"#,
            ),
            _ => rest(heard),
        })
        .await
    }

    fn policy() -> PolicyName {
        PolicyName::parse("p").unwrap()
    }

    fn user() -> UserName {
        UserName::parse("u").unwrap()
    }

    fn attached(users: &Users) -> Vec<(&str, Option<&str>)> {
        users.users.iter().map(|user| (user.name.as_str(), user.policy.as_ref().map(PolicyName::as_str))).collect()
    }

    #[tokio::test]
    async fn a_connection_has_its_addresses_and_the_clock_of_the_cluster() {
        let server = server("5.1.2", |_| {
            Reply::Raw("HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 2\r\n\r\n{}".into())
        })
        .await;
        let cluster = cluster(&server, None);
        let release = Release::parse("5.1.2").unwrap();
        assert_eq!(cluster.connection(&release).clock_ahead, None);
        assert_eq!(cluster.own_definition().await.unwrap().as_deref(), Some("{}"));
        let connection = cluster.connection(&release);
        assert!(connection.clock_ahead.unwrap() < -900_000_000);
        assert_eq!((connection.addresses, connection.unencrypted.len()), (vec![server.endpoint().to_string()], 0));
        let far = options(Endpoint::parse_insecure("http://weka01").unwrap(), None);
        let far = RestCluster::new(RestOptions { trust: Trust::Anyone, ..far }).unwrap();
        let ConnectionInfo { unencrypted, any_certificate, .. } = far.connection(&release);
        assert_eq!((unencrypted, any_certificate), (vec!["http://weka01:14000".to_owned()], true));
    }

    #[tokio::test]
    async fn the_definitions_of_the_vendor_give_the_capabilities_of_their_clusters() {
        const OF_4_4: &str = include_str!("../../../tests/vendor/4.4.json");
        const OF_5_0: &str = include_str!("../../../tests/vendor/5.0.json");
        const OF_5_1: &str = include_str!("../../../tests/vendor/5.1.json");
        const LATER: &str = include_str!("../../../tests/vendor/5.1-later.json");
        for (release, definition, asked, key_reset, provider_and_tenants) in [
            ("4.4.8", OF_4_4, 0, false, false),
            ("5.0.2", OF_5_0, 1, false, false),
            ("5.1.2", OF_5_1, 1, false, true),
            ("5.1.21.26", LATER, 1, true, true),
        ] {
            for body in [definition.to_owned(), format!(r#"{{"data":{definition}}}"#)] {
                let server = server(release, move |_| json(200, body.clone())).await;
                let cluster = cluster(&server, None);
                for _ in 0..2 {
                    let found = capabilities(&cluster, &Release::parse(release).unwrap()).await;
                    assert_eq!(found.attachments, AttachmentsSource::Users, "{release}");
                    assert_eq!((found.key_reset, cluster.can_generate_keys()), (key_reset, key_reset), "{release}");
                    let others = (found.identity_provider_reported, found.tenants);
                    assert_eq!(others, (provider_and_tenants, provider_and_tenants), "{release}");
                    assert!(!found.groups);
                }
                let definitions = server.calls().iter().filter(|call| *call == "GET /docs/schema").count();
                assert_eq!(definitions, asked, "{release}");
            }
        }
        let oldest = api_facts(include_str!("../../../tests/vendor/3.14.json")).unwrap();
        assert_eq!((oldest.users_have_policy, oldest.user_policies), (Some(false), false));
        let older = api_facts(include_str!("../../../tests/vendor/4.0.json")).unwrap();
        assert_eq!((older.users_have_policy, older.user_policies), (Some(false), true));
    }

    /// Each file is an answer as a cluster gives it.
    #[tokio::test]
    async fn answers_as_clusters_give_them_are_read_or_refused_with_their_words() {
        let login = include_str!("../../../tests/shapes/login-3.14.json");
        let logged_in = Server::start(move |heard| match heard.call.as_str() {
            "POST /login" => json(200, login),
            call if is_proof(call) => proof(heard, "g", "Root").unwrap_or(Reply::Close),
            _ => json(200, r#"{"data":{"policies":["a"]}}"#),
        })
        .await;
        assert_eq!(cluster(&logged_in, None).list_policies().await.unwrap().len(), 1);

        let lockout = include_str!("../../../tests/shapes/login-lockout-403.json");
        let locked = Server::start(move |_| json(403, lockout)).await;
        let cluster_locked = cluster(&locked, None);
        for _ in 0..2 {
            let error = cluster_locked.list_policies().await.unwrap_err();
            assert!(error.message.contains("locked out for another 1m55s"), "{error}");
        }
        assert_eq!(locked.calls(), ["POST /login"], "each try would make it longer");

        let reset = include_str!("../../../tests/shapes/reset-credentials.json");
        let later = server("5.1.21.26", move |heard| match heard.call.as_str() {
            "GET /docs/schema" => json(200, include_str!("../../../tests/vendor/5.1-later.json")),
            "GET /users" => json(200, r#"{"data":[{"username":"u","uid":"7","org_id":0,"role":"S3"}]}"#),
            "POST /users/7/s3/resetCredentials" => json(200, reset),
            call => panic!("{call}"),
        })
        .await;
        assert_eq!(cluster(&later, None).generate_keys(&user()).await.unwrap().access_key, "AAAA");

        for (status, body, words) in [
            (
                400,
                include_str!("../../../tests/shapes/unknown-params-400.json"),
                "Invalid params; unknown: policy_name",
            ),
            (400, r#"{"message":"Invalid params","data":{"unknown_params":"policy_name"}}"#, "unknown: policy_name"),
            (400, include_str!("../../../tests/shapes/dup-user-400.json"), "Username already in use"),
            (500, include_str!("../../../tests/shapes/already-attached-500.json"), "is already presen"),
            (200, include_str!("../../../tests/shapes/refresh-imported.json"), "does not hold"),
        ] {
            let server = server("5.1.2", move |_| json(status, body)).await;
            let error = cluster(&server, None).attach(&policy(), &Principal::User(user())).await.unwrap_err();
            assert!(error.message.contains(words), "{error}");
            let expected = if status == 400 { Effect::Refused(400) } else { Effect::UnknownOutcome };
            assert_eq!(error.effect, expected);
        }
        let imported = include_str!("../../../tests/shapes/ldap-import.json");
        let server = server("5.1.2", move |_| json(200, imported)).await;
        let pair = cluster(&server, None).attach(&policy(), &Principal::User(user())).await.unwrap();
        assert_eq!(pair.unwrap().access_key, "ldap-alice");
    }

    #[tokio::test]
    async fn the_ids_of_users_are_read_once_and_again_after_a_call_that_failed() {
        let resets = std::sync::atomic::AtomicUsize::new(0);
        let server = server("5.1.21.26", move |heard| match heard.call.as_str() {
            "GET /docs/schema" => json(200, include_str!("../../../tests/vendor/5.1-later.json")),
            "GET /users" => json(200, r#"{"data":[{"username":"u","uid":"7","org_id":0,"role":"S3"}]}"#),
            "POST /users/7/s3/resetCredentials" => match resets.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                2 => Reply::Close,
                _ => json(200, include_str!("../../../tests/shapes/reset-credentials.json")),
            },
            call => panic!("{call}"),
        })
        .await;
        let cluster = cluster(&server, None);
        let reads = || server.calls().iter().filter(|call| *call == "GET /users").count();
        cluster.generate_keys(&user()).await.unwrap();
        cluster.revoke_keys(&user()).await.unwrap();
        assert_eq!(reads(), 1);
        assert_eq!(cluster.generate_keys(&user()).await.unwrap_err().effect, Effect::UnknownOutcome);
        cluster.generate_keys(&user()).await.unwrap();
        assert_eq!(reads(), 2, "after a lost answer");
        let gone = UserName::parse("gone").unwrap();
        assert_eq!(cluster.generate_keys(&gone).await.unwrap_err().effect, Effect::NotSent);
        cluster.generate_keys(&user()).await.unwrap();
        assert_eq!(reads(), 3, "a user may be new");
    }

    #[tokio::test]
    async fn without_a_readable_definition_the_release_decides() {
        for (status, body) in [(404, "{}"), (403, "{}"), (500, "{}"), (200, "<html>"), (200, "{}")] {
            let server = server("5.1.2", move |_| json(status, body)).await;
            let cluster = cluster(&server, None);
            let release = Release::parse("5.1.2").unwrap();
            assert_eq!(capabilities(&cluster, &release).await, Capabilities::of(&release), "{status} {body}");
            assert!(!cluster.can_generate_keys());
        }
    }

    #[tokio::test]
    async fn a_provider_is_known_only_from_an_answer_that_says_so() {
        for (status, body, expected) in [
            (200, r#"{"data":{"config_url":"https://idp","claim_name":"roles"}}"#, Some(true)),
            (200, r#"{"data":[{"config_url":"https://idp"}]}"#, Some(true)),
            (200, r#"{"data":null}"#, Some(false)),
            (200, r#"{"data":{}}"#, Some(false)),
            (200, r#"{"data":{"config_url":"","claim_name":""}}"#, Some(false)),
            (200, r#"{"data":{"config_url":null}}"#, Some(false)),
            (200, r#"{"data":{"enabled":true}}"#, None),
            (200, r#"{"data":"off"}"#, None),
            (404, "{}", None),
            (400, "{}", None),
        ] {
            let server = server("5.1.2", move |_| json(status, body)).await;
            assert_eq!(cluster(&server, None).identity_provider().await, Ok(expected), "{status} {body}");
        }
        let older = server("5.0.1", |_| json(500, "{}")).await;
        assert_eq!(cluster(&older, None).identity_provider().await, Ok(Some(false)), "none before 5.1");
    }

    #[tokio::test]
    async fn only_a_404_means_that_a_cluster_has_no_definition() {
        let refused = [(403, Err(Effect::Unauthorized(403))), (500, Err(Effect::UnknownOutcome))];
        for (status, expected) in [(404, Ok(None))].into_iter().chain(refused) {
            let server = server("5.1.2", move |_| json(status, "{}")).await;
            let found = cluster(&server, None).own_definition().await;
            assert_eq!(found.map_err(|error| error.effect), expected, "{status}");
        }
    }

    #[tokio::test]
    async fn an_identity_is_the_cluster_and_the_login() {
        let server = server("5.1.2", |_| Reply::Close).await;
        let identity = cluster(&server, Some("Root")).identity().await.unwrap();
        assert_eq!((identity.name.as_str(), identity.guid.as_str(), identity.tenant.as_str()), ("w", "g", "Root"));
        assert_eq!((identity.user.as_str(), identity.role.as_str()), ("admin", "ClusterAdmin"));
        assert_eq!(identity.release.line(), (5, 1));
        assert!(server.heard()[0].body.contains(r#""org":"Root""#));
    }

    #[tokio::test]
    async fn a_name_that_no_call_can_carry_sends_nothing_at_all() {
        let server = server("5.1.2", |_| json(200, r#"{"data":null}"#)).await;
        let cluster = cluster(&server, None);
        for name in ["", ".", "..", "a/b", "a\n"] {
            assert_eq!(cluster.remove_policy(&PolicyName::reported(name)).await.unwrap_err().effect, Effect::NotSent);
        }
        assert!(server.calls().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_changed_in_another_tenant_than_that_of_the_configuration() {
        let server = server("5.1.2", |_| json(200, r#"{"data":null}"#)).await;
        let cluster = cluster(&server, Some("ml"));
        let error = cluster.identity().await.unwrap_err();
        assert!(server.heard()[0].body.contains(r#""org":"ml""#), "that of the configuration comes first");
        assert!(error.message.contains("\"Root\", and \"ml\" is expected"), "{error}");
        assert!(error.help.unwrap().contains("tenant = \"Root\""));
        for error in [
            cluster.remove_policy(&policy()).await.unwrap_err(),
            cluster.add_policy(&policy(), "{}").await.unwrap_err(),
            cluster.attach(&policy(), &Principal::User(user())).await.unwrap_err(),
            cluster.detach(&policy(), &Principal::User(user())).await.unwrap_err(),
            cluster.list_policies().await.unwrap_err(),
            cluster.users().await.unwrap_err(),
        ] {
            assert_eq!(error.effect, Effect::NotSent, "{error}");
        }
        assert!(server.calls().iter().all(|call| ["POST /login", "GET /users/whoami"].contains(&call.as_str())));
    }

    #[tokio::test]
    async fn attached_policies_are_read_with_the_calls_of_the_release() {
        const PLAIN: &str =
            r#"{"data":[{"username":"a","role":"S3","org_id":0},{"username":"b","role":"S3","org_id":9}]}"#;
        const WITH_POLICY: &str = r#"{"data":[{"username":"a","org_id":0,"policy":"p"},{"username":"b","org_id":9}]}"#;
        let cases: [(_, _, _, &[_], _, _); 6] = [
            ("3.14.0", PLAIN, 404, &[("a", None)], false, 0),
            ("3.14.0", WITH_POLICY, 404, &[("a", Some("p"))], true, 0),
            ("4.0.5", PLAIN, 200, &[("a", Some("q"))], true, 1),
            ("4.4.1", WITH_POLICY, 404, &[("a", Some("p"))], true, 0),
            ("5.1.2", PLAIN, 200, &[("a", Some("q"))], true, 1),
            ("5.1.2", PLAIN, 404, &[("a", None)], true, 1),
        ];
        for (release, users, status, expected, known, asked) in cases {
            let server = server(release, move |heard| match heard.call.as_str() {
                "GET /users" => json(200, users),
                _ => json(status, r#"{"users":{"a":"q"}}"#),
            })
            .await;
            let users = cluster(&server, None).users().await.unwrap();
            assert_eq!((attached(&users).as_slice(), users.attachments_known), (expected, known), "{release} {status}");
            assert_eq!(server.calls().iter().filter(|call| *call == "GET /s3/userPolicies").count(), asked);
        }
    }

    #[tokio::test]
    async fn users_of_other_tenants_only_are_an_error() {
        let server = server("5.1.2", |_| json(200, r#"{"data":[{"username":"a","org_id":"OrgId<0>"}]}"#)).await;
        assert_eq!(cluster(&server, None).users().await.unwrap_err().effect, Effect::UnknownOutcome);
    }
}
