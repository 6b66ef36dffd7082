//! Users and tenants ("organizations" before 5.1).

use std::borrow::Cow;

use crate::sim::ids;
use crate::sim::operations::{Caller, Refusal};
use crate::sim::release::Role;
use crate::sim::state::{ClusterState, Tenant, User};
use crate::sim::switches::ListDuplicates;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) password: String,
    /// Its role, by default `Regular` as for the command, and its POSIX ids.
    pub(crate) settings: UserChange,
    /// The name or id of its tenant; the caller's by default.
    pub(crate) org: Option<String>,
}

/// A change of a user; `None` keeps the value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserChange {
    pub(crate) role: Option<String>,
    pub(crate) posix_uid: Option<u32>,
    pub(crate) posix_gid: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct UserRef {
    pub(crate) tenant: String,
    pub(crate) user: String,
}

/// A user as a list shows it.
#[derive(Debug)]
pub(crate) struct Listed<'s> {
    pub(crate) tenant_name: &'s str,
    pub(crate) tenant: &'s Tenant,
    pub(crate) name: &'s str,
    pub(crate) user: Cow<'s, User>,
}

impl UserRef {
    pub(crate) fn listed(self, state: &ClusterState) -> Option<Listed<'_>> {
        let (tenant_name, tenant) = state.tenants.get_key_value(&self.tenant)?;
        let (name, user) = tenant.users.get_key_value(&self.user)?;
        Some(Listed { tenant_name, tenant, name, user: Cow::Borrowed(user) })
    }
}

/// The users of the tenant `org`, of all tenants, or of the caller's tenant. `everywhere` works for a cluster administrator
/// only; the definition says that it is ignored for others.
pub(crate) fn list<'s>(
    state: &'s ClusterState,
    caller: &Caller,
    org: Option<&str>,
    everywhere: bool,
) -> Result<Vec<Listed<'s>>, Refusal> {
    caller.require_reader()?;
    let one = match org {
        Some(org) => Some(find_tenant(state, caller, org)?),
        None if everywhere && caller.is_cluster_admin() => None,
        None => Some(caller.tenant.clone()),
    };
    let tenants = state.tenants.iter().filter(|(name, _)| one.as_ref().is_none_or(|one| one == *name));
    let twice = state.switches.lists == ListDuplicates::UsersTwice;
    let mut listed = Vec::new();
    for (tenant_name, tenant) in tenants {
        for (name, user) in &tenant.users {
            listed.push(Listed { tenant_name, tenant, name, user: Cow::Borrowed(user) });
            if twice && user.role == Role::S3 {
                let policy = user.policy.as_ref().map(|_| String::new());
                let user = User { source: "LDAP".to_owned(), policy, ..user.clone() };
                listed.push(Listed { tenant_name, tenant, name, user: Cow::Owned(user) });
            }
        }
    }
    Ok(listed)
}

pub(crate) fn add(state: &mut ClusterState, caller: &Caller, new: NewUser) -> Result<UserRef, Refusal> {
    caller.require_writer()?;
    let tenant_name = match &new.org {
        Some(org) => find_tenant(state, caller, org)?,
        None => caller.tenant.clone(),
    };
    if new.name.is_empty() {
        return Err(Refusal::param("username", "the user name is empty"));
    }
    check_password(&new.password)?;
    let role = new.settings.role.as_deref().map_or(Ok(Role::Regular), |name| find_role(state, caller, name))?;
    check_posix(role, new.settings.posix_uid.or(new.settings.posix_gid))?;
    let serial = state.next_serial();
    let uid = ids::uuid(&["user", &state.guid, &tenant_name, &new.name, &serial]);
    let limit = state.limits.s3_users;
    let Some(tenant) = state.tenants.get_mut(&tenant_name) else { return Err(Refusal::Unauthorized) };
    if tenant.users.contains_key(&new.name) {
        return Err(Refusal::param("username", format!("User \"{}\" already exists", new.name)));
    }
    if role == Role::S3 && tenant.users.values().filter(|user| user.role == Role::S3).count() >= limit {
        return Err(Refusal::invalid(format!("The maximum number of S3 users ({limit}) is reached")));
    }
    let user = User {
        uid,
        role,
        password: Some(new.password),
        posix_uid: new.settings.posix_uid,
        posix_gid: new.settings.posix_gid,
        ..User::default()
    };
    tenant.users.insert(new.name.clone(), user);
    Ok(UserRef { tenant: tenant_name, user: new.name })
}

pub(crate) fn change(
    state: &mut ClusterState,
    caller: &Caller,
    uid: &str,
    change: &UserChange,
) -> Result<UserRef, Refusal> {
    caller.require_writer()?;
    let user_ref = find(state, caller, uid)?;
    let new_role = change.role.as_deref().map(|name| find_role(state, caller, name)).transpose()?;
    let is_admin = |user: &&User| user.role == Role::ClusterAdmin && user.is_local();
    let admins = state.tenants.values().flat_map(|tenant| tenant.users.values()).filter(is_admin).count();
    let user = user_mut(state, &user_ref)?;
    let role = new_role.unwrap_or(user.role);
    if user.role == Role::ClusterAdmin && role != Role::ClusterAdmin && admins == 1 {
        return Err(Refusal::param("role", "The last cluster administrator cannot be demoted"));
    }
    check_posix(role, change.posix_uid.or(change.posix_gid))?;
    // How a cluster treats the policy of a user that stops being an S3 user is unknown.
    if role != Role::S3 && user.policy.is_some() {
        return Err(Refusal::param("role", format!("User \"{}\" has an S3 policy attached", user_ref.user)));
    }
    user.role = role;
    user.posix_uid = change.posix_uid.or(user.posix_uid);
    user.posix_gid = change.posix_gid.or(user.posix_gid);
    Ok(user_ref)
}

pub(crate) fn remove(state: &mut ClusterState, caller: &Caller, uid: &str) -> Result<(), Refusal> {
    caller.require_writer()?;
    let user_ref = find(state, caller, uid)?;
    // Assumed. It keeps the last administrator of a cluster.
    if user_ref.tenant == caller.tenant && user_ref.user == caller.user {
        return Err(Refusal::invalid("A user cannot delete itself"));
    }
    if let Some(tenant) = state.tenants.get_mut(&user_ref.tenant) {
        tenant.users.remove(&user_ref.user);
    }
    Ok(())
}

/// The rule of the definitions for a new password.
fn check_password(password: &str) -> Result<(), Refusal> {
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let strong = password.chars().count() >= 8
        && has(char::is_uppercase)
        && has(char::is_lowercase)
        && has(|c| !c.is_alphabetic() && !c.is_whitespace());
    if strong {
        return Ok(());
    }
    Err(Refusal::param(
        "password",
        "Password must contain at least 8 characters, and have at least one uppercase letter, one lowercase letter, \
         and one number or special character",
    ))
}

/// POSIX ids are for S3 users only, by the definitions.
fn check_posix(role: Role, given: Option<u32>) -> Result<(), Refusal> {
    if given.is_some() && role != Role::S3 {
        return Err(Refusal::param("posix_uid", "POSIX UID and GID can be set for S3 users only"));
    }
    Ok(())
}

fn find_role(state: &ClusterState, caller: &Caller, name: &str) -> Result<Role, Refusal> {
    let behaviour = state.behaviour();
    let named = behaviour.roles.iter().copied().find(|role| role.name(behaviour) == name);
    let role = named.ok_or_else(|| Refusal::param("role", format!("\"{name}\" is not a role")))?;
    if role == Role::ClusterAdmin {
        caller.require_cluster_admin()?;
    }
    Ok(role)
}

/// Finds a local user by its id, in the tenants that the caller may read.
fn find(state: &ClusterState, caller: &Caller, uid: &str) -> Result<UserRef, Refusal> {
    let not_found = || Refusal::NotFound(format!("User \"{uid}\" was not found"));
    let everywhere = caller.is_cluster_admin();
    let open = state.tenants.iter().filter(|(name, _)| everywhere || **name == caller.tenant);
    let mut users = open.flat_map(|(tenant, all)| all.users.iter().map(move |(user, account)| (tenant, user, account)));
    let (tenant, user, account) = users.find(|(_, _, account)| account.uid == uid).ok_or_else(not_found)?;
    if account.is_local() {
        Ok(UserRef { tenant: tenant.clone(), user: user.clone() })
    } else {
        Err(Refusal::invalid(format!("User \"{user}\" is not a local user")))
    }
}

/// Finds a user by its id, in the tenant `org` or else in the caller's. It may be from a directory.
pub(crate) fn find_any(
    state: &ClusterState,
    caller: &Caller,
    org: Option<&str>,
    uid: &str,
) -> Result<UserRef, Refusal> {
    let tenant = org.map_or_else(|| Ok(caller.tenant.clone()), |org| find_tenant(state, caller, org))?;
    let mut users = state.tenants.get(&tenant).into_iter().flat_map(|tenant| &tenant.users);
    let found = users.find(|(_, account)| account.uid == uid).map(|(user, _)| user.clone());
    let not_found = || Refusal::NotFound(format!("User \"{uid}\" was not found"));
    found.map(|user| UserRef { tenant, user }).ok_or_else(not_found)
}

fn user_mut<'s>(state: &'s mut ClusterState, user_ref: &UserRef) -> Result<&'s mut User, Refusal> {
    let tenant = state.tenants.get_mut(&user_ref.tenant);
    tenant.and_then(|tenant| tenant.users.get_mut(&user_ref.user)).ok_or(Refusal::Unauthorized)
}

/// The tenants that the caller may read: all for a cluster administrator, else its own (assumed).
pub(crate) fn list_tenants<'s>(
    state: &'s ClusterState,
    caller: &Caller,
) -> Result<Vec<(&'s String, &'s Tenant)>, Refusal> {
    caller.require_reader()?;
    let all = caller.is_cluster_admin();
    Ok(state.tenants.iter().filter(|(name, _)| all || **name == caller.tenant).collect())
}

pub(crate) fn tenant_uid(state: &ClusterState, name: &str) -> String {
    ids::uuid(&["tenant", &state.guid, name])
}

/// Finds a tenant by its name or id. Only a cluster administrator may use another tenant than its own.
pub(crate) fn find_tenant(state: &ClusterState, caller: &Caller, org: &str) -> Result<String, Refusal> {
    let matches = |name: &str, tenant: &Tenant| name == org || tenant.id.is_some_and(|id| id.to_string() == org);
    let found = state.tenants.iter().find(|(name, tenant)| matches(name, tenant)).map(|(name, _)| name);
    let name = found.ok_or_else(|| Refusal::param("org", format!("Tenant \"{org}\" does not exist")))?;
    if *name != caller.tenant {
        caller.require_cluster_admin()?;
    }
    Ok(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::testing::{admin, cluster, message};

    fn new(name: &str, role: &str) -> NewUser {
        NewUser {
            name: name.to_owned(),
            password: "StrongPass111".to_owned(),
            settings: UserChange { role: Some(role.to_owned()), ..UserChange::default() },
            org: None,
        }
    }

    #[test]
    fn a_user_is_added_changed_and_removed_and_its_uid_is_not_used_again() {
        let mut state = cluster("5.1");
        let uid = |state: &ClusterState| state.tenants["Root"].users["carol"].uid.clone();
        add(&mut state, &admin(), new("carol", "S3")).unwrap();
        let first = uid(&state);
        let wanted = UserChange { posix_uid: Some(10), ..UserChange::default() };
        change(&mut state, &admin(), &first, &wanted).unwrap();
        assert_eq!(state.tenants["Root"].users["carol"].posix_uid, Some(10));
        remove(&mut state, &admin(), &first).unwrap();
        assert!(matches!(remove(&mut state, &admin(), &first), Err(Refusal::NotFound(_))));
        add(&mut state, &admin(), new("carol", "S3")).unwrap();
        assert_ne!(uid(&state), first);
    }

    #[test]
    fn an_invalid_new_user_is_refused_with_the_reason() {
        let mut state = cluster("4.4");
        assert!(message(add(&mut state, &admin(), new("alice", "S3"))).contains("already exists"));
        assert!(message(add(&mut state, &admin(), new("", "S3"))).contains("empty"));
        assert!(message(add(&mut state, &admin(), new("x", "s3"))).contains("not a role"));
        assert!(message(add(&mut state, &admin(), new("x", "TenantAdmin"))).contains("not a role"));
        add(&mut state, &admin(), new("x", "OrgAdmin")).unwrap();
        for weak in ["Short-1", "alllower-1", "ALLUPPER-1", "NoDigitHere"] {
            let user = NewUser { password: weak.to_owned(), ..new("y", "S3") };
            assert!(message(add(&mut state, &admin(), user)).contains("at least 8 characters"), "{weak}");
        }
        let mut user = new("y", "Regular");
        user.settings.posix_gid = Some(1);
        assert!(message(add(&mut state, &admin(), user)).contains("S3 users only"));
        state.limits.s3_users = 3;
        assert!(message(add(&mut state, &admin(), new("y", "S3"))).contains("maximum number"));
    }

    #[test]
    fn roles_follow_the_release() {
        assert!(add(&mut cluster("4.0"), &admin(), new("c", "CSI")).is_err());
        assert!(add(&mut cluster("4.4"), &admin(), new("c", "CSI")).is_ok());
        assert!(add(&mut cluster("5.1"), &admin(), new("c", "OrgAdmin")).is_err());
        assert!(add(&mut cluster("5.1"), &admin(), new("c", "TenantAdmin")).is_ok());
    }

    #[test]
    fn a_tenant_administrator_stays_in_its_tenant() {
        let mut state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        let alice = state.tenants["Root"].users["alice"].uid.clone();
        assert!(matches!(remove(&mut state, &boss, &alice), Err(Refusal::NotFound(_))));
        assert!(matches!(add(&mut state, &boss, new("x", "ClusterAdmin")), Err(Refusal::Forbidden(_))));
        let abroad = NewUser { org: Some("Root".to_owned()), ..new("x", "S3") };
        assert!(matches!(add(&mut state, &boss, abroad), Err(Refusal::Forbidden(_))));
        let alice = Caller::log_in(&state, "Root", "alice", "Alices-1").unwrap();
        assert!(matches!(list(&state, &alice, None, false), Err(Refusal::Forbidden(_))));
        assert_eq!(list(&state, &boss, None, true).unwrap().len(), 1);
        assert_eq!(list(&state, &admin(), Some("lab"), false).unwrap().len(), 1);
        assert_eq!(list(&state, &admin(), None, true).unwrap().len(), 7);
    }

    #[test]
    fn some_users_cannot_be_changed() {
        let mut state = cluster("5.1");
        let uid = |name: &str| cluster("5.1").tenants["Root"].users[name].uid.clone();
        let demoted = UserChange { role: Some("ReadOnly".to_owned()), ..UserChange::default() };
        assert!(message(change(&mut state, &admin(), &uid("admin"), &demoted)).contains("last cluster administrator"));
        add(&mut state, &admin(), new("second", "ClusterAdmin")).unwrap();
        change(&mut state, &admin(), &uid("admin"), &demoted).unwrap();
        let mut state = cluster("5.1");
        assert!(message(remove(&mut state, &admin(), &uid("admin"))).contains("itself"));
        assert!(message(remove(&mut state, &admin(), &uid("ldap"))).contains("not a local user"));
        let wanted = UserChange { role: Some("Regular".to_owned()), ..UserChange::default() };
        assert!(message(change(&mut state, &admin(), &uid("alice"), &wanted)).contains("policy attached"));
        change(&mut state, &admin(), &uid("bob"), &wanted).unwrap();
    }

    #[test]
    fn another_tenant_is_for_a_cluster_administrator() {
        let state = cluster("5.1");
        let boss = Caller::log_in(&state, "lab", "boss", "Boss-1234").unwrap();
        assert_eq!(list_tenants(&state, &admin()).unwrap().len(), 2);
        assert_eq!(list_tenants(&state, &boss).unwrap().len(), 1);
        assert_eq!(find_tenant(&state, &admin(), "1"), Ok("lab".to_owned()));
        assert_eq!(find_tenant(&state, &boss, "lab"), Ok("lab".to_owned()));
        assert!(matches!(find_tenant(&state, &boss, "Root"), Err(Refusal::Forbidden(_))));
        assert!(matches!(find_tenant(&state, &admin(), "x"), Err(Refusal::Invalid { .. })));
    }
}
