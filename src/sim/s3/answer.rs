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
        Self::new(code, message(code))
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        status(self.code)
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
        respond(error.status(), error.to_string())
    }
}

/// The code that a text is, so that a fault can name one.
pub(super) fn code(text: &str) -> Option<&'static str> {
    const CODES: [&str; 12] = [
        "AccessDenied",
        "BadDigest",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidTokenId",
        "MalformedXML",
        "MethodNotAllowed",
        "NoSuchBucket",
        "NoSuchKey",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "SlowDown",
    ];
    CODES.into_iter().find(|code| *code == text)
}

fn status(code: &str) -> StatusCode {
    match code {
        "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "InvalidTokenId" => {
            StatusCode::FORBIDDEN
        }
        "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchUpload"
        | "NoSuchVersion"
        | "NoSuchTagSet"
        | "NoSuchBucketPolicy"
        | "NoSuchLifecycleConfiguration"
        | "NoSuchObjectLockConfiguration"
        | "ObjectLockConfigurationNotFoundError" => StatusCode::NOT_FOUND,
        "MethodNotAllowed" => StatusCode::METHOD_NOT_ALLOWED,
        "BucketNotEmpty" | "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "InvalidBucketState" => {
            StatusCode::CONFLICT
        }
        "MissingContentLength" => StatusCode::LENGTH_REQUIRED,
        "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
        "ServiceUnavailable" | "SlowDown" => StatusCode::SERVICE_UNAVAILABLE,
        "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn message(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied.",
        "BadDigest" => "The Content-Md5 you specified did not match what we received.",
        "BucketNotEmpty" => "The bucket you tried to delete is not empty.",
        "ExpiredToken" => "The provided token has expired.",
        "InvalidAccessKeyId" => "The Access Key Id you provided does not exist in our records.",
        "InvalidDigest" => "The Content-Md5 you specified is not valid.",
        "InternalError" => "We encountered an internal error, please try again.",
        "InvalidTokenId" | "InvalidToken" => "The security token included in the request is invalid",
        "MalformedXML" => "The XML you provided was not well-formed or did not validate against our published schema.",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentMD5" => "Missing required header for this request: Content-Md5.",
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchBucketPolicy" => "The bucket policy does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        "NoSuchLifecycleConfiguration" => "The lifecycle configuration does not exist",
        "NoSuchTagSet" => "The TagSet does not exist",
        "NoSuchUpload" => {
            "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been \
             aborted or completed."
        }
        "NotImplemented" => "A header or query you provided implies functionality that is not implemented",
        "ObjectLockConfigurationNotFoundError" => "Object Lock configuration does not exist for this bucket",
        "ServiceUnavailable" => "The S3 service is deleted",
        "SlowDown" => "Please reduce your request rate.",
        _ => "The request is not valid",
    }
}

/// A response with an XML document, or with nothing.
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
