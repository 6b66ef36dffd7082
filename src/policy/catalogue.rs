//! The S3 actions and the predefined policies of a release.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::document::{Document, Effect, Statement};
use crate::base::{Capabilities, PolicyName, Release};

/// The resources that an action acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// No bucket, for example the list of all buckets.
    Account,
    /// A bucket.
    Bucket,
    /// One object.
    Object,
}

/// The power of an action, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Lists names.
    List,
    /// Reads content or settings.
    Read,
    /// Changes content or settings.
    Write,
    /// Changes permissions, or bypasses a lock.
    Permissions,
}

/// One concrete action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// The full name, such as `s3:GetObject`.
    pub name: String,
    /// The kind of resource that it acts on.
    pub kind: Kind,
    /// Its power.
    pub level: Level,
}

/// All actions a release knows, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    actions: Vec<Action>,
    /// The SHA-256 of the text that it was read from. `None` for a built-in catalogue.
    read_from: Option<String>,
}

/// Why a table of actions cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueProblem {
    /// The text is not JSON of the right form.
    #[error("not a JSON list of {{\"name\", \"kind\"}}: {0}")]
    Shape(String),
    /// A name is not of the form `s3:Name`.
    #[error("`{0}` is not the name of an S3 action, such as `s3:GetObject`")]
    Name(String),
    /// The table lists a name twice.
    #[error("`{0}` is listed twice")]
    Twice(String),
}

/// One row of a table that is read at run time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    kind: Kind,
    level: Option<Level>,
}

impl Catalogue {
    /// The actions of a release. The vendor documents two sets: one for 4.x, and one for 5.x with object tagging, object
    /// lock, versioning and notifications. Any other release gets the nearer set.
    pub fn of(release: &Release) -> Self {
        Self::built_in(Capabilities::of(release).actions_of_5)
    }

    /// The actions of the newest known release, for documents that are checked without a cluster.
    pub fn newest() -> Self {
        Self::built_in(true)
    }

    fn built_in(newest: bool) -> Self {
        let added = if newest { SINCE_5 } else { &[] };
        let actions = ALWAYS
            .iter()
            .chain(added)
            .map(|&(name, kind, level)| Action { name: format!("s3:{name}"), kind, level })
            .collect();
        Self::sorted(actions, None)
    }

    /// Reads a table that replaces the built-in ones: `[{"name": "s3:GetObject", "kind": "object", "level": "read"}, …]`.
    /// A missing `level` is derived from the name.
    ///
    /// # Errors
    /// The table is not of this form, or lists a name twice.
    pub fn from_json(text: &str) -> Result<Self, CatalogueProblem> {
        let rows: Vec<Row> = serde_json::from_str(text).map_err(|e| CatalogueProblem::Shape(e.to_string()))?;
        let action = |Row { name, kind, level }| {
            let bare = name.strip_prefix("s3:").unwrap_or_default();
            if bare.is_empty() || !bare.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Err(CatalogueProblem::Name(name));
            }
            let level = level.unwrap_or_else(|| level_of(bare));
            Ok(Action { name, kind, level })
        };
        let actions = rows.into_iter().map(action).collect::<Result<Vec<_>, _>>()?;
        let catalogue = Self::sorted(actions, Some(hex::encode(Sha256::digest(text))));
        match catalogue.actions.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(CatalogueProblem::Twice(pair[0].name.clone())),
            None => Ok(catalogue),
        }
    }

    fn sorted(mut actions: Vec<Action>, read_from: Option<String>) -> Self {
        actions.sort();
        Self { actions, read_from }
    }

    /// The SHA-256 of the text that it was read from, in hexadecimal. `None` for a built-in catalogue.
    pub fn read_from(&self) -> Option<&str> {
        self.read_from.as_deref()
    }

    /// All actions, sorted by name.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The action with exactly this name.
    pub fn get(&self, name: &str) -> Option<&Action> {
        self.actions.binary_search_by(|action| action.name.as_str().cmp(name)).ok().map(|at| &self.actions[at])
    }
}

fn level_of(bare: &str) -> Level {
    if bare.starts_with("List") {
        Level::List
    } else if bare.starts_with("Get") || bare.starts_with("Head") {
        Level::Read
    } else {
        Level::Write
    }
}

type Entry = (&'static str, Kind, Level);

/// The actions of every release with IAM policies.
const ALWAYS: &[Entry] = &[
    ("ListAllMyBuckets", Kind::Account, Level::List),
    ("CreateBucket", Kind::Bucket, Level::Write),
    ("DeleteBucket", Kind::Bucket, Level::Write),
    ("GetBucketLocation", Kind::Bucket, Level::Read),
    ("ListBucket", Kind::Bucket, Level::List),
    ("ListBucketMultipartUploads", Kind::Bucket, Level::Read),
    ("GetBucketPolicy", Kind::Bucket, Level::Read),
    ("PutBucketPolicy", Kind::Bucket, Level::Permissions),
    ("DeleteBucketPolicy", Kind::Bucket, Level::Permissions),
    ("GetLifecycleConfiguration", Kind::Bucket, Level::Read),
    ("PutLifecycleConfiguration", Kind::Bucket, Level::Write),
    ("GetBucketTagging", Kind::Bucket, Level::Read),
    ("PutBucketTagging", Kind::Bucket, Level::Write),
    ("GetObject", Kind::Object, Level::Read),
    ("PutObject", Kind::Object, Level::Write),
    ("DeleteObject", Kind::Object, Level::Write),
    ("AbortMultipartUpload", Kind::Object, Level::Write),
    ("ListMultipartUploadParts", Kind::Object, Level::Read),
];

/// The actions added in 5.0: object tagging, object lock, versioning, notifications.
const SINCE_5: &[Entry] = &[
    ("GetObjectTagging", Kind::Object, Level::Read),
    ("PutObjectTagging", Kind::Object, Level::Write),
    ("DeleteObjectTagging", Kind::Object, Level::Write),
    ("GetObjectRetention", Kind::Object, Level::Read),
    ("PutObjectRetention", Kind::Object, Level::Write),
    ("GetObjectLegalHold", Kind::Object, Level::Read),
    ("PutObjectLegalHold", Kind::Object, Level::Write),
    ("BypassGovernanceRetention", Kind::Object, Level::Permissions),
    ("GetBucketObjectLockConfiguration", Kind::Bucket, Level::Read),
    ("PutBucketObjectLockConfiguration", Kind::Bucket, Level::Write),
    ("GetBucketVersioning", Kind::Bucket, Level::Read),
    ("PutBucketVersioning", Kind::Bucket, Level::Write),
    ("GetObjectVersion", Kind::Object, Level::Read),
    ("DeleteObjectVersion", Kind::Object, Level::Write),
    ("GetObjectVersionTagging", Kind::Object, Level::Read),
    ("PutObjectVersionTagging", Kind::Object, Level::Write),
    ("DeleteObjectVersionTagging", Kind::Object, Level::Write),
    ("GetBucketNotification", Kind::Bucket, Level::Read),
    ("PutBucketNotification", Kind::Bucket, Level::Write),
];

/// Actions that WEKA does not document and MinIO of April 2021 knows, by the list of supported actions in its source.
pub(super) const UNDOCUMENTED: &[(&str, Kind)] = &[
    ("s3:ForceDeleteBucket", Kind::Bucket),
    ("s3:GetBucketPolicyStatus", Kind::Bucket),
    ("s3:GetEncryptionConfiguration", Kind::Bucket),
    ("s3:GetObjectVersionForReplication", Kind::Object),
    ("s3:GetReplicationConfiguration", Kind::Bucket),
    ("s3:HeadBucket", Kind::Bucket),
    ("s3:ListBucketVersions", Kind::Bucket),
    ("s3:ListenBucketNotification", Kind::Bucket),
    ("s3:ListenNotification", Kind::Account),
    ("s3:PutEncryptionConfiguration", Kind::Bucket),
    ("s3:PutReplicationConfiguration", Kind::Bucket),
    ("s3:ReplicateDelete", Kind::Object),
    ("s3:ReplicateObject", Kind::Object),
    ("s3:ReplicateTags", Kind::Object),
];

/// The kind of an action that the newest release or MinIO knows.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    let undocumented = || UNDOCUMENTED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    Catalogue::newest().get(name).map(|action| action.kind).or_else(undocumented)
}

/// The actions of `readonly`, by the vendor documentation of 5.1.
const READONLY: &[&str] = &[
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
    "s3:GetObject",
];

/// The actions of `readonly`, by the vendor documentation of 4.0.
const READONLY_4: &[&str] = &["s3:GetBucketLocation", "s3:GetObject"];

/// The document of a predefined policy, by the vendor documentation. The document that a cluster returns takes precedence.
pub fn predefined(policy: &PolicyName, release: &Release) -> Option<Document> {
    let actions = match policy.as_str() {
        "readonly" if Capabilities::of(release).readonly_lists_buckets => READONLY,
        "readonly" => READONLY_4,
        "writeonly" => &["s3:PutObject"],
        "readwrite" => &["s3:*"],
        _ => return None,
    };
    Some(allow_everywhere(actions))
}

fn allow_everywhere(actions: &[&str]) -> Document {
    let statement = Statement::plain(Effect::Allow, actions.iter().copied(), ["arn:aws:s3:::*"]);
    Document { version: Some("2012-10-17".to_owned()), statements: vec![statement], ..Document::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind(catalogue: &Catalogue, kind: Kind) -> usize {
        catalogue.actions().iter().filter(|action| action.kind == kind).count()
    }

    #[test]
    fn the_newest_release_has_37_actions_and_4_x_has_18() {
        let newest = Catalogue::newest();
        assert_eq!(newest.actions().len(), 37);
        assert_eq!(of_kind(&newest, Kind::Account), 1);
        assert_eq!(of_kind(&newest, Kind::Bucket), 18);
        assert_eq!(of_kind(&newest, Kind::Object), 18);
        assert_eq!(Catalogue::of(&Release::parse("5.0.1").unwrap()), newest);

        let old = Catalogue::of(&Release::parse("4.4.2").unwrap());
        assert_eq!(old.actions().len(), 18);
        assert!(old.get("s3:GetObject").is_some() && old.get("s3:GetObjectTagging").is_none());
    }

    #[test]
    fn an_action_is_found_by_its_exact_name() {
        let newest = Catalogue::newest();
        let action = newest.get("s3:PutBucketPolicy").unwrap();
        assert_eq!((action.kind, action.level), (Kind::Bucket, Level::Permissions));
        assert_eq!(newest.get("s3:putbucketpolicy"), None);
        assert_eq!(newest.get("PutBucketPolicy"), None);
        assert!(UNDOCUMENTED.iter().all(|(name, _)| newest.get(name).is_none()));
        let kinds = ["s3:PutObject", "s3:ReplicateObject", "s3:PutObjectAcl"].map(kind_of);
        assert_eq!(kinds, [Some(Kind::Object), Some(Kind::Object), None]);
    }

    #[test]
    fn a_table_can_replace_the_built_in_ones() {
        let text = r#"[{"name":"s3:PutObject","kind":"object"},{"name":"s3:GetObject","kind":"object","level":"permissions"},
                       {"name":"s3:ListBucket","kind":"bucket"}]"#;
        let catalogue = Catalogue::from_json(text).unwrap();
        let found: Vec<_> = catalogue.actions().iter().map(|a| (a.name.as_str(), a.kind, a.level)).collect();
        assert_eq!(
            found,
            [
                ("s3:GetObject", Kind::Object, Level::Permissions),
                ("s3:ListBucket", Kind::Bucket, Level::List),
                ("s3:PutObject", Kind::Object, Level::Write),
            ]
        );
    }

    #[test]
    fn a_table_with_a_mistake_is_refused() {
        let refused = |text: &str| Catalogue::from_json(text).unwrap_err();
        assert!(matches!(refused("{}"), CatalogueProblem::Shape(_)));
        assert!(matches!(refused(r#"[{"name":"s3:A","kind":"thing"}]"#), CatalogueProblem::Shape(_)));
        assert_eq!(refused(r#"[{"name":"s3:Get*","kind":"object"}]"#), CatalogueProblem::Name("s3:Get*".into()));
        assert_eq!(refused(r#"[{"name":"GetObject","kind":"object"}]"#), CatalogueProblem::Name("GetObject".into()));
        let twice = r#"[{"name":"s3:A","kind":"object"},{"name":"s3:A","kind":"bucket"}]"#;
        assert_eq!(refused(twice), CatalogueProblem::Twice("s3:A".into()));
    }

    fn actions(policy: &str, release: &str) -> Vec<String> {
        let document = predefined(&PolicyName::reported(policy), &Release::parse(release).unwrap()).unwrap();
        document.statements[0].actions.patterns.clone()
    }

    #[test]
    fn every_predefined_policy_has_a_document() {
        for policy in PolicyName::PREDEFINED {
            assert!(!actions(policy, "5.1.0").is_empty());
        }
        let release = Release::parse("5.1.0").unwrap();
        assert_eq!(predefined(&PolicyName::reported("ml-training"), &release), None);
    }

    #[test]
    fn readonly_grew_and_names_actions_that_the_release_knows() {
        for (release, count) in [("4.4.0", 2), ("5.1.0", 8)] {
            let catalogue = Catalogue::of(&Release::parse(release).unwrap());
            let actions = actions("readonly", release);
            assert_eq!(actions.len(), count);
            assert!(actions.iter().all(|action| catalogue.get(action).is_some()));
        }
    }
}
