//! The page of a report, and its sections, which the page of a plan has too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maud::{Markup, html};

use super::matrix::matrix;
use super::{Section, Text, cluster, label, name, names, page, table, text};
use crate::render::json::{
    AttachmentV1, ExpectationV1, PolicyReportV1, PolicyStateV1, PublicBucketV1, ReportV1, ScopeV1, TermV1,
};
use crate::render::phrase::{self, in_practice_of_policy, not_reported, subject, term};

/// How many users and groups without a change are shown outside a fold.
const NAMED: usize = 24;

#[derive(Default)]
struct Attached<'a> {
    keep: Vec<String>,
    get: Vec<(String, Option<&'a str>)>,
    lose: Vec<(String, Option<&'a str>)>,
}

/// Writes the page of a report.
pub fn report(out: &mut dyn Write, report: &ReportV1) -> io::Result<()> {
    let of = report.cluster.as_ref().map_or("the configuration", |cluster| cluster.name.as_str());
    let title = format!("S3 access: {of}");
    let mut all: Vec<Section> =
        of_expectations(&report.expectations, report.scope == ScopeV1::Both).into_iter().collect();
    all.extend(sections(report));
    writeln!(out, "{}", page(&title, &head(report), &all, &report.tool_version).into_string())
}

/// The section about expectations, if there are any.
pub(super) fn of_expectations(all: &[ExpectationV1], has_plan: bool) -> Option<Section> {
    (!all.is_empty()).then(|| Section::new("expectations", "Expectations", expectations(all, has_plan)))
}

fn head(report: &ReportV1) -> Markup {
    html! {
        p {
            @match report.scope {
                ScopeV1::Cluster => "The cluster as it is.",
                ScopeV1::Configuration => "The configuration, without the cluster.",
                ScopeV1::Both => "The cluster before and after the plan.",
            }
        }
        dl.facts {
            @if let Some(of) = &report.cluster { (cluster(of)) }
            @if let Some(digest) = &report.digest { dt { "Digest of the plan" } dd { code { (Text(digest)) } } }
            dt { "Users" } dd { (report.principals.iter().filter(|holder| holder.user.is_some()).count()) }
            dt { "Groups" } dd {
                @if report.group_attachments_known { (report.principals.iter().filter(|holder| holder.group.is_some()).count()) }
                @else { "not reported by the cluster" }
            }
            @if !report.not_reported.is_empty() { dt { "Not counted" } dd { (not_reported(&report.not_reported)) } }
            dt { "Policies" } dd { (report.policies.len()) " of at most " (report.limits.policies) }
        }
    }
}

pub(super) fn sections(report: &ReportV1) -> Vec<Section> {
    let has_terms = !report.terms.is_empty();
    let sections = [
        Some(Section::new("matrix", "Access matrix", html! { (matrix(report)) (in_practice(report)) })),
        has_terms.then(|| Section::new("terms", "Access that begins or ends", terms(report))),
        Some(public(report)),
        Some(Section::new("attachments", "Attachments", attachments(report))),
        Some(Section::new("policies", "Policies by size", policies(report))),
    ];
    sections.into_iter().flatten().collect()
}

/// When the access of declared users and groups begins and ends: what comes first is first, what has ended is last.
fn terms(report: &ReportV1) -> Markup {
    let mut terms: Vec<&TermV1> = report.terms.iter().collect();
    terms.sort_by_key(|of| (of.days.is_none(), of.days, &of.id));
    let rows = terms.into_iter().map(|of| {
        let when = term(of, str::to_owned).unwrap_or_default();
        vec![text(&subject(of, str::to_owned)), name(&of.policy), text(&when)]
    });
    table("Table of access that begins or ends", "Days are in UTC.", &["User or group", "Policy", "When"], rows)
}

/// The buckets that let in requests without a login.
fn public(report: &ReportV1) -> Section {
    let body = html! {
        @match report.public_buckets.as_deref() {
            None => p { "The policies of buckets were not read, so that it is unknown what anyone can do without a login." },
            Some([]) => p { "No bucket lets in requests without a login." },
            Some(buckets) => (public_table(report.scope, buckets)),
        }
    };
    Section::new("public", "Buckets that everyone can use", body)
}

fn public_table(scope: ScopeV1, buckets: &[PublicBucketV1]) -> Markup {
    let columns: &[&str] = match scope {
        ScopeV1::Both => &["Bucket", "Before", "After"],
        ScopeV1::Cluster | ScopeV1::Configuration => &["Bucket", "What everyone can do without a login"],
    };
    let rows = buckets.iter().map(|of| {
        let [before, after] = [&of.before, &of.after].map(|side| text(&phrase::public(side.as_ref(), str::to_owned)));
        match scope {
            ScopeV1::Both => vec![name(&of.bucket), before, after],
            ScopeV1::Cluster => vec![name(&of.bucket), before],
            ScopeV1::Configuration => vec![name(&of.bucket), after],
        }
    });
    let caption = "What everyone can do without a login, with something in the bucket.";
    table("Table of buckets that everyone can use", caption, columns, rows)
}

/// Where what people can do with a policy differs from its actions, which the matrix is about.
fn in_practice(report: &ReportV1) -> Markup {
    let lines = |policy: &PolicyReportV1| last(policy).map(|state| state.in_practice.clone()).unwrap_or_default();
    let differing = report.policies.iter().map(|policy| (policy, lines(policy))).filter(|(_, lines)| !lines.is_empty());
    let differing: Vec<_> = differing.collect();
    html! {
        @if !differing.is_empty() {
            p { "The matrix is about actions. A server decides some requests by other actions:" }
            ul {
                @for (policy, lines) in &differing {
                    @for of in lines {
                        li { (name(&policy.name)) ": " (Text(&in_practice_of_policy(of, str::to_owned))) }
                    }
                }
            }
        }
    }
}

/// The policies with their users and groups. Those without a policy come last.
fn attachments(report: &ReportV1) -> Markup {
    if !report.attachments_known {
        return html! { p { "This cluster does not report attachments over REST." } };
    }
    let mut branches: BTreeMap<(bool, &str), Attached<'_>> = BTreeMap::new();
    for principal in &report.principals {
        enter(principal, report.scope, &mut branches);
    }
    let unattached = report.policies.iter().filter(|policy| !branches.contains_key(&(false, policy.name.as_str())));
    let unattached: Vec<String> = unattached.map(|policy| policy.name.clone()).collect();
    html! {
        ul.tree {
            @for ((nothing, policy), branch) in &branches {
                li {
                    @if *nothing { b { "no policy" } } @else { b { (name(policy)) } }
                    (count(branch, report.scope))
                    (leaves(branch))
                }
            }
        }
        @if !unattached.is_empty() { div.p { "Attached to nobody: " (names(&unattached, NAMED)) } }
    }
}

fn enter<'a>(principal: &'a AttachmentV1, scope: ScopeV1, branches: &mut BTreeMap<(bool, &'a str), Attached<'a>>) {
    let key = |policy: Option<&'a str>| policy.map_or((true, ""), |policy| (false, policy));
    let (before, after) = (principal.before.as_deref(), principal.after.as_deref());
    let (before, after) = match scope {
        ScopeV1::Cluster => (before, before),
        ScopeV1::Configuration => (after, after),
        ScopeV1::Both => (before, after),
    };
    let label = label(principal.user.as_deref(), principal.group.as_deref());
    if before == after {
        branches.entry(key(after)).or_default().keep.push(label);
    } else {
        branches.entry(key(after)).or_default().get.push((label.clone(), before));
        branches.entry(key(before)).or_default().lose.push((label, after));
    }
}

fn count(branch: &Attached<'_>, scope: ScopeV1) -> Markup {
    let (before, after) = (branch.keep.len() + branch.lose.len(), branch.keep.len() + branch.get.len());
    html! {
        span.dim {
            " attached to "
            @match scope {
                ScopeV1::Cluster | ScopeV1::Configuration => (after),
                ScopeV1::Both if before == after && branch.get.is_empty() => (after),
                ScopeV1::Both => { (before) " → " (after) },
            }
        }
    }
}

fn leaves(branch: &Attached<'_>) -> Markup {
    let policy =
        |policy: &Option<&str>| html! { @match policy { Some(policy) => (name(policy)), None => "no policy" } };
    html! {
        ul {
            @for (who, from) in &branch.get {
                li { span.a { span aria-hidden="true" { "+ " } (name(who)) } ", before: " (policy(from)) }
            }
            @for (who, to) in &branch.lose {
                li { span.r { span aria-hidden="true" { "− " } (name(who)) } ", after: " (policy(to)) }
            }
            @if !branch.keep.is_empty() { li { (names(&branch.keep, NAMED)) } }
        }
    }
}

fn policies(report: &ReportV1) -> Markup {
    let mut policies: Vec<&PolicyReportV1> = report.policies.iter().collect();
    policies.sort_by_key(|policy| std::cmp::Reverse(last(policy).and_then(|state| state.bytes)));
    let limit = report.limits.document_bytes;
    let rows = policies.into_iter().map(|policy| {
        let named = html! { (name(&policy.name)) (change(policy, report)) };
        vec![named, size(policy, limit), attachment_count(policy)]
    });
    let caption = format!("The limit of a document is {limit} bytes, minified.");
    table("Table of policies by size", &caption, &["Policy", "Size", "Attachments"], rows)
}

fn last(policy: &PolicyReportV1) -> Option<&PolicyStateV1> {
    policy.after.as_ref().or(policy.before.as_ref())
}

fn change(policy: &PolicyReportV1, report: &ReportV1) -> Markup {
    html! {
        @match report.scope {
            ScopeV1::Cluster | ScopeV1::Configuration => "",
            ScopeV1::Both => {
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

fn attachment_count(policy: &PolicyReportV1) -> Markup {
    let count = |state: &Option<PolicyStateV1>| state.as_ref().map(|state| state.attachments);
    html! {
        @match (count(&policy.before), count(&policy.after)) {
            (Some(before), Some(after)) if before != after => { (before) " → " (after) },
            (_, Some(count)) | (Some(count), None) => (count),
            (None, None) => "0",
        }
    }
}

/// Each expectation with its result and the request that proves a failure. Those that fail come first.
pub(super) fn expectations(all: &[ExpectationV1], has_plan: bool) -> Markup {
    let (holding, failing): (Vec<_>, Vec<_>) = all.iter().partition(|of| of.holds);
    let class = |of: &ExpectationV1| match (of.holds, of.refuses) {
        (true, _) => "a",
        (false, true) => "r",
        (false, false) => "c",
    };
    let rows = failing.into_iter().chain(holding).map(|of| {
        let named = html! { (Text(&of.name)) @if let Some(reason) = &of.reason { p.dim { (Text(reason)) } } };
        let result = html! { span class=(class(of)) { (phrase::result(of, has_plan)) } };
        vec![named, result, text(&phrase::proof(of, str::to_owned).unwrap_or_default())]
    });
    let caption = format!("{}.", phrase::expectations(all).unwrap_or_default());
    table("Table of expectations", &caption, &["Expectation", "Result", "For example"], rows)
}
