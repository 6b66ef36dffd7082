//! What each release of WEKA can do: the one table of all release knowledge outside the simulator.

use super::Release;

/// What a release can do, and how it is spoken to. A release newer than all known ones counts as the newest.
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
    /// `weka s3 user keys-generate` replaces it: since 5.1 (vendor's CLI page). Earlier, name and password are the pair.
    pub key_pairs: bool,
    /// An identity provider can give policies by name (`GET /s3/oidc`): since 5.1 (vendor definition).
    pub identity_provider: bool,
    /// A tenant's administrator has the role `TenantAdmin`: since 5.1, which renames organizations to tenants. Earlier the
    /// role is `OrgAdmin`.
    pub tenant_admin: bool,
    /// Groups can have policies: since 6.0 (vendor documentation).
    pub groups: bool,
    /// Policies are mapped to federated identities by name: since 6.0 (vendor documentation).
    pub federated_identities: bool,
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
    #[must_use]
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

impl Capabilities {
    /// The capabilities of a release.
    #[must_use]
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
            identity_provider: since(5, 1),
            tenant_admin: since(5, 1),
            groups: since(6, 0),
            federated_identities: since(6, 0),
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
        }
    }
}
