//! Whether the simulated cluster would let a request in: an evaluator of its own, request by request, so that the answers of the
//! access engine can be tried.
//!
//! It follows what two servers of the lineage do (measured), or AWS (its user guide). On the former, a bucket policy decides
//! requests without a login, and the policy of the user decides all others.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::sim::conditions::{Comparison, Operator, is_in};
use crate::sim::error::SimError;
use crate::sim::pattern::Pattern;
use crate::sim::state::ClusterState;
use crate::sim::switches::S3Rules;

const ARN: &str = "arn:aws:s3:::";

/// Which requests a bucket policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketPolicyScope {
    /// Those without a login, as on servers of the lineage.
    Anonymous,
    /// All: it counts beside the policy of the user, as on AWS.
    Union,
}

/// How the documents are read, and what credentials the requester has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) rules: S3Rules,
    pub(crate) bucket_policies: BucketPolicyScope,
    /// The value of `aws:username`.
    pub(crate) username: Option<&'a str>,
    /// A document that narrows what the user may do.
    pub(crate) narrowed_by: Option<&'a str>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The tenant of the user and the bucket.
    pub tenant: &'a str,
    /// The user; `None` for a request without a login.
    pub user: Option<&'a str>,
    /// The action that it asks for, such as `s3:GetObject`.
    pub action: &'a str,
    /// The ARN of the bucket or object.
    pub arn: &'a str,
    /// Further condition keys and their values, such as `aws:SourceIp`.
    pub keys: &'a BTreeMap<String, String>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed by this document.
    Allowed(String),
    /// Denied by this document, or by none: nothing allows it.
    Denied(Option<String>),
}

impl Verdict {
    /// Whether the request is let in.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed(by) => write!(f, "allowed by {by}"),
            Self::Denied(Some(by)) => write!(f, "denied by {by}"),
            Self::Denied(None) => f.write_str("denied: nothing allows it"),
        }
    }
}

/// A document that counts for a request, with the text that names it.
struct Source<'a> {
    name: String,
    document: Value,
    /// Whether its statements say whom they are about.
    of_bucket: bool,
    request: &'a Request<'a>,
    reading: Reading<'a>,
}

/// Decides a request, as the newer of the two servers reads documents: an explicit Deny wins.
///
/// # Errors
/// The user does not exist, the ARN is none, or a document has a condition that this cannot evaluate.
pub fn check(state: &ClusterState, request: &Request<'_>, scope: BucketPolicyScope) -> Result<Verdict, SimError> {
    let rules = S3Rules::Minio2026;
    decide(state, request, Reading { rules, bucket_policies: scope, username: request.user, narrowed_by: None })
}

pub(crate) fn decide<'a>(
    state: &ClusterState,
    request: &'a Request<'a>,
    reading: Reading<'a>,
) -> Result<Verdict, SimError> {
    let verdict = of_sources(&sources(state, request, reading)?)?;
    let Some(text) = reading.narrowed_by.filter(|_| verdict.is_allowed()) else { return Ok(verdict) };
    let document = serde_json::from_str(text).map_err(|error| SimError(format!("the session policy: {error}")))?;
    let narrowing = Source { name: "the session policy".to_owned(), document, of_bucket: false, request, reading };
    Ok(match of_sources(&[narrowing])? {
        Verdict::Allowed(_) => verdict,
        denied @ Verdict::Denied(_) => denied,
    })
}

fn of_sources(sources: &[Source<'_>]) -> Result<Verdict, SimError> {
    let mut allowed = None;
    for source in sources {
        for statement in source.statements() {
            if !source.is_about(statement)? {
                continue;
            }
            if statement.get("Effect").and_then(Value::as_str) == Some("Deny") {
                return Ok(Verdict::Denied(Some(source.name.clone())));
            }
            allowed.get_or_insert_with(|| source.name.clone());
        }
    }
    Ok(allowed.map_or(Verdict::Denied(None), Verdict::Allowed))
}

fn sources<'a>(
    state: &ClusterState,
    request: &'a Request<'a>,
    reading: Reading<'a>,
) -> Result<Vec<Source<'a>>, SimError> {
    let tenant = state.tenants.get(request.tenant);
    let tenant = tenant.ok_or_else(|| SimError(format!("there is no tenant `{}`", request.tenant)))?;
    let rest = request.arn.strip_prefix(ARN).or((request.arn == "*").then_some("*"));
    let rest = rest.ok_or_else(|| SimError(format!("`{}` does not begin with {ARN}", request.arn)))?;
    let mut sources = Vec::new();
    let mut add = |name: String, text: &str, of_bucket: bool| -> Result<(), SimError> {
        let document = serde_json::from_str(text).map_err(|error| SimError(format!("{name}: {error}")))?;
        sources.push(Source { name, document, of_bucket, request, reading });
        Ok(())
    };
    if let Some(name) = request.user {
        let user = tenant.users.get(name).ok_or_else(|| SimError(format!("there is no user `{name}`")))?;
        // A list of policies gives a line for each document.
        for text in state.access_of(request.tenant, name).iter().flat_map(|documents| documents.lines()) {
            add(format!("policy `{}`", user.policy.as_deref().unwrap_or_default()), text, false)?;
        }
    }
    let bucket = rest.split('/').next().unwrap_or_default();
    let counts = request.user.is_none() || reading.bucket_policies == BucketPolicyScope::Union;
    let held = tenant.buckets.get(bucket).filter(|_| counts && !state.s3_deleted);
    if let Some(text) = held.and_then(|held| held.policy.document(bucket)) {
        add(format!("the policy of bucket `{bucket}`"), &text, true)?;
    }
    Ok(sources)
}

impl Source<'_> {
    /// The statements that count. The older server drops the wrong ones where one is repeated (measured).
    fn statements(&self) -> Vec<&Map<String, Value>> {
        let all = self.document.get("Statement").and_then(Value::as_array).into_iter().flatten();
        let mut kept: Vec<_> = all.filter_map(Value::as_object).collect();
        let repeats = |kept: &[&Map<String, Value>]| {
            (0..kept.len()).find_map(|at| kept[at + 1..].iter().position(|other| is_same(kept[at], other)))
        };
        while self.reading.rules == S3Rules::Minio2021
            && let Some(at) = repeats(&kept)
        {
            kept.remove(at);
        }
        kept
    }

    fn is_about(&self, statement: &Map<String, Value>) -> Result<bool, SimError> {
        let whom = !self.of_bucket || self.names_requester(statement);
        Ok(whom && self.has_action(statement) && self.has_resource(statement) && self.conditions_hold(statement)?)
    }

    /// Whether the principal of a bucket policy's statement is everyone, or the user.
    fn names_requester(&self, statement: &Map<String, Value>) -> bool {
        let principals = match statement.get("Principal") {
            Some(Value::Object(members)) => members.get("AWS").map(texts).unwrap_or_default(),
            Some(principal) => texts(principal),
            None => Vec::new(),
        };
        let is_user = |principal: &str| {
            self.request.user.is_some_and(|user| {
                principal == user
                    || principal.starts_with("arn:aws:iam::") && principal.ends_with(&format!(":user/{user}"))
            })
        };
        principals.into_iter().any(|principal| principal == "*" || is_user(principal))
    }

    fn has_action(&self, statement: &Map<String, Value>) -> bool {
        let (action, is_aws) = (self.request.action, self.reading.rules == S3Rules::Aws);
        // Measured: the action of reading versions, written exactly, implies that of reading.
        let is = |pattern: &str| {
            if is_aws {
                return self.pattern(&pattern.to_lowercase()).covers(&action.to_lowercase());
            }
            self.pattern(pattern).covers(action) || pattern == "s3:GetObjectVersion" && action == "s3:GetObject"
        };
        self.names(statement, "Action", "NotAction", is)
    }

    fn has_resource(&self, statement: &Map<String, Value>) -> bool {
        let resource = self.resource();
        let of_bucket = resource.strip_suffix('/').filter(|rest| !rest.is_empty() && !rest.ends_with('/'));
        let is = |pattern: &str| {
            let text = pattern.strip_prefix(ARN).unwrap_or(pattern);
            let Some(pattern) = self.filled_in(text) else { return false };
            let is_bucket = self.reading.rules != S3Rules::Aws && of_bucket.is_some_and(|name| pattern.is(name));
            pattern.covers(&resource) || is_bucket
        };
        self.names(statement, "Resource", "NotResource", is)
    }

    /// Whether an element names what the request has, or its opposite does not. The older server does not know the opposites.
    fn names(&self, statement: &Map<String, Value>, element: &str, opposite: &str, is: impl Fn(&str) -> bool) -> bool {
        let opposite = statement.get(opposite).filter(|_| self.reading.rules != S3Rules::Minio2021);
        match (statement.get(element), opposite) {
            (Some(named), _) => texts(named).into_iter().any(is),
            (None, Some(named)) => !texts(named).into_iter().any(is),
            (None, None) => false,
        }
    }

    /// The resource as servers write it. Those of the lineage: a bucket with a slash, a key without the slashes in front of it.
    fn resource(&self) -> String {
        let rest = self.request.arn.strip_prefix(ARN).unwrap_or("");
        if self.reading.rules == S3Rules::Aws {
            return if self.request.arn == "*" { "*".to_owned() } else { rest.to_owned() };
        }
        match rest.split_once('/') {
            Some((bucket, key)) if !key.is_empty() => format!("{bucket}/{}", key.trim_start_matches('/')),
            _ if rest == "*" => "/".to_owned(),
            _ => format!("{}/", rest.trim_end_matches('/')),
        }
    }

    fn pattern(&self, text: &str) -> Pattern {
        Pattern::new(self.reading.rules == S3Rules::Minio2026).and(text)
    }

    /// A pattern with the name of the user in place of its variable. `None` if the request has no such value.
    fn filled_in(&self, text: &str) -> Option<Pattern> {
        const USERNAME: &str = "${aws:username}";
        let username = self.reading.username;
        match self.reading.rules {
            S3Rules::Minio2021 | S3Rules::Minio2026 => {
                let text = if text.contains(USERNAME) { text.replace(USERNAME, username?) } else { text.to_owned() };
                Some(self.pattern(&text))
            }
            S3Rules::Aws if !self.has_variables() => Some(self.pattern(text)),
            S3Rules::Aws => {
                let mut pattern = Pattern::new(false);
                let mut rest = text;
                while let Some((before, after)) = rest.split_once("${") {
                    let (name, after) = after.split_once('}')?;
                    pattern = pattern.and(before).and_exactly(match name {
                        "*" | "?" | "$" => name,
                        name if name.eq_ignore_ascii_case("aws:username") => username?,
                        name => self.given(name)?,
                    });
                    rest = after;
                }
                Some(pattern.and(rest))
            }
        }
    }

    /// AWS: variables are text in documents of the first version.
    fn has_variables(&self) -> bool {
        self.document.get("Version").and_then(Value::as_str) == Some("2012-10-17")
    }

    fn given(&self, key: &str) -> Option<&str> {
        let mut keys = self.request.keys.iter();
        keys.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    fn conditions_hold(&self, statement: &Map<String, Value>) -> Result<bool, SimError> {
        let clauses = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
        for (operator, tests) in clauses {
            for (key, values) in tests.as_object().into_iter().flatten() {
                if !self.holds(operator, key, &wanted(values))? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn holds(&self, name: &str, key: &str, wanted: &[String]) -> Result<bool, SimError> {
        let value = if key.eq_ignore_ascii_case("aws:username") { self.reading.username } else { self.given(key) };
        if name == "Null" {
            return Ok(value.is_none() == wanted.iter().any(|wanted| wanted == "true"));
        }
        let operator = Operator::parse(name);
        let operator = operator.ok_or_else(|| SimError(format!("{}: `{name}` is not evaluated here", self.name)))?;
        let Some(value) = value else { return Ok(operator.negated || operator.if_exists) };
        let compares = |wanted: &String| {
            // A variable without a value is equal to nothing.
            let pattern = self.filled_in(wanted);
            match operator.comparison {
                Comparison::Equal => pattern.is_some() && self.replaced(wanted) == value,
                Comparison::EqualInAnyCase => {
                    pattern.is_some() && self.replaced(wanted).to_lowercase() == value.to_lowercase()
                }
                Comparison::Like => pattern.is_some_and(|pattern| pattern.covers(value)),
                Comparison::Truth => wanted.eq_ignore_ascii_case(value),
                Comparison::Address => is_in(wanted, value),
                Comparison::Number(relation) => relation.of_numbers(value, wanted),
                Comparison::Date(relation) => relation.of_dates(value, wanted),
            }
        };
        Ok(wanted.iter().any(compares) != operator.negated)
    }

    /// A text with the name of the user in place of its variable.
    fn replaced(&self, text: &str) -> String {
        text.replace("${aws:username}", self.reading.username.unwrap_or("${aws:username}"))
    }
}

/// Whether two statements say the same, whatever their ids.
fn is_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let sorted = |statement: &Map<String, Value>, element: &str| {
        let mut texts = statement.get(element).map(texts).unwrap_or_default();
        texts.sort_unstable();
        texts.dedup();
        texts.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    ["Effect", "Action", "Resource"].iter().all(|element| sorted(one, element) == sorted(other, element))
        && one.get("Condition") == other.get("Condition")
}

/// A text, or the texts of an array.
pub(in crate::sim) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// The wanted values of a condition as texts.
fn wanted(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
        Value::Array(items) => items.iter().flat_map(wanted).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> ClusterState {
        let own = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::home/${aws:username}/*","arn:aws:s3:::open/*"]},
            {"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}]}"#;
        let policy = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::mixed/*"],
             "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
            {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::1:user/bob"]},"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::mixed/*"]},
            {"Effect":"Deny","Principal":{"AWS":"*"},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::mixed/secret/*"]}]}"#;
        let text = format!(
            r#"{{"tenants":{{"Root":{{"users":{{"alice":{{"policy":"own"}},"bob":{{}}}},"policies":{{"own":{{"document":{own}}}}},
            "buckets":{{"open":{{"policy":"public"}},"home":{{}},"mixed":{{"policy":{policy}}}}}}}}}}}"#
        );
        serde_json::from_str::<ClusterState>(&text).unwrap().complete().unwrap()
    }

    fn ask(user: Option<&str>, action: &str, arn: &str, address: &str, scope: BucketPolicyScope) -> bool {
        let keys = BTreeMap::from([("aws:SourceIp".to_owned(), address.to_owned())]);
        let request = Request { tenant: "Root", user, action, arn, keys: &keys };
        check(&cluster(), &request, scope).unwrap().is_allowed()
    }

    #[test]
    fn a_bucket_policy_decides_requests_without_a_login_and_beside_the_users_by_the_union() {
        use BucketPolicyScope::{Anonymous, Union};
        for (user, action, key, address, anonymous, union) in [
            (None, "s3:GetObject", "open/a", "1.1.1.1", true, true),
            (None, "s3:ListBucket", "open", "1.1.1.1", true, true),
            (None, "s3:GetBucketPolicy", "open", "1.1.1.1", false, false),
            (None, "s3:ListBucket", "home", "1.1.1.1", false, false),
            (None, "s3:GetObject", "mixed/a", "10.1.1.1", true, true),
            (None, "s3:GetObject", "mixed/a", "11.1.1.1", false, false),
            (None, "s3:GetObject", "mixed/secret/a", "10.1.1.1", false, false),
            (None, "s3:PutObject", "mixed/a", "10.1.1.1", false, false),
            (Some("bob"), "s3:GetObject", "open/a", "1.1.1.1", false, true),
            (Some("bob"), "s3:PutObject", "mixed/a", "1.1.1.1", false, true),
            (Some("alice"), "s3:PutObject", "mixed/a", "1.1.1.1", false, false),
            (Some("alice"), "s3:PutObject", "home/alice/a", "1.1.1.1", true, true),
            (Some("alice"), "s3:PutObject", "home/bob/a", "1.1.1.1", false, false),
            (Some("alice"), "s3:DeleteObject", "open/a", "1.1.1.1", false, false),
            (None, "s3:DeleteObject", "open/a", "1.1.1.1", true, true),
        ] {
            let arn = format!("arn:aws:s3:::{key}");
            let found = [Anonymous, Union].map(|scope| ask(user, action, &arn, address, scope));
            assert_eq!(found, [anonymous, union], "{user:?} {action} {key} {address}");
        }
    }

    #[test]
    fn what_cannot_be_decided_is_an_error() {
        let state = cluster();
        let keys = BTreeMap::new();
        for (user, arn) in [(Some("nobody"), "arn:aws:s3:::open"), (None, "open/a")] {
            let request = Request { tenant: "Root", user, action: "s3:GetObject", arn, keys: &keys };
            assert!(check(&state, &request, BucketPolicyScope::Anonymous).is_err(), "{arn}");
        }
    }
}
