//! Requests of the S3 service: what they ask for, by their method, their path and their query.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::sim::http::{HttpRequest, pairs};
use crate::sim::s3::answer::S3Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Policy,
    Lifecycle,
    Tagging,
    Versioning,
    Notification,
    ObjectLock,
}

impl Setting {
    const ALL: [Self; 6] =
        [Self::Policy, Self::Lifecycle, Self::Tagging, Self::Versioning, Self::Notification, Self::ObjectLock];

    /// Its parameter.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Lifecycle => "lifecycle",
            Self::Tagging => "tagging",
            Self::Versioning => "versioning",
            Self::Notification => "notification",
            Self::ObjectLock => "object-lock",
        }
    }

    /// The name of its document; that of a policy is JSON.
    pub(super) fn element(self) -> Option<&'static str> {
        match self {
            Self::Policy => None,
            Self::Lifecycle => Some("LifecycleConfiguration"),
            Self::Tagging => Some("Tagging"),
            Self::Versioning => Some("VersioningConfiguration"),
            Self::Notification => Some("NotificationConfiguration"),
            Self::ObjectLock => Some("ObjectLockConfiguration"),
        }
    }
}

/// What belongs to an object beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Tagging,
    Retention,
    LegalHold,
}

impl Attribute {
    const ALL: [Self; 3] = [Self::Tagging, Self::Retention, Self::LegalHold];

    fn name(self) -> &'static str {
        match self {
            Self::Tagging => "tagging",
            Self::Retention => "retention",
            Self::LegalHold => "legal-hold",
        }
    }

    /// The name of its document.
    pub(super) fn element(self) -> &'static str {
        match self {
            Self::Tagging => "Tagging",
            Self::Retention => "Retention",
            Self::LegalHold => "LegalHold",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ListBuckets,
    HeadBucket,
    ListObjects,
    ListVersions,
    ListUploads,
    CreateBucket,
    DeleteBucket,
    GetLocation,
    GetBucketAcl,
    GetSetting(Setting),
    PutSetting(Setting),
    DeleteSetting(Setting),
    GetObject,
    GetObjectAcl,
    PutObject,
    CopyObject,
    DeleteObject,
    CreateUpload,
    UploadPart,
    CompleteUpload,
    ListParts,
    AbortUpload,
    GetAttribute(Attribute),
    PutAttribute(Attribute),
    DeleteTags,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Request {
    pub(super) operation: Operation,
    /// Empty for the list of buckets.
    pub(super) bucket: String,
    /// Empty for requests about the bucket.
    pub(super) key: String,
    query: Vec<(String, String)>,
}

/// Parameters that make another request of it and that the simulator does not have.
const NOT_SIMULATED: &[&str] = &[
    "accelerate",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "logging",
    "metrics",
    "ownershipControls",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "select",
    "torrent",
    "website",
];

impl S3Request {
    /// Reads a request. With `plain`, one that changes something is read without its query.
    pub(super) fn read(http: &HttpRequest, plain: bool) -> Result<Self, S3Error> {
        let path = percent_decode_str(http.path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        // A key may begin with a slash, but no bucket does.
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let query = if plain && is_write(&http.method) { "" } else { http.query.as_deref().unwrap_or_default() };
        let mut request = Self {
            operation: Operation::ListBuckets,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query: pairs(query).map(|(name, value)| (decoded(name), decoded(value))).collect(),
        };
        request.operation = request.operation(http)?;
        Ok(request)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.parameter("versionId").filter(|version| !version.is_empty())
    }

    /// The name of the XML document that it sends; `None` for a policy.
    pub(super) fn element(&self) -> Option<&'static str> {
        if let Operation::PutAttribute(attribute) = self.operation {
            return Some(attribute.element());
        }
        let Operation::PutSetting(setting) = self.operation else { return None };
        setting.element()
    }

    fn operation(&self, http: &HttpRequest) -> Result<Operation, S3Error> {
        let unknown = || S3Error::of("MethodNotAllowed");
        if self.query.iter().any(|(name, _)| NOT_SIMULATED.contains(&name.as_str())) {
            return Err(S3Error::of("NotImplemented"));
        }
        if self.bucket.is_empty() {
            return if http.method == Method::GET { Ok(Operation::ListBuckets) } else { Err(unknown()) };
        }
        let found = if self.key.is_empty() { self.of_bucket(&http.method) } else { self.of_object(http) };
        found.ok_or_else(unknown)
    }

    fn of_bucket(&self, method: &Method) -> Option<Operation> {
        let setting = Setting::ALL.into_iter().find(|setting| self.parameter(setting.name()).is_some());
        let has = |name: &str| self.parameter(name).is_some();
        Some(match (method.as_str(), setting) {
            ("GET", Some(setting)) => Operation::GetSetting(setting),
            ("PUT", Some(setting)) => Operation::PutSetting(setting),
            ("DELETE", Some(setting @ (Setting::Policy | Setting::Lifecycle | Setting::Tagging))) => {
                Operation::DeleteSetting(setting)
            }
            (_, Some(_)) => return None,
            ("GET", None) if has("location") => Operation::GetLocation,
            ("GET", None) if has("versions") => Operation::ListVersions,
            ("GET", None) if has("uploads") => Operation::ListUploads,
            ("GET", None) if has("acl") => Operation::GetBucketAcl,
            (_, None) if ["location", "versions", "uploads", "acl"].into_iter().any(has) => return None,
            ("GET", None) => Operation::ListObjects,
            ("HEAD", None) => Operation::HeadBucket,
            ("PUT", None) => Operation::CreateBucket,
            ("DELETE", None) => Operation::DeleteBucket,
            (_, None) => return None,
        })
    }

    fn of_object(&self, http: &HttpRequest) -> Option<Operation> {
        let attribute = Attribute::ALL.into_iter().find(|attribute| self.parameter(attribute.name()).is_some());
        let has = |name: &str| self.parameter(name).is_some();
        Some(match (http.method.as_str(), attribute) {
            ("GET", Some(attribute)) => Operation::GetAttribute(attribute),
            ("PUT", Some(attribute)) => Operation::PutAttribute(attribute),
            ("DELETE", Some(Attribute::Tagging)) => Operation::DeleteTags,
            (_, Some(_)) => return None,
            ("GET", None) if has("acl") => Operation::GetObjectAcl,
            (_, None) if has("acl") => return None,
            ("POST", None) if has("uploads") => Operation::CreateUpload,
            ("GET", None) if has("uploadId") => Operation::ListParts,
            ("PUT", None) if has("uploadId") => Operation::UploadPart,
            ("POST", None) if has("uploadId") => Operation::CompleteUpload,
            ("DELETE", None) if has("uploadId") => Operation::AbortUpload,
            ("GET" | "HEAD", None) => Operation::GetObject,
            ("PUT", None) if http.headers.contains_key("x-amz-copy-source") => Operation::CopyObject,
            ("PUT", None) => Operation::PutObject,
            ("DELETE", None) => Operation::DeleteObject,
            (_, None) => return None,
        })
    }
}

pub(super) fn is_write(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
