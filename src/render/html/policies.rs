//! Policies by size.

use maud::{Markup, html};

use super::page::scrolling;
use super::text::name;
use crate::render::json::{PolicyReportV1, PolicyStateV1, ReportV1};

/// All policies, the largest first.
pub(super) fn policies(report: &ReportV1) -> Markup {
    let mut policies: Vec<&PolicyReportV1> = report.policies.iter().collect();
    policies.sort_by_key(|policy| std::cmp::Reverse(last(policy).and_then(|state| state.bytes)));
    let limit = report.limits.document_bytes;
    let table = html! {
        table {
            caption { "A cluster takes documents of " (limit) " bytes, minified." }
            thead { tr { th scope="col" { "Policy" } th scope="col" { "Size" } th scope="col" { "Holders" } } }
            tbody {
                @for policy in policies {
                    tr {
                        th scope="row" { (name(&policy.name)) (fate(policy, report)) }
                        td { (size(policy, limit)) }
                        td { (holders(policy)) }
                    }
                }
            }
        }
    };
    scrolling("Policies by size", &table)
}

/// As it will be, or else as it is.
fn last(policy: &PolicyReportV1) -> Option<&PolicyStateV1> {
    policy.after.as_ref().or(policy.before.as_ref())
}

fn fate(policy: &PolicyReportV1, report: &ReportV1) -> Markup {
    use crate::render::json::ScopeV1::{Both, Cluster, Configuration};
    html! {
        @match report.scope {
            Cluster | Configuration => "",
            Both => {
                @if policy.before.is_none() { span.a { " + new" } }
                @if policy.after.is_none() { span.r { " − removed" } }
            },
        }
    }
}

fn size(policy: &PolicyReportV1, limit: usize) -> Markup {
    let Some(bytes) = last(policy).and_then(|state| state.bytes) else { return html! { span.dim { "not read" } } };
    let before = policy.before.as_ref().filter(|_| policy.after.is_some()).and_then(|state| state.bytes);
    let percent = bytes * 100 / limit.max(1);
    html! {
        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect width=(percent.min(100)) height="10" {}
        }
        (bytes) " of " (limit) " bytes (" (percent) " %)"
        @if let Some(before) = before.filter(|before| *before != bytes) { span.c { ", was " (before) } }
        @if bytes > limit { b.r { " too large" } }
    }
}

fn holders(policy: &PolicyReportV1) -> Markup {
    let count = |state: &Option<PolicyStateV1>| state.as_ref().map(|state| state.attachments);
    html! {
        @match (count(&policy.before), count(&policy.after)) {
            (Some(before), Some(after)) if before != after => { (before) " → " (after) },
            (_, Some(count)) | (Some(count), None) => (count),
            (None, None) => "0",
        }
    }
}
