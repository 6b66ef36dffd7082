//! A plan as a comment on a pull request, within a length limit.

use super::access::{gained, gained_by, lost};
use super::changes::{Body, Cut, removals_and_moves, removed_documents, replacements_and_additions, summary};
use super::escape::{clipped, code, digest_marker, fence, stable_marker};
use super::{LEAST, fits};
use crate::base::Severity;
use crate::render::json::{ChangeV1, FindingV1, OverrideV1, PlanV1, ReviewV1};
use crate::render::phrase::{
    self, NOT_IN_THE_PLAN, UNREPORTED_GAINS, api_calls, blocked, count, counts, is_left, new_keys, not_reported,
    nothing_proposed, object, option, plan_of_both, release, setting_change, settings_title, unchanged,
    undeclared_action, undeclared_object, undeclared_title,
};

/// A plan in Markdown, in at most `max` characters (Unicode code points). A limit below [`LEAST`] counts as [`LEAST`].
///
/// Errors, the digest, removals, detaches, moves and gained access are never left out. If they do not fit, the comment says
/// that the plan must not be approved from it, and has no command to approve it.
#[must_use]
pub fn plan(plan: &PlanV1, max: usize) -> String {
    let max = max.max(LEAST);
    let bodies: Vec<Body> = plan.changes.iter().map(Body::of).collect();
    let pages = Cut::ALL.into_iter().map(|cut| page(plan, &bodies, cut, max));
    pages.into_iter().find(|page| fits(page, max)).unwrap_or_else(|| too_large(plan, max))
}

/// Whether a plan can be applied.
enum Verdict {
    /// Blocked, with the number of errors in words.
    Blocked(String),
    /// Refused, and why.
    Refused(&'static str),
    NoChanges,
    Ready,
}

fn verdict(plan: &PlanV1) -> Verdict {
    match (blocked(plan), phrase::refused(plan)) {
        (Some(blocked), _) => Verdict::Blocked(blocked),
        (None, Some(refused)) => Verdict::Refused(refused),
        (None, None) if plan.changes.is_empty() => Verdict::NoChanges,
        (None, None) => Verdict::Ready,
    }
}

fn page(plan: &PlanV1, bodies: &[Body], cut: Cut, max: usize) -> String {
    let mut text = stable_marker("plan", &plan.cluster) + &digest_marker("digest", &plan.digest, &plan.cluster);
    text += &heading(plan);
    let left_out = cut.left_out(plan, bodies);
    if !left_out.is_empty() {
        text += &format!("Left out, to fit in {max} characters (`attune plan` shows all):\n\n");
        text += &left_out.iter().map(|what| format!("- {what}\n")).collect::<String>();
        text.push('\n');
    }
    text += &review(plan.review.as_ref());
    text += &keys_and_options(plan);
    let (errors, others): (Vec<_>, Vec<_>) =
        plan.findings.iter().partition(|finding| finding.severity == Severity::Error);
    text += &findings("Errors", &errors);
    text += &base(plan, cut);
    text += &findings("Refused", &plan.refusals.iter().collect::<Vec<_>>());
    text += &overridden(&plan.overrides);
    text += &gained(plan, cut);
    text += &gained_by(&capital(UNREPORTED_GAINS), plan.unreported.by_name.iter());
    text += &removals_and_moves(plan);
    text += &lost(plan, cut);
    text += &replacements_and_additions(plan, bodies, cut);
    text += &removed_documents(plan, bodies, cut);
    text += &if cut < Cut::Names || others.is_empty() {
        findings("Warnings and notes", &others)
    } else {
        format!("{} not shown\n\n", count(others.len(), "warning or note is", "warnings and notes are"))
    };
    text += &approval(plan);
    let unmanaged = phrase::unmanaged(&plan.unmanaged);
    if !unmanaged.is_empty() {
        text += &format!("Unmanaged: {unmanaged}\n");
    }
    if !plan.changes.is_empty() && !plan.unreported.kinds.is_empty() {
        text += &format!("\nNot reported by the cluster: {}\n", not_reported(&plan.unreported.kinds));
    }
    text.trim_end().to_owned() + "\n"
}

fn heading(plan: &PlanV1) -> String {
    let counts = counts(&plan.summary);
    let verdict = match verdict(plan) {
        Verdict::Blocked(errors) => errors,
        Verdict::Refused(why) => format!("{why}: {counts}"),
        Verdict::NoChanges => "no changes".to_owned(),
        Verdict::Ready if !plan.overrides.is_empty() => format!("{counts} (a guard is overridden)"),
        Verdict::Ready => counts,
    };
    format!(
        "\n### attune: {verdict}\n\ncluster {} · WEKA {} · tenant {} · {}\n\n",
        code(&plan.cluster.name),
        code(release(&plan.cluster)),
        code(&plan.cluster.tenant),
        api_calls(plan.summary.calls),
    )
}

/// How to approve the plan, or why nobody can.
fn approval(plan: &PlanV1) -> String {
    let digest = code(&plan.digest);
    match verdict(plan) {
        Verdict::Blocked(_) => format!("This plan cannot be applied. Digest {digest}\n\n"),
        Verdict::Refused(why) => format!("attune does not apply this plan: {why}. Digest {digest}\n\n"),
        Verdict::NoChanges => format!("{}. Digest {digest}\n\n", unchanged(plan.unchanged)),
        Verdict::Ready => {
            let (command, complete) = phrase::command(plan);
            let rest = if complete { "" } else { ", with the options of this plan" };
            format!("To apply exactly this plan{rest}:\n\n{}\n", fence("sh", &[command]))
        }
    }
}

/// The comment for a plan that does not fit: never enough to approve it.
fn too_large(plan: &PlanV1, max: usize) -> String {
    let markers = stable_marker("plan", &plan.cluster) + &digest_marker("too-large", &plan.digest, &plan.cluster);
    let status = match verdict(plan) {
        Verdict::Blocked(_) => "\n\nIt is blocked.",
        Verdict::Refused(_) => "\n\nIt is refused.",
        Verdict::NoChanges | Verdict::Ready => "",
    };
    format!(
        "{markers}\n### attune: too large to show here\n\n\
         **Do not approve this plan from this comment.** Its removals, moves and new access do not fit in {max} \
         characters, and a part of them is not shown.{status}\n\n\
         cluster {} · tenant {} · plan {} · {} · {}\n\n\
         See all of it with `attune plan`, or with a larger `--max-chars`.\n",
        code(&clipped(&plan.cluster.name)),
        code(&clipped(&plan.cluster.tenant)),
        code(&clipped(&plan.digest)),
        counts(&plan.summary),
        api_calls(plan.summary.calls),
    )
}

/// Removed declarations and changed settings: never left out, never in a fold.
pub(super) fn review(review: Option<&ReviewV1>) -> String {
    let Some(review) = review else { return String::new() };
    let mut text = String::new();
    if !review.undeclared.is_empty() {
        text += &format!("**{}**\n\n", capital(&undeclared_title(review, code)));
        for of in &review.undeclared {
            text += &format!("- {}: {}\n", undeclared_object(of, code), undeclared_action(of, code));
        }
        text.push('\n');
    }
    if !review.settings.is_empty() {
        text += &format!("**{}**\n\n", capital(&settings_title(review, code)));
        for of in &review.settings {
            text += &format!("- {}: {}\n", code(&of.name), setting_change(of, code));
        }
        text.push('\n');
    }
    text
}

fn keys_and_options(plan: &PlanV1) -> String {
    let mut text = String::new();
    if let Some(keys) = &plan.new_keys {
        text += &format!("**Keys**: {}\n\n", new_keys(keys, code));
    }
    if !plan.options.is_empty() {
        let options: Vec<String> = plan.options.iter().map(|of| option(of, code)).collect();
        text += &format!("**Options**: {}\n\n", options.join(" "));
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Drift and proposed changes, before the plan that makes both.
fn base(plan: &PlanV1, cut: Cut) -> String {
    let Some(base) = &plan.base else { return String::new() };
    let (review, revision) = (plan.review.as_ref(), code(&base.revision));
    let drift = format!("Drift, to make the cluster match {revision}");
    let mut text = section(plan, &base.drift, &drift, "none", cut);
    let (proposed, nothing) = (format!("Proposed, compared with {revision}"), nothing_proposed(&revision, review));
    text += &section(plan, &base.proposed, &proposed, &nothing, cut);
    text + &format!("The plan below makes {}.\n\n", plan_of_both(base, review))
}

/// Every change is also in the plan, so that a long plan may leave out the names here.
fn section(plan: &PlanV1, changes: &[ChangeV1], title: &str, nothing: &str, cut: Cut) -> String {
    let number = if changes.is_empty() { nothing.to_owned() } else { count(changes.len(), "change", "changes") };
    let mut text = format!("**{title}: {number}**\n\n");
    if cut < Cut::Names && !changes.is_empty() {
        for change in changes {
            let left =
                if is_left(change, plan.review.as_ref()) { format!(" {NOT_IN_THE_PLAN}") } else { String::new() };
            text += &format!("- {}: {}{left}\n", object(change, code), summary(plan, change, code, false));
        }
        text.push('\n');
    }
    text
}

/// Overridden refusals.
pub(super) fn overridden(overrides: &[OverrideV1]) -> String {
    if overrides.is_empty() {
        return String::new();
    }
    let item = |of: &OverrideV1| format!("- by {}: {}\n", code(&of.given), code(&of.message));
    format!("**Overridden**\n\n{}\n", overrides.iter().map(item).collect::<String>())
}

/// Messages contain foreign names, so that a whole message is a code span.
fn findings(title: &str, findings: &[&FindingV1]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut text = format!("**{title}**\n\n");
    for finding in findings {
        text += &format!("- {} {}: {}", finding.severity.word(), code(&finding.code), code(&finding.message));
        if let Some(file) = &finding.file {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            text += &format!(" in {}", code(&format!("{file}{line}")));
        }
        text.push('\n');
        for line in finding.help.iter().flat_map(|help| help.lines()).filter(|line| !line.trim().is_empty()) {
            text += &format!("  - {}\n", code(line.trim()));
        }
    }
    text.push('\n');
    text
}
