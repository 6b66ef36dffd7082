//! Answers to requests that change nothing.

use std::fmt::Write as _;

use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sim::bucket::Bucket;
use crate::sim::http::HttpResponse;
use crate::sim::s3::answer::{S3Error, document, done, element, ok, respond, with_header};
use crate::sim::s3::keys::REGION;
use crate::sim::s3::request::{Attribute, Operation, S3Request, Setting};
use crate::sim::state::Tenant;

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

/// Answers a request that is allowed and has passed all of its steps.
pub(super) fn show(tenant: Option<&Tenant>, request: &S3Request) -> Result<HttpResponse, S3Error> {
    let missing = Bucket::default();
    let bucket = tenant.and_then(|tenant| tenant.buckets.get(&request.bucket)).unwrap_or(&missing);
    Ok(match request.operation {
        Operation::HeadBucket => with_header(done(StatusCode::OK), "x-amz-bucket-region", REGION),
        Operation::ListObjects => objects(bucket, request),
        Operation::ListVersions => versions(bucket, request),
        Operation::ListUploads => ok(document(
            "ListMultipartUploadsResult",
            element("Bucket", &request.bucket) + &element("MaxUploads", MAX_KEYS) + &element("IsTruncated", false),
        )),
        // The first region has no name here.
        Operation::GetLocation => ok(document("LocationConstraint", "")),
        Operation::GetBucketAcl | Operation::GetObjectAcl => ok(document(
            "AccessControlPolicy",
            format!("<Owner>{}</Owner><AccessControlList></AccessControlList>", element("ID", "attune")),
        )),
        Operation::GetSetting(setting) => return show_setting(bucket, &request.bucket, setting),
        Operation::GetObject => {
            let size = bucket.objects.get(&request.key).copied().unwrap_or_default();
            let body = "x".repeat(usize::try_from(size).unwrap_or_default());
            HttpResponse { content_type: "application/octet-stream", ..respond(StatusCode::OK, body) }
        }
        Operation::GetAttribute(Attribute::Tagging) => ok(document("Tagging", "<TagSet></TagSet>")),
        Operation::GetAttribute(Attribute::Retention | Attribute::LegalHold) => {
            let message = "The specified object does not have a ObjectLock configuration";
            return Err(S3Error::new("NoSuchObjectLockConfiguration", message));
        }
        // There are no uploads, and the rest changes something.
        Operation::ListBuckets
        | Operation::ListParts
        | Operation::CreateBucket
        | Operation::DeleteBucket
        | Operation::PutSetting(_)
        | Operation::DeleteSetting(_)
        | Operation::PutObject
        | Operation::CopyObject
        | Operation::DeleteObject
        | Operation::CreateUpload
        | Operation::UploadPart
        | Operation::CompleteUpload
        | Operation::AbortUpload
        | Operation::PutAttribute(_)
        | Operation::DeleteTags => return Err(S3Error::of("NotImplemented")),
    })
}

fn show_setting(bucket: &Bucket, name: &str, setting: Setting) -> Result<HttpResponse, S3Error> {
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

fn objects(bucket: &Bucket, request: &S3Request) -> HttpResponse {
    let shown = bucket.objects.iter().filter(|(key, _)| !bucket.delete_markers.contains_key(*key));
    let entry = |(key, size): (&String, &u64)| {
        let inside = element("Key", shown_key(request, key)) + &element("LastModified", MADE) + &element("Size", size);
        (key.clone(), format!("<Contents>{inside}</Contents>"))
    };
    ok(document("ListBucketResult", entries(request, "max-keys", "Contents", shown.map(entry))))
}

fn versions(bucket: &Bucket, request: &S3Request) -> HttpResponse {
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
