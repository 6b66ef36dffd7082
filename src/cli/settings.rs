//! `[cluster]` and `[guards]` alone, for commands that work while the rest of the configuration is broken.

use super::args::GlobalArgs;
use super::connect::unreadable;
use super::exit::{self, Failure};
use super::output::Output;
use crate::desired::{Boundary, ClusterSettings, Guards, ObjectPatterns, Sections, load_sections};

/// The settings that a command needs which works while the rest of the configuration is broken.
pub(super) struct Settings {
    pub(super) cluster: ClusterSettings,
    /// If they cannot be read, every user is protected.
    pub(super) guards: Guards,
}

impl Settings {
    pub(super) fn read(global: &GlobalArgs, output: &mut Output) -> Result<Self, Failure> {
        if global.names_cluster() && !global.has_file() {
            return Ok(Self { cluster: ClusterSettings::default(), guards: Guards::default() });
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
        let guards = sections.guards.unwrap_or_else(|| {
            output.warn(&format!("`[guards]` in {file} cannot be read, so every user counts as protected"));
            let users = "*".parse().into_iter().collect();
            Guards { protected: ObjectPatterns { users, ..ObjectPatterns::default() }, ..Guards::default() }
        });
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
        Ok(Self { cluster, guards })
    }
}
