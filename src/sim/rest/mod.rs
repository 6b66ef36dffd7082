//! The REST API of the simulated cluster, `/api/v2`: from one request to one response.

mod buckets;
mod calls;
mod lockouts;
mod request;
mod responses;
mod spec;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use self::calls::find;
use self::lockouts::Lockouts;
use self::request::{RequestBody, RequestQuery};
use self::responses::{bare, done, respond, with_floats};
use self::spec::{CallArgs, Handler, Logins};
use self::tokens::Tokens;
use crate::sim::fault::Fault;
use crate::sim::http::{HttpOutcome, HttpRequest, HttpResponse, Side};
use crate::sim::operations::{Caller, Refusal};
use crate::sim::state::ClusterState;
use crate::sim::store::{StateChange, Store};
use crate::sim::weka::{self, CommandRun};

#[derive(Debug)]
pub(crate) struct Api {
    store: Arc<Store>,
    logins: Logins,
}

impl Api {
    pub(crate) fn new(store: Arc<Store>, token_time: Duration, token_uses: Option<u32>) -> Self {
        let logins = Logins { tokens: Tokens::new(token_time, token_uses), lockouts: Lockouts::default() };
        Self { store, logins }
    }

    fn decide(&self, request: &HttpRequest) -> Result<(HttpResponse, Option<StateChange>), Refusal> {
        let state = self.store.read()?;
        let (spec, name) = find(&state, &request.method, &request.path)?;
        // Clients send logins as forms too.
        let may_be_form = matches!(spec.handler, Handler::LogIn(_));
        let content_type = request.header(header::CONTENT_TYPE.as_str());
        let body = || RequestBody::read(&spec.members(&state), may_be_form, content_type.as_deref(), &request.body);
        let authorization = request.header(header::AUTHORIZATION.as_str());
        let args = || -> Result<_, Refusal> {
            let caller = self.caller(&state, authorization.as_deref())?;
            let query = RequestQuery::read(request.query.as_deref(), spec.query(&state))?;
            Ok(CallArgs { caller, name: &name, query, body: body()? })
        };
        match spec.handler {
            Handler::LogIn(log_in) => Ok((log_in(&state, &self.logins, &body()?)?, None)),
            Handler::Read(read) => Ok((read(&state, &args()?)?, None)),
            Handler::Write(write) => {
                let args = args()?;
                // The state is read again under the lock; the caller's user may no longer exist then.
                self.store.change(|state| {
                    let caller = Caller::from_token(state, &args.caller.tenant, &args.caller.user)?;
                    write(state, &CallArgs { caller, ..args })
                })
            }
        }
    }

    /// Runs the `weka` command. A failed run, or one that only asks for its needs, changes nothing. The status is always
    /// 200, because the request itself is valid.
    fn run(&self, run: &CommandRun) -> Result<HttpOutcome, Refusal> {
        let (ran, change) = self.store.change(|state| {
            let before = state.clone();
            Ok::<_, Refusal>(run.on(state).inspect_err(|_| *state = before))
        })?;
        let applied = ran.is_ok();
        let (Ok(response) | Err(response)) = ran;
        Ok(HttpOutcome { response: bare(&response), applied, change })
    }

    fn caller(&self, state: &ClusterState, authorization: Option<&str>) -> Result<Caller, Refusal> {
        let token = authorization.and_then(bearer).ok_or(Refusal::Unauthorized)?;
        let owner = self.logins.tokens.check(token).ok_or(Refusal::Unauthorized)?;
        Caller::from_token(state, &owner.tenant, &owner.user)
    }
}

impl Side for Api {
    fn writes(&self, request: &HttpRequest) -> Option<bool> {
        let state = self.store.read().ok()?;
        if request.path == weka::PATH {
            return CommandRun::read(&request.body).ok()?.writes(&state);
        }
        let (spec, _) = find(&state, &request.method, &request.path).ok()?;
        Some(matches!(spec.handler, Handler::Write(_)))
    }

    fn answer(&self, request: &HttpRequest, _: &[Fault]) -> HttpOutcome {
        if request.path == weka::PATH && request.method == Method::POST {
            return CommandRun::read(&request.body).and_then(|run| self.run(&run)).unwrap_or_else(refused);
        }
        let has_floats = self.store.read().is_ok_and(|state| state.switches.float_numbers);
        self.decide(request).map_or_else(refused, |(response, change)| HttpOutcome {
            applied: response.status.is_success(),
            response: if has_floats { with_floats(response) } else { response },
            change,
        })
    }

    /// Expires the tokens in a request, in its head or to be refreshed.
    fn expire(&self, request: &HttpRequest) -> HttpResponse {
        #[derive(Deserialize)]
        struct Refresh {
            refresh_token: String,
        }
        if let Some(token) = request.header(header::AUTHORIZATION.as_str()).as_deref().and_then(bearer) {
            self.logins.tokens.expire(token);
        }
        if let Ok(refresh) = serde_json::from_slice::<Refresh>(&request.body) {
            self.logins.tokens.expire(&refresh.refresh_token);
        }
        Refusal::Unauthorized.into()
    }

    fn done(&self) -> HttpResponse {
        done()
    }

    fn error(&self, status: StatusCode, message: &str) -> HttpResponse {
        respond(status, json!({ "message": message }).to_string())
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refused(refusal: Refusal) -> HttpOutcome {
    HttpOutcome { response: refusal.into(), applied: false, change: None }
}
