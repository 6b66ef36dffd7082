//! The differences between releases, in one table.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::Release;
use crate::sim::error::SimError;

/// A release that the simulator knows, by its full number (`5.1.2`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SimRelease {
    /// Its index in [`LINES`].
    line: usize,
    text: String,
}

/// How one release differs from others. Every field is a fact of the vendor's definitions or documentation unless its
/// comment says that it is assumed.
#[derive(Debug)]
pub struct Behaviour {
    /// `/login` and `/login/refresh` answer `data` as an array of one.
    pub tokens_in_array: bool,
    /// `/login` answers with `password_change_required`.
    pub login_has_password_change: bool,
    /// `/login/refresh` takes `access_token_expiry` and `refresh_token_expiry` (since 4.2).
    pub refresh_takes_expiry: bool,
    /// `/users/whoami` answers with the `uid`.
    pub whoami_has_uid: bool,
    /// `GET /s3/userPolicies` exists.
    pub user_policies: bool,
    /// `/users` answers with `posix_uid` and `posix_gid` (since 4.2).
    pub users_have_posix: bool,
    /// `/users` answers with the `policy` of a user. The 4.2 definition already has the field; the documentation says
    /// 4.4.
    pub users_have_policy: bool,
    /// `policy_file_content` may be JSON in a string. Up to 4.1 the definition declares a string, its example is an
    /// object, and clients send an object: both are accepted.
    pub content_may_be_text: bool,
    /// Users have an S3 key pair apart from name and password. The first attach creates it.
    pub own_key_pairs: bool,
    /// `/organizations` answers with `security_policies` (since 4.4).
    pub security_policies: bool,
    /// `weka s3 policy detach` names the policy as well (vendor's CLI page).
    pub detach_names_policy: bool,
    /// The `weka` command is `wekactl`, with another dialect of JSON (vendor documentation, 6.0).
    pub wekactl: bool,
    /// Groups can have policies (vendor documentation, 6.0).
    pub groups: bool,
    /// `/users` has the parameter `org`, and `/tenants` exists beside `/organizations`.
    pub tenants: bool,
    /// `GET /docs/schema` exists.
    pub own_definition: bool,
    /// The name of the role of a tenant administrator.
    pub tenant_admin: &'static str,
    /// The roles a user can be given.
    pub roles: &'static [Role],
    /// The documents of the predefined policies.
    pub predefined: [(&'static str, &'static str); 3],
}

/// The role of a user: which calls it may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    ClusterAdmin,
    /// Everything in its tenant; called `OrgAdmin` before 5.1.
    #[serde(alias = "OrgAdmin")]
    TenantAdmin,
    /// Reading.
    ReadOnly,
    /// Reading.
    Regular,
    /// S3 only, no calls.
    S3,
    /// For the CSI plugin only.
    #[serde(rename = "CSI")]
    Csi,
}

impl Role {
    /// The role's name in a release.
    pub fn name(self, behaviour: &Behaviour) -> &'static str {
        match self {
            Self::ClusterAdmin => "ClusterAdmin",
            Self::TenantAdmin => behaviour.tenant_admin,
            Self::ReadOnly => "ReadOnly",
            Self::Regular => "Regular",
            Self::S3 => "S3",
            Self::Csi => "CSI",
        }
    }
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
    login_has_password_change: false,
    refresh_takes_expiry: false,
    whoami_has_uid: false,
    user_policies: false,
    users_have_posix: false,
    users_have_policy: false,
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
    login_has_password_change: true,
    whoami_has_uid: true,
    user_policies: true,
    ..V3_14
};

static V4_4: Behaviour = Behaviour {
    refresh_takes_expiry: true,
    users_have_posix: true,
    users_have_policy: true,
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

/// The release lines whose definitions the simulator follows, oldest first: each with the full number that a bare line stands
/// for, because a cluster always reports one.
static LINES: [((u32, u32), &str, &Behaviour); 5] = [
    ((3, 14), "3.14.4", &V3_14),
    ((4, 0), "4.0.6", &V4_0),
    ((4, 4), "4.4.8", &V4_4),
    ((5, 1), "5.1.2", &V5_1),
    ((6, 0), "6.0.0", &V6_0),
];

impl SimRelease {
    /// The behaviour of this release.
    pub fn behaviour(&self) -> &'static Behaviour {
        LINES[self.line].2
    }

    /// The full number.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for SimRelease {
    fn default() -> Self {
        Self { line: 3, text: LINES[3].1.to_owned() }
    }
}

impl FromStr for SimRelease {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        let known = "3.14, 4.0, 4.4, 5.1 and 6.0 (also as `5.1.2`)";
        let unknown = || SimError(format!("the simulator does not know the release `{text}`; it knows {known}"));
        let bare = LINES.iter().find(|((major, minor), ..)| format!("{major}.{minor}") == text);
        let text = bare.map_or(text, |(_, whole, _)| whole).to_owned();
        let release = Release::parse(&text).ok_or_else(unknown)?;
        let is_of = |(major, minor)| release.at_least(major, minor) && !release.at_least(major, minor + 1);
        let line = LINES.iter().position(|(line, ..)| is_of(*line)).ok_or_else(unknown)?;
        Ok(Self { line, text })
    }
}

impl TryFrom<String> for SimRelease {
    type Error = SimError;

    fn try_from(text: String) -> Result<Self, SimError> {
        text.parse()
    }
}

impl From<SimRelease> for String {
    fn from(release: SimRelease) -> Self {
        release.text
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
