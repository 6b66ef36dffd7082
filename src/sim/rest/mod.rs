//! The REST API of the simulated cluster, `/api/v2`: from one request to one response.

mod buckets;
mod calls;
mod lockouts;
mod request;
mod responses;
mod spec;
mod tokens;

pub(crate) use responses::ApiResponse;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use serde::Deserialize;

use self::calls::find;
use self::lockouts::Lockouts;
use self::request::{BodyFormats, RequestBody, RequestQuery};
use self::spec::{CallArgs, Handler, Logins};
use self::tokens::Tokens;
use crate::sim::error::SimError;
use crate::sim::operations::{Caller, Refusal};
use crate::sim::state::ClusterState;
use crate::sim::store::{ChangeResult, StateChange, Store};
use crate::sim::weka::{self, CommandRun};

#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
pub(crate) struct ApiOutcome {
    pub(crate) response: ApiResponse,
    /// Whether the call was executed, even if it changed nothing.
    pub(crate) applied: bool,
    pub(crate) change: Option<StateChange>,
}

#[derive(Debug)]
pub(crate) struct Api {
    store: Store,
    logins: Logins,
    assumed: AtomicU64,
}

impl Api {
    pub(crate) fn new(store: Store, token_time: Duration, token_uses: Option<u32>) -> Self {
        let logins = Logins { tokens: Tokens::new(token_time, token_uses), lockouts: Lockouts::default() };
        Self { store, logins, assumed: AtomicU64::new(0) }
    }

    /// Answers a request. May block on the disk and on other processes.
    pub(crate) fn answer(&self, request: &ApiRequest) -> ApiOutcome {
        if request.path == weka::PATH && request.method == Method::POST {
            return CommandRun::read(&request.body).and_then(|run| self.run(&run)).unwrap_or_else(refused);
        }
        let with_floats = self.store.read().is_ok_and(|state| state.switches.float_numbers);
        self.decide(request).map_or_else(refused, |ChangeResult { value, change }| ApiOutcome {
            applied: value.status.is_success(),
            response: if with_floats { value.with_floats() } else { value },
            change,
        })
    }

    /// Whether a request is a call that changes the state; `None` if it is no call.
    pub(crate) fn writes(&self, request: &ApiRequest) -> Option<bool> {
        let state = self.store.read().ok()?;
        if request.path == weka::PATH {
            return CommandRun::read(&request.body).ok()?.writes(&state);
        }
        let (spec, _) = find(&state, &request.method, &request.path).ok()?;
        Some(matches!(spec.handler, Handler::Write(_)))
    }

    pub(crate) fn alter(
        &self,
        change: impl FnOnce(&mut ClusterState) -> Result<(), Refusal>,
    ) -> Result<Option<StateChange>, Refusal> {
        self.store.change(change).map(|done| done.change)
    }

    /// Expires the tokens in a request, in its head or to be refreshed.
    pub(crate) fn expire(&self, request: &ApiRequest) {
        #[derive(Deserialize)]
        struct Refresh {
            refresh_token: String,
        }
        if let Some(token) = request.authorization.as_deref().and_then(bearer) {
            self.logins.tokens.expire(token);
        }
        if let Ok(refresh) = serde_json::from_slice::<Refresh>(&request.body) {
            self.logins.tokens.expire(&refresh.refresh_token);
        }
    }

    pub(crate) fn state(&self) -> Result<Arc<ClusterState>, SimError> {
        self.store.read()
    }

    fn decide(&self, request: &ApiRequest) -> Result<ChangeResult<ApiResponse>, Refusal> {
        let state = self.store.read()?;
        let (spec, name) = find(&state, &request.method, &request.path)?;
        let caller = || self.caller(&state, request.authorization.as_deref());
        let formats = match spec.handler {
            Handler::LogIn(_) => BodyFormats::JsonOrForm,
            Handler::Read(_) | Handler::Write(_) => BodyFormats::Json,
        };
        let content_type = request.content_type.as_deref();
        let body = || RequestBody::read(&spec.members(&state), formats, content_type, &request.body);
        let args = |caller, query, body| CallArgs { caller, name: &name, query, body, assumed: &self.assumed };
        let value = match spec.handler {
            Handler::LogIn(log_in) => log_in(&state, &self.logins, &body()?)?,
            Handler::Read(read) => {
                let caller = caller()?;
                let query = RequestQuery::read(request.query.as_deref(), spec.query(&state))?;
                read(&state, &args(caller, &query, &body()?))?
            }
            Handler::Write(write) => {
                let caller = caller()?;
                let query = RequestQuery::read(request.query.as_deref(), spec.query(&state))?;
                let body = body()?;
                // The state is read again under the lock; the caller's user may no longer exist then.
                return self.store.change(|state| {
                    let caller = Caller::from_token(state, &caller.tenant, &caller.user)?;
                    write(state, &args(caller, &query, &body))
                });
            }
        };
        Ok(ChangeResult { value, change: None })
    }

    /// Runs the `weka` command. A failed run, or one that only asks for its needs, changes nothing. The status is always
    /// 200, because the request itself is valid.
    fn run(&self, run: &CommandRun) -> Result<ApiOutcome, Refusal> {
        let serial = self.assumed.fetch_add(1, Ordering::Relaxed);
        let mut failure = None;
        let done = self.store.change(|state| {
            run.on(state, serial).map_err(|response| {
                failure = Some(response);
                Refusal::invalid("the command failed")
            })
        });
        match (done, failure) {
            (Ok(ChangeResult { value, change }), _) => {
                Ok(ApiOutcome { response: ApiResponse::body(&value), applied: true, change })
            }
            (Err(_), Some(failure)) => {
                Ok(ApiOutcome { response: ApiResponse::body(&failure), applied: false, change: None })
            }
            (Err(refusal), None) => Err(refusal),
        }
    }

    fn caller(&self, state: &ClusterState, authorization: Option<&str>) -> Result<Caller, Refusal> {
        let token = authorization.and_then(bearer).ok_or(Refusal::Unauthorized)?;
        let owner = self.logins.tokens.check(token).ok_or(Refusal::Unauthorized)?;
        Caller::from_token(state, &owner.tenant, &owner.user)
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refused(refusal: Refusal) -> ApiOutcome {
    ApiOutcome { response: refusal.into(), applied: false, change: None }
}
