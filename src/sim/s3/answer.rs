//! Answers of the S3 service: XML documents, and errors with their codes.

use std::fmt;

use axum::http::{HeaderName, HeaderValue, StatusCode};

use crate::sim::http::HttpResponse;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Error {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Further members of the document.
    more: Vec<(&'static str, String)>,
}

impl S3Error {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), more: Vec::new() }
    }

    /// The error with this code, in its usual words.
    pub(super) fn of(code: &'static str) -> Self {
        Self::new(code, known(code).map_or(INVALID, |(_, _, message)| message))
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, more } = self;
        write!(f, "{XML}\n<Error><Code>{code}</Code><Message>{}</Message>", escaped(message))?;
        for (name, value) in more {
            write!(f, "<{name}>{}</{name}>", escaped(value))?;
        }
        f.write_str("</Error>")
    }
}

impl From<S3Error> for HttpResponse {
    fn from(error: S3Error) -> Self {
        let status = known(error.code).and_then(|(_, status, _)| StatusCode::from_u16(*status).ok());
        respond(status.unwrap_or(StatusCode::BAD_REQUEST), error.to_string())
    }
}

const INVALID: &str = "The request is not valid";

/// The errors: their codes, statuses and usual words. All others are 400.
static ERRORS: [(&str, u16, &str); 28] = [
    ("AccessDenied", 403, "Access Denied."),
    ("BadDigest", 400, "The Content-Md5 you specified did not match what we received."),
    ("BucketAlreadyExists", 409, INVALID),
    ("BucketAlreadyOwnedByYou", 409, INVALID),
    ("BucketNotEmpty", 409, "The bucket you tried to delete is not empty."),
    ("ExpiredToken", 400, "The provided token has expired."),
    ("InternalError", 500, "We encountered an internal error, please try again."),
    ("InvalidAccessKeyId", 403, "The Access Key Id you provided does not exist in our records."),
    ("InvalidBucketState", 409, INVALID),
    ("InvalidDigest", 400, "The Content-Md5 you specified is not valid."),
    ("InvalidToken", 400, "The security token included in the request is invalid"),
    ("InvalidTokenId", 403, "The security token included in the request is invalid"),
    ("MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema."),
    ("MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
    ("MissingContentMD5", 400, "Missing required header for this request: Content-Md5."),
    ("NoSuchBucket", 404, "The specified bucket does not exist"),
    ("NoSuchBucketPolicy", 404, "The bucket policy does not exist"),
    ("NoSuchKey", 404, "The specified key does not exist."),
    ("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"),
    ("NoSuchObjectLockConfiguration", 404, INVALID),
    ("NoSuchTagSet", 404, "The TagSet does not exist"),
    (
        "NoSuchUpload",
        404,
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been \
         aborted or completed.",
    ),
    ("NotImplemented", 501, "A header or query you provided implies functionality that is not implemented"),
    ("ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket"),
    ("RequestTimeTooSkewed", 403, INVALID),
    ("ServiceUnavailable", 503, "The S3 service is deleted"),
    ("SignatureDoesNotMatch", 403, INVALID),
    ("SlowDown", 503, "Please reduce your request rate."),
];

/// The error with this code, which a fault can name.
pub(super) fn known(code: &str) -> Option<&'static (&'static str, u16, &'static str)> {
    ERRORS.iter().find(|(known, ..)| *known == code)
}

pub(super) fn respond(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse { status, content_type: "application/xml", headers: Vec::new(), body }
}

pub(super) fn ok(body: impl fmt::Display) -> HttpResponse {
    respond(StatusCode::OK, format!("{XML}\n{body}"))
}

pub(super) fn done(status: StatusCode) -> HttpResponse {
    respond(status, String::new())
}

pub(super) fn with_header(mut response: HttpResponse, name: &'static str, value: &str) -> HttpResponse {
    let value = HeaderValue::try_from(value);
    response.headers.extend(value.ok().map(|value| (HeaderName::from_static(name), value)));
    response
}

/// A document of the namespace of S3.
pub(super) fn document(name: &str, inside: impl fmt::Display) -> String {
    format!(r#"<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</{name}>"#)
}

pub(super) fn element(name: &str, text: impl fmt::Display) -> String {
    format!("<{name}>{}</{name}>", escaped(&text.to_string()))
}

pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", letter as u32)),
            letter if letter.is_control() => escaped.push('\u{FFFD}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
