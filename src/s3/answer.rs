//! What an S3 service answers, and what an answer tells.

use quick_xml::de::from_str;
use serde::Deserialize;
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// An answer of an S3 service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Code` of an error, if the answer is one of S3.
    pub code: Option<String>,
    /// The body, as far as it is text.
    pub body: String,
    /// Whether the body says that it is a page for people.
    pub is_page: bool,
    /// The time of the service, in seconds since 1970.
    pub time: Option<i64>,
}

/// What an answer tells about the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// The service denies it.
    Denied,
    /// The service lets it through: what it then answers is about the bucket, the key or the body.
    LetThrough,
    /// The keys are no good, so that nothing is told.
    Failing(Failing),
    /// The service is busy: the same request may be sent again.
    Busy,
    /// Nothing is told, for this reason.
    Unclear(String),
}

/// Why keys are no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failing {
    /// The service does not know the access key.
    Unknown,
    /// The secret key is not that of the access key.
    Secret,
    /// The clock of this machine is ahead of the service by so many seconds, or behind, if that is known.
    Clock(Option<i64>),
    /// The temporary credentials have expired, or their token is no good.
    Token,
    /// The signature is for another region.
    Region,
}

/// The error of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
    server_time: Option<String>,
}

/// A version or delete marker in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// The key.
    pub key: String,
    /// The id of the version.
    pub version_id: String,
    /// The size in bytes. A delete marker has none.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
struct Versions {
    #[serde(rename = "$value", default)]
    entries: Vec<VersionsEntry>,
}

#[derive(Deserialize)]
enum VersionsEntry {
    Version(Version),
    DeleteMarker(Version),
    #[serde(other)]
    Other,
}

/// A list of what is in a bucket.
#[derive(Deserialize)]
enum Contents {
    #[serde(rename = "ListBucketResult")]
    Objects(Listing),
    #[serde(rename = "ListVersionsResult")]
    Versions(Listing),
    #[serde(rename = "ListMultipartUploadsResult")]
    Uploads(Listing),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    is_truncated: String,
    #[serde(default)]
    contents: Vec<IgnoredAny>,
    #[serde(default)]
    version: Vec<IgnoredAny>,
    #[serde(default)]
    delete_marker: Vec<IgnoredAny>,
    #[serde(default)]
    upload: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
enum VersioningRoot {
    VersioningConfiguration(Versioning),
}

/// The versioning of a bucket.
#[derive(Deserialize)]
struct Versioning {
    #[serde(rename = "Status")]
    status: Option<String>,
}

#[derive(Deserialize)]
struct BucketList {
    #[serde(rename = "Buckets")]
    buckets: Option<Buckets>,
}

#[derive(Deserialize)]
struct Buckets {
    #[serde(rename = "Bucket", default)]
    buckets: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Name")]
    name: String,
}

impl S3Answer {
    pub(super) fn new(status: u16, body: String, content_type: &str, date: Option<&str>) -> Self {
        let refusal: Option<Refusal> = (status >= 300).then(|| from_str(&body).ok()).flatten();
        let is_code = |code: &String| {
            (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        };
        let of_error = refusal.as_ref().and_then(|refusal| refusal.server_time.as_deref());
        let time = of_error.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let time = time.or_else(|| OffsetDateTime::parse(&date?.replace("GMT", "+0000"), &Rfc2822).ok());
        Self {
            status,
            code: refusal.map(|refusal| refusal.code).filter(is_code),
            is_page: content_type.to_ascii_lowercase().starts_with("text/html"),
            body,
            time: time.map(OffsetDateTime::unix_timestamp),
        }
    }

    /// What it tells. `now` is the time of this machine, in seconds since 1970.
    pub fn class(&self, now: i64) -> Class {
        if self.is_page {
            return Class::Unclear("the answer is a page for people, not one of S3".to_owned());
        }
        let code = self.code.as_deref();
        match (self.status, code) {
            (_, Some("InvalidAccessKeyId")) => Class::Failing(Failing::Unknown),
            (_, Some("SignatureDoesNotMatch")) => Class::Failing(Failing::Secret),
            (_, Some("RequestTimeTooSkewed")) => Class::Failing(Failing::Clock(self.time.map(|time| now - time))),
            (_, Some("ExpiredToken" | "InvalidToken" | "InvalidTokenId" | "TokenRefreshRequired")) => {
                Class::Failing(Failing::Token)
            }
            (_, Some("AuthorizationHeaderMalformed")) => Class::Failing(Failing::Region),
            (429 | 503, _) | (_, Some("SlowDown" | "ServiceUnavailable" | "XMinioServerNotInitialized")) => Class::Busy,
            (403, Some("AccessDenied")) => Class::Denied,
            (200..=299, _) => Class::LetThrough,
            (300..=399, _) => {
                Class::Unclear("the service sends the request elsewhere, and attune does not follow".to_owned())
            }
            (405 | 501, _) | (_, Some("NotImplemented" | "MethodNotAllowed")) => {
                Class::Unclear("the service does not have this request".to_owned())
            }
            (400 | 404 | 409..=412 | 416, Some(_)) => Class::LetThrough,
            (status, Some(code)) => Class::Unclear(format!("the service answers {status} {code}")),
            (status, None) => Class::Unclear(format!("the answer {status} is not one of S3")),
        }
    }

    /// Whether the service carried the request out.
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The status with the code, such as `404 NoSuchBucket`.
    pub fn brief(&self) -> String {
        self.code.as_ref().map_or_else(|| self.status.to_string(), |code| format!("{} {code}", self.status))
    }

    /// The buckets of a list of buckets; `None` if it is none.
    pub fn buckets(&self) -> Option<Vec<String>> {
        let list: BucketList = from_str(&self.body).ok().filter(|_| self.status == 200)?;
        Some(list.buckets.into_iter().flat_map(|buckets| buckets.buckets).map(|bucket| bucket.name).collect())
    }

    /// Whether this is the whole list of what is in a bucket, and nothing is in it.
    pub fn lists_nothing(&self) -> bool {
        let list = from_str::<Contents>(&self.body).ok().filter(|_| self.status == 200);
        let Some(Contents::Objects(list) | Contents::Versions(list) | Contents::Uploads(list)) = list else {
            return false;
        };
        let listed = [list.contents, list.version, list.delete_marker, list.upload];
        list.is_truncated == "false" && listed.iter().all(Vec::is_empty)
    }

    /// Whether a bucket with this versioning never had versions; `None` if it is no versioning.
    pub fn has_no_versions(&self) -> Option<bool> {
        let root: VersioningRoot = from_str(&self.body).ok().filter(|_| self.status == 200)?;
        let VersioningRoot::VersioningConfiguration(versioning) = root;
        Some(versioning.status.is_none())
    }

    /// The versions and delete markers of a list of versions; `None` if it is none.
    pub fn versions(&self) -> Option<Vec<Version>> {
        let list: Versions = from_str(&self.body).ok().filter(|_| self.status == 200)?;
        let versions = list.entries.into_iter().filter_map(|entry| match entry {
            VersionsEntry::Version(version) | VersionsEntry::DeleteMarker(version) => Some(version),
            VersionsEntry::Other => None,
        });
        Some(versions.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> S3Answer {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>m</Message><ServerTime>2030-01-01T00:00:00Z</ServerTime></Error>"
        );
        S3Answer::new(status, body, "application/xml", None)
    }

    #[test]
    fn an_answer_tells_denied_from_let_through() {
        for (status, code, class) in [
            (403, "AccessDenied", Class::Denied),
            (404, "NoSuchBucket", Class::LetThrough),
            (400, "MalformedXML", Class::LetThrough),
            (400, "BadDigest", Class::LetThrough),
            (403, "InvalidAccessKeyId", Class::Failing(Failing::Unknown)),
            (403, "SignatureDoesNotMatch", Class::Failing(Failing::Secret)),
            (403, "RequestTimeTooSkewed", Class::Failing(Failing::Clock(Some(60)))),
            (400, "ExpiredToken", Class::Failing(Failing::Token)),
            (503, "SlowDown", Class::Busy),
        ] {
            assert_eq!(answer(status, code).class(1_893_456_060), class, "{status} {code}");
        }
        for (status, body) in [
            (403, ""),
            (403, "<html>no</html>"),
            (404, "nothing here"),
            (500, "<Error><Code>InternalError</Code></Error>"),
            (302, ""),
            (501, "<Error><Code>NotImplemented</Code></Error>"),
            (403, "<Error><Code>\u{1b}[2J</Code></Error>"),
        ] {
            let class = S3Answer::new(status, body.to_owned(), "", None).class(0);
            assert!(matches!(class, Class::Unclear(_)), "{status} {body}: {class:?}");
        }
        let page = S3Answer::new(200, "<html></html>".to_owned(), "text/html; charset=utf-8", None);
        assert!(matches!(page.class(0), Class::Unclear(_)));
    }

    #[test]
    fn an_empty_bucket_has_nothing_in_any_list() {
        let nothing = |body: &str| S3Answer::new(200, body.to_owned(), "application/xml", None).lists_nothing();
        let list = |of: &str, inside: &str| {
            format!(
                "<{of} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix>{inside}</{of}>"
            )
        };
        for of in ["ListBucketResult", "ListVersionsResult", "ListMultipartUploadsResult"] {
            assert!(nothing(&list(of, "<IsTruncated>false</IsTruncated><MaxKeys>1000</MaxKeys>")), "{of}");
            assert!(!nothing(&list(of, "<IsTruncated>true</IsTruncated>")) && !nothing(&list(of, "")), "{of}");
            for entry in ["Contents", "Version", "DeleteMarker", "Upload"] {
                let inside = format!("<{entry}><Key>k</Key></{entry}><IsTruncated>false</IsTruncated>");
                assert!(!nothing(&list(of, &inside)), "{of} {entry}");
            }
        }
        assert!(!nothing(&list("ListAllMyBucketsResult", "<IsTruncated>false</IsTruncated>")) && !nothing("{}"));
    }

    #[test]
    fn versioning_is_read() {
        let plain = |body: &str| S3Answer::new(200, body.to_owned(), "application/xml", None).has_no_versions();
        let xmlns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        assert_eq!(plain(&format!("<VersioningConfiguration {xmlns}/>")), Some(true));
        assert_eq!(plain(&format!("<VersioningConfiguration {xmlns}></VersioningConfiguration>")), Some(true));
        for status in ["<Status>Enabled</Status>", "<Status >Suspended</Status>", "\n <Status>\nEnabled</Status>"] {
            let body = format!("<VersioningConfiguration {xmlns}>{status}</VersioningConfiguration>");
            assert_eq!(plain(&body), Some(false), "{status}");
        }
        for other in ["", "<html></html>", "<VersioningConfiguration>", "<LocationConstraint/>"] {
            assert_eq!(plain(other), None, "{other}");
        }
    }

    #[test]
    fn lists_are_read() {
        let ok =
            |body: &str| S3Answer::new(200, body.to_owned(), "application/xml", Some("Tue, 01 Jan 2030 00:00:00 GMT"));
        let list = ok(
            "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>i</ID></Owner><Buckets><Bucket><Name>a</Name><CreationDate>d</CreationDate></Bucket><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>",
        );
        assert_eq!(list.buckets().unwrap(), ["a", "b"]);
        assert_eq!(list.time, Some(1_893_456_000));
        let versions = ok(
            "<ListVersionsResult><Name>b</Name><Version><Key>k</Key><VersionId>1</VersionId><Size>1</Size></Version><DeleteMarker><Key>k</Key><VersionId>2</VersionId></DeleteMarker></ListVersionsResult>",
        );
        let ids: Vec<_> = versions.versions().unwrap().into_iter().map(|of| (of.version_id, of.size)).collect();
        assert_eq!(ids, [("1".to_owned(), Some(1)), ("2".to_owned(), None)]);
        assert_eq!(
            ok("<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>").buckets().unwrap(),
            Vec::<String>::new()
        );
    }
}
