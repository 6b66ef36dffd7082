//! The login: made when first needed, renewed before it expires and when the cluster no longer accepts it.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::answer::{self, Read, Tokens};
use super::request::{self, Request};
use super::send::Sender;
use crate::cluster::{CallError, Credentials, Effect};

/// How long before its end a token is renewed: longer than a call should be on its way. A token that lives less
/// than twice as long is renewed after half its life.
const MARGIN: Duration = Duration::from_secs(30);

/// Sends calls as somebody. One renewal serves all calls that wait for it.
#[derive(Debug)]
pub(super) struct Session {
    sender: Sender,
    credentials: Credentials,
    /// The tenant to log in to, where it was asked for.
    tenant: Option<String>,
    state: Mutex<State>,
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
    pub(super) fn new(sender: Sender, credentials: Credentials, tenant: Option<String>) -> Self {
        let token = match &credentials {
            Credentials::Password { .. } => None,
            Credentials::Token { access, refresh } => {
                Some(Token { access: access.clone(), refresh: refresh.clone(), renew_at: None })
            }
        };
        let state = Mutex::new(State { token, ..State::default() });
        Self { sender, credentials, tenant, state }
    }

    /// The same, with so many requests at once.
    pub(super) fn at_most(self, jobs: usize) -> Self {
        Self { sender: self.sender.at_most(jobs), ..self }
    }

    /// By how many seconds the clock there is ahead, as the last answer told.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        self.sender.clock_ahead()
    }

    /// Sends a call. A 401 says that nothing was done, so that after a renewal the call is sent once more, a write
    /// too.
    pub(super) async fn send<T>(&self, request: &Request, read: Read<T>) -> Result<T, CallError> {
        let bearer = self.bearer(None).await?;
        match self.sender.send(request, Some(&bearer.access), read).await {
            Err(error) if error.effect == Effect::Unauthorized(401) => {
                let renewed = self.bearer(Some(bearer.serial)).await?;
                self.sender.send(request, Some(&renewed.access), read).await
            }
            answered => answered,
        }
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
            (Some(Err(error)), Credentials::Token { .. }) if error.effect == Effect::InDoubt => return Err(error),
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
            Effect::NotSent | Effect::Refused(_) | Effect::InDoubt => error,
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::super::send::Timeouts;
    use super::super::testing::{Heard, Reply, Server, json, tokens, unauthorized};
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
        Session::new(sender, credentials, None)
    }

    fn write() -> Request {
        request::attach(&PolicyName::reported("p"), &UserName::reported("u")).unwrap()
    }

    /// Calls and the tokens they came with.
    fn story(server: &Server) -> Vec<(String, String)> {
        server.heard().into_iter().map(|heard| (heard.call, heard.token.unwrap_or_default())).collect()
    }

    fn told(calls: &[(&str, &str)]) -> Vec<(String, String)> {
        calls.iter().map(|(call, token)| ((*call).to_owned(), (*token).to_owned())).collect()
    }

    /// Accepts `good` and no other token; `login` and `refresh` answer theirs.
    async fn server(
        good: &'static str,
        login: impl Fn() -> Reply + Send + Sync + 'static,
        refresh: impl Fn() -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::start(move |heard: &Heard| match (heard.call.as_str(), heard.token.as_deref()) {
            ("POST /login", None) => login(),
            ("POST /login/refresh", None) => refresh(),
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
        session.send(&request::policies(), answer::nothing).await.unwrap();
        assert!(server.heard()[0].body.contains(r#""org":"etl""#));
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
        assert_eq!(server.heard()[1].body, r#"{"refresh_token":"r-a"}"#);
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
        assert_eq!(server.heard()[1].body, server.heard()[3].body);
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
        assert_eq!(server.calls().len(), 4);
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
        assert_eq!(fresh.calls().len(), 1);

        let expired = server("b", || Reply::Close, || tokens("b", 300)).await;
        session(&expired, stored(Some("r"))).send(&write(), answer::key_pair).await.unwrap();
        assert_eq!(expired.heard()[1].body, r#"{"refresh_token":"r"}"#);

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
