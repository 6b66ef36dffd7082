//! The calls for buckets and their policies.

use serde_json::{Value, json};

use crate::sim::bucket::{Bucket, BucketPolicy, CannedPolicy};
use crate::sim::operations::Refusal;
use crate::sim::operations::buckets::{self, NewBucket};
use crate::sim::rest::request::MemberType::{Object, ObjectOrText, Text};
use crate::sim::rest::request::{BodyMember, Since, optional, required};
use crate::sim::rest::responses::ApiResponse;
use crate::sim::rest::spec::{Answer, CallArgs, Handler, Spec, delete, get, post, spec};
use crate::sim::state::ClusterState;
use crate::sim::switches::{BucketDocumentForm, BucketWords, CustomBucketPolicy, UnsetBucketPolicy};

/// All definitions declare the document a string, and their example of it is an object.
const CONTENT: &str = "policy_file_content";

const EITHER: Since = |state| state.switches.bucket_document_form == BucketDocumentForm::Either;
const OBJECT: Since = |state| state.switches.bucket_document_form == BucketDocumentForm::Object;
const TEXT: Since = |state| state.switches.bucket_document_form == BucketDocumentForm::Text;

/// Every release has them.
pub(super) static CALLS: [Spec; 7] = [
    get("/s3/buckets", list),
    post(
        "/s3/buckets",
        &[
            required("bucket_name", Text),
            optional("policy", Text),
            BodyMember { exists: EITHER, ..optional(CONTENT, ObjectOrText) },
            BodyMember { exists: OBJECT, ..optional(CONTENT, Object) },
            BodyMember { exists: TEXT, ..optional(CONTENT, Text) },
            optional("hard_quota", Text),
            optional("existing_path", Text),
            optional("fs_uid", Text),
        ],
        add,
    ),
    Spec {
        query: &["unlink"],
        ..delete("/s3/buckets/{bucket}", |state, call| {
            call.query.flag("unlink")?;
            buckets::remove(state, &call.caller, call.name).map(|()| ApiResponse::done())
        })
    },
    get("/s3/buckets/{bucket}/policy", |state, call| {
        let policy = buckets::policy(state, &call.caller, call.name)?;
        word(state, policy).map(|word| ApiResponse::data(json!({ "policy": word })))
    }),
    spec("PUT", "/s3/buckets/{bucket}/policy", Handler::Write(set_canned), &[required("bucket_policy", Text)]),
    get("/s3/buckets/{bucket}/policyJson", |state, call| {
        let policy = buckets::policy(state, &call.caller, call.name)?;
        document(state, policy, call.name).map(|shown| ApiResponse::data(json!({ "policy": shown })))
    }),
    spec(
        "PUT",
        "/s3/buckets/{bucket}/policyJson",
        Handler::Write(set_document),
        &[
            BodyMember { exists: EITHER, ..required(CONTENT, ObjectOrText) },
            BodyMember { exists: OBJECT, ..required(CONTENT, Object) },
            BodyMember { exists: TEXT, ..required(CONTENT, Text) },
        ],
    ),
];

/// The definitions have no `data` around the list. Before 4.2 they have names only.
fn list(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let buckets = buckets::list(state, &call.caller)?.into_iter();
    let row = |(name, bucket): (&str, &Bucket)| {
        if state.behaviour().buckets_are_rows { bucket_row(name, bucket) } else { name.into() }
    };
    let body = json!({ "buckets": buckets.map(row).collect::<Vec<Value>>() });
    Ok(if state.switches.buckets_in_data { ApiResponse::data(body) } else { ApiResponse::body(&body) })
}

/// A bucket as the definitions describe it since 4.2.
pub(in crate::sim) fn bucket_row(name: &str, bucket: &Bucket) -> Value {
    let path = if bucket.path.is_empty() { format!("/{name}") } else { bucket.path.clone() };
    json!({
        "name": name,
        "path": path,
        "fs": bucket.fs,
        "hard_limit_bytes": bucket.hard_limit_bytes,
        "used_bytes": bucket.used_bytes,
    })
}

fn add(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let body = call.body;
    let new = NewBucket {
        name: body.text("bucket_name"),
        policy: body.optional_text("policy"),
        document: body.document(CONTENT)?,
        hard_quota: body.optional_text("hard_quota"),
        path: body.optional_text("existing_path"),
        fs: body.optional_text("fs_uid"),
    };
    buckets::add(state, &call.caller, new).map(|()| ApiResponse::done())
}

fn set_canned(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let word = call.body.text("bucket_policy");
    buckets::set_canned(state, &call.caller, call.name, &word).map(|()| ApiResponse::done())
}

fn set_document(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let document = call.body.document(CONTENT)?.ok_or_else(|| Refusal::Missing(vec![CONTENT.to_owned()]))?;
    buckets::set_document(state, &call.caller, call.name, document).map(|()| ApiResponse::done())
}

/// What the cluster calls a policy.
pub(in crate::sim) fn word(state: &ClusterState, policy: &BucketPolicy) -> Result<String, Refusal> {
    let written = |canned: CannedPolicy| match state.switches.bucket_words {
        BucketWords::Title => canned.title().to_owned(),
        BucketWords::Lower => canned.lower().to_owned(),
    };
    Ok(match (policy, state.switches.custom_bucket_policy) {
        (BucketPolicy::Canned(canned), _) => written(*canned),
        (BucketPolicy::Document(_), CustomBucketPolicy::Custom) => "Custom".to_owned(),
        (BucketPolicy::Document(_), CustomBucketPolicy::None) => written(CannedPolicy::None),
        (BucketPolicy::Document(_), CustomBucketPolicy::Empty) => String::new(),
        (BucketPolicy::Document(document), CustomBucketPolicy::Document) => document.as_str().to_owned(),
        (BucketPolicy::Document(_), CustomBucketPolicy::Refuse) => {
            return Err(Refusal::invalid("The bucket policy is not a predefined one"));
        }
    })
}

/// The document of a policy, as JSON in a string or as the switches say.
pub(in crate::sim) fn document(state: &ClusterState, policy: &BucketPolicy, bucket: &str) -> Result<Value, Refusal> {
    let Some(text) = policy.document(bucket) else {
        return match state.switches.unset_bucket_policy {
            UnsetBucketPolicy::Empty => Ok("".into()),
            UnsetBucketPolicy::Null => Ok(Value::Null),
            UnsetBucketPolicy::Object => Ok(json!({})),
            UnsetBucketPolicy::Refuse => Err(Refusal::param("bucket", "The bucket policy does not exist")),
            UnsetBucketPolicy::NotFound => Err(Refusal::NotFound("The bucket policy does not exist".to_owned())),
        };
    };
    if state.switches.bucket_document_as_object {
        return serde_json::from_str(&text).map_err(|error| Refusal::Broken(error.to_string()));
    }
    Ok(text.into())
}
