//! A request to an S3 service, as it is sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What S3 leaves as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What S3 leaves as it is in the value of a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A `Content-MD5` that fits none of the bodies that are sent: a server that reads the body refuses it.
pub(super) const WRONG_MD5: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

/// The method of a request. No other is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Get,
    Put,
    Delete,
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A request to an S3 service. Only the table of harmless requests makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Request {
    pub(super) method: Method,
    /// The path, encoded.
    pub(super) path: String,
    /// The query, encoded.
    pub(super) query: String,
    pub(super) body: String,
    /// Whether it has a `Content-MD5` that does not fit the body.
    pub(super) wrong_md5: bool,
    /// The address that the header `X-Forwarded-For` names.
    pub(super) forwarded_for: Option<&'static str>,
}

impl S3Request {
    /// A request about a bucket, or a key in it. Without a bucket it is about the list of buckets.
    pub(super) fn new(method: Method, bucket: Option<&str>, key: Option<&str>, query: &[(&str, Option<&str>)]) -> Self {
        let encoded = |text: &str| utf8_percent_encode(text, PATH).to_string();
        let bucket = bucket.map(|bucket| utf8_percent_encode(bucket, QUERY).to_string()).unwrap_or_default();
        let path = key.map_or_else(|| format!("/{bucket}"), |key| format!("/{bucket}/{}", encoded(key)));
        let query = query.iter().map(|(name, value)| {
            let value = value.map(|value| utf8_percent_encode(value, QUERY).to_string()).unwrap_or_default();
            format!("{name}={value}")
        });
        let query = query.collect::<Vec<_>>().join("&");
        Self { method, path, query, body: String::new(), wrong_md5: false, forwarded_for: None }
    }

    pub(super) fn with_body(self, body: &str) -> Self {
        Self { body: body.to_owned(), wrong_md5: true, ..self }
    }

    /// The method and the path with the query, as they are sent.
    pub fn line(&self) -> String {
        let query = self.query.trim_end_matches('=');
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{query}", self.method.name(), self.path)
    }
}
