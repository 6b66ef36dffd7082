//! Whether a request is let in: which actions it asks for, by the rules, and what the documents say about them.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::sim::check::{BucketPolicyScope, Reading, Request, Verdict, decide};
use crate::sim::fault::Fault;
use crate::sim::http::HttpRequest;
use crate::sim::s3::answer::S3Error;
use crate::sim::s3::keys::Requester;
use crate::sim::s3::request::{Attribute, Operation, S3Request, Setting};
use crate::sim::s3_fault::S3Fault;
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::switches::S3Rules;

#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) state: &'a ClusterState,
    pub(super) requester: Option<&'a Requester>,
    /// The values of condition keys.
    pub(super) keys: BTreeMap<String, String>,
    pub(super) faults: &'a [Fault],
}

/// The tenant whose buckets a request is about: that of the user, or else that of the bucket.
pub(super) fn tenant_of<'a>(state: &'a ClusterState, requester: Option<&'a Requester>, bucket: &str) -> &'a str {
    let owner = || state.tenants.iter().find(|(_, tenant)| tenant.buckets.contains_key(bucket)).map(|(name, _)| name);
    requester.map(|requester| &requester.tenant).or_else(owner).map_or(ROOT, String::as_str)
}

impl Judge<'_> {
    fn rules(&self) -> S3Rules {
        self.state.switches.s3_rules
    }

    pub(super) fn authorises(&self, http: &HttpRequest, request: &S3Request) -> Result<bool, S3Error> {
        let arn = arn(&request.bucket, &request.key);
        if request.operation == Operation::CopyObject {
            let source = http.header("x-amz-copy-source").unwrap_or_default();
            let source = percent_encoding::percent_decode_str(source.trim_start_matches('/')).decode_utf8_lossy();
            let (bucket, key) = source.split_once('/').unwrap_or((&source, ""));
            let reads = self.allows("s3:GetObject", bucket, &self::arn(bucket, key))?;
            return Ok(reads && self.allows("s3:PutObject", &request.bucket, &arn)?);
        }
        for ways in self.asked(http, request) {
            let mut any = false;
            for action in ways {
                any = any || self.allows(action, &request.bucket, &arn)?;
            }
            if !any {
                return Ok(false);
            }
        }
        let deletes_version = request.operation == Operation::DeleteObject && request.version().is_some();
        if deletes_version && self.rules() == S3Rules::Minio2026 {
            let verdict = self.verdict("s3:DeleteObjectVersion", &request.bucket, &arn)?;
            return Ok(!matches!(verdict, Verdict::Denied(Some(_))));
        }
        Ok(true)
    }

    /// The actions that a request asks for: one of each list has to be allowed.
    fn asked(&self, http: &HttpRequest, request: &S3Request) -> Vec<Vec<&'static str>> {
        let (is_aws, is_2021) = (self.rules() == S3Rules::Aws, self.rules() == S3Rules::Minio2021);
        let of_version = is_aws && request.version().is_some();
        let one = |action: &'static str| vec![vec![action]];
        let either = |action: &'static str, of: &'static str| one(if of_version { of } else { action });
        match request.operation {
            Operation::ListBuckets => Vec::new(),
            Operation::HeadBucket | Operation::ListObjects => one("s3:ListBucket"),
            Operation::ListVersions if is_aws => one("s3:ListBucketVersions"),
            Operation::ListVersions => vec![vec!["s3:ListBucketVersions", "s3:ListBucket"]],
            Operation::ListUploads => one("s3:ListBucketMultipartUploads"),
            Operation::CreateBucket => {
                let locked = http.header("x-amz-bucket-object-lock-enabled").is_some_and(|value| value == "true");
                let more = ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"];
                let more = more.into_iter().filter(|_| locked && !is_2021);
                std::iter::once("s3:CreateBucket").chain(more).map(|action| vec![action]).collect()
            }
            Operation::DeleteBucket => one("s3:DeleteBucket"),
            Operation::GetLocation => one("s3:GetBucketLocation"),
            Operation::GetBucketAcl => one(if is_aws { "s3:GetBucketAcl" } else { "s3:GetBucketPolicy" }),
            Operation::GetObjectAcl => one(if is_aws { "s3:GetObjectAcl" } else { "s3:GetBucketPolicy" }),
            Operation::GetSetting(setting) => one(actions(setting).0),
            Operation::DeleteSetting(Setting::Policy) => one("s3:DeleteBucketPolicy"),
            Operation::PutSetting(setting) | Operation::DeleteSetting(setting) => one(actions(setting).1),
            Operation::GetObject => either("s3:GetObject", "s3:GetObjectVersion"),
            Operation::PutObject | Operation::CreateUpload => self.asked_to_put(http),
            Operation::CopyObject => vec![vec!["s3:PutObject"], vec!["s3:GetObject"]],
            Operation::UploadPart | Operation::CompleteUpload => one("s3:PutObject"),
            Operation::DeleteObject => either("s3:DeleteObject", "s3:DeleteObjectVersion"),
            Operation::ListParts => one("s3:ListMultipartUploadParts"),
            Operation::AbortUpload => one("s3:AbortMultipartUpload"),
            Operation::GetAttribute(Attribute::Tagging) => either("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
            Operation::GetAttribute(Attribute::Retention) => one("s3:GetObjectRetention"),
            Operation::GetAttribute(Attribute::LegalHold) => one("s3:GetObjectLegalHold"),
            Operation::PutAttribute(Attribute::Tagging) => either("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
            Operation::PutAttribute(Attribute::Retention) => one("s3:PutObjectRetention"),
            Operation::PutAttribute(Attribute::LegalHold) => one("s3:PutObjectLegalHold"),
            Operation::DeleteTags => either("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
        }
    }

    fn asked_to_put(&self, http: &HttpRequest) -> Vec<Vec<&'static str>> {
        let mut asked = vec![vec!["s3:PutObject"]];
        for (header, action, counts) in [
            ("x-amz-object-lock-mode", "s3:PutObjectRetention", true),
            ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold", self.rules() != S3Rules::Minio2021),
            ("x-amz-tagging", "s3:PutObjectTagging", self.rules() == S3Rules::Aws),
        ] {
            if counts && http.headers.contains_key(header) {
                asked.push(vec![action]);
            }
        }
        asked
    }

    /// The buckets whose names the requester may see; `None` if it may not ask.
    pub(super) fn visible(&self) -> Result<Option<Vec<&str>>, S3Error> {
        let Some(requester) = self.requester else { return Ok(None) };
        let all = self.state.tenants.get(&requester.tenant).into_iter().flat_map(|tenant| tenant.buckets.keys());
        if self.allows("s3:ListAllMyBuckets", "", "*")? {
            return Ok(Some(all.map(String::as_str).collect()));
        }
        // Measured: the servers set these keys.
        let mut keys = self.keys.clone();
        keys.extend([("s3:prefix", ""), ("s3:delimiter", "/")].map(|(key, value)| (key.to_owned(), value.to_owned())));
        let of_list = Judge { keys, ..*self };
        let asked: &[&str] = match self.rules() {
            S3Rules::Minio2021 => &["s3:ListBucket"],
            S3Rules::Minio2026 => &["s3:ListBucket", "s3:GetBucketLocation"],
            S3Rules::Aws => &[],
        };
        let mut visible = Vec::new();
        for bucket in all {
            for action in asked {
                if of_list.allows(action, bucket, &arn(bucket, ""))? {
                    visible.push(bucket.as_str());
                    break;
                }
            }
        }
        Ok((!visible.is_empty()).then_some(visible))
    }

    /// Whether an action is allowed. The faults count for signed requests only.
    pub(super) fn allows(&self, action: &str, bucket: &str, arn: &str) -> Result<bool, S3Error> {
        let fault = self.faults.iter().filter(|_| self.requester.is_some()).find_map(|fault| {
            let Fault::S3(fault) = fault else { return None };
            let with = |of: &String| of == action;
            match fault {
                S3Fault::Allow(of) => with(of).then_some(true),
                S3Fault::Deny(of) => with(of).then_some(false),
                S3Fault::MakesBuckets | S3Fault::IgnoresParameters | S3Fault::TakesAnyBody | S3Fault::Clock(_) => None,
            }
        });
        fault.map_or_else(|| self.verdict(action, bucket, arn).map(|verdict| verdict.is_allowed()), Ok)
    }

    fn verdict(&self, action: &str, bucket: &str, arn: &str) -> Result<Verdict, S3Error> {
        let tenant = tenant_of(self.state, self.requester, bucket);
        let user = self.requester.map(|requester| requester.user.as_str());
        let request = Request { tenant, user, action, arn, keys: &self.keys };
        let bucket_policies = match self.rules() {
            S3Rules::Minio2021 | S3Rules::Minio2026 => BucketPolicyScope::Anonymous,
            S3Rules::Aws => BucketPolicyScope::Union,
        };
        let reading = Reading {
            rules: self.rules(),
            bucket_policies,
            username: self.requester.and_then(|requester| requester.username.as_deref()),
            narrowed_by: self.requester.and_then(|requester| requester.narrowed_by.as_deref()),
        };
        decide(self.state, &request, reading).map_err(|error| S3Error::new("InternalError", error.to_string()))
    }
}

pub(super) fn arn(bucket: &str, key: &str) -> String {
    let slash = if key.is_empty() { "" } else { "/" };
    format!("arn:aws:s3:::{bucket}{slash}{key}")
}

/// The actions that read and write a setting.
fn actions(setting: Setting) -> (&'static str, &'static str) {
    match setting {
        Setting::Policy => ("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
        Setting::Lifecycle => ("s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        Setting::Tagging => ("s3:GetBucketTagging", "s3:PutBucketTagging"),
        Setting::Versioning => ("s3:GetBucketVersioning", "s3:PutBucketVersioning"),
        Setting::Notification => ("s3:GetBucketNotification", "s3:PutBucketNotification"),
        Setting::ObjectLock => ("s3:GetBucketObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"),
    }
}

/// The condition keys of a request. Servers of MinIO set some of them always, and believe the client about its address (measured).
pub(super) fn condition_keys(
    http: &HttpRequest,
    request: &S3Request,
    requester: Option<&Requester>,
    rules: S3Rules,
    now: OffsetDateTime,
) -> BTreeMap<String, String> {
    let is_minio = rules != S3Rules::Aws;
    let mut keys = BTreeMap::new();
    let mut set = |key: &str, value: Option<String>| {
        keys.extend(value.map(|value| (key.to_owned(), value)));
    };
    let always = |value: Option<String>| value.or_else(|| is_minio.then(String::new));
    let forwarded = ["x-forwarded-for", "x-real-ip"].into_iter().find_map(|name| http.header(name));
    let forwarded =
        forwarded.filter(|_| is_minio).map(|value| value.split(',').next().unwrap_or_default().trim().to_owned());
    set("aws:SourceIp", Some(forwarded.unwrap_or_else(|| http.peer.to_string())));
    set("aws:SecureTransport", Some(http.tls.to_string()));
    set("aws:UserAgent", always(http.header("user-agent")));
    set("aws:Referer", always(http.header("referer")));
    set("aws:CurrentTime", now.format(&Rfc3339).ok());
    set("aws:EpochTime", Some(now.unix_timestamp().to_string()));
    set("aws:principaltype", Some(if requester.is_some() { "User" } else { "Anonymous" }.to_owned()));
    set("aws:userid", requester.filter(|_| is_minio).and_then(|requester| requester.username.clone()));
    if requester.is_some() {
        set("s3:signatureversion", Some("AWS4-HMAC-SHA256".to_owned()));
        set("s3:authType", Some("REST-HEADER".to_owned()));
    }
    set("s3:versionid", always(request.version().map(str::to_owned)));
    for name in ["prefix", "delimiter", "max-keys"] {
        set(&format!("s3:{name}"), request.parameter(name).map(str::to_owned));
    }
    for name in http.headers.keys().filter(|name| name.as_str().starts_with("x-amz-")) {
        set(&format!("s3:{name}"), http.header(name.as_str()));
    }
    keys
}
