//! Buckets and their policies. A policy is changed in place: no release has a call that removes one.

use serde_json::{Map, Value, json};

use super::policies::check_document;
use super::{Caller, Refusal};
use crate::base::{BucketName, CannedPolicy};
use crate::sim::bucket::{Bucket, BucketPolicy};
use crate::sim::check::texts;
use crate::sim::document::StoredDocument;
use crate::sim::pattern::Pattern;
use crate::sim::state::ClusterState;
use crate::sim::switches::{BucketDocuments, BucketWords, CustomBucketPolicy, UnsetBucketPolicy};

#[derive(Debug, Default)]
pub(crate) struct NewBucket {
    pub(crate) name: String,
    pub(crate) policy: Option<String>,
    pub(crate) document: Option<StoredDocument>,
    pub(crate) hard_quota: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) fs: Option<String>,
}

/// The buckets of the caller's tenant (vendor documentation: names are unique in the cluster, and visible per tenant).
pub(crate) fn list<'s>(state: &'s ClusterState, caller: &Caller) -> Result<Vec<(&'s str, &'s Bucket)>, Refusal> {
    Ok(caller.require_s3_reader(state)?.buckets.iter().map(|(name, bucket)| (name.as_str(), bucket)).collect())
}

pub(crate) fn policy<'s>(state: &'s ClusterState, caller: &Caller, name: &str) -> Result<&'s BucketPolicy, Refusal> {
    caller.require_s3_reader(state)?.buckets.get(name).map(|bucket| &bucket.policy).ok_or_else(|| missing(name))
}

/// A bucket as the definitions describe it since 4.2.
pub(crate) fn row(name: &str, bucket: &Bucket) -> Value {
    let path = if bucket.path.is_empty() { format!("/{name}") } else { bucket.path.clone() };
    json!({
        "name": name,
        "path": path,
        "fs": bucket.fs,
        "hard_limit_bytes": bucket.hard_limit_bytes,
        "used_bytes": bucket.used_bytes,
    })
}

/// What the cluster calls a policy.
pub(crate) fn word(state: &ClusterState, policy: &BucketPolicy) -> Result<String, Refusal> {
    let written = |canned: CannedPolicy| match state.switches.bucket_words {
        BucketWords::Title => canned.wire().to_owned(),
        BucketWords::Lower => canned.as_str().to_owned(),
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
pub(crate) fn shown(state: &ClusterState, policy: &BucketPolicy, bucket: &str) -> Result<Value, Refusal> {
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

pub(crate) fn add(state: &mut ClusterState, caller: &Caller, new: NewBucket) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    if BucketName::parse(&new.name).is_err() {
        return Err(Refusal::param("bucket_name", format!("\"{}\" is not a valid bucket name", new.name)));
    }
    let all = || state.tenants.values().map(|tenant| &tenant.buckets);
    if all().any(|buckets| buckets.contains_key(&new.name)) {
        return Err(Refusal::param("bucket_name", format!("Bucket \"{}\" already exists", new.name)));
    }
    let limit = state.limits.buckets;
    if all().map(|buckets| buckets.len()).sum::<usize>() >= limit {
        return Err(Refusal::invalid(format!("The maximum number of buckets ({limit}) is reached")));
    }
    let policy = match (new.policy.as_deref(), new.document) {
        (Some(_), Some(_)) => {
            return Err(Refusal::param("policy", "policy and policy_file_content exclude each other"));
        }
        (None, Some(document)) => {
            check_bucket_document(state, &new.name, &document)?;
            BucketPolicy::Document(document)
        }
        (word, None) => BucketPolicy::Canned(word.map_or(Ok(CannedPolicy::None), |word| canned("policy", word))?),
    };
    let bucket = Bucket {
        policy,
        hard_limit_bytes: new.hard_quota.as_deref().map_or(Ok(0), bytes)?,
        path: new.path.unwrap_or_default(),
        fs: new.fs.unwrap_or(Bucket::default().fs),
        ..Bucket::default()
    };
    caller.tenant_mut(state)?.buckets.insert(new.name, bucket);
    Ok(())
}

pub(crate) fn remove(state: &mut ClusterState, caller: &Caller, name: &str) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    caller.tenant_mut(state)?.buckets.remove(name).map(drop).ok_or_else(|| missing(name))
}

/// Sets one of the vendor's policies.
pub(crate) fn set_canned(state: &mut ClusterState, caller: &Caller, name: &str, word: &str) -> Result<(), Refusal> {
    let policy = BucketPolicy::Canned(canned("bucket_policy", word)?);
    set(state, caller, name, policy)
}

/// Sets a policy, in place of whatever the bucket has.
pub(crate) fn set(state: &mut ClusterState, caller: &Caller, name: &str, policy: BucketPolicy) -> Result<(), Refusal> {
    caller.require_s3_writer(state)?;
    if let BucketPolicy::Document(document) = &policy {
        check_bucket_document(state, name, document)?;
    }
    let bucket = caller.tenant_mut(state)?.buckets.get_mut(name).ok_or_else(|| missing(name))?;
    bucket.policy = policy;
    // A text that the S3 service took for a policy is gone.
    bucket.settings.remove("policy");
    Ok(())
}

/// As for a missing policy: the definitions have no 404.
fn missing(name: &str) -> Refusal {
    Refusal::param("bucket", format!("Bucket \"{name}\" does not exist"))
}

fn canned(param: &str, word: &str) -> Result<CannedPolicy, Refusal> {
    word.parse().map_err(|_| {
        Refusal::param(
            param,
            format!("Invalid bucket policy \"{word}\", must be one of: None, Download, Upload, Public"),
        )
    })
}

/// A size such as `1MB` or `1048576` in bytes.
fn bytes(text: &str) -> Result<u64, Refusal> {
    let wrong = || Refusal::param("hard_quota", format!("\"{text}\" is not a size such as 1MB"));
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        "TIB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

/// Whether a text is a document that a bucket takes as its policy; the error says why not.
pub(crate) fn accepts(state: &ClusterState, bucket: &str, text: &str) -> Result<(), String> {
    let document = StoredDocument::parse(text).map_err(|error| error.to_string())?;
    check_bucket_document(state, bucket, &document).map_err(|refusal| refusal.message())
}

fn check_bucket_document(state: &ClusterState, bucket: &str, document: &StoredDocument) -> Result<(), Refusal> {
    check_document(document, state.limits.bucket_document_bytes)?;
    match state.switches.bucket_documents {
        BucketDocuments::Strict => check_statements(document, bucket),
        BucketDocuments::Any => Ok(()),
    }
}

/// What a server of the lineage refuses in the policy of a bucket (measured on one of 2021), beyond what it refuses in any
/// document.
fn check_statements(document: &StoredDocument, bucket: &str) -> Result<(), Refusal> {
    let value: Value = serde_json::from_str(document.as_str()).map_err(|error| refused(&error.to_string()))?;
    let statements = value.get("Statement").and_then(Value::as_array).into_iter().flatten();
    statements.filter_map(Value::as_object).try_for_each(|statement| check_statement(statement, bucket))
}

fn check_statement(statement: &Map<String, Value>, bucket: &str) -> Result<(), Refusal> {
    if let Some(name) = ["NotAction", "NotResource", "NotPrincipal"].into_iter().find(|it| statement.contains_key(*it))
    {
        return Err(refused(&format!("{name} is not supported in a bucket policy")));
    }
    if !statement.get("Principal").is_some_and(is_principal) {
        return Err(refused("a statement of a bucket policy needs a Principal, such as \"*\""));
    }
    let resources: Vec<&str> =
        texts(&statement["Resource"]).into_iter().filter_map(|text| text.strip_prefix("arn:aws:s3:::")).collect();
    for resource in &resources {
        let of = resource.split('/').next().unwrap_or_default();
        if !Pattern::new(true).and(of).covers(bucket) {
            return Err(refused(&format!(
                "the resource \"arn:aws:s3:::{resource}\" is not of the bucket \"{bucket}\""
            )));
        }
    }
    for action in texts(&statement["Action"]) {
        let fits = |resource: &&str| match kind(action) {
            Some(Kind::Object) => resource.contains('/') || resource.contains('*'),
            Some(Kind::Bucket) => !resource.contains('/'),
            None => false,
        };
        if kind(action).is_none() {
            return Err(refused(&format!("the action \"{action}\" is not supported in a bucket policy")));
        }
        if !resources.iter().any(fits) {
            return Err(refused(&format!("no resource fits the action \"{action}\"")));
        }
    }
    Ok(())
}

fn is_principal(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Object(members) => members.len() == 1 && members.get("AWS").is_some_and(|it| !texts(it).is_empty()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Whether an action is about a bucket or about its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bucket,
    Object,
}

/// The actions that the vendor's page lists, spelled exactly. Wildcards are not supported.
fn kind(action: &str) -> Option<Kind> {
    const OF_BUCKET: [&str; 17] = [
        "CreateBucket",
        "DeleteBucket",
        "GetBucketLocation",
        "ListBucket",
        "ListBucketMultipartUploads",
        "GetBucketPolicy",
        "PutBucketPolicy",
        "DeleteBucketPolicy",
        "GetLifecycleConfiguration",
        "PutLifecycleConfiguration",
        "GetBucketTagging",
        "PutBucketTagging",
        "PutBucketObjectLockConfiguration",
        "GetBucketObjectLockConfiguration",
        "PutBucketVersioning",
        "GetBucketVersioning",
        "GetBucketNotification",
    ];
    const OF_OBJECTS: [&str; 18] = [
        "GetObject",
        "PutObject",
        "DeleteObject",
        "AbortMultipartUpload",
        "ListMultipartUploadParts",
        "GetObjectTagging",
        "PutObjectTagging",
        "DeleteObjectTagging",
        "PutObjectRetention",
        "GetObjectRetention",
        "PutObjectLegalHold",
        "GetObjectLegalHold",
        "BypassGovernanceRetention",
        "GetObjectVersion",
        "DeleteObjectVersion",
        "GetObjectVersionTagging",
        "PutObjectVersionTagging",
        "DeleteObjectVersionTagging",
    ];
    let name = action.strip_prefix("s3:")?;
    if OF_BUCKET.contains(&name) || name == "PutBucketNotification" {
        return Some(Kind::Bucket);
    }
    OF_OBJECTS.contains(&name).then_some(Kind::Object)
}

fn refused(why: &str) -> Refusal {
    Refusal::param("policy_file_content", format!("Invalid bucket policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::testing::{admin, cluster, message};

    fn new(name: &str) -> NewBucket {
        NewBucket { name: name.to_owned(), ..NewBucket::default() }
    }

    fn document(statement: &str) -> StoredDocument {
        StoredDocument::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{statement}}}]}}"#))
            .unwrap()
    }

    fn set_document(state: &mut ClusterState, caller: &Caller, document: StoredDocument) -> Result<(), Refusal> {
        set(state, caller, "data", BucketPolicy::Document(document))
    }

    const READ: &str = r#""Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::data/*"]"#;

    #[test]
    fn a_bucket_is_added_opened_closed_and_removed() {
        let mut state = cluster("5.1");
        add(&mut state, &admin(), NewBucket { hard_quota: Some("1MB".into()), ..new("data") }).unwrap();
        assert_eq!(state.tenants["Root"].buckets["data"].hard_limit_bytes, 1_000_000);
        let now = |state: &ClusterState| policy(state, &admin(), "data").unwrap().clone();
        assert_eq!(now(&state), BucketPolicy::Canned(CannedPolicy::None));
        set_canned(&mut state, &admin(), "data", "download").unwrap();
        assert_eq!(now(&state), BucketPolicy::Canned(CannedPolicy::Download));
        set_document(&mut state, &admin(), document(READ)).unwrap();
        assert_eq!(now(&state), BucketPolicy::Document(document(READ)));
        set_canned(&mut state, &admin(), "data", "None").unwrap();
        assert!(message(set_canned(&mut state, &admin(), "data", "private")).contains("must be one of"));
        remove(&mut state, &admin(), "data").unwrap();
        assert!(message(remove(&mut state, &admin(), "data")).contains("does not exist"));
        assert!(message(set_canned(&mut state, &admin(), "data", "none")).contains("does not exist"));
        assert!(message(policy(&state, &admin(), "data")).contains("does not exist"));
    }

    #[test]
    fn names_are_unique_in_the_cluster_and_limited() {
        let mut state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        add(&mut state, &admin(), new("data")).unwrap();
        assert!(list(&state, &boss).unwrap().is_empty(), "visible per tenant");
        assert!(message(policy(&state, &boss, "data")).contains("does not exist"));
        assert!(message(add(&mut state, &boss, new("data"))).contains("already exists"));
        state.limits.buckets = 1;
        assert!(message(add(&mut state, &boss, new("other"))).contains("maximum number"));
        for wrong in ["ab", "Data", "-ab", "ab.", "a_b", "10.0.0.1", &"a".repeat(64), "", "a/b", "a b"] {
            assert!(message(add(&mut state, &boss, new(wrong))).contains("not a valid bucket name"), "{wrong}");
        }
        assert!(
            message(add(&mut state, &admin(), NewBucket { policy: Some("x".into()), ..new("abc") }))
                .contains("maximum")
        );
    }

    #[test]
    fn readers_change_nothing_and_a_deleted_s3_has_no_buckets() {
        let mut state = cluster("5.1");
        add(&mut state, &admin(), new("data")).unwrap();
        let eve = Caller::log_in(&state, "Root", "eve", "Evening-1").unwrap();
        assert_eq!(list(&state, &eve).unwrap().len(), 1);
        assert!(matches!(set_canned(&mut state, &eve, "data", "public"), Err(Refusal::Forbidden(_))));
        assert!(matches!(set_document(&mut state, &eve, document(READ)), Err(Refusal::Forbidden(_))));
        assert!(matches!(add(&mut state, &eve, new("more")), Err(Refusal::Forbidden(_))));
        assert!(matches!(remove(&mut state, &eve, "data"), Err(Refusal::Forbidden(_))));
        state.s3_deleted = true;
        assert!(message(list(&state, &admin())).contains("not configured"));
    }

    #[test]
    fn what_the_lineage_refuses_in_a_bucket_policy_is_refused_unless_the_switch_says_otherwise() {
        let mut state = cluster("5.1");
        add(&mut state, &admin(), new("data")).unwrap();
        let bucket = r#""Resource":["arn:aws:s3:::data"]"#;
        let objects = r#""Resource":["arn:aws:s3:::data/*"]"#;
        let everyone = r#""Principal":{"AWS":["*"]}"#;
        for (statement, part) in [
            (format!(r#""Action":["s3:GetObject"],{objects}"#), Some("needs a Principal")),
            (format!(r#""Action":["s3:GetObject"],{objects},"Principal":"alice""#), Some("needs a Principal")),
            (format!(r#""Action":["s3:GetObject"],{objects},"Principal":{{"AWS":[]}}"#), Some("needs a Principal")),
            (format!(r#""Action":["s3:GetObject"],{objects},"Principal":{{"CanonicalUser":"x"}}"#), Some("Principal")),
            (format!(r#""Action":["s3:*"],{objects},{everyone}"#), Some("s3:*")),
            (format!(r#""Action":["s3:Get*"],{objects},{everyone}"#), Some("s3:Get*")),
            (format!(r#""Action":["s3:ListAllMyBuckets"],{bucket},{everyone}"#), Some("ListAllMyBuckets")),
            (format!(r#""Action":["s3:GetObject"],{bucket},{everyone}"#), Some("no resource fits")),
            (format!(r#""Action":["s3:ListBucket"],{objects},{everyone}"#), Some("no resource fits")),
            (
                format!(r#""Action":["s3:GetObject"],"Resource":["arn:aws:s3:::logs/*"],{everyone}"#),
                Some("not of the bucket"),
            ),
            (format!(r#""NotAction":["s3:GetObject"],{objects},{everyone}"#), Some("NotAction")),
            (format!(r#""Action":["s3:GetObject"],{objects},{everyone}"#), None),
            (format!(r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::*"],{everyone}"#), None),
            (format!(r#""Action":["s3:GetObject"],{objects},"Principal":{{"AWS":"arn:aws:iam::1:user/alice"}}"#), None),
        ] {
            let sent = document(&statement);
            state.switches.bucket_documents = BucketDocuments::Strict;
            match (set_document(&mut state, &admin(), sent.clone()), part) {
                (Ok(()), None) => {}
                (Err(refusal), Some(part)) => assert!(refusal.message().contains(part), "{statement}: {refusal:?}"),
                (result, _) => panic!("{statement}: {result:?}"),
            }
            state.switches.bucket_documents = BucketDocuments::Any;
            set_document(&mut state, &admin(), sent).unwrap();
        }
        state.limits.bucket_document_bytes = 20;
        assert!(message(set_document(&mut state, &admin(), document(READ))).contains("bytes long"));
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(["1MB", "7", "2KiB"].map(|text| bytes(text).unwrap()), [1_000_000, 7, 2048]);
        assert!(["", "MB", "-1", "1XB", "99999999999TB"].iter().all(|text| bytes(text).is_err()));
    }
}
