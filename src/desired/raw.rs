//! The file as it is written: what serde reads and what the JSON Schema describes. Nothing is required here;
//! what must be there is said by `resolve`, with a place.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::at::{At, Day, Entries, Limits, Table, Texts};

/// Desired state of the S3 access of a WEKA cluster, kept by attune.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "attune.toml")]
pub(super) struct RawFile {
    /// Further files of the same shape, as paths or patterns relative to this one, such as `teams/*.toml`, inside the
    /// repository. They hold policies, users and groups only; a name declared twice is an error.
    pub include: Vec<At<String>>,
    /// The cluster this file is about, and how to reach it.
    pub cluster: Option<At<RawCluster>>,
    /// What may be removed or detached although no file declares it. Default: nothing.
    pub ownership: Option<At<RawOwnership>>,
    /// Limits on what one apply may take away.
    pub guards: Option<At<RawGuards>>,
    /// What `attune drift` does not report.
    pub drift: Option<At<RawDrift>>,
    /// How policy documents are checked.
    pub lint: Option<At<RawLint>>,
    /// Where a new secret goes, which the cluster shows once.
    pub credentials: Option<At<RawCredentials>>,
    /// The policies, by name.
    pub policies: Table<RawPolicy>,
    /// The users, by name.
    pub users: Table<RawUser>,
    /// The groups, by name: from 6.0, and over the `weka` command only.
    pub groups: Table<RawGroup>,
}

/// The cluster and how to reach it. Credentials come from the environment, never from this file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCluster {
    /// Management endpoints, such as `https://weka01.example.com:14000`; the next one is tried when one cannot be
    /// reached. `sim:PATH` is a simulated cluster kept in a file.
    pub endpoints: Vec<At<String>>,
    /// The tenant ("organization" before 5.1). Default: the one the login belongs to.
    pub tenant: Option<At<String>>,
    /// PEM file with the certificates to trust, relative to this file.
    pub ca_file: Option<At<String>>,
    /// The cluster certificate's fingerprint to trust, `sha256:` and 64 hexadecimal digits.
    pub fingerprint: Option<At<String>>,
    /// What the cluster is reached through: its REST interface (default), or the `weka` command of a host that is logged
    /// in.
    pub via: Option<RawVia>,
    /// The release to speak to the cluster as, such as `5.1`. Default: the one that the cluster tells.
    pub release: Option<At<String>>,
    /// How a policy's document is replaced: `swap` (default) keeps every holder's access throughout, `gap` takes
    /// fewer calls and leaves holders without access for a moment.
    pub replace: Option<RawStrategy>,
}

/// What a cluster is reached through.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawVia {
    /// Its REST interface.
    Rest,
    /// The `weka` command.
    Weka,
}

/// How a policy's document is replaced.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawStrategy {
    /// By way of a transitional policy: nobody is without access at any instant.
    Swap,
    /// Detach, remove, add, attach: holders have no access for a moment.
    Gap,
}

/// What may be removed or detached although no file declares it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOwnership {
    /// Patterns of policy names (`*` any run, `?` one character): such a policy is removed when no file declares it.
    pub policies: Vec<At<String>>,
    /// Patterns of user names: such a user is detached when no file declares it.
    pub users: Vec<At<String>>,
    /// Patterns of group names: such a group is detached when no file declares it.
    pub groups: Vec<At<String>>,
}

/// Limits on what one apply may take away.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGuards {
    /// How many policies may be removed: a number, or a percentage of the policies on the cluster such as `"10%"`
    /// (predefined ones do not count), or a list of limits that all hold. Nothing is rounded: 1 of 5 exceeds 10%.
    #[schemars(with = "Option<Limits>")]
    pub max_removals: Option<Entries>,
    /// How many users and groups may be left without access: a number, or a percentage of those that hold a policy such as
    /// `"10%"`, or a list of limits that all hold. Nothing is rounded: 1 of 5 exceeds 10%.
    #[schemars(with = "Option<Limits>")]
    pub max_detached: Option<Entries>,
    /// Users that are never detached or moved, by name or pattern (`*` any run, `?` one character).
    pub protected_users: Vec<At<String>>,
    /// Groups that are never detached or moved, by name or pattern.
    pub protected_groups: Vec<At<String>>,
    /// Policies that are never removed or replaced, by name or pattern.
    pub protected_policies: Vec<At<String>>,
    /// Whether a plan that gives anybody new access is refused.
    pub deny_new_access: Option<bool>,
}

/// What `attune drift` does not report.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDrift {
    /// Objects that may differ from the file without being reported, each for a reason and until a day.
    pub ignore: Vec<At<RawIgnore>>,
}

/// Objects that may differ from the file without being reported.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIgnore {
    /// Which: `policy/NAME`, `user/NAME` or `group/NAME`, where `*` stands for any run of characters and `?` for one.
    pub object: Option<At<String>>,
    /// Why; it is reported.
    pub reason: Option<At<String>>,
    /// The last day (UTC) on which it is ignored, such as `2030-12-31`.
    pub until: Option<At<Day>>,
}

/// How policy documents are checked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLint {
    /// Rules that may be broken without a word, such as `R07` or `wrong-kind`. What makes a document unreadable is
    /// always an error.
    pub allow: Vec<At<String>>,
}

/// Where a new secret goes, which the cluster shows once: exactly one of `age`, `command` and `file`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCredentials {
    /// age recipients; one encrypted file per user is written under `dir`.
    pub age: Option<Vec<At<String>>>,
    /// The directory for `age` and `file`, relative to this file.
    pub dir: Option<At<String>>,
    /// A program and its arguments; it gets the secret as JSON on its standard input. `{user}`, `{cluster}` and
    /// `{tenant}` stand for their names. A program with a `/` is relative to this file, another is looked for in `PATH`.
    pub command: Option<Vec<At<String>>>,
    /// Whether to write plain JSON files, mode 0600, under `dir`.
    pub file: Option<bool>,
}

/// One policy: a document by path or inline, or a tombstone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPolicy {
    /// What the policy is for; shown to reviewers, not sent to the cluster.
    pub description: Option<String>,
    /// Path of the JSON document, relative to this file and inside the repository.
    pub document: Option<At<String>>,
    /// The document's statements, inline.
    pub statement: Option<Vec<At<RawStatement>>>,
    /// A tombstone: the policy is removed if it is there.
    pub absent: Option<bool>,
    /// How this policy's document is checked, beside what holds for all.
    pub lint: Option<RawLint>,
}

/// A statement, one to one with the JSON.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStatement {
    /// The statement's id.
    pub sid: Option<At<String>>,
    /// Whether it allows or denies.
    pub effect: Option<At<RawEffect>>,
    /// The actions, such as `s3:GetObject`.
    #[schemars(with = "Option<Texts>")]
    pub action: Option<Entries>,
    /// All actions but these.
    #[schemars(with = "Option<Texts>")]
    pub not_action: Option<Entries>,
    /// The resources, such as `arn:aws:s3:::bucket/*`.
    #[schemars(with = "Option<Texts>")]
    pub resource: Option<Entries>,
    /// All resources but these.
    #[schemars(with = "Option<Texts>")]
    pub not_resource: Option<Entries>,
    /// Conditions: operator, key, values.
    pub condition: BTreeMap<At<String>, BTreeMap<At<String>, Entries>>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum RawEffect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// One user: the policy it holds, or that it holds none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUser {
    /// The one policy the user holds, declared here or present on the cluster.
    pub policy: Option<At<String>>,
    /// The user must hold no policy; its key pair is kept.
    pub detached: Option<bool>,
    /// Before the detach, generate a new key pair and throw it away, so that the old one is dead. Only beside
    /// `detached = true`, and only when this run detaches the user: a pair can be generated only while it holds a policy.
    pub revoke_keys: Option<At<bool>>,
}

/// One group: the policy it holds, or that it holds none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGroup {
    /// The one policy the group holds, declared here or present on the cluster.
    pub policy: Option<At<String>>,
    /// The group must hold no policy.
    pub detached: Option<bool>,
}
