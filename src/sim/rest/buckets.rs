//! The calls for buckets and their policies.

use serde_json::{Value, json};

use crate::sim::bucket::{Bucket, BucketPolicy};
use crate::sim::operations::Refusal;
use crate::sim::operations::buckets::{self, NewBucket};
use crate::sim::rest::request::MemberType::{Object, ObjectOrText, Text};
use crate::sim::rest::request::{BodyMember, Since, optional, required};
use crate::sim::rest::responses;
use crate::sim::rest::spec::{Answer, CallArgs, Handler, Spec, delete, get, post, spec};
use crate::sim::state::ClusterState;
use crate::sim::switches::BucketDocumentForm;

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
            buckets::remove(state, &call.caller, call.name).map(|()| responses::done())
        })
    },
    get("/s3/buckets/{bucket}/policy", |state, call| {
        let policy = buckets::policy(state, &call.caller, call.name)?;
        buckets::word(state, policy).map(|word| responses::data(json!({ "policy": word })))
    }),
    spec("PUT", "/s3/buckets/{bucket}/policy", Handler::Write(set_canned), &[required("bucket_policy", Text)]),
    get("/s3/buckets/{bucket}/policyJson", |state, call| {
        let policy = buckets::policy(state, &call.caller, call.name)?;
        buckets::shown(state, policy, call.name).map(|shown| responses::data(json!({ "policy": shown })))
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
        if state.behaviour().buckets_are_rows { buckets::row(name, bucket) } else { name.into() }
    };
    let body = json!({ "buckets": buckets.map(row).collect::<Vec<Value>>() });
    Ok(if state.switches.buckets_in_data { responses::data(body) } else { responses::bare(&body) })
}

fn add(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let body = &call.body;
    let new = NewBucket {
        name: body.text("bucket_name"),
        policy: body.optional_text("policy"),
        document: body.document(CONTENT)?,
        hard_quota: body.optional_text("hard_quota"),
        path: body.optional_text("existing_path"),
        fs: body.optional_text("fs_uid"),
    };
    buckets::add(state, &call.caller, new).map(|()| responses::done())
}

fn set_canned(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let word = call.body.text("bucket_policy");
    buckets::set_canned(state, &call.caller, call.name, &word).map(|()| responses::done())
}

fn set_document(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let document = call.body.document(CONTENT)?.ok_or_else(|| Refusal::Missing(vec![CONTENT.to_owned()]))?;
    buckets::set(state, &call.caller, call.name, BucketPolicy::Document(document)).map(|()| responses::done())
}
