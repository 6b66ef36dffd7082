//! In which order the service looks at a request. Servers of MinIO authorise before they look whether bucket, key or body is any
//! good, with exceptions (measured: `tests/lineage/harmless.json`). AWS looks for the bucket first.

use crate::sim::s3::request::{Attribute, Operation, S3Request, Setting};
use crate::sim::switches::S3Rules;

/// One look at a request. If it fails, the answer is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Whether the documents allow it.
    Authorise,
    /// Whether the bucket exists, or else this error.
    Bucket(&'static str),
    /// Whether there is a digest of the body.
    DigestGiven,
    /// Whether a digest is that of the body.
    Digest,
    /// Whether the body is a document of its kind, or else this error.
    Body(&'static str),
    /// Whether the bucket has object lock.
    Lock,
    /// Whether the id of the upload has the form of one.
    UploadId,
    /// Whether the upload exists, which none does.
    Upload,
    /// Whether the object exists.
    Key,
}

const NO_BUCKET: Step = Step::Bucket("NoSuchBucket");
const XML: Step = Step::Body("MalformedXML");
const POLICY: Step = Step::Body("MalformedPolicy");
const ARGUMENT: Step = Step::Body("InvalidArgument");

pub(super) fn steps(request: &S3Request, rules: S3Rules) -> &'static [Step] {
    match rules {
        S3Rules::Minio2021 | S3Rules::Minio2026 => of_minio(request, rules == S3Rules::Minio2021),
        S3Rules::Aws => of_aws(request.operation),
    }
}

fn of_minio(request: &S3Request, is_2021: bool) -> &'static [Step] {
    use Step::{Authorise, Digest, DigestGiven, Key, Lock, Upload, UploadId};
    match request.operation {
        // Each bucket is authorised by itself.
        Operation::ListBuckets => &[],
        // The newer server answers without a look at the bucket.
        Operation::ListObjects if !is_2021 && request.parameter("max-keys") == Some("0") => &[Authorise],
        Operation::HeadBucket
        | Operation::ListObjects
        | Operation::ListVersions
        | Operation::ListUploads
        | Operation::GetLocation
        | Operation::GetBucketAcl
        | Operation::DeleteBucket
        | Operation::DeleteSetting(_)
        | Operation::PutObject
        | Operation::CopyObject
        | Operation::CreateUpload
        | Operation::DeleteObject => &[Authorise, NO_BUCKET],
        Operation::CreateBucket | Operation::GetSetting(Setting::Tagging | Setting::ObjectLock) => &[Authorise],
        Operation::GetSetting(Setting::Policy | Setting::Lifecycle | Setting::Versioning | Setting::Notification) => {
            &[Authorise, NO_BUCKET]
        }
        Operation::PutSetting(setting) => put_setting(setting, is_2021),
        Operation::GetObject | Operation::GetObjectAcl => &[Authorise, NO_BUCKET, Key],
        Operation::UploadPart | Operation::CompleteUpload | Operation::ListParts if !is_2021 => {
            &[Authorise, UploadId, NO_BUCKET, Upload]
        }
        Operation::AbortUpload if !is_2021 => &[Authorise, UploadId, NO_BUCKET],
        Operation::UploadPart | Operation::CompleteUpload | Operation::ListParts | Operation::AbortUpload => {
            &[Authorise, NO_BUCKET, Upload]
        }
        Operation::GetAttribute(Attribute::Tagging) | Operation::DeleteTags if is_2021 => &[Authorise, NO_BUCKET, Key],
        Operation::GetAttribute(Attribute::Tagging) | Operation::DeleteTags => &[NO_BUCKET, Key, Authorise],
        Operation::GetAttribute(Attribute::Retention | Attribute::LegalHold) => &[Authorise, Lock, Key],
        Operation::PutAttribute(Attribute::Tagging) if is_2021 => &[Authorise, Digest, XML, NO_BUCKET, Key],
        Operation::PutAttribute(Attribute::Tagging) => &[Step::Bucket("InternalError"), Authorise, Digest, XML, Key],
        Operation::PutAttribute(Attribute::LegalHold) => &[Authorise, NO_BUCKET, XML, Lock, Key],
        Operation::PutAttribute(Attribute::Retention) if is_2021 => {
            &[DigestGiven, NO_BUCKET, XML, Authorise, Lock, Key]
        }
        Operation::PutAttribute(Attribute::Retention) => &[NO_BUCKET, XML, Authorise, Lock, Key],
    }
}

fn put_setting(setting: Setting, is_2021: bool) -> &'static [Step] {
    use Step::{Authorise, Digest, DigestGiven};
    match (setting, is_2021) {
        (Setting::Policy, true) => &[Authorise, NO_BUCKET, POLICY],
        (Setting::Policy, false) => &[Authorise, NO_BUCKET, Digest, POLICY],
        (Setting::Lifecycle, true) => &[DigestGiven, Authorise, NO_BUCKET, Digest, XML],
        (Setting::Lifecycle, false) => &[Authorise, ARGUMENT, NO_BUCKET, Digest],
        (Setting::Tagging, true) => &[Authorise, XML, NO_BUCKET, Digest],
        (Setting::Tagging, false) => &[NO_BUCKET, Authorise, XML, Digest],
        (Setting::Versioning, _) => &[Authorise, Digest, XML, NO_BUCKET],
        (Setting::Notification, _) => &[Authorise, NO_BUCKET, XML, Digest],
        (Setting::ObjectLock, true) => &[Authorise, XML, NO_BUCKET, Digest],
        (Setting::ObjectLock, false) => &[Authorise, ARGUMENT, NO_BUCKET, Digest],
    }
}

fn of_aws(operation: Operation) -> &'static [Step] {
    use Step::{Authorise, Digest, Key, Lock, Upload};
    match operation {
        Operation::ListBuckets => &[],
        Operation::CreateBucket => &[Authorise],
        Operation::HeadBucket
        | Operation::ListObjects
        | Operation::ListVersions
        | Operation::ListUploads
        | Operation::GetLocation
        | Operation::GetBucketAcl
        | Operation::DeleteBucket
        | Operation::GetSetting(_)
        | Operation::DeleteSetting(_)
        | Operation::PutObject
        | Operation::CopyObject
        | Operation::CreateUpload
        | Operation::DeleteObject => &[NO_BUCKET, Authorise],
        Operation::PutSetting(Setting::Policy) => &[NO_BUCKET, Authorise, Digest, POLICY],
        Operation::PutSetting(
            Setting::Lifecycle | Setting::Tagging | Setting::Versioning | Setting::Notification | Setting::ObjectLock,
        ) => &[NO_BUCKET, Authorise, Digest, XML],
        Operation::UploadPart | Operation::CompleteUpload | Operation::ListParts | Operation::AbortUpload => {
            &[NO_BUCKET, Authorise, Upload]
        }
        Operation::GetObject
        | Operation::GetObjectAcl
        | Operation::GetAttribute(Attribute::Tagging)
        | Operation::DeleteTags => &[NO_BUCKET, Authorise, Key],
        Operation::GetAttribute(Attribute::Retention | Attribute::LegalHold) => &[NO_BUCKET, Authorise, Lock, Key],
        Operation::PutAttribute(Attribute::Tagging) => &[NO_BUCKET, Authorise, Digest, XML, Key],
        Operation::PutAttribute(Attribute::Retention | Attribute::LegalHold) => {
            &[NO_BUCKET, Authorise, Digest, XML, Lock, Key]
        }
    }
}
