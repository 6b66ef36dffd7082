//! The table of the calls: which path, which method, which fields. Requests are made from it, and a cluster's own
//! definition is held against it.

use super::request::Method;

/// A call of the interface, as this program makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub(super) method: Method,
    /// Below `/api/v2`, with `{policy}` for what is filled in.
    pub(super) path: &'static str,
    pub(super) fields: &'static [Field],
    /// Whether all goes well on a cluster that does not have it.
    pub(super) dispensable: bool,
    /// What the vendor's definitions wrongly say is required: they do not declare such fields.
    pub(super) misnamed: &'static [&'static str],
}

/// A member of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// Whether it is sent every time.
    pub(super) always: bool,
}

const fn always(name: &'static str) -> Field {
    Field { name, always: true }
}

const fn sometimes(name: &'static str) -> Field {
    Field { name, always: false }
}

impl Call {
    const fn new(method: Method, path: &'static str, fields: &'static [Field]) -> Self {
        Self { method, path, fields, dispensable: false, misnamed: &[] }
    }

    const fn get(path: &'static str) -> Self {
        Self::new(Method::Get, path, &[])
    }

    /// Method and path, such as `GET /s3/policies/{policy}`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }
}

pub(super) const LOGIN: Call =
    Call::new(Method::Post, "/login", &[always("username"), always("password"), sometimes("org")]);
pub(super) const REFRESH: Call = Call::new(Method::Post, "/login/refresh", &[always("refresh_token")]);
pub(super) const CLUSTER: Call = Call::get("/cluster");
pub(super) const WHOAMI: Call = Call::get("/users/whoami");
pub(super) const USERS: Call = Call::get("/users");
/// Since 4.4 the records of users tell the same.
pub(super) const USER_POLICIES: Call = Call { dispensable: true, ..Call::get("/s3/userPolicies") };
pub(super) const POLICIES: Call = Call::get("/s3/policies");
pub(super) const SHOW_POLICY: Call = Call::get("/s3/policies/{policy}");
pub(super) const ADD_POLICY: Call =
    Call::new(Method::Post, "/s3/policies", &[always("policy_name"), always("policy_file_content")]);
pub(super) const REMOVE_POLICY: Call = Call::new(Method::Delete, "/s3/policies/{policy}", &[]);
/// The definitions list `policy` and `user` as required, but declare, and clients send, the fields below.
pub(super) const ATTACH: Call = Call {
    misnamed: &["policy", "user"],
    ..Call::new(Method::Post, "/s3/policies/attach", &[always("policy_name"), always("user_name")])
};
pub(super) const DETACH: Call = Call::new(Method::Post, "/s3/policies/detach", &[always("user_name")]);

/// Since 5.1. Where it is not there, it is not known whether there is an identity provider.
pub(super) const IDENTITY_PROVIDER: Call = Call { dispensable: true, ..Call::get("/s3/oidc") };

pub(super) const STS: Call = Call::new(
    Method::Post,
    "/s3/sts",
    &[always("access_key"), always("secret_key"), always("duration"), sometimes("policy_file_content")],
);

/// All calls that a plan, an apply a login or temporary credentials can come to. The definition itself is not among them: vendor definitions do
/// not list the call that gives them.
pub const CALLS: [Call; 14] = [
    LOGIN,
    REFRESH,
    CLUSTER,
    WHOAMI,
    USERS,
    USER_POLICIES,
    POLICIES,
    SHOW_POLICY,
    ADD_POLICY,
    REMOVE_POLICY,
    ATTACH,
    DETACH,
    IDENTITY_PROVIDER,
    STS,
];

/// The cluster's own definition, since 5.0.
pub(super) const DEFINITION: Call = Call::get("/docs/schema");
