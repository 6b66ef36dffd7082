//! What a configuration changes beside the objects that it declares, for machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Declared, NewKeys, PlanOption, Review, SettingChange, Undeclared};

/// What a configuration changes beside the objects that it declares, compared with the revision of `--base`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReviewV1 {
    /// The revision or file, as it was given.
    pub revision: String,
    /// What is no longer declared.
    pub undeclared: Vec<UndeclaredV1>,
    /// The settings that are not the same. The plan is made with those of the revision; of `[guards]`, both hold.
    pub settings: Vec<SettingChangeV1>,
}

/// A policy, user or group that is no longer declared.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UndeclaredV1 {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// The policy, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The user, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The declaration of the revision.
    pub declared: DeclaredV1,
    /// The policy that the revision declares for a user or group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub had: Option<String>,
    /// Whether `[ownership]` covers it: then it is removed or detached, else it stays as it is, unmanaged.
    pub owned: bool,
}

/// A declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredV1 {
    /// A policy with a document.
    Present,
    /// A policy that is absent.
    Absent,
    /// A user or group with a policy.
    Attached,
    /// A user or group without one.
    Detached,
}

/// A setting that is not the same.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SettingChangeV1 {
    /// Its name, such as `guards.max_removals`.
    pub name: String,
    /// Its value in the revision, as TOML writes it; absent where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value in the configuration; absent where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The keys that a plan may create.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NewKeysV1 {
    /// The users that may get them.
    pub users: Vec<String>,
    /// The destination of their secrets, as `[credentials]` says it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// An option of the run that decides its plan. An apply of the plan needs the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OptionV1 {
    /// Its name, such as `--override`.
    pub name: String,
    /// Its value; of a file, the SHA-256 of its content. Absent where it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl ReviewV1 {
    /// A copy of a review against a revision.
    #[must_use]
    pub fn of(revision: &str, review: &Review) -> Self {
        Self {
            revision: revision.to_owned(),
            undeclared: review.undeclared.iter().map(UndeclaredV1::of).collect(),
            settings: review.settings.iter().map(SettingChangeV1::of).collect(),
        }
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.undeclared.is_empty() && self.settings.is_empty()
    }
}

impl UndeclaredV1 {
    fn of(of: &Undeclared) -> Self {
        let principal = of.principal();
        let (declared, had) = match &of.declared {
            Declared::Present => (DeclaredV1::Present, None),
            Declared::Absent => (DeclaredV1::Absent, None),
            Declared::Has(policy) => (DeclaredV1::Attached, Some(policy.to_string())),
            Declared::Detached => (DeclaredV1::Detached, None),
        };
        Self {
            id: of.id.to_string(),
            policy: of.policy().map(ToString::to_string),
            user: principal.and_then(|who| who.user()).map(ToString::to_string),
            group: principal.and_then(|who| who.group()).map(ToString::to_string),
            declared,
            had,
            owned: of.owned,
        }
    }
}

impl SettingChangeV1 {
    fn of(change: &SettingChange) -> Self {
        Self { name: change.name.clone(), before: change.before.clone(), after: change.after.clone() }
    }
}

impl NewKeysV1 {
    /// A copy of the keys that a plan may create.
    #[must_use]
    pub fn of(keys: &NewKeys) -> Self {
        Self { users: keys.users.iter().map(ToString::to_string).collect(), destination: keys.destination.clone() }
    }
}

impl OptionV1 {
    /// A copy of an option.
    #[must_use]
    pub fn of(option: &PlanOption) -> Self {
        Self { name: option.name.to_owned(), value: option.value.clone() }
    }
}
