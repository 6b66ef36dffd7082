//! One request to one answer: find the call, check who asks, read what is asked, let the rules decide.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;

use super::answer::Answer;
use super::body::Body;
use super::query::Query;
use super::route::Route;
use super::tokens::{Life, Tokens};
use super::{change, look, shapes};
use crate::sim::rules::{Caller, Refusal};
use crate::sim::state::{ROOT, State};
use crate::sim::store::Store;

/// A request, as far as it matters.
#[derive(Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent.
    pub query: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The API of one server over one state file.
#[derive(Debug)]
pub struct Api {
    store: Store,
    tokens: Tokens,
    /// How many temporary credentials were given.
    assumed: AtomicU64,
}

impl Api {
    /// An API over a state file, with no tokens given yet.
    #[must_use]
    pub fn new(store: Store, life: Life) -> Self {
        Self { store, tokens: Tokens::new(life), assumed: AtomicU64::new(0) }
    }

    /// Answers a request. Waits for the disk, and for other processes that change the state.
    #[must_use]
    pub fn answer(&self, asked: &Asked) -> Answer {
        self.decide(asked).unwrap_or_else(Answer::from)
    }

    fn decide(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let state = self.store.read()?;
        let behaviour = state.behaviour();
        let route = Route::find(&asked.method, &asked.path, behaviour)?;
        let caller = || self.caller(&state, asked.authorization.as_deref());
        let read = || {
            let query = Query::read(asked.query.as_deref(), route.query(behaviour))?;
            let body = Body::read(&route, behaviour, asked.content_type.as_deref(), &asked.body)?;
            Ok::<_, Refusal>((query, body))
        };
        match &route {
            Route::Login => self.log_in(&state, &read()?.1),
            Route::Refresh => self.refresh(&state, &read()?.1),
            Route::Look(look) => {
                let caller = caller()?;
                let (query, body) = read()?;
                let serial = || self.assumed.fetch_add(1, Ordering::Relaxed);
                look::answer(&state, &caller, look, &query, &body, serial)
            }
            Route::Change(change) => {
                let caller = caller()?;
                let (_, body) = read()?;
                // The state is read anew under the lock; the caller's user may be gone by then.
                self.store.change(|state| {
                    let caller = Caller::known(state, &caller.tenant, &caller.user)?;
                    change::answer(state, &caller, change, &body)
                })
            }
        }
    }

    fn log_in(&self, state: &State, body: &Body) -> Result<Answer, Refusal> {
        let tenant = body.optional_text("org").unwrap_or_else(|| ROOT.to_owned());
        let caller = Caller::log_in(state, &tenant, &body.text("username"), &body.text("password"))?;
        Ok(shapes::tokens(&self.tokens.issue(&caller, None), state.behaviour()))
    }

    /// Gives new tokens for a refresh token. That the old ones hold on is assumed.
    fn refresh(&self, state: &State, body: &Body) -> Result<Answer, Refusal> {
        let holder = self.tokens.refresh(&body.text("refresh_token")).ok_or(Refusal::Unauthorized)?;
        let caller = Caller::known(state, &holder.tenant, &holder.user)?;
        let time = body.number("access_token_expiry").map(Duration::from_secs);
        Ok(shapes::tokens(&self.tokens.issue(&caller, time), state.behaviour()))
    }

    fn caller(&self, state: &State, authorization: Option<&str>) -> Result<Caller, Refusal> {
        let (scheme, token) = authorization.and_then(|header| header.split_once(' ')).ok_or(Refusal::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Unauthorized);
        }
        let holder = self.tokens.check(token.trim()).ok_or(Refusal::Unauthorized)?;
        Caller::known(state, &holder.tenant, &holder.user)
    }
}
