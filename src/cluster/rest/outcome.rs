//! From status and body to success or error: the one place that says what an answer means for the call.

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

use super::answer::{Expected, Read};
use super::request::Request;
use super::words;
use crate::cluster::pairs;
use crate::cluster::{CallError, Effect};

/// What came back for a call.
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    /// Where a redirect leads.
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a str,
}

/// What the answer holds, when it says that the call was done. `token` is what the call was sent with; it is taken
/// out of all that is kept of the answer.
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
    if answer.status.is_success() {
        return match words::of_failed_success(answer.body) {
            None => read(answer.body).map_err(|expected| {
                let error = unreadable(request, expected, answer.body, &secrets);
                if request.makes_keys { error.with_answer(answer.body.as_bytes()) } else { error }
            }),
            Some(error) => Err(keeping(request, answer, failed_success(request, answer.status, &error, &secrets))),
        };
    }
    Err(keeping(request, answer, refusal(request, answer, &secrets)))
}

/// The failure with its answer, where that speaks of a secret although it reports an error.
fn keeping(request: &Request, answer: &Answer<'_>, error: CallError) -> CallError {
    let keep = request.makes_keys && pairs::speaks_of_secret(answer.body);
    if keep { error.with_answer(answer.body.as_bytes()) } else { error }
}

/// Whether a cluster that answers so is busy or not ready: asked again later, it may do it.
pub(super) fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

fn refusal(request: &Request, answer: &Answer<'_>, secrets: &[&SecretString]) -> CallError {
    let effect = effect_of(answer.status);
    let words = words_of(request, answer, secrets);
    let message =
        if words.is_empty() { status_line(answer.status) } else { status_line(answer.status) + ": " + &words };
    let error = CallError { busy: is_busy(answer.status), ..CallError::new(request.call(), effect, message) };
    match help_for(answer) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// An answer that is a success by its status but holds something else than it should. What was done is unknown.
fn unreadable(request: &Request, Expected(expected): Expected, body: &str, secrets: &[&SecretString]) -> CallError {
    let shown = match words::clean(body, secrets) {
        _ if request.confidential => NOT_SHOWN.to_owned(),
        text if text.is_empty() => "empty".to_owned(),
        text => text,
    };
    let message = format!("the answer does not hold {expected}; it is: {shown}");
    let error = CallError::new(request.call(), Effect::UnknownOutcome, message);
    if body.trim_start().starts_with('<') { error.help(NOT_THE_CLUSTER) } else { error }
}

const NOT_SHOWN: &str = "not shown, since it may hold a secret";

const NOT_THE_CLUSTER: &str = "this looks like the page of a proxy or of another service: check that the endpoint is \
    a management address of the cluster, whose port is 14000 by default";

/// What a status that is no success says about what was done. A 401 or 403 is a refusal to even begin; other
/// statuses below 500 are refusals of this call. From 500 on, and with a 408 or 429 (which a proxy may send while the
/// cluster works on), nothing is known.
fn effect_of(status: StatusCode) -> Effect {
    match status.as_u16() {
        code @ (401 | 403) => Effect::Unauthorized(code),
        408 | 429 => Effect::UnknownOutcome,
        code @ 300..500 => Effect::Refused(code),
        _ => Effect::UnknownOutcome,
    }
}

/// A failure reported with a success status. A read was refused; for a write it is unknown how far it got.
fn failed_success(request: &Request, status: StatusCode, error: &Value, secrets: &[&SecretString]) -> CallError {
    let effect = if request.is_read() { Effect::Refused(status.as_u16()) } else { Effect::UnknownOutcome };
    let words = match error.as_str() {
        Some(text) if !(request.makes_keys && pairs::speaks_of_secret(text)) => words::clean(text, secrets),
        Some(_) => NOT_SHOWN.to_owned(),
        None if request.confidential => NOT_SHOWN.to_owned(),
        None => words::clean(&error.to_string(), secrets),
    };
    CallError::new(request.call(), effect, format!("{}, but with an error: {words}", status_line(status)))
}

fn words_of(request: &Request, answer: &Answer<'_>, secrets: &[&SecretString]) -> String {
    match words::of_envelope(answer.body) {
        Some(words) if request.makes_keys && pairs::speaks_of_secret(&words) => NOT_SHOWN.to_owned(),
        Some(words) => words::clean(&words, secrets),
        None if request.confidential => String::new(),
        None => words::clean(answer.body, secrets),
    }
}

fn help_for(answer: &Answer<'_>) -> Option<String> {
    match answer.status.as_u16() {
        300..400 => Some(match answer.location {
            Some(to) => format!(
                "redirects are not followed; if the cluster is there, make it the endpoint: {}",
                words::clean(to, &[])
            ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{PolicyName, UserName};
    use crate::cluster::rest::{answer, request};

    fn judged(request: &Request, status: u16, body: &str) -> Result<(), CallError> {
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), location: None, body };
        judge(request, &answer, Some(&"t0k3n".into()), answer::nothing)
    }

    fn attach() -> Request {
        request::attach(&PolicyName::reported("p"), &UserName::reported("u")).unwrap()
    }

    fn remove() -> Request {
        request::remove_policy(&PolicyName::reported("p q")).unwrap()
    }

    #[test]
    fn a_status_says_what_may_have_been_done() {
        let cases = [
            (301, Effect::Refused(301)),
            (400, Effect::Refused(400)),
            (401, Effect::Unauthorized(401)),
            (403, Effect::Unauthorized(403)),
            (404, Effect::Refused(404)),
            (408, Effect::UnknownOutcome),
            (409, Effect::Refused(409)),
            (429, Effect::UnknownOutcome),
            (500, Effect::UnknownOutcome),
            (503, Effect::UnknownOutcome),
            (599, Effect::UnknownOutcome),
        ];
        for (status, effect) in cases {
            assert_eq!(judged(&remove(), status, "{}").unwrap_err().effect, effect, "{status}");
        }
    }

    #[test]
    fn an_error_keeps_method_path_status_and_the_vendors_words() {
        let error = judged(&remove(), 400, r#"{"message":"policy is held","data":{"reason":"by bob"}}"#).unwrap_err();
        assert_eq!(error.to_string(), "DELETE /s3/policies/p%20q: 400 Bad Request: policy is held; by bob");
    }

    #[test]
    fn a_success_that_reports_an_error_is_none() {
        let body = r#"{"data":{"error":"policy is held"}}"#;
        assert_eq!(judged(&remove(), 200, body).unwrap_err().effect, Effect::UnknownOutcome);
        assert_eq!(judged(&request::policies(), 200, body).unwrap_err().effect, Effect::Refused(200));
        assert!(judged(&remove(), 200, r#"{"data":null}"#).is_ok());
        let error = judged(&attach(), 200, r#"{"data":{"error":{"secret_key":"SK"}}}"#).unwrap_err();
        assert_eq!(error.message, "200 OK, but with an error: not shown, since it may hold a secret");
    }

    #[test]
    fn no_content_is_done_for_a_write_and_nothing_for_a_read() {
        assert!(judged(&remove(), 204, "").is_ok());
        assert_eq!(judged(&remove(), 200, "").unwrap_err().effect, Effect::UnknownOutcome);
        let answer = Answer { status: StatusCode::NO_CONTENT, location: None, body: "" };
        assert_eq!(judge(&request::users(), &answer, None, answer::users).unwrap_err().effect, Effect::UnknownOutcome);
        assert!(judge(&attach(), &answer, None, answer::key_pair).unwrap().is_none());
    }

    #[test]
    fn a_password_that_an_answer_repeats_is_not_kept() {
        let login = request::login("admin", &"hunter22".into(), None);
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
    fn a_page_of_html_is_told_from_an_answer() {
        let error = judged(&request::policies(), 200, "<html>\n<title>Sign in t0k3n</title>").unwrap_err();
        assert_eq!(error.message, "the answer does not hold JSON; it is: <html> <title>Sign in [secret]</title>");
        assert!(error.help.unwrap().contains("14000"));
    }
}
