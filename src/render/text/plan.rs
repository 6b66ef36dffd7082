//! A plan as a reviewer reads it.

use std::io::{self, Write};

use console::measure_text_width;

use super::base::base;
use super::change::change;
use super::overridden;
use super::review::{conditions, review};
use super::users::{gained, lost, side};
use crate::policy::access::Side;
use crate::render::Styles;
use crate::render::json::PlanV1;
use crate::render::phrase::{UNREPORTED_GAINS, counts, not_reported, object, refused, release};
use crate::render::words::{count, shown};

/// Writes a plan: cluster, changes, digest and counts.
///
/// # Errors
/// Those of the writer.
pub fn plan(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    review(out, styles, plan.review.as_ref())?;
    base(out, styles, plan)?;
    heading(out, styles, plan)?;
    if plan.changes.is_empty() {
        let policies = count(plan.unchanged.policies, "policy", "policies");
        let holders = holders(plan.unchanged.users, plan.unchanged.groups);
        writeln!(out, "\nno changes: {policies}{holders} are as the file says")?;
        return unmanaged(out, styles, plan);
    }
    gained(out, styles, &plan.changes)?;
    side(out, styles, plan.unreported.by_name.iter(), Side::Gained, UNREPORTED_GAINS)?;
    writeln!(out)?;
    let width = plan.changes.iter().map(|change| measure_text_width(&object(change, shown))).max().unwrap_or(0);
    for of in &plan.changes {
        change(out, styles, plan, of, width)?;
    }
    lost(out, styles, &plan.changes)?;
    writeln!(out)?;
    summary(out, styles, plan)?;
    unmanaged(out, styles, plan)?;
    match not_reported(&plan.unreported.kinds) {
        kinds if kinds.is_empty() => Ok(()),
        kinds => writeln!(out, "{}", styles.dim.apply_to(format!("not reported by the cluster: {kinds}"))),
    }
}

fn heading(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let of = &plan.cluster;
    let cluster = styles.strong.apply_to(format!("cluster {}", shown(&of.name)));
    writeln!(out, "{cluster} · WEKA {} · tenant {}", shown(release(of)), shown(&of.tenant))
}

/// What a plan comes to, in a line: its digest, or why there is none to run.
#[must_use]
pub fn verdict(plan: &PlanV1) -> String {
    let counts = counts(&plan.summary);
    if plan.is_blocked() {
        return format!("no plan: {counts}, but something stands in the way");
    }
    if plan.changes.is_empty() {
        return "no changes".to_owned();
    }
    let calls = count(plan.summary.calls, "call", "calls");
    let refused = refused(plan).map(|why| format!(" · {why}")).unwrap_or_default();
    format!("plan {}: {counts} · {calls}{refused}", plan.short_digest())
}

fn summary(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let counts = counts(&plan.summary);
    if plan.is_blocked() {
        return writeln!(out, "{}", verdict(plan));
    }
    conditions(out, styles, plan)?;
    overridden(out, styles, &plan.overrides)?;
    for refusal in &plan.refusals {
        writeln!(out, "{} {}", styles.remove.apply_to("refused:"), shown(&refusal.message))?;
        if let Some(help) = &refusal.help {
            for line in help.lines() {
                writeln!(out, "         {}", styles.dim.apply_to(shown(line)))?;
            }
        }
    }
    let digest = styles.strong.apply_to(format!("plan {}", plan.short_digest()));
    writeln!(out, "{digest}: {counts} · {}", count(plan.summary.calls, "call", "calls"))
}

/// Users behind something else in a list, and groups where there are any.
fn holders(users: usize, groups: usize) -> String {
    let users = count(users, "user", "users");
    match groups {
        0 => format!(" and {users}"),
        groups => format!(", {users} and {}", count(groups, "group", "groups")),
    }
}

fn unmanaged(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let alone = &plan.unmanaged;
    let mut parts = Vec::new();
    if !alone.predefined.is_empty() {
        parts.push(count(alone.predefined.len(), "predefined policy", "predefined policies"));
    }
    if !alone.policies.is_empty() || !alone.users.is_empty() || !alone.groups.is_empty() {
        let policies = count(alone.policies.len(), "policy", "policies");
        let holders = holders(alone.users.len(), alone.groups.len());
        parts.push(format!("{policies}{holders} that no file names"));
    }
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", styles.dim.apply_to(format!("left alone: {}", parts.join(", "))))
}
