//! What a cluster does with a call: functions on the state that answer or refuse, without any network.
//!
//! Every change has the form `fn(&mut ClusterState, &Caller, …) -> Result<_, Refusal>`, so that both the REST API and the
//! `weka` command call it under the lock of the store.

pub(crate) mod attachments;
pub(crate) mod buckets;
pub(crate) mod identity_provider;
pub(crate) mod policies;
pub(crate) mod service_accounts;
pub(crate) mod sts;
pub(crate) mod users;

use crate::sim::error::SimError;
use crate::sim::ids;
use crate::sim::release::Role;
use crate::sim::state::{ClusterState, Keys, Tenant, User};
use crate::sim::switches::KeyLength;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) tenant: String,
    pub(crate) user: String,
    pub(crate) role: Role,
}

impl Caller {
    /// The tenant's name is compared without regard to case, because the definition calls the default `Root` and its example
    /// says `root`. Whether a real cluster does so is unknown.
    pub(crate) fn log_in(state: &ClusterState, tenant: &str, user: &str, password: &str) -> Result<Self, Refusal> {
        let name = state.tenants.keys().find(|name| name.eq_ignore_ascii_case(tenant)).ok_or(Refusal::Unauthorized)?;
        let caller = Self::from_token(state, name, user)?;
        let right = caller.account(state)?.password.as_deref() == Some(password);
        right.then_some(caller).ok_or(Refusal::Unauthorized)
    }

    pub(crate) fn from_token(state: &ClusterState, tenant: &str, user: &str) -> Result<Self, Refusal> {
        let account =
            state.tenants.get(tenant).and_then(|tenant| tenant.users.get(user)).ok_or(Refusal::Unauthorized)?;
        Ok(Self { tenant: tenant.to_owned(), user: user.to_owned(), role: account.role })
    }

    pub(crate) fn account<'s>(&self, state: &'s ClusterState) -> Result<&'s User, Refusal> {
        self.tenant(state)?.users.get(&self.user).ok_or(Refusal::Unauthorized)
    }

    pub(crate) fn tenant<'s>(&self, state: &'s ClusterState) -> Result<&'s Tenant, Refusal> {
        state.tenants.get(&self.tenant).ok_or(Refusal::Unauthorized)
    }

    pub(crate) fn tenant_mut<'s>(&self, state: &'s mut ClusterState) -> Result<&'s mut Tenant, Refusal> {
        state.tenants.get_mut(&self.tenant).ok_or(Refusal::Unauthorized)
    }

    /// Requires a role that may read. Assumed: all roles but `S3` and `CSI`.
    pub(crate) fn require_reader(&self) -> Result<(), Refusal> {
        match self.role {
            Role::ClusterAdmin | Role::TenantAdmin | Role::ReadOnly | Role::Regular => Ok(()),
            Role::S3 | Role::Csi => self.forbidden("look at the cluster"),
        }
    }

    /// Requires a role that may change policies and users of the tenant. Assumed: a real cluster answers 403.
    pub(crate) fn require_writer(&self) -> Result<(), Refusal> {
        match self.role {
            Role::ClusterAdmin | Role::TenantAdmin => Ok(()),
            Role::ReadOnly | Role::Regular | Role::S3 | Role::Csi => self.forbidden("change S3 access or users"),
        }
    }

    /// Requires the same of a caller, and S3. Returns the caller's tenant.
    pub(crate) fn require_s3_reader<'s>(&self, state: &'s ClusterState) -> Result<&'s Tenant, Refusal> {
        self.require_reader()?;
        require_s3(state)?;
        self.tenant(state)
    }

    pub(crate) fn require_s3_writer(&self, state: &ClusterState) -> Result<(), Refusal> {
        self.require_writer()?;
        require_s3(state)
    }

    pub(crate) fn is_cluster_admin(&self) -> bool {
        self.role == Role::ClusterAdmin
    }

    pub(crate) fn require_cluster_admin(&self) -> Result<(), Refusal> {
        if self.is_cluster_admin() { Ok(()) } else { self.forbidden("act on the whole cluster") }
    }

    fn forbidden(&self, what: &str) -> Result<(), Refusal> {
        Err(Refusal::Forbidden(format!("User \"{}\" is not permitted to {what}", self.user)))
    }
}

/// A refused call. The statuses of a real cluster beyond 400, 401 and 404 are not documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: the call is impossible.
    Invalid { message: String, param: Option<String> },
    /// 400: parameters are missing.
    Missing(Vec<String>),
    /// 400: the call does not have these parameters.
    Unknown(Vec<String>),
    /// 403: too many failed logins; for how many seconds.
    LockedOut(u64),
    /// 500: it is there already.
    Present(String),
    /// 401: no token, or an expired one.
    Unauthorized,
    /// 403: the caller's role does not allow it.
    Forbidden(String),
    /// 404: it does not exist.
    NotFound(String),
    /// 405: the path exists, but not with this method.
    WrongMethod(String),
    /// 500: the simulator itself failed; in practice, its state file.
    Broken(String),
}

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: None }
    }

    pub(crate) fn param(param: &str, message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: Some(param.to_owned()) }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Invalid { message, .. }
            | Self::Forbidden(message)
            | Self::NotFound(message)
            | Self::WrongMethod(message)
            | Self::Broken(message) => message.clone(),
            // As captured.
            Self::Present(what) => format!("{what} is already present in the list"),
            Self::Unknown(_) => "Invalid params".to_owned(),
            Self::LockedOut(seconds) => {
                let (minutes, seconds) = (seconds / 60, seconds % 60);
                let rest = if minutes == 0 { format!("{seconds}s") } else { format!("{minutes}m{seconds}s") };
                format!(
                    "Authentication Failed. User has been locked out for another {rest} due to too many login attempts"
                )
            }
            Self::Missing(params) => format!("missing parameters: {}", params.join(", ")),
            Self::Unauthorized => "Unauthorized".to_owned(),
        }
    }
}

impl From<SimError> for Refusal {
    fn from(error: SimError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A new key pair in a tenant, derived from `parts`.
fn new_keys(state: &ClusterState, tenant: &Tenant, parts: &[&str]) -> Keys {
    let tenant = tenant.id.unwrap_or_default();
    let (access_key, secret_key) = (ids::access_key(tenant, parts), ids::secret_key(parts));
    match state.switches.keys {
        KeyLength::Usual => Keys { access_key, secret_key },
        KeyLength::Long => {
            Keys { access_key: ids::lengthened(access_key, parts), secret_key: ids::lengthened(secret_key, parts) }
        }
    }
}

pub(crate) fn require_s3(state: &ClusterState) -> Result<(), Refusal> {
    if state.s3_deleted { Err(Refusal::invalid("S3 cluster is not configured")) } else { Ok(()) }
}

/// Deletes the S3 cluster. The state only marks it as deleted, so that the state file can undo it.
pub(crate) fn delete_s3(state: &mut ClusterState, caller: &Caller) -> Result<(), Refusal> {
    caller.require_cluster_admin()?;
    require_s3(state)?;
    state.s3_deleted = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_an_account_logs_in() {
        let state = testing::cluster("5.1");
        let admin = Caller::log_in(&state, "root", "admin", "admin").unwrap();
        assert_eq!((admin.tenant.as_str(), admin.role), ("Root", Role::ClusterAdmin));
        for (tenant, user, password) in
            [("Root", "admin", "x"), ("Root", "nobody", "admin"), ("x", "admin", "admin"), ("Root", "ldap", "")]
        {
            assert_eq!(Caller::log_in(&state, tenant, user, password), Err(Refusal::Unauthorized));
        }
    }

    #[test]
    fn roles_read_write_and_administer() {
        let permissions = |role| {
            let caller = Caller { tenant: "Root".into(), user: "u".into(), role };
            [caller.require_reader().is_ok(), caller.require_writer().is_ok(), caller.is_cluster_admin()]
        };
        assert_eq!(permissions(Role::ClusterAdmin), [true, true, true]);
        assert_eq!(permissions(Role::TenantAdmin), [true, true, false]);
        assert_eq!(permissions(Role::ReadOnly), [true, false, false]);
        assert_eq!(permissions(Role::Regular), [true, false, false]);
        assert_eq!(permissions(Role::S3), [false, false, false]);
        assert_eq!(permissions(Role::Csi), [false, false, false]);
    }

    #[test]
    fn s3_is_marked_as_deleted_once() {
        let mut state = testing::cluster("4.0");
        delete_s3(&mut state, &testing::admin()).unwrap();
        assert!(state.s3_deleted && require_s3(&state).is_err());
        assert!(delete_s3(&mut state, &testing::admin()).is_err());
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::{Caller, Refusal};
    use crate::sim::document::StoredDocument;
    use crate::sim::state::ClusterState;

    /// Root has the S3 users `alice` (has `ml`), `bob` (has none), `dave` (has `readonly`), the LDAP user `ldap`
    /// and the read-only `eve`; a tenant `lab` has an administrator `boss`.
    pub(crate) fn cluster(release: &str) -> ClusterState {
        let text = format!(
            r#"{{"release":"{release}","tenants":{{
            "Root":{{"users":{{
                "admin":{{"role":"ClusterAdmin","password":"admin"}},
                "alice":{{"policy":"ml","password":"Alices-1","posix_uid":7}},
                "bob":{{}},
                "dave":{{"policy":"readonly"}},
                "ldap":{{"source":"LDAP","role":"Regular"}},
                "eve":{{"role":"ReadOnly","password":"Evening-1"}}}},
              "policies":{{"ml":{{"document":{POLICY}}}}}}},
            "lab":{{"users":{{"boss":{{"role":"TenantAdmin","password":"Boss-1234"}}}}}}}}}}"#
        );
        serde_json::from_str::<ClusterState>(&text).unwrap().complete().unwrap()
    }

    pub(crate) fn admin() -> Caller {
        Caller::log_in(&cluster("5.1"), "Root", "admin", "admin").unwrap()
    }

    pub(crate) fn message<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        result.unwrap_err().message()
    }

    pub(crate) const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::ml/*"]}]}"#;

    pub(crate) fn policy() -> StoredDocument {
        StoredDocument::parse(POLICY).unwrap()
    }
}
