//! One request to one answer: find the call, check who asks, read what is asked, let the rules decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use serde::Deserialize;

use super::answer::Answer;
use super::body::Body;
use super::query::Query;
use super::route::Route;
use super::tokens::{Life, Tokens};
use super::{change, look, shapes};
use crate::sim::rules::{Caller, Refusal};
use crate::sim::state::{ROOT, State};
use crate::sim::store::{Changed, Done, Store, StoreError};
use crate::sim::weka::{self, Run};

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

/// What came of a request.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Whether it was done, even if that changed nothing.
    pub applied: bool,
    /// The change it made, if the state is another one now.
    pub changed: Option<Changed>,
}

/// The API of one server over one state.
#[derive(Debug)]
pub struct Api {
    store: Store,
    tokens: Tokens,
    /// How many temporary credentials were given.
    assumed: AtomicU64,
}

impl Api {
    /// An API over a state, with no tokens given yet.
    #[must_use]
    pub fn new(store: Store, life: Life) -> Self {
        Self { store, tokens: Tokens::new(life), assumed: AtomicU64::new(0) }
    }

    /// Answers a request. Waits for the disk, and for other processes that change the state, if the store does.
    #[must_use]
    pub fn answer(&self, asked: &Asked) -> Answered {
        if asked.path == weka::PATH && asked.method == Method::POST {
            return Run::read(&asked.body).and_then(|run| self.run(&run)).unwrap_or_else(refused);
        }
        self.decide(asked).map_or_else(refused, |Done { value, changed }| Answered {
            applied: value.status.is_success(),
            answer: value,
            changed,
        })
    }

    /// The call that a request is, if it is one.
    #[must_use]
    pub fn route(&self, asked: &Asked) -> Option<Route> {
        let state = self.store.read().ok()?;
        if asked.path == weka::PATH {
            return Run::read(&asked.body).ok()?.route(&state);
        }
        Route::find(&asked.method, &asked.path, state.behaviour()).ok()
    }

    /// Changes the state without a call.
    ///
    /// # Errors
    /// What `change` refuses with; or the state file cannot be read or written.
    pub fn alter(&self, change: impl FnOnce(&mut State) -> Result<(), Refusal>) -> Result<Option<Changed>, Refusal> {
        self.store.change(change).map(|done| done.changed)
    }

    /// Lets the tokens that a request carries, in its head or to be refreshed, run out.
    pub fn expire(&self, asked: &Asked) {
        #[derive(Deserialize)]
        struct Refresh {
            refresh_token: String,
        }
        if let Some(token) = asked.authorization.as_deref().and_then(bearer) {
            self.tokens.expire(token);
        }
        if let Ok(refresh) = serde_json::from_slice::<Refresh>(&asked.body) {
            self.tokens.expire(&refresh.refresh_token);
        }
    }

    /// The state behind it, as it is now.
    ///
    /// # Errors
    /// The state file vanished, or is not one any more.
    pub fn state(&self) -> Result<Arc<State>, StoreError> {
        self.store.read()
    }

    /// Whether an answer to a call that changes the state may wait, for the disk or for another process.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.store.waits()
    }

    fn decide(&self, asked: &Asked) -> Result<Done<Answer>, Refusal> {
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
            Route::Login => self.log_in(&state, &read()?.1).map(unchanged),
            Route::Refresh => self.refresh(&state, &read()?.1).map(unchanged),
            Route::Look(look) => {
                let caller = caller()?;
                let (query, body) = read()?;
                let serial = || self.assumed.fetch_add(1, Ordering::Relaxed);
                look::answer(&state, &caller, look, &query, &body, serial).map(unchanged)
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

    /// Runs the `weka` command. One that fails, or only asks what it needs, changes nothing and is not done. The
    /// answer is 200 in any case, since the request itself was well.
    fn run(&self, run: &Run) -> Result<Answered, Refusal> {
        let serial = self.assumed.fetch_add(1, Ordering::Relaxed);
        let mut not_done = None;
        let done = self.store.change(|state| {
            run.on(state, serial).map_err(|told| {
                not_done = Some(told);
                Refusal::invalid("the command was not done")
            })
        });
        match (done, not_done) {
            (Ok(Done { value, changed }), _) => Ok(Answered { answer: Answer::body(&value), applied: true, changed }),
            (Err(_), Some(told)) => Ok(Answered { answer: Answer::body(&told), applied: false, changed: None }),
            (Err(refusal), None) => Err(refusal),
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
        let token = authorization.and_then(bearer).ok_or(Refusal::Unauthorized)?;
        let holder = self.tokens.check(token).ok_or(Refusal::Unauthorized)?;
        Caller::known(state, &holder.tenant, &holder.user)
    }
}

/// The token in a header `Authorization`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refused(refusal: Refusal) -> Answered {
    Answered { answer: refusal.into(), applied: false, changed: None }
}

fn unchanged(value: Answer) -> Done<Answer> {
    Done { value, changed: None }
}
