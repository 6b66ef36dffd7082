//! Problems that are said in other words than those of their objects: no order of the calls has room, and a problem that is one
//! later.

use super::codes;
use crate::base::{Finding, Severity};
use crate::observed::Observed;

/// Some call needs room for another policy, and no call frees it.
pub(super) fn no_room(observed: &Observed) -> Finding {
    let message =
        format!("no order of the calls keeps within the {} policies that the cluster takes", observed.limits.policies);
    Finding::error(codes::TOO_MANY, message)
        .help("remove a policy that no one needs, or declare the users that have a replaced policy, then plan again")
}

/// The problem of a policy that someone gets later: a warning until then.
pub(super) fn for_later(problem: Finding) -> Finding {
    let message = format!("later, {}", problem.message);
    Finding { code: codes::NO_SUCH_POLICY_LATER, severity: Severity::Warning, message, ..problem }
}

/// Policies on the cluster whose names no call can carry.
pub(super) fn unmanageable_policies(observed: &Observed) -> impl Iterator<Item = Finding> {
    observed.policies.keys().filter_map(|policy| {
        let problem = policy.addressable().err()?;
        let message = format!("the cluster has a policy whose name {problem}: {:?}", policy.as_str());
        Some(Finding::warning(codes::UNADDRESSABLE, message).help("it stays unmanaged"))
    })
}
