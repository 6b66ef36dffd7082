//! What is known about the sender of a request before it is sent: its name, and keys that every request has.

use std::collections::BTreeSet;

use super::conditions::{Atom, Atoms, split};
use super::glob::Glob;
use super::patterns::{Dialect, KeyValue};
use super::values::{value_within, values_apart};

/// Keys of every request, also if the client does not send them.
const OF_EVERY_REQUEST: [&str; 7] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:Referer",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
    "s3:versionid",
];

/// Keys of every request with a login.
const OF_EVERY_LOGIN: [&str; 6] = [
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    "s3:authType",
    "s3:signatureversion",
    "s3:x-amz-content-sha256",
];

/// Whether every request to a MinIO server has a key, if it has a login.
pub fn is_in_every_request(key: &str) -> bool {
    OF_EVERY_REQUEST.contains(&key) || OF_EVERY_LOGIN.contains(&key)
}

impl Atoms {
    /// The answer to an atom, if a request has these values of some keys and they decide it.
    pub(super) fn answer(&self, atom: usize, known: &[(&str, &str)]) -> Option<bool> {
        let Atom::Condition(condition) = self.get(atom) else { return None };
        let (_, value) = known.iter().find(|(key, _)| key.eq_ignore_ascii_case(&condition.key))?;
        if condition.open {
            return None;
        }
        let (_, test, _) = split(&condition.operator);
        if test == "Null" {
            return Some(condition.values == ["false"]);
        }
        let mut values = condition.values.iter();
        if values.clone().any(|given| value_within(("StringEquals", value), (test, given))) {
            return Some(true);
        }
        values.all(|given| values_apart(("StringEquals", value), (test, given))).then_some(false)
    }

    /// The answer to an atom, if it is a condition and the request does not have its key.
    pub(super) fn answer_if_absent(&self, atom: usize) -> Option<bool> {
        let Atom::Condition(condition) = self.get(atom) else { return None };
        let (quantifier, test, accepts_absence) = split(&condition.operator);
        if test == "Null" {
            return Some(condition.values == ["true"]);
        }
        Some(accepts_absence || quantifier == "ForAllValues:")
    }
}

impl<'a> Dialect<'a> {
    /// The operator without `IfExists`, if the key is never absent.
    pub(super) fn without_absence<'o>(self, operator: &'o str, key: &str) -> &'o str {
        operator.strip_suffix("IfExists").filter(|_| self.is_never_absent(key)).unwrap_or(operator)
    }

    /// The answer to a condition that no request can change. The operator is not negated.
    pub(super) fn known_answer(self, operator: &str, key: &str, values: &BTreeSet<String>) -> Option<bool> {
        if operator == "Null" && self.is_never_absent(key) {
            return truth(values).map(|absent| !absent);
        }
        let (quantifier, test, accepts_absence) = split(operator);
        let value = match self.value_of(key) {
            KeyValue::Is(value) => value,
            KeyValue::Absent if test == "Null" => return truth(values),
            KeyValue::Absent => return Some(accepts_absence || quantifier == "ForAllValues:"),
            KeyValue::Unknown => return None,
        };
        let answers = values.iter().map(|given| fulfills(test, given, value));
        answers.reduce(|any, one| match (any, one) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            (None, _) | (_, None) => None,
        })?
    }

    fn is_never_absent(self, key: &str) -> bool {
        let of_every = |keys: &[&str]| keys.iter().any(|known| self.is_key(known, key));
        matches!(self.value_of(key), KeyValue::Is(_))
            || self.rules.keys_always_present
                && (of_every(&OF_EVERY_REQUEST) || self.requester.user.is_some() && of_every(&OF_EVERY_LOGIN))
    }

    fn value_of(self, key: &str) -> KeyValue<'a> {
        if self.is_key("aws:username", key) || self.rules.userid_is_username && self.is_key("aws:userid", key) {
            self.user_name()
        } else if !self.is_key("aws:principaltype", key) {
            KeyValue::Unknown
        } else if self.requester.is_anonymous {
            KeyValue::Is("Anonymous")
        } else if self.requester.user.is_some_and(|(_, has_own_keys)| has_own_keys) {
            KeyValue::Is("User")
        } else {
            KeyValue::Unknown
        }
    }

    /// The value of `aws:username`. Without a login, servers of MinIO take it for empty.
    pub(super) fn user_name(self) -> KeyValue<'a> {
        match self.requester.name {
            Some(name) => KeyValue::Is(name),
            None if !self.requester.is_anonymous => KeyValue::Unknown,
            None if self.rules.keys_always_present => KeyValue::Is(""),
            None => KeyValue::Absent,
        }
    }

    fn is_key(self, known: &str, key: &str) -> bool {
        known == key || self.rules.key_case_ignored && known.eq_ignore_ascii_case(key)
    }
}

/// The value of a test for absence. `None` if it is not one of two.
fn truth(values: &BTreeSet<String>) -> Option<bool> {
    match values.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["true"] => Some(true),
        ["false"] => Some(false),
        _ => None,
    }
}

/// Whether a value fulfills a test. `None` if servers may disagree, or the given text has a variable.
fn fulfills(test: &str, given: &str, value: &str) -> Option<bool> {
    match test {
        _ if given.contains("${") => None,
        "StringEquals" => Some(given == value),
        "StringEqualsIgnoreCase" if given.is_ascii() && value.is_ascii() => Some(given.eq_ignore_ascii_case(value)),
        // Some servers take `?` for one byte.
        "StringLike" if value.is_ascii() || !given.contains('?') => Some(Glob::parse(given).matches(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Credentials, Request, Rules, Verdict, decide};
    use crate::policy::Catalogue;
    use crate::policy::testing::{document, statement};

    /// The verdicts by the rules of 2021, 2026 and AWS about reading with a condition, by the user `al`.
    fn verdicts(condition: &str, credentials: Credentials) -> [Verdict; 3] {
        let condition = format!(r#", "Condition": {{{condition}}}"#);
        let document = document(&statement("Allow", "s3:GetObject", "b/*", &condition));
        let catalogue = Catalogue::newest();
        let request = Request::parse("s3:GetObject", "b/k", &catalogue).unwrap();
        let context = Context::new(&catalogue).with_user("al").with_credentials(credentials);
        [Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS]
            .map(|rules| decide(Some(&document), &request, &context, rules).verdict)
    }

    const YES: Verdict = Verdict::Allowed;
    const NO: Verdict = Verdict::Denied;
    const OPEN: Verdict = Verdict::Depends;

    #[test]
    fn the_name_of_a_user_with_its_own_keys_is_known() {
        let own = |condition: &str| verdicts(condition, Credentials::Own);
        for holds in [
            r#""StringEquals": {"aws:username": ["bo", "al"]}"#,
            r#""StringNotEquals": {"aws:username": "bo"}"#,
            r#""StringLike": {"aws:username": "a*"}"#,
            r#""StringEqualsIgnoreCase": {"aws:username": "AL"}"#,
            r#""StringEqualsIfExists": {"aws:username": "${aws:username}"}"#,
            r#""Null": {"aws:username": "false"}"#,
            r#""StringEquals": {"aws:principaltype": "User"}"#,
        ] {
            assert_eq!(own(holds), [YES; 3], "{holds}");
        }
        assert_eq!(own(r#""StringEquals": {"aws:username": "bo"}"#), [NO; 3]);
        assert_eq!(own(r#""StringEquals": {"aws:userid": "al"}"#), [YES, YES, OPEN]);
        assert_eq!(own(r#""StringEquals": {"aws:username": "${jwt:sub}"}"#), [OPEN; 3]);
    }

    #[test]
    fn temporary_credentials_may_have_another_name() {
        let any = |condition: &str| verdicts(condition, Credentials::Any);
        assert_eq!(any(r#""StringEquals": {"aws:username": "al"}"#), [OPEN, YES, OPEN]);
        assert_eq!(any(r#""StringNotEquals": {"aws:username": "al"}"#), [OPEN, NO, OPEN]);
        assert_eq!(any(r#""StringEquals": {"aws:principaltype": "User"}"#), [OPEN; 3]);
    }

    #[test]
    fn keys_of_every_request_are_never_absent_on_minio() {
        let own = |condition: &str| verdicts(condition, Credentials::Own);
        for key in ["s3:versionid", "aws:Referer", "aws:SourceIp", "s3:signatureversion"] {
            assert_eq!(own(&format!(r#""Null": {{"{key}": "true"}}"#)), [NO, NO, OPEN], "{key}");
            assert_eq!(own(&format!(r#""Null": {{"{key}": "false"}}"#)), [YES, YES, OPEN], "{key}");
        }
        assert_eq!(own(r#""Null": {"s3:prefix": "true"}"#), [OPEN; 3]);
    }
}
