//! Behaviours that differ between clusters or are unknown, to be switched, and the limits of a cluster.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It is refused with a 400.
    Refuse,
    /// It is done.
    Allow,
}

/// What an attach does to a user that holds a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachOver {
    /// The new policy takes the place of the one held.
    Replace,
    /// It is refused with a 400.
    Refuse,
}

/// What an add does under a name that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddOver {
    /// It is refused with a 400.
    Refuse,
    /// The new document takes the place of the old one.
    Overwrite,
}

/// The shape in which `GET /s3/policies` lists the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListShape {
    /// `{"data":{"policies":["readonly"]}}`
    Names,
    /// `{"data":{"policies":[{"name":"readonly"}]}}`
    Objects,
    /// `{"data":["readonly"]}`
    BareNames,
    /// `{"data":[{"name":"readonly"}]}`
    BareObjects,
}

/// How often a name is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lists {
    /// Once.
    Once,
    /// Each S3 user twice: the second record is of the directory `LDAP` and has no policy.
    UsersTwice,
    /// Each policy twice.
    PoliciesTwice,
}

/// What the cluster tells of its own interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnDefinition {
    /// What is true.
    Own,
    /// As if the next release had renamed a field: `user_name` is `user`. The calls stay as they are.
    Renamed,
    /// Nothing.
    Missing,
}

/// The shape of an answer to an attach that shows a new key pair, which no definition gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachAnswer {
    /// `{"data":{"access_key":…,"secret_key":…}}`
    Snake,
    /// `{"data":{"accessKey":…,"secretKey":…}}`, as the call that renews a pair answers (a later 5.1).
    Camel,
    /// `{"data":{"access_key_id":…,"secret_access_key":…}}`
    Ids,
    /// One level deeper, in an array.
    Deep,
    /// A text under `data`.
    Text,
    /// A text, and no JSON at all.
    Body,
    /// Members that nobody knows.
    Unknown,
}

/// How this cluster behaves where clusters differ or nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// Removing a policy that somebody holds. The newest documentation has it refused; clients rely on older
    /// releases doing it.
    pub remove_attached: Rule,
    /// Attaching a policy to a user that holds one: done in its place by default.
    pub attach_over: AttachOver,
    /// Adding a policy under a name that exists: what a cluster does is unknown.
    pub add_over: AddOver,
    /// Detaching a user that holds nothing: what a cluster does is unknown.
    pub detach_unattached: Rule,
    /// Whether an attach that makes a key pair shows it in its answer: unknown for REST.
    pub attach_shows_keys: bool,
    /// The shape of that answer.
    pub attach_answer: AttachAnswer,
    /// The shape of the list of policies, which no definition gives.
    pub list_shape: ListShape,
    /// How often a name is in a list: a cluster may have a user in two directories.
    pub lists: Lists,
    /// Whether a policy is shown with its document as JSON in a string.
    pub content_as_string: bool,
    /// Whether `/s3/userPolicies` answers `{"users":…}` as the definition has it, without `data` around it.
    pub user_policies_bare: bool,
    /// Whether `/s3/sts` answers inside `data`; the definition has it bare.
    pub sts_in_data: bool,
    /// Whether an identity provider is configured (`/s3/oidc`, from 5.1). What a cluster without one answers is unknown; here,
    /// `null`.
    pub identity_provider: bool,
    /// What `/docs/schema` answers, from 5.0.
    pub own_definition: OwnDefinition,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            remove_attached: Rule::Refuse,
            attach_over: AttachOver::Replace,
            add_over: AddOver::Refuse,
            detach_unattached: Rule::Refuse,
            attach_shows_keys: true,
            attach_answer: AttachAnswer::Snake,
            list_shape: ListShape::Names,
            lists: Lists::Once,
            content_as_string: false,
            user_policies_bare: false,
            sts_in_data: false,
            identity_provider: false,
            own_definition: OwnDefinition::Own,
        }
    }
}

/// A setting is not one of the switches.
#[derive(Debug, thiserror::Error)]
pub enum SwitchProblem {
    /// It is not of the form `name=value`.
    #[error("`{0}` is not a switch; write `name=value`, such as `remove_attached=allow`")]
    Form(String),
    /// There is no such switch, or it cannot be set to this.
    #[error("`{setting}` is not a switch of the simulator: {source}")]
    Value {
        /// What was given.
        setting: String,
        /// What serde says to it: it lists what there is.
        source: serde_json::Error,
    },
}

impl Switches {
    /// These switches with one set anew, as `name=value`.
    ///
    /// # Errors
    /// Names the switches there are, or the values this one takes.
    pub fn with(self, setting: &str) -> Result<Self, SwitchProblem> {
        let (name, value) = setting.split_once('=').ok_or_else(|| SwitchProblem::Form(setting.to_owned()))?;
        let set = || -> Result<Self, serde_json::Error> {
            let mut all = serde_json::to_value(self)?;
            let value = match value {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => Value::from(other),
            };
            if let Some(members) = all.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
            serde_json::from_value(all)
        };
        set().map_err(|source| SwitchProblem::Value { setting: setting.to_owned(), source })
    }
}

/// How much the cluster takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Policies of one tenant. That the predefined ones count, and that it is per tenant, is assumed.
    pub policies: usize,
    /// Bytes of one document. Which bytes a cluster counts is unknown; here, those of the minified text.
    pub document_bytes: usize,
    /// S3 users of one tenant. That it is per tenant is assumed.
    pub s3_users: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { policies: 1024, document_bytes: 2048, s3_users: 1024 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_set_by_name() {
        let switches =
            Switches::default().with("remove_attached=allow").unwrap().with("content_as_string=true").unwrap();
        assert_eq!(switches.remove_attached, Rule::Allow);
        assert!(switches.content_as_string);
        for wrong in ["remove_attached", "remove_attached=yes", "colour=red", "content_as_string=refuse"] {
            assert!(Switches::default().with(wrong).is_err(), "{wrong}");
        }
    }
}
