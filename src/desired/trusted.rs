//! The declarations of a proposal under the settings of the revision that is trusted.

use std::path::{Path, PathBuf};

use super::{Desired, Destination, Guards};

impl Desired {
    /// What these files declare, under the settings of `base`: how the cluster is reached, ownership, the destination of new
    /// secrets and suppressed rules are those of the base, and the guards of both hold.
    #[must_use]
    pub fn under(self, base: &Self) -> Self {
        let mut policies = self.policies;
        for (policy, entry) in &mut policies {
            entry.lint = base.policies.get(policy).map(|of| of.lint.clone()).unwrap_or_default();
        }
        Self {
            directory: base.directory.clone(),
            cluster: base.cluster.clone(),
            ownership: base.ownership.clone(),
            guards: base.guards.clone().and(self.guards),
            credentials: base.credentials.clone(),
            ignores: base.ignores.clone(),
            lint: base.lint.clone(),
            policies,
            users: self.users,
            groups: self.groups,
        }
    }

    /// The same, with the paths of its settings that are relative to its own directory relative to another one.
    #[must_use]
    pub fn moved_to(mut self, directory: &Path) -> Self {
        let from = std::mem::replace(&mut self.directory, directory.to_path_buf());
        let moved = |path: &mut PathBuf| {
            if let Ok(inside) = path.strip_prefix(&from) {
                *path = directory.join(inside);
            }
        };
        self.cluster.endpoints.iter_mut().for_each(|endpoint| moved(&mut endpoint.directory));
        self.cluster.ca_file.iter_mut().for_each(moved);
        match &mut self.credentials {
            Some(Destination::Age { dir, .. } | Destination::File { dir }) => moved(dir),
            // A name without a path is looked for in `PATH`.
            Some(Destination::Command { program, .. }) if program.components().count() > 1 => moved(program),
            Some(Destination::Command { .. }) | None => {}
        }
        self
    }
}

impl Guards {
    /// The guards of both: a plan has to pass all of them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            deny_new_access: self.deny_new_access || other.deny_new_access,
            deny_for_this_run: self.deny_for_this_run && !other.deny_new_access,
            // What one run agrees to is given on the command line.
            allow_access: self.allow_access,
            overrides: self.overrides,
            max_removals: [self.max_removals, other.max_removals].concat(),
            max_detached: [self.max_detached, other.max_detached].concat(),
            protected_users: self.protected_users.and(other.protected_users),
            protected_groups: self.protected_groups.and(other.protected_groups),
            protected_policies: self.protected_policies.and(other.protected_policies),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn desired(text: &str) -> Desired {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("attune.toml");
        std::fs::write(&path, text).unwrap();
        load(&path, crate::desired::Boundary::Repository).unwrap().desired
    }

    #[test]
    fn settings_are_those_of_the_base_and_the_guards_of_both_hold() {
        let base = desired(
            "[cluster]\nendpoints = [\"https://good:14000\"]\nreplace = \"gap\"\n[guards]\nmax_removals = 5\nprotected_users = [\"a\"]\n\
             [credentials]\nfile = true\ndir = \"secrets\"\n[users.gone]\npolicy = \"readonly\"\n",
        );
        let proposal = desired(
            "[cluster]\nendpoints = [\"https://evil:14000\"]\n[ownership]\nusers = [\"*\"]\n[credentials]\ncommand = [\"sh\"]\n\
             [lint]\nallow = [\"A02\"]\n[guards]\ndeny_new_access = true\nmax_removals = 100\nprotected_users = [\"b\"]\n\
             [users.new]\npolicy = \"readonly\"\n",
        );
        let both = proposal.under(&base);
        assert_eq!(both.cluster.endpoints[0].text, "https://good:14000");
        assert_eq!(both.cluster.replace, super::super::Strategy::Gap);
        assert!(both.ownership.users.is_empty() && both.lint == super::super::Allowed::default());
        assert!(matches!(both.credentials, Some(Destination::File { .. })));
        assert!(both.guards.deny_new_access && both.guards.max_removals.len() == 2);
        assert!(both.guards.protected_users.matches("a") && both.guards.protected_users.matches("b"));
        assert_eq!(both.users.keys().map(|user| user.as_str()).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn relative_paths_of_settings_move_and_others_stay() {
        let text = |dir: &str| {
            format!(
                "[cluster]\nendpoints = [\"sim:c.json\"]\nca_file = \"ca.pem\"\n[credentials]\nfile = true\ndir = \"{dir}\"\n"
            )
        };
        let moved = desired(&text("secrets")).moved_to(Path::new("/there"));
        assert_eq!(moved.cluster.ca_file.as_deref(), Some(Path::new("/there/ca.pem")));
        assert_eq!(moved.cluster.endpoints[0].directory, Path::new("/there"));
        assert_eq!(moved.credentials, Some(Destination::File { dir: "/there/secrets".into() }));
        let moved = desired(&text("/var/secrets")).moved_to(Path::new("/there"));
        assert_eq!(moved.credentials, Some(Destination::File { dir: "/var/secrets".into() }));
    }
}
