//! `[cluster]` and `[guards]` alone, from a configuration that may be broken everywhere else: for an incident.

use std::path::Path;

use toml::de::DeTable;

use super::files::{Boundary, Tree, shown_path};
use super::fill::{Scope, fill};
use super::raw::RawFile;
use super::schema::{PARSED, check};
use super::settings::settings;
use super::spanned::Report;
use super::vars::{Overrides, Variables};
use super::{ClusterSettings, Desired, Guards, LoadError};
use crate::base::Sources;

/// The settings that can be read of a configuration. `None` for a section with errors.
#[derive(Debug)]
pub struct Sections {
    /// `[cluster]`, or its defaults if the file has none.
    pub cluster: Option<ClusterSettings>,
    /// `[guards]`, or none if the file has none.
    pub guards: Option<Guards>,
}

/// The section of the variables, which the others may use.
const VARIABLES: &str = "vars";

/// Reads two sections of a main file. Errors elsewhere do not matter, not even errors of the syntax.
///
/// # Errors
/// The file cannot be read.
pub fn load_sections(path: &Path, boundary: Boundary<'_>, overrides: &Overrides) -> Result<Sections, LoadError> {
    let failed = |cause| LoadError { path: shown_path(path), cause };
    let text = Tree::open(path, boundary).and_then(|tree| tree.read_main()).map_err(failed)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let is_toml = DeTable::parse_recoverable(&text).1.is_empty();
    let of = |name: &str| {
        // What looks like a section may be inside a text, so a valid file is never searched.
        let section = if is_toml { text.clone() } else { alone(&text, name)? + &alone(&text, VARIABLES)? };
        read(&section, name, directory, overrides)
    };
    Ok(Sections {
        cluster: of("cluster").map(|desired| desired.cluster),
        guards: of("guards").map(|desired| desired.guards),
    })
}

/// The settings in a section of a valid file; `None` if the section has errors.
fn read(text: &str, name: &str, directory: &Path, overrides: &Overrides) -> Option<Desired> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return None;
    }
    let keys: Vec<String> = table.get_ref().keys().map(|key| key.get_ref().to_string()).collect();
    let others = keys.iter().filter(|key| *key != name && *key != VARIABLES);
    others.for_each(|key| _ = table.get_mut().remove(key.as_str()));
    let mut sources = Sources::default();
    let file = sources.add(String::new(), String::new());
    let mut misfits = check(table.get_mut(), &PARSED, file);
    let mut report = Report::new(file);
    let variables = Variables::read(table.get_ref(), overrides, &mut report);
    fill(table.get_mut(), Scope { variables: &variables, row: None }, &mut misfits, &mut report);
    let raw = RawFile::read(table).ok()?;
    let desired = settings(&raw, directory, &mut report);
    let is_valid = !misfits.findings.iter().chain(&report.findings).any(crate::base::Finding::is_error);
    is_valid.then_some(desired)
}

/// The lines of a section of a file that is not valid TOML; empty if there is none. `None` if there are several.
fn alone(text: &str, name: &str) -> Option<String> {
    let (mut section, mut inside, mut found) = (String::new(), false, 0);
    let mut conflict = "";
    for line in text.lines() {
        if ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark)) {
            conflict = line;
            continue;
        }
        // A conflict before the next section is not about this one.
        if header(line).is_none() && !line.trim().is_empty() && inside {
            section.push_str(conflict);
        }
        conflict = if line.trim().is_empty() { conflict } else { "" };
        if let Some(header) = header(line) {
            inside = header == name || header.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            found += usize::from(header == name);
        }
        if inside {
            section.push_str(line);
            section.push('\n');
        }
    }
    (found <= 1).then_some(section)
}

/// The name of the section that starts on this line, also if the line is cut off.
fn header(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix('[')?.trim_start_matches(['[', ' ']);
    let name = name.split(']').next().unwrap_or_default().trim();
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(text: &str) -> Sections {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("attune.toml");
        std::fs::write(&path, text).unwrap();
        load_sections(&path, Boundary::Repository, &Overrides::default()).unwrap()
    }

    const GOOD: &str = "[cluster] # here\nendpoints = [\n  \"https://w1:14000\",\n  \"https://w2:14000\",\n]\ntenant = \"ml\"\n\
                        [guards]\nprotected_users = [\"svc-*\"]\n";

    #[test]
    fn errors_elsewhere_do_not_matter() {
        for rest in [
            "",
            "[users.a]\npolicy = 7\nnonsense = true\n",
            "include = [\"../outside.toml\"]\n",
            "<<<<<<< HEAD\n[users.a]\npolicy = \"x\"\n=======\n>>>>>>> other\n",
            "[users.\"a\npolicy = \"x\n",
        ] {
            let after = if rest.starts_with("include") { String::new() } else { format!("{GOOD}{rest}") };
            for text in [after, format!("{rest}{GOOD}")].into_iter().filter(|text| !text.is_empty()) {
                let Sections { cluster, guards } = sections(&text);
                let cluster = cluster.unwrap_or_else(|| panic!("{text}"));
                assert_eq!((cluster.endpoints.len(), cluster.tenant.as_deref()), (2, Some("ml")), "{text}");
                assert!(guards.unwrap().protected.users.matches("svc-a"), "{text}");
            }
        }
    }

    #[test]
    fn a_section_with_errors_is_not_half_read() {
        let bad = sections("[cluster]\nendpoints = [\"https://w1:14000\"]\ntenent = \"ml\"\n");
        assert!(bad.cluster.is_none() && bad.guards.unwrap().protected.users.is_empty());
        assert!(sections(&format!("{GOOD}max_removals = \"x\"\n")).guards.is_none());
        assert!(sections(&format!("{GOOD}<<<<<<<\n{GOOD}")).cluster.is_none(), "two sections");
        let conflict = "<<<<<<< HEAD\nprotected_users = []\n=======\n>>>>>>> other\n";
        assert!(sections(&format!("[guards]\n{conflict}[users.a]\n")).guards.is_none(), "a conflict in the section");
        assert!(sections("<<<<<<< HEAD\n").cluster.unwrap().endpoints.is_empty());
    }

    #[test]
    fn a_section_has_the_values_of_variables() {
        let guards = "[guards]\nprotected_users = [\"svc-{{env}}-*\"]\n";
        for text in [format!("[vars]\nenv = \"prod\"\n{guards}"), format!("{guards}[users.a\n[vars]\nenv = \"prod\"\n")]
        {
            let guards = sections(&text).guards.unwrap();
            assert!(guards.protected.users.matches("svc-prod-a") && !guards.protected.users.matches("svc-{{env}}-a"));
        }
        assert!(sections(guards).guards.is_none(), "a guard without its variable protects nobody");
    }

    #[test]
    fn a_section_in_a_text_is_no_section() {
        let text = format!(
            "{GOOD}[policies.p]\ndescription = \"\"\"\n[cluster]\nendpoints = [\"https://evil:14000\"]\n\"\"\"\n"
        );
        assert_eq!(sections(&text).cluster.unwrap().endpoints.len(), 2);
    }
}
