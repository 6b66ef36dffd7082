//! The pages of a plan, of the plans of several configurations, and of an outcome.

use std::io::{self, Write};

use maud::{Markup, html};

use super::changes::{access, api_calls, base, changes, keys_and_options, review};
use super::report::{of_expectations, sections};
use super::{Section, Text, api_call, cluster, name, names, page};
use crate::base::Severity;
use crate::render::json::{
    FindingV1, FindingsV1, OutcomeV1, PartV1, PlanV1, PlannedTarget, ReportV1, StatusV1, StepOutcomeV1, SummaryV1,
    VerifiedUserV1,
};
use crate::render::phrase::{self, *};

/// Writes the page of a plan, with the sections of a report if there is one.
pub fn plan(out: &mut dyn Write, plan: &PlanV1, report: Option<&ReportV1>) -> io::Result<()> {
    let plan_name = if plan.snapshot.is_some() { "from a snapshot" } else { plan.short_digest() };
    let title = format!("Plan {plan_name} for {}", plan.cluster.name);
    let mut all = parts(plan);
    all.extend(report.into_iter().flat_map(sections));
    all.push(Section::new("unmanaged", "Unmanaged", unmanaged(plan)));
    writeln!(out, "{}", page(&title, &head(plan, None), &all, &plan.tool_version).into_string())
}

/// The sections about a plan alone.
pub(super) fn parts(plan: &PlanV1) -> Vec<Section> {
    let has_findings = !plan.refusals.is_empty() || !plan.findings.is_empty() || !plan.overrides.is_empty();
    let changed = |of| Section::new("review", "Removed declarations and changed settings", review(of));
    let both = |of| Section::new("base", "Drift and proposed", base(of, plan.review.as_ref()));
    let parts = [
        plan.review.as_ref().map(changed),
        has_findings.then(|| Section::new("findings", "Errors, warnings and notes", findings(plan))),
        of_expectations(&plan.expectations, true),
        plan.base.as_ref().map(both),
        Some(Section::new("access", "Access gained and lost", access(plan))),
        Some(Section::new("changes", "Changes", changes(plan))),
        Some(Section::new("calls", "API calls", api_calls(plan))),
    ];
    parts.into_iter().flatten().collect()
}

pub(super) fn head(plan: &PlanV1, target: Option<&PlannedTarget>) -> Markup {
    let (class, verdict) = verdict(plan);
    html! {
        p class={ "verdict " (class) } { (verdict) }
        dl.facts {
            (cluster(&plan.cluster))
            @if let Some(snapshot) = &plan.snapshot {
                dt { "Source" } dd { (Text(&of_snapshot(snapshot, str::to_owned))) }
            } @else {
                dt { "Digest" } dd { code { (Text(&plan.digest)) } }
            }
            dt { "Changes" } dd { (summary(&plan.summary)) }
            (part(plan.only.as_ref()))
            @if let Some(later) = later(&plan.terms, str::to_owned) { dt { (phrase::capital(LATER)) } dd { (Text(&later)) } }
            (keys_and_options(plan))
        }
        @if class == "open" && plan.snapshot.is_some() {
            p { (NOT_TO_BE_APPROVED) }
        } @else if class == "open" {
            @let (command, complete) = phrase::command(plan, target);
            @if let Some(signed) = phrase::to_be_signed(plan) { p { (Text(&phrase::capital(&signed))) "." } }
            p { "To apply exactly this plan" @if !complete { ", with the options of this plan" } ":" }
            pre tabindex="0" { code { (Text(&command)) } }
        }
    }
}

/// What `--only` selects and leaves out.
fn part(only: Option<&PartV1>) -> Markup {
    let lines = only.map(|only| phrase::part(only, str::to_owned)).unwrap_or_default();
    html! { @for (title, text) in &lines { dt { (capital(title)) } dd { (Text(text)) } } }
}

fn verdict(plan: &PlanV1) -> (&'static str, String) {
    match (blocked(plan), refused(plan), plan.changes.len()) {
        (Some(blocked), ..) => ("bad", format!("{}.", blocked.replacen("plan", "Plan", 1))),
        (None, Some(refused), _) => ("bad", format!("This plan is {refused}.")),
        (None, None, 0) => ("good", format!("No changes: the cluster {}.", phrase::matches(plan.only.as_ref()))),
        (None, None, changes) => {
            let (changes, calls) = (phrase::count(changes, "change", "changes"), plan.summary.calls);
            ("open", format!("{changes}, {}.", phrase::api_calls(calls)))
        }
    }
}

fn summary(summary: &SummaryV1) -> String {
    match (counts(summary), summary.unchanged) {
        (counts, 0) if counts.is_empty() => "none".to_owned(),
        (counts, 0) => counts,
        (counts, unchanged) if counts.is_empty() => format!("{unchanged} unchanged"),
        (counts, unchanged) => format!("{counts}, {unchanged} unchanged"),
    }
}

fn findings(plan: &PlanV1) -> Markup {
    html! {
        @for refusal in &plan.refusals { (finding("r", "refused", refusal)) }
        @for found in &plan.findings {
            @let class = match found.severity {
                Severity::Error => "r",
                Severity::Warning => "c",
                Severity::Note => "dim",
            };
            (finding(class, found.severity.word(), found))
        }
        @for over in &plan.overrides {
            article.card {
                h3 { span.c { "overridden" } " " (name(&over.given)) " " span.dim { "[" (Text(&over.code)) "]" } }
                p { (Text(&over.message)) }
            }
        }
    }
}

pub(super) fn finding(class: &str, word: &str, finding: &FindingV1) -> Markup {
    html! {
        article.card {
            h3 { span class=(class) { (word) } " " span.dim { "[" (Text(&finding.code)) "]" } " " (Text(&finding.message)) }
            @if let Some(file) = &finding.file {
                p.dim {
                    (name(file))
                    @if let Some(line) = finding.line { ":" (line) }
                    @if let Some(column) = finding.column { ":" (column) }
                }
            }
            @if let Some(help) = &finding.help { @for line in help.lines() { p { (Text(line)) } } }
        }
    }
}

fn unmanaged(plan: &PlanV1) -> Markup {
    let unmanaged = &plan.unmanaged;
    let not_reported = not_reported(&plan.unreported.kinds);
    let kinds = [
        ("Predefined policies", &unmanaged.predefined),
        ("Policies", &unmanaged.policies),
        ("Users", &unmanaged.users),
        ("Groups", &unmanaged.groups),
    ];
    html! {
        dl.facts {
            @for (what, list) in kinds {
                @if !list.is_empty() { dt { (what) " (" (list.len()) ")" } dd { (names(list, 12)) } }
            }
            @if !not_reported.is_empty() { dt { "Not counted" } dd { (not_reported) } }
        }
    }
}

/// Writes the page of an outcome.
pub fn outcome(out: &mut dyn Write, outcome: &OutcomeV1) -> io::Result<()> {
    let title = format!("Outcome of plan {} on {}", outcome.short_digest(), outcome.cluster.name);
    let mut all = vec![Section::new("calls", "API calls", calls(&outcome.steps))];
    if !outcome.remaining_changes.is_empty() {
        all.push(Section::new("remaining", "Remaining changes", remaining(&outcome.remaining_changes)));
    }
    if let Some(users) = &outcome.verified {
        all.push(Section::new("verified", "Asked with the new keys", verified(users)));
    }
    if !outcome.overrides.is_empty() {
        all.push(Section::new("overrides", "Overridden guards", overrides(outcome)));
    }
    writeln!(out, "{}", page(&title, &outcome_head(outcome), &all, &outcome.tool_version).into_string())
}

fn outcome_head(outcome: &OutcomeV1) -> Markup {
    let (class, verdict) = match (outcome.converged, &outcome.remaining) {
        (true, _) => ("good", format!("The cluster {}.", phrase::matches(outcome.only.as_ref()))),
        (false, Some(_)) => ("bad", "The cluster does not match the configuration.".to_owned()),
        (false, None) => ("bad", format!("Applied, but {CANNOT_READ_AGAIN}.")),
    };
    html! {
        p class={ "verdict " (class) } { (verdict) }
        dl.facts {
            (cluster(&outcome.cluster))
            dt { "Digest" } dd { code { (Text(outcome.short_digest())) } }
            dt { "API calls" } dd { (outcome.steps.len()) }
            (part(outcome.only.as_ref()))
        }
        @if let Some(file) = &outcome.rollback_file {
            @if let Some(command) = &outcome.rollback_command {
                p { "To roll back:" }
                pre tabindex="0" { code { (Text(command)) } }
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
    let (class, ending) = match ending(step, "") {
        Some(ending) => ("r", ending),
        None if step.status == StatusV1::AlreadyDone => ("a", "already done".to_owned()),
        None => ("a", "done".to_owned()),
    };
    html! {
        (api_call(&step.step()))
        span class=(class) { (ending) }
        @if let Some(reason) = &step.reason { p.dim { (Text(reason)) } }
        @for of in &step.remarks { p { (Text(&remark(*of, step, str::to_owned, str::to_owned))) } }
    }
}

fn remaining(changes: &[String]) -> Markup {
    html! { ul { @for change in changes { li { (name(change)) } } } }
}

fn verified(users: &[VerifiedUserV1]) -> Markup {
    html! {
        p { (Text(&phrase::capital(&phrase::verified_users(users)))) }
        ul {
            @for alike in Alike::all(users) {
                li {
                    (Text(&alike.head()))
                    @let differences = alike.differences();
                    @if !differences.is_empty() { ul { @for line in &differences { li.r { (Text(line)) } } } }
                }
            }
        }
    }
}

fn overrides(outcome: &OutcomeV1) -> Markup {
    html! { ul { @for over in &outcome.overrides { li { (name(&over.given)) ": " (Text(&over.message)) } } } }
}

/// Writes the page of the plans of several configurations: a line for each, then a section for each.
pub fn many(out: &mut dyn Write, targets: &[PlannedTarget]) -> io::Result<()> {
    let title = format!("Plans for {}", count(targets.len(), "configuration", "configurations"));
    let sections: Vec<Section> = targets.iter().zip(1..).map(|(target, number)| section(target, number)).collect();
    writeln!(out, "{}", page(&title, &overview(targets), &sections, env!("CARGO_PKG_VERSION")).into_string())
}

fn overview(targets: &[PlannedTarget]) -> Markup {
    html! {
        dl.facts { @for target in targets { dt { (name(&target.name)) } dd { (Text(&in_short(target))) } } }
    }
}

fn in_short(target: &PlannedTarget) -> String {
    match &target.result {
        Ok(plan) => match (blocked(plan), refused(plan), counts(&plan.summary)) {
            (Some(blocked), ..) => blocked,
            (None, Some(refused), counts) => format!("{refused}: {counts}"),
            (None, None, counts) if counts.is_empty() => "no changes".to_owned(),
            (None, None, counts) => counts,
        },
        Err(_) => "error".to_owned(),
    }
}

/// The numbers tell configurations of the same name apart.
fn section(target: &PlannedTarget, number: usize) -> Section {
    let body = match &target.result {
        Ok(plan) => of_plan(plan, target),
        Err(found) => of_error(found, target.error.as_deref()),
    };
    Section::new(format!("plan-{number}"), format!("{number}. {}", target.name), body)
}

fn of_plan(plan: &PlanV1, target: &PlannedTarget) -> Markup {
    let is_shown = |part: &Section| match part.id.as_str() {
        "expectations" => false,
        "access" | "changes" | "calls" => !plan.changes.is_empty(),
        _ => true,
    };
    html! {
        (head(plan, Some(target)))
        @for part in parts(plan).iter().filter(|part| is_shown(part)) {
            h3 { (part.title) }
            (part.body)
        }
    }
}

fn of_error(found: &FindingsV1, error: Option<&str>) -> Markup {
    html! {
        p.verdict.bad { (Text(error.unwrap_or("There is no plan."))) }
        @for error in found.findings.iter().filter(|finding| finding.severity == Severity::Error) {
            (finding("r", "error", error))
        }
    }
}
