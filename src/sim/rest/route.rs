//! Which call a method and a path are: one table, without a framework in it.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::sim::release::Behaviour;
use crate::sim::rules::Refusal;

/// Where the API begins.
const PREFIX: [&str; 2] = ["api", "v2"];

/// A call of the API, with what its path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST /login`
    Login,
    /// `POST /login/refresh`
    Refresh,
    /// A call that leaves the state as it is.
    Look(Look),
    /// A call that changes the state.
    Change(Change),
}

/// A call that leaves the state as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// `GET /docs/schema`, from 5.0: the definition of all calls
    Definition,
    /// `GET /cluster`
    Cluster,
    /// `GET /organizations`, and `GET /tenants` from 5.1
    Tenants,
    /// `GET /organizations/{uid}`, and `GET /tenants/{uid}` from 5.1
    Tenant(String),
    /// `GET /users/whoami`
    WhoAmI,
    /// `GET /users`
    Users,
    /// `GET /s3`
    S3,
    /// `GET /s3/oidc`, from 5.1
    IdentityProvider,
    /// `GET /s3/userPolicies`
    UserPolicies,
    /// `GET /s3/policies`
    Policies,
    /// `GET /s3/policies/{policy}`
    Policy(String),
    /// `POST /s3/sts`
    Sts,
}

/// A call that changes the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `POST /users`
    AddUser,
    /// `PUT /users/{uid}`
    User(String),
    /// `DELETE /users/{uid}`
    RemoveUser(String),
    /// `DELETE /s3`, which deletes the S3 cluster
    DeleteS3,
    /// `POST /s3/policies`
    AddPolicy,
    /// `DELETE /s3/policies/{policy}`
    RemovePolicy(String),
    /// `POST /s3/policies/attach`
    Attach,
    /// `POST /s3/policies/detach`
    Detach,
}

impl Route {
    /// The call that a request is. `path` is the path as it was sent.
    ///
    /// # Errors
    /// There is no such path (404), or not with this method (405); what a real cluster answers to the latter is
    /// unknown. A segment that is not UTF-8 when decoded is a 400.
    pub fn find(method: &Method, path: &str, behaviour: &Behaviour) -> Result<Self, Refusal> {
        let segments = decode(&resolve(path))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let call = segments.strip_prefix(&PREFIX).filter(|call| call.iter().all(|segment| !segment.is_empty()));
        let listed = call.filter(|call| PATHS.iter().any(|path| fits(path, call)));
        let all = listed.map(|call| calls(call, behaviour)).unwrap_or_default();
        if all.is_empty() {
            return Err(Refusal::NotFound(format!("{path} is not a call of this release")));
        }
        let found = all.into_iter().find(|(of, _)| of == method).map(|(_, route)| route);
        found.ok_or_else(|| Refusal::WrongMethod(format!("{path} does not take {method}")))
    }

    /// Whether its path says what it is about.
    pub(super) fn names_something(&self) -> bool {
        match self {
            Self::Look(Look::Tenant(_) | Look::Policy(_))
            | Self::Change(Change::User(_) | Change::RemoveUser(_) | Change::RemovePolicy(_)) => true,
            Self::Login
            | Self::Refresh
            | Self::Look(
                Look::Definition
                | Look::Cluster
                | Look::Tenants
                | Look::WhoAmI
                | Look::Users
                | Look::S3
                | Look::IdentityProvider
                | Look::UserPolicies
                | Look::Policies
                | Look::Sts,
            )
            | Self::Change(Change::AddUser | Change::DeleteS3 | Change::AddPolicy | Change::Attach | Change::Detach) => {
                false
            }
        }
    }

    /// The parameters its query can have.
    #[must_use]
    pub fn query(&self, behaviour: &Behaviour) -> &'static [&'static str] {
        match self {
            Self::Look(Look::Users) if behaviour.tenants => &["org", "include_tenants"],
            Self::Change(Change::DeleteS3) => &["purge_config"],
            Self::Login | Self::Refresh | Self::Look(_) | Self::Change(_) => &[],
        }
    }
}

/// All paths, as a definition writes them. A path that is not here is no call, whatever [`calls`] has.
pub(super) const PATHS: &[&str] = &[
    "/login",
    "/login/refresh",
    "/docs/schema",
    "/cluster",
    "/organizations",
    "/organizations/{uid}",
    "/tenants",
    "/tenants/{uid}",
    "/users",
    "/users/whoami",
    "/users/{uid}",
    "/s3",
    "/s3/oidc",
    "/s3/userPolicies",
    "/s3/policies",
    "/s3/policies/{policy}",
    "/s3/policies/attach",
    "/s3/policies/detach",
    "/s3/sts",
];

/// Whether a path is of this form.
fn fits(form: &str, path: &[&str]) -> bool {
    let form = form.split('/').skip(1);
    form.clone().count() == path.len()
        && form.zip(path).all(|(form, segment)| form.starts_with('{') || form == *segment)
}

/// The calls there are at a path, by method.
pub(super) fn calls(path: &[&str], behaviour: &Behaviour) -> Vec<(Method, Route)> {
    let name = |name: &str| name.to_owned();
    let get = |look| (Method::GET, Route::Look(look));
    let post = |change| (Method::POST, Route::Change(change));
    let put = |change| (Method::PUT, Route::Change(change));
    let delete = |change| (Method::DELETE, Route::Change(change));
    match path {
        ["login"] => vec![(Method::POST, Route::Login)],
        ["login", "refresh"] => vec![(Method::POST, Route::Refresh)],
        ["docs", "schema"] if behaviour.own_definition => vec![get(Look::Definition)],
        ["cluster"] => vec![get(Look::Cluster)],
        ["organizations"] => vec![get(Look::Tenants)],
        ["organizations", uid] => vec![get(Look::Tenant(name(uid)))],
        ["tenants"] if behaviour.tenants => vec![get(Look::Tenants)],
        ["tenants", uid] if behaviour.tenants => vec![get(Look::Tenant(name(uid)))],
        ["users"] => vec![get(Look::Users), post(Change::AddUser)],
        ["users", "whoami"] => vec![get(Look::WhoAmI)],
        ["users", uid] => vec![put(Change::User(name(uid))), delete(Change::RemoveUser(name(uid)))],
        ["s3"] => vec![get(Look::S3), delete(Change::DeleteS3)],
        ["s3", "oidc"] if behaviour.tenants => vec![get(Look::IdentityProvider)],
        ["s3", "userPolicies"] if behaviour.user_policies => vec![get(Look::UserPolicies)],
        ["s3", "policies"] => vec![get(Look::Policies), post(Change::AddPolicy)],
        ["s3", "policies", policy] => {
            let mut all = vec![get(Look::Policy(name(policy))), delete(Change::RemovePolicy(name(policy)))];
            // A policy can be named like these two calls; they differ by their method.
            match *policy {
                "attach" => all.push(post(Change::Attach)),
                "detach" => all.push(post(Change::Detach)),
                _ => {}
            }
            all
        }
        ["s3", "sts"] => vec![(Method::POST, Route::Look(Look::Sts))],
        _ => Vec::new(),
    }
}

/// Resolves `.` and `..` as a proxy in front of a cluster would, before anything is decoded: this is how
/// `DELETE /s3/policies/..` becomes `DELETE /s3`. A `%2e%2e` stays a name.
fn resolve(path: &str) -> Vec<&str> {
    let mut resolved = Vec::new();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        match segment {
            "." => {}
            ".." => {
                resolved.pop();
            }
            segment => resolved.push(segment),
        }
    }
    resolved
}

/// Decodes each segment once, so that a `%2F` in a name does not part it.
fn decode(segments: &[&str]) -> Result<Vec<String>, Refusal> {
    let decode = |segment: &&str| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned);
    segments.iter().map(decode).collect::<Result<_, _>>().map_err(|_| Refusal::invalid("the path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimRelease;

    fn find(release: &str, method: &Method, path: &str) -> Result<Route, Refusal> {
        Route::find(method, &format!("/api/v2{path}"), release.parse::<SimRelease>().unwrap().behaviour())
    }

    #[test]
    fn paths_follow_the_release() {
        assert_eq!(find("4.0", &Method::GET, "/s3/userPolicies"), Ok(Route::Look(Look::UserPolicies)));
        assert!(matches!(find("3.14", &Method::GET, "/s3/userPolicies"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/tenants"), Ok(Route::Look(Look::Tenants)));
        assert!(matches!(find("4.4", &Method::GET, "/tenants"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/docs/schema"), Ok(Route::Look(Look::Definition)));
        assert!(matches!(find("4.4", &Method::GET, "/docs/schema"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/organizations"), Ok(Route::Look(Look::Tenants)));
    }

    #[test]
    fn an_unknown_path_is_404_and_a_wrong_method_405() {
        for path in ["", "/", "/s3/", "/s3/policies/", "/users/", "/s3/policies/a/b", "/s3/policy", "/S3", "//s3"] {
            assert!(matches!(find("5.1", &Method::GET, path), Err(Refusal::NotFound(_))), "{path}");
        }
        for path in ["/login", "/s3/sts", "/users/1"] {
            assert!(matches!(find("5.1", &Method::GET, path), Err(Refusal::WrongMethod(_))), "{path}");
        }
        assert!(matches!(find("5.1", &Method::PUT, "/s3/policies/a"), Err(Refusal::WrongMethod(_))));
        let outside = Route::find(&Method::GET, "/users", SimRelease::default().behaviour());
        assert!(matches!(outside, Err(Refusal::NotFound(_))));
    }

    #[test]
    fn names_are_decoded_once_and_dots_resolved_before() {
        let policy = |name: &str| Ok(Route::Look(Look::Policy(name.to_owned())));
        let show = |path| find("5.1", &Method::GET, path);
        assert_eq!(show("/s3/policies/a%20b%2Fc%252e"), policy("a b/c%2e"));
        assert_eq!(show("/s3/policies/%2e%2e"), policy(".."));
        assert_eq!(show("/s3/policies/attach"), policy("attach"));
        assert_eq!(show("/s3/policies/..."), policy("..."));
        assert!(matches!(show("/s3/policies/%ff"), Err(Refusal::Invalid { .. })));
        for path in ["/s3/policies/..", "/s3/policies/a/../..", "/users/./../s3"] {
            assert_eq!(find("5.1", &Method::DELETE, path), Ok(Route::Change(Change::DeleteS3)), "{path}");
        }
    }
}
