//! Signatures of requests: AWS Signature Version 4 in the header `Authorization`.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};
use time::format_description::parse_borrowed;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::sim::http::{HttpRequest, pairs};
use crate::sim::s3::answer::S3Error;

/// How far the clock of a client may be from that of the service, in seconds.
const MAX_SKEW: i64 = 15 * 60;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const PAYLOAD_HASH: &str = "x-amz-content-sha256";

/// The header `Authorization` of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) access_key: String,
    /// The day, such as `20260131`.
    day: String,
    pub(super) region: String,
    /// The names of the headers that are signed, as they were sent.
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    pub(super) fn parse(header: &str) -> Result<Self, S3Error> {
        let malformed = || S3Error::new("AuthorizationHeaderMalformed", "The authorization header is malformed");
        let Some(rest) = header.strip_prefix(ALGORITHM) else {
            return Err(S3Error::new("InvalidArgument", "Unsupported Authorization Type"));
        };
        let part = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).ok_or_else(malformed)
        };
        let (credential, headers, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let scope: Vec<&str> = credential.rsplitn(5, '/').collect();
        let ["aws4_request", "s3", region, day, access_key] = scope.as_slice() else { return Err(malformed()) };
        Ok(Self {
            access_key: (*access_key).to_owned(),
            day: (*day).to_owned(),
            region: (*region).to_owned(),
            signed_headers: headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }

    /// Checks the time, the signature, and the digest of the body.
    pub(super) fn check(&self, request: &HttpRequest, secret_key: &str, now: OffsetDateTime) -> Result<(), S3Error> {
        let time = self.time(request, now)?;
        self.check_headers(request)?;
        let Some(payload) = request.header(PAYLOAD_HASH) else {
            let message = "Missing required header for this request: x-amz-content-sha256";
            return Err(S3Error::new("InvalidRequest", message));
        };
        let signature = self.sign(&self.canonical(request, &payload), &time, secret_key);
        if signature != self.signature {
            let message = "The request signature we calculated does not match the signature you provided. Check your key \
                           and signing method.";
            return Err(S3Error::new("SignatureDoesNotMatch", message));
        }
        let is_digest = payload.len() == 64 && payload.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest && payload.to_ascii_lowercase() != hex::encode(Sha256::digest(&request.body)) {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(S3Error::new("XAmzContentSHA256Mismatch", message));
        }
        Ok(())
    }

    fn time(&self, request: &HttpRequest, now: OffsetDateTime) -> Result<String, S3Error> {
        let of_date = |text: String| Some(compact(OffsetDateTime::parse(&text, &Rfc2822).ok()?));
        let text = request.header("x-amz-date").or_else(|| of_date(request.header("date")?)).unwrap_or_default();
        let time = instant(&text).ok_or_else(|| {
            S3Error::new("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        })?;
        let skew = (now - time).whole_seconds().abs();
        if skew > MAX_SKEW {
            let message = "The difference between the request time and the current time is too large.";
            let server_time = now.format(&Rfc3339).unwrap_or_default();
            return Err(S3Error::new("RequestTimeTooSkewed", message)
                .with("RequestTime", &text)
                .with("ServerTime", &server_time)
                .with("MaxAllowedSkewMilliseconds", &(MAX_SKEW * 1000).to_string()));
        }
        if !text.starts_with(&self.day) {
            let message = "The authorization header is malformed; Invalid credential date.";
            return Err(S3Error::new("AuthorizationHeaderMalformed", message));
        }
        Ok(text)
    }

    /// The host and every header of this service have to be signed.
    fn check_headers(&self, request: &HttpRequest) -> Result<(), S3Error> {
        let names = request.headers.keys().map(|name| name.as_str());
        let mut unsigned: Vec<&str> = names.filter(|name| *name == "host" || name.starts_with("x-amz-")).collect();
        unsigned.retain(|name| !self.signed_headers.iter().any(|signed| signed == name));
        if unsigned.is_empty() {
            return Ok(());
        }
        let message = "There were headers present in the request which were not signed";
        Err(S3Error::new("AccessDenied", message).with("HeadersNotSigned", &unsigned.join(", ")))
    }

    fn canonical(&self, request: &HttpRequest, payload: &str) -> String {
        let mut text = format!("{}\n{}\n", request.method, encoded_path(&request.path));
        let _ = writeln!(text, "{}", canonical_query(request.query.as_deref().unwrap_or_default()));
        for name in &self.signed_headers {
            let values: Vec<String> =
                request.headers.get_all(name).iter().map(|value| one_line(value.as_bytes())).collect();
            let _ = writeln!(text, "{name}:{}", values.join(","));
        }
        let _ = write!(text, "\n{}\n{payload}", self.signed_headers.join(";"));
        text
    }

    fn sign(&self, canonical: &str, time: &str, secret_key: &str) -> String {
        let scope = format!("{}/{}/s3/aws4_request", self.day, self.region);
        let digest = hex::encode(Sha256::digest(canonical));
        let key = [self.day.as_str(), &self.region, "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret_key}").into_bytes(), |key, part| mac(&key, part));
        hex::encode(mac(&key, &format!("{ALGORITHM}\n{time}\n{scope}\n{digest}")))
    }
}

/// A time such as `20260131T120000Z`.
fn instant(text: &str) -> Option<OffsetDateTime> {
    let format = parse_borrowed::<2>("[year][month][day]T[hour][minute][second]Z").ok()?;
    Some(PrimitiveDateTime::parse(text, &format).ok()?.assume_utc())
}

fn compact(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default().replace(['-', ':'], "")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of this algorithm may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_PATH: AsciiSet = ENCODED.remove(b'/');

fn encoded_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&decoded, &ENCODED_PATH).to_string()
}

fn canonical_query(query: &str) -> String {
    let again = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&decoded, &ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = pairs(query).map(|(name, value)| (again(name), again(value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A value without blanks at its ends, and with single ones inside.
fn one_line(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn request(method: &Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> HttpRequest {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap()));
        HttpRequest {
            method: method.clone(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: headers.collect::<HeaderMap>(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: false,
            body: body.into(),
        }
    }

    fn signed(signed_headers: &str, signature: &str) -> Authorization {
        let text = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed_headers},\
             Signature={signature}"
        );
        Authorization::parse(&text).unwrap()
    }

    fn then() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_369_353_600).unwrap()
    }

    /// The examples of the vendor's page on signatures in a header.
    #[test]
    fn the_published_examples_are_valid_and_nothing_near_them() {
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let date = ("x-amz-date", "20130524T000000Z");
        let empty = (PAYLOAD_HASH, EMPTY);
        let put = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let cases = [
            (
                request(&Method::GET, "/test.txt", &[host, ("range", "bytes=0-9"), empty, date], ""),
                signed(
                    "host;range;x-amz-content-sha256;x-amz-date",
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                ),
            ),
            (
                request(
                    &Method::PUT,
                    "/test%24file.text",
                    &[
                        host,
                        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                        date,
                        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                        (PAYLOAD_HASH, put),
                    ],
                    "Welcome to Amazon S3.",
                ),
                signed(
                    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
                ),
            ),
            (
                request(&Method::GET, "/?lifecycle", &[host, date, empty], ""),
                signed(
                    "host;x-amz-content-sha256;x-amz-date",
                    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
                ),
            ),
            (
                request(&Method::GET, "/?max-keys=2&prefix=J", &[host, date, empty], ""),
                signed(
                    "host;x-amz-content-sha256;x-amz-date",
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
                ),
            ),
        ];
        let code = |result: Result<(), S3Error>| result.unwrap_err().code;
        for (mut request, authorization) in cases {
            authorization.check(&request, SECRET_KEY, then()).unwrap();
            assert_eq!(code(authorization.check(&request, "other", then())), "SignatureDoesNotMatch");
            let later = then() + time::Duration::minutes(16);
            let skewed = authorization.check(&request, SECRET_KEY, later).unwrap_err();
            assert_eq!(skewed.code, "RequestTimeTooSkewed");
            assert!(skewed.to_string().contains("<ServerTime>2013-05-24T00:16:00Z</ServerTime>"), "{skewed}");
            request.headers.insert("x-amz-acl", HeaderValue::from_static("public-read"));
            assert_eq!(code(authorization.check(&request, SECRET_KEY, then())), "AccessDenied");
            request.headers.remove("x-amz-acl");
            request.body = "something else".into();
            assert_eq!(code(authorization.check(&request, SECRET_KEY, then())), "XAmzContentSHA256Mismatch");
            request.path.push('x');
            assert_eq!(code(authorization.check(&request, SECRET_KEY, then())), "SignatureDoesNotMatch");
        }
    }

    #[test]
    fn queries_and_paths_are_encoded_once_and_sorted() {
        assert_eq!(canonical_query("uploads&a=%7e&b=a%20b&A=*"), "A=%2A&a=~&b=a%20b&uploads=");
        assert_eq!(encoded_path("/b/a%20b/%E2%82%AC+"), "/b/a%20b/%E2%82%AC%2B");
    }

    #[test]
    fn a_header_that_is_no_signature_is_an_error() {
        for (text, code) in [
            ("AWS AKIA:sig", "InvalidArgument"),
            ("Bearer x", "InvalidArgument"),
            ("AWS4-HMAC-SHA256 Credential=a/b", "AuthorizationHeaderMalformed"),
            (
                "AWS4-HMAC-SHA256 Credential=a/20130524/r/iam/aws4_request, SignedHeaders=host, Signature=x",
                "AuthorizationHeaderMalformed",
            ),
        ] {
            assert_eq!(Authorization::parse(text).unwrap_err().code, code, "{text}");
        }
        let with_slash = "AWS4-HMAC-SHA256 Credential=a/b/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=x";
        assert_eq!(Authorization::parse(with_slash).unwrap().access_key, "a/b");
    }
}
