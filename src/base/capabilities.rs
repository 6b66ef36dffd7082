//! The releases of WEKA, and what each can do: the one table of all release knowledge outside the simulator. A cluster's own
//! API definition corrects it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The maximum length of a release in bytes: far more than a number and a build's hash.
const LONGEST: usize = 100;

/// A cluster's release, such as `5.1.2` or `3.11.1.6926-f6e1fbb9…`. Compares by its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    numbers: Vec<u32>,
    text: String,
}

impl Release {
    /// The newest release that attune knows. Checks without a cluster use it.
    pub fn newest() -> Self {
        Self { numbers: vec![6, 0], text: "6.0".to_owned() }
    }

    /// Reads the numbers at the start of `text`; the rest (a build's hash) is kept for display only. `None` without a major
    /// and a minor number, or if `text` has anything but printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') || text.len() > LONGEST {
            return None;
        }
        let front = text.trim_start_matches('v').split(['-', '+', ' ']).next()?;
        let numbers: Vec<u32> = front.split('.').map_while(|part| part.parse().ok()).collect();
        (numbers.len() >= 2).then(|| Self { numbers, text: text.to_owned() })
    }

    /// Whether its major and minor number are newer than those of the newest release that attune knows.
    pub fn is_newer_than_known(&self) -> bool {
        let known = Self::newest().numbers;
        self.numbers.get(..known.len()).is_some_and(|line| line > known.as_slice())
    }

    /// Its line: the major and the minor number.
    pub fn line(&self) -> (u32, u32) {
        let number = |at| self.numbers.get(at).copied().unwrap_or_default();
        (number(0), number(1))
    }

    fn at_least(&self, major: u32, minor: u32) -> bool {
        self.line() >= (major, minor)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a cluster can do, and how it is spoken to: by its release, and by its own API definition if it has one
/// ([`ApiFacts`]). A release newer than all known ones counts as the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The arguments of `weka s3 policy detach`.
    pub detach: DetachForm,
    /// The REST call that reports which user has which policy.
    pub attachments: AttachmentsSource,
    /// Users have service accounts with keys of their own: since 4.0 (vendor documentation).
    pub service_accounts: bool,
    /// The cluster serves its own API definition at `GET /docs/schema`: since 5.0 (vendor documentation).
    pub api_definition: bool,
    /// The S3 actions include object tagging, object lock, versioning and notifications: since 5.x. The vendor's pages
    /// list two sets of actions, one of 4.x and one of 5.x.
    pub actions_of_5: bool,
    /// The predefined policy `readonly` also allows to list buckets and to read their settings. The vendor's page for 4.0
    /// does not have these actions, the page for 5.1 does. In between nothing is documented; 5.0 is taken.
    pub readonly_lists_buckets: bool,
    /// A user has an S3 key pair apart from the account password. The first attach creates it and shows it once, and
    /// `weka s3 user keys-generate` replaces it: since 5.1 (vendor's CLI page), or with a build that has `key_reset`. Earlier,
    /// name and password are the pair.
    pub key_pairs: bool,
    /// The REST call that replaces a user's key pair, `POST /users/{uid}/s3/resetCredentials`. Builds of 5.1 differ, so
    /// only the definition of the cluster tells: without one, it counts as missing.
    pub key_reset: bool,
    /// An identity provider can give policies by name: since 5.1 (vendor definition).
    pub identity_provider: bool,
    /// The REST call that reports the identity provider, `GET /s3/oidc`: since 5.1 (vendor definition).
    pub identity_provider_reported: bool,
    /// Organizations are called tenants, and a tenant's administrator has the role `TenantAdmin`: since 5.1 (vendor
    /// definition). Earlier the role is `OrgAdmin`.
    pub tenants: bool,
    /// Groups can have policies: since 6.0 (vendor documentation).
    pub groups: bool,
    /// The arguments of `weka s3 bucket policy set` and `set-custom`.
    pub bucket_arguments: BucketArguments,
}

/// The arguments of `weka s3 bucket policy set` and `set-custom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketArguments {
    /// `set POLICY BUCKET`, `set-custom FILE BUCKET`: before 6.0 (vendor documentation). One page of 5.1 has the other form.
    PolicyFirst,
    /// `set BUCKET POLICY`, `set-custom BUCKET FILE`: since 6.0 (vendor documentation).
    BucketFirst,
}

impl BucketArguments {
    /// The other form, for a cluster that refuses this one.
    pub fn other(self) -> Self {
        match self {
            Self::PolicyFirst => Self::BucketFirst,
            Self::BucketFirst => Self::PolicyFirst,
        }
    }
}

/// The arguments of `weka s3 policy detach`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetachForm {
    /// `detach USER`: 3.12 to 5.0, and since 6.0 (vendor documentation).
    User,
    /// `detach POLICY USER`: 5.1 (vendor's CLI page).
    PolicyAndUser,
}

impl DetachForm {
    /// The other form, for a cluster that refuses this one.
    pub fn other(self) -> Self {
        match self {
            Self::User => Self::PolicyAndUser,
            Self::PolicyAndUser => Self::User,
        }
    }
}

/// The REST call that reports which user has which policy. A later source reports at least what an earlier one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachmentsSource {
    /// None: before 4.0.
    None,
    /// `GET /s3/userPolicies`: since 4.0 (vendor definitions).
    UserPolicies,
    /// `GET /users` as well: since 4.4 (vendor definitions).
    Users,
}

/// What the API definition of a cluster says about its capabilities.
// It decides where releases are not precise enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiFactsV1")]
pub struct ApiFacts {
    /// Whether it has the call that replaces a user's key pair.
    pub key_reset: bool, // `POST /users/{uid}/s3/resetCredentials`
    /// Whether the list of users has their policies; missing when the definition does not describe users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_have_policy: Option<bool>, // `policy` of `GET /users`
    /// Whether it has the call that reports the policies of users.
    pub user_policies: bool, // `GET /s3/userPolicies`
    /// Whether it has the call that reports the identity provider.
    pub identity_provider: bool, // `GET /s3/oidc`
    /// Whether it has the list of tenants.
    pub tenants: bool, // `GET /tenants`
}

impl Capabilities {
    /// The same, corrected by what the cluster's own API definition says.
    pub fn corrected_by(self, facts: &ApiFacts) -> Self {
        Self {
            key_reset: facts.key_reset,
            attachments: match (facts.users_have_policy, facts.user_policies) {
                (None, _) => self.attachments,
                (Some(true), _) => AttachmentsSource::Users,
                (Some(false), true) => AttachmentsSource::UserPolicies,
                (Some(false), false) => AttachmentsSource::None,
            },
            // A pair that can be replaced is one apart from the password.
            key_pairs: self.key_pairs || facts.key_reset,
            identity_provider: self.identity_provider || facts.identity_provider,
            identity_provider_reported: facts.identity_provider,
            tenants: facts.tenants,
            ..self
        }
    }

    /// The capabilities of a release.
    pub fn of(release: &Release) -> Self {
        let since = |major, minor| release.at_least(major, minor);
        Self {
            detach: if since(5, 1) && !since(6, 0) { DetachForm::PolicyAndUser } else { DetachForm::User },
            attachments: match (since(4, 0), since(4, 4)) {
                (_, true) => AttachmentsSource::Users,
                (true, false) => AttachmentsSource::UserPolicies,
                (false, false) => AttachmentsSource::None,
            },
            service_accounts: since(4, 0),
            api_definition: since(5, 0),
            actions_of_5: since(5, 0),
            readonly_lists_buckets: since(5, 0),
            key_pairs: since(5, 1),
            key_reset: false,
            identity_provider: since(5, 1),
            identity_provider_reported: since(5, 1),
            tenants: since(5, 1),
            groups: since(6, 0),
            bucket_arguments: if since(6, 0) { BucketArguments::BucketFirst } else { BucketArguments::PolicyFirst },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_the_capabilities_of_its_line_and_an_unknown_one_those_of_the_newest() {
        use {AttachmentsSource as Source, DetachForm as Form};
        for (release, source, form, key_pairs, groups) in [
            ("3.14.4", Source::None, Form::User, false, false),
            ("4.0.6", Source::UserPolicies, Form::User, false, false),
            ("4.3.1", Source::UserPolicies, Form::User, false, false),
            ("4.4.8", Source::Users, Form::User, false, false),
            ("5.0.2", Source::Users, Form::User, false, false),
            ("5.1.2.17-abc", Source::Users, Form::PolicyAndUser, true, false),
            ("6.0.0", Source::Users, Form::User, true, true),
            ("7.3.1", Source::Users, Form::User, true, true),
        ] {
            let found = Capabilities::of(&Release::parse(release).unwrap());
            let Capabilities { attachments, detach, .. } = found;
            let expected = (source, form, key_pairs, groups);
            assert_eq!((attachments, detach, found.key_pairs, found.groups), expected, "{release}");
            assert_eq!(found.bucket_arguments == BucketArguments::BucketFirst, groups, "{release}");
        }
    }

    #[test]
    fn the_definition_of_a_cluster_decides_over_its_release() {
        let of = |release: &str| Capabilities::of(&Release::parse(release).unwrap());
        let facts = ApiFacts {
            key_reset: true,
            users_have_policy: Some(false),
            user_policies: true,
            identity_provider: false,
            tenants: false,
        };
        let found = of("5.1.2").corrected_by(&facts);
        assert!(!of("5.1.2").key_reset && found.key_reset);
        assert_eq!(found.attachments, AttachmentsSource::UserPolicies);
        assert!(!found.tenants && !found.identity_provider_reported);
        assert!(found.identity_provider, "a provider can be there without a call that reports it");
        assert!(!of("5.0.9").key_pairs && of("5.0.9").corrected_by(&facts).key_pairs);
        assert!(of("5.1.2").corrected_by(&ApiFacts { key_reset: false, ..facts }).key_pairs);
        let unknown = ApiFacts { users_have_policy: None, ..facts };
        assert_eq!(of("5.1.2").corrected_by(&unknown).attachments, AttachmentsSource::Users);
    }

    #[test]
    fn releases_compare_by_their_numbers() {
        let release = Release::parse("3.11.1.6926-f6e1fbb96d03ef76b64bfd4d8c2c366a").unwrap();
        assert!(
            release.at_least(3, 11) && release.at_least(3, 9) && !release.at_least(3, 12) && !release.at_least(4, 0)
        );
        for (text, line) in [
            ("5.1", (5, 1)),
            ("5.1.21.26", (5, 1)),
            ("4.4.2.157-k8s.2", (4, 4)),
            ("4.2.9.29-hcsf", (4, 2)),
            ("v5.0.1+build", (5, 0)),
        ] {
            let release = Release::parse(text).unwrap();
            assert_eq!((release.line(), release.to_string().as_str()), (line, text));
        }
        assert!(Release::parse("10.0.1").unwrap().at_least(5, 1));
        for text in ["weka", "5.1.2-\u{1b}[31m", "5.1.2-\u{202e}x", &format!("5.1.2-{}", "a".repeat(100))] {
            assert_eq!(Release::parse(text), None, "{text:?}");
        }
        for (text, newer) in [("4.4.9", false), ("5.1.99", false), ("6.0.3", false), ("6.1.0", true), ("7.0", true)] {
            assert_eq!(Release::parse(text).unwrap().is_newer_than_known(), newer, "{text}");
        }
    }
}
