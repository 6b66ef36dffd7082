//! The calls of the REST interface as values: method, path and body, built by pure functions.
//!
//! The paths and bodies are those of the vendor's OpenAPI definitions 3.14 to 5.1.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serde_json::value::RawValue;

use super::calls::{self, Call};
use crate::base::{NameProblem, PolicyName, UserName};
use crate::cluster::{AssumeRole, CallError, Effect};

/// Everything but the unreserved characters of RFC 3986 is encoded: no character of a name can end its segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The methods that the calls use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// One call, as it will be sent.
pub(super) struct Request {
    pub(super) method: Method,
    /// Below `/api/v2`, percent-encoded.
    pub(super) path: String,
    /// JSON text.
    pub(super) body: Option<String>,
    /// Whether its answer can hold a token or a secret key, so that no part of one may be shown as it is.
    pub(super) confidential: bool,
    /// Whether it may make a key pair, so that an answer that is not understood must be kept.
    pub(super) makes_keys: bool,
    /// The secret in the body, which an answer may repeat.
    pub(super) secret: Option<SecretString>,
}

impl Request {
    /// A call whose path has nothing to fill in, without a body.
    fn of(call: &Call) -> Self {
        let path = call.path.to_owned();
        Self { method: call.method, path, body: None, confidential: false, makes_keys: false, secret: None }
    }

    /// The same for one policy.
    fn about(call: &Call, policy: &PolicyName) -> Self {
        let segment = utf8_percent_encode(policy.as_str(), SEGMENT).to_string();
        Self { path: call.path.replace("{policy}", &segment), ..Self::of(call) }
    }

    fn with_body(self, body: String) -> Self {
        Self { body: Some(body), ..self }
    }

    fn confidential(self) -> Self {
        Self { confidential: true, ..self }
    }

    fn with_secret(self, secret: &SecretString) -> Self {
        Self { secret: Some(secret.clone()), ..self.confidential() }
    }

    /// Method and path, as errors and logs name the call.
    pub(super) fn call(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    /// Whether it may be asked of another endpoint when one does not answer: reads, and what gets a token.
    pub(super) fn may_repeat(&self) -> bool {
        self.is_read() || [calls::LOGIN.path, calls::REFRESH.path].contains(&self.path.as_str())
    }

    /// Whether repeating it changes nothing.
    pub(super) fn is_read(&self) -> bool {
        match self.method {
            Method::Get => true,
            Method::Post | Method::Delete => false,
        }
    }
}

/// Without the body: that of a login holds the password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.call()).finish_non_exhaustive()
    }
}

/// `POST /login`. Without `org` the cluster takes its default tenant, `Root`.
pub(super) fn login(username: &str, password: &SecretString, org: Option<&str>) -> Request {
    let mut body = json!({ "username": username, "password": password.expose_secret() });
    if let Some(org) = org {
        body["org"] = org.into();
    }
    Request::of(&calls::LOGIN).with_body(body.to_string()).with_secret(password)
}

/// `POST /login/refresh`.
pub(super) fn refresh(token: &SecretString) -> Request {
    let body = json!({ "refresh_token": token.expose_secret() });
    Request::of(&calls::REFRESH).with_body(body.to_string()).with_secret(token)
}

/// `GET /cluster`.
pub(super) fn cluster() -> Request {
    Request::of(&calls::CLUSTER)
}

/// `GET /users/whoami`, since 3.13.
pub(super) fn whoami() -> Request {
    Request::of(&calls::WHOAMI)
}

/// `GET /users`: of the caller's tenant, which 5.1 states; earlier definitions say nothing of a choice.
pub(super) fn users() -> Request {
    Request::of(&calls::USERS)
}

/// `GET /s3/userPolicies`, since 4.0.
pub(super) fn user_policies() -> Request {
    Request::of(&calls::USER_POLICIES)
}

/// `GET /s3/policies`.
pub(super) fn policies() -> Request {
    Request::of(&calls::POLICIES)
}

/// `GET /s3/policies/{policy}`.
pub(super) fn show_policy(policy: &PolicyName) -> Result<Request, CallError> {
    sendable(&calls::SHOW_POLICY, "policy", policy.as_str(), policy.addressable())?;
    Ok(Request::about(&calls::SHOW_POLICY, policy))
}

/// `DELETE /s3/policies/{policy}`.
pub(super) fn remove_policy(policy: &PolicyName) -> Result<Request, CallError> {
    sendable(&calls::REMOVE_POLICY, "policy", policy.as_str(), policy.addressable())?;
    Ok(Request::about(&calls::REMOVE_POLICY, policy))
}

/// `POST /s3/policies`, with exactly the bytes of `document`. The definitions of 3.12 to 4.1 declare the document
/// a string, but their example is an object and clients send an object to those releases too: so does this.
pub(super) fn add_policy(policy: &PolicyName, document: &str) -> Result<Request, CallError> {
    sendable(&calls::ADD_POLICY, "policy", policy.as_str(), policy.addressable())?;
    let raw = serde_json::from_str::<&RawValue>(document).ok().filter(|raw| raw.get().starts_with('{'));
    let Some(raw) = raw else {
        let message = format!("the document of policy {:?} is not a JSON object", policy.as_str());
        return Err(CallError::new(calls::ADD_POLICY.name(), Effect::NotSent, message));
    };
    let name = json!(policy.as_str());
    let body = format!(r#"{{"policy_name":{name},"policy_file_content":{raw}}}"#, raw = raw.get());
    Ok(Request::of(&calls::ADD_POLICY).with_body(body))
}

/// `POST /s3/policies/attach`. The definitions list `policy` and `user` as required, but declare, and clients send,
/// `policy_name` and `user_name`.
pub(super) fn attach(policy: &PolicyName, user: &UserName) -> Result<Request, CallError> {
    sendable(&calls::ATTACH, "policy", policy.as_str(), policy.addressable())?;
    sendable(&calls::ATTACH, "user", user.as_str(), user.addressable())?;
    let body = json!({ "policy_name": policy.as_str(), "user_name": user.as_str() });
    let request = Request::of(&calls::ATTACH).with_body(body.to_string()).confidential();
    Ok(Request { makes_keys: true, ..request })
}

/// `POST /s3/sts`. The document, where there is one, is JSON in a string.
pub(super) fn assume_role(ask: &AssumeRole) -> Request {
    let mut body = json!({
        "access_key": ask.access_key,
        "secret_key": ask.secret_key.expose_secret(),
        "duration": ask.seconds,
    });
    if let Some(document) = &ask.document {
        body["policy_file_content"] = document.as_str().into();
    }
    Request::of(&calls::STS).with_body(body.to_string()).with_secret(&ask.secret_key)
}

/// `POST /s3/policies/detach`, which names no policy: a user holds at most one.
pub(super) fn detach(user: &UserName) -> Result<Request, CallError> {
    sendable(&calls::DETACH, "user", user.as_str(), user.addressable())?;
    Ok(Request::of(&calls::DETACH).with_body(json!({ "user_name": user.as_str() }).to_string()))
}

/// `GET /s3/oidc`, since 5.1 (vendor definition).
pub(super) fn identity_provider() -> Request {
    Request::of(&calls::IDENTITY_PROVIDER)
}

/// `GET /docs/schema`, since 5.0 (vendor documentation).
pub(super) fn definition() -> Request {
    Request::of(&calls::DEFINITION)
}

/// Refuses a name that no call can carry, before there is a request that could be sent.
fn sendable(call: &Call, kind: &str, name: &str, checked: Result<(), NameProblem>) -> Result<(), CallError> {
    checked.map_err(|problem| {
        CallError::new(call.name(), Effect::NotSent, format!("not sent: the {kind} name {name:?} {problem}"))
            .help("such a name can only be dealt with on the cluster itself")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str) -> PolicyName {
        PolicyName::parse(name).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    #[test]
    fn requests_are_those_of_the_definitions() {
        let cases = [
            (cluster(), "GET /cluster", None),
            (whoami(), "GET /users/whoami", None),
            (users(), "GET /users", None),
            (user_policies(), "GET /s3/userPolicies", None),
            (policies(), "GET /s3/policies", None),
            (show_policy(&policy("p")).unwrap(), "GET /s3/policies/p", None),
            (remove_policy(&policy("p")).unwrap(), "DELETE /s3/policies/p", None),
            (
                attach(&policy("p"), &user("u")).unwrap(),
                "POST /s3/policies/attach",
                Some(r#"{"policy_name":"p","user_name":"u"}"#),
            ),
            (detach(&user("u")).unwrap(), "POST /s3/policies/detach", Some(r#"{"user_name":"u"}"#)),
            (
                login("admin", &"pw".into(), Some("ml")),
                "POST /login",
                Some(r#"{"org":"ml","password":"pw","username":"admin"}"#),
            ),
            (login("admin", &"pw".into(), None), "POST /login", Some(r#"{"password":"pw","username":"admin"}"#)),
            (refresh(&"r".into()), "POST /login/refresh", Some(r#"{"refresh_token":"r"}"#)),
        ];
        for (request, call, body) in cases {
            assert_eq!(request.call(), call);
            assert_eq!(request.body.as_deref(), body, "{call}");
        }
    }

    #[test]
    fn every_request_has_the_path_and_the_fields_of_the_table() {
        use std::collections::BTreeSet;
        let (p, u) = (policy("p"), user("u"));
        let made = [
            vec![login("a", &"b".into(), None), login("a", &"b".into(), Some("c"))],
            vec![refresh(&"r".into())],
            vec![cluster()],
            vec![whoami()],
            vec![users()],
            vec![user_policies()],
            vec![policies()],
            vec![show_policy(&p).unwrap()],
            vec![add_policy(&p, "{}").unwrap()],
            vec![remove_policy(&p).unwrap()],
            vec![attach(&p, &u).unwrap()],
            vec![detach(&u).unwrap()],
        ];
        for (call, requests) in calls::CALLS.iter().zip(&made) {
            let fields = |request: &Request| -> BTreeSet<String> {
                let body: serde_json::Value = serde_json::from_str(request.body.as_deref().unwrap_or("{}")).unwrap();
                body.as_object().unwrap().keys().cloned().collect()
            };
            let all: BTreeSet<String> = requests.iter().flat_map(fields).collect();
            let each = |name: &String| requests.iter().all(|request| fields(request).contains(name));
            let always: BTreeSet<String> = all.iter().filter(|name| each(name)).cloned().collect();
            let table = |of: fn(&&calls::Field) -> bool| -> BTreeSet<String> {
                call.fields.iter().filter(of).map(|field| field.name.to_owned()).collect()
            };
            assert_eq!((all, always), (table(|_| true), table(|field| field.always)), "{}", call.name());
            for request in requests {
                assert_eq!(request.call(), call.name().replace("{policy}", "p"));
            }
        }
    }

    #[test]
    fn only_answers_that_can_hold_secrets_are_confidential() {
        assert!(login("a", &"b".into(), None).confidential);
        assert!(refresh(&"r".into()).confidential);
        assert!(attach(&policy("p"), &user("u")).unwrap().confidential);
        assert!(!detach(&user("u")).unwrap().confidential);
        assert!(!policies().confidential);
    }

    #[test]
    fn a_document_is_sent_byte_for_byte() {
        let document = "{ \"Version\":\"2012-10-17\",\n \"Statement\":[ ], \"n\": 1.0e2, \"d\":1,\"d\":2 }";
        let request = add_policy(&policy("a\"b"), document).unwrap();
        let body = request.body.unwrap();
        assert_eq!(body, format!(r#"{{"policy_name":"a\"b","policy_file_content":{document}}}"#));
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    }

    #[test]
    fn what_is_not_an_object_is_not_sent_as_a_document() {
        for document in ["", "[]", "\"{}\"", "{", "{}{}", "null", "{},\"policy_name\":\"x\""] {
            assert_eq!(add_policy(&policy("p"), document).unwrap_err().effect, Effect::NotSent, "{document}");
        }
    }

    #[test]
    fn names_that_no_call_can_carry_are_refused_before_there_is_a_request() {
        for name in ["", ".", "..", "a/b", "../..", "a\\b", "a\0", "a\nb", "\u{7f}", " a"] {
            let (policy_name, user_name) = (PolicyName::reported(name), UserName::reported(name));
            let refused = [
                show_policy(&policy_name),
                remove_policy(&policy_name),
                add_policy(&policy_name, "{}"),
                attach(&policy_name, &user("u")),
                attach(&policy("p"), &user_name),
                detach(&user_name),
            ];
            for request in refused {
                let error = request.unwrap_err();
                assert_eq!(error.effect, Effect::NotSent, "{name:?}");
                assert!(!error.to_string().contains(char::is_control), "{error}");
            }
        }
    }

    #[test]
    fn a_request_does_not_show_its_body() {
        let shown = format!("{:?}", login("admin", &"hunter22".into(), None));
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
