//! The page of a plan.

use std::io::{self, Write};

use maud::{Markup, html};

use super::page::{Section, page};
use super::report::sections;
use super::text::{Text, name, names};
use super::{access, changes, review, words};
use crate::render::json::{ClusterV1, FindingV1, PlanV1, ReportV1, SummaryV1};
use crate::render::phrase::{self, counts, not_reported, refused};

/// Writes the page of a plan, with what a report says of its cluster before and after, where there is one.
///
/// # Errors
/// Those of the writer.
pub fn plan(out: &mut dyn Write, plan: &PlanV1, report: Option<&ReportV1>) -> io::Result<()> {
    let title = format!("Plan {} for {}", plan.short_digest(), plan.cluster.name);
    let mut all = Vec::new();
    if let Some(changed) = &plan.review {
        all.push(Section { id: "review", title: "No longer declared, and settings", body: review::review(changed) });
    }
    if !plan.refusals.is_empty() || !plan.findings.is_empty() || !plan.overrides.is_empty() {
        all.push(Section { id: "findings", title: "Findings", body: findings(plan) });
    }
    if let Some(base) = &plan.base {
        all.push(Section { id: "base", title: "Drift and proposed", body: changes::base(base, plan.review.as_ref()) });
    }
    all.push(Section { id: "access", title: "Access gained and lost", body: access::access(plan) });
    all.push(Section { id: "changes", title: "Changes", body: changes::changes(plan) });
    all.push(Section { id: "calls", title: "Calls", body: changes::calls(plan) });
    all.extend(report.into_iter().flat_map(sections));
    all.push(Section { id: "left-alone", title: "Left alone", body: unmanaged(plan) });
    writeln!(out, "{}", page(&title, &head(plan), &all, &plan.tool_version).into_string())
}

fn head(plan: &PlanV1) -> Markup {
    let (class, verdict) = verdict(plan);
    html! {
        p class={ "verdict " (class) } { (verdict) }
        dl.facts {
            (cluster(&plan.cluster))
            dt { "Digest" } dd { code { (Text(&plan.digest)) } }
            dt { "Changes" } dd { (summary(&plan.summary)) }
            (review::conditions(plan))
        }
        @if class == "open" {
            @let (command, whole) = phrase::command(plan);
            p { "To run exactly this" @if !whole { ", with the options of this plan" } ":" }
            pre tabindex="0" aria-label="The command" { code { (Text(&command)) } }
        }
    }
}

/// Which cluster.
pub(super) fn cluster(cluster: &ClusterV1) -> Markup {
    html! {
        dt { "Cluster" } dd { (name(&cluster.name)) " " span.dim { (Text(&cluster.guid)) } }
        dt { "Release" } dd { "WEKA " (Text(&cluster.release)) }
        dt { "Tenant" } dd { (name(&cluster.tenant)) }
    }
}

fn verdict(plan: &PlanV1) -> (&'static str, String) {
    let calls = plan.summary.calls;
    let calls = format!("{calls} {}", if calls == 1 { "call" } else { "calls" });
    match (plan.is_blocked(), plan.refusals.len(), plan.changes.len()) {
        (true, ..) => ("bad", "This plan cannot be applied: something stands in the way.".to_owned()),
        (false, 1.., _) => ("bad", format!("This plan is {}.", refused(plan).unwrap_or("refused"))),
        (false, 0, 0) => ("good", "No changes: the cluster is as the file says.".to_owned()),
        (false, 0, 1) => ("open", format!("1 change, by {calls}.")),
        (false, 0, changes) => ("open", format!("{changes} changes, by {calls}.")),
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
            (finding(words::severity(found.severity), found.severity.word(), found))
        }
        @for over in &plan.overrides {
            article.card {
                h3 { span.c { "overridden" } " " (name(&over.given)) " " span.dim { "[" (Text(&over.code)) "]" } }
                p { (Text(&over.message)) }
            }
        }
    }
}

fn finding(class: &str, word: &str, finding: &FindingV1) -> Markup {
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
    let alone = &plan.unmanaged;
    let not_reported = not_reported(&plan.unreported.kinds);
    let kinds = [
        ("Predefined policies", &alone.predefined),
        ("Policies that no file names", &alone.policies),
        ("Users that no file names", &alone.users),
        ("Groups that no file names", &alone.groups),
    ];
    html! {
        dl.facts {
            @for (what, list) in kinds {
                @if !list.is_empty() { dt { (what) " (" (list.len()) ")" } dd { (names(list, 12)) } }
            }
            @if !not_reported.is_empty() { dt { "Not reported by the cluster" } dd { (not_reported) } }
        }
    }
}
