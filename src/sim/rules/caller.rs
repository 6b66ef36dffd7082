//! Who calls, and what that allows.

use super::Refusal;
use crate::sim::state::{Role, State, Tenant, User};

/// The user a call is made as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant of the user.
    pub tenant: String,
    /// The user's name.
    pub user: String,
    /// The user's role now.
    pub role: Role,
}

impl Caller {
    /// The caller that a login with this name is, if it may.
    ///
    /// The tenant's name is compared without regard to case, because the definition calls the default `Root` and
    /// gives `root` as its example. Whether a real cluster does is unknown.
    ///
    /// # Errors
    /// Unauthorized, whatever does not fit: a cluster does not tell.
    pub fn log_in(state: &State, tenant: &str, user: &str, password: &str) -> Result<Self, Refusal> {
        let name = state.tenants.keys().find(|name| name.eq_ignore_ascii_case(tenant)).ok_or(Refusal::Unauthorized)?;
        let caller = Self::known(state, name, user)?;
        let right = caller.account(state)?.password.as_deref() == Some(password);
        right.then_some(caller).ok_or(Refusal::Unauthorized)
    }

    /// The caller that a token was given to, if the user is still there.
    ///
    /// # Errors
    /// Unauthorized when the user is gone.
    pub fn known(state: &State, tenant: &str, user: &str) -> Result<Self, Refusal> {
        let account =
            state.tenants.get(tenant).and_then(|tenant| tenant.users.get(user)).ok_or(Refusal::Unauthorized)?;
        Ok(Self { tenant: tenant.to_owned(), user: user.to_owned(), role: account.role })
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// Unauthorized when the user is gone.
    pub fn account<'s>(&self, state: &'s State) -> Result<&'s User, Refusal> {
        self.tenant(state)?.user(&self.user).ok_or(Refusal::Unauthorized)
    }

    /// The caller's tenant.
    ///
    /// # Errors
    /// Unauthorized when the tenant is gone.
    pub fn tenant<'s>(&self, state: &'s State) -> Result<&'s Tenant, Refusal> {
        state.tenants.get(&self.tenant).ok_or(Refusal::Unauthorized)
    }

    /// The caller's tenant, to be changed.
    ///
    /// # Errors
    /// Unauthorized when the tenant is gone.
    pub fn tenant_mut<'s>(&self, state: &'s mut State) -> Result<&'s mut Tenant, Refusal> {
        state.tenants.get_mut(&self.tenant).ok_or(Refusal::Unauthorized)
    }

    /// Lets through who may look. Which roles a real cluster lets look is assumed: all but `S3` and `CSI`.
    ///
    /// # Errors
    /// Forbidden.
    pub fn may_look(&self) -> Result<(), Refusal> {
        match self.role {
            Role::ClusterAdmin | Role::TenantAdmin | Role::ReadOnly | Role::Regular => Ok(()),
            Role::S3 | Role::Csi => self.forbidden("look at the cluster"),
        }
    }

    /// Lets through who may change policies and users of the tenant. That a real cluster answers 403 is assumed.
    ///
    /// # Errors
    /// Forbidden.
    pub fn may_change(&self) -> Result<(), Refusal> {
        match self.role {
            Role::ClusterAdmin | Role::TenantAdmin => Ok(()),
            Role::ReadOnly | Role::Regular | Role::S3 | Role::Csi => self.forbidden("change S3 access or users"),
        }
    }

    /// Lets through who may act on the whole cluster.
    ///
    /// # Errors
    /// Forbidden.
    pub fn may_rule(&self) -> Result<(), Refusal> {
        match self.role {
            Role::ClusterAdmin => Ok(()),
            Role::TenantAdmin | Role::ReadOnly | Role::Regular | Role::S3 | Role::Csi => {
                self.forbidden("act on the whole cluster")
            }
        }
    }

    fn forbidden(&self, what: &str) -> Result<(), Refusal> {
        Err(Refusal::Forbidden(format!("User \"{}\" is not permitted to {what}", self.user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing;

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
    fn roles_look_change_and_rule() {
        let may = |role| {
            let caller = Caller { tenant: "Root".into(), user: "u".into(), role };
            [caller.may_look().is_ok(), caller.may_change().is_ok(), caller.may_rule().is_ok()]
        };
        assert_eq!(may(Role::ClusterAdmin), [true, true, true]);
        assert_eq!(may(Role::TenantAdmin), [true, true, false]);
        assert_eq!(may(Role::ReadOnly), [true, false, false]);
        assert_eq!(may(Role::Regular), [true, false, false]);
        assert_eq!(may(Role::S3), [false, false, false]);
        assert_eq!(may(Role::Csi), [false, false, false]);
    }
}
