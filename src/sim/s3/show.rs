//! The documents of answers to requests that change nothing.

use std::fmt::Write as _;

use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sim::bucket::Bucket;
use crate::sim::http::HttpResponse;
use crate::sim::s3::answer::{S3Error, document, element, ok, respond};
use crate::sim::s3::request::{S3Request, Setting};

/// When everything was made; the simulator keeps no times.
const MADE: &str = "2026-01-01T00:00:00.000Z";

/// Most keys of a listing.
const MAX_KEYS: usize = 1000;

pub(super) fn buckets(names: &[&str]) -> HttpResponse {
    let owner = element("ID", "attune") + &element("DisplayName", "attune");
    let bucket = |name: &&str| format!("<Bucket>{}{}</Bucket>", element("Name", name), element("CreationDate", MADE));
    let all: String = names.iter().map(bucket).collect();
    ok(document("ListAllMyBucketsResult", format!("<Owner>{owner}</Owner><Buckets>{all}</Buckets>")))
}

pub(super) fn uploads(bucket: &str) -> HttpResponse {
    let inside = element("Bucket", bucket) + &element("MaxUploads", MAX_KEYS) + &element("IsTruncated", false);
    ok(document("ListMultipartUploadsResult", inside))
}

pub(super) fn acl() -> HttpResponse {
    let owner = element("ID", "attune");
    ok(document("AccessControlPolicy", format!("<Owner>{owner}</Owner><AccessControlList></AccessControlList>")))
}

pub(super) fn object(bucket: &Bucket, key: &str) -> HttpResponse {
    let size = bucket.objects.get(key).copied().unwrap_or_default();
    let body = "x".repeat(usize::try_from(size).unwrap_or_default());
    HttpResponse { content_type: "application/octet-stream", ..respond(StatusCode::OK, body) }
}

pub(super) fn setting(bucket: &Bucket, name: &str, setting: Setting) -> Result<HttpResponse, S3Error> {
    let stored = bucket.settings.get(setting.name());
    if setting == Setting::Policy {
        let text = stored.cloned().or_else(|| bucket.policy.document(name).map(|text| text.into_owned()));
        let text = text.ok_or_else(|| S3Error::of("NoSuchBucketPolicy").with("BucketName", name))?;
        return Ok(HttpResponse { content_type: "application/json", ..respond(StatusCode::OK, text) });
    }
    if let Some(text) = stored {
        return Ok(respond(StatusCode::OK, text.clone()));
    }
    let missing = |code| Err(S3Error::of(code).with("BucketName", name));
    match setting {
        Setting::Policy | Setting::Lifecycle => missing("NoSuchLifecycleConfiguration"),
        Setting::Tagging => missing("NoSuchTagSet"),
        Setting::Notification => Ok(ok(document("NotificationConfiguration", ""))),
        Setting::Versioning => {
            let inside = if bucket.keeps_versions() { element("Status", "Enabled") } else { String::new() };
            Ok(ok(document("VersioningConfiguration", inside)))
        }
        Setting::ObjectLock if bucket.object_lock => {
            Ok(ok(document("ObjectLockConfiguration", element("ObjectLockEnabled", "Enabled"))))
        }
        Setting::ObjectLock => missing("ObjectLockConfigurationNotFoundError"),
    }
}

/// The entries of a listing: the keys with a prefix, as many as asked for.
fn entries(request: &S3Request, limit: &str, name: &str, keys: impl Iterator<Item = (String, String)>) -> String {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let most = request.parameter(limit).and_then(|text| text.parse().ok()).unwrap_or(MAX_KEYS).min(MAX_KEYS);
    let with_prefix: Vec<_> = keys.filter(|(key, _)| key.starts_with(prefix)).collect();
    let shown = shown_key(request, prefix);
    let mut text = element("Name", &request.bucket) + &element("Prefix", shown) + &element("MaxKeys", most);
    if request.parameter("encoding-type") == Some("url") {
        text += &element("EncodingType", "url");
    }
    // A listing that may show nothing is complete, as on the real servers.
    text += &element("IsTruncated", most > 0 && with_prefix.len() > most);
    if name == "Contents" && request.parameter("list-type") == Some("2") {
        text += &element("KeyCount", with_prefix.len().min(most));
    }
    for (_, entry) in with_prefix.into_iter().take(most) {
        let _ = write!(text, "{entry}");
    }
    text
}

/// A key as a listing shows it: encoded, if the client asks for that.
fn shown_key(request: &S3Request, key: &str) -> String {
    if request.parameter("encoding-type") == Some("url") {
        return utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
    }
    key.to_owned()
}

pub(super) fn objects(bucket: &Bucket, request: &S3Request) -> HttpResponse {
    let shown = bucket.objects.iter().filter(|(key, _)| !bucket.delete_markers.contains_key(*key));
    let entry = |(key, size): (&String, &u64)| {
        let inside = element("Key", shown_key(request, key)) + &element("LastModified", MADE) + &element("Size", size);
        (key.clone(), format!("<Contents>{inside}</Contents>"))
    };
    ok(document("ListBucketResult", entries(request, "max-keys", "Contents", shown.map(entry))))
}

pub(super) fn versions(bucket: &Bucket, request: &S3Request) -> HttpResponse {
    let entry = |name: &str, key: &str, id: &str, latest: bool, size: Option<&u64>| {
        let inside = element("Key", shown_key(request, key)) + &element("VersionId", id) + &element("IsLatest", latest);
        let size = size.map(|size| element("Size", size)).unwrap_or_default();
        (key.to_owned(), format!("<{name}>{inside}{}{size}</{name}>", element("LastModified", MADE)))
    };
    let markers = bucket.delete_markers.iter().map(|(key, id)| entry("DeleteMarker", key, id, true, None));
    let objects = bucket
        .objects
        .iter()
        .map(|(key, size)| entry("Version", key, "null", !bucket.delete_markers.contains_key(key), Some(size)));
    ok(document("ListVersionsResult", entries(request, "max-keys", "Version", markers.chain(objects))))
}
