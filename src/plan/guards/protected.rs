//! Policies and users that a plan may not touch.

use crate::base::{Finding, PolicyName, Principal};
use crate::desired::Override;
use crate::policy::Normal;

use super::super::Effect;
use super::super::codes::{OWN_USER, PROTECTED_POLICY, PROTECTED_USER};
use super::super::compare::PolicyAction;
use super::{Ruling, View, agreement};

/// Protected policies that would be gone, or have another document.
pub(super) fn policies(view: &View<'_>, ruling: &mut Ruling) {
    for policy in view.there.iter().copied() {
        if !view.guards().protected_policies.matches(policy.as_str()) {
            continue;
        }
        let what = match view.found.comparison.policies.get(policy) {
            Some(PolicyAction::Remove) => "removed",
            Some(PolicyAction::Replace(after)) if is_other(view, policy, after) => "replaced",
            Some(PolicyAction::Replace(_) | PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::LeaveAlone)
            | None => {
                continue;
            }
        };
        let message = format!("policy `{policy}` is protected by `[guards]` and would be {what}");
        let agreed = Override::Policy(policy.clone());
        let refusal = Finding::error(PROTECTED_POLICY, message).help(agreement(&agreed));
        ruling.refuse_unless(&said(view, &agreed), refusal);
    }
}

/// Whether the policy, or what anybody holds in its stead, has another document than this. An interrupted replacement
/// that is only finished changes no document.
fn is_other(view: &View<'_>, policy: &PolicyName, after: &Normal) -> bool {
    let held = view.found.comparison.holders_of(policy).filter_map(|(_, fate)| fate.physical.as_ref());
    let mut bodies = held.chain([policy]).filter_map(|name| view.observed.policies.get(name));
    bodies.any(|body| body.normal() != Some(after))
}

/// Protected users and groups that would be detached, moved, or without access; the user that attune is logged in as is
/// one of them.
pub(super) fn holders(view: &View<'_>, ruling: &mut Ruling) {
    for (principal, effect, held) in view.holders() {
        let protected = view.guards().protects(principal);
        if !protected && !view.is_own(principal) {
            continue;
        }
        let Some(what) = happens(principal, effect, held, view) else { continue };
        let agreed = Override::Holder(principal.clone());
        let refusal = if protected {
            let message = format!("{principal} is protected by `[guards]` and would be {what}");
            Finding::error(PROTECTED_USER, message).help(agreement(&agreed))
        } else {
            let message = format!("{principal} is the one attune is logged in as and would be {what}");
            let help = format!("declare `[users.{}]` where that is meant, or {}", principal.name(), agreement(&agreed));
            Finding::error(OWN_USER, message).help(help)
        };
        ruling.refuse_unless(&said(view, &agreed), refusal);
    }
}

/// What the plan does to somebody that a protected one is kept from. A swap of its policy is not.
fn happens(principal: &Principal, effect: &Effect, attached: &PolicyName, view: &View<'_>) -> Option<String> {
    let before = view.found.comparison.counts_as(attached);
    match &effect.after {
        None => Some(format!("detached from `{attached}`")),
        Some(after) if after != before.as_ref() => Some(format!("moved from `{attached}` to `{after}`")),
        Some(_) if view.bereft.contains(principal) => {
            Some(format!("left without access by the new document of `{before}`"))
        }
        Some(_) if effect.gap => Some(format!("without access for a moment while `{before}` is replaced")),
        Some(_) => None,
    }
}

/// The override, where this run says it.
fn said<'a>(view: &View<'a>, agreed: &Override) -> Vec<&'a Override> {
    view.guards().overrides.iter().find(|by| *by == agreed).into_iter().collect()
}
