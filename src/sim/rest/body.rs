//! Request bodies, read strictly: what the definition does not have is an error, so that a client's mistake shows.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::route::{Change, Look, Route};
use crate::sim::document::Document;
use crate::sim::json;
use crate::sim::release::Behaviour;
use crate::sim::rules::Refusal;

/// The type of a member, by the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A number; everywhere in this API a whole one that is not negative.
    Number,
    Object,
    /// A JSON object, or a string that holds one.
    ObjectOrText,
}

/// A member a body can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

fn required(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, required: true }
}

fn optional(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, required: false }
}

/// A body that fits its call.
#[derive(Debug)]
pub(super) struct Body(BTreeMap<String, Box<RawValue>>);

impl Body {
    /// Reads the body of a call.
    ///
    /// # Errors
    /// 400: it is not JSON, names a member twice, has one the definition does not have or lacks one it requires,
    /// or a member is of another type.
    pub(super) fn read(
        route: &Route,
        behaviour: &Behaviour,
        content_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Self, Refusal> {
        let members = members(route, behaviour);
        if members.is_empty() {
            // These calls have no body; what a cluster does with one is unknown.
            return Ok(Self(BTreeMap::new()));
        }
        let media_type = content_type.and_then(|content_type| content_type.split(';').next()).map(str::trim);
        if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
            return Err(Refusal::invalid("the content type of the body must be application/json"));
        }
        let broken = |error: &dyn std::fmt::Display| Refusal::invalid(format!("the body cannot be read: {error}"));
        let text = str::from_utf8(bytes).map_err(|error| broken(&error))?;
        json::check(text).map_err(|error| broken(&error))?;
        let body: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(|error| broken(&error))?;
        check(&members, &body)?;
        Ok(Self(body))
    }

    /// A text that is required. That it is there was checked by [`read`](Self::read).
    #[must_use]
    pub(super) fn text(&self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    /// A text that can be left out.
    #[must_use]
    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        self.value(name)
    }

    /// A number that can be left out.
    #[must_use]
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.value(name)
    }

    /// A POSIX id that can be left out.
    ///
    /// # Errors
    /// It is too large for one.
    pub(super) fn posix_id(&self, name: &str) -> Result<Option<u32>, Refusal> {
        let id = self.number(name).map(u32::try_from).transpose();
        id.map_err(|_| Refusal::param(name, format!("{name} is too large")))
    }

    /// A policy document that can be left out, given as an object or as JSON in a string.
    ///
    /// # Errors
    /// The string does not hold JSON.
    pub(super) fn document(&self, name: &str) -> Result<Option<Document>, Refusal> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        let inner = self.optional_text(name);
        let text = inner.as_deref().unwrap_or(raw.get());
        let wrong = |error| Refusal::param(name, format!("Invalid policy: {error}"));
        Document::parse(text).map(Some).map_err(wrong)
    }

    fn value<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

/// The members of a call's body, as the definition of the release has them.
pub(super) fn members(route: &Route, behaviour: &Behaviour) -> Vec<Member> {
    match route {
        Route::Login => {
            vec![required("username", Kind::Text), required("password", Kind::Text), optional("org", Kind::Text)]
        }
        Route::Refresh => {
            let mut members = vec![required("refresh_token", Kind::Text)];
            if behaviour.refresh_takes_expiry {
                members.push(optional("access_token_expiry", Kind::Number));
                members.push(optional("refresh_token_expiry", Kind::Number));
            }
            members
        }
        Route::Look(look) => match look {
            Look::Sts => vec![
                required("access_key", Kind::Text),
                required("secret_key", Kind::Text),
                required("duration", Kind::Number),
                optional("policy_file_content", Kind::ObjectOrText),
            ],
            Look::Definition
            | Look::Cluster
            | Look::Tenants
            | Look::Tenant(_)
            | Look::WhoAmI
            | Look::Users
            | Look::S3
            | Look::IdentityProvider
            | Look::UserPolicies
            | Look::Policies
            | Look::Policy(_) => Vec::new(),
        },
        Route::Change(change) => members_of_change(change, behaviour),
    }
}

fn members_of_change(change: &Change, behaviour: &Behaviour) -> Vec<Member> {
    match change {
        // The definition requires nothing here; a user without a name or a password is assumed to be refused.
        Change::AddUser => {
            let mut members = vec![
                required("username", Kind::Text),
                required("password", Kind::Text),
                optional("role", Kind::Text),
                optional("posix_uid", Kind::Number),
                optional("posix_gid", Kind::Number),
            ];
            if behaviour.tenants {
                members.push(optional("org", Kind::Text));
            }
            members
        }
        Change::User(_) => {
            vec![optional("role", Kind::Text), optional("posix_uid", Kind::Number), optional("posix_gid", Kind::Number)]
        }
        Change::AddPolicy => {
            let kind = if behaviour.content_may_be_text { Kind::ObjectOrText } else { Kind::Object };
            vec![required("policy_name", Kind::Text), required("policy_file_content", kind)]
        }
        // The definition requires `policy` and `user`, which it does not have: an error in it. Clients send these.
        Change::Attach => vec![required("policy_name", Kind::Text), required("user_name", Kind::Text)],
        Change::Detach => vec![required("user_name", Kind::Text)],
        Change::RemoveUser(_) | Change::DeleteS3 | Change::RemovePolicy(_) => Vec::new(),
    }
}

fn check(members: &[Member], body: &BTreeMap<String, Box<RawValue>>) -> Result<(), Refusal> {
    if let Some(unknown) = body.keys().find(|name| members.iter().all(|member| member.name != *name)) {
        return Err(Refusal::param(unknown, format!("{unknown} is not a parameter of this call")));
    }
    let missing = members.iter().filter(|member| member.required && !body.contains_key(member.name));
    let missing: Vec<String> = missing.map(|member| member.name.to_owned()).collect();
    if !missing.is_empty() {
        return Err(Refusal::Missing(missing));
    }
    let fits = |member: &Member| body.get(member.name).is_none_or(|raw| member.kind.fits(raw.get()));
    match members.iter().find(|member| !fits(member)) {
        Some(member) => Err(Refusal::param(member.name, format!("{} must be {}", member.name, member.kind.name()))),
        None => Ok(()),
    }
}

impl Kind {
    fn fits(self, json: &str) -> bool {
        match self {
            Self::Text => json.starts_with('"'),
            Self::Number => json.parse::<u64>().is_ok(),
            Self::Object => json.starts_with('{'),
            Self::ObjectOrText => json.starts_with(['{', '"']),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::ObjectOrText => "an object or a string",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimRelease;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");

    fn read(release: &str, route: &Route, text: &str) -> Result<Body, Refusal> {
        let behaviour = release.parse::<SimRelease>().unwrap().behaviour();
        Body::read(route, behaviour, JSON, text.as_bytes())
    }

    fn problem(release: &str, route: &Route, text: &str) -> Refusal {
        read(release, route, text).unwrap_err()
    }

    #[test]
    fn what_the_definition_does_not_have_is_refused() {
        let param = |refusal| {
            let Refusal::Invalid { param: Some(param), .. } = refusal else { panic!("{refusal:?}") };
            param
        };
        assert_eq!(param(problem("5.1", &Route::Change(Change::Detach), r#"{"user_name":1}"#)), "user_name");
        assert_eq!(param(problem("5.1", &Route::Change(Change::Detach), r#"{"user_name":null}"#)), "user_name");
        assert_eq!(
            param(problem("4.4", &Route::Change(Change::AddUser), r#"{"username":"a","password":"b","org":"c"}"#)),
            "org"
        );
        assert_eq!(
            param(problem("4.0", &Route::Refresh, r#"{"refresh_token":"","access_token_expiry":1}"#)),
            "access_token_expiry"
        );
        read("4.4", &Route::Refresh, r#"{"refresh_token":"","access_token_expiry":1}"#).unwrap();
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let missing = vec!["policy_name".to_owned(), "user_name".to_owned()];
        assert_eq!(problem("5.1", &Route::Change(Change::Attach), "{}"), Refusal::Missing(missing));
    }

    #[test]
    fn a_body_is_one_json_object_without_doubles() {
        for text in ["", "{", "[]", "null", r#"{"user_name":"a"}{}"#, r#"{"user_name":"a","user_name":"b"}"#] {
            assert!(matches!(problem("5.1", &Route::Change(Change::Detach), text), Refusal::Invalid { .. }), "{text}");
        }
        let behaviour = SimRelease::default().behaviour();
        for content_type in [None, Some("text/plain"), Some("application/json5")] {
            assert!(
                Body::read(&Route::Change(Change::Detach), behaviour, content_type, br#"{"user_name":"a"}"#).is_err()
            );
        }
        Body::read(&Route::Look(Look::Policies), behaviour, None, b"").unwrap();
    }

    #[test]
    fn a_document_in_a_string_is_for_old_releases() {
        let (object, text) = (
            r#"{"policy_name":"a","policy_file_content":{"x": 1.0}}"#,
            r#"{"policy_name":"a","policy_file_content":"{\"x\": 1.0}"}"#,
        );
        for (release, body) in [("3.14", object), ("3.14", text), ("4.0", text), ("4.4", object), ("5.1", object)] {
            let body = read(release, &Route::Change(Change::AddPolicy), body).unwrap();
            assert_eq!(body.document("policy_file_content").unwrap().unwrap().as_str(), r#"{"x":1.0}"#);
        }
        for release in ["4.4", "5.1"] {
            problem(release, &Route::Change(Change::AddPolicy), text);
        }
        let body =
            read("4.0", &Route::Change(Change::AddPolicy), r#"{"policy_name":"a","policy_file_content":"{"}"#).unwrap();
        assert!(body.document("policy_file_content").is_err());
    }
}
