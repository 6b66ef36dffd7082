//! The names that a server knows besides its actions: condition operators and keys; and common wrong names of actions.

/// Names of API calls and of AWS actions, each with the action that allows the call on MinIO servers. `None` if a cluster has
/// no such action. Without `s3:`.
pub(super) const ALIASES: &[(&str, Option<&str>)] = &[
    ("CompleteMultipartUpload", Some("PutObject")),
    ("CopyObject", Some("PutObject")),
    ("CreateMultipartUpload", Some("PutObject")),
    ("DeleteBucketLifecycle", Some("PutLifecycleConfiguration")),
    ("DeleteBucketTagging", Some("PutBucketTagging")),
    ("DeleteObjects", Some("DeleteObject")),
    ("GetBucketAcl", Some("GetBucketPolicy")),
    ("GetBucketLifecycle", Some("GetLifecycleConfiguration")),
    ("GetBucketLifecycleConfiguration", Some("GetLifecycleConfiguration")),
    ("GetBucketNotificationConfiguration", Some("GetBucketNotification")),
    ("GetObjectAcl", Some("GetBucketPolicy")),
    ("GetObjectLockConfiguration", Some("GetBucketObjectLockConfiguration")),
    ("GetObjectVersionAcl", None),
    ("HeadBucket", Some("ListBucket")),
    ("HeadObject", Some("GetObject")),
    ("ListBucketVersions", Some("ListBucket")),
    ("ListBuckets", Some("ListAllMyBuckets")),
    ("ListMultipartUploads", Some("ListBucketMultipartUploads")),
    ("ListObjectVersions", Some("ListBucket")),
    ("ListObjects", Some("ListBucket")),
    ("ListObjectsV2", Some("ListBucket")),
    ("ListParts", Some("ListMultipartUploadParts")),
    ("PutBucketAcl", None),
    ("PutBucketLifecycle", Some("PutLifecycleConfiguration")),
    ("PutBucketLifecycleConfiguration", Some("PutLifecycleConfiguration")),
    ("PutBucketNotificationConfiguration", Some("PutBucketNotification")),
    ("PutObjectAcl", None),
    ("PutObjectLockConfiguration", Some("PutBucketObjectLockConfiguration")),
    ("PutObjectVersionAcl", None),
    ("UploadPart", Some("PutObject")),
];

/// The type of the values of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    /// A text with wildcards.
    Pattern,
    /// A text without wildcards.
    Text,
    /// Bytes in base64.
    Binary,
    Network,
    /// Whether the key is absent.
    Presence,
    Boolean,
    /// A whole number.
    Number,
    /// A date and time.
    Instant,
}

/// The condition operators of MinIO in 2021.
pub(super) const OPERATORS: &[(&str, ValueType)] = &[
    ("StringEquals", ValueType::Text),
    ("StringNotEquals", ValueType::Text),
    ("StringEqualsIgnoreCase", ValueType::Text),
    ("StringNotEqualsIgnoreCase", ValueType::Text),
    ("StringLike", ValueType::Pattern),
    ("StringNotLike", ValueType::Pattern),
    ("BinaryEquals", ValueType::Binary),
    ("IpAddress", ValueType::Network),
    ("NotIpAddress", ValueType::Network),
    ("Null", ValueType::Presence),
    ("Bool", ValueType::Boolean),
    ("NumericEquals", ValueType::Number),
    ("NumericNotEquals", ValueType::Number),
    ("NumericLessThan", ValueType::Number),
    ("NumericLessThanEquals", ValueType::Number),
    ("NumericGreaterThan", ValueType::Number),
    ("NumericGreaterThanEquals", ValueType::Number),
    ("DateEquals", ValueType::Instant),
    ("DateNotEquals", ValueType::Instant),
    ("DateLessThan", ValueType::Instant),
    ("DateLessThanEquals", ValueType::Instant),
    ("DateGreaterThan", ValueType::Instant),
    ("DateGreaterThanEquals", ValueType::Instant),
];

/// A known operator without its qualifier, with the type of its values.
pub(super) fn operator(written: &str) -> Option<(&'static str, ValueType)> {
    let name = match written.split_once(':') {
        Some(("ForAllValues" | "ForAnyValue", name)) => name,
        Some(_) => return None,
        None => written,
    };
    OPERATORS.iter().find(|(known, _)| *known == name).copied()
}

/// Keys of every request. They can be used as variables.
pub(super) const COMMON_KEYS: &[&str] = &[
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:Referer",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    "jwt:address",
    "jwt:aud",
    "jwt:birthdate",
    "jwt:client_id",
    "jwt:email",
    "jwt:family_name",
    "jwt:gender",
    "jwt:given_name",
    "jwt:groups",
    "jwt:iss",
    "jwt:jti",
    "jwt:middle_name",
    "jwt:name",
    "jwt:nickname",
    "jwt:phone_number",
    "jwt:picture",
    "jwt:preferred_username",
    "jwt:profile",
    "jwt:scope",
    "jwt:sub",
    "jwt:upn",
    "jwt:website",
    "ldap:user",
    "s3:LocationConstraint",
    "s3:authType",
    "s3:signatureversion",
    "s3:x-amz-content-sha256",
];

/// Keys of some requests, each with the actions (without `s3:`) whose requests have it.
const ACTION_KEYS: &[(&str, &[&str])] = &[
    ("s3:delimiter", &["ListBucket"]),
    ("s3:max-keys", &["ListBucket"]),
    ("s3:object-lock-legal-hold", &["BypassGovernanceRetention", "PutObject", "PutObjectLegalHold"]),
    ("s3:object-lock-mode", &["BypassGovernanceRetention", "PutObject", "PutObjectRetention"]),
    ("s3:object-lock-remaining-retention-days", &["BypassGovernanceRetention", "PutObjectRetention"]),
    ("s3:object-lock-retain-until-date", &["BypassGovernanceRetention", "PutObject", "PutObjectRetention"]),
    ("s3:prefix", &["ListBucket"]),
    (
        "s3:versionid",
        &[
            "BypassGovernanceRetention",
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjectVersion",
            "DeleteObjectVersionTagging",
            "GetObject",
            "GetObjectRetention",
            "GetObjectTagging",
            "GetObjectVersion",
            "GetObjectVersionTagging",
            "PutObject",
            "PutObjectLegalHold",
            "PutObjectRetention",
            "PutObjectTagging",
            "PutObjectVersionTagging",
        ],
    ),
    ("s3:x-amz-copy-source", &["PutObject"]),
    ("s3:x-amz-metadata-directive", &["PutObject"]),
    (
        "s3:x-amz-server-side-encryption",
        &["GetObject", "GetObjectRetention", "PutObject", "PutObjectLegalHold", "PutObjectRetention"],
    ),
    (
        "s3:x-amz-server-side-encryption-customer-algorithm",
        &["GetObject", "GetObjectRetention", "PutObject", "PutObjectLegalHold", "PutObjectRetention"],
    ),
    ("s3:x-amz-storage-class", &["PutObject"]),
];

/// Keys, or prefixes of keys, that MinIO added after 2021, each with the actions (without `s3:`) whose requests have it. All
/// actions if there are none.
const NEWER_KEYS: &[(&str, &[&str])] = &[
    ("aws:groups", &[]),
    ("ldap:groups", &[]),
    ("ldap:username", &[]),
    (
        "s3:ExistingObjectTag/",
        &[
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjectVersion",
            "DeleteObjectVersionTagging",
            "GetObject",
            "GetObjectTagging",
            "GetObjectVersion",
            "GetObjectVersionTagging",
            "PutObjectTagging",
            "PutObjectVersionTagging",
        ],
    ),
    ("s3:RequestObjectTag/", &["PutObject", "PutObjectTagging", "PutObjectVersionTagging"]),
    ("s3:RequestObjectTagKeys", &["PutObject", "PutObjectTagging", "PutObjectVersionTagging"]),
    ("s3:signatureAge", &[]),
];

fn newer_key(key: &str) -> Option<&'static [&'static str]> {
    let is_it = |newer: &str| key == newer || (newer.ends_with('/') && key.starts_with(newer));
    NEWER_KEYS.iter().find(|(newer, _)| is_it(newer)).map(|(_, actions)| *actions)
}

/// Whether MinIO added a key after 2021.
pub(super) fn is_newer_key(key: &str) -> bool {
    newer_key(key).is_some()
}

/// The actions (without `s3:`) whose requests have a key. `None` if all have it, or the key is unknown.
pub(super) fn actions_of_key(key: &str) -> Option<&'static [&'static str]> {
    let known = ACTION_KEYS.iter().find(|(known, _)| *known == key).map(|(_, actions)| *actions);
    known.or_else(|| newer_key(key)).filter(|actions| !actions.is_empty())
}

/// All keys of MinIO in 2021.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    COMMON_KEYS.iter().copied().chain(ACTION_KEYS.iter().map(|(key, _)| *key))
}

#[cfg(test)]
mod tests {
    use super::super::super::catalogue::Catalogue;
    use super::*;

    #[test]
    fn aliases_and_keys_name_actions_that_exist() {
        let newest = Catalogue::newest();
        let named = ALIASES
            .iter()
            .filter_map(|(_, right)| right.as_ref())
            .chain(ACTION_KEYS.iter().flat_map(|(_, actions)| *actions));
        for action in named {
            assert!(newest.get(&format!("s3:{action}")).is_some(), "{action}");
        }
        for (wrong, _) in ALIASES {
            assert!(newest.get(&format!("s3:{wrong}")).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_operator_is_known_with_and_without_a_qualifier() {
        assert_eq!(OPERATORS.len(), 23);
        assert_eq!(operator("StringLike"), Some(("StringLike", ValueType::Pattern)));
        assert_eq!(operator("ForAnyValue:StringLike"), Some(("StringLike", ValueType::Pattern)));
        assert_eq!(operator("ForSome:StringLike"), None);
        assert_eq!(operator("StringLikeIfExists"), None);
    }
}
