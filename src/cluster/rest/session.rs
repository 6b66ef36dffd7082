//! The login: made when first needed, renewed before it expires and when the cluster no longer accepts it.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::answer::{self, Tokens};
use super::outcome;
use super::request::{self, Request};
use super::send::{Body, Sender};
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

    /// Sends a call. A 401 says that nothing was done, so that after a renewal the call is sent once more, a write
    /// too.
    pub(super) async fn send(&self, request: &Request) -> Result<Body, CallError> {
        let bearer = self.bearer(None).await?;
        match self.sender.send(request, Some(&bearer.access)).await {
            Err(error) if error.effect == Effect::Unauthorized(401) => {
                let renewed = self.bearer(Some(bearer.serial)).await?;
                self.sender.send(request, Some(&renewed.access)).await
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
            (_, Credentials::Password { username, password, org }) => {
                let org = self.tenant.as_deref().or(org.as_deref());
                self.log_in(state, &request::login(username, password, org)).await?
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
        let body = self.sender.send(request, None).await?;
        let tokens = answer::tokens(&body).map_err(|expected| outcome::unreadable(request, expected, &body))?;
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
