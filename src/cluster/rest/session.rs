//! The session: logs in with the first call, and renews the token before it expires or when the cluster rejects it. Before
//! any other call, each endpoint proves with each token which cluster and tenant it leads to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::answer::{self, Read, Tokens};
use super::endpoints::Target;
use super::requests::{self, Request};
use super::send::{Missed, Outgoing, Sender};
use crate::cluster::json::identity;
use crate::cluster::pin::{ClusterPin, SessionInfo};
use crate::cluster::{CallError, Credentials, Effect, TokenOrigin};

/// How long before its end a token is renewed: longer than a call should take. A token that lives less than twice as long
/// is renewed after half its life.
const MARGIN: Duration = Duration::from_secs(30);

/// Sends calls as a logged-in user. Concurrent calls share one renewal of the token.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) sender: Sender,
    credentials: Credentials,
    pub(super) pin: ClusterPin,
    state: Mutex<State>,
    proofs: std::sync::Mutex<Proofs>,
    /// Held by the one call that proves an endpoint.
    proving: Mutex<()>,
    /// Whether a login said that the user must change its password.
    must_change_password: AtomicBool,
}

#[derive(Debug, Default)]
struct Proofs {
    /// Endpoints by index, with the serial number of the token.
    proven: BTreeSet<(usize, u64)>,
    first: Option<SessionInfo>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// Counts renewals, so that a call knows whether its rejected token is still the current one.
    serial: u64,
    /// The refusal of a login, which is final: each try may lock the account.
    refused: Option<CallError>,
}

#[derive(Debug)]
struct Token {
    access: SecretString,
    refresh: Option<SecretString>,
    /// `None` for a token from a file, whose age is unknown: the cluster rejects it when it has expired.
    renew_at: Option<Instant>,
}

struct Bearer {
    access: SecretString,
    serial: u64,
}

impl Session {
    pub(super) fn new(sender: Sender, credentials: Credentials, pin: ClusterPin) -> Self {
        let token = match &credentials {
            Credentials::Password(_) => None,
            Credentials::Token { access, refresh, .. } => {
                Some(Token { access: access.clone(), refresh: refresh.clone(), renew_at: None })
            }
        };
        let state = Mutex::new(State { token, ..State::default() });
        let (proofs, proving, must_change_password) = Default::default();
        Self { sender, credentials, pin, state, proofs, proving, must_change_password }
    }

    pub(super) async fn send<T>(&self, request: &Request, read: Read<T>) -> Result<T, CallError> {
        self.with_token(request, |bearer| async move { self.send_as(&bearer, request, read).await }).await
    }

    /// After a 401 nothing was done, so that the call is sent once more with a renewed token, even a write.
    async fn with_token<T, F>(&self, request: &Request, send: impl Fn(Bearer) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.pin.may_send(&request.call())?;
        let bearer = self.bearer(None).await?;
        let serial = bearer.serial;
        let answered = match send(bearer).await {
            Err(error) if error.effect == Effect::Unauthorized(401) => send(self.bearer(Some(serial)).await?).await,
            answered => answered,
        };
        answered.map_err(|error| match error.effect {
            Effect::Unauthorized(_) if self.must_change_password.load(Ordering::Relaxed) => {
                error.help(MUST_CHANGE_PASSWORD)
            }
            Effect::Unauthorized(_) | Effect::NotSent | Effect::Refused(_) | Effect::UnknownOutcome => error,
        })
    }

    /// The first proof of the cluster; asks for one if there is none.
    pub(super) async fn info(&self) -> Result<SessionInfo, CallError> {
        if let Some(first) = &self.proofs().first {
            return Ok(first.clone());
        }
        self.identify().await
    }

    pub(super) async fn identify(&self) -> Result<SessionInfo, CallError> {
        let request = requests::CLUSTER.request();
        self.with_token(&request, |bearer| async move { self.identify_as(&bearer).await }).await
    }

    async fn identify_as(&self, bearer: &Bearer) -> Result<SessionInfo, CallError> {
        let prove = |target, permit| async move {
            // The proof waits for permits of its own.
            drop(permit);
            self.prove(target, bearer).await
        };
        self.sender.each(&requests::CLUSTER.request(), prove).await
    }

    async fn send_as<T>(&self, bearer: &Bearer, request: &Request, read: Read<T>) -> Result<T, CallError> {
        let attempt = |target: Target, mut permit| async move {
            if !self.is_proven(target.index, bearer) {
                drop(permit);
                self.prove_before(target, bearer, request).await?;
                permit = self.sender.permit().await;
            }
            self.pin.may_send(&request.call()).map_err(Missed::Failed)?;
            self.sender.send_to(target, permit, Outgoing { request, token: Some(&bearer.access) }, read).await
        };
        self.sender.each(request, attempt).await
    }

    /// Proves the cluster before a call, unless another call did meanwhile.
    async fn prove_before(&self, target: Target, bearer: &Bearer, request: &Request) -> Result<(), Missed> {
        let _proving = self.proving.lock().await;
        self.pin.may_send(&request.call()).map_err(Missed::Failed)?;
        if self.is_proven(target.index, bearer) {
            return Ok(());
        }
        if target.has_alternative && self.sender.pool.is_silent(target.index) {
            return Err(Missed::Skipped);
        }
        let Err(missed) = self.prove(target, bearer).await else { return Ok(()) };
        self.pin.may_send(&request.call()).map_err(Missed::Failed)?;
        Err(match missed {
            Missed::Failed(error) if !request.is_read() => Missed::Failed(error.for_unsent_call()),
            Missed::Failed(_) | Missed::Silent { .. } | Missed::Unreachable(_) | Missed::Skipped => missed,
        })
    }

    /// Asks an endpoint which cluster and tenant it leads to with this token, and compares that with the ones of the run.
    async fn prove(&self, target: Target, bearer: &Bearer) -> Result<SessionInfo, Missed> {
        let (whoami, cluster) = (requests::WHOAMI.request(), requests::CLUSTER.request());
        let token = Some(&bearer.access);
        let login = self.sender.ask(target, Outgoing { request: &whoami, token }, answer::whoami);
        let facts = self.sender.ask(target, Outgoing { request: &cluster, token }, answer::cluster);
        let (login, facts) = match self.pin.tenant() {
            None => tokio::try_join!(login, facts)?,
            // Nothing else is asked of another tenant.
            Some(_) => {
                let login = login.await?;
                self.pin.check_tenant(&whoami.call(), &login.user, &login.tenant).map_err(Missed::Failed)?;
                (login, facts.await?)
            }
        };
        let endpoint = self.sender.pool.endpoint(target.index).to_string();
        let found = self.pin.check(&cluster.call(), &endpoint, identity(facts, &login)).map_err(Missed::Failed)?;
        let info = SessionInfo { identity: found, tenant_id: login.tenant_id };
        let mut proofs = self.proofs();
        proofs.proven.insert((target.index, bearer.serial));
        proofs.first.get_or_insert_with(|| info.clone());
        Ok(info)
    }

    fn is_proven(&self, index: usize, bearer: &Bearer) -> bool {
        self.proofs().proven.contains(&(index, bearer.serial))
    }

    fn proofs(&self) -> MutexGuard<'_, Proofs> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current token. Renews it if that is due, or if `rejected` is still the current one.
    async fn bearer(&self, rejected: Option<u64>) -> Result<Bearer, CallError> {
        let mut state = self.state.lock().await;
        if rejected == Some(state.serial) || !state.token.as_ref().is_some_and(Token::is_fresh) {
            self.renew(&mut state).await.map_err(CallError::for_unsent_call)?;
        }
        match &state.token {
            Some(token) => Ok(Bearer { access: token.access.clone(), serial: state.serial }),
            None => Err(CallError::new("POST /login", Effect::NotSent, "there is no token")),
        }
    }

    async fn renew(&self, state: &mut State) -> Result<(), CallError> {
        let refresh = state.token.as_ref().and_then(|token| token.refresh.clone());
        let refreshed = match &refresh {
            Some(token) => Some(self.ask_for_token(&requests::refresh(token), refresh.clone()).await),
            None => None,
        };
        let token = match (refreshed, &self.credentials) {
            (Some(Ok(token)), _) => token,
            (Some(Err(error)), _) if error.effect == Effect::NotSent => return Err(error),
            (_, Credentials::Password(login)) => {
                let org = self.pin.tenant().or(login.org.as_deref());
                self.log_in(state, &requests::login(&login.username, &login.password, org)).await?
            }
            (Some(Err(error)), Credentials::Token { origin, .. }) => {
                return Err(if error.effect == Effect::UnknownOutcome { error } else { error.help(expired(*origin)) });
            }
            (None, Credentials::Token { origin, .. }) => return Err(rejected_token(*origin)),
        };
        state.token = Some(token);
        state.serial += 1;
        Ok(())
    }

    async fn log_in(&self, state: &mut State, login: &Request) -> Result<Token, CallError> {
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        self.ask_for_token(login, None).await.map_err(|error| match error.effect {
            Effect::Unauthorized(_) => {
                let is_locked = error.message.to_lowercase().contains("locked out");
                let error =
                    error.help(if is_locked { LOCKED_OUT } else { "check the user name, the password and the tenant" });
                (state.refused, state.token) = (Some(error.clone()), None);
                error
            }
            Effect::NotSent | Effect::Refused(_) | Effect::UnknownOutcome => error,
        })
    }

    async fn ask_for_token(&self, request: &Request, refresh: Option<SecretString>) -> Result<Token, CallError> {
        let asked = Instant::now();
        let tokens = self.sender.send(request, None, answer::tokens).await?;
        if tokens.password_change_required && !self.must_change_password.swap(true, Ordering::Relaxed) {
            tracing::warn!("{MUST_CHANGE_PASSWORD}");
        }
        Ok(Token::new(tokens, refresh, asked))
    }
}

/// What to do about a lockout. Clients report that each try prolongs it.
const LOCKED_OUT: &str =
    "wait until the lockout ends, and check the password before you try again: each try prolongs the lockout";

const MUST_CHANGE_PASSWORD: &str = "the cluster requires that this user changes its password first: change it with `weka user \
    passwd` or in the GUI, then use the new one";

fn expired(origin: TokenOrigin) -> String {
    match origin {
        TokenOrigin::Stored => {
            "the stored login has expired: log in again with `weka user login`, or set ATTUNE_USERNAME and \
                                ATTUNE_PASSWORD"
                .to_owned()
        }
        TokenOrigin::Variable(name) => {
            format!("the token of {name} is wrong, or has expired: make another one with `weka user generate-token`")
        }
        TokenOrigin::Logins => {
            "the token in the file of logins is wrong, or has expired: make another one with `weka user generate-token`"
                .to_owned()
        }
    }
}

fn rejected_token(origin: TokenOrigin) -> CallError {
    let message = match origin {
        TokenOrigin::Stored => {
            "the cluster does not accept the stored token, and there is no refresh token with it".to_owned()
        }
        TokenOrigin::Variable(name) => format!("the cluster does not accept the token of {name}"),
        TokenOrigin::Logins => "the cluster does not accept the token in the file of logins".to_owned(),
    };
    CallError::new("POST /login/refresh", Effect::Unauthorized(401), message).help(expired(origin))
}

impl Token {
    /// A token that was requested at `asked`. It keeps `refresh` if it comes without a refresh token.
    fn new(tokens: Tokens, refresh: Option<SecretString>, asked: Instant) -> Self {
        let life = Duration::from_secs(tokens.life_seconds);
        let renew_at = asked.checked_add(life - MARGIN.min(life / 2));
        Self { access: tokens.access, refresh: tokens.refresh.or(refresh), renew_at }
    }

    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::super::endpoints::Endpoint;
    use super::super::send::Timeouts;
    use super::super::testing::{Heard, Reply, Server, dead_endpoint, is_proof, json, proof, tokens, unauthorized};
    use super::super::tls::Trust;
    use super::*;
    use crate::base::{PolicyName, UserName};
    use crate::cluster::PasswordLogin;

    fn password() -> Credentials {
        Credentials::Password(PasswordLogin { username: "admin".into(), password: "pw".into(), org: Some("ml".into()) })
    }

    fn stored(refresh: Option<&str>) -> Credentials {
        Credentials::Token { access: "stored".into(), refresh: refresh.map(Into::into), origin: TokenOrigin::Stored }
    }

    fn session(server: &Server, credentials: Credentials) -> Session {
        session_at(vec![server.endpoint()], credentials, Timeouts::default())
    }

    fn session_at(endpoints: Vec<Endpoint>, credentials: Credentials, timeouts: Timeouts) -> Session {
        let sender = Sender::new(endpoints, &Trust::System, timeouts).unwrap();
        Session::new(sender, credentials, ClusterPin::default())
    }

    fn write() -> Request {
        requests::attach(&PolicyName::reported("p"), &UserName::reported("u")).unwrap()
    }

    fn calls(server: &Server) -> Vec<String> {
        let calls = server.heard().into_iter().filter(|heard| !is_proof(&heard.call));
        calls.map(|heard| [Some(heard.call), heard.token].into_iter().flatten().collect::<Vec<_>>().join(" ")).collect()
    }

    fn proofs(server: &Server) -> usize {
        server.calls().iter().filter(|call| *call == "GET /cluster").count()
    }

    /// A server that accepts the token `good`, and any token for proofs. `login` and `refresh` give the answers to those.
    async fn server(
        good: &'static str,
        login: impl Fn() -> Reply + Send + Sync + 'static,
        refresh: impl Fn() -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::start(move |heard: &Heard| match (heard.call.as_str(), heard.token.as_deref()) {
            ("POST /login", None) => login(),
            ("POST /login/refresh", None) => refresh(),
            (call, Some(_)) if is_proof(call) => proof(heard, "g", "Root").unwrap(),
            (_, Some(token)) if token == good => json(200, r#"{"data":null}"#),
            _ => unauthorized(),
        })
        .await
    }

    #[tokio::test]
    async fn the_first_call_logs_in_and_the_next_uses_the_same_token() {
        let server = server("a", || tokens("a", 300), || Reply::Close).await;
        let session = session(&server, password());
        assert!(server.calls().is_empty());
        session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
        session.send(&requests::USERS.request(), answer::nothing).await.unwrap();
        assert_eq!(calls(&server), ["POST /login", "GET /s3/policies a", "GET /users a"]);
        assert_eq!(server.heard()[0].body, r#"{"org":"ml","password":"pw","username":"admin"}"#);
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_refreshed_before_it_is_used() {
        let server = server("b", || tokens("a", 0), || tokens("b", 300)).await;
        let session = session(&server, password());
        assert_eq!(session.bearer(None).await.unwrap().serial, 1);
        session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
        session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
        let expected = ["POST /login", "POST /login/refresh", "GET /s3/policies b", "GET /s3/policies b"];
        assert_eq!(calls(&server), expected);
        assert_eq!((server.heard()[1].body.as_str(), proofs(&server)), (r#"{"refresh_token":"r-a"}"#, 1));
    }

    #[tokio::test]
    async fn a_write_with_a_401_is_sent_again_after_a_refresh() {
        let server = server("b", || tokens("a", 300), || tokens("b", 300)).await;
        session(&server, password()).send(&write(), answer::key_pair).await.unwrap();
        let attach = "POST /s3/policies/attach";
        let expected = ["POST /login", &format!("{attach} a"), "POST /login/refresh", &format!("{attach} b")];
        assert_eq!(calls(&server), expected);
        let attaches: Vec<_> = server.heard().into_iter().filter(|heard| heard.call == attach).collect();
        assert_eq!((&attaches[0].body, proofs(&server)), (&attaches[1].body, 2));
    }

    #[tokio::test]
    async fn a_refresh_that_fails_is_followed_by_a_login() {
        for status in [400, 401, 500] {
            let logins = AtomicUsize::new(0);
            let login = move || tokens(if logins.fetch_add(1, Ordering::Relaxed) == 0 { "a" } else { "b" }, 300);
            let server = server("b", login, move || json(status, "{}")).await;
            session(&server, password()).send(&write(), answer::key_pair).await.unwrap();
            let [first, second] = ["a", "b"].map(|token| format!("POST /s3/policies/attach {token}"));
            let expected = ["POST /login", &first, "POST /login/refresh", "POST /login", &second];
            assert_eq!(calls(&server), expected, "{status}");
        }
    }

    #[tokio::test]
    async fn a_second_401_is_final() {
        let server = server("none", || tokens("a", 300), || tokens("b", 300)).await;
        let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
        assert_eq!(error.effect, Effect::Unauthorized(401));
        assert_eq!(calls(&server).len(), 4);
    }

    #[tokio::test]
    async fn calls_at_the_same_time_share_one_login_and_one_refresh() {
        let server = server("b", || tokens("a", 300), || tokens("b", 300)).await;
        let session = session(&server, password());
        let request = requests::POLICIES.request();
        assert!(join_all((0..8).map(|_| session.send(&request, answer::nothing))).await.iter().all(Result::is_ok));
        let count = |wanted: &str| server.calls().iter().filter(|call| *call == wanted).count();
        assert_eq!((count("POST /login"), count("POST /login/refresh")), (1, 1));
    }

    fn impatient() -> Timeouts {
        Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() }
    }

    /// An endpoint of this cluster and tenant. It accepts only its own tokens, and closes each connection.
    async fn endpoint_of(guid: &'static str, tenant: &'static str) -> Server {
        Server::start(move |heard: &Heard| {
            let reply = match (heard.call.as_str(), heard.token.as_deref()) {
                ("POST /login", _) => tokens(guid, 300),
                (_, Some(token)) if token == guid => {
                    proof(heard, guid, tenant).unwrap_or_else(|| json(200, r#"{"data":null}"#))
                }
                _ => unauthorized(),
            };
            let Reply::Json(status, body) = reply else { panic!() };
            let length = body.len();
            Reply::Raw(format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"))
        })
        .await
    }

    #[tokio::test]
    async fn an_endpoint_of_another_cluster_or_tenant_gets_no_call_but_the_proof_and_stops_the_run() {
        for (guid, tenant) in [("h", "Root"), ("h", "ml")] {
            let (one, other) = (endpoint_of("g", "Root").await, endpoint_of(guid, tenant).await);
            let session = session_at(vec![one.endpoint(), other.endpoint()], password(), Timeouts::default());
            session.send(&write(), answer::key_pair).await.unwrap();
            assert_eq!((proofs(&one), session.pin.stopped()), (1, None));
            drop(one);
            tokio::task::yield_now().await;
            let request = write();
            let errors = join_all((0..8).map(|_| session.send(&request, answer::key_pair))).await;
            for error in errors.into_iter().map(Result::unwrap_err) {
                assert_eq!((error.call.as_str(), error.effect), (request.call().as_str(), Effect::NotSent), "{error}");
                assert!(error.message.contains("leads to cluster \"w\" (guid \"h\""), "{error}");
            }
            assert!(session.pin.stopped().is_some());
            let heard = other.calls().len();
            assert!(session.identify().await.is_err() && session.info().await.is_ok());
            assert!(session.send(&requests::USERS.request(), answer::nothing).await.is_err());
            // It rejects the token of the other cluster, and answers the proof with a token of its own.
            let calls = other.calls();
            assert_eq!(calls.len(), heard, "nothing more is sent");
            assert!(calls.iter().all(|call| is_proof(call) || call.starts_with("POST /login")), "{calls:?}");
        }
    }

    #[tokio::test]
    async fn another_tenant_after_a_new_login_stops_the_run() {
        let logins = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&logins);
        let server = Server::start(move |heard: &Heard| match (heard.call.as_str(), heard.token.as_deref()) {
            ("POST /login", _) => tokens(if count.fetch_add(1, Ordering::Relaxed) == 0 { "a" } else { "b" }, 300),
            (_, Some("a")) => proof(heard, "g", "Root").unwrap_or_else(unauthorized),
            (_, Some("b")) => proof(heard, "g", "ml").unwrap_or_else(|| json(200, r#"{"data":null}"#)),
            _ => unauthorized(),
        })
        .await;
        let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
        assert!(error.message.contains("tenant \"ml\""), "{error}");
        let writes: Vec<String> = calls(&server).into_iter().filter(|call| call.contains("attach")).collect();
        assert_eq!(writes, ["POST /s3/policies/attach a"]);
    }

    #[tokio::test]
    async fn the_cluster_is_proven_once_for_each_endpoint_and_token() {
        let server = endpoint_of("g", "Root").await;
        let session =
            session_at(vec![server.endpoint(), server.endpoint_at("localhost")], password(), Timeouts::default());
        let request = requests::POLICIES.request();
        for _ in 0..3 {
            assert!(join_all((0..8).map(|_| session.send(&request, answer::nothing))).await.iter().all(Result::is_ok));
        }
        assert_eq!(proofs(&server), 1);
    }

    fn silences() -> Vec<fn() -> Reply> {
        vec![
            || Reply::Silence,
            || Reply::Stalled("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n".to_owned()),
            || Reply::Stalled("HTTP/1.1 200 OK\r\n".to_owned()),
            || Reply::Trickled(format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{}", " ".repeat(9999))),
        ]
    }

    #[tokio::test]
    async fn an_endpoint_that_stays_silent_costs_one_timeout_and_then_comes_last() {
        for silence in silences() {
            for after in [0, 3] {
                let answered = AtomicUsize::new(0);
                let silent = Server::start(move |heard| match heard.call.as_str() {
                    _ if answered.fetch_add(1, Ordering::Relaxed) >= after => silence(),
                    "POST /login" => tokens("a", 300),
                    _ => proof(heard, "g", "Root").unwrap(),
                })
                .await;
                let sound = server("a", || tokens("a", 300), || Reply::Close).await;
                let session = session_at(vec![silent.endpoint(), sound.endpoint()], password(), impatient());
                let begun = Instant::now();
                for _ in 0..20 {
                    session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
                    session.send(&write(), answer::key_pair).await.unwrap();
                }
                assert!(begun.elapsed() < Duration::from_secs(5), "after {after}: {:?}", begun.elapsed());
                assert_eq!((silent.calls().len(), proofs(&sound)), (after + 1, 1));
            }
        }
    }

    #[tokio::test]
    async fn a_write_without_an_answer_goes_to_no_other_endpoint_and_the_next_call_does() {
        for silence in silences() {
            let silent = Server::start(move |heard| match heard.call.as_str() {
                "POST /login" => tokens("a", 300),
                _ => proof(heard, "g", "Root").unwrap_or_else(silence),
            })
            .await;
            let sound = server("a", || tokens("a", 300), || Reply::Close).await;
            let timeouts = Timeouts { call: Duration::from_millis(300), ..impatient() };
            let session = session_at(vec![silent.endpoint(), sound.endpoint()], password(), timeouts);
            let error = session.send(&write(), answer::key_pair).await.unwrap_err();
            assert_eq!((error.effect, sound.calls().len()), (Effect::UnknownOutcome, 0), "{error}");
            session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
            session.send(&write(), answer::key_pair).await.unwrap();
            assert_eq!(silent.calls().iter().filter(|call| !is_proof(call)).count(), 2);
        }
    }

    #[tokio::test]
    async fn a_slow_endpoint_is_waited_for_if_no_other_is_left() {
        let slow = Server::start(|heard| match heard.call.as_str() {
            "POST /login" => tokens("a", 300),
            _ => Reply::Late(
                Duration::from_millis(600),
                Box::new(proof(heard, "g", "Root").unwrap_or_else(|| json(200, r#"{"data":null}"#))),
            ),
        })
        .await;
        let alone = session_at(vec![slow.endpoint()], password(), impatient());
        alone.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
        let session = session_at(vec![slow.endpoint(), dead_endpoint().await], password(), impatient());
        // The first try is short, because another endpoint seems to be left. The next one is not.
        let error = session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::UnknownOutcome, "{error}");
        session.send(&requests::POLICIES.request(), answer::nothing).await.unwrap();
    }

    #[tokio::test]
    async fn a_wrong_password_is_tried_once() {
        let server = server("none", unauthorized, || Reply::Close).await;
        let session = session(&server, password());
        let request = write();
        for outcome in join_all((0..4).map(|_| session.send(&request, answer::nothing))).await {
            let error = outcome.unwrap_err();
            assert_eq!((error.call.as_str(), error.effect), ("POST /login", Effect::Unauthorized(401)));
            assert!(error.help.unwrap().contains("password"));
        }
        assert_eq!(server.calls(), ["POST /login"]);
    }

    #[tokio::test]
    async fn after_a_login_or_a_proof_with_an_unknown_outcome_a_write_is_not_sent() {
        let tokens = || tokens("a", 300);
        for login in [|| json(500, "{}"), || Reply::Close, || json(200, "<html>"), || json(200, "{}"), tokens] {
            let server = Server::start(move |heard| match heard.call.as_str() {
                "POST /login" => login(),
                _ => json(500, "{}"),
            })
            .await;
            let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
            assert_eq!(error.effect, Effect::NotSent, "{error}");
            assert!(server.calls().iter().all(|call| !call.contains("attach")));
        }
    }

    #[tokio::test]
    async fn a_stored_login_is_used_and_refreshed_and_expires() {
        let fresh = server("stored", || Reply::Close, || Reply::Close).await;
        session(&fresh, stored(Some("r"))).send(&write(), answer::key_pair).await.unwrap();
        assert_eq!(calls(&fresh).len(), 1);

        let expired = server("b", || Reply::Close, || tokens("b", 300)).await;
        session(&expired, stored(Some("r"))).send(&write(), answer::key_pair).await.unwrap();
        let refresh = expired.heard().into_iter().find(|heard| heard.call == "POST /login/refresh");
        assert_eq!(refresh.unwrap().body, r#"{"refresh_token":"r"}"#);

        let over = server("none", || Reply::Close, unauthorized).await;
        for credentials in [stored(Some("r")), stored(None)] {
            let error = session(&over, credentials).send(&write(), answer::key_pair).await.unwrap_err();
            assert_eq!(error.effect, Effect::Unauthorized(401));
            assert!(error.help.unwrap().contains("weka user login"));
        }
    }

    #[tokio::test]
    async fn a_lockout_is_told_in_the_clusters_words_and_not_prolonged() {
        // Captured (release 5.1.21).
        let words = "Authentication Failed. User has been locked out for another 1m55s due to too many login attempts";
        let server = server("none", move || json(403, format!(r#"{{"data": "{words}"}}"#)), || Reply::Close).await;
        let session = session(&server, password());
        for _ in 0..3 {
            let error = session.send(&write(), answer::key_pair).await.unwrap_err();
            assert!(error.message.contains(words), "{error}");
            assert_eq!((error.effect, error.help.as_deref()), (Effect::Unauthorized(403), Some(LOCKED_OUT)));
        }
        assert_eq!(calls(&server), ["POST /login"]);
    }

    #[tokio::test]
    async fn a_password_that_must_be_changed_is_named_by_each_refusal() {
        let login = || json(200, r#"{"data":{"access_token":"a","expires_in":300,"password_change_required":true}}"#);
        let server = server("none", login, || Reply::Close).await;
        let session = session(&server, password());
        let error = session.send(&write(), answer::key_pair).await.unwrap_err();
        assert_eq!((error.effect, error.help.as_deref()), (Effect::Unauthorized(401), Some(MUST_CHANGE_PASSWORD)));
    }

    #[tokio::test]
    async fn a_token_of_a_variable_is_named_when_it_is_rejected() {
        let server = server("good", || Reply::Close, || Reply::Close).await;
        for (token, is_good) in [("good", true), ("bad", false)] {
            let origin = TokenOrigin::Variable("ATTUNE_TOKEN_FILE");
            let given = Credentials::Token { access: token.into(), refresh: None, origin };
            let answered = session(&server, given).send(&write(), answer::key_pair).await;
            assert_eq!(answered.is_ok(), is_good);
            let Err(error) = answered else { continue };
            assert!(error.message.contains("ATTUNE_TOKEN_FILE") && error.help.unwrap().contains("generate-token"));
        }
        assert!(!server.calls().iter().any(|call| call.contains("login")), "a token logs nobody in");
    }

    #[tokio::test]
    async fn no_error_of_a_login_shows_a_token() {
        let answer = r#"{"data":{"access_token":{"jwt":"t0k3n"},"refresh_token":"t0k3n"}}"#;
        for status in [200, 400, 500] {
            let server = server("none", move || json(status, answer), || Reply::Close).await;
            let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
            assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
        }
    }
}
