//! What an allowed request shows or changes. The simulator stores no objects: it remembers names and sizes of those that a fault
//! makes.

use axum::http::StatusCode;
use md5::{Digest, Md5};

use crate::base::{BucketName, CannedPolicy};
use crate::sim::bucket::{Bucket, BucketPolicy};
use crate::sim::document::StoredDocument;
use crate::sim::fault::Fault;
use crate::sim::http::{HttpRequest, HttpResponse};
use crate::sim::ids;
use crate::sim::s3::answer::{S3Error, document, done, ok, with_header};
use crate::sim::s3::keys::REGION;
use crate::sim::s3::request::{Attribute, Operation, S3Request, Setting};
use crate::sim::s3::show;
use crate::sim::s3_fault::S3Fault;
use crate::sim::state::ClusterState;

/// Executes a request that is allowed and has passed all of its steps.
pub(super) fn execute(
    state: &mut ClusterState,
    tenant: &str,
    request: &S3Request,
    http: &HttpRequest,
    faults: &[Fault],
) -> Result<HttpResponse, S3Error> {
    let stores_objects = has(faults, &S3Fault::MakesBuckets) || has(faults, &S3Fault::IgnoresParameters);
    let missing = Bucket::default();
    let inside = state.tenants.get(tenant);
    let bucket = inside.and_then(|inside| inside.buckets.get(&request.bucket)).unwrap_or(&missing);
    match request.operation {
        Operation::HeadBucket => Ok(with_header(done(StatusCode::OK), "x-amz-bucket-region", REGION)),
        Operation::ListObjects => Ok(show::objects(bucket, request)),
        Operation::ListVersions => Ok(show::versions(bucket, request)),
        Operation::ListUploads => Ok(show::uploads(&request.bucket)),
        // The first region has no name here.
        Operation::GetLocation => Ok(ok(document("LocationConstraint", ""))),
        Operation::GetBucketAcl | Operation::GetObjectAcl => Ok(show::acl()),
        Operation::GetSetting(setting) => show::setting(bucket, &request.bucket, setting),
        Operation::GetObject => Ok(show::object(bucket, &request.key)),
        Operation::GetAttribute(Attribute::Tagging) => Ok(ok(document("Tagging", "<TagSet></TagSet>"))),
        Operation::GetAttribute(Attribute::Retention | Attribute::LegalHold) => {
            let message = "The specified object does not have a ObjectLock configuration";
            Err(S3Error::new("NoSuchObjectLockConfiguration", message))
        }
        Operation::CreateBucket => create_bucket(state, tenant, request, http),
        Operation::DeleteBucket => delete_bucket(state, tenant, &request.bucket),
        Operation::DeleteObject => delete_object(state, tenant, request),
        Operation::PutSetting(setting) => {
            let text = String::from_utf8_lossy(&http.body);
            let any = has(faults, &S3Fault::TakesAnyBody);
            put_setting(bucket_of(state, tenant, &request.bucket)?, setting, &text, any)
        }
        Operation::DeleteSetting(setting) => {
            let bucket = bucket_of(state, tenant, &request.bucket)?;
            bucket.settings.remove(setting.name());
            if setting == Setting::Policy {
                bucket.policy = BucketPolicy::Canned(CannedPolicy::None);
            }
            Ok(done(StatusCode::NO_CONTENT))
        }
        Operation::PutObject if stores_objects => {
            let bucket = bucket_of(state, tenant, &request.bucket)?;
            bucket.delete_markers.remove(&request.key);
            bucket.objects.insert(request.key.clone(), size(http));
            Ok(with_header(done(StatusCode::OK), "etag", &format!("\"{}\"", hex::encode(Md5::digest(&http.body)))))
        }
        // The object is one that a fault made. Nothing more is kept of it.
        Operation::PutAttribute(_) => Ok(done(StatusCode::OK)),
        Operation::DeleteTags | Operation::AbortUpload => Ok(done(StatusCode::NO_CONTENT)),
        // No upload exists, and buckets are listed before.
        Operation::PutObject
        | Operation::CopyObject
        | Operation::CreateUpload
        | Operation::UploadPart
        | Operation::CompleteUpload
        | Operation::ListParts
        | Operation::ListBuckets => Err(S3Error::new("NotImplemented", "The simulator stores no objects")),
    }
}

pub(super) fn has(faults: &[Fault], fault: &S3Fault) -> bool {
    faults.iter().any(|of| matches!(of, Fault::S3(of) if of == fault))
}

/// Makes a bucket without any check.
pub(super) fn make_bucket(state: &mut ClusterState, tenant: &str, name: &str) {
    if let Some(tenant) = state.tenants.get_mut(tenant) {
        tenant.buckets.insert(name.to_owned(), Bucket::default());
    }
}

fn bucket_of<'s>(state: &'s mut ClusterState, tenant: &str, name: &str) -> Result<&'s mut Bucket, S3Error> {
    let tenant = state.tenants.get_mut(tenant);
    tenant.and_then(|tenant| tenant.buckets.get_mut(name)).ok_or_else(|| S3Error::of("NoSuchBucket"))
}

fn create_bucket(
    state: &mut ClusterState,
    tenant: &str,
    request: &S3Request,
    http: &HttpRequest,
) -> Result<HttpResponse, S3Error> {
    let name = &request.bucket;
    if let Some((owner, _)) = state.tenants.iter().find(|(_, inside)| inside.buckets.contains_key(name)) {
        let code = if owner == tenant { "BucketAlreadyOwnedByYou" } else { "BucketAlreadyExists" };
        return Err(S3Error::new(code, "The bucket exists").with("BucketName", name));
    }
    if BucketName::parse(name).is_err() {
        return Err(S3Error::new("InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name));
    }
    if state.tenants.values().map(|tenant| tenant.buckets.len()).sum::<usize>() >= state.limits.buckets {
        return Err(S3Error::new("TooManyBuckets", "You have attempted to create more buckets than allowed"));
    }
    make_bucket(state, tenant, name);
    let locked = http.header("x-amz-bucket-object-lock-enabled").is_some_and(|value| value == "true");
    bucket_of(state, tenant, name)?.object_lock = locked;
    Ok(with_header(done(StatusCode::OK), "location", &format!("/{name}")))
}

fn delete_bucket(state: &mut ClusterState, tenant: &str, name: &str) -> Result<HttpResponse, S3Error> {
    let bucket = bucket_of(state, tenant, name)?;
    if bucket.used_bytes > 0 || !bucket.objects.is_empty() || !bucket.delete_markers.is_empty() {
        return Err(S3Error::of("BucketNotEmpty").with("BucketName", name));
    }
    if let Some(tenant) = state.tenants.get_mut(tenant) {
        tenant.buckets.remove(name);
    }
    Ok(done(StatusCode::NO_CONTENT))
}

/// Where versions are kept, a deletion without a version makes a delete marker, whether the object exists or not.
fn delete_object(state: &mut ClusterState, tenant: &str, request: &S3Request) -> Result<HttpResponse, S3Error> {
    let id = ids::uuid(&["marker", &state.next_serial()]);
    let bucket = bucket_of(state, tenant, &request.bucket)?;
    let done = done(StatusCode::NO_CONTENT);
    let Some(version) = request.version() else {
        if !bucket.keeps_versions() {
            bucket.objects.remove(&request.key);
            return Ok(done);
        }
        bucket.delete_markers.insert(request.key.clone(), id.clone());
        return Ok(with_header(with_header(done, "x-amz-delete-marker", "true"), "x-amz-version-id", &id));
    };
    if bucket.delete_markers.get(&request.key).is_some_and(|id| id == version) {
        bucket.delete_markers.remove(&request.key);
    } else if version == "null" {
        bucket.objects.remove(&request.key);
    }
    Ok(with_header(done, "x-amz-version-id", version))
}

/// Sets a setting. With the fault that takes any body, the text need not be one.
fn put_setting(bucket: &mut Bucket, setting: Setting, text: &str, any: bool) -> Result<HttpResponse, S3Error> {
    let name = setting.name().to_owned();
    match setting {
        Setting::Policy => {
            let document = StoredDocument::parse(text);
            match document {
                Ok(document) => {
                    bucket.policy = BucketPolicy::Document(document);
                    bucket.settings.remove(&name);
                }
                Err(_) if any => {
                    bucket.policy = BucketPolicy::Canned(CannedPolicy::None);
                    bucket.settings.insert(name, text.to_owned());
                }
                Err(error) => return Err(S3Error::new("MalformedPolicy", error.to_string())),
            }
            return Ok(done(StatusCode::NO_CONTENT));
        }
        Setting::Versioning => {
            let is_enabled = text.contains("<Status>Enabled</Status>");
            if bucket.object_lock && !is_enabled && !any {
                let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
                return Err(S3Error::new("InvalidBucketState", message));
            }
            bucket.versioning = is_enabled;
            bucket.settings.insert(name.clone(), text.to_owned());
            if is_enabled {
                bucket.settings.remove(&name);
            }
        }
        Setting::ObjectLock if !bucket.object_lock && !any => {
            let message = "Object Lock configuration cannot be enabled on existing buckets";
            return Err(S3Error::new("InvalidBucketState", message));
        }
        Setting::ObjectLock | Setting::Lifecycle | Setting::Tagging | Setting::Notification => {
            bucket.settings.insert(name, text.to_owned());
        }
    }
    Ok(done(StatusCode::OK))
}

/// The bytes of an object, without what the client puts around them to sign it in pieces.
fn size(http: &HttpRequest) -> u64 {
    let decoded = http.header("x-amz-decoded-content-length").and_then(|text| text.parse().ok());
    decoded.unwrap_or(http.body.len() as u64)
}
