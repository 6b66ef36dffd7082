//! The page of an outcome.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Section, page};
use super::plan::cluster;
use super::text::{Text, name};
use super::words;
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1};

/// Writes the page of an outcome.
///
/// # Errors
/// Those of the writer.
pub fn outcome(out: &mut dyn Write, outcome: &OutcomeV1) -> io::Result<()> {
    let title = format!("Outcome of plan {} on {}", outcome.short_digest(), outcome.cluster.name);
    let mut all = vec![Section { id: "calls", title: "Calls", body: calls(&outcome.steps) }];
    if !outcome.remaining_changes.is_empty() {
        all.push(Section { id: "left", title: "Left to do", body: left(&outcome.remaining_changes) });
    }
    if !outcome.overrides.is_empty() {
        all.push(Section { id: "overrides", title: "Guards that were overridden", body: overrides(outcome) });
    }
    writeln!(out, "{}", page(&title, &head(outcome), &all, &outcome.tool_version).into_string())
}

fn head(outcome: &OutcomeV1) -> Markup {
    let (class, verdict) = match (outcome.converged, &outcome.remaining) {
        (true, _) => ("good", "The cluster is as the file says."),
        (false, Some(_)) => ("bad", "The cluster is not as the file says."),
        (false, None) => ("bad", "The cluster could not be observed again."),
    };
    html! {
        p class={ "verdict " (class) } { (verdict) }
        dl.facts {
            (cluster(&outcome.cluster))
            dt { "Digest" } dd { code { (Text(outcome.short_digest())) } }
            dt { "Calls" } dd { (outcome.steps.len()) }
        }
        @if let Some(file) = &outcome.rollback_file {
            @if let Some(command) = &outcome.rollback_command {
                p { "To roll back:" }
                pre tabindex="0" aria-label="The command that rolls back" { code { (Text(command)) } }
            } @else {
                p { "To roll back, apply the rollback file " code { (Text(file)) } "." }
            }
        }
    }
}

fn calls(steps: &[StepOutcomeV1]) -> Markup {
    html! {
        @if steps.is_empty() { p { "None." } }
        @else { ol { @for step in steps { li value=(step.id) { (one(step)) } } } }
    }
}

fn one(step: &StepOutcomeV1) -> Markup {
    let (class, word) = status(step.status);
    html! {
        (words::call(step.call)) " "
        @if let Some(policy) = &step.policy { (name(policy)) " " }
        @if let Some(user) = &step.user { "user " (name(user)) " " }
        @if let Some(group) = &step.group { "group " (name(group)) " " }
        span class=(class) { (word) }
        @if let Some(first) = step.blocked_by { " of step " (first) }
        @if let Some(reason) = &step.reason { p.dim { (Text(reason)) } }
        @for told in &step.remarks { p { (remark(*told)) @if let Some(place) = &step.keys_stored_in { ": " (name(place)) } } }
    }
}

fn status(status: StatusV1) -> (&'static str, &'static str) {
    match status {
        StatusV1::Done => ("a", "done"),
        StatusV1::AlreadyDone => ("a", "already done"),
        StatusV1::Refused => ("r", "refused"),
        StatusV1::Drifted => ("r", "drifted"),
        StatusV1::UnknownOutcome => ("r", "in doubt"),
        StatusV1::Failed => ("r", "failed"),
        StatusV1::NotReached => ("r", "not reached, because"),
        StatusV1::Interrupted => ("r", "not begun before the interruption"),
    }
}

fn remark(remark: RemarkV1) -> &'static str {
    match remark {
        RemarkV1::Gap => "Was detached first, so that access was gone for a moment",
        RemarkV1::Kept => "A new key pair was made, and is kept",
        RemarkV1::KeptInEmergency => "A new key pair was made: move it to where it belongs, then delete the file",
        RemarkV1::AnswerKept => "The answer was not understood, may hold a new key pair, and was kept",
        RemarkV1::PairUnknown => "A new key pair was made, or may have been, and its secret is not known",
    }
}

fn left(left: &[String]) -> Markup {
    html! { ul { @for change in left { li { (name(change)) } } } }
}

fn overrides(outcome: &OutcomeV1) -> Markup {
    html! { ul { @for over in &outcome.overrides { li { (name(&over.given)) ": " (Text(&over.message)) } } } }
}
