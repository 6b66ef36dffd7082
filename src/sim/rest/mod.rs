//! The REST API of the simulated cluster, `/api/v2`: from one request to one response.

mod request;
mod responses;
mod route;
mod tokens;

pub(crate) use responses::ApiResponse;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use serde::Deserialize;

use self::request::{RequestBody, RequestQuery};
use self::route::{Call, ReadCall, Route, WriteCall};
use self::tokens::Tokens;
use crate::sim::error::SimError;
use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::users::{NewUser, UserChange};
use crate::sim::operations::{Caller, Refusal, attachments, delete_s3, policies, sts, users};
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::store::{ChangeResult, StateChange, Store};
use crate::sim::weka::{self, CommandRun};

#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path as it was sent.
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
    tokens: Tokens,
    assumed: AtomicU64,
}

impl Api {
    pub(crate) fn new(store: Store, token_time: Duration, token_uses: Option<u32>) -> Self {
        Self { store, tokens: Tokens::new(token_time, token_uses), assumed: AtomicU64::new(0) }
    }

    /// Answers a request. May block on the disk and on other processes.
    pub(crate) fn answer(&self, request: &ApiRequest) -> ApiOutcome {
        if request.path == weka::PATH && request.method == Method::POST {
            return CommandRun::read(&request.body).and_then(|run| self.run(&run)).unwrap_or_else(refused);
        }
        self.decide(request).map_or_else(refused, |ChangeResult { value, change }| ApiOutcome {
            applied: value.status.is_success(),
            response: value,
            change,
        })
    }

    /// Whether a request is a call that changes the state; `None` if it is no call.
    pub(crate) fn writes(&self, request: &ApiRequest) -> Option<bool> {
        let state = self.store.read().ok()?;
        if request.path == weka::PATH {
            return CommandRun::read(&request.body).ok()?.writes(&state);
        }
        let route = Route::find(&request.method, &request.path, state.behaviour()).ok()?;
        Some(matches!(route.spec.call, Call::Write(_)))
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
            self.tokens.expire(token);
        }
        if let Ok(refresh) = serde_json::from_slice::<Refresh>(&request.body) {
            self.tokens.expire(&refresh.refresh_token);
        }
    }

    pub(crate) fn state(&self) -> Result<Arc<ClusterState>, SimError> {
        self.store.read()
    }

    fn decide(&self, request: &ApiRequest) -> Result<ChangeResult<ApiResponse>, Refusal> {
        let state = self.store.read()?;
        let behaviour = state.behaviour();
        let Route { spec, name } = Route::find(&request.method, &request.path, behaviour)?;
        let caller = || self.caller(&state, request.authorization.as_deref());
        let body = || RequestBody::read(&spec.members(behaviour), request.content_type.as_deref(), &request.body);
        let value = match spec.call {
            Call::Login => self.log_in(&state, &body()?)?,
            Call::Refresh => self.refresh(&state, &body()?)?,
            Call::Read(call) => {
                let caller = caller()?;
                let query = RequestQuery::read(request.query.as_deref(), spec.query(behaviour))?;
                self.read(&state, &caller, call, &name, &query, &body()?)?
            }
            Call::Write(call) => {
                let caller = caller()?;
                RequestQuery::read(request.query.as_deref(), spec.query(behaviour))?;
                let body = body()?;
                // The state is read again under the lock; the caller's user may no longer exist then.
                return self.store.change(|state| {
                    let caller = Caller::from_token(state, &caller.tenant, &caller.user)?;
                    write(state, &caller, call, &name, &body)
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

    fn read(
        &self,
        state: &ClusterState,
        caller: &Caller,
        call: ReadCall,
        name: &str,
        query: &RequestQuery,
        body: &RequestBody,
    ) -> Result<ApiResponse, Refusal> {
        let switches = state.switches;
        match call {
            ReadCall::Definition => {
                let missing = || Refusal::NotFound("this cluster has no definition of its own".to_owned());
                route::definition(state).map(|definition| ApiResponse::body(&definition)).ok_or_else(missing)
            }
            ReadCall::Cluster => Ok(responses::cluster(state)),
            ReadCall::WhoAmI => responses::who_am_i(state, caller),
            ReadCall::Tenants => {
                let tenants = users::list_tenants(state, caller)?.into_iter();
                let tenants: Vec<_> = tenants.map(|(name, tenant)| responses::tenant(state, name, tenant)).collect();
                Ok(ApiResponse::data(tenants))
            }
            ReadCall::Tenant => {
                let mut tenants = users::list_tenants(state, caller)?.into_iter();
                let found = tenants.find(|(tenant, _)| users::tenant_uid(state, tenant) == name);
                let missing = || Refusal::NotFound(format!("Tenant \"{name}\" was not found"));
                let (tenant_name, tenant) = found.ok_or_else(missing)?;
                Ok(ApiResponse::data(responses::tenant(state, tenant_name, tenant)))
            }
            ReadCall::Users => {
                let user_refs = users::list(state, caller, query.text("org"), query.flag("include_tenants")?)?;
                Ok(responses::users(state, &user_refs))
            }
            ReadCall::S3 => {
                caller.require_s3_reader(state)?;
                Ok(responses::s3())
            }
            ReadCall::IdentityProvider => {
                caller.require_s3_reader(state)?;
                Ok(responses::identity_provider(switches.identity_provider))
            }
            ReadCall::UserPolicies => {
                Ok(responses::user_policies(&attachments::list(state, caller)?, switches.user_policies_bare))
            }
            ReadCall::Policies => Ok(responses::policies(&policies::list(state, caller)?, switches.list_shape)),
            ReadCall::Policy => {
                Ok(responses::policy(name, &policies::show(state, caller, name)?, switches.content_as_string))
            }
            ReadCall::Sts => {
                let request = AssumeRoleRequest {
                    access_key: body.text("access_key"),
                    secret_key: body.text("secret_key"),
                    duration: body.number("duration").unwrap_or_default(),
                    policy: body.document("policy_file_content")?,
                };
                let serial = self.assumed.fetch_add(1, Ordering::Relaxed);
                let credentials = sts::assume_role(state, &caller.tenant, &request, serial)?;
                Ok(responses::credentials(&credentials, switches.sts_in_data))
            }
        }
    }

    fn log_in(&self, state: &ClusterState, body: &RequestBody) -> Result<ApiResponse, Refusal> {
        let tenant = body.optional_text("org").unwrap_or_else(|| ROOT.to_owned());
        let caller = Caller::log_in(state, &tenant, &body.text("username"), &body.text("password"))?;
        Ok(responses::tokens(&self.tokens.issue(&caller, None), state.behaviour()))
    }

    /// Issues new tokens for a refresh token. Assumed: the old ones stay valid.
    fn refresh(&self, state: &ClusterState, body: &RequestBody) -> Result<ApiResponse, Refusal> {
        let owner = self.tokens.refresh(&body.text("refresh_token")).ok_or(Refusal::Unauthorized)?;
        let caller = Caller::from_token(state, &owner.tenant, &owner.user)?;
        let time = body.number("access_token_expiry").map(Duration::from_secs);
        Ok(responses::tokens(&self.tokens.issue(&caller, time), state.behaviour()))
    }

    fn caller(&self, state: &ClusterState, authorization: Option<&str>) -> Result<Caller, Refusal> {
        let token = authorization.and_then(bearer).ok_or(Refusal::Unauthorized)?;
        let owner = self.tokens.check(token).ok_or(Refusal::Unauthorized)?;
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

/// Executes a call that changes the state. The caller discards the state if the call is refused.
fn write(
    state: &mut ClusterState,
    caller: &Caller,
    call: WriteCall,
    name: &str,
    body: &RequestBody,
) -> Result<ApiResponse, Refusal> {
    match call {
        WriteCall::AddUser => {
            let user_ref = users::add(state, caller, new_user(body)?)?;
            return Ok(responses::user(state, &user_ref));
        }
        WriteCall::ChangeUser => {
            let user_ref = users::change(state, caller, name, &user_change(body)?)?;
            return Ok(responses::user(state, &user_ref));
        }
        WriteCall::RemoveUser => users::remove(state, caller, name)?,
        WriteCall::DeleteS3 => delete_s3(state, caller)?,
        WriteCall::AddPolicy => {
            let document = body.document("policy_file_content")?;
            let document = document.ok_or_else(|| Refusal::Missing(vec!["policy_file_content".to_owned()]))?;
            policies::add(state, caller, &body.text("policy_name"), document)?;
        }
        WriteCall::RemovePolicy => policies::remove(state, caller, name)?,
        WriteCall::Attach => {
            let keys = attachments::attach(state, caller, &body.text("policy_name"), &body.text("user_name"))?;
            return Ok(responses::attached(keys.as_ref(), &state.switches));
        }
        WriteCall::Detach => attachments::detach(state, caller, &body.text("user_name"))?,
    }
    Ok(ApiResponse::done())
}

fn new_user(body: &RequestBody) -> Result<NewUser, Refusal> {
    Ok(NewUser {
        name: body.text("username"),
        password: body.text("password"),
        settings: user_change(body)?,
        org: body.optional_text("org"),
    })
}

fn user_change(body: &RequestBody) -> Result<UserChange, Refusal> {
    Ok(UserChange {
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
    })
}
