//! Sends requests to an S3 service.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method as HttpMethod, Response};
use secrecy::ExposeSecret;

use super::answer::S3Answer;
use super::endpoint::S3Endpoint;
use super::keys::S3Keys;
use super::request::{Method, S3Request, WRONG_MD5};
use crate::cluster::rest::{Trust, TrustProblem, WebClient};

/// How to reach an S3 service.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Its address.
    pub endpoint: S3Endpoint,
    /// The region of signatures.
    pub region: String,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// An S3 service.
#[derive(Debug)]
pub struct S3Client {
    web: WebClient,
    endpoint: S3Endpoint,
    region: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct S3Problem {
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the request was not sent, so that it changed nothing.
    pub not_sent: bool,
}

const CONNECT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes: the list of 100,000 buckets is below it.
const MAX_ANSWER: usize = 16 << 20;

const AGENT: &str = concat!("attune-verify/", env!("CARGO_PKG_VERSION"));

impl S3Client {
    /// A client. Sends nothing yet.
    pub fn new(options: S3Options) -> Result<Self, TrustProblem> {
        let S3Options { endpoint, region, trust, timeout } = options;
        let trust = if endpoint.is_encrypted() { trust } else { Trust::Anyone };
        Ok(Self { web: WebClient::new(&trust, AGENT, CONNECT, timeout)?, endpoint, region })
    }

    /// The address.
    pub fn endpoint(&self) -> &S3Endpoint {
        &self.endpoint
    }

    /// Sends a request once: signed with these keys, or without a login.
    pub async fn send(&self, request: &S3Request, keys: Option<&S3Keys>) -> Result<S3Answer, S3Problem> {
        let not_sent = |message: &str| S3Problem { message: message.to_owned(), help: None, not_sent: true };
        let url = self.endpoint.url(&request.path, &request.query);
        let url = url.ok_or_else(|| not_sent("not sent: a URL does not carry this name unchanged"))?;
        let headers =
            self.headers(request, url.as_str(), keys).ok_or_else(|| not_sent("not sent: it cannot be signed"))?;
        let method = match request.method {
            Method::Get => HttpMethod::GET,
            Method::Put => HttpMethod::PUT,
            Method::Delete => HttpMethod::DELETE,
        };
        let sent = self.web.client().request(method, url).headers(headers).body(request.body.clone()).send().await;
        let response = sent.map_err(|error| self.problem(&error.without_url()))?;
        tracing::debug!(request = request.line(), signed = keys.is_some(), status = response.status().as_u16(), "call");
        self.read(response).await
    }

    fn headers(&self, request: &S3Request, url: &str, keys: Option<&S3Keys>) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut signed = Vec::new();
        if let Some(address) = request.forwarded_for {
            headers.insert("x-forwarded-for", HeaderValue::from_static(address));
        }
        if request.wrong_md5 {
            headers.insert("content-md5", HeaderValue::from_static(WRONG_MD5));
            signed.push(("content-md5", WRONG_MD5));
        }
        let Some(keys) = keys else { return Some(headers) };
        let token = keys.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let identity =
            Credentials::new(&*keys.access_key, keys.secret_key.expose_secret(), token, None, "attune").into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params =
            v4::SigningParams::builder().identity(&identity).region(&self.region).name("s3").time(SystemTime::now());
        let params = params.settings(settings).build().ok()?.into();
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method.name(), url, signed.into_iter(), body).ok()?;
        let (instructions, _) = sign(signable, &params).ok()?.into_parts();
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
        }
        Some(headers)
    }

    async fn read(&self, mut response: Response) -> Result<S3Answer, S3Problem> {
        let header =
            |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, date) = (header(CONTENT_TYPE).unwrap_or_default(), header(DATE));
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.problem(&error.without_url()))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                let message = format!("the answer of {} is longer than {} MiB", self.endpoint, MAX_ANSWER >> 20);
                return Err(S3Problem { message, help: None, not_sent: false });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(S3Answer::new(status, String::from_utf8_lossy(&bytes).into_owned(), &content_type, date.as_deref()))
    }

    fn problem(&self, error: &reqwest::Error) -> S3Problem {
        let endpoint = &self.endpoint;
        let why = WebClient::why(error);
        if error.is_connect() {
            let certificate = self.web.certificate_of(endpoint.host()).filter(|_| why.contains("certificate"));
            let help = certificate.map_or_else(
                || "check the address and that its port can be reached from here".to_owned(),
                |certificate| {
                    format!(
                        "{} presents the certificate {certificate}; if `openssl x509 -noout -fingerprint -sha256` says the same of \
                         the service's own, set s3_fingerprint = \"{certificate}\" or s3_ca_file under [cluster]",
                        endpoint.host()
                    )
                },
            );
            return S3Problem {
                message: format!("no connection to {endpoint}: {why}"),
                help: Some(help),
                not_sent: true,
            };
        }
        let message = match error.is_timeout() {
            true => format!("{endpoint} did not answer in time"),
            false => format!("the connection to {endpoint} broke before the whole answer: {why}"),
        };
        S3Problem { message, help: None, not_sent: false }
    }
}
