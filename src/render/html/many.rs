//! The plans of several configurations as one page.

use std::io::{self, Write};

use maud::{Markup, html};

use super::plan::{finding, head, parts};
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
    Section::new(format!("plan-{number}"), format!("{number}. {}", target.name), body)
}

fn of_plan(plan: &PlanV1, target: &str) -> Markup {
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
