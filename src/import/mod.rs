//! The import: reads a cluster and writes it as a configuration.

mod adopt;
mod buckets;
mod fold;
mod select;
mod tables;
mod write;

use std::collections::BTreeMap;

pub use adopt::{Adopted, AdoptedDocument, Adoption, adoption};
pub use write::import;

use crate::base::{BucketName, CannedPolicy, Finding, GroupName, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, bucket_policies, documents, groups_by_name};
use crate::desired::ObjectPatterns;
use crate::observed::{Buckets, Duplicates, Identity, ObservedUser};

/// The name of the main file.
pub const MAIN_FILE: &str = "attune.toml";

/// The name of the schema, for completion in editors.
pub const SCHEMA_FILE: &str = "attune.schema.json";

mod codes {
    use crate::base::codes;

    codes! {
        "All kinds of findings of this room.";
        UNDECLARABLE_NAME = "name-not-declarable", "A configuration cannot declare a name that the cluster has. The import leaves it out.";
        UNDECLARABLE_DOCUMENT = "document-not-declarable", "A configuration cannot declare a document that the cluster has. The import leaves its policy out.";
        TEMPORARY = "temporary-policy", "An interrupted apply left a temporary policy behind. The import leaves out the policy and the users and groups that have it.";
        CANNOT_HAVE = "user-cannot-have-policy", "A user has a policy although its role does not allow one. The import leaves the user out.";
        MISSING_POLICY = "attached-policy-missing", "A policy is attached that does not exist on the cluster. The import leaves out the user or group.";
        ATTACHMENTS_UNKNOWN = "attachments-not-imported", "The release does not report which policies are attached. The import writes no users.";
        BROKEN_RULES = "broken-rules-allowed", "A document breaks rules that block a plan. The configuration suppresses them for this policy.";
        NOT_INLINE = "not-inline", "A document cannot be written as inline statements. It is in a file of its own.";
        FROM_DIRECTORY = "users-from-a-directory", "Users come from a directory, which sets their policies again at its next refresh.";
        NOT_ADOPTED = "not-adopted", "`edit adopt` cannot take an object of the cluster into the configuration.";
        BUCKETS_UNKNOWN = "buckets-not-imported", "The policies of buckets could not be read. The import writes no buckets.";
        UNDECLARABLE_BUCKET = "bucket-not-declarable", "A configuration cannot declare the policy of a bucket. The import leaves the bucket out.";
        NO_MATCH = "pattern-matches-nothing", "A pattern of names to import matches nothing on the cluster.";
    }
}

pub use codes::CODES;

/// The policies, users and groups to import: all, or those with a matching name. Patterns of policies alone also select the
/// users and groups that have such a policy. Patterns of users or groups alone also select their policies.
pub type Selection = ObjectPatterns;

/// The form of documents in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentStyle {
    /// Each in a JSON file of its own.
    Files,
    /// As inline statements, where possible.
    Inline,
}

/// The form of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportStyle {
    /// The form of documents.
    pub documents: DocumentStyle,
    /// Whether policies that differ in one word become a template.
    pub templates: bool,
}

/// A configuration that declares the contents of a cluster.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Import {
    /// The text of the main file.
    pub text: String,
    /// The schema and the documents, by their paths relative to the main file.
    pub files: BTreeMap<String, String>,
    /// The declared policies.
    pub policies: BTreeMap<PolicyName, ImportedPolicy>,
    /// The declared users and groups with their policies.
    pub holders: BTreeMap<Principal, PolicyName>,
    /// The declared buckets: those that have a policy.
    pub buckets: BTreeMap<BucketName, ImportedBucket>,
    /// The templates that make some of them, if templates were asked for: policies first, in the order of their names.
    pub templates: Option<Vec<ImportedTemplate>>,
    /// The objects that are left out for no problem.
    pub left_out: LeftOut,
    /// Problems and notes, by code and then by name.
    pub findings: Vec<Finding>,
}

/// The declaration of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPolicy {
    /// The file of its document, or `None` for inline statements.
    pub document: Option<String>,
    /// The rules that are suppressed for its document because they would block a plan.
    pub allowed: Vec<&'static str>,
}

/// The declaration of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedBucket {
    /// A policy with a name.
    Canned(CannedPolicy),
    /// A document in this file, and the rules that are suppressed for it because they would block a plan.
    Document(String, Vec<&'static str>),
}

/// A template of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedTemplate {
    /// The section: `policies`, `users` or `groups`.
    pub section: &'static str,
    /// Its name, with the placeholder.
    pub name: String,
    /// How many entries its rows make.
    pub entries: usize,
}

/// The numbers of objects that are left out for no problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Predefined policies.
    pub predefined: usize,
    /// Users that can have a policy and have none.
    pub without_policy: usize,
    /// Policies that are not selected.
    pub other_policies: usize,
    /// Users that have a policy and are not selected.
    pub other_users: usize,
    /// Groups that have a policy and are not selected.
    pub other_groups: usize,
    /// Buckets that have a policy and are not selected.
    pub other_buckets: usize,
}

/// The contents of a cluster.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The cluster and tenant.
    pub identity: Identity,
    /// All policies. The selected ones have their documents as text.
    pub policies: BTreeMap<PolicyName, Option<String>>,
    /// All users.
    pub users: BTreeMap<UserName, ObservedUser>,
    /// The groups that have a policy, as far as the cluster reports them.
    pub groups: BTreeMap<GroupName, PolicyName>,
    /// The names with several records.
    pub duplicates: Duplicates,
    /// Whether the cluster reports the policies of groups.
    pub groups_known: bool,
    /// Whether the cluster reports which policies are attached.
    pub attachments_known: bool,
    /// All buckets with their policies, if they were read.
    pub buckets: Buckets,
}

impl Inventory {
    fn attachments(&self) -> impl Iterator<Item = (Principal, &PolicyName)> {
        let users = self.users.iter().filter_map(|(name, user)| Some((Principal::from(name), user.attached.as_ref()?)));
        users.chain(self.groups.iter().map(|(name, policy)| (Principal::from(name), policy)))
    }
}

/// Reads the cluster, at most `jobs` documents at a time. The result is never incomplete: a read that fails is an error.
pub async fn read_cluster(cluster: &dyn Cluster, selection: &Selection, jobs: usize) -> Result<Inventory, CallError> {
    let identity = cluster.identity().await?;
    let users = cluster.users().await?;
    let groups = cluster.groups().await?;
    let groups_known = groups.is_some();
    let groups = groups.unwrap_or_default();
    let names = cluster.list_policies().await?;
    let mut duplicates = Duplicates::default();
    duplicates.policies(&names);
    let attachments_known = users.attachments_known;
    let mut inventory = Inventory {
        identity,
        policies: names.into_iter().map(|name| (name, None)).collect(),
        users: users.by_name(&mut duplicates),
        groups: groups_by_name(groups, &mut duplicates),
        duplicates,
        groups_known,
        attachments_known,
        buckets: read_buckets(cluster, selection, jobs).await?,
    };
    let selected = inventory.declarable_policies(selection);
    for (name, text) in documents(cluster, &selected, jobs).await? {
        match text {
            Some(text) => inventory.policies.insert(name, Some(text)),
            None => inventory.policies.remove(&name),
        };
    }
    Ok(inventory)
}

/// The buckets, if the selection has any. An error only leaves them out, unless they are asked for.
async fn read_buckets(cluster: &dyn Cluster, selection: &Selection, jobs: usize) -> Result<Buckets, CallError> {
    if !selection.has_buckets() {
        return Ok(Buckets::NotRead);
    }
    let read = async { bucket_policies(cluster, cluster.buckets().await?, jobs).await };
    match read.await {
        Ok(buckets) => Ok(Buckets::Known(buckets)),
        Err(error) if !selection.buckets.is_empty() || cluster.stopped().is_some() => Err(error),
        Err(error) => Ok(Buckets::Unreadable(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
