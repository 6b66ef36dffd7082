//! A small cluster for the tests of the rules.

use super::{Caller, Refusal};
use crate::sim::document::Document;
use crate::sim::state::State;

/// Root has the S3 users `alice` (holds `ml`), `bob` (holds nothing), `dave` (holds `readonly`), the LDAP user `ldap`
/// and the read-only `eve`; a tenant `lab` has an administrator `boss`.
pub(in crate::sim) fn cluster(release: &str) -> State {
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
    serde_json::from_str::<State>(&text).unwrap().complete().unwrap()
}

/// The administrator of [`cluster`].
pub(in crate::sim) fn admin() -> Caller {
    Caller::log_in(&cluster("5.1"), "Root", "admin", "admin").unwrap()
}

/// What a refusal says.
pub(in crate::sim) fn message<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.unwrap_err().message()
}

pub(in crate::sim) const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::ml/*"]}]}"#;

/// [`POLICY`] as a document.
pub(in crate::sim) fn policy() -> Document {
    Document::parse(POLICY).unwrap()
}
