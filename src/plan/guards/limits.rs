//! How much one run may take away.

use crate::base::{Code, Finding, PolicyName, Principal};
use crate::desired::{Limit, Override};

use super::super::codes::{DETACHED, REMOVALS};
use super::super::compare::PolicyAction;
use super::{Ruling, View, agreement, named};

/// Policies that are there and would be gone. A policy that is replaced stays, and a stand-in is none.
pub(super) fn removals(view: &View<'_>, ruling: &mut Ruling) {
    let removed =
        |policy: &&PolicyName| matches!(view.found.comparison.policies.get(*policy), Some(PolicyAction::Remove));
    let names: Vec<&str> = view.there.iter().copied().filter(removed).map(PolicyName::as_str).collect();
    let guard = Guard {
        code: REMOVALS,
        limits: &view.guards().max_removals,
        overridden: overridden(view, |by| match by {
            Override::MaxRemovals(limit) => Some(*limit),
            Override::MaxDetached(_) | Override::Holder(_) | Override::Policy(_) => None,
        }),
        enough: Override::MaxRemovals(Limit::Number(names.len())),
        what: ("policy", "policies", "removed"),
    };
    guard.hold(&names, view.there.len(), ruling);
}

/// Users and groups that hold a policy and would hold none, or one that gives them nothing, although it does now.
pub(super) fn detached(view: &View<'_>, ruling: &mut Ruling) {
    let left: Vec<&Principal> = view
        .holders()
        .filter(|(principal, effect, _)| effect.after.is_none() || view.bereft.contains(*principal))
        .map(|(principal, ..)| principal)
        .collect();
    let labels: Vec<String> = left.iter().map(|principal| principal.label()).collect();
    let names: Vec<&str> = labels.iter().map(String::as_str).collect();
    let (one, many) = match left.iter().any(|principal| principal.group().is_some()) {
        true => ("group", "users and groups"),
        false => ("user", "users"),
    };
    let guard = Guard {
        code: DETACHED,
        limits: &view.guards().max_detached,
        overridden: overridden(view, |by| match by {
            Override::MaxDetached(limit) => Some(*limit),
            Override::MaxRemovals(_) | Override::Holder(_) | Override::Policy(_) => None,
        }),
        enough: Override::MaxDetached(Limit::Number(names.len())),
        what: (one, many, "left without access"),
    };
    guard.hold(&names, view.found.comparison.holders.holding, ruling);
}

/// What this run says of a limit.
fn overridden<'a>(view: &View<'a>, limit: fn(&Override) -> Option<Limit>) -> Vec<(&'a Override, Limit)> {
    view.guards().overrides.iter().filter_map(|by| Some((by, limit(by)?))).collect()
}

/// A limit, and how to speak of it.
struct Guard<'a> {
    code: Code,
    /// The limits of the file.
    limits: &'a [Limit],
    /// Those of this run, which stand for the file's.
    overridden: Vec<(&'a Override, Limit)>,
    /// The override that would let it through.
    enough: Override,
    /// One, many, and what would become of them.
    what: (&'static str, &'static str, &'static str),
}

impl Guard<'_> {
    fn hold(&self, names: &[&str], all: usize, ruling: &mut Ruling) {
        let by_file = self.exceeded(self.limits, names, all);
        if self.overridden.is_empty() {
            ruling.refusals.extend(by_file);
            return;
        }
        let (by, limits): (Vec<&Override>, Vec<Limit>) = self.overridden.iter().copied().unzip();
        if let Some(refusal) = self.exceeded(&limits, names, all) {
            ruling.refusals.push(refusal);
        } else if let Some(refusal) = by_file {
            ruling.refuse_unless(&by, refusal);
        }
    }

    fn exceeded(&self, limits: &[Limit], names: &[&str], all: usize) -> Option<Finding> {
        let exceeded = limits.iter().filter(|limit| limit.is_exceeded_by(names.len(), all));
        let most: Vec<String> = exceeded.map(|limit| format!("at most {}", limit.of(all))).collect();
        if most.is_empty() {
            return None;
        }
        let (one, many, removed) = self.what;
        let count = names.len();
        let noun = if count == 1 { one } else { many };
        let message = format!("{count} {noun} would be {removed}: {}; {} may be", named(names), most.join(" and "));
        Some(Finding::error(self.code, message).help(agreement(&self.enough)))
    }
}
