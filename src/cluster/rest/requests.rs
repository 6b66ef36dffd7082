//! The calls of the REST API: the table of all calls, and requests as values, built by pure functions.
//!
//! Paths and bodies are those of the vendor's OpenAPI definitions 3.14 to 5.1. A cluster's own definition is compared with
//! the same table.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serde_json::value::RawValue;

use crate::base::{BucketName, CannedPolicy, NameProblem, PolicyName, UserName};
use crate::cluster::{AssumeRole, CallError, Effect};

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub(super) method: &'static Method,
    /// Below `/api/v2`, with `{policy}` or `{bucket}` for a name.
    pub(super) path: &'static str,
    pub(super) always: &'static [&'static str],
    pub(super) sometimes: &'static [&'static str],
    /// Whether attune works on a cluster without it.
    pub(super) optional: bool,
    /// The fields that the vendor's definitions wrongly require: they do not declare them.
    pub(super) misnamed: &'static [&'static str],
}

impl Call {
    const fn new(method: &'static Method, path: &'static str, always: &'static [&'static str]) -> Self {
        Self { method, path, always, sometimes: &[], optional: false, misnamed: &[] }
    }

    const fn get(path: &'static str) -> Self {
        Self::new(&Method::GET, path, &[])
    }

    const fn post(path: &'static str, always: &'static [&'static str]) -> Self {
        Self::new(&Method::POST, path, always)
    }

    pub(super) fn request(&self) -> Request {
        let path = self.path.to_owned();
        Request {
            template: self.path,
            method: self.method,
            path,
            body: None,
            confidential: false,
            makes_keys: false,
            secret: None,
            names: Vec::new(),
        }
    }

    pub(super) fn about(&self, policy: &PolicyName) -> Result<Request, CallError> {
        sendable(self, "policy", policy.as_str(), policy.addressable())?;
        let segment = utf8_percent_encode(policy.as_str(), SEGMENT).to_string();
        Ok(Request { path: self.path.replace("{policy}", &segment), ..self.request() })
    }

    pub(super) fn about_bucket(&self, bucket: &BucketName) -> Result<Request, CallError> {
        sendable(self, "bucket", bucket.as_str(), bucket.addressable())?;
        let segment = utf8_percent_encode(bucket.as_str(), SEGMENT).to_string();
        Ok(Request { path: self.path.replace("{bucket}", &segment), ..self.request() })
    }

    /// Method and path, such as `GET /s3/policies/{policy}`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }
}

pub(super) const LOGIN: Call = Call { sometimes: &["org"], ..Call::post("/login", &["username", "password"]) };
pub(super) const REFRESH: Call = Call::post("/login/refresh", &["refresh_token"]);
pub(super) const CLUSTER: Call = Call::get("/cluster");
/// Since 3.13.
pub(super) const WHOAMI: Call = Call::get("/users/whoami");
/// The users of the caller's tenant. Only the definition of 5.1 says so.
pub(super) const USERS: Call = Call::get("/users");
/// Since 4.0. Since 4.4 `GET /users` reports the same.
pub(super) const USER_POLICIES: Call = Call { optional: true, ..Call::get("/s3/userPolicies") };
pub(super) const POLICIES: Call = Call::get("/s3/policies");
pub(super) const SHOW_POLICY: Call = Call::get("/s3/policies/{policy}");
pub(super) const ADD_POLICY: Call = Call::post("/s3/policies", &["policy_name", "policy_file_content"]);
pub(super) const REMOVE_POLICY: Call = Call::new(&Method::DELETE, "/s3/policies/{policy}", &[]);
/// The definitions list `policy` and `user` as required, but declare, and clients send, the fields below.
pub(super) const ATTACH: Call =
    Call { misnamed: &["policy", "user"], ..Call::post("/s3/policies/attach", &["policy_name", "user_name"]) };
pub(super) const DETACH: Call = Call::post("/s3/policies/detach", &["user_name"]);
/// Since 5.1. Without it, it is unknown whether there is an identity provider.
pub(super) const IDENTITY_PROVIDER: Call = Call { optional: true, ..Call::get("/s3/oidc") };
/// In some builds of 5.1 and later. Without it, attune cannot replace key pairs over REST.
pub(super) const RESET_KEYS: Call = Call { optional: true, ..Call::post("/users/{uid}/s3/resetCredentials", &[]) };
pub(super) const STS: Call =
    Call { sometimes: &["policy_file_content"], ..Call::post("/s3/sts", &["access_key", "secret_key", "duration"]) };

/// In all definitions. attune needs the calls for buckets only where a configuration or a question is about buckets.
pub(super) const BUCKETS: Call = Call { optional: true, ..Call::get("/s3/buckets") };
pub(super) const BUCKET_POLICY: Call = Call { optional: true, ..Call::get("/s3/buckets/{bucket}/policy") };
pub(super) const BUCKET_DOCUMENT: Call = Call { optional: true, ..Call::get("/s3/buckets/{bucket}/policyJson") };
/// Since 5.1. Before, tenants are organizations. Needed only where a configuration is for every tenant.
pub(super) const TENANTS: Call = Call { optional: true, ..Call::get("/tenants") };
pub(super) const ORGANIZATIONS: Call = Call { optional: true, ..Call::get("/organizations") };
pub(super) const SET_BUCKET_POLICY: Call =
    Call { optional: true, ..Call::new(&Method::PUT, "/s3/buckets/{bucket}/policy", &["bucket_policy"]) };
pub(super) const SET_BUCKET_DOCUMENT: Call =
    Call { optional: true, ..Call::new(&Method::PUT, "/s3/buckets/{bucket}/policyJson", &["policy_file_content"]) };

/// All calls but `GET /docs/schema`: the vendor's definitions do not list that one.
pub const CALLS: [Call; 22] = [
    LOGIN,
    REFRESH,
    CLUSTER,
    WHOAMI,
    USERS,
    USER_POLICIES,
    POLICIES,
    SHOW_POLICY,
    ADD_POLICY,
    REMOVE_POLICY,
    ATTACH,
    DETACH,
    IDENTITY_PROVIDER,
    RESET_KEYS,
    STS,
    BUCKETS,
    BUCKET_POLICY,
    BUCKET_DOCUMENT,
    SET_BUCKET_POLICY,
    SET_BUCKET_DOCUMENT,
    TENANTS,
    ORGANIZATIONS,
];

/// The cluster's own definition, since 5.0 (vendor documentation).
pub(super) const DEFINITION: Call = Call::get("/docs/schema");

/// The characters of a name that a path encodes: all but the unreserved ones of RFC 3986, so that no name ends its segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) struct Request {
    /// The path before names were filled in.
    pub(super) template: &'static str,
    pub(super) method: &'static Method,
    /// Below `/api/v2`, percent-encoded.
    pub(super) path: String,
    pub(super) body: Option<String>,
    /// Whether the answer may hold a token or a secret key, so that nothing of it may be shown.
    pub(super) confidential: bool,
    /// Whether the call may create a key pair, so that an unreadable answer must be kept.
    pub(super) makes_keys: bool,
    /// The secret in the body. An answer may repeat it.
    pub(super) secret: Option<SecretString>,
    /// The names in the call. An answer may repeat them, and they are no secrets.
    pub(super) names: Vec<String>,
}

impl Request {
    fn with_body(self, body: String) -> Self {
        Self { body: Some(body), ..self }
    }

    fn with_secret(self, secret: &SecretString) -> Self {
        Self { secret: Some(secret.clone()), confidential: true, ..self }
    }

    pub(super) fn call(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    /// Whether another endpoint may get it if one does not answer: true of reads and logins.
    pub(super) fn may_repeat(&self) -> bool {
        self.is_read() || [LOGIN.path, REFRESH.path].contains(&self.path.as_str())
    }

    pub(super) fn is_read(&self) -> bool {
        *self.method == Method::GET
    }
}

/// Hides the body: that of a login holds the password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.call()).finish_non_exhaustive()
    }
}

/// `POST /login`. Without `org` the cluster logs in to its default tenant, `Root`.
pub(super) fn login(username: &str, password: &SecretString, org: Option<&str>) -> Request {
    let mut body = json!({ "username": username, "password": password.expose_secret() });
    if let Some(org) = org {
        body["org"] = org.into();
    }
    LOGIN.request().with_body(body.to_string()).with_secret(password)
}

pub(super) fn refresh(token: &SecretString) -> Request {
    let body = json!({ "refresh_token": token.expose_secret() });
    REFRESH.request().with_body(body.to_string()).with_secret(token)
}

/// `POST /s3/policies`, with exactly the bytes of `document`. The definitions of 3.12 to 4.1 declare the document
/// a string, but their example is an object, and clients send objects to those releases.
pub(super) fn add_policy(policy: &PolicyName, document: &str) -> Result<Request, CallError> {
    sendable(&ADD_POLICY, "policy", policy.as_str(), policy.addressable())?;
    let raw = json_object(&ADD_POLICY, "policy", policy.as_str(), document)?;
    let name = json!(policy.as_str());
    let body = format!(r#"{{"policy_name":{name},"policy_file_content":{raw}}}"#);
    Ok(ADD_POLICY.request().with_body(body))
}

/// The document as it is, if it is a JSON object.
fn json_object<'a>(call: &Call, kind: &str, name: &str, document: &'a str) -> Result<&'a str, CallError> {
    let raw = serde_json::from_str::<&RawValue>(document).ok().filter(|raw| raw.get().starts_with('{'));
    raw.map(RawValue::get).ok_or_else(|| {
        let message = format!("the document of {kind} {name:?} is not a JSON object");
        CallError::new(call.name(), Effect::NotSent, message)
    })
}

/// `PUT /s3/buckets/{bucket}/policy`.
pub(super) fn set_bucket_policy(bucket: &BucketName, policy: CannedPolicy) -> Result<Request, CallError> {
    let body = json!({ "bucket_policy": policy.wire() });
    Ok(SET_BUCKET_POLICY.about_bucket(bucket)?.with_body(body.to_string()))
}

/// The form of a document in `PUT /s3/buckets/{bucket}/policyJson`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentForm {
    /// An object, as in the example of the definitions.
    Object,
    /// JSON in a string, as the definitions declare it.
    Text,
}

/// `PUT /s3/buckets/{bucket}/policyJson`, with exactly the bytes of `document`.
pub(super) fn set_bucket_document(
    bucket: &BucketName,
    document: &str,
    form: DocumentForm,
) -> Result<Request, CallError> {
    let request = SET_BUCKET_DOCUMENT.about_bucket(bucket)?;
    let raw = json_object(&SET_BUCKET_DOCUMENT, "bucket", bucket.as_str(), document)?;
    let body = match form {
        DocumentForm::Object => format!(r#"{{"policy_file_content":{raw}}}"#),
        DocumentForm::Text => json!({ "policy_file_content": raw }).to_string(),
    };
    Ok(request.with_body(body))
}

pub(super) fn attach(policy: &PolicyName, user: &UserName) -> Result<Request, CallError> {
    attach_list(std::slice::from_ref(policy), user)
}

pub(super) fn attach_list(policies: &[PolicyName], user: &UserName) -> Result<Request, CallError> {
    for policy in policies {
        sendable(&ATTACH, "policy", policy.as_str(), policy.addressable())?;
    }
    sendable(&ATTACH, "user", user.as_str(), user.addressable())?;
    let list = policies.iter().map(PolicyName::as_str).collect::<Vec<_>>().join(",");
    let body = json!({ "policy_name": list, "user_name": user.as_str() });
    let names = vec![list, user.to_string()];
    Ok(Request { confidential: true, makes_keys: true, names, ..ATTACH.request().with_body(body.to_string()) })
}

/// `POST /users/{uid}/s3/resetCredentials`, for a user of the caller's tenant.
pub(super) fn reset_keys(user: &UserName, uid: &str) -> Result<Request, CallError> {
    if uid.is_empty() || uid.chars().all(|c| c == '.') || uid.contains(char::is_control) {
        let message = format!("not sent: the id {uid:?} of user {user:?} cannot be sent");
        return Err(CallError::new(RESET_KEYS.name(), Effect::NotSent, message));
    }
    let path = RESET_KEYS.path.replace("{uid}", &utf8_percent_encode(uid, SEGMENT).to_string());
    let names = vec![user.to_string()];
    let request = Request { path, confidential: true, makes_keys: true, names, ..RESET_KEYS.request() };
    Ok(request.with_body("{}".to_owned()))
}

/// `POST /s3/sts`. A session policy is JSON in a string.
pub(super) fn assume_role(ask: &AssumeRole) -> Request {
    let mut body = json!({
        "access_key": ask.access_key,
        "secret_key": ask.secret_key.expose_secret(),
        "duration": ask.seconds,
    });
    if let Some(document) = &ask.document {
        body["policy_file_content"] = document.as_str().into();
    }
    STS.request().with_body(body.to_string()).with_secret(&ask.secret_key)
}

/// `POST /s3/policies/detach`. It names no policy: a user has at most one.
pub(super) fn detach(user: &UserName) -> Result<Request, CallError> {
    sendable(&DETACH, "user", user.as_str(), user.addressable())?;
    Ok(DETACH.request().with_body(json!({ "user_name": user.as_str() }).to_string()))
}

fn sendable(call: &Call, kind: &str, name: &str, checked: Result<(), NameProblem>) -> Result<(), CallError> {
    checked.map_err(|problem| {
        CallError::new(call.name(), Effect::NotSent, format!("not sent: the {kind} name {name:?} {problem}"))
            .help("rename or remove the object on the cluster itself")
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
    fn bodies_are_those_of_the_definitions_and_answers_with_secrets_are_confidential() {
        for (request, confidential, body) in [
            (attach(&policy("p"), &user("u")).unwrap(), true, r#"{"policy_name":"p","user_name":"u"}"#),
            (detach(&user("u")).unwrap(), false, r#"{"user_name":"u"}"#),
            (login("admin", &"pw".into(), Some("ml")), true, r#"{"org":"ml","password":"pw","username":"admin"}"#),
            (login("admin", &"pw".into(), None), true, r#"{"password":"pw","username":"admin"}"#),
            (refresh(&"r".into()), true, r#"{"refresh_token":"r"}"#),
        ] {
            assert_eq!((request.confidential, request.body.as_deref()), (confidential, Some(body)));
        }
        assert!(!POLICIES.request().confidential);
    }

    #[test]
    fn every_request_has_the_path_and_the_fields_of_the_table() {
        use std::collections::BTreeSet;
        let (p, u, b) = (policy("p"), user("u"), BucketName::parse("buck").unwrap());
        let made = [
            (LOGIN, vec![login("a", &"b".into(), None), login("a", &"b".into(), Some("c"))]),
            (REFRESH, vec![refresh(&"r".into())]),
            (SHOW_POLICY, vec![SHOW_POLICY.about(&p).unwrap()]),
            (ADD_POLICY, vec![add_policy(&p, "{}").unwrap()]),
            (REMOVE_POLICY, vec![REMOVE_POLICY.about(&p).unwrap()]),
            (ATTACH, vec![attach(&p, &u).unwrap()]),
            (DETACH, vec![detach(&u).unwrap()]),
            (RESET_KEYS, vec![reset_keys(&u, "7").unwrap()]),
            (BUCKET_POLICY, vec![BUCKET_POLICY.about_bucket(&b).unwrap()]),
            (BUCKET_DOCUMENT, vec![BUCKET_DOCUMENT.about_bucket(&b).unwrap()]),
            (SET_BUCKET_POLICY, vec![set_bucket_policy(&b, CannedPolicy::Upload).unwrap()]),
            (
                SET_BUCKET_DOCUMENT,
                [DocumentForm::Object, DocumentForm::Text]
                    .map(|form| set_bucket_document(&b, "{}", form).unwrap())
                    .into(),
            ),
        ];
        for (call, requests) in &made {
            let fields = |request: &Request| -> BTreeSet<String> {
                let body: serde_json::Value = serde_json::from_str(request.body.as_deref().unwrap_or("{}")).unwrap();
                body.as_object().unwrap().keys().cloned().collect()
            };
            let all: BTreeSet<String> = requests.iter().flat_map(fields).collect();
            let each = |name: &String| requests.iter().all(|request| fields(request).contains(name));
            let always: BTreeSet<String> = all.iter().filter(|name| each(name)).cloned().collect();
            let table = |fields: &[&str]| -> BTreeSet<String> { fields.iter().map(ToString::to_string).collect() };
            let expected = (table(&[call.always, call.sometimes].concat()), table(call.always));
            assert_eq!((all, always), expected, "{}", call.name());
            for request in requests {
                assert_eq!(
                    request.call(),
                    call.name().replace("{policy}", "p").replace("{uid}", "7").replace("{bucket}", "buck")
                );
            }
        }
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
            for form in [DocumentForm::Object, DocumentForm::Text] {
                let bucket = BucketName::parse("buck").unwrap();
                assert_eq!(
                    set_bucket_document(&bucket, document, form).unwrap_err().effect,
                    Effect::NotSent,
                    "{document}"
                );
            }
        }
    }

    #[test]
    fn names_that_no_call_can_carry_are_refused_before_there_is_a_request() {
        for name in ["", ".", "..", "a/b", "../..", "a\\b", "a\0", "a\nb", "\u{7f}", " a"] {
            let (policy_name, user_name) = (PolicyName::reported(name), UserName::reported(name));
            let bucket = BucketName::reported(name);
            let refused = [
                SHOW_POLICY.about(&policy_name),
                REMOVE_POLICY.about(&policy_name),
                add_policy(&policy_name, "{}"),
                attach(&policy_name, &user("u")),
                attach(&policy("p"), &user_name),
                detach(&user_name),
                BUCKET_POLICY.about_bucket(&bucket),
                set_bucket_policy(&bucket, CannedPolicy::None),
                set_bucket_document(&bucket, "{}", DocumentForm::Text),
            ];
            for request in refused {
                let error = request.unwrap_err();
                assert_eq!(error.effect, Effect::NotSent, "{name:?}");
                assert!(!error.to_string().contains(char::is_control), "{error}");
            }
        }
    }

    #[test]
    fn an_id_stays_in_its_segment_of_the_path() {
        for uid in ["", ".", "..", "a\n"] {
            assert_eq!(reset_keys(&user("u"), uid).unwrap_err().effect, Effect::NotSent, "{uid:?}");
        }
        let request = reset_keys(&user("u"), "../a?b").unwrap();
        assert_eq!(request.call(), "POST /users/..%2Fa%3Fb/s3/resetCredentials");
        assert!(request.confidential && request.makes_keys);
    }

    #[test]
    fn a_request_does_not_show_its_body() {
        let shown = format!("{:?}", login("admin", &"hunter22".into(), None));
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
