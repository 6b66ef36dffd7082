//! What a plan may not do even if the files say so.

mod exemption;
mod limit;
mod overriding;

pub use exemption::{Exemption, NoExemption};
pub use limit::{Limit, NoLimit};
pub use overriding::{NoOverride, Override};

use super::at::{At, Entries};
use super::codes;
use super::raw::RawGuards;
use super::resolve::patterns;
use crate::base::{FileId, Finding, Location, NamePatterns, Principal};

/// The guards of a file, with what one run excepts from them.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// Whether a plan that gives anybody new access, or may, is refused.
    pub deny_new_access: bool,
    /// Whether that is so for one run only, and not by a configuration.
    pub deny_for_this_run: bool,
    /// New access that was agreed to.
    pub allow_access: Vec<Exemption>,
    /// How many policies may be removed; all of these hold.
    pub max_removals: Vec<Limit>,
    /// How many users and groups may be left without access; all of these hold.
    pub max_detached: Vec<Limit>,
    /// Users that are never detached or moved.
    pub protected_users: NamePatterns,
    /// Groups that are never detached or moved.
    pub protected_groups: NamePatterns,
    /// Policies that are never removed or replaced.
    pub protected_policies: NamePatterns,
    /// What one run sets beside the file.
    pub overrides: Vec<Override>,
}

impl Guards {
    /// Whether this user or group is protected.
    #[must_use]
    pub fn protects(&self, principal: &Principal) -> bool {
        let protected = match principal {
            Principal::User(_) => &self.protected_users,
            Principal::Group(_) => &self.protected_groups,
        };
        protected.matches(principal.name())
    }

    /// What a `[guards]` table says. What cannot be read of it is a finding.
    pub(super) fn read(raw: &At<RawGuards>, file: FileId, findings: &mut Vec<Finding>) -> Self {
        let whole = Location { file, span: raw.span() };
        let raw = raw.get();
        let mut limits = |name, entries: &Option<Entries>| match entries {
            Some(entries) => limits(name, entries, &whole, findings),
            None => Vec::new(),
        };
        let max_removals = limits("max_removals", &raw.max_removals);
        let max_detached = limits("max_detached", &raw.max_detached);
        Self {
            deny_new_access: raw.deny_new_access.unwrap_or(false),
            deny_for_this_run: false,
            allow_access: Vec::new(),
            max_removals,
            max_detached,
            protected_users: patterns(&raw.protected_users, file, findings),
            protected_groups: patterns(&raw.protected_groups, file, findings),
            protected_policies: patterns(&raw.protected_policies, file, findings),
            overrides: Vec::new(),
        }
    }
}

fn limits(name: &str, entries: &Entries, whole: &Location, findings: &mut Vec<Finding>) -> Vec<Limit> {
    let mut read = Vec::new();
    for (text, span) in &entries.0 {
        match text.parse() {
            Ok(limit) => read.push(limit),
            Err(problem) => findings.push(
                Finding::error(codes::BAD_LIMIT, format!("`{name}`: {problem}"))
                    .at(Location { file: whole.file, span: span.clone() })
                    .help(
                        "write a number, such as `5`, or a percentage, such as `\"10%\"`, or a list of both: all hold",
                    ),
            ),
        }
    }
    if entries.0.is_empty() {
        findings.push(
            Finding::error(codes::BAD_LIMIT, format!("`{name}` is an empty list, which limits nothing"))
                .at(whole.clone())
                .help("write a limit, or take the key out"),
        );
    }
    read
}
