//! Policies and users that a plan may not touch.

use std::collections::BTreeSet;

use crate::base::{Finding, PolicyName, UserName};
use crate::desired::Override;
use crate::policy::Normal;

use super::super::Call;
use super::super::codes::{OWN_USER, PROTECTED_POLICY, PROTECTED_USER};
use super::super::compare::{PolicyFate, UserFate};
use super::{Ruling, View, agreement};

/// Protected policies that would be gone, or have another document.
pub(super) fn policies(view: &View<'_>, ruling: &mut Ruling) {
    for policy in view.policies() {
        if !view.guards().protected_policies.covers(policy.as_str()) {
            continue;
        }
        let what = match view.comparison.policies.get(policy) {
            Some(PolicyFate::Remove) => "removed",
            Some(PolicyFate::Replace(after)) if is_other(view, policy, after) => "replaced",
            Some(
                PolicyFate::Replace(_)
                | PolicyFate::Keep
                | PolicyFate::Add(_)
                | PolicyFate::LeaveAlone
                | PolicyFate::Ambiguous,
            )
            | None => continue,
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
    let held = view.holders().filter(|(_, _, held)| *held == policy).filter_map(|(_, fate, _)| fate.physical.as_ref());
    let mut bodies = held.chain([policy]).filter_map(|name| view.observed.policies.get(name));
    bodies.any(|body| body.normal() != Some(after))
}

/// Protected users that would be detached, moved, or without access; the user that attune is logged in as is one of them.
pub(super) fn users(view: &View<'_>, ruling: &mut Ruling) {
    let detached: BTreeSet<&UserName> = view
        .steps
        .iter()
        .filter_map(|step| match &step.call {
            Call::Detach { user, .. } => Some(user),
            Call::AddPolicy { .. } | Call::RemovePolicy { .. } | Call::Attach { .. } | Call::RetireKeys { .. } => None,
        })
        .collect();
    for (user, fate, held) in view.holders() {
        let protected = view.guards().protected_users.covers(user.as_str());
        if !protected && !view.is_own(user) {
            continue;
        }
        let Some(what) = happens(user, fate, held, view, &detached) else { continue };
        let agreed = Override::User(user.clone());
        let refusal = if protected {
            let message = format!("user `{user}` is protected by `[guards]` and would be {what}");
            Finding::error(PROTECTED_USER, message).help(agreement(&agreed))
        } else {
            let message = format!("user `{user}` is the one attune is logged in as and would be {what}");
            let help = format!("declare `[users.{user}]` where that is meant, or {}", agreement(&agreed));
            Finding::error(OWN_USER, message).help(help)
        };
        ruling.refuse_unless(&said(view, &agreed), refusal);
    }
}

/// What becomes of a user that a protected one is kept from. Being moved along while the policy is swapped is not.
fn happens(
    user: &UserName,
    fate: &UserFate,
    held: &PolicyName,
    view: &View<'_>,
    detached: &BTreeSet<&UserName>,
) -> Option<String> {
    match &fate.after {
        None => Some(format!("detached from `{held}`")),
        Some(after) if after != held => Some(format!("moved from `{held}` to `{after}`")),
        Some(_) if view.bereft.contains(user) => Some(format!("left without access by the new document of `{held}`")),
        Some(_) if detached.contains(user) => Some(format!("without access for a moment while `{held}` is replaced")),
        Some(_) => None,
    }
}

/// The override, where this run says it.
fn said<'a>(view: &View<'a>, agreed: &Override) -> Vec<&'a Override> {
    view.guards().overrides.iter().find(|by| *by == agreed).into_iter().collect()
}
