//! What changes, and by which calls.

use maud::{Markup, html};
use serde_json::value::RawValue;

use super::document::difference;
use super::text::{Who, name, names};
use super::words;
use crate::render::json::{BaseV1, ChangeV1, KindV1, PlanV1, ReviewV1, StepV1};
use crate::render::phrase::{NOT_IN_THE_PLAN, is_left, nothing_proposed, plan_of_both, text_in};

/// How many holders are seen at once.
const NAMED: usize = 12;

/// All changes.
pub(super) fn changes(plan: &PlanV1) -> Markup {
    html! {
        @if plan.changes.is_empty() { p { "None: all is as the file says." } }
        @for change in &plan.changes { (one(change)) }
    }
}

/// Drift and what is proposed, told apart: each change in a line, since all of them are in the plan as well.
pub(super) fn base(base: &BaseV1, review: Option<&ReviewV1>) -> Markup {
    let revision = name(&base.revision);
    html! {
        h3 { "Drift: to bring the cluster back to what " (revision) " says" }
        (lines(&base.drift, review))
        h3 { "Proposed: what the file says otherwise than " (revision) }
        @if base.proposed.is_empty() { p { (nothing_proposed("the revision", review)) "." } }
        @else { (lines(&base.proposed, review)) }
        p { "The plan does " (plan_of_both(base, review)) "." }
    }
}

fn lines(changes: &[ChangeV1], review: Option<&ReviewV1>) -> Markup {
    html! {
        @if changes.is_empty() { p { "None." } }
        @else { ul { @for change in changes { li { (title(change)) @if is_left(change, review) { " " (NOT_IN_THE_PLAN) } } } } }
    }
}

fn title(change: &ChangeV1) -> Markup {
    let (class, mark, what) = words::kind(change.kind);
    let object = match (&change.user, &change.group) {
        (Some(user), _) => html! { "user " (name(user)) },
        (None, Some(group)) => html! { "group " (name(group)) },
        (None, None) => name(change.policy.as_deref().unwrap_or_default()),
    };
    html! { span class=(class) { span aria-hidden="true" { (mark) " " } (what) } " " (object) }
}

fn one(change: &ChangeV1) -> Markup {
    html! {
        article.card {
            h3 { (title(change)) }
            @if let Some(method) = change.method { p { (words::method(method)) } }
            @if !change.attached_to.is_empty() { (holders(change)) }
            @if change.kind == KindV1::AddPolicy && !change.attached_to.is_empty() {
                p { "They have its name already, and get the policy at once." }
            }
            @if !change.temporary_policies.is_empty() { div.p { "Gone afterwards: " (names(&change.temporary_policies, NAMED)) } }
            @match change.kind {
                KindV1::AddPolicy | KindV1::ReplacePolicy => {
                    (difference(change.before.as_deref(), change.after.as_deref()))
                }
                KindV1::RemovePolicy => {
                    details { summary { "The document" } (difference(change.before.as_deref(), None)) }
                }
                KindV1::Attach | KindV1::Move | KindV1::Detach => {
                    p { (held(change.before.as_deref())) " → " (held(change.after.as_deref())) }
                }
            }
            @for note in &change.notes { p.dim { (words::note(*note)) } }
        }
    }
}

fn holders(change: &ChangeV1) -> Markup {
    let label = |holder: &crate::render::json::AttachedPrincipalV1| {
        if holder.declared { holder.label() } else { format!("{} (in no file)", holder.label()) }
    };
    let labels: Vec<String> = change.attached_to.iter().map(label).collect();
    html! { div.p { "Held by: " (names(&labels, NAMED)) } }
}

fn held(policy: Option<&RawValue>) -> Markup {
    html! { @match text_in(policy) { Some(policy) => (name(&policy)), None => "nothing" } }
}

/// All calls, in order.
pub(super) fn calls(plan: &PlanV1) -> Markup {
    html! {
        @if plan.steps.is_empty() { p { "None." } } @else {
            p { "In this order; some run at the same time." }
            details {
                summary { "All " (plan.steps.len()) " calls" }
                ol { @for step in &plan.steps { li value=(step.id) { (call(step)) } } }
            }
        }
    }
}

fn call(step: &StepV1) -> Markup {
    let who = match (&step.user, &step.group) {
        (Some(user), _) => Some(html! { "user " (name(user)) }),
        (None, Some(group)) => Some(html! { "group " (name(group)) }),
        (None, None) => None,
    };
    html! {
        (words::call(step.call)) " "
        @if let Some(policy) = &step.policy { (name(policy)) " " }
        @if let Some(who) = who { (who) }
    }
}
