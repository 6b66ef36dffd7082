//! The S3 service of the simulated cluster: it checks signatures, decides by the documents, and answers. It stores no objects.
//!
//! `request` reads what is asked for, `keys` and `signature` who asks, `steps` says what is looked at in which order, `decide`
//! which actions a request asks for and whether the documents allow them, `show` and `effect` what happens then.

mod answer;
mod decide;
mod effect;
mod keys;
mod request;
mod show;
mod signature;
mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use time::{Duration, OffsetDateTime};

use self::answer::{S3Error, with_header};
use self::decide::{Judge, arn, condition_keys, tenant_of};
use self::effect::has;
use self::keys::Requester;
use self::request::{Operation, S3Request, is_write};
use self::steps::{Step, steps};
use crate::sim::error::SimError;
use crate::sim::fault::Fault;
use crate::sim::http::{HttpOutcome, HttpRequest, HttpResponse, Side};
use crate::sim::operations::buckets;
use crate::sim::s3_fault::S3Fault;
use crate::sim::state::ClusterState;
use crate::sim::store::{StateChange, Store};
use crate::sim::switches::S3Rules;

#[derive(Debug)]
pub(crate) struct S3Service {
    store: Arc<Store>,
    answered: AtomicU64,
}

struct Call<'a> {
    http: &'a HttpRequest,
    /// What is executed.
    request: &'a S3Request,
    /// What has to be allowed: the same, unless a fault makes another request of it.
    sent: &'a S3Request,
    requester: Option<&'a Requester>,
    faults: &'a [Fault],
    now: OffsetDateTime,
}

impl S3Service {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, answered: AtomicU64::new(0) }
    }

    fn respond(&self, http: &HttpRequest, faults: &[Fault]) -> Result<(HttpResponse, Option<StateChange>), S3Error> {
        let state = self.store.read()?;
        if state.s3_deleted {
            return Err(S3Error::of("ServiceUnavailable"));
        }
        let now = OffsetDateTime::now_utc() + clock(faults);
        let requester = keys::requester(&state, http, now)?;
        let request = S3Request::read(http, has(faults, &S3Fault::IgnoresParameters))?;
        let sent = S3Request::read(http, false).unwrap_or_else(|_| request.clone());
        let call = Call { http, request: &request, sent: &sent, requester: requester.as_ref(), faults, now };
        // One that only reads leaves the state as it is, so nothing is saved.
        self.store.change(|state| {
            call.make_bucket(state)?;
            // A request that is refused now may have made its bucket.
            Ok(call.execute(state).unwrap_or_else(HttpResponse::from))
        })
    }
}

impl Side for S3Service {
    fn writes(&self, request: &HttpRequest) -> Option<bool> {
        Some(is_write(&request.method))
    }

    fn answer(&self, request: &HttpRequest, faults: &[Fault]) -> HttpOutcome {
        let (response, change) = self.respond(request, faults).unwrap_or_else(|error| (error.into(), None));
        let number = self.answered.fetch_add(1, Ordering::Relaxed) + 1;
        let response = with_header(response, "x-amz-request-id", &format!("{number:016X}"));
        HttpOutcome { applied: response.status.is_success(), response, change }
    }

    fn expire(&self, _: &HttpRequest) -> HttpResponse {
        S3Error::of("ExpiredToken").into()
    }

    fn done(&self) -> HttpResponse {
        answer::ok("<Result></Result>")
    }

    fn error(&self, status: StatusCode, message: &str) -> HttpResponse {
        if let Some((code, ..)) = answer::known(message) {
            return HttpResponse { status, ..S3Error::of(code).into() };
        }
        let code = match status.as_u16() {
            403 => "AccessDenied",
            404 => "NoSuchBucket",
            429 | 503 => "SlowDown",
            400..500 => "InvalidRequest",
            _ => "InternalError",
        };
        HttpResponse { status, ..S3Error::new(code, message).into() }
    }
}

impl From<SimError> for S3Error {
    fn from(error: SimError) -> Self {
        Self::new("InternalError", error.to_string())
    }
}

/// How far the clock is ahead.
fn clock(faults: &[Fault]) -> Duration {
    let seconds = faults.iter().find_map(|fault| {
        let Fault::S3(S3Fault::Clock(seconds)) = fault else { return None };
        Some(*seconds)
    });
    Duration::seconds(seconds.unwrap_or_default())
}

impl Call<'_> {
    fn execute(&self, state: &mut ClusterState) -> Result<HttpResponse, S3Error> {
        let judge = self.judge(state);
        if self.request.operation == Operation::ListBuckets {
            let visible = judge.visible()?.ok_or_else(|| S3Error::of("AccessDenied"))?;
            return Ok(show::buckets(&visible));
        }
        self.look(state, &judge)?;
        let tenant = self.tenant(state).to_owned();
        effect::execute(state, &tenant, self.request, self.http, self.faults)
    }

    /// With the fault that makes buckets: makes the bucket of a request that is allowed.
    fn make_bucket(&self, state: &mut ClusterState) -> Result<(), S3Error> {
        let is_put = self.http.method == "PUT" || self.request.operation == Operation::CreateUpload;
        let is_missing = !state.tenants.values().any(|tenant| tenant.buckets.contains_key(&self.request.bucket));
        let makes = has(self.faults, &S3Fault::MakesBuckets) && is_put && is_missing;
        if makes && self.judge(state).authorises(self.http, self.sent)? {
            let tenant = self.tenant(state).to_owned();
            effect::make_bucket(state, &tenant, &self.request.bucket);
        }
        Ok(())
    }

    fn judge<'s>(&'s self, state: &'s ClusterState) -> Judge<'s> {
        let rules = state.switches.s3_rules;
        let keys = condition_keys(self.http, self.sent, self.requester, rules, self.now);
        Judge { state, requester: self.requester, keys, faults: self.faults }
    }

    fn tenant<'s>(&'s self, state: &'s ClusterState) -> &'s str {
        tenant_of(state, self.requester, &self.request.bucket)
    }

    /// Takes the steps of a request, up to the first that fails.
    fn look(&self, state: &ClusterState, judge: &Judge<'_>) -> Result<(), S3Error> {
        let steps = steps(self.request, state.switches.s3_rules).iter();
        let any_body =
            has(self.faults, &S3Fault::TakesAnyBody) && matches!(self.request.operation, Operation::PutSetting(_));
        let is_of_body = |step: &&Step| matches!(step, Step::DigestGiven | Step::Digest | Step::Body(_));
        steps.filter(|step| !(any_body && is_of_body(step))).try_for_each(|step| self.take(*step, state, judge))
    }

    fn take(&self, step: Step, state: &ClusterState, judge: &Judge<'_>) -> Result<(), S3Error> {
        let name = self.request.bucket.as_str();
        let bucket = state.tenants.get(self.tenant(state)).and_then(|tenant| tenant.buckets.get(name));
        let has_key = bucket.is_some_and(|bucket| bucket.objects.contains_key(&self.request.key));
        let failed = match step {
            Step::Authorise if judge.authorises(self.http, self.sent)? => return Ok(()),
            Step::Authorise => "AccessDenied",
            Step::Bucket(_) if bucket.is_some() => return Ok(()),
            Step::Bucket(_) if state.tenants.values().any(|tenant| tenant.buckets.contains_key(name)) => "AccessDenied",
            Step::Bucket(code) => code,
            Step::DigestGiven if self.http.headers.contains_key("content-md5") => return Ok(()),
            Step::DigestGiven => "MissingContentMD5",
            Step::Digest => return self.check_digest(),
            Step::Body(code) => return self.check_body(state, code),
            Step::Lock if bucket.is_some_and(|bucket| bucket.object_lock) => return Ok(()),
            Step::Lock => {
                return Err(S3Error::new("InvalidRequest", "Bucket is missing ObjectLockConfiguration"));
            }
            Step::UploadId if is_upload_id(self.request.parameter("uploadId").unwrap_or_default()) => return Ok(()),
            Step::UploadId | Step::Upload => "NoSuchUpload",
            Step::Key if has_key => return Ok(()),
            // AWS does not tell whether a key exists to those who may not list.
            Step::Key if state.switches.s3_rules == S3Rules::Aws => {
                let lists = judge.allows("s3:ListBucket", name, &arn(name, ""))?;
                if lists { "NoSuchKey" } else { "AccessDenied" }
            }
            Step::Key => "NoSuchKey",
        };
        let error = S3Error::of(failed).with("BucketName", name);
        Err(if self.request.key.is_empty() { error } else { error.with("Key", &self.request.key) })
    }

    fn check_digest(&self) -> Result<(), S3Error> {
        let Some(given) = self.http.header("content-md5") else { return Ok(()) };
        let given = STANDARD.decode(given).map_err(|_| S3Error::of("InvalidDigest"))?;
        if given == Md5::digest(&self.http.body).as_slice() { Ok(()) } else { Err(S3Error::of("BadDigest")) }
    }

    fn check_body(&self, state: &ClusterState, code: &'static str) -> Result<(), S3Error> {
        let text = String::from_utf8_lossy(&self.http.body);
        let Some(element) = self.request.element() else {
            let accepted = buckets::accepts(state, &self.request.bucket, &text);
            return accepted.map_err(|why| S3Error::new(code, why));
        };
        if is_document(&text, element) { Ok(()) } else { Err(S3Error::of(code)) }
    }
}

/// Whether a text can be the id of an upload on the newer server: base64 for URLs (measured).
fn is_upload_id(text: &str) -> bool {
    text.len() % 4 != 1 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a text looks like an XML document with this root.
fn is_document(text: &str, root: &str) -> bool {
    let text = text.trim();
    let begins =
        text.find(&format!("<{root}")).is_some_and(|at| text[..at].trim().is_empty() || text.starts_with("<?xml"));
    begins && (text.ends_with(&format!("</{root}>")) || text.ends_with("/>"))
}
