//! The plans of several configurations as one page.

use std::io::{self, Write};

use maud::{Markup, html};

use super::changes::{access, api_calls, base, changes, review};
use super::plan::{finding, findings, head};
use super::{Section, Text, name, page};
use crate::base::Severity;
use crate::render::json::{FindingsV1, PlanV1, Target};
use crate::render::phrase::{blocked, count, counts, refused};

/// Writes the page of the plans of several configurations: a line for each, then a section for each.
pub fn many(out: &mut dyn Write, targets: &[Target]) -> io::Result<()> {
    let title = format!("Plans for {}", count(targets.len(), "configuration", "configurations"));
    let sections: Vec<Section> = targets.iter().zip(1..).map(|(target, number)| section(target, number)).collect();
    writeln!(out, "{}", page(&title, &overview(targets), &sections, env!("CARGO_PKG_VERSION")).into_string())
}

fn overview(targets: &[Target]) -> Markup {
    html! {
        dl.facts { @for target in targets { dt { (name(&target.name)) } dd { (Text(&in_short(target))) } } }
    }
}

fn in_short(target: &Target) -> String {
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
fn section(target: &Target, number: usize) -> Section {
    let body = match &target.result {
        Ok(plan) => of_plan(plan, &target.name),
        Err(found) => of_error(found, target.error.as_deref()),
    };
    Section { id: format!("plan-{number}").into(), title: format!("{number}. {}", target.name).into(), body }
}

fn of_plan(plan: &PlanV1, target: &str) -> Markup {
    html! {
        (head(plan, Some(target)))
        @if let Some(changed) = &plan.review {
            h3 { "Removed declarations and changed settings" }
            (review(changed))
        }
        @if !plan.refusals.is_empty() || !plan.findings.is_empty() || !plan.overrides.is_empty() {
            h3 { "Errors, warnings and notes" }
            (findings(plan))
        }
        @if let Some(of) = &plan.base {
            h3 { "Drift and proposed" }
            (base(of, plan.review.as_ref()))
        }
        @if !plan.changes.is_empty() {
            h3 { "Access gained and lost" }
            (access(plan))
            h3 { "Changes" }
            (changes(plan))
            h3 { "API calls" }
            (api_calls(plan))
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
