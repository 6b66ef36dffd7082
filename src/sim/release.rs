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
pub(crate) struct Behaviour {
    /// `/login` answers with `password_change_required`.
    pub(crate) login_has_password_change: bool,
    /// `/login/refresh` takes `access_token_expiry` and `refresh_token_expiry` (since 4.2).
    pub(crate) refresh_takes_expiry: bool,
    /// `/users/whoami` answers with the `uid`.
    pub(crate) whoami_has_uid: bool,
    /// `GET /s3/userPolicies` exists.
    pub(crate) user_policies: bool,
    /// `/s3/serviceAccounts` exists.
    pub(crate) service_accounts: bool,
    /// `/users` answers with `posix_uid` and `posix_gid` (since 4.2).
    pub(crate) users_have_posix: bool,
    /// `/users` answers with the `policy` of a user. The 4.2 definition already has the field; the documentation says
    /// 4.4.
    pub(crate) users_have_policy: bool,
    /// `policy_file_content` may be JSON in a string. Up to 4.1 the definition declares a string, its example is an
    /// object, and clients send an object: both are accepted.
    pub(crate) content_may_be_text: bool,
    /// Users have an S3 key pair apart from name and password. The first attach creates it.
    pub(crate) own_key_pairs: bool,
    /// `/organizations` answers with `security_policies` (since 4.4).
    pub(crate) security_policies: bool,
    /// `weka s3 policy detach` names the policy as well (vendor's CLI page).
    pub(crate) detach_names_policy: bool,
    /// The `weka` command is `wekactl`, with another dialect of JSON (vendor documentation, 6.0).
    pub(crate) wekactl: bool,
    /// Groups can have policies (vendor documentation, 6.0).
    pub(crate) groups: bool,
    /// `/users` has the parameter `org`, and `/tenants` exists beside `/organizations`.
    pub(crate) tenants: bool,
    /// `GET /s3/buckets` answers with rows (since 4.2); before that with names.
    pub(crate) buckets_are_rows: bool,
    /// `GET /docs/schema` exists.
    pub(crate) own_definition: bool,
    pub(crate) tenant_admin: &'static str,
    pub(crate) roles: &'static [Role],
    pub(crate) predefined: [(&'static str, &'static str); 3],
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
    pub(crate) fn name(self, behaviour: &Behaviour) -> &'static str {
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

impl Behaviour {
    const fn of(major: u32, minor: u32) -> Self {
        let since_4_0 = major >= 4;
        let since_4_4 = major > 4 || major == 4 && minor >= 4;
        let since_5_1 = major > 5 || major == 5 && minor >= 1;
        // Over REST as 5.1: no definition of it is public.
        let since_6_0 = major >= 6;
        Self {
            login_has_password_change: since_4_0,
            refresh_takes_expiry: since_4_4,
            whoami_has_uid: since_4_0,
            user_policies: since_4_0,
            service_accounts: since_4_0,
            users_have_posix: since_4_4,
            users_have_policy: since_4_4,
            content_may_be_text: !since_4_4,
            own_key_pairs: since_5_1,
            security_policies: since_4_4,
            detach_names_policy: since_5_1 && !since_6_0,
            wekactl: since_6_0,
            groups: since_6_0,
            tenants: since_5_1,
            buckets_are_rows: since_4_4,
            own_definition: since_5_1,
            tenant_admin: if since_5_1 { "TenantAdmin" } else { "OrgAdmin" },
            roles: if since_4_4 { ROLES } else { OLD_ROLES },
            predefined: [if since_5_1 { LONG_READONLY } else { SHORT_READONLY }, READWRITE, WRITEONLY],
        }
    }
}

/// The release lines whose definitions the simulator follows, oldest first: each with the full number that a bare line stands
/// for, because a cluster always reports one.
static LINES: [((u32, u32), &str, Behaviour); 5] = [
    ((3, 14), "3.14.4", Behaviour::of(3, 14)),
    ((4, 0), "4.0.6", Behaviour::of(4, 0)),
    ((4, 4), "4.4.8", Behaviour::of(4, 4)),
    ((5, 1), "5.1.2", Behaviour::of(5, 1)),
    ((6, 0), "6.0.0", Behaviour::of(6, 0)),
];

impl SimRelease {
    pub(crate) fn behaviour(&self) -> &'static Behaviour {
        &LINES[self.line].2
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
        let line = LINES.iter().position(|(line, ..)| *line == release.line()).ok_or_else(unknown)?;
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
