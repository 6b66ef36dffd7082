//! Users: list, add, change, remove.

use super::{Caller, Refusal, tenants};
use crate::sim::ids;
use crate::sim::state::{Role, State, User};

/// A user to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: String,
    /// Its role, by the name the release has for it; `Regular` when not given, which is the command's default.
    pub role: Option<String>,
    /// The POSIX user id of its S3 files.
    pub posix_uid: Option<u32>,
    /// The POSIX group id of its S3 files.
    pub posix_gid: Option<u32>,
    /// The tenant, by name or id, when not the caller's.
    pub org: Option<String>,
}

/// What is to change of a user; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The role, by the name the release has for it.
    pub role: Option<String>,
    /// The POSIX user id of its S3 files.
    pub posix_uid: Option<u32>,
    /// The POSIX group id of its S3 files.
    pub posix_gid: Option<u32>,
}

/// Where a user is: its tenant's name, and its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The tenant's name.
    pub tenant: String,
    /// The user's name.
    pub user: String,
}

/// The users of a tenant by name: of `org` when given, of all tenants when `everywhere` and the caller is a
/// cluster administrator (for others it is ignored, as the definition has it), else of the caller's.
///
/// # Errors
/// The caller may not look, or the tenant is not open to it.
pub fn list(state: &State, caller: &Caller, org: Option<&str>, everywhere: bool) -> Result<Vec<Place>, Refusal> {
    caller.may_look()?;
    let one = match org {
        Some(org) => Some(tenants::named(state, caller, org)?),
        None if everywhere && caller.may_rule().is_ok() => None,
        None => Some(caller.tenant.clone()),
    };
    let tenants = state.tenants.iter().filter(|(name, _)| one.as_ref().is_none_or(|one| one == *name));
    let place = |tenant: &String, user: &String| Place { tenant: tenant.clone(), user: user.clone() };
    Ok(tenants.flat_map(|(name, tenant)| tenant.users.keys().map(move |user| place(name, user))).collect())
}

/// Adds a local user.
///
/// # Errors
/// The name is taken, the password is weak, the role is none, there are too many S3 users; or the caller may not.
pub fn add(state: &mut State, caller: &Caller, new: NewUser) -> Result<Place, Refusal> {
    caller.may_change()?;
    let tenant_name = match &new.org {
        Some(org) => tenants::named(state, caller, org)?,
        None => caller.tenant.clone(),
    };
    if new.name.is_empty() {
        return Err(Refusal::param("username", "the user name is empty"));
    }
    check_password(&new.password)?;
    let role = new.role.as_deref().map_or(Ok(Role::Regular), |name| role_named(state, caller, name))?;
    check_posix(role, new.posix_uid.or(new.posix_gid))?;
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
        posix_uid: new.posix_uid,
        posix_gid: new.posix_gid,
        ..User::default()
    };
    tenant.users.insert(new.name.clone(), user.into());
    Ok(Place { tenant: tenant_name, user: new.name })
}

/// Changes a local user.
///
/// # Errors
/// There is no such user, it cannot be changed like that; or the caller may not.
pub fn change(state: &mut State, caller: &Caller, uid: &str, change: &UserChange) -> Result<Place, Refusal> {
    caller.may_change()?;
    let place = find(state, caller, uid)?;
    let wanted = change.role.as_deref().map(|name| role_named(state, caller, name)).transpose()?;
    let user = user_mut(state, &place)?;
    let role = wanted.unwrap_or(user.role);
    check_posix(role, change.posix_uid.or(change.posix_gid))?;
    // What a cluster does with the policy of a user that stops being an S3 user is unknown.
    if role != Role::S3 && user.policy.is_some() {
        return Err(Refusal::param("role", format!("User \"{}\" has an S3 policy attached", place.user)));
    }
    user.role = role;
    user.posix_uid = change.posix_uid.or(user.posix_uid);
    user.posix_gid = change.posix_gid.or(user.posix_gid);
    Ok(place)
}

/// Removes a local user, and with it its attachment and its key pair.
///
/// # Errors
/// There is no such user, it is the caller; or the caller may not.
pub fn remove(state: &mut State, caller: &Caller, uid: &str) -> Result<(), Refusal> {
    caller.may_change()?;
    let place = find(state, caller, uid)?;
    // Assumed, and it keeps a cluster from losing its last administrator.
    if place.tenant == caller.tenant && place.user == caller.user {
        return Err(Refusal::invalid("A user cannot delete itself"));
    }
    if let Some(tenant) = state.tenants.get_mut(&place.tenant) {
        tenant.users.remove(&place.user);
    }
    Ok(())
}

/// The definitions' rule for a new password.
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

/// The POSIX ids are for S3 users only, by the definitions' words.
fn check_posix(role: Role, given: Option<u32>) -> Result<(), Refusal> {
    if given.is_some() && role != Role::S3 {
        return Err(Refusal::param("posix_uid", "POSIX UID and GID can be set for S3 users only"));
    }
    Ok(())
}

fn role_named(state: &State, caller: &Caller, name: &str) -> Result<Role, Refusal> {
    let behaviour = state.behaviour();
    let named = behaviour.roles.iter().copied().find(|role| role.name(behaviour) == name);
    let role = named.ok_or_else(|| Refusal::param("role", format!("\"{name}\" is not a role")))?;
    if role == Role::ClusterAdmin {
        caller.may_rule()?;
    }
    Ok(role)
}

/// A local user by its id, where the caller may look for it.
fn find(state: &State, caller: &Caller, uid: &str) -> Result<Place, Refusal> {
    let gone = || Refusal::NotFound(format!("User \"{uid}\" was not found"));
    let everywhere = caller.may_rule().is_ok();
    let open = state.tenants.iter().filter(|(name, _)| everywhere || **name == caller.tenant);
    let mut users = open.flat_map(|(tenant, all)| all.users.iter().map(move |(user, account)| (tenant, user, account)));
    let (tenant, user, account) = users.find(|(_, _, account)| account.uid == uid).ok_or_else(gone)?;
    if account.is_local() {
        Ok(Place { tenant: tenant.clone(), user: user.clone() })
    } else {
        Err(Refusal::invalid(format!("User \"{user}\" is not a local user")))
    }
}

fn user_mut<'s>(state: &'s mut State, place: &Place) -> Result<&'s mut User, Refusal> {
    let tenant = state.tenants.get_mut(&place.tenant);
    tenant.and_then(|tenant| tenant.user_mut(&place.user)).ok_or(Refusal::Unauthorized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::{admin, cluster, message};

    fn new(name: &str, role: &str) -> NewUser {
        NewUser {
            name: name.to_owned(),
            password: "StrongPass111".to_owned(),
            role: Some(role.to_owned()),
            posix_uid: None,
            posix_gid: None,
            org: None,
        }
    }

    #[test]
    fn a_user_is_added_changed_and_removed_and_its_uid_is_not_used_again() {
        let mut state = cluster("5.1");
        let uid = |state: &State| state.tenants["Root"].users["carol"].uid.clone();
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
    fn what_is_wrong_with_a_new_user_is_said() {
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
        let user = NewUser { posix_gid: Some(1), ..new("y", "Regular") };
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
        assert_eq!(list(&state, &boss, None, true).unwrap().len(), 1);
        assert_eq!(list(&state, &admin(), Some("lab"), false).unwrap().len(), 1);
        assert_eq!(list(&state, &admin(), None, true).unwrap().len(), 7);
    }

    #[test]
    fn some_users_cannot_be_touched() {
        let mut state = cluster("5.1");
        let uid = |name: &str| cluster("5.1").tenants["Root"].users[name].uid.clone();
        assert!(message(remove(&mut state, &admin(), &uid("admin"))).contains("itself"));
        assert!(message(remove(&mut state, &admin(), &uid("ldap"))).contains("not a local user"));
        let wanted = UserChange { role: Some("Regular".to_owned()), ..UserChange::default() };
        assert!(message(change(&mut state, &admin(), &uid("alice"), &wanted)).contains("policy attached"));
        change(&mut state, &admin(), &uid("bob"), &wanted).unwrap();
    }
}
