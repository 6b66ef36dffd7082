//! The sections of a plan: access, changes with their documents, drift and proposed changes, API calls.

use maud::{Markup, PreEscaped, html};
use serde_json::value::RawValue;

use super::{Text, api_call, kind, label, name, names};
use crate::policy::access::Side;
use crate::policy::{self, DiffLine, Document, LineKind};
use crate::render::json::{
    AccessChangeV1, AccessLineV1, AttachedPrincipalV1, BaseV1, ChangeV1, InPracticeV1, KindV1, PlanV1, ReviewV1,
    UndecidedV1,
};
use crate::render::phrase::{self, *};

/// How many names are shown outside a fold.
const NAMED: usize = 12;

/// How many names a heading has at most.
const HEADED: usize = 4;

pub(super) fn review(review: &ReviewV1) -> Markup {
    html! {
        @if !review.undeclared.is_empty() {
            h3 { (Text(&undeclared_title(review, str::to_owned))) }
            ul { @for of in &review.undeclared {
                li { (name(&undeclared_object(of, str::to_owned))) ": " (Text(&undeclared_action(of, str::to_owned))) }
            } }
        }
        @if !review.settings.is_empty() {
            h3 { (Text(&settings_title(review, str::to_owned))) }
            ul { @for of in &review.settings { li { (name(&of.name)) ": " (Text(&setting_change(of, str::to_owned))) } } }
        }
    }
}

pub(super) fn keys_and_options(plan: &PlanV1) -> Markup {
    let options = other_options(plan);
    html! {
        @if let Some(keys) = &plan.new_keys { dt { "Keys" } dd { (Text(&new_keys(keys, str::to_owned))) } }
        @if !options.is_empty() {
            dt { "Options" }
            dd { @for of in options { code { (Text(&option(of, str::to_owned))) } " " } }
        }
    }
}

/// The access that each user and group gains and loses. Those with the same access share a card.
pub(super) fn access(plan: &PlanV1) -> Markup {
    let mut order = alike(plan.changes.iter().flat_map(|change| &change.access), all_of);
    // Reviewers look for gained access first, then for users that have none any more.
    order.sort_by_key(|(_, some)| some.first().map(|access| (!gains(access), !access.loses_all)));
    html! {
        @if order.is_empty() { p { @if plan.is_blocked() { "None: the plan is blocked." } @else { "No access changes." } } }
        @for (_, some) in &order { (access_card(some)) }
        @if !plan.unreported.by_name.is_empty() {
            h3 { "Possible " (UNREPORTED_GAINS) }
            @for (_, some) in &alike(plan.unreported.by_name.iter(), all_of) { (access_card(some)) }
        }
    }
}

type AllOf<'a> = (bool, &'a [AccessLineV1], &'a [AccessLineV1], &'a [UndecidedV1], &'a [InPracticeV1]);

fn all_of(of: &AccessChangeV1) -> Option<AllOf<'_>> {
    Some((of.loses_all, &of.gained, &of.lost, &of.undecided, &of.in_practice))
}

fn gains(access: &AccessChangeV1) -> bool {
    !access.gained.is_empty() || access.undecided.iter().any(|open| open.side == Side::Gained)
}

fn access_card(some: &[&AccessChangeV1]) -> Markup {
    let Some(access) = some.first() else { return html! {} };
    let principals: Vec<String> = some.iter().map(|of| whose(of, str::to_owned)).collect();
    let open = |side| access.undecided.iter().filter(move |open| open.side == side).collect::<Vec<_>>();
    html! {
        article.card {
            @if principals.len() <= HEADED {
                h3 { @for (index, principal) in principals.iter().enumerate() { @if index > 0 { ", " } (name(principal)) } }
            } @else {
                h3 { (principals.len()) " users and groups" }
                div.p { (names(&principals, NAMED)) }
            }
            @if access.loses_all { p { strong { "No access is left." } } }
            (access_lines(Side::Gained, &access.gained, &open(Side::Gained)))
            (access_lines(Side::Lost, &access.lost, &open(Side::Lost)))
            @if !access.in_practice.is_empty() {
                ul.plain aria-label="In practice" {
                    @for of in &access.in_practice {
                        li { span.c { span aria-hidden="true" { "! " } } (Text(&phrase::in_practice(of, str::to_owned))) }
                    }
                }
            }
        }
    }
}

fn access_lines(side: Side, lines: &[AccessLineV1], open: &[&UndecidedV1]) -> Markup {
    let also = lines.iter().map(|line| (line.profile, access_line(side, line).into_string()));
    let also = also.chain(open.iter().map(|open| (open.profile, undecided_line(open).into_string())));
    html! {
        @if !lines.is_empty() || !open.is_empty() {
            ul.plain aria-label={ "Access " (direction(side)) } {
                @for line in lines.iter().filter(|line| line.profile.is_none()) { li { (access_line(side, line)) } }
                @for open in open.iter().filter(|open| open.profile.is_none()) { li { (undecided_line(open)) } }
                @for line in phrase::also(also) {
                    li { span.c { span aria-hidden="true" { "! " } } (PreEscaped(line)) }
                }
            }
        }
    }
}

fn access_line(side: Side, line: &AccessLineV1) -> Markup {
    let (class, mark) = match side {
        Side::Gained => ("g", "+"),
        Side::Lost => ("l", "−"),
    };
    html! {
        span class=(class) { span aria-hidden="true" { (mark) " " } (direction(side)) } ": "
        (name(&actions(line, false, str::to_owned))) " on " (name(bare(&line.pattern)))
        (Text(&limits(line, side, str::to_owned)))
        @if let Some(example) = example(line, str::to_owned) { span.dim { ", e.g. " (name(&example)) } }
    }
}

fn undecided_line(open: &UndecidedV1) -> Markup {
    html! {
        span.c { span aria-hidden="true" { "! " } "undecided: treat as " (direction(open.side)) } ": "
        (name(&open.actions.join(", "))) " on " (name(bare(&open.pattern)))
    }
}

pub(super) fn changes(plan: &PlanV1) -> Markup {
    html! {
        @if plan.changes.is_empty() {
            p { @match blocked(plan) {
                Some(blocked) => { "None: " (blocked) "." }
                None => { "None: the cluster " (phrase::matches(plan.only.as_ref())) "." }
            } }
        }
        @for change in &plan.changes { (change_card(change)) }
    }
}

/// Drift and proposed changes, a line each: the other sections have the details.
pub(super) fn base(base: &BaseV1, review: Option<&ReviewV1>) -> Markup {
    let revision = name(&base.revision);
    html! {
        h3 { "Drift: to make the cluster match " (revision) }
        (lines(&base.drift, review))
        h3 { "Proposed: compared with " (revision) }
        @if base.proposed.is_empty() { p { (nothing_proposed("the revision", review)) "." } }
        @else { (lines(&base.proposed, review)) }
        p { "The plan makes " (plan_of_both(base, review)) "." }
    }
}

fn lines(changes: &[ChangeV1], review: Option<&ReviewV1>) -> Markup {
    html! {
        @if changes.is_empty() { p { "None." } }
        @else { ul { @for change in changes { li { (title(change)) @if is_left(change, review) { " " (NOT_IN_THE_PLAN) } } } } }
    }
}

fn title(change: &ChangeV1) -> Markup {
    let (class, mark, what) = kind(change.kind);
    let object = match (&change.user, &change.group) {
        (Some(user), _) => html! { "user " (name(user)) },
        (None, Some(group)) => html! { "group " (name(group)) },
        (None, None) => name(change.policy.as_deref().unwrap_or_default()),
    };
    html! { span class=(class) { span aria-hidden="true" { (mark) " " } (what) } " " (object) }
}

fn change_card(change: &ChangeV1) -> Markup {
    html! {
        article.card {
            h3 { (title(change)) }
            @let of = principals(&change.attached_to);
            @if change.kind == KindV1::RenamePolicy {
                p { (Text(&renaming(change, &of, &of, str::to_owned))) }
            } @else if let Some(method) = change.method {
                p { (replacing(method, change.attached_to.is_empty(), &of, &of)) }
            }
            @if !change.attached_to.is_empty() { (attached_to(change)) }
            @if change.kind == KindV1::AddPolicy && !change.attached_to.is_empty() {
                p { "The policy applies at once to them, with this policy name already." }
            }
            @if !change.temporary_policies.is_empty() { div.p { "Removes temporary policies: " (names(&change.temporary_policies, NAMED)) } }
            @match change.kind {
                KindV1::RenamePolicy if change.before.is_none() => {}
                KindV1::AddPolicy | KindV1::ReplacePolicy | KindV1::RenamePolicy => {
                    (difference(change.before.as_deref(), change.after.as_deref(), &change.combined_from))
                }
                KindV1::RemovePolicy => {
                    details { summary { "The document" } (difference(change.before.as_deref(), None, &[])) }
                }
                KindV1::SetBucketPolicy => {
                    p { (attachment_change(change, shown).unwrap_or_default()) }
                    @if text_in(change.after.as_deref()).is_none() {
                        (difference(change.before.as_deref().filter(|of| text_in(Some(of)).is_none()), change.after.as_deref(), &[]))
                    }
                }
                KindV1::Attach | KindV1::Move | KindV1::Detach => {
                    p { (attached(change.before.as_deref())) " → " (attached(change.after.as_deref())) }
                }
            }
            @for text in change.notes.iter().filter_map(|of| note(*of)) { p.dim { (text) } }
            @if let Some(text) = change.term.as_ref().and_then(|of| term(of, str::to_owned)) { p { (Text(&text)) } }
            @for of in &change.basis { p { (basis(of, shown)) } }
        }
    }
}

fn attached_to(change: &ChangeV1) -> Markup {
    let label = |of: &AttachedPrincipalV1| {
        let unmanaged = if of.declared { "" } else { " (unmanaged)" };
        format!("{}{unmanaged}", label(of.user.as_deref(), of.group.as_deref()))
    };
    let labels: Vec<String> = change.attached_to.iter().map(label).collect();
    html! { div.p { "Attached to: " (names(&labels, NAMED)) } }
}

fn attached(policy: Option<&RawValue>) -> Markup {
    html! { @match text_in(policy) { Some(policy) => (name(&policy)), None => "no policy" } }
}

pub(super) fn api_calls(plan: &PlanV1) -> Markup {
    html! {
        @if plan.steps.is_empty() { p { "None." } } @else {
            p { "In this order. Some run at the same time." }
            details {
                summary { "All " (plan.steps.len()) " API calls" }
                ol { @for step in &plan.steps { li value=(step.id) {
                    (api_call(step))
                } } }
            }
        }
    }
}

/// The difference of two documents. An unreadable one is shown as text.
fn difference(before: Option<&RawValue>, after: Option<&RawValue>, combined: &[Vec<String>]) -> Markup {
    let (before, after) = (before.map(document_or_text), after.map(document_or_text));
    let known = |side| Option::as_ref(side).and_then(|side: &Result<Document, String>| side.as_ref().ok());
    let found = policy::diff(known(&before), known(&after));
    html! {
        ul.diff aria-label="Document" {
            @if let Some(Err(text)) = &before { li.r { "− " (Text(text)) } }
            @if let Some(Err(text)) = &after { li.a { "+ " (Text(text)) } }
            (entries(&found, combined))
        }
        @if found.unchanged > 0 {
            p.dim { (found.unchanged) @if found.unchanged == 1 { " statement" } @else { " statements" } " unchanged" }
        }
    }
}

fn entries(found: &policy::DocumentDiff, combined: &[Vec<String>]) -> Markup {
    html! {
        @for line in &found.lines { (entry(line)) }
        @for statement in &found.statements {
            li.t {
                (Text(&statement.title))
                (Text(&statement_from(statement, combined, str::to_owned)))
                @match statement.change {
                    policy::Change::Added => " (new)",
                    policy::Change::Changed => "",
                    policy::Change::Removed => " (removed)",
                }
            }
            @for line in &statement.lines { (entry(line)) }
        }
    }
}

fn entry(line: &DiffLine) -> Markup {
    let (class, mark, word) = match line.kind {
        LineKind::Add => ("a", "+", "added: "),
        LineKind::Remove => ("r", "−", "removed: "),
        LineKind::Context => ("dim", " ", ""),
    };
    html! {
        li class=(class) {
            span aria-hidden="true" { (mark) " " }
            @if !word.is_empty() { span.vh { (word) } }
            span.mem { (Text(&line.member)) } " " (Text(&line.value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::AccessV1;
    use crate::render::printed;

    /// The text of a list, one line for each item, with the marks of text.
    fn text_of(list: &str) -> String {
        let mut text = String::new();
        for part in list.replace("</li>", "\n").split('<') {
            text += part.split_once('>').map_or(part, |(_, text)| text);
        }
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
        let marks = [("+ gained: ", "+ "), ("− lost: ", "- "), ("! undecided: treat as ", "? ")];
        entities.iter().chain(&marks).fold(text, |text, (from, to)| text.replace(from, to))
    }

    #[test]
    fn printed_lines_are_the_differences_of_brute_force() {
        printed::agree(printed::pairs(40), |AccessV1 { gained, lost, undecided, .. }| {
            let lines = |side, lines| {
                let open: Vec<_> = undecided.iter().filter(|open| open.side == side).collect();
                text_of(&access_lines(side, lines, &open).into_string())
            };
            format!("{}{}", lines(Side::Gained, gained), lines(Side::Lost, lost))
        });
    }
}
