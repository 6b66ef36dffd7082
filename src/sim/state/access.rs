//! Who has access, as the state says: for those who hold a run against it.

use super::{State, Tenant};

impl State {
    /// The document by which a user has access: that of the policy it holds, if both are there and S3 is.
    #[must_use]
    pub fn access_of(&self, tenant: &str, user: &str) -> Option<&str> {
        let tenant = self.tenants.get(tenant)?;
        self.access_by(tenant, tenant.users.get(user)?.policy.as_ref()?)
    }

    /// The document by which the members of a group have access.
    #[must_use]
    pub fn access_of_group(&self, tenant: &str, group: &str) -> Option<&str> {
        let tenant = self.tenants.get(tenant)?;
        self.access_by(tenant, tenant.groups.get(group)?.as_ref()?)
    }

    fn access_by<'a>(&'a self, tenant: &'a Tenant, held: &str) -> Option<&'a str> {
        if self.s3_deleted {
            return None;
        }
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
            "users":{"alice":{"policy":"ml"},"bob":{},"carol":{"policy":"readonly"},"dave":{"policy":"gone"}},"groups":{"etl":"ml","idle":null}}}}"#;
        let mut state = serde_json::from_str::<State>(text).unwrap().complete().unwrap();
        assert_eq!(state.access_of("Root", "alice"), Some(r#"{"a":1}"#));
        assert!(state.access_of("Root", "carol").unwrap().contains("s3:GetObject"));
        for (tenant, user) in [("Root", "bob"), ("Root", "dave"), ("Root", "nobody"), ("etl", "alice")] {
            assert_eq!(state.access_of(tenant, user), None, "{tenant} {user}");
        }
        assert_eq!(state.access_of_group("Root", "etl"), Some(r#"{"a":1}"#));
        assert_eq!((state.access_of_group("Root", "idle"), state.access_of_group("Root", "bob")), (None, None));
        state.s3_deleted = true;
        assert_eq!(state.access_of_group("Root", "etl"), None);
        assert_eq!(state.access_of("Root", "alice"), None);
    }
}
