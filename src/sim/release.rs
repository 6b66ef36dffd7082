//! What each simulated release does: one table, read by everything that differs between releases.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::state::Role;
use crate::base::Release;

/// A release the simulator knows, as a cluster of it names itself (`5.1.2`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SimRelease {
    line: Line,
    text: String,
}

/// The simulator does not know a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulator does not know the release `{0}`; it knows 3.14, 4.0, 4.4, 5.1 and 6.0 (also as `5.1.2`)")]
pub struct UnknownRelease(String);

/// The release lines whose definitions the simulator follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    V3_14,
    V4_0,
    V4_4,
    V5_1,
    V6_0,
}

/// What a release does that another does not. Every field is a fact of the vendor's definitions or documentation
/// unless its comment says that it is assumed.
#[derive(Debug)]
pub struct Behaviour {
    /// `/login` and `/login/refresh` answer `data` as an array of one.
    pub tokens_in_array: bool,
    /// `/login` tells `password_change_required`.
    pub tells_password_change: bool,
    /// `/login/refresh` takes `access_token_expiry` and `refresh_token_expiry` (since 4.2).
    pub refresh_takes_expiry: bool,
    /// `/users/whoami` tells the `uid`.
    pub whoami_tells_uid: bool,
    /// `GET /s3/userPolicies` exists.
    pub user_policies: bool,
    /// `/users` tells `posix_uid` and `posix_gid` (since 4.2).
    pub users_tell_posix: bool,
    /// `/users` tells the `policy` a user holds. The 4.2 definition has the field already; the documentation and
    /// the facts this tool stands on say 4.4.
    pub users_tell_policy: bool,
    /// `policy_file_content` may be JSON in a string. Up to 4.1 it is declared a string, its example is an object,
    /// and clients send an object: both are taken.
    pub content_may_be_text: bool,
    /// Users have an S3 key pair apart from name and password, made by the first attach.
    pub own_key_pairs: bool,
    /// `/organizations` tells `security_policies` (since 4.4).
    pub security_policies: bool,
    /// `weka s3 policy detach` names the policy as well (vendor's CLI page; other releases do not).
    pub detach_names_policy: bool,
    /// The `weka` command is `wekactl`, with another dialect of JSON (vendor documentation, 6.0).
    pub wekactl: bool,
    /// Groups can hold policies (vendor documentation, 6.0).
    pub groups: bool,
    /// `/users` takes `org`, and `/tenants` exists beside `/organizations`.
    pub tenants: bool,
    /// `GET /docs/schema` exists.
    pub own_definition: bool,
    /// What the administrator of one tenant is called.
    pub tenant_admin: &'static str,
    /// The roles a user can be given.
    pub roles: &'static [Role],
    /// The documents of the predefined policies.
    pub predefined: [(&'static str, &'static str); 3],
}

const READWRITE: (&str, &str) = (
    "readwrite",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}"#,
);
const WRITEONLY: (&str, &str) = (
    "writeonly",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::*"]}]}"#,
);
/// From the documentation of 4.0; assumed for all releases before 5.0.
const SHORT_READONLY: (&str, &str) = (
    "readonly",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetBucketLocation","s3:GetObject"],"Resource":["arn:aws:s3:::*"]}]}"#,
);
const LONG_READONLY: (&str, &str) = (
    "readonly",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListAllMyBuckets","s3:ListBucket","s3:ListBucketMultipartUploads","s3:ListMultipartUploadParts","s3:GetBucketLocation","s3:GetBucketPolicy","s3:GetBucketTagging","s3:GetObject"],"Resource":["arn:aws:s3:::*"]}]}"#,
);

const OLD_ROLES: &[Role] = &[Role::ClusterAdmin, Role::TenantAdmin, Role::ReadOnly, Role::Regular, Role::S3];
const ROLES: &[Role] = &[Role::ClusterAdmin, Role::TenantAdmin, Role::ReadOnly, Role::Regular, Role::S3, Role::Csi];

static V3_14: Behaviour = Behaviour {
    tokens_in_array: true,
    tells_password_change: false,
    refresh_takes_expiry: false,
    whoami_tells_uid: false,
    user_policies: false,
    users_tell_posix: false,
    users_tell_policy: false,
    content_may_be_text: true,
    own_key_pairs: false,
    security_policies: false,
    detach_names_policy: false,
    wekactl: false,
    groups: false,
    tenants: false,
    own_definition: false,
    tenant_admin: "OrgAdmin",
    roles: OLD_ROLES,
    predefined: [SHORT_READONLY, READWRITE, WRITEONLY],
};

static V4_0: Behaviour = Behaviour {
    tokens_in_array: false,
    tells_password_change: true,
    whoami_tells_uid: true,
    user_policies: true,
    ..V3_14
};

static V4_4: Behaviour = Behaviour {
    refresh_takes_expiry: true,
    users_tell_posix: true,
    users_tell_policy: true,
    content_may_be_text: false,
    security_policies: true,
    roles: ROLES,
    ..V4_0
};

static V5_1: Behaviour = Behaviour {
    own_key_pairs: true,
    detach_names_policy: true,
    tenants: true,
    own_definition: true,
    tenant_admin: "TenantAdmin",
    predefined: [LONG_READONLY, READWRITE, WRITEONLY],
    ..V4_4
};

/// Over REST as 5.1: no definition of it is public.
static V6_0: Behaviour = Behaviour { detach_names_policy: false, wekactl: true, groups: true, ..V5_1 };

impl SimRelease {
    /// The release lines the simulator knows, oldest first.
    pub const LINES: [&str; 5] = ["3.14", "4.0", "4.4", "5.1", "6.0"];

    /// What this release does.
    #[must_use]
    pub fn behaviour(&self) -> &'static Behaviour {
        match self.line {
            Line::V3_14 => &V3_14,
            Line::V4_0 => &V4_0,
            Line::V4_4 => &V4_4,
            Line::V5_1 => &V5_1,
            Line::V6_0 => &V6_0,
        }
    }

    /// The release as the cluster tells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for SimRelease {
    fn default() -> Self {
        Self { line: Line::V5_1, text: "5.1.2".to_owned() }
    }
}

impl FromStr for SimRelease {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        let unknown = || UnknownRelease(text.to_owned());
        // A bare line stands for one release of it, since a cluster always tells all its numbers.
        let whole = match text {
            "3.14" => "3.14.4",
            "4.0" => "4.0.6",
            "4.4" => "4.4.8",
            "5.1" => "5.1.2",
            "6.0" => "6.0.0",
            other => other,
        };
        let release = Release::parse(whole).ok_or_else(unknown)?;
        let lines =
            [(3, 14, Line::V3_14), (4, 0, Line::V4_0), (4, 4, Line::V4_4), (5, 1, Line::V5_1), (6, 0, Line::V6_0)];
        let of_line = |major, minor| release.at_least(major, minor) && !release.at_least(major, minor + 1);
        let line = lines.into_iter().find(|&(major, minor, _)| of_line(major, minor)).ok_or_else(unknown)?.2;
        Ok(Self { line, text: whole.to_owned() })
    }
}

impl TryFrom<String> for SimRelease {
    type Error = UnknownRelease;

    fn try_from(text: String) -> Result<Self, UnknownRelease> {
        text.parse()
    }
}

impl From<SimRelease> for String {
    fn from(release: SimRelease) -> Self {
        release.text
    }
}

impl fmt::Display for SimRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_its_line() {
        for (text, whole) in
            [("3.14", "3.14.4"), ("4.0.1", "4.0.1"), ("4.4", "4.4.8"), ("5.1.2.17-abc", "5.1.2.17-abc")]
        {
            assert_eq!(text.parse::<SimRelease>().unwrap().as_str(), whole);
        }
        for text in ["", "weka", "4.2", "4.40", "5.0", "6.1", "5"] {
            assert!(text.parse::<SimRelease>().is_err(), "{text}");
        }
    }
}
