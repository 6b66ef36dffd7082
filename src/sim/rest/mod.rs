//! The REST API of the simulated cluster, `/api/v2`: from one request to one response.

mod definition;
mod request;
mod responses;
mod route;
mod tokens;

pub use responses::ApiResponse;
pub use route::{ReadCall, Route, WriteCall};
pub use tokens::TokenLifetime;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use serde::Deserialize;

use self::request::{RequestBody, RequestQuery};
use self::tokens::Tokens;
use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::users::{NewUser, UserChange};
use crate::sim::operations::{Caller, Refusal, attachments, delete_s3, policies, require_s3, sts, users};
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::store::{ChangeResult, StateChange, Store, StoreError};
use crate::sim::weka::{self, CommandRun};

/// The parts of an HTTP request that the API uses.
#[derive(Debug)]
pub struct ApiRequest {
    /// The HTTP method.
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

/// The result of a request.
#[derive(Debug)]
pub struct ApiOutcome {
    /// The response.
    pub response: ApiResponse,
    /// Whether the call was executed, even if it changed nothing.
    pub applied: bool,
    /// The change it made, if it made one.
    pub change: Option<StateChange>,
}

/// The API of one server over one state.
#[derive(Debug)]
pub struct Api {
    store: Store,
    tokens: Tokens,
    /// The number of temporary credentials issued.
    assumed: AtomicU64,
}

impl Api {
    /// An API without any tokens yet.
    pub fn new(store: Store, lifetime: TokenLifetime) -> Self {
        Self { store, tokens: Tokens::new(lifetime), assumed: AtomicU64::new(0) }
    }

    /// Answers a request. May block on the disk and on other processes, if the store does.
    pub fn answer(&self, request: &ApiRequest) -> ApiOutcome {
        if request.path == weka::PATH && request.method == Method::POST {
            return CommandRun::read(&request.body).and_then(|run| self.run(&run)).unwrap_or_else(refused);
        }
        self.decide(request).map_or_else(refused, |ChangeResult { value, change }| ApiOutcome {
            applied: value.status.is_success(),
            response: value,
            change,
        })
    }

    /// The call of a request, if it is one.
    pub fn route(&self, request: &ApiRequest) -> Option<Route> {
        let state = self.store.read().ok()?;
        if request.path == weka::PATH {
            return CommandRun::read(&request.body).ok()?.route(&state);
        }
        Route::find(&request.method, &request.path, state.behaviour()).ok()
    }

    /// Changes the state without a call.
    pub fn alter(
        &self,
        change: impl FnOnce(&mut ClusterState) -> Result<(), Refusal>,
    ) -> Result<Option<StateChange>, Refusal> {
        self.store.change(change).map(|done| done.change)
    }

    /// Expires the tokens in a request, in its head or to be refreshed.
    pub fn expire(&self, request: &ApiRequest) {
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

    /// The current state.
    pub fn state(&self) -> Result<Arc<ClusterState>, StoreError> {
        self.store.read()
    }

    /// Whether a change of the state may block, on the disk or on another process.
    pub fn may_block(&self) -> bool {
        self.store.may_block()
    }

    fn decide(&self, request: &ApiRequest) -> Result<ChangeResult<ApiResponse>, Refusal> {
        let state = self.store.read()?;
        let behaviour = state.behaviour();
        let route = Route::find(&request.method, &request.path, behaviour)?;
        let caller = || self.caller(&state, request.authorization.as_deref());
        let read = || {
            let query = RequestQuery::read(request.query.as_deref(), route.query(behaviour))?;
            let body = RequestBody::read(&route, behaviour, request.content_type.as_deref(), &request.body)?;
            Ok::<_, Refusal>((query, body))
        };
        match &route {
            Route::Login => self.log_in(&state, &read()?.1).map(unchanged),
            Route::Refresh => self.refresh(&state, &read()?.1).map(unchanged),
            Route::Read(call) => {
                let caller = caller()?;
                let (query, body) = read()?;
                let serial = || self.assumed.fetch_add(1, Ordering::Relaxed);
                read_call(&state, &caller, call, &query, &body, serial).map(unchanged)
            }
            Route::Write(call) => {
                let caller = caller()?;
                let (_, body) = read()?;
                // The state is read again under the lock; the caller's user may no longer exist then.
                self.store.change(|state| {
                    let caller = Caller::from_token(state, &caller.tenant, &caller.user)?;
                    write_call(state, &caller, call, &body)
                })
            }
        }
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

/// The token in a header `Authorization`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refused(refusal: Refusal) -> ApiOutcome {
    ApiOutcome { response: refusal.into(), applied: false, change: None }
}

fn unchanged(value: ApiResponse) -> ChangeResult<ApiResponse> {
    ChangeResult { value, change: None }
}

/// Answers a call that only reads; `serial` returns a number that was not used before.
fn read_call(
    state: &ClusterState,
    caller: &Caller,
    call: &ReadCall,
    query: &RequestQuery,
    body: &RequestBody,
    serial: impl FnOnce() -> u64,
) -> Result<ApiResponse, Refusal> {
    let switches = state.switches;
    match call {
        ReadCall::Definition => {
            let definition = definition::definition(state);
            let missing = || Refusal::NotFound("this cluster has no definition of its own".to_owned());
            Ok(ApiResponse::body(&definition.ok_or_else(missing)?))
        }
        ReadCall::Cluster => Ok(responses::cluster(state)),
        ReadCall::WhoAmI => responses::who_am_i(state, caller),
        ReadCall::Tenants => {
            let all = users::list_tenants(state, caller)?;
            let tenants: Vec<_> =
                all.into_iter().map(|(name, tenant)| responses::tenant(state, name, tenant)).collect();
            Ok(ApiResponse::data(tenants))
        }
        ReadCall::Tenant(uid) => {
            let found = users::list_tenants(state, caller)?
                .into_iter()
                .find(|(name, _)| users::tenant_uid(state, name) == *uid);
            let (name, tenant) = found.ok_or_else(|| Refusal::NotFound(format!("Tenant \"{uid}\" was not found")))?;
            Ok(ApiResponse::data(responses::tenant(state, name, tenant)))
        }
        ReadCall::Users => {
            let user_refs = users::list(state, caller, query.text("org"), query.flag("include_tenants")?)?;
            Ok(responses::users(state, &user_refs))
        }
        ReadCall::S3 => {
            caller.require_reader()?;
            require_s3(state)?;
            Ok(responses::s3())
        }
        ReadCall::IdentityProvider => {
            caller.require_reader()?;
            require_s3(state)?;
            Ok(responses::identity_provider(switches.identity_provider))
        }
        ReadCall::UserPolicies => {
            Ok(responses::user_policies(&attachments::list(state, caller)?, switches.user_policies_bare))
        }
        ReadCall::Policies => Ok(responses::policies(&policies::list(state, caller)?, switches.list_shape)),
        ReadCall::Policy(name) => {
            Ok(responses::policy(name, &policies::show(state, caller, name)?, switches.content_as_string))
        }
        ReadCall::Sts => {
            let credentials = sts::assume_role(state, &caller.tenant, &assume_role_request(body)?, serial())?;
            Ok(responses::credentials(&credentials, switches.sts_in_data))
        }
    }
}

fn assume_role_request(body: &RequestBody) -> Result<AssumeRoleRequest, Refusal> {
    Ok(AssumeRoleRequest {
        access_key: body.text("access_key"),
        secret_key: body.text("secret_key"),
        duration: body.number("duration").unwrap_or_default(),
        policy: body.document("policy_file_content")?,
    })
}

/// Executes a call that changes the state. The caller discards the state if the call is refused.
fn write_call(
    state: &mut ClusterState,
    caller: &Caller,
    call: &WriteCall,
    body: &RequestBody,
) -> Result<ApiResponse, Refusal> {
    match call {
        WriteCall::AddUser => {
            let user_ref = users::add(state, caller, new_user(body)?)?;
            Ok(responses::user(state, &user_ref))
        }
        WriteCall::User(uid) => {
            let user_ref = users::change(state, caller, uid, &user_change(body)?)?;
            Ok(responses::user(state, &user_ref))
        }
        WriteCall::RemoveUser(uid) => users::remove(state, caller, uid).map(|()| ApiResponse::done()),
        WriteCall::DeleteS3 => delete_s3(state, caller).map(|()| ApiResponse::done()),
        WriteCall::AddPolicy => {
            let document = body.document("policy_file_content")?;
            let document = document.ok_or_else(|| Refusal::Missing(vec!["policy_file_content".to_owned()]))?;
            policies::add(state, caller, &body.text("policy_name"), document).map(|()| ApiResponse::done())
        }
        WriteCall::RemovePolicy(name) => policies::remove(state, caller, name).map(|()| ApiResponse::done()),
        WriteCall::Attach => {
            let keys = attachments::attach(state, caller, &body.text("policy_name"), &body.text("user_name"))?;
            Ok(responses::attached(keys.as_ref(), &state.switches))
        }
        WriteCall::Detach => attachments::detach(state, caller, &body.text("user_name")).map(|()| ApiResponse::done()),
    }
}

fn new_user(body: &RequestBody) -> Result<NewUser, Refusal> {
    Ok(NewUser {
        name: body.text("username"),
        password: body.text("password"),
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
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
