//! From what a state file says to a whole cluster: defaults are filled in, and what no cluster can be is refused.

use std::collections::BTreeSet;

use super::{ROOT, Role, State, User};
use crate::sim::document::Document;
use crate::sim::ids;

/// The file is JSON of the right shape, but no cluster is like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateProblem(String);

impl State {
    /// Fills in what a file may leave out, and refuses what no cluster can be.
    ///
    /// # Errors
    /// Says what cannot be.
    pub fn complete(mut self) -> Result<Self, StateProblem> {
        if self.guid.is_empty() {
            self.guid = ids::uuid(&["cluster", &self.name]);
        }
        self.build_in_predefined()?;
        let root = self.tenants.entry(ROOT.to_owned()).or_default();
        if root.id.is_some_and(|id| id != 0) {
            return Err(StateProblem(format!("the tenant `{ROOT}` has the id 0 on every cluster")));
        }
        root.id = Some(0);
        if !root.users.values().any(|user| user.role == Role::ClusterAdmin && user.password.is_some()) {
            let admin = User { role: Role::ClusterAdmin, password: Some("admin".to_owned()), ..User::default() };
            root.users.insert("admin".to_owned(), admin.into());
        }
        self.number_tenants();
        self.name_users();
        self.check()?;
        Ok(self)
    }

    fn build_in_predefined(&mut self) -> Result<(), StateProblem> {
        self.predefined.clear();
        for (name, text) in self.behaviour().predefined {
            let document = Document::parse(text).map_err(|error| StateProblem(format!("policy `{name}`: {error}")))?;
            self.predefined.insert(name.to_owned(), document);
        }
        Ok(())
    }

    fn number_tenants(&mut self) {
        let mut taken: BTreeSet<u32> = self.tenants.values().filter_map(|tenant| tenant.id).collect();
        for tenant in self.tenants.values_mut().filter(|tenant| tenant.id.is_none()) {
            let free = (1..).find(|id| !taken.contains(id));
            taken.extend(free);
            tenant.id = free;
        }
    }

    fn name_users(&mut self) {
        for (tenant_name, tenant) in &mut self.tenants {
            for (name, user) in tenant.users.iter_mut().filter(|(_, user)| user.uid.is_empty()) {
                user.uid = ids::uuid(&["user", &self.guid, tenant_name, name]);
            }
        }
    }

    fn check(&self) -> Result<(), StateProblem> {
        let mut tenant_ids = BTreeSet::new();
        let mut uids = BTreeSet::new();
        let mut access_keys = BTreeSet::new();
        for (tenant_name, tenant) in &self.tenants {
            if !tenant_ids.insert(tenant.id) {
                return Err(StateProblem(format!("the id of the tenant `{tenant_name}` is taken by another tenant")));
            }
            if let Some(name) = tenant.policies.keys().find(|name| self.predefined.contains_key(*name)) {
                return Err(StateProblem(format!(
                    "the policy `{name}` is predefined; leave it out of `{tenant_name}`"
                )));
            }
            for (name, user) in &tenant.users {
                if !uids.insert(&user.uid) {
                    return Err(StateProblem(format!("the `uid` of the user `{name}` is taken by another user")));
                }
                if user.keys.as_ref().is_some_and(|keys| !access_keys.insert(&keys.access_key)) {
                    return Err(StateProblem(format!("the `access_key` of the user `{name}` is another user's")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::release::SimRelease;

    fn read(text: &str) -> Result<State, String> {
        let state: State = serde_json::from_str(text).map_err(|error| error.to_string())?;
        state.complete().map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_empty_file_is_a_fresh_cluster() {
        let state = read("{}").unwrap();
        assert_eq!(state, State::fresh(SimRelease::default()).unwrap());
        let root = &state.tenants[ROOT];
        assert_eq!(root.id, Some(0));
        assert_eq!(root.users["admin"].password.as_deref(), Some("admin"));
        assert_eq!(root.users["admin"].uid.len(), 36);
        assert!(state.predefined.keys().eq(["readonly", "readwrite", "writeonly"]));
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let text = r#"{"format":"attune.sim/1","release":"4.4","tenants":{"Root":{"users":{"alice":{"policy":"ml"}},
            "policies":{"ml":{"document":{ "b": 1.50, "a": [] }}}},"x":{},"y":{"id":1}}}"#;
        let state = read(text).unwrap();
        assert_eq!(state.tenants["x"].id, Some(2));
        assert_eq!(state.tenants[ROOT].policies["ml"].document.as_str(), r#"{"b":1.50,"a":[]}"#);
        let again = read(&serde_json::to_string_pretty(&state).unwrap()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn what_no_cluster_can_be_is_refused() {
        for (text, part) in [
            (r#"{"colour":1}"#, "unknown field `colour`"),
            (r#"{"format":"attune.sim/9"}"#, "attune.sim/1"),
            (r#"{"release":"6.1"}"#, "does not know the release `6.1`"),
            (r#"{"tenants":{"Root":{"id":4}}}"#, "id 0"),
            (r#"{"tenants":{"a":{"id":1},"b":{"id":1}}}"#, "id of the tenant `b`"),
            (r#"{"tenants":{"Root":{"policies":{"readonly":{"document":{}}}}}}"#, "predefined"),
            (r#"{"tenants":{"Root":{"users":{"a":{"uid":"1"},"b":{"uid":"1"}}}}}"#, "`uid` of the user `b`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
