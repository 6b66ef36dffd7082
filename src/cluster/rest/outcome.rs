//! Whether a call succeeded: judges an answer, or the error of a call without one.

use std::error::Error;
use std::io;

use reqwest::StatusCode;
use rustls::CertificateError;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::Read;
use super::endpoints::Endpoint;
use super::requests::Request;
use super::tls::{Presented, chain_error};
use crate::cluster::error::{NOT_SHOWN, clean, quoted};
use crate::cluster::json::Expected;
use crate::cluster::key_pair::{self, mentions_secret};
use crate::cluster::{CallError, Effect};

pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a str,
}

/// Reads a successful answer; any other one is an error. The error does not quote `token`, the token of the call.
pub(super) fn judge<T>(
    request: &Request,
    answer: &Answer<'_>,
    token: Option<&SecretString>,
    read: Read<T>,
) -> Result<T, CallError> {
    let secrets: Vec<&SecretString> = token.into_iter().chain(&request.secret).collect();
    if answer.status == StatusCode::NO_CONTENT {
        return read("null").map_err(|expected| unreadable(request, expected, "", &secrets));
    }
    let keep = |error: CallError, keep: bool| if keep { error.with_answer(answer.body.as_bytes()) } else { error };
    let error = match error_of_success(answer.body) {
        None if answer.status.is_success() => {
            let unreadable = |expected| unreadable(request, expected, answer.body, &secrets);
            let has_message = request.makes_keys && key_pair::has_only_a_message(answer.body, &request.names);
            let read = read(answer.body).or_else(|expected| if has_message { read("null") } else { Err(expected) });
            return read.map_err(|expected| keep(unreadable(expected), request.makes_keys && !has_message));
        }
        Some(error) if answer.status.is_success() => failed_success(request, answer.status, &error, &secrets),
        None | Some(_) => refusal(request, answer, &secrets),
    };
    Err(keep(error, request.makes_keys && mentions_secret(answer.body)))
}

pub(super) fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

fn refusal(request: &Request, answer: &Answer<'_>, secrets: &[&SecretString]) -> CallError {
    let words = words_of(request, answer, secrets);
    let mut message = status_line(answer.status);
    if !words.is_empty() {
        message = message + ": " + &words;
    }
    let error = CallError::new(request.call(), effect_of(answer.status), message);
    CallError { busy: is_busy(answer.status), help: help_for(answer), ..error }
}

/// An answer with the status of a success and an unexpected body. The outcome is unknown.
fn unreadable(request: &Request, Expected(expected): Expected, body: &str, secrets: &[&SecretString]) -> CallError {
    let shown = quoted(body, secrets, request.confidential);
    let message = format!("the answer does not hold {expected}; it is: {shown}");
    let error = CallError::new(request.call(), Effect::UnknownOutcome, message);
    if body.trim_start().starts_with('<') { error.help(NOT_THE_CLUSTER) } else { error }
}

const NOT_THE_CLUSTER: &str = "this looks like the page of a proxy or of another service: check that the endpoint is \
    a management address of the cluster, whose port is 14000 by default";

/// The effect of a call with this status, which is not a success. From 500 on, and with a 408 or 429, the outcome is unknown:
/// a proxy may send these while the cluster continues to work.
fn effect_of(status: StatusCode) -> Effect {
    match status.as_u16() {
        code @ (401 | 403) => Effect::Unauthorized(code),
        408 | 429 => Effect::UnknownOutcome,
        code @ 300..500 => Effect::Refused(code),
        _ => Effect::UnknownOutcome,
    }
}

/// An error that comes with the status of a success. A read was refused; the outcome of a write is unknown.
fn failed_success(request: &Request, status: StatusCode, error: &Value, secrets: &[&SecretString]) -> CallError {
    let effect = if request.is_read() { Effect::Refused(status.as_u16()) } else { Effect::UnknownOutcome };
    let words = match error.as_str() {
        Some(text) if !(request.makes_keys && mentions_secret(text)) => clean(text, secrets),
        Some(_) => NOT_SHOWN.to_owned(),
        None if request.confidential => NOT_SHOWN.to_owned(),
        None => clean(&error.to_string(), secrets),
    };
    CallError::new(request.call(), effect, format!("{}, but with an error: {words}", status_line(status)))
}

fn words_of(request: &Request, answer: &Answer<'_>, secrets: &[&SecretString]) -> String {
    match error_message(answer.body) {
        Some(words) if request.makes_keys && mentions_secret(&words) => NOT_SHOWN.to_owned(),
        Some(words) => clean(&words, secrets),
        None if request.confidential => String::new(),
        None => clean(answer.body, secrets),
    }
}

fn help_for(answer: &Answer<'_>) -> Option<String> {
    match answer.status.as_u16() {
        300..400 => Some(match answer.location {
            Some(to) => {
                format!("redirects are not followed; if the cluster is there, make it the endpoint: {}", clean(to, &[]))
            }
            None => NOT_THE_CLUSTER.to_owned(),
        }),
        403 => Some("log in as a user whose role may manage S3 policies and users of this tenant".to_owned()),
        429 | 503 => Some("the cluster is busy or not ready: try again later".to_owned()),
        _ if answer.body.trim_start().starts_with('<') => Some(NOT_THE_CLUSTER.to_owned()),
        _ => None,
    }
}

fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The message of an error in one line: `{message, data: {error?, reason?, param?, missing_params?, unknown_params?}}`, or
/// `{data: "Unauthorized"}`. `None` for any other body.
pub(super) fn error_message(body: &str) -> Option<String> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let data = &envelope["data"];
    let mut parts: Vec<String> = Vec::new();
    for said in [&envelope["message"], data, &data["error"], &data["reason"]] {
        let said = said.as_str().unwrap_or_default().trim();
        if !said.is_empty() && !parts.iter().any(|part| part == said) {
            parts.push(said.to_owned());
        }
    }
    if let Some(param) = data["param"].as_str() {
        parts.push(format!("parameter `{param}`"));
    }
    for (member, word) in [("missing_params", "missing"), ("unknown_params", "unknown")] {
        // Whether `unknown_params` is a list or a text is not captured.
        let items = data[member].as_array().map_or(std::slice::from_ref(&data[member]), Vec::as_slice);
        let named = items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        if !named.is_empty() {
            parts.push(format!("{word}: {named}"));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The error in an answer with the status of a success: clients see one in `data.error`.
pub(super) fn error_of_success(body: &str) -> Option<Value> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let error = &envelope["data"]["error"];
    let is_empty = error.is_null() || *error == Value::Bool(false) || error.as_str() == Some("");
    (!is_empty).then(|| error.clone())
}

#[derive(Default)]
pub(super) struct Unreachable {
    reasons: Vec<String>,
    help: Option<String>,
}

impl Unreachable {
    pub(super) fn add(&mut self, endpoint: &Endpoint, error: &reqwest::Error, presented: &Presented) {
        self.reasons.push(format!("{endpoint}: {}", reason(error)));
        let Some(tls @ rustls::Error::InvalidCertificate(_)) = tls_error(error) else { return };
        tracing::warn!(%endpoint, "not used: its certificate is not trusted");
        if chain_error(tls) == Some(&webpki::Error::UnsupportedCertVersion) {
            self.help = Some("let the cluster present a certificate of version 3".to_owned());
        } else if let Some(fingerprint) = presented.by(endpoint.host()) {
            self.help = Some(format!(
                "{} presents the certificate {fingerprint}; if `openssl x509 -noout -fingerprint -sha256` says the same \
                 of the cluster's own, set fingerprint = \"{fingerprint}\" under [cluster], or, where it names this \
                 host, ca_file to a PEM file with it or its authority",
                endpoint.host()
            ));
        }
    }

    pub(super) fn error(&self, request: &Request) -> CallError {
        let message = format!("no connection to the cluster: {}", self.reasons.join("; "));
        let help = self.help.clone().unwrap_or_else(|| {
            "check the endpoints and that a management port (14000 by default) can be reached from here".to_owned()
        });
        CallError::new(request.call(), Effect::NotSent, message).help(help)
    }
}

/// The innermost reason of an error. It is cleaned: it may hold names from an untrusted certificate.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if let Some(tls) = tls_error(error) {
        return clean(&tls_reason(tls), &[]);
    }
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    clean(&innermost.to_string(), &[])
}

fn tls_reason(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else { return error.to_string() };
    if *problem == CertificateError::UnknownIssuer {
        return "no authority that is trusted here has signed its certificate".to_owned();
    }
    match (chain_error(error), problem) {
        // These two are errors of self-made certificates.
        (Some(webpki::Error::CaUsedAsEndEntity), _) => {
            "its certificate is that of an authority, and it is not one that is trusted here".to_owned()
        }
        (Some(webpki::Error::UnsupportedCertVersion), _) => {
            "its certificate is of X.509 version 1, which cannot be checked".to_owned()
        }
        (Some(chain), _) => format!("its certificate is not accepted: {chain}"),
        (None, CertificateError::Other(reason)) => reason.to_string(),
        (None, problem) => format!("its certificate is not accepted: {problem}"),
    }
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut layer: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = layer {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        layer = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{PolicyName, UserName};
    use crate::cluster::rest::{answer, requests};

    fn judged(request: &Request, status: u16, body: &str) -> Result<(), CallError> {
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), location: None, body };
        judge(request, &answer, Some(&"t0k3n".into()), answer::nothing)
    }

    fn attach() -> Request {
        requests::attach(&PolicyName::reported("p"), &UserName::reported("u")).unwrap()
    }

    fn remove() -> Request {
        requests::REMOVE_POLICY.about(&PolicyName::reported("p q")).unwrap()
    }

    #[test]
    fn a_status_tells_the_effect() {
        let refused = [301, 400, 404, 409].map(|status| (status, Effect::Refused(status)));
        let unauthorized = [401, 403].map(|status| (status, Effect::Unauthorized(status)));
        let unknown = [408, 429, 500, 503, 599].map(|status| (status, Effect::UnknownOutcome));
        for (status, effect) in refused.into_iter().chain(unauthorized).chain(unknown) {
            assert_eq!(judged(&remove(), status, "{}").unwrap_err().effect, effect, "{status}");
        }
    }

    #[test]
    fn an_error_keeps_method_path_status_and_the_vendors_words() {
        let error = judged(&remove(), 400, r#"{"message":"policy is held","data":{"reason":"by bob"}}"#).unwrap_err();
        assert_eq!(error.to_string(), "DELETE /s3/policies/p%20q: 400 Bad Request: policy is held; by bob");
    }

    #[test]
    fn a_success_that_reports_an_error_is_a_failure() {
        let body = r#"{"data":{"error":"policy is held"}}"#;
        assert_eq!(judged(&remove(), 200, body).unwrap_err().effect, Effect::UnknownOutcome);
        assert_eq!(judged(&requests::POLICIES.request(), 200, body).unwrap_err().effect, Effect::Refused(200));
        for body in [r#"{"data":null}"#, r#"{"data":{"error":null}}"#, r#"{"data":{"error":""}}"#, "[]", "x"] {
            assert_eq!(error_of_success(body), None, "{body}");
        }
        let error = judged(&attach(), 200, r#"{"data":{"error":{"secret_key":"SK"}}}"#).unwrap_err();
        assert_eq!(error.message, "200 OK, but with an error: not shown, since it may hold a secret");
    }

    #[test]
    fn no_content_is_a_success_of_a_write_only() {
        assert!(judged(&remove(), 204, "").is_ok());
        assert_eq!(judged(&remove(), 200, "").unwrap_err().effect, Effect::UnknownOutcome);
        let answer = Answer { status: StatusCode::NO_CONTENT, location: None, body: "" };
        let read = judge(&requests::USERS.request(), &answer, None, answer::users);
        assert_eq!(read.unwrap_err().effect, Effect::UnknownOutcome);
        assert!(judge(&attach(), &answer, None, answer::key_pair).unwrap().is_none());
    }

    #[test]
    fn a_password_that_an_answer_repeats_is_not_kept() {
        let login = requests::login("admin", &"hunter22".into(), None);
        let error = judged(&login, 400, r#"{"message":"bad request: password=hunter22"}"#).unwrap_err();
        assert_eq!(error.message, "400 Bad Request: bad request: password=[secret]");
    }

    #[test]
    fn neither_a_token_nor_an_answer_that_may_hold_a_secret_is_shown() {
        let error = judged(&remove(), 502, "<html>Authorization: Bearer t0k3n</html>").unwrap_err();
        assert_eq!(error.message, "502 Bad Gateway: <html>Authorization: Bearer [secret]</html>");
        let error = judged(&attach(), 500, r#"{"access_key":"AK","secret_key":"SK"}"#).unwrap_err();
        assert_eq!(error.message, "500 Internal Server Error");
        let error = unreadable(&attach(), Expected("a whole key pair"), r#"{"data":{"secret_key":"SK"}}"#, &[]);
        assert!(!error.to_string().contains("SK"), "{error}");
        assert_eq!(judged(&attach(), 400, r#"{"message":"no user"}"#).unwrap_err().message, "400 Bad Request: no user");
    }

    #[test]
    fn an_answer_that_may_hold_a_pair_goes_with_the_error() {
        let kept = |request: &Request, status: u16, body: &str| {
            let answer = Answer { status: StatusCode::from_u16(status).unwrap(), location: None, body };
            let error = judge(request, &answer, None, answer::key_pair).unwrap_err();
            error.answer.map(|answer| String::from_utf8(answer.bytes().to_vec()).unwrap())
        };
        let secret = r#"{"data":{"error":"e","secret_key":"SK"}}"#;
        let page = "<html>Welcome</html>";
        for (status, body) in [(200, secret), (200, page), (500, secret), (400, secret)] {
            assert_eq!(kept(&attach(), status, body).as_deref(), Some(body), "{status}");
            assert_eq!(kept(&remove(), status, body).as_deref(), None, "{status}");
        }
        for (status, body) in [(502, page), (400, r#"{"message":"no such user"}"#), (200, r#"{"data":{"error":"e"}}"#)]
        {
            assert_eq!(kept(&attach(), status, body), None, "{status}");
        }
        let error = judged(&attach(), 400, r#"{"message":"Secret-Key: SK"}"#).unwrap_err();
        assert!(!format!("{error:?}").contains("SK"), "{error:?}");
    }

    #[test]
    fn a_page_of_html_is_no_answer() {
        let error = judged(&requests::POLICIES.request(), 200, "<html>\n<title>Sign in t0k3n</title>").unwrap_err();
        assert_eq!(error.message, "the answer does not hold JSON; it is: <html> <title>Sign in [secret]</title>");
        assert!(error.help.unwrap().contains("14000"));
    }

    #[test]
    fn envelopes_are_read_in_every_shape() {
        let cases = [
            (r#"{"message":"no such policy"}"#, "no such policy"),
            (r#"{"data":"Unauthorized"}"#, "Unauthorized"),
            (r#"{"message":"m","data":{"error":"e","reason":"r"}}"#, "m; e; r"),
            (r#"{"message":"same","data":{"error":"same"}}"#, "same"),
            (
                r#"{"message":"m","data":{"param":"user_name","missing_params":["a","b"]}}"#,
                "m; parameter `user_name`; missing: a, b",
            ),
        ];
        for (body, words) in cases {
            assert_eq!(error_message(body).as_deref(), Some(words), "{body}");
        }
        for body in ["", "<html>", "{}", "[]", "\"text\"", r#"{"message":7,"data":[]}"#] {
            assert_eq!(error_message(body), None, "{body}");
        }
    }
}
