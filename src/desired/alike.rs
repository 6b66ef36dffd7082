//! Declared names that are easily taken for another.

use super::{Desired, codes};
use crate::base::{Confusable, Finding, Location, confusable, spelled_out};

/// The declared policies, users and groups whose names are easily taken for others.
pub(super) fn alike(desired: &Desired) -> Vec<Finding> {
    let policies = desired.policies.iter().map(|(name, entry)| (name.as_str(), entry.at.as_ref()));
    let users = desired.users.iter().map(|(name, entry)| (name.as_str(), entry.at.as_ref()));
    let groups = desired.groups.iter().map(|(name, entry)| (name.as_str(), entry.at.as_ref()));
    let mut findings = of_kind("policy", policies);
    findings.extend(of_kind("user", users));
    findings.extend(of_kind("group", groups));
    findings
}

fn of_kind<'a>(kind: &str, names: impl Iterator<Item = (&'a str, Option<&'a Location>)> + Clone) -> Vec<Finding> {
    let odd = confusable(names.clone().map(|(name, _)| name));
    if odd.is_empty() {
        return Vec::new();
    }
    let found = names.filter_map(|(name, at)| Some(finding(kind, name, odd.get(name)?).at(at.cloned())));
    found.collect()
}

/// What is said of a name that is easily taken for another, whether a file declares it or a cluster has it.
#[must_use]
pub fn finding(kind: &str, name: &str, why: &Confusable) -> Finding {
    let message = format!("the {kind} `{name}` {}", why.reason());
    Finding::warning(codes::CONFUSABLE, message).help(format!("{}: check that this name is meant", spelled_out(name)))
}
