//! The table of calls: from a method and a path to a call.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::sim::operations::Refusal;
use crate::sim::release::Behaviour;

/// The prefix of all paths.
const PREFIX: [&str; 2] = ["api", "v2"];

/// A call of the API, with the parameters of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST /login`
    Login,
    /// `POST /login/refresh`
    Refresh,
    /// A call that only reads.
    Read(ReadCall),
    /// A call that changes the state.
    Write(WriteCall),
}

/// A call that only reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadCall {
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
pub enum WriteCall {
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
    /// The call of a request; `path` is as it was sent.
    ///
    /// # Errors
    /// 404 for an unknown path, 405 for a wrong method (the answer of a real cluster is unknown), 400 for a segment that is not
    /// UTF-8 once decoded.
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

    /// Whether its path has a parameter.
    pub(super) fn has_path_parameter(&self) -> bool {
        match self {
            Self::Read(ReadCall::Tenant(_) | ReadCall::Policy(_))
            | Self::Write(WriteCall::User(_) | WriteCall::RemoveUser(_) | WriteCall::RemovePolicy(_)) => true,
            Self::Login
            | Self::Refresh
            | Self::Read(
                ReadCall::Definition
                | ReadCall::Cluster
                | ReadCall::Tenants
                | ReadCall::WhoAmI
                | ReadCall::Users
                | ReadCall::S3
                | ReadCall::IdentityProvider
                | ReadCall::UserPolicies
                | ReadCall::Policies
                | ReadCall::Sts,
            )
            | Self::Write(
                WriteCall::AddUser | WriteCall::DeleteS3 | WriteCall::AddPolicy | WriteCall::Attach | WriteCall::Detach,
            ) => false,
        }
    }

    /// The possible parameters of its query.
    pub fn query(&self, behaviour: &Behaviour) -> &'static [&'static str] {
        match self {
            Self::Read(ReadCall::Users) if behaviour.tenants => &["org", "include_tenants"],
            Self::Write(WriteCall::DeleteS3) => &["purge_config"],
            Self::Login | Self::Refresh | Self::Read(_) | Self::Write(_) => &[],
        }
    }
}

/// All paths as in a definition. A path outside this list is no call, whatever [`calls`] has.
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

/// Whether a path has this form.
fn fits(form: &str, path: &[&str]) -> bool {
    let form = form.split('/').skip(1);
    form.clone().count() == path.len()
        && form.zip(path).all(|(form, segment)| form.starts_with('{') || form == *segment)
}

/// The calls of a path, by method.
pub(super) fn calls(path: &[&str], behaviour: &Behaviour) -> Vec<(Method, Route)> {
    let name = |name: &str| name.to_owned();
    let get = |look| (Method::GET, Route::Read(look));
    let post = |change| (Method::POST, Route::Write(change));
    let put = |change| (Method::PUT, Route::Write(change));
    let delete = |change| (Method::DELETE, Route::Write(change));
    match path {
        ["login"] => vec![(Method::POST, Route::Login)],
        ["login", "refresh"] => vec![(Method::POST, Route::Refresh)],
        ["docs", "schema"] if behaviour.own_definition => vec![get(ReadCall::Definition)],
        ["cluster"] => vec![get(ReadCall::Cluster)],
        ["organizations"] => vec![get(ReadCall::Tenants)],
        ["organizations", uid] => vec![get(ReadCall::Tenant(name(uid)))],
        ["tenants"] if behaviour.tenants => vec![get(ReadCall::Tenants)],
        ["tenants", uid] if behaviour.tenants => vec![get(ReadCall::Tenant(name(uid)))],
        ["users"] => vec![get(ReadCall::Users), post(WriteCall::AddUser)],
        ["users", "whoami"] => vec![get(ReadCall::WhoAmI)],
        ["users", uid] => vec![put(WriteCall::User(name(uid))), delete(WriteCall::RemoveUser(name(uid)))],
        ["s3"] => vec![get(ReadCall::S3), delete(WriteCall::DeleteS3)],
        ["s3", "oidc"] if behaviour.tenants => vec![get(ReadCall::IdentityProvider)],
        ["s3", "userPolicies"] if behaviour.user_policies => vec![get(ReadCall::UserPolicies)],
        ["s3", "policies"] => vec![get(ReadCall::Policies), post(WriteCall::AddPolicy)],
        ["s3", "policies", policy] => {
            let mut all = vec![get(ReadCall::Policy(name(policy))), delete(WriteCall::RemovePolicy(name(policy)))];
            // A policy may have the name of one of these calls; the method differs.
            match *policy {
                "attach" => all.push(post(WriteCall::Attach)),
                "detach" => all.push(post(WriteCall::Detach)),
                _ => {}
            }
            all
        }
        ["s3", "sts"] => vec![(Method::POST, Route::Read(ReadCall::Sts))],
        _ => Vec::new(),
    }
}

/// Resolves `.` and `..` before decoding, as a proxy in front of a cluster does: `DELETE /s3/policies/..` becomes
/// `DELETE /s3`. A `%2e%2e` stays a name.
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

/// Decodes each segment once, so that a `%2F` in a name does not split it.
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
        assert_eq!(find("4.0", &Method::GET, "/s3/userPolicies"), Ok(Route::Read(ReadCall::UserPolicies)));
        assert!(matches!(find("3.14", &Method::GET, "/s3/userPolicies"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/tenants"), Ok(Route::Read(ReadCall::Tenants)));
        assert!(matches!(find("4.4", &Method::GET, "/tenants"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/docs/schema"), Ok(Route::Read(ReadCall::Definition)));
        assert!(matches!(find("4.4", &Method::GET, "/docs/schema"), Err(Refusal::NotFound(_))));
        assert_eq!(find("5.1", &Method::GET, "/organizations"), Ok(Route::Read(ReadCall::Tenants)));
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
        let policy = |name: &str| Ok(Route::Read(ReadCall::Policy(name.to_owned())));
        let show = |path| find("5.1", &Method::GET, path);
        assert_eq!(show("/s3/policies/a%20b%2Fc%252e"), policy("a b/c%2e"));
        assert_eq!(show("/s3/policies/%2e%2e"), policy(".."));
        assert_eq!(show("/s3/policies/attach"), policy("attach"));
        assert_eq!(show("/s3/policies/..."), policy("..."));
        assert!(matches!(show("/s3/policies/%ff"), Err(Refusal::Invalid { .. })));
        for path in ["/s3/policies/..", "/s3/policies/a/../..", "/users/./../s3"] {
            assert_eq!(find("5.1", &Method::DELETE, path), Ok(Route::Write(WriteCall::DeleteS3)), "{path}");
        }
    }
}
