//! Who has access, as the state says: for those who hold a run against it.

use super::{State, Tenant};

impl State {
    /// The document by which a user has access: that of the policy it holds, if both are there and S3 is.
    #[must_use]
    pub fn access_of(&self, tenant: &str, user: &str) -> Option<&str> {
        let tenant: &Tenant = self.tenants.get(tenant).filter(|_| !self.s3_deleted)?;
        let held = tenant.users.get(user)?.policy.as_ref()?;
        let own = tenant.policies.get(held).map(|policy| &policy.document);
        own.or_else(|| self.predefined.get(held)).map(super::Document::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_by_a_policy_that_is_there() {
        let text = r#"{"tenants":{"Root":{"policies":{"ml":{"document":{"a":1}}},
            "users":{"alice":{"policy":"ml"},"bob":{},"carol":{"policy":"readonly"},"dave":{"policy":"gone"}}}}}"#;
        let mut state = serde_json::from_str::<State>(text).unwrap().complete().unwrap();
        assert_eq!(state.access_of("Root", "alice"), Some(r#"{"a":1}"#));
        assert!(state.access_of("Root", "carol").unwrap().contains("s3:GetObject"));
        for (tenant, user) in [("Root", "bob"), ("Root", "dave"), ("Root", "nobody"), ("etl", "alice")] {
            assert_eq!(state.access_of(tenant, user), None, "{tenant} {user}");
        }
        state.s3_deleted = true;
        assert_eq!(state.access_of("Root", "alice"), None);
    }
}
