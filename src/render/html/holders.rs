//! Who holds what: a tree of lists, a policy with its holders.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::text::{Who, name, names};
use crate::render::json::{AttachmentV1, ReportV1, ScopeV1};

/// How many holders with nothing to say of them are seen at once.
const NAMED: usize = 24;

/// A policy, with those who go on holding it, come to it and leave it.
#[derive(Default)]
struct Branch<'a> {
    stay: Vec<String>,
    come: Vec<(String, Option<&'a str>)>,
    leave: Vec<(String, Option<&'a str>)>,
}

/// Policies with their holders; those who hold nothing come last.
pub(super) fn holders(report: &ReportV1) -> Markup {
    if !report.attachments_known {
        return html! { p { "This cluster does not tell over REST who holds what." } };
    }
    let mut branches: BTreeMap<(bool, &str), Branch<'_>> = BTreeMap::new();
    for holder in &report.principals {
        enter(holder, report.scope, &mut branches);
    }
    let held = report.policies.iter().filter(|policy| !branches.contains_key(&(false, policy.name.as_str())));
    let unheld: Vec<String> = held.map(|policy| policy.name.clone()).collect();
    html! {
        ul.tree {
            @for ((nothing, policy), branch) in &branches {
                li {
                    @if *nothing { b { "nothing" } } @else { b { (name(policy)) } }
                    (count(branch, report.scope))
                    (leaves(branch))
                }
            }
        }
        @if !unheld.is_empty() { div.p { "Held by nobody: " (names(&unheld, NAMED)) } }
    }
}

fn enter<'a>(holder: &'a AttachmentV1, looked: ScopeV1, branches: &mut BTreeMap<(bool, &'a str), Branch<'a>>) {
    let key = |policy: Option<&'a str>| policy.map_or((true, ""), |policy| (false, policy));
    let (before, after) = (holder.before.as_deref(), holder.after.as_deref());
    let (before, after) = match looked {
        ScopeV1::Cluster => (before, before),
        ScopeV1::Configuration => (after, after),
        ScopeV1::Both => (before, after),
    };
    if before == after {
        branches.entry(key(after)).or_default().stay.push(holder.label());
    } else {
        branches.entry(key(after)).or_default().come.push((holder.label(), before));
        branches.entry(key(before)).or_default().leave.push((holder.label(), after));
    }
}

fn count(branch: &Branch<'_>, looked: ScopeV1) -> Markup {
    let (before, after) = (branch.stay.len() + branch.leave.len(), branch.stay.len() + branch.come.len());
    html! {
        span.dim {
            " held by "
            @match looked {
                ScopeV1::Cluster | ScopeV1::Configuration => (after),
                ScopeV1::Both if before == after && branch.come.is_empty() => (after),
                ScopeV1::Both => { (before) " → " (after) },
            }
        }
    }
}

fn leaves(branch: &Branch<'_>) -> Markup {
    let policy = |policy: &Option<&str>| html! { @match policy { Some(policy) => (name(policy)), None => "nothing" } };
    html! {
        ul {
            @for (who, from) in &branch.come {
                li { span.a { span aria-hidden="true" { "+ " } (name(who)) } " comes from " (policy(from)) }
            }
            @for (who, to) in &branch.leave {
                li { span.r { span aria-hidden="true" { "− " } (name(who)) } " goes to " (policy(to)) }
            }
            @if !branch.stay.is_empty() { li { (names(&branch.stay, NAMED)) } }
        }
    }
}
