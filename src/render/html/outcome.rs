//! The page of an outcome.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Section, Text, api_call, cluster, name, page};
use crate::render::json::{OutcomeV1, StatusV1, StepOutcomeV1};
use crate::render::phrase::{CANNOT_READ_AGAIN, ending, remark};

/// Writes the page of an outcome.
pub fn outcome(out: &mut dyn Write, outcome: &OutcomeV1) -> io::Result<()> {
    let title = format!("Outcome of plan {} on {}", outcome.short_digest(), outcome.cluster.name);
    let mut all = vec![Section { id: "calls", title: "API calls", body: calls(&outcome.steps) }];
    if !outcome.remaining_changes.is_empty() {
        all.push(Section { id: "remaining", title: "Remaining changes", body: remaining(&outcome.remaining_changes) });
    }
    if !outcome.overrides.is_empty() {
        all.push(Section { id: "overrides", title: "Overridden guards", body: overrides(outcome) });
    }
    writeln!(out, "{}", page(&title, &head(outcome), &all, &outcome.tool_version).into_string())
}

fn head(outcome: &OutcomeV1) -> Markup {
    let (class, verdict) = match (outcome.converged, &outcome.remaining) {
        (true, _) => ("good", "The cluster matches the configuration.".to_owned()),
        (false, Some(_)) => ("bad", "The cluster does not match the configuration.".to_owned()),
        (false, None) => ("bad", format!("Applied, but {CANNOT_READ_AGAIN}.")),
    };
    html! {
        p class={ "verdict " (class) } { (verdict) }
        dl.facts {
            (cluster(&outcome.cluster))
            dt { "Digest" } dd { code { (Text(outcome.short_digest())) } }
            dt { "API calls" } dd { (outcome.steps.len()) }
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
    let (class, ending) = match step.status {
        StatusV1::Done => ("a", "done".to_owned()),
        StatusV1::AlreadyDone => ("a", "already done".to_owned()),
        StatusV1::Refused
        | StatusV1::Drifted
        | StatusV1::UnknownOutcome
        | StatusV1::Failed
        | StatusV1::NotReached
        | StatusV1::Interrupted => ("r", ending(step, "").unwrap_or_default()),
    };
    html! {
        (api_call(step.call, step.policy.as_deref(), step.user.as_deref(), step.group.as_deref()))
        span class=(class) { (ending) }
        @if let Some(reason) = &step.reason { p.dim { (Text(reason)) } }
        @for of in &step.remarks { p { (Text(&remark(*of, step, str::to_owned, str::to_owned))) } }
    }
}

fn remaining(changes: &[String]) -> Markup {
    html! { ul { @for change in changes { li { (name(change)) } } } }
}

fn overrides(outcome: &OutcomeV1) -> Markup {
    html! { ul { @for over in &outcome.overrides { li { (name(&over.given)) ": " (Text(&over.message)) } } } }
}
