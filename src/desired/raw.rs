//! The content of a file as serde reads it and as the JSON Schema describes it. No key is required here: missing ones are
//! findings with a place. The doc comments are the descriptions in the schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::constraints;
use super::raw_contract::{RawEnvelope, RawExpect};
use super::spanned::{At, Day, Entries, Limits, RawTable, RawVar, RuleNames, Table, Time, Values};
use super::{Strategy, Via};

/// The desired state of the S3 access of a WEKA cluster, for attune.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "attune.toml")]
pub(super) struct RawFile {
    /// The versions of attune that may read this configuration, such as `>=0.2` or `>=0.2, <0.4`. Another version refuses it
    /// before anything else.
    pub required_version: Option<At<String>>,
    /// More files to load, as paths or patterns relative to this file, such as `teams/*.toml`. They must lie inside the
    /// repository and may only have policies, users, groups and buckets. Declaring a name twice is an error.
    pub include: Vec<At<String>>,
    /// Variables: `{{NAME}}` in names, descriptions, documents and patterns is replaced by the value. `--var NAME=VALUE` and
    /// the environment variable `ATTUNE_VAR_NAME` go before the value here.
    #[schemars(with = "Table<RawVar>")]
    pub vars: Table<IgnoredAny>,
    /// Tables of rows, by name. An entry with `each = "NAME"` is made once for each row, and `{{COLUMN}}` is replaced by the
    /// value of the row. `{{NAME}}`, with the name of the table, is the name of the row. All files may use a table.
    #[schemars(with = "Table<RawTable>")]
    pub tables: Table<IgnoredAny>,
    /// The cluster, and how to connect to it.
    pub cluster: Option<At<RawCluster>>,
    /// The names that this configuration owns. attune removes or detaches them when they are not declared. Default: none.
    pub ownership: Option<At<RawOwnership>>,
    /// Limits on what one apply may do.
    pub guards: Option<At<RawGuards>>,
    /// Drift that `attune drift` does not report.
    pub drift: Option<At<RawDrift>>,
    /// The checks of policy documents.
    pub lint: Option<At<RawLint>>,
    /// The destination for new secrets. The cluster shows a secret only once.
    pub credentials: Option<At<RawCredentials>>,
    /// The policies, by name.
    pub policies: Table<RawPolicy>,
    /// The users, by name: each a table, or its policy alone, such as `alice = "readonly"`.
    pub users: Table<RawUser>,
    /// The groups, by name: each a table, or its policy alone. Groups need WEKA 6.0 and the `weka` command
    /// (`via = "weka"`).
    #[schemars(with = "Table<RawGroup>")]
    pub groups: Table<RawUser>,
    /// The policies of buckets, by the names of the buckets: each a table, or the name of a policy alone, such as
    /// `datasets = "download"`. attune adds and deletes no buckets.
    pub buckets: Table<RawBucket>,
    /// The policies that an identity provider gives by name, by the names of the policies: the values of its claim. attune
    /// never removes such a policy, and notes a replacement.
    pub roles: Table<RawRole>,
    /// Promises about who can do what. A plan that breaks one is refused.
    pub expect: Vec<At<RawExpect>>,
    /// What included files may declare, and what their policies may give. As soon as there is an envelope, each included file
    /// needs one.
    pub envelope: Vec<At<RawEnvelope>>,
}

/// A policy that an identity provider gives by name.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRole {
    /// Who has the role. Reviewers see it.
    pub description: Option<String>,
}

/// The cluster, and how to connect to it. Logins come from the environment, never from this file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCluster {
    /// The management endpoints, such as `https://weka01.example.com:14000`. attune tries the next one if one cannot be
    /// reached. `sim:PATH` is a simulated cluster in a file.
    pub endpoints: Vec<At<String>>,
    /// The tenant ("organization" before 5.1). Default: the tenant of the login.
    pub tenant: Option<At<String>>,
    /// The tenants, if this file is for several: a list of names, or `["*"]` for all that the login may list. Each of them is
    /// planned for itself.
    pub tenants: Option<At<Vec<At<String>>>>,
    /// A PEM file with the certificates to trust, relative to this file.
    pub ca_file: Option<At<String>>,
    /// The fingerprint of the cluster certificate to trust: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: Option<At<String>>,
    /// The addresses of the S3 service, such as `https://s3.example.com:9000`. `attune verify` asks the first one.
    pub s3_endpoints: Vec<At<String>>,
    /// A PEM file with the certificates to trust for the S3 service, relative to this file.
    pub s3_ca_file: Option<At<String>>,
    /// The fingerprint of the certificate of the S3 service: `sha256:` and 64 hexadecimal digits.
    pub s3_fingerprint: Option<At<String>>,
    /// The region of the S3 service. Default: `us-east-1`.
    pub s3_region: Option<At<String>>,
    /// How to connect: over the REST API (default), or with the `weka` command of a host that is logged in.
    pub via: Option<Via>,
    /// The WEKA release to assume, such as `5.1`. Default: the release that the cluster reports.
    pub release: Option<At<String>>,
    /// The rules by which the cluster evaluates documents: `minio-2021`, `minio-2026` or `aws`; a list of these, of which the
    /// first leads the text and guards count all; or a table of answers. Default: all, with `minio-2021` first.
    pub rules: Option<At<RuleNames>>,
    /// How to replace the document of a policy: `swap` (default) without interruption, `gap` with fewer API calls and a
    /// short interruption.
    pub replace: Option<Strategy>,
}

/// The names that this configuration owns. attune removes or detaches them when they are not declared.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOwnership {
    /// Patterns of policy names (`*` any run of characters, `?` one). attune removes such a policy if it is not declared.
    pub policies: Vec<At<String>>,
    /// Patterns of user names. attune detaches the policy of such a user if the user is not declared.
    pub users: Vec<At<String>>,
    /// Patterns of group names. attune detaches the policy of such a group if the group is not declared.
    pub groups: Vec<At<String>>,
    /// Patterns of bucket names. attune sets the policy of such a bucket to `none` if the bucket is not declared.
    pub buckets: Vec<At<String>>,
}

/// Limits on what one apply may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGuards {
    /// How many policies may be removed: a number, a percentage of the policies on the cluster such as `"10%"` (without
    /// predefined ones), or a list of limits that all apply. Nothing is rounded: 1 of 5 exceeds 10%.
    #[schemars(with = "Option<Limits>")]
    pub max_removals: Option<Entries>,
    /// How many users and groups may lose all access: a number, a percentage of those that have a policy such as `"10%"`,
    /// or a list of limits that all apply. Nothing is rounded: 1 of 5 exceeds 10%.
    #[schemars(with = "Option<Limits>")]
    pub max_detached: Option<Entries>,
    /// Users that are never detached or moved, as names or patterns (`*` any run of characters, `?` one).
    pub protected_users: Vec<At<String>>,
    /// Groups that are never detached or moved, as names or patterns.
    pub protected_groups: Vec<At<String>>,
    /// Policies that are never removed or replaced, as names or patterns.
    pub protected_policies: Vec<At<String>>,
    /// How many buckets may be closed, so that not everyone can read them any more: a number, a percentage of the buckets that
    /// everyone can read such as `"10%"`, or a list of limits that all apply.
    #[schemars(with = "Option<Limits>")]
    pub max_buckets_closed: Option<Entries>,
    /// Buckets whose policies are never changed, as names or patterns.
    pub protected_buckets: Vec<At<String>>,
    /// Refuse a plan by which requests without a login gain access.
    pub deny_public: Option<bool>,
    /// Refuse a plan by which anyone gains access.
    pub deny_new_access: Option<bool>,
    /// How many people must sign the approval of a plan (`attune apply --approvals`), at most 16. Needs `allowed_signers`.
    #[schemars(with = "Option<u8>", range(min = 1, max = 16))]
    pub approvals: Option<At<i64>>,
    /// The file with the names and public keys of the people who may sign approvals, relative to this file, in the format of
    /// `ssh-keygen`: one name and one key on each line.
    pub allowed_signers: Option<At<String>>,
}

/// Drift that `attune drift` does not report.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDrift {
    /// The objects to ignore, each with a reason and a last day.
    pub ignore: Vec<At<RawIgnore>>,
}

/// Objects whose drift is not reported.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::ignore)]
pub(super) struct RawIgnore {
    /// The objects: `policy/NAME`, `user/NAME` or `group/NAME`, where `*` matches any run of characters and `?` one.
    pub object: Option<At<String>>,
    /// The reason. Reports show it.
    pub reason: Option<At<String>>,
    /// The last day (UTC) on which drift is ignored, such as `2030-12-31`.
    #[schemars(with = "Option<Day>")]
    pub until: Option<At<Time>>,
}

/// The checks of policy documents.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLint {
    /// Rules to suppress, by id or name, such as `R07` or `wrong-kind`. Unreadable documents are always errors.
    pub allow: Vec<At<String>>,
}

/// The destination for new secrets: exactly one of `age`, `command` and `file`. The cluster shows a secret only once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::credentials)]
pub(super) struct RawCredentials {
    /// age recipients. attune writes one encrypted file per user under `dir`.
    pub age: Option<Vec<At<String>>>,
    /// The directory for `age` and `file`, relative to this file.
    pub dir: Option<At<String>>,
    /// A program and its arguments. It gets the secret as JSON on standard input. `{user}`, `{cluster}` and `{tenant}` are
    /// replaced by their names. A program with a `/` is relative to this file; other programs are searched in `PATH`.
    pub command: Option<Vec<At<String>>>,
    /// Write unencrypted JSON files with mode 0600 under `dir`.
    pub file: Option<bool>,
}

/// A policy: its document in a file, inline, or combined from other policies, or `absent = true`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::each, transform = constraints::policy)]
pub(super) struct RawPolicy {
    /// The purpose of the policy. Reviewers see it; the cluster does not get it.
    pub description: Option<String>,
    /// The path of the JSON document, relative to this file and inside the repository.
    pub document: Option<At<String>>,
    /// The statements of the document, inline.
    #[schemars(length(min = 1))]
    pub statement: Option<Vec<At<RawStatement>>>,
    /// The policies whose statements this policy has, in this order. A repeated statement counts once. A `Sid` that is there
    /// already gets a number.
    #[schemars(length(min = 1))]
    pub combine: Option<Vec<At<String>>>,
    /// The policy is not on the cluster: only `combine` of other policies uses it. Nobody can have it.
    #[serde(rename = "abstract")]
    pub is_abstract: Option<bool>,
    /// Remove the policy if it exists.
    pub absent: Option<bool>,
    /// The users that have the policy, and the groups as `group/NAME`. They need no entry in `[users]` or `[groups]`, and may
    /// have none. Patterns are not allowed. An entry whose access begins or ends is a table, such as
    /// `{ user = "alice", until = 2030-12-31 }`.
    #[schemars(inner(regex(pattern = "^[^*?]*$")))]
    pub attached_to: Vec<RawAttached>,
    /// The name that the policy had before. attune moves everyone who has the old policy to this one, also unmanaged users and
    /// groups, and removes the old policy. It has no effect once that is done.
    pub renamed_from: Option<At<String>>,
    /// The checks of this policy's document, in addition to `[lint]`.
    pub lint: Option<RawLint>,
}

/// A bucket: the name of its policy, or a document of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::each, transform = constraints::bucket, transform = constraints::or_text)]
pub(super) struct RawBucket {
    /// The purpose of the bucket. Reviewers see it; the cluster does not get it.
    pub description: Option<String>,
    /// The policy: `none`, `download`, `upload` or `public`. All but `none` let in requests without a login.
    pub policy: Option<At<String>>,
    /// The path of the JSON document, relative to this file and inside the repository.
    pub document: Option<At<String>>,
    /// The statements of the document, inline, each with `principal`.
    #[schemars(length(min = 1))]
    pub statement: Option<Vec<At<RawStatement>>>,
    /// The checks of this document, in addition to `[lint]`.
    pub lint: Option<RawLint>,
}

/// A statement, with the same parts as in JSON.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::statement)]
pub(super) struct RawStatement {
    /// The id of the statement.
    pub sid: Option<At<String>>,
    /// Whether it allows or denies.
    pub effect: Option<At<RawEffect>>,
    /// Whom it is about, only in the policy of a bucket: `*` is everyone, also without a login.
    pub principal: Option<Entries>,
    /// The actions, such as `s3:GetObject`.
    pub action: Option<Entries>,
    /// All actions except these.
    pub not_action: Option<Entries>,
    /// The resources, such as `arn:aws:s3:::bucket/*`.
    pub resource: Option<Entries>,
    /// All resources except these.
    pub not_resource: Option<Entries>,
    /// The conditions: operator, key, values.
    pub condition: BTreeMap<At<String>, BTreeMap<At<String>, Values>>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum RawEffect {
    /// Allows.
    Allow,
    /// Denies, even if another statement allows.
    Deny,
}

/// A user: its policy, or `detached = true`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::each, transform = constraints::user, transform = constraints::or_text)]
pub(super) struct RawUser {
    /// The policy of the user. It is declared in this configuration or exists on the cluster.
    pub policy: Option<At<String>>,
    /// The user has no policy. Its key pair stays.
    pub detached: Option<bool>,
    /// Revoke the keys before the detach: attune generates a new key pair and discards it. This needs `detached = true` or
    /// `until`, and a run that detaches the user: the cluster generates keys only for users with a policy.
    pub revoke_keys: Option<At<bool>>,
    /// When access begins: a day, from 00:00 UTC, or a time with its offset. An apply on that day needs an approval like any
    /// other. Needs `policy`.
    pub from: Option<At<Time>>,
    /// What the user has until then: `detached` (default), or a policy.
    pub before: Option<At<String>>,
    /// When access ends: a day, at 24:00 UTC, or a time with its offset. `attune apply --expired` then takes it away. Needs
    /// `policy`.
    pub until: Option<At<Time>>,
    /// What the user has from then on: `detached` (default), or a policy.
    pub then: Option<At<String>>,
}

/// A group: its policy, or `detached = true`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(transform = constraints::each, transform = constraints::group, transform = constraints::or_text)]
#[expect(dead_code, reason = "this is only a schema: a group is read like a user")]
struct RawGroup {
    /// The policy of the group. It is declared in this configuration or exists on the cluster.
    policy: Option<At<String>>,
    /// The group has no policy.
    detached: Option<bool>,
    /// When access begins: a day, from 00:00 UTC, or a time with its offset. An apply on that day needs an approval like any
    /// other. Needs `policy`.
    from: Option<At<Time>>,
    /// What the group has until then: `detached` (default), or a policy.
    before: Option<At<String>>,
    /// When access ends: a day, at 24:00 UTC, or a time with its offset. `attune apply --expired` then takes it away. Needs
    /// `policy`.
    until: Option<At<Time>>,
    /// What the group has from then on: `detached` (default), or a policy.
    then: Option<At<String>>,
}

/// A user or group that has a policy, in `attached_to`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::attached, transform = constraints::or_text)]
pub(super) struct RawAttached {
    /// The entry is this name alone, of a user, or `group/NAME`. No configuration has this key.
    #[schemars(skip)]
    pub name: Option<At<String>>,
    /// The user.
    pub user: Option<At<String>>,
    /// The group.
    pub group: Option<At<String>>,
    /// When access begins: a day, from 00:00 UTC, or a time with its offset. An apply on that day needs an approval like any
    /// other.
    pub from: Option<At<Time>>,
    /// What the user or group has until then: `detached` (default), or a policy.
    pub before: Option<At<String>>,
    /// When access ends: a day, at 24:00 UTC, or a time with its offset. `attune apply --expired` then takes it away.
    pub until: Option<At<Time>>,
    /// What the user or group has from then on: `detached` (default), or a policy.
    pub then: Option<At<String>>,
    /// Revoke the keys of the user at the end, before the detach.
    pub revoke_keys: Option<At<bool>>,
}

impl From<RawAttached> for RawUser {
    fn from(attached: RawAttached) -> Self {
        let RawAttached { name: _, user: _, group: _, from, before, until, then, revoke_keys } = attached;
        Self { policy: None, detached: None, revoke_keys, from, before, until, then }
    }
}

impl RawFile {
    /// Reads a file in which everything fits the schema.
    pub(super) fn read(mut table: Spanned<DeTable<'_>>) -> Result<Self, toml::de::Error> {
        for (section, entries) in table.get_mut().iter_mut() {
            let DeValue::Table(entries) = entries.get_mut() else { continue };
            for (_, entry) in entries.iter_mut() {
                match section.get_ref().as_ref() {
                    "users" | "groups" | "buckets" => as_table(entry, "policy"),
                    "policies" => {
                        let DeValue::Table(policy) = entry.get_mut() else { continue };
                        if let Some(DeValue::Array(all)) = policy.get_mut("attached_to").map(Spanned::get_mut) {
                            all.iter_mut().for_each(|attached| as_table(attached, "name"));
                        }
                    }
                    _ => {}
                }
            }
        }
        Self::deserialize(toml::de::Deserializer::from(table))
    }
}

/// Makes a table with this key of an entry that is a text alone.
fn as_table(entry: &mut Spanned<DeValue<'_>>, key: &'static str) {
    if matches!(entry.get_ref(), DeValue::String(_)) {
        let mut table = DeTable::new();
        table.insert(Spanned::new(entry.span(), key.into()), entry.clone());
        *entry = Spanned::new(entry.span(), DeValue::Table(table));
    }
}
