//! The login: made when first needed, renewed before it expires and when the cluster no longer accepts it. Each endpoint
//! proves with each token which cluster and tenant it leads to, before anything else is sent there.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::answer::{self, ClusterFacts, Read, Tokens, Whoami};
use super::request::{self, Request};
use super::round::{Missed, Round};
use super::send::Sender;
use crate::base::Release;
use crate::cluster::subject::{RunSubject, Subject};
use crate::cluster::{CallError, Credentials, Effect};

/// How long before its end a token is renewed: longer than a call should be on its way. A token that lives less
/// than twice as long is renewed after half its life.
const MARGIN: Duration = Duration::from_secs(30);

/// Sends calls as somebody. One renewal serves all calls that wait for it.
#[derive(Debug)]
pub(super) struct Session {
    sender: Sender,
    credentials: Credentials,
    /// The tenant that is meant, where one is: the login is made to it, and nothing is sent to another.
    tenant: Option<String>,
    /// The release to speak to the cluster as, where it is not the one that it tells.
    release: Option<Release>,
    state: Mutex<State>,
    run: RunSubject,
    proofs: std::sync::Mutex<Proofs>,
    /// Held by the one call that has an endpoint prove itself.
    proving: Mutex<()>,
}

/// Which cluster this is and as whom it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct SessionInfo {
    pub(super) cluster: ClusterFacts,
    pub(super) who: Whoami,
}

/// What was proven so far.
#[derive(Debug, Default)]
struct Proofs {
    /// Endpoints by index, each with the number of the token that it was asked with.
    proven: BTreeSet<(usize, u64)>,
    /// What the first one told.
    first: Option<SessionInfo>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// Counts renewals, so that a call knows whether the token it was refused with is still the current one.
    serial: u64,
    /// The refusal of a login. It is not tried again: each try counts towards locking the account.
    refused: Option<CallError>,
}

#[derive(Debug)]
struct Token {
    access: SecretString,
    refresh: Option<SecretString>,
    /// `None` for a token from a file, whose age is not known: the cluster will say when it is over.
    renew_at: Option<Instant>,
}

/// A token as a call takes it along.
struct Bearer {
    access: SecretString,
    serial: u64,
}

impl Session {
    pub(super) fn new(
        sender: Sender,
        credentials: Credentials,
        tenant: Option<String>,
        release: Option<Release>,
    ) -> Self {
        let token = match &credentials {
            Credentials::Password { .. } => None,
            Credentials::Token { access, refresh } => {
                Some(Token { access: access.clone(), refresh: refresh.clone(), renew_at: None })
            }
        };
        let state = Mutex::new(State { token, ..State::default() });
        let (run, proofs, proving) = Default::default();
        Self { sender, credentials, tenant, release, state, run, proofs, proving }
    }

    /// The same, with so many requests at once.
    pub(super) fn at_most(self, jobs: usize) -> Self {
        Self { sender: self.sender.at_most(jobs), ..self }
    }

    /// By how many seconds the clock there is ahead, as the last answer told.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        self.sender.clock_ahead()
    }

    /// Why nothing more is sent, once an endpoint led to another cluster or tenant.
    pub(super) fn stopped(&self) -> Option<String> {
        self.run.stopped()
    }

    /// Sends a call. A 401 says that nothing was done, so that after a renewal the call is sent once more, a write
    /// too.
    pub(super) async fn send<T>(&self, request: &Request, read: Read<T>) -> Result<T, CallError> {
        self.run.may_send(&request.call())?;
        let bearer = self.bearer(None).await?;
        match self.send_as(&bearer, request, read).await {
            Err(error) if error.effect == Effect::Unauthorized(401) => {
                let renewed = self.bearer(Some(bearer.serial)).await?;
                self.send_as(&renewed, request, read).await
            }
            answered => answered,
        }
    }

    /// What the first endpoint told that was asked which cluster this is.
    pub(super) async fn info(&self) -> Result<SessionInfo, CallError> {
        if let Some(first) = &self.proofs().first {
            return Ok(first.clone());
        }
        self.identify().await
    }

    /// Asks anew which cluster this is and as whom it is spoken to.
    pub(super) async fn identify(&self) -> Result<SessionInfo, CallError> {
        self.run.may_send(&request::cluster().call())?;
        let bearer = self.bearer(None).await?;
        match self.identify_as(&bearer).await {
            Err(error) if error.effect == Effect::Unauthorized(401) => {
                let renewed = self.bearer(Some(bearer.serial)).await?;
                self.identify_as(&renewed).await
            }
            told => told,
        }
    }

    async fn identify_as(&self, bearer: &Bearer) -> Result<SessionInfo, CallError> {
        let mut round = Round::default();
        loop {
            let Some(index) = self.sender.next(&round).await else { return Err(round.error(&request::cluster())) };
            match self.prove(index, &round, bearer).await {
                Ok(told) => return Ok(told),
                Err(missed) => self.sender.note(&mut round, index, missed, true)?,
            }
        }
    }

    /// Sends a call to an endpoint that has proven itself with this token.
    async fn send_as<T>(&self, bearer: &Bearer, request: &Request, read: Read<T>) -> Result<T, CallError> {
        let mut round = Round::default();
        loop {
            let pass = self.sender.permit().await;
            self.run.may_send(&request.call())?;
            let Some(index) = self.sender.next(&round).await else { return Err(round.error(request)) };
            if self.is_proven(index, bearer) {
                let sent = (request, Some(&bearer.access));
                match self.sender.send_to(index, &round, pass, sent, read).await {
                    Ok(found) => return Ok(found),
                    Err(missed) => self.sender.note(&mut round, index, missed, request.may_repeat())?,
                }
                continue;
            }
            // The proof takes turns of its own.
            drop(pass);
            let _proving = self.proving.lock().await;
            if !self.is_proven(index, bearer)
                && let Err(missed) = self.prove(index, &round, bearer).await
            {
                let noted = self.sender.note(&mut round, index, missed, true);
                self.run.may_send(&request.call())?;
                noted.map_err(|error| if request.is_read() { error } else { error.before_another() })?;
            }
        }
    }

    /// Has an endpoint tell which cluster and tenant it leads to with this token, and holds that against what the run is
    /// about.
    async fn prove(&self, index: usize, round: &Round, bearer: &Bearer) -> Result<SessionInfo, Missed> {
        let (whoami, cluster) = (request::whoami(), request::cluster());
        let who = async {
            let pass = self.sender.permit().await;
            self.sender.send_to(index, round, pass, (&whoami, Some(&bearer.access)), answer::whoami).await
        };
        let facts = async {
            let pass = self.sender.permit().await;
            self.sender.send_to(index, round, pass, (&cluster, Some(&bearer.access)), answer::cluster).await
        };
        let (who, mut facts) = match &self.tenant {
            None => tokio::try_join!(who, facts)?,
            Some(meant) => {
                let who = who.await?;
                if *meant != who.org_name {
                    let error = CallError::other_tenant(whoami.call(), &who.username, &who.org_name, meant);
                    self.run.stop(&error);
                    return Err(Missed::Failed(error));
                }
                (who, facts.await?)
            }
        };
        let told = Subject {
            name: facts.name.clone(),
            guid: facts.guid.clone(),
            tenant: who.org_name.clone(),
            release: facts.release.clone(),
        };
        let fixed = self.release.is_some();
        self.run.prove(&cluster.call(), &self.sender.name(index), told, fixed).map_err(Missed::Failed)?;
        if let Some(release) = &self.release {
            facts.release = release.clone();
        }
        let info = SessionInfo { cluster: facts, who };
        let mut proofs = self.proofs();
        proofs.proven.insert((index, bearer.serial));
        proofs.first.get_or_insert_with(|| info.clone());
        Ok(info)
    }

    fn is_proven(&self, index: usize, bearer: &Bearer) -> bool {
        self.proofs().proven.contains(&(index, bearer.serial))
    }

    fn proofs(&self) -> MutexGuard<'_, Proofs> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current token, after a renewal where it is due or `rejected` is still the current one.
    async fn bearer(&self, rejected: Option<u64>) -> Result<Bearer, CallError> {
        let mut state = self.state.lock().await;
        if rejected == Some(state.serial) || !state.token.as_ref().is_some_and(Token::is_fresh) {
            self.renew(&mut state).await.map_err(CallError::before_another)?;
        }
        match &state.token {
            Some(token) => Ok(Bearer { access: token.access.clone(), serial: state.serial }),
            None => Err(CallError::new("POST /login", Effect::NotSent, "there is no token")),
        }
    }

    /// Refreshes the token; logs in where there is none to refresh or the refresh fails.
    async fn renew(&self, state: &mut State) -> Result<(), CallError> {
        let refresh = state.token.as_ref().and_then(|token| token.refresh.clone());
        let refreshed = match &refresh {
            Some(token) => Some(self.ask_for_token(&request::refresh(token), refresh.clone()).await),
            None => None,
        };
        let token = match (refreshed, &self.credentials) {
            (Some(Ok(token)), _) => token,
            (Some(Err(error)), _) if error.effect == Effect::NotSent => return Err(error),
            (_, Credentials::Password { username, password, org }) => {
                let org = self.tenant.as_deref().or(org.as_deref());
                self.log_in(state, &request::login(username, password, org)).await?
            }
            (Some(Err(error)), Credentials::Token { .. }) if error.effect == Effect::UnknownOutcome => {
                return Err(error);
            }
            (Some(Err(error)), Credentials::Token { .. }) => return Err(error.help(TOKEN_OVER)),
            (None, Credentials::Token { .. }) => return Err(no_refresh_token()),
        };
        state.token = Some(token);
        state.serial += 1;
        Ok(())
    }

    async fn log_in(&self, state: &mut State, login: &Request) -> Result<Token, CallError> {
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        let outcome = self.ask_for_token(login, None).await.map_err(|error| match error.effect {
            Effect::Unauthorized(_) => error.help("check the user name, the password and the tenant"),
            Effect::NotSent | Effect::Refused(_) | Effect::UnknownOutcome => error,
        });
        if let Err(error) = &outcome
            && let Effect::Unauthorized(_) = error.effect
        {
            state.refused = Some(error.clone());
            state.token = None;
        }
        outcome
    }

    async fn ask_for_token(&self, request: &Request, refresh: Option<SecretString>) -> Result<Token, CallError> {
        let asked = Instant::now();
        let tokens = self.sender.send(request, None, answer::tokens).await?;
        if tokens.password_change_required {
            tracing::warn!("the cluster asks this user to change the password");
        }
        Ok(Token::new(tokens, refresh, asked))
    }
}

const TOKEN_OVER: &str = "the stored login is over: log in again with `weka user login`, or set ATTUNE_USERNAME and \
    ATTUNE_PASSWORD";

fn no_refresh_token() -> CallError {
    let message = "the cluster does not accept the stored token, and there is no refresh token with it";
    CallError::new("POST /login/refresh", Effect::Unauthorized(401), message).help(TOKEN_OVER)
}

impl Token {
    /// A token that was asked for at `asked`; without a refresh token of its own it keeps the one it came from.
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::super::endpoints::Endpoint;
    use super::super::send::Timeouts;
    use super::super::testing::{Heard, Reply, Server, dead_endpoint, is_proof, json, proof, tokens, unauthorized};
    use super::super::tls::Trust;
    use super::*;
    use crate::base::{PolicyName, UserName};

    fn password() -> Credentials {
        Credentials::Password { username: "admin".into(), password: "pw".into(), org: Some("ml".into()) }
    }

    fn stored(refresh: Option<&str>) -> Credentials {
        Credentials::Token { access: "stored".into(), refresh: refresh.map(Into::into) }
    }

    fn session(server: &Server, credentials: Credentials) -> Session {
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, Timeouts::default()).unwrap();
        Session::new(sender, credentials, None, None)
    }

    fn write() -> Request {
        request::attach(&PolicyName::reported("p"), &UserName::reported("u")).unwrap()
    }

    /// Calls and the tokens they came with, without those that prove which cluster it is.
    fn story(server: &Server) -> Vec<(String, String)> {
        let calls = server.heard().into_iter().filter(|heard| !is_proof(&heard.call));
        calls.map(|heard| (heard.call, heard.token.unwrap_or_default())).collect()
    }

    /// How often the cluster was proven.
    fn proofs(server: &Server) -> usize {
        server.calls().iter().filter(|call| *call == "GET /cluster").count()
    }

    fn told(calls: &[(&str, &str)]) -> Vec<(String, String)> {
        calls.iter().map(|(call, token)| ((*call).to_owned(), (*token).to_owned())).collect()
    }

    /// Accepts `good` and no other token, but for proofs; `login` and `refresh` answer theirs.
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
    async fn a_login_is_made_with_the_first_call_and_serves_the_next() {
        let server = server("a", || tokens("a", 300), || Reply::Close).await;
        let session = session(&server, password());
        assert!(server.calls().is_empty());
        session.send(&request::policies(), answer::nothing).await.unwrap();
        session.send(&request::users(), answer::nothing).await.unwrap();
        assert_eq!(story(&server), told(&[("POST /login", ""), ("GET /s3/policies", "a"), ("GET /users", "a")]));
        assert_eq!(server.heard()[0].body, r#"{"org":"ml","password":"pw","username":"admin"}"#);
    }

    #[tokio::test]
    async fn the_tenant_that_is_asked_for_is_logged_in_to() {
        let server = server("a", || tokens("a", 300), || Reply::Close).await;
        let mut session = session(&server, password());
        session.tenant = Some("etl".to_owned());
        let error = session.send(&request::policies(), answer::nothing).await.unwrap_err();
        assert!(server.heard()[0].body.contains(r#""org":"etl""#));
        assert!(error.message.contains("\"Root\", and \"etl\" is meant"), "{error}");
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_refreshed_before_it_is_used() {
        let server = server("b", || tokens("a", 0), || tokens("b", 300)).await;
        let session = session(&server, password());
        assert_eq!(session.bearer(None).await.unwrap().serial, 1);
        session.send(&request::policies(), answer::nothing).await.unwrap();
        session.send(&request::policies(), answer::nothing).await.unwrap();
        let expected =
            [("POST /login", ""), ("POST /login/refresh", ""), ("GET /s3/policies", "b"), ("GET /s3/policies", "b")];
        assert_eq!(story(&server), told(&expected));
        assert_eq!((server.heard()[1].body.as_str(), proofs(&server)), (r#"{"refresh_token":"r-a"}"#, 1));
    }

    #[tokio::test]
    async fn a_write_that_meets_a_401_is_sent_again_after_a_refresh() {
        let server = server("b", || tokens("a", 300), || tokens("b", 300)).await;
        session(&server, password()).send(&write(), answer::key_pair).await.unwrap();
        let attach = "POST /s3/policies/attach";
        assert_eq!(
            story(&server),
            told(&[("POST /login", ""), (attach, "a"), ("POST /login/refresh", ""), (attach, "b")])
        );
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
            let attach = "POST /s3/policies/attach";
            let expected =
                [("POST /login", ""), (attach, "a"), ("POST /login/refresh", ""), ("POST /login", ""), (attach, "b")];
            assert_eq!(story(&server), told(&expected), "{status}");
        }
    }

    #[tokio::test]
    async fn a_second_401_is_the_answer() {
        let server = server("none", || tokens("a", 300), || tokens("b", 300)).await;
        let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
        assert_eq!(error.effect, Effect::Unauthorized(401));
        assert_eq!(story(&server).len(), 4);
    }

    #[tokio::test]
    async fn calls_at_the_same_time_share_one_login_and_one_refresh() {
        let server = server("b", || tokens("a", 300), || tokens("b", 300)).await;
        let session = session(&server, password());
        let request = request::policies();
        let outcomes = join_all((0..8).map(|_| session.send(&request, answer::nothing))).await;
        assert!(outcomes.iter().all(Result::is_ok));
        let count = |wanted: &str| server.calls().iter().filter(|call| *call == wanted).count();
        assert_eq!((count("POST /login"), count("POST /login/refresh")), (1, 1));
    }

    /// A session at several endpoints, which waits so long for an answer.
    fn session_at(endpoints: Vec<Endpoint>, timeouts: Timeouts) -> Session {
        Session::new(Sender::new(endpoints, &Trust::System, timeouts).unwrap(), password(), None, None)
    }

    /// Waits for an answer no longer than this where another endpoint is left, and for ever otherwise.
    fn impatient() -> Timeouts {
        Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() }
    }

    /// An endpoint of this cluster and tenant, which gives tokens of its own, takes no others, and closes each connection.
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
            let session = session_at(vec![one.endpoint(), other.endpoint()], Timeouts::default());
            session.send(&write(), answer::key_pair).await.unwrap();
            assert_eq!((proofs(&one), session.stopped()), (1, None));
            drop(one);
            tokio::task::yield_now().await;
            let request = write();
            let errors = join_all((0..8).map(|_| session.send(&request, answer::key_pair))).await;
            for error in errors.into_iter().map(Result::unwrap_err) {
                assert_eq!((error.call.as_str(), error.effect), (request.call().as_str(), Effect::NotSent), "{error}");
                assert!(error.message.contains("leads to cluster \"w\" (guid \"h\""), "{error}");
            }
            assert!(session.stopped().is_some());
            let heard = other.calls().len();
            assert!(session.identify().await.is_err() && session.info().await.is_ok());
            assert!(session.send(&request::users(), answer::nothing).await.is_err());
            // The first try with the token of the other cluster is refused; with a token of its own, it proves itself.
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
        let writes = story(&server).into_iter().filter(|(call, _)| call.contains("attach"));
        assert_eq!(writes.collect::<Vec<_>>(), told(&[("POST /s3/policies/attach", "a")]));
    }

    #[tokio::test]
    async fn the_cluster_is_proven_once_for_each_endpoint_and_token() {
        let server = endpoint_of("g", "Root").await;
        let session = session_at(vec![server.endpoint(), server.endpoint_at("localhost")], Timeouts::default());
        let request = request::policies();
        for _ in 0..3 {
            assert!(join_all((0..8).map(|_| session.send(&request, answer::nothing))).await.iter().all(Result::is_ok));
        }
        assert_eq!(proofs(&server), 1);
    }

    #[tokio::test]
    async fn a_proof_that_fails_leaves_no_doubt_about_the_write() {
        let server = Server::start(|heard| match heard.call.as_str() {
            "POST /login" => tokens("a", 300),
            _ => json(500, "{}"),
        })
        .await;
        let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent, "{error}");
        assert!(server.calls().iter().all(|call| !call.contains("attach")));
    }

    /// What an endpoint may do instead of an answer.
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
                // It answers so many calls, and then no more.
                let answered = AtomicUsize::new(0);
                let silent = Server::start(move |heard| match heard.call.as_str() {
                    _ if answered.fetch_add(1, Ordering::Relaxed) >= after => silence(),
                    "POST /login" => tokens("a", 300),
                    _ => proof(heard, "g", "Root").unwrap(),
                })
                .await;
                let sound = server("a", || tokens("a", 300), || Reply::Close).await;
                let session = session_at(vec![silent.endpoint(), sound.endpoint()], impatient());
                let begun = Instant::now();
                for _ in 0..20 {
                    session.send(&request::policies(), answer::nothing).await.unwrap();
                    session.send(&write(), answer::key_pair).await.unwrap();
                }
                assert!(begun.elapsed() < Duration::from_secs(5), "after {after}: {:?}", begun.elapsed());
                assert_eq!((silent.calls().len(), proofs(&sound)), (after + 1, 1));
            }
        }
    }

    #[tokio::test]
    async fn a_write_that_is_not_answered_is_asked_of_no_other_endpoint_and_the_next_call_is() {
        for silence in silences() {
            let silent = Server::start(move |heard| match heard.call.as_str() {
                "POST /login" => tokens("a", 300),
                _ => proof(heard, "g", "Root").unwrap_or_else(silence),
            })
            .await;
            let sound = server("a", || tokens("a", 300), || Reply::Close).await;
            let timeouts = Timeouts { call: Duration::from_millis(300), ..impatient() };
            let session = session_at(vec![silent.endpoint(), sound.endpoint()], timeouts);
            let error = session.send(&write(), answer::key_pair).await.unwrap_err();
            assert_eq!((error.effect, sound.calls().len()), (Effect::UnknownOutcome, 0), "{error}");
            session.send(&request::policies(), answer::nothing).await.unwrap();
            session.send(&write(), answer::key_pair).await.unwrap();
            assert_eq!(silent.calls().iter().filter(|call| !is_proof(call)).count(), 2);
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_slow_is_waited_for_where_no_other_is_left() {
        let slow = Server::start(|heard| match heard.call.as_str() {
            "POST /login" => tokens("a", 300),
            _ => Reply::Late(
                Duration::from_millis(600),
                Box::new(proof(heard, "g", "Root").unwrap_or_else(|| json(200, r#"{"data":null}"#))),
            ),
        })
        .await;
        let alone = session_at(vec![slow.endpoint()], impatient());
        alone.send(&request::policies(), answer::nothing).await.unwrap();
        let session = session_at(vec![slow.endpoint(), dead_endpoint().await], impatient());
        // The first try takes no longer than where another is left; then it is known that there is none.
        let error = session.send(&request::policies(), answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::UnknownOutcome, "{error}");
        session.send(&request::policies(), answer::nothing).await.unwrap();
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
    async fn a_login_in_doubt_leaves_no_doubt_about_the_write() {
        for reply in [|| json(500, "{}"), || Reply::Close, || json(200, "<html>"), || json(200, "{}")] {
            let server = server("none", reply, || Reply::Close).await;
            let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
            assert_eq!(error.effect, Effect::NotSent, "{error}");
        }
    }

    #[tokio::test]
    async fn a_stored_login_is_used_refreshed_and_over() {
        let fresh = server("stored", || Reply::Close, || Reply::Close).await;
        session(&fresh, stored(Some("r"))).send(&write(), answer::key_pair).await.unwrap();
        assert_eq!(story(&fresh).len(), 1);

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
    async fn no_error_of_a_login_shows_a_token() {
        let answer = r#"{"data":{"access_token":{"jwt":"t0k3n"},"refresh_token":"t0k3n"}}"#;
        for status in [200, 400, 500] {
            let server = server("none", move || json(status, answer), || Reply::Close).await;
            let error = session(&server, password()).send(&write(), answer::key_pair).await.unwrap_err();
            assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
        }
    }
}
