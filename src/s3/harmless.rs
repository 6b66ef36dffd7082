//! The table of harmless requests. Each asks whether something is allowed, and cannot do it.
//!
//! Servers of MinIO decide whether a request is allowed before they look at the bucket, the key or the body. So a request
//! that cannot do anything tells "denied" (403) from "allowed" (anything else). Source: real requests to MinIO of April 2021 and
//! of February 2026, with the versions, settings and buckets compared before and after.
//!
//! `CreateBucket` is never sent. Nor is a plain PUT of an object or the start of an upload: SeaweedFS makes the bucket on
//! those. `PutObject` is asked as a part of an upload that does not exist.

use super::names::{BucketAt, KeyAt, Token};
use super::request::{Method, S3Request};

/// What a request is about. The safest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A bucket that is not there.
    NoBucket,
    /// A bucket that is there: its settings and its list of keys are read.
    Read,
    /// A key that is not there, in a bucket that is.
    NoKey,
    /// A setting of a bucket: a body that no server takes.
    Setting,
}

impl Kind {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoBucket => "no bucket",
            Self::Read => "read",
            Self::NoKey => "no key",
            Self::Setting => "setting",
        }
    }
}

/// What a request does on a server that takes it. Reads are asked first, and writes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It reads.
    Read,
    /// It takes away.
    Delete,
    /// It writes.
    Write,
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The word of the request in the table of requests, such as `read`.
    pub word: &'static str,
    /// What it is about.
    pub kind: Kind,
    /// What it does on a server that takes it.
    pub step: Step,
    /// Whether it is about a key.
    pub on_key: bool,
    query: &'static [(&'static str, Value)],
    body: &'static str,
}

/// A value in a query.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    None,
    Text(&'static str),
    /// The characters of the run: no upload has such an id.
    Random,
    /// The same in the form of a version's id.
    Version,
}

/// A body that is neither XML nor JSON.
const TEXT: &str = "attune-verify";
const BYTE: &str = "x";
const TAGS: &str = "<Tagging><TagSet></TagSet></Tagging>";
const HOLD: &str = "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>OFF</Status></LegalHold>";

const fn row(
    kind: Kind,
    word: &'static str,
    step: Step,
    on_key: bool,
    query: &'static [(&'static str, Value)],
    body: &'static str,
) -> Row {
    Row { word, kind, step, on_key, query, body }
}

const fn read(kind: Kind, word: &'static str, query: &'static [(&'static str, Value)]) -> Row {
    row(kind, word, Step::Read, false, query, "")
}

const fn read_key(kind: Kind, word: &'static str, query: &'static [(&'static str, Value)]) -> Row {
    row(kind, word, Step::Read, true, query, "")
}

use Kind::{NoBucket, NoKey, Read, Setting};
use Value::{None as Bare, Random, Text, Version};

/// The table.
pub const ROWS: &[Row] = &[
    read(NoBucket, "read-location", &[("location", Bare)]),
    read(NoBucket, "list", &[("list-type", Text("2")), ("max-keys", Text("0"))]),
    read(NoBucket, "list-uploads", &[("uploads", Bare)]),
    read(NoBucket, "read-bucket-policy", &[("policy", Bare)]),
    read(NoBucket, "read-lifecycle", &[("lifecycle", Bare)]),
    read(NoBucket, "read-bucket-tags", &[("tagging", Bare)]),
    read(NoBucket, "read-versioning", &[("versioning", Bare)]),
    read(NoBucket, "read-notifications", &[("notification", Bare)]),
    read(NoBucket, "read-lock-configuration", &[("object-lock", Bare)]),
    read_key(NoBucket, "read", &[]),
    read_key(NoBucket, "list-parts", &[("uploadId", Random)]),
    read_key(NoBucket, "read-tags", &[("tagging", Bare)]),
    read_key(NoBucket, "read-retention", &[("retention", Bare)]),
    read_key(NoBucket, "read-legal-hold", &[("legal-hold", Bare)]),
    row(NoBucket, "delete", Step::Delete, true, &[], ""),
    row(NoBucket, "abort-upload", Step::Delete, true, &[("uploadId", Random)], ""),
    row(NoBucket, "delete-tags", Step::Delete, true, &[("tagging", Bare)], ""),
    row(NoBucket, "delete-bucket-policy", Step::Delete, false, &[("policy", Bare)], ""),
    row(NoBucket, "delete-bucket", Step::Delete, false, &[], ""),
    row(NoBucket, "write", Step::Write, true, &[("partNumber", Text("1")), ("uploadId", Random)], BYTE),
    row(NoBucket, "set-tags", Step::Write, true, &[("tagging", Bare)], BYTE),
    row(NoBucket, "set-legal-hold", Step::Write, true, &[("legal-hold", Bare)], BYTE),
    row(NoBucket, "change-bucket-policy", Step::Write, false, &[("policy", Bare)], TEXT),
    row(NoBucket, "change-lifecycle", Step::Write, false, &[("lifecycle", Bare)], TEXT),
    row(NoBucket, "change-bucket-tags", Step::Write, false, &[("tagging", Bare)], TEXT),
    row(NoBucket, "change-versioning", Step::Write, false, &[("versioning", Bare)], TEXT),
    row(NoBucket, "change-notifications", Step::Write, false, &[("notification", Bare)], TEXT),
    row(NoBucket, "change-lock-configuration", Step::Write, false, &[("object-lock", Bare)], TEXT),
    read(Read, "read-location", &[("location", Bare)]),
    read(Read, "list", &[("list-type", Text("2")), ("max-keys", Text("0"))]),
    read(Read, "list-uploads", &[("uploads", Bare), ("max-uploads", Text("1")), ("prefix", Random)]),
    read(Read, "read-bucket-policy", &[("policy", Bare)]),
    read(Read, "read-lifecycle", &[("lifecycle", Bare)]),
    read(Read, "read-bucket-tags", &[("tagging", Bare)]),
    read(Read, "read-versioning", &[("versioning", Bare)]),
    read(Read, "read-notifications", &[("notification", Bare)]),
    read(Read, "read-lock-configuration", &[("object-lock", Bare)]),
    read_key(NoKey, "read", &[]),
    read_key(NoKey, "list-parts", &[("uploadId", Random)]),
    read_key(NoKey, "read-tags", &[("tagging", Bare)]),
    read_key(NoKey, "read-retention", &[("retention", Bare)]),
    read_key(NoKey, "read-legal-hold", &[("legal-hold", Bare)]),
    row(NoKey, "delete-version", Step::Delete, true, &[("versionId", Version)], ""),
    row(NoKey, "abort-upload", Step::Delete, true, &[("uploadId", Random)], ""),
    row(NoKey, "delete-tags", Step::Delete, true, &[("tagging", Bare)], ""),
    row(NoKey, "write", Step::Write, true, &[("partNumber", Text("1")), ("uploadId", Random)], BYTE),
    row(NoKey, "set-tags", Step::Write, true, &[("tagging", Bare)], TAGS),
    row(NoKey, "set-legal-hold", Step::Write, true, &[("legal-hold", Bare)], HOLD),
    row(Setting, "change-bucket-policy", Step::Write, false, &[("policy", Bare)], TEXT),
    row(Setting, "change-lifecycle", Step::Write, false, &[("lifecycle", Bare)], TEXT),
    row(Setting, "change-bucket-tags", Step::Write, false, &[("tagging", Bare)], TEXT),
    row(Setting, "change-versioning", Step::Write, false, &[("versioning", Bare)], TEXT),
    row(Setting, "change-notifications", Step::Write, false, &[("notification", Bare)], TEXT),
    row(Setting, "change-lock-configuration", Step::Write, false, &[("object-lock", Bare)], TEXT),
];

/// Further rows, which only tell by which rules a service evaluates documents. None writes.
pub const ROWS_OF_RULES: &[Row] = &[
    read(NoBucket, "list-versions", &[("versions", Bare), ("max-keys", Text("1")), ("prefix", Random)]),
    read(NoBucket, "read-acl", &[("acl", Bare)]),
    read_key(NoBucket, "read-version", &[("versionId", Version)]),
    row(NoBucket, "delete-version", Step::Delete, true, &[("versionId", Version)], ""),
    read(Read, "list-versions", &[("versions", Bare), ("max-keys", Text("1")), ("prefix", Random)]),
    read(Read, "read-acl", &[("acl", Bare)]),
    read_key(NoKey, "read-version", &[("versionId", Version)]),
];

/// A row about one bucket and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    row: &'static Row,
    bucket: String,
    key: Option<String>,
}

impl Row {
    /// The word of the request that this one is on a service that ignores its parameter; `None` if it has none, or means the
    /// same without it.
    pub fn plain_word(&self) -> Option<&'static str> {
        let word = match (self.step, self.on_key) {
            (Step::Read, true) => "read",
            (Step::Read, false) => "list",
            (Step::Delete, true) => "delete",
            (Step::Delete, false) => "delete-bucket",
            (Step::Write, true) => "write",
            (Step::Write, false) => "create-bucket",
        };
        (!self.query.is_empty() && word != self.word).then_some(word)
    }

    /// The row for a bucket that is not there, and any key; `None` if the row is not about such a bucket.
    pub fn without_bucket(&'static self, bucket: &BucketAt, key: &str) -> Option<Ask> {
        let key = self.on_key.then(|| key.to_owned());
        (self.kind == Kind::NoBucket).then(|| Ask { row: self, bucket: bucket.as_str().to_owned(), key })
    }

    /// The row for a key that is not there; `None` if the row is not about such a key.
    pub fn without_key(&'static self, bucket: &str, key: &KeyAt) -> Option<Ask> {
        let key = key.as_str().to_owned();
        (self.kind == Kind::NoKey).then(|| Ask { row: self, bucket: bucket.to_owned(), key: Some(key) })
    }

    /// The row for a bucket that is there; `None` if it is not about its settings.
    pub fn of_bucket(&'static self, bucket: &str) -> Option<Ask> {
        let is_about = matches!(self.kind, Kind::Read | Kind::Setting);
        is_about.then(|| Ask { row: self, bucket: bucket.to_owned(), key: None })
    }
}

impl Ask {
    /// The row.
    pub fn row(&self) -> &'static Row {
        self.row
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The bucket, if it is not there.
    pub fn absent_bucket(&self) -> Option<BucketAt> {
        (self.row.kind == Kind::NoBucket).then(|| BucketAt(self.bucket.clone()))
    }

    /// The key, if it is not there and its bucket is.
    pub fn absent_key(&self) -> Option<KeyAt> {
        self.key.clone().filter(|_| self.row.kind == Kind::NoKey).map(KeyAt)
    }

    /// The body that is sent. A server that takes it for an object stores this.
    pub fn body(&self) -> &'static str {
        self.row.body
    }

    /// The request.
    pub fn request(&self, token: &Token) -> S3Request {
        let method = match self.row.step {
            Step::Read => Method::Get,
            Step::Delete => Method::Delete,
            Step::Write => Method::Put,
        };
        let version = version_of(token);
        let query = self.row.query.iter().map(|(name, value)| {
            let value = match value {
                Value::None => None,
                Value::Text(text) => Some(*text),
                Value::Random => Some(token.as_str()),
                Value::Version => Some(version.as_str()),
            };
            (*name, value)
        });
        let query: Vec<_> = query.collect();
        let request = S3Request::new(method, Some(&self.bucket), self.key.as_deref(), &query);
        if self.row.body.is_empty() { request } else { request.with_body(self.row.body) }
    }
}

/// The id of a version that no object has.
fn version_of(token: &Token) -> String {
    let digits: String =
        token.as_str().bytes().chain(*b"0000attune").take(32).map(|byte| format!("{:x}", byte % 16)).collect();
    let digits = format!("{digits:0<32}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]];
    parts.join("-")
}

/// The list of buckets: whether the keys are alive, and whether a bucket of the run is there.
pub fn list_of_buckets() -> S3Request {
    S3Request::new(Method::Get, None, None, &[])
}

/// What is in a bucket: objects, versions and delete markers, and uploads.
pub fn contents(bucket: &str) -> [S3Request; 3] {
    let list = |query: &[(&str, Option<&str>)]| S3Request::new(Method::Get, Some(bucket), None, query);
    [list(&[("list-type", Some("2"))]), list(&[("versions", None)]), list(&[("uploads", None)])]
}

/// The same request, which says of itself that it comes from [`OTHER_ADDRESS`].
pub fn from_other_address(request: S3Request) -> S3Request {
    S3Request { forwarded_for: Some(OTHER_ADDRESS), ..request }
}

/// An address for documentation (RFC 5737), which nobody has.
pub const OTHER_ADDRESS: &str = "192.0.2.1";

/// Whether a bucket of the run is there.
pub fn is_there(bucket: &BucketAt) -> S3Request {
    S3Request::new(Method::Get, Some(bucket.as_str()), None, &[("location", None)])
}

/// Whether an object of the run is there, with its size.
pub fn is_object_there(bucket: &str, key: &KeyAt) -> S3Request {
    S3Request::new(Method::Get, Some(bucket), Some(key.as_str()), &[])
}

/// The versions and delete markers of a key of the run.
pub fn versions(bucket: &str, key: &KeyAt) -> S3Request {
    S3Request::new(Method::Get, Some(bucket), None, &[("versions", None), ("prefix", Some(key.as_str()))])
}

/// Takes away a bucket that a request of this run made.
pub fn take_bucket_away(bucket: &BucketAt) -> S3Request {
    S3Request::new(Method::Delete, Some(bucket.as_str()), None, &[])
}

/// Takes away an object, a version or a delete marker that a request of this run made.
pub fn take_object_away(bucket: &str, key: &KeyAt, version: Option<&str>) -> S3Request {
    let query: Vec<_> = version.map(|version| ("versionId", Some(version))).into_iter().collect();
    S3Request::new(Method::Delete, Some(bucket), Some(key.as_str()), &query)
}

/// The value of a setting, as text.
pub fn setting(ask: &Ask) -> Option<S3Request> {
    let (name, _) = ask.row.query.first().filter(|_| ask.row.kind == Kind::Setting)?;
    Some(S3Request::new(Method::Get, Some(&ask.bucket), None, &[(name, None)]))
}

/// Puts a setting back that a request of this run changed: its value, or that it has none. `None` if that cannot be sent: a
/// bucket without versioning or object lock does not get there again.
pub fn put_back(ask: &Ask, value: Option<&str>) -> Option<S3Request> {
    let (name, _) = ask.row.query.first().filter(|_| ask.row.kind == Kind::Setting)?;
    let of = |method| S3Request::new(method, Some(&ask.bucket), None, &[(name, None)]);
    match value {
        Some(value) => Some(S3Request { body: value.to_owned(), ..of(Method::Put) }),
        None => matches!(*name, "policy" | "lifecycle" | "tagging").then(|| of(Method::Delete)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{bucket_within, key_within};

    #[test]
    fn no_row_writes_an_object_starts_an_upload_or_makes_a_bucket() {
        let token = Token::new([7; 24]);
        let (bucket, key) = (bucket_within("b-*", &token).unwrap(), key_within("k/*", &token).unwrap());
        for row in ROWS.iter().chain(ROWS_OF_RULES) {
            let ask = row
                .without_bucket(&bucket, "k")
                .or_else(|| row.without_key("there", &key))
                .or_else(|| row.of_bucket("there"));
            let request = ask.unwrap().request(&token);
            let line = request.line();
            match row.step {
                Step::Read => assert!(line.starts_with("GET /") && request.body.is_empty(), "{line}"),
                Step::Delete => assert!(line.starts_with("DELETE /") && line.contains(token.as_str()), "{line}"),
                Step::Write => {
                    assert!(line.starts_with("PUT /") && line.contains('?') && request.wrong_md5, "{line}");
                    assert!(row.kind == Kind::Setting || line.contains(token.as_str()), "{line}");
                }
            }
            assert!(!line.ends_with("?uploads") || row.step == Step::Read, "{line}");
            // Every change is to a name of the run, or to a setting that no server takes.
            assert!(
                row.step == Step::Read || row.kind == Kind::Setting || request.path.contains(token.as_str()),
                "{line}"
            );
        }
        let lines: Vec<String> = ROWS
            .iter()
            .filter(|row| row.kind == Kind::NoKey)
            .map(|row| row.without_key("there", &key).unwrap().request(&token).line())
            .collect();
        assert_eq!(lines.iter().filter(|line| line.starts_with("DELETE") && line.contains("versionId=")).count(), 1);
    }

    #[test]
    fn every_word_is_one_of_the_table_of_requests() {
        assert!(ROWS_OF_RULES.iter().all(|row| row.step != Step::Write));
        for row in ROWS.iter().chain(ROWS_OF_RULES) {
            assert!(crate::policy::access::RequestKind::of_word(row.word).is_some(), "{}", row.word);
        }
    }
}
