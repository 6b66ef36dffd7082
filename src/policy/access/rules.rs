//! The rules by which a server evaluates documents: answers to named questions. A preset answers all of them; single
//! answers can be replaced.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::nearest;

/// Rules that a known server follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// MinIO of April 2021, the last under the Apache license. WEKA's S3 is a fork of it, by the vendor's own words.
    #[serde(rename = "minio-2021")]
    Minio2021,
    /// MinIO of February 2026.
    #[serde(rename = "minio-2026")]
    Minio2026,
    /// AWS, by its user guide.
    Aws,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Minio2021, Self::Minio2026, Self::Aws];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minio2021 => "minio-2021",
            Self::Minio2026 => "minio-2026",
            Self::Aws => "aws",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text names no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesProblem {
    /// No preset has this name.
    #[error("`{name}` names no rules; {}", near.map_or_else(
        || "write `minio-2021`, `minio-2026` or `aws`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    ))]
    Unknown {
        /// The name.
        name: String,
        /// The preset with the most similar name.
        near: Option<Preset>,
    },
    /// The list is empty.
    #[error("the list of rules is empty; name at least one, for example `minio-2021`")]
    Empty,
}

impl FromStr for Preset {
    type Err = RulesProblem;

    fn from_str(text: &str) -> Result<Self, RulesProblem> {
        let named = |name: &str| Self::ALL.into_iter().find(|preset| preset.name() == name);
        let near = || nearest(text, Self::ALL.map(Self::name)).and_then(named);
        named(text).ok_or_else(|| RulesProblem::Unknown { name: text.to_owned(), near: near() })
    }
}

/// Who a bucket policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BucketPolicies {
    /// Only requests without a signature. A signed request is decided by the policy of its user alone.
    Anonymous,
    /// Every request: the bucket policy and the policy of the user count together.
    Union,
}

impl fmt::Display for BucketPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "\"anonymous\"",
            Self::Union => "\"union\"",
        })
    }
}

/// Defines the questions, each with the answers of `minio-2021`, `minio-2026` and `aws`.
macro_rules! questions {
    ($($(#[doc = $doc:literal])+ $question:ident: $answer:ty = [$minio_2021:expr, $minio_2026:expr, $aws:expr];)+) => {
        /// The rules of a server: one answer to each question.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct Rules {
            /// The preset with the most equal answers.
            pub like: Preset,
            $($(#[doc = $doc])+ pub $question: $answer,)+
        }

        /// Rules in a configuration: a preset, and answers that replace its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct RulesTable {
            /// The preset that answers all other questions.
            pub like: Preset,
            $($(#[doc = $doc])+ #[serde(default)] pub $question: Option<$answer>,)+
        }

        impl Rules {
            /// The rules of a preset.
            pub const fn of(like: Preset) -> Self {
                match like {
                    Preset::Minio2021 => Self { like, $($question: $minio_2021,)+ },
                    Preset::Minio2026 => Self { like, $($question: $minio_2026,)+ },
                    Preset::Aws => Self { like, $($question: $aws,)+ },
                }
            }

            /// All answers: each name and its value as in a configuration.
            pub fn answers(&self) -> Vec<(String, String)> {
                vec![$((stringify!($question).replace('_', "-"), self.$question.to_string()),)+]
            }

            /// The answers that differ from the preset, as in a configuration.
            pub fn replaced(&self) -> Vec<String> {
                let all = self.answers().into_iter().zip(Self::of(self.like).answers());
                all.filter(|(own, preset)| own != preset).map(|((name, value), _)| format!("{name} = {value}")).collect()
            }
        }

        impl From<RulesTable> for Rules {
            fn from(table: RulesTable) -> Self {
                let preset = Self::of(table.like);
                Self { like: table.like, $($question: table.$question.unwrap_or(preset.$question),)+ }
            }
        }
    };
}

questions! {
    /// Whether `bucket/*` covers the bucket: the server compares `bucket/` with the patterns.
    objects_cover_bucket: bool = [true, true, false];
    /// Whether a pattern with wildcards that does not end in `*`, such as `*-logs`, covers buckets. It always does if
    /// `objects-cover-bucket` is false.
    wildcards_cover_buckets: bool = [false, false, true];
    /// Whether the case of action names is ignored.
    action_case_ignored: bool = [false, false, true];
    /// Whether the case of condition keys and of the names of variables is ignored.
    key_case_ignored: bool = [false, false, true];
    /// Whether `s3:GetObjectVersion`, written in full, also means `s3:GetObject`.
    version_implies_object: bool = [true, true, false];
    /// Whether `${…}` is a variable only with `"Version": "2012-10-17"`.
    variables_need_version: bool = [false, false, true];
    /// Whether `${*}`, `${?}` and `${$}` are plain characters, and `${name, 'default'}` has a default. Otherwise they are
    /// text, in which `*` and `?` are wildcards.
    special_variables: bool = [false, false, true];
    /// Whether wildcards in the name of a user are wildcards where a pattern has `${aws:username}`.
    username_is_pattern: bool = [true, true, false];
    /// Whether the resource of actions without a bucket is `/`. Otherwise it is `*`.
    account_is_slash: bool = [true, true, false];
    /// Whether a key that starts with `/` is matched without it.
    leading_slash_dropped: bool = [true, true, false];
    /// Whether `NotAction` is evaluated.
    not_action: bool = [false, true, true];
    /// Whether `NotResource` is evaluated.
    not_resource: bool = [false, true, true];
    /// Whether the server accepts `"Resource": "*"`.
    bare_star: bool = [false, true, true];
    /// Whether `?` is one byte. Otherwise it is one character.
    question_mark_is_byte: bool = [false, true, false];
    /// Whether the server keeps all statements of a document that repeats one.
    repeated_statements_kept: bool = [false, true, true];
    /// Who a bucket policy is about.
    bucket_policies: BucketPolicies = [BucketPolicies::Anonymous, BucketPolicies::Anonymous, BucketPolicies::Union];
    /// Whether reading or deleting an object version, and reading or changing its tags, needs the action with `Version`.
    version_actions: bool = [false, false, true];
    /// Whether a `Deny` of `s3:DeleteObjectVersion` denies the deletion of a version.
    deny_of_versions: bool = [false, true, true];
    /// Whether temporary credentials have the `aws:username` of their user.
    temporary_username: bool = [false, true, false];
    /// Whether `aws:userid` is the name of the user.
    userid_is_username: bool = [true, true, false];
    /// Whether every request has `aws:Referer`, `aws:UserAgent`, `aws:SourceIp`, `s3:versionid` and other common keys,
    /// also if the client does not send them.
    keys_always_present: bool = [true, true, false];
    /// Whether a list of all buckets has the buckets whose keys the user may list.
    list_shows_bucket: bool = [true, true, false];
    /// Whether a list of all buckets has the buckets whose location the user may read.
    location_lists_bucket: bool = [false, true, false];
    /// Whether `s3:ListBucket` also lists versions.
    list_covers_versions: bool = [true, true, false];
    /// Whether `s3:GetBucketPolicy` reads the ACLs of a bucket and of its objects.
    policy_reads_acl: bool = [true, true, false];
    /// Whether an upload with a legal hold needs `s3:PutObjectLegalHold`.
    legal_hold_checked: bool = [false, true, true];
    /// Whether an upload with tags needs `s3:PutObjectTagging`.
    upload_tags_checked: bool = [false, false, true];
    /// Whether the creation of a bucket with object lock needs the actions for object lock and versioning.
    bucket_lock_checked: bool = [false, true, true];
    /// Whether a shorter GOVERNANCE lock needs `s3:BypassGovernanceRetention`.
    shortening_checked: bool = [false, false, true];
    /// Whether `s3:GetBucketObjectLockConfiguration` on objects bypasses a GOVERNANCE lock.
    lock_configuration_bypasses: bool = [true, false, false];
    /// Whether the client decides `aws:SourceIp` by the header `X-Forwarded-For`.
    forwarded_address: bool = [true, true, false];
    /// Whether the deletion of a prefix with a header goes round a `Deny` below it.
    forced_deletion: bool = [false, true, false];
    /// Whether a missing object is reported as such only with `s3:ListBucket`.
    missing_object_hidden: bool = [false, false, true];
}

impl Rules {
    /// MinIO of April 2021.
    pub const MINIO_2021: Self = Self::of(Preset::Minio2021);
    /// MinIO of February 2026.
    pub const MINIO_2026: Self = Self::of(Preset::Minio2026);
    /// AWS.
    pub const AWS: Self = Self::of(Preset::Aws);

    /// The rules of a preset with these answers, each a name and its value as in a configuration. `None` if one is no such
    /// answer.
    pub fn with<'a>(like: Preset, answers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut table = serde_json::Map::from_iter([("like".to_owned(), like.name().into())]);
        for (name, value) in answers {
            table.insert(name.to_owned(), serde_json::from_str(value).ok()?);
        }
        serde_json::from_value::<RulesTable>(table.into()).ok().map(Self::from)
    }

    /// Whether the access engine evaluates every document alike by both.
    pub(super) fn evaluate_like(&self, other: &Self) -> bool {
        let used = |rules: &Self| {
            [
                rules.objects_cover_bucket,
                rules.wildcards_cover_buckets || !rules.objects_cover_bucket,
                rules.action_case_ignored,
                rules.key_case_ignored,
                rules.version_implies_object,
                rules.variables_need_version,
                rules.special_variables,
                rules.username_is_pattern,
                rules.account_is_slash,
                rules.leading_slash_dropped,
                rules.userid_is_username,
                rules.keys_always_present,
                rules.bucket_policies == BucketPolicies::Union,
            ]
        };
        used(self) == used(other)
    }
}

/// The name of the preset, and the answers that differ from it.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replaced = self.replaced();
        f.write_str(self.like.name())?;
        if replaced.is_empty() { Ok(()) } else { write!(f, " with {}", replaced.join(", ")) }
    }
}

/// The rules that count, in order. Texts speak by the first; guards and expectations count all. It is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleList(Cow<'static, [Rules]>);

/// The rules if the configuration names none: unknown, so all presets.
pub static ALL_RULES: RuleList = RuleList(Cow::Borrowed(&[Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS]));

/// The rules of MinIO of April 2021 alone.
pub static MINIO_2021_RULES: RuleList = RuleList(Cow::Borrowed(&[Rules::MINIO_2021]));

/// The rules of AWS alone.
pub static AWS_RULES: RuleList = RuleList(Cow::Borrowed(&[Rules::AWS]));

impl Default for RuleList {
    fn default() -> Self {
        ALL_RULES.clone()
    }
}

impl RuleList {
    /// A list of rules; of equal ones only the first.
    ///
    /// # Errors
    /// The list is empty.
    pub fn new(rules: impl IntoIterator<Item = Rules>) -> Result<Self, RulesProblem> {
        let mut list = Vec::new();
        for rules in rules {
            if !list.contains(&rules) {
                list.push(rules);
            }
        }
        if list.is_empty() { Err(RulesProblem::Empty) } else { Ok(Self(list.into())) }
    }

    /// Reads the names of presets.
    ///
    /// # Errors
    /// A name is unknown, or there is none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, RulesProblem> {
        let presets = names.into_iter().map(|name| name.parse().map(Rules::of)).collect::<Result<Vec<_>, _>>()?;
        Self::new(presets)
    }

    /// The rules that lead the text.
    pub fn first(&self) -> Rules {
        self.0.first().copied().unwrap_or(Rules::MINIO_2021)
    }

    /// Whether a bucket policy counts for users as well, by some of the rules.
    pub fn has_union(&self) -> bool {
        self.iter().any(|rules| rules.bucket_policies == BucketPolicies::Union)
    }

    /// All rules, in order.
    pub fn iter(&self) -> impl Iterator<Item = Rules> + '_ {
        self.0.iter().copied()
    }

    /// The rules in groups by which the access engine evaluates every action alike.
    pub fn groups(&self) -> Vec<Vec<Rules>> {
        self.alike(Rules::evaluate_like)
    }

    /// What the rules give, in order: what several of them agree on is there once, with these.
    pub(super) fn agreeing<T: PartialEq>(&self, given_by: impl Fn(Rules) -> T) -> Vec<(Vec<Rules>, T)> {
        let mut all: Vec<(Vec<Rules>, T)> = Vec::new();
        for rules in self.iter() {
            let given = given_by(rules);
            match all.iter_mut().find(|(_, other)| *other == given) {
                Some((group, _)) => group.push(rules),
                None => all.push((vec![rules], given)),
            }
        }
        all
    }

    pub(super) fn alike(&self, is_like: impl Fn(&Rules, &Rules) -> bool) -> Vec<Vec<Rules>> {
        let mut groups: Vec<Vec<Rules>> = Vec::new();
        for rules in self.iter() {
            match groups.iter_mut().find(|group| group.iter().any(|other| is_like(other, &rules))) {
                Some(group) => group.push(rules),
                None => groups.push(vec![rules]),
            }
        }
        groups
    }

    /// The value of `rules` in a configuration.
    pub fn to_toml(&self) -> String {
        let one = |rules: Rules| match rules.replaced().as_slice() {
            [] => format!("{:?}", rules.like.name()),
            answers => format!("{{ like = {:?}, {} }}", rules.like.name(), answers.join(", ")),
        };
        let all: Vec<String> = self.iter().map(one).collect();
        match all.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        }
    }
}

impl From<Rules> for RuleList {
    fn from(rules: Rules) -> Self {
        Self(vec![rules].into())
    }
}

/// The names, separated by commas. Blanks around a name are ignored.
impl FromStr for RuleList {
    type Err = RulesProblem;

    fn from_str(text: &str) -> Result<Self, RulesProblem> {
        Self::parse(text.split(',').map(str::trim).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|rules| rules.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_order_and_once() {
        let list: RuleList = "aws, minio-2021,aws".parse().unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), [Rules::AWS, Rules::MINIO_2021]);
        assert_eq!(list.first(), Rules::AWS);
        assert_eq!(list.to_string(), "aws, minio-2021");
        assert_eq!(RuleList::default().to_string(), "minio-2021, minio-2026, aws");
    }

    #[test]
    fn a_wrong_name_is_an_error_with_the_nearest() {
        let problem = |text: &str| text.parse::<RuleList>().unwrap_err().to_string();
        assert_eq!(problem("minio2021"), "`minio2021` names no rules; did you mean `minio-2021`?");
        assert_eq!(problem("ceph"), "`ceph` names no rules; write `minio-2021`, `minio-2026` or `aws`");
        assert_eq!(problem(" , "), "the list of rules is empty; name at least one, for example `minio-2021`");
    }

    #[test]
    fn a_table_replaces_single_answers_of_a_preset() {
        let table: RulesTable = toml::from_str(
            "like = 'minio-2021'\ndeny-of-versions = true\nrepeated-statements-kept = true\nversion-implies-object = true",
        )
        .unwrap();
        let rules = Rules::from(table);
        assert_eq!(rules.to_string(), "minio-2021 with repeated-statements-kept = true, deny-of-versions = true");
        assert!(rules.deny_of_versions && rules.evaluate_like(&Rules::MINIO_2021));
        let union: RulesTable = toml::from_str("like = 'minio-2021'\nbucket-policies = 'union'").unwrap();
        let union = Rules::from(union);
        assert_eq!(union.to_string(), "minio-2021 with bucket-policies = \"union\"");
        assert!(!union.evaluate_like(&Rules::MINIO_2021));
        assert!(toml::from_str::<RulesTable>("like = 'aws'\ndeny-of-version = true").is_err());
    }

    #[test]
    fn rules_that_evaluate_alike_are_one_group() {
        let groups = RuleList::default().groups();
        assert_eq!(groups, [vec![Rules::MINIO_2021, Rules::MINIO_2026], vec![Rules::AWS]]);
    }
}
