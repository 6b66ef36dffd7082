//! A plan as a comment on a pull request, as long as it may be.

use super::access::{gained, gained_by, lost};
use super::base::base;
use super::changes::{given, removed_documents, taken};
use super::cut::Cut;
use super::diff::Body;
use super::escape::{code, fence};
use super::findings::{blocking, other, overridden, refused};
use super::review::{conditions, review};
use super::{LEAST, clipped, fits, marker};
use crate::render::json::PlanV1;
use crate::render::phrase::{self, counts, not_reported, refused as why_refused, release};
use crate::render::words::{count, list};

/// Writes a plan in Markdown, in at most `max` characters (Unicode code points), of which it takes [`LEAST`] at least.
///
/// What is removed, detached, moved and gained, what stands in the way, and the digest are never left out. Where they do
/// not fit, the comment says that the plan must not be approved from it, and has no command that would.
#[must_use]
pub fn plan(plan: &PlanV1, max: usize) -> String {
    let max = max.max(LEAST);
    let bodies: Vec<Body> = plan.changes.iter().map(Body::of).collect();
    let pages = Cut::ALL.into_iter().map(|cut| page(plan, &bodies, cut, max));
    pages.into_iter().find(|page| fits(page, max)).unwrap_or_else(|| too_large(plan, max))
}

/// How it stands with a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Blocked,
    Refused,
    Nothing,
    Ready,
}

fn verdict(plan: &PlanV1) -> Verdict {
    if plan.is_blocked() {
        Verdict::Blocked
    } else if !plan.refusals.is_empty() {
        Verdict::Refused
    } else if plan.changes.is_empty() {
        Verdict::Nothing
    } else {
        Verdict::Ready
    }
}

fn page(plan: &PlanV1, bodies: &[Body], cut: Cut, max: usize) -> String {
    let mut text = marker::stable("plan", &plan.cluster) + &marker::digest("digest", &plan.digest, &plan.cluster);
    text += &heading(plan);
    let left_out = cut.said(plan, bodies);
    if !left_out.is_empty() {
        text += &format!("Left out, to fit in {max} characters (`attune plan` shows all):\n\n");
        text += &left_out.iter().map(|what| format!("- {what}\n")).collect::<String>();
        text.push('\n');
    }
    text += &review(plan.review.as_ref());
    text += &conditions(plan);
    text += &blocking(plan);
    text += &base(plan, cut);
    text += &refused(plan);
    text += &overridden(&plan.overrides);
    text += &gained(plan, cut);
    text += &gained_by("Access that others may gain, whom the cluster does not report", plan.unreported.by_name.iter());
    text += &taken(plan);
    text += &lost(plan, cut);
    text += &given(plan, bodies, cut);
    text += &removed_documents(plan, bodies, cut);
    text += &other(plan, cut);
    text += &agreement(plan);
    text += &unmanaged(plan);
    if !plan.changes.is_empty() && !plan.unreported.kinds.is_empty() {
        text += &format!("\nNot reported by the cluster: {}\n", not_reported(&plan.unreported.kinds));
    }
    text.trim_end().to_owned() + "\n"
}

fn heading(plan: &PlanV1) -> String {
    let counts = counts(&plan.summary);
    let verdict = match verdict(plan) {
        Verdict::Blocked if counts.is_empty() => "something stands in the way".to_owned(),
        Verdict::Blocked => format!("no plan, something stands in the way: {counts}"),
        Verdict::Refused => format!("{}: {counts}", why_refused(plan).unwrap_or("refused")),
        Verdict::Nothing => "no changes".to_owned(),
        Verdict::Ready if !plan.overrides.is_empty() => format!("{counts} (a guard is overridden)"),
        Verdict::Ready => counts,
    };
    format!(
        "\n### attune: {verdict}\n\ncluster {} · WEKA {} · tenant {} · {}\n\n",
        code(&plan.cluster.name),
        code(release(&plan.cluster)),
        code(&plan.cluster.tenant),
        count(plan.summary.calls, "call", "calls"),
    )
}

/// How the plan is agreed to, or why it cannot be.
fn agreement(plan: &PlanV1) -> String {
    let digest = code(&plan.digest);
    match verdict(plan) {
        Verdict::Blocked => format!("This cannot be applied. Digest {digest}\n\n"),
        Verdict::Refused => {
            format!("This plan is not applied: {}. Digest {digest}\n\n", why_refused(plan).unwrap_or("refused"))
        }
        Verdict::Nothing => {
            let unchanged = plan.unchanged;
            let words = [
                Some(count(unchanged.policies, "policy", "policies")),
                Some(count(unchanged.users, "user", "users")),
                (unchanged.groups > 0).then(|| count(unchanged.groups, "group", "groups")),
            ];
            let words: Vec<String> = words.into_iter().flatten().collect();
            format!("{} are as the file says. Digest {digest}\n\n", list(&words))
        }
        Verdict::Ready => {
            let (command, whole) = phrase::command(plan);
            let rest = if whole { "" } else { ", with the options of this plan" };
            format!("To run exactly this, or nothing{rest}:\n\n{}\n", fence("sh", &[command]))
        }
    }
}

fn unmanaged(plan: &PlanV1) -> String {
    let alone = &plan.unmanaged;
    let words = [
        (alone.predefined.len(), "predefined policy", "predefined policies"),
        (alone.policies.len(), "policy that no file names", "policies that no file names"),
        (alone.users.len(), "user that no file names", "users that no file names"),
        (alone.groups.len(), "group that no file names", "groups that no file names"),
    ];
    let words: Vec<String> =
        words.iter().filter(|(n, _, _)| *n > 0).map(|(n, one, many)| count(*n, one, many)).collect();
    if words.is_empty() { String::new() } else { format!("Left alone: {}\n", list(&words)) }
}

/// What is said of a plan that cannot be shown: never enough to agree to it.
fn too_large(plan: &PlanV1, max: usize) -> String {
    let markers = marker::stable("plan", &plan.cluster) + &marker::digest("too-large", &plan.digest, &plan.cluster);
    let stands = match verdict(plan) {
        Verdict::Blocked => "\n\nSomething stands in the way of it.",
        Verdict::Refused => "\n\nIt is refused.",
        Verdict::Nothing | Verdict::Ready => "",
    };
    format!(
        "{markers}\n### attune: too large to be shown here\n\n\
         **This plan must not be approved from this comment.** What it removes, moves and gives does not fit in {max} \
         characters, and is not shown in part.{stands}\n\n\
         cluster {} · tenant {} · plan {} · {} · {}\n\n\
         See all of it with `attune plan`, or with a larger `--max-chars`.\n",
        code(&clipped(&plan.cluster.name)),
        code(&clipped(&plan.cluster.tenant)),
        code(&clipped(&plan.digest)),
        counts(&plan.summary),
        count(plan.summary.calls, "call", "calls"),
    )
}
