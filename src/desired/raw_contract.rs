//! `[[expect]]` and `[[envelope]]` as serde reads them and as the JSON Schema describes them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::constraints;
use super::spanned::{At, Entries, Values};

/// The names and the access that included files may have. Several envelopes of one file hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::each_of_list, transform = constraints::envelope)]
pub(super) struct RawEnvelope {
    /// The name of the envelope. Default: its files.
    pub name: Option<At<String>>,
    /// The reason. Reports show it.
    pub reason: Option<At<String>>,
    /// The files that it binds: paths or patterns from the directory of the main file. `*` matches no `/`, `**` matches
    /// directories. Symbolic links are resolved.
    pub files: Option<Entries>,
    /// Names or patterns of the policies that the files may declare. Default: none.
    pub policies: Option<Entries>,
    /// Names or patterns of the users that the files may name. Default: none.
    pub users: Option<Entries>,
    /// Names or patterns of the groups that the files may name. Default: none.
    pub groups: Option<Entries>,
    /// Names or patterns of the buckets whose policies the files may declare. Default: none.
    pub buckets: Option<Entries>,
    /// Names or patterns of other policies that the files may attach or combine, such as `readonly`. They too give no more
    /// than the envelope. Default: none.
    pub may_attach: Option<Entries>,
    /// Paths or patterns of documents that the files may use, beside those below their own directory. Default: none.
    pub documents: Option<Entries>,
    /// The actions that policies of the files may give, and everyone whom the files name may have. Default: none.
    pub actions: Option<Entries>,
    /// The resources of these actions, such as `arn:aws:s3:::ml-*`.
    pub resources: Option<Entries>,
    /// The conditions under which these actions may be given, as in a statement: operator, key, values.
    pub conditions: BTreeMap<At<String>, BTreeMap<At<String>, Values>>,
}

/// A promise about who can do what: `nobody`, or `user`, `group`, `users` or `groups` with `can`, `cannot` or `only`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = constraints::each_of_list, transform = constraints::expect)]
pub(super) struct RawExpect {
    /// The name of the expectation: a short sentence. Default: what it says.
    pub name: Option<At<String>>,
    /// The reason. Reports show it.
    pub reason: Option<At<String>>,
    /// Actions such as `s3:DeleteObject*` or words such as `delete` that no user, no group and no role can do, and nobody without a
    /// login.
    pub nobody: Option<Entries>,
    /// The name of the user that the expectation is about. `@anonymous` is anyone without a login, whom only bucket policies let in.
    pub user: Option<At<String>>,
    /// The name of the group that the expectation is about.
    pub group: Option<At<String>>,
    /// Names or patterns of the users that the expectation is about. `@anonymous` is anyone without a login.
    pub users: Option<Entries>,
    /// Names or patterns of the groups that the expectation is about.
    pub groups: Option<Entries>,
    /// Actions or words that they can do: all of them, without any condition.
    pub can: Option<Entries>,
    /// Actions or words that they cannot do: none of them, under no condition.
    pub cannot: Option<Entries>,
    /// The only actions that they can do. They can do nothing else, nowhere.
    pub only: Option<Entries>,
    /// Buckets, or keys as `BUCKET/KEY*`: names or patterns. A bucket stands for itself and everything in it.
    pub on: Option<Entries>,
    /// Names or patterns of users for whom it does not count. Groups are `group/NAME`, roles `role/NAME`, and anyone without a login
    /// is `@anonymous`.
    pub except: Vec<At<String>>,
    /// Refuse a plan also if the expectation fails on the cluster already and the plan does not make it worse. Default: false.
    pub strict: Option<bool>,
}
