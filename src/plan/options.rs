//! The options of one run that decide its plan, beside the configuration.

use crate::desired::Desired;
use crate::policy::Catalogue;

/// An option of the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanOption {
    /// Its name, such as `--override`.
    pub name: &'static str,
    /// Its value; of a file, the SHA-256 of its content.
    pub value: Option<String>,
}

/// The options that were given for this run, in a fixed order.
pub(super) fn options(desired: &Desired, catalogue: &Catalogue) -> Vec<PlanOption> {
    let guards = &desired.guards;
    let with = |name: &'static str, value: String| PlanOption { name, value: Some(value) };
    let flag = |name: &'static str, is_given: bool| is_given.then_some(PlanOption { name, value: None });
    let mut options: Vec<PlanOption> = guards.overrides.iter().map(|by| with("--override", by.to_string())).collect();
    options.extend(guards.allow_access.iter().map(|agreed| with("--allow-access", agreed.to_string())));
    options.extend(catalogue.read_from().map(|hash| with("--catalogue", format!("sha256:{hash}"))));
    options.extend(flag("--deny-new-access", guards.deny_for_this_run));
    options.extend(flag("--insecure", desired.cluster.insecure));
    options.sort();
    options.dedup();
    options
}
