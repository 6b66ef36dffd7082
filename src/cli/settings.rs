//! `[cluster]` and `[guards]` alone, for commands that work while the rest of the configuration is broken.

use super::args::GlobalArgs;
use super::connect::unreadable;
use super::exit::{self, Failure};
use super::output::Output;
use super::preflight::check_protected;
use crate::base::UserName;
use crate::desired::{Boundary, ClusterSettings, Guards, Sections, load_sections};

/// The settings that a command needs which works while the rest of the configuration is broken.
pub(super) struct Settings {
    pub(super) cluster: ClusterSettings,
    /// `None` if they cannot be read.
    guards: Option<Guards>,
}

impl Settings {
    pub(super) fn read(global: &GlobalArgs, output: &mut Output) -> Result<Self, Failure> {
        if global.names_cluster() && !global.has_file() {
            return Ok(Self { cluster: ClusterSettings::default(), guards: Some(Guards::default()) });
        }
        let file = global.file_name();
        let sections = match load_sections(&global.file, Boundary::Repository, &global.variables()) {
            Ok(sections) => sections,
            Err(error) if global.names_cluster() => {
                output.warn(&format!("{error}; `[cluster]` and `[guards]` are not read"));
                Sections { cluster: None, guards: None }
            }
            Err(error) => return Err(unreadable(&error, global)),
        };
        if sections.guards.is_none() {
            output.warn(&format!("`[guards]` in {file} cannot be read, so every user counts as protected"));
        }
        let cluster = match sections.cluster {
            Some(cluster) => cluster,
            None if global.names_cluster() => {
                output.warn(&format!("`[cluster]` in {file} cannot be read: tenant and trusted certificates come from the command line alone"));
                ClusterSettings::default()
            }
            None => {
                let message = format!("`[cluster]` in {file} cannot be read");
                let help = "name the cluster with `--cluster URL`, or use `--via weka`";
                return Err(Failure::new(&exit::FILE_HAS_ERRORS, message).help(help));
            }
        };
        Ok(Self { cluster, guards: sections.guards })
    }

    /// Fails if one of these users is protected. Without readable guards, every user is.
    pub(super) fn check_protected<'a>(
        &self,
        users: impl Iterator<Item = &'a UserName>,
        overrides: &[UserName],
    ) -> Result<(), Failure> {
        let all = || Guards { protected_users: "*".parse().into_iter().collect(), ..Guards::default() };
        match &self.guards {
            Some(guards) => check_protected(users, guards, overrides),
            None => check_protected(users, &all(), overrides),
        }
    }
}
