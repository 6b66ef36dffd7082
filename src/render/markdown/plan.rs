//! A plan as a comment on a pull request, within a length limit; and drift, for a ticket or a chat.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::changes::{
    Body, Cut, gained, gained_by, lost, removals_and_moves, removed_documents, replacements_and_additions, summary,
};
use super::escape::{clipped, code, digest_marker, fence, stable_marker};
use super::{LEAST, fits};
use crate::base::Severity;
use crate::drift::Kind;
use crate::render::json::{
    ChangeV1, DriftV1, DriftedV1, ExpectationV1, FindingV1, OverrideV1, PartV1, PlanV1, PlannedTarget, ReviewV1,
};
use crate::render::phrase::{self, *};

/// A plan in Markdown, in at most `max` characters (Unicode code points). A limit below [`LEAST`] counts as [`LEAST`].
///
/// Errors, the digest, removals, detaches, moves and gained access are never left out. If they do not fit, the comment says
/// that the plan must not be approved from it, and has no command to approve it.
pub fn plan(plan: &PlanV1, max: usize) -> String {
    let max = max.max(LEAST);
    let bodies: Vec<Body> = plan.changes.iter().map(Body::of).collect();
    let pages = Cut::ALL.into_iter().map(|cut| page(plan, &bodies, cut, max));
    pages
        .into_iter()
        .find(|page| fits(page, max))
        .unwrap_or_else(|| stable_marker("plan", &plan.cluster) + &too_large(plan, max, None))
}

fn page(plan: &PlanV1, bodies: &[Body], cut: Cut, max: usize) -> String {
    stable_marker("plan", &plan.cluster) + &section(plan, bodies, cut, max, None)
}

enum Verdict {
    Blocked(String),
    Refused(String),
    NoChanges,
    FromSnapshot,
    Ready,
}

fn verdict(plan: &PlanV1) -> Verdict {
    match (blocked(plan), phrase::refused(plan)) {
        (Some(blocked), _) => Verdict::Blocked(blocked),
        (None, Some(refused)) => Verdict::Refused(refused),
        (None, None) if plan.changes.is_empty() => Verdict::NoChanges,
        (None, None) if plan.snapshot.is_some() => Verdict::FromSnapshot,
        (None, None) => Verdict::Ready,
    }
}

/// A plan without the marker of its comment. `target` is the name of its configuration among several; `max` is the limit of
/// the whole comment.
pub(super) fn section(plan: &PlanV1, bodies: &[Body], cut: Cut, max: usize, target: Option<&PlannedTarget>) -> String {
    let kind = if plan.snapshot.is_some() { "not-to-be-approved" } else { "digest" };
    let mut text = digest_marker(kind, &plan.digest, &plan.cluster);
    text += &heading(plan, target);
    let left_out = cut.left_out(plan, bodies);
    if !left_out.is_empty() {
        text += &format!("Left out, to fit in {max} characters (`attune plan` shows all):\n\n");
        text += &left_out.iter().map(|what| format!("- {what}\n")).collect::<String>();
        text.push('\n');
    }
    text += &review(plan.review.as_ref());
    text += &part(plan.only.as_ref());
    text += &keys_and_options(plan);
    let (errors, others): (Vec<_>, Vec<_>) =
        plan.findings.iter().partition(|finding| finding.severity == Severity::Error);
    text += &findings("Errors", &errors);
    text += &base(plan, cut);
    text += &findings("Refused", &plan.refusals.iter().collect::<Vec<_>>());
    text += &overridden(&plan.overrides);
    text += &expectations(&plan.expectations);
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
    text += &approval(plan, target);
    if let Some(later) = later(&plan.terms, code) {
        text += &format!("{}: {later}\n\n", phrase::capital(LATER));
    }
    let unmanaged = phrase::unmanaged(&plan.unmanaged);
    if !unmanaged.is_empty() {
        text += &format!("Unmanaged: {unmanaged}\n");
    }
    if !plan.changes.is_empty() && !plan.unreported.kinds.is_empty() {
        text += &format!("\nNot counted: {}\n", not_reported(&plan.unreported.kinds));
    }
    text.trim_end().to_owned() + "\n"
}

/// The verdict in a few words.
pub(super) fn in_short(plan: &PlanV1) -> String {
    let counts = counts(&plan.summary);
    match verdict(plan) {
        Verdict::Blocked(errors) => errors,
        Verdict::Refused(why) => format!("{why}: {counts}"),
        Verdict::NoChanges => format!("no changes{}", left_out(plan.only.as_ref())),
        Verdict::FromSnapshot | Verdict::Ready if !plan.overrides.is_empty() => {
            format!("{counts} (a guard is overridden)")
        }
        Verdict::FromSnapshot | Verdict::Ready => counts,
    }
}

fn heading(plan: &PlanV1, target: Option<&PlannedTarget>) -> String {
    let title = match target {
        Some(target) => format!("#### {}", code(&target.name)),
        None => "### attune".to_owned(),
    };
    let snapshot = plan.snapshot.as_ref().map(|of| format!("**{}**\n\n", capital(&of_snapshot(of, str::to_owned))));
    format!(
        "\n{title}: {}\n\ncluster {} · WEKA {} · tenant {} · {}\n\n{}",
        in_short(plan),
        code(&plan.cluster.name),
        code(release(&plan.cluster)),
        code(&plan.cluster.tenant),
        api_calls(plan.summary.calls),
        snapshot.unwrap_or_default(),
    )
}

fn approval(plan: &PlanV1, target: Option<&PlannedTarget>) -> String {
    let digest = if plan.snapshot.is_some() { String::new() } else { format!(" Digest {}", code(&plan.digest)) };
    match verdict(plan) {
        Verdict::Blocked(_) => format!("This plan cannot be applied.{digest}\n\n"),
        Verdict::Refused(why) => format!("attune does not apply this plan: {why}.{digest}\n\n"),
        Verdict::NoChanges => format!("{}.{digest}\n\n", unchanged(plan.unchanged)),
        Verdict::FromSnapshot => format!("**{NOT_TO_BE_APPROVED}**\n\n"),
        Verdict::Ready => {
            let (command, complete) = phrase::command(plan, target);
            let rest = if complete { "" } else { ", with the options of this plan" };
            let signed = phrase::to_be_signed(plan).map(|text| format!("{}.\n\n", phrase::capital(&text)));
            let signed = signed.unwrap_or_default();
            format!("{signed}To apply exactly this plan{rest}:\n\n{}\n", fence("sh", &[command]))
        }
    }
}

/// The text for a plan that does not fit: never enough to approve it.
pub(super) fn too_large(plan: &PlanV1, max: usize, target: Option<&PlannedTarget>) -> String {
    let marker = digest_marker("too-large", &plan.digest, &plan.cluster);
    let title = match target {
        Some(target) => format!("#### {}", code(&clipped(&target.name))),
        None => "### attune".to_owned(),
    };
    let status = match verdict(plan) {
        Verdict::Blocked(_) => "\n\nIt is blocked.",
        Verdict::Refused(_) => "\n\nIt is refused.",
        Verdict::FromSnapshot => "\n\nIt is from a snapshot.",
        Verdict::NoChanges | Verdict::Ready => "",
    };
    format!(
        "{marker}\n{title}: too large to show here\n\n\
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
fn review(review: Option<&ReviewV1>) -> String {
    let Some(review) = review else { return String::new() };
    let undeclared = review.undeclared.iter().map(|of| (undeclared_object(of, code), undeclared_action(of, code)));
    let settings = review.settings.iter().map(|of| (code(&of.name), setting_change(of, code)));
    list_of(&capital(&undeclared_title(review, code)), undeclared)
        + &list_of(&capital(&settings_title(review, code)), settings)
}

/// A titled list of names with texts; empty when there are none.
fn list_of(title: &str, items: impl Iterator<Item = (String, String)>) -> String {
    let items: String = items.map(|(name, text)| format!("- {name}: {text}\n")).collect();
    if items.is_empty() { items } else { format!("**{title}**\n\n{items}\n") }
}

/// How many expectations hold, and those that do not: never left out. Errors and warnings say what breaks them.
fn expectations(all: &[ExpectationV1]) -> String {
    let Some(counts) = phrase::expectations(all) else { return String::new() };
    let failing = all.iter().filter(|of| !of.holds);
    let failing: String = failing.map(|of| format!("- {}: {}\n", code(&of.name), phrase::result(of, true))).collect();
    let end = if failing.is_empty() { "" } else { "\n" };
    format!("**Expectations**: {counts}\n\n{failing}{end}")
}

/// What `--only` selects and leaves out: never left out.
pub(super) fn part(only: Option<&PartV1>) -> String {
    let lines = only.map(|only| phrase::part(only, code)).unwrap_or_default();
    lines.into_iter().map(|(title, text)| format!("**{}**: {text}\n\n", capital(title))).collect()
}

fn keys_and_options(plan: &PlanV1) -> String {
    let mut text = String::new();
    if let Some(keys) = &plan.new_keys {
        text += &format!("**Keys**: {}\n\n", new_keys(keys, code));
    }
    let options: Vec<String> = other_options(plan).into_iter().map(|of| option(of, code)).collect();
    if !options.is_empty() {
        text += &format!("**Options**: {}\n\n", options.join(" "));
    }
    text
}

/// Drift and proposed changes, before the plan that makes both.
fn base(plan: &PlanV1, cut: Cut) -> String {
    let Some(base) = &plan.base else { return String::new() };
    let (review, revision) = (plan.review.as_ref(), code(&base.revision));
    let drift = format!("Drift, to make the cluster match {revision}");
    let mut text = side_of_base(plan, &base.drift, &drift, "none", cut);
    let (proposed, nothing) = (format!("Proposed, compared with {revision}"), nothing_proposed(&revision, review));
    text += &side_of_base(plan, &base.proposed, &proposed, &nothing, cut);
    text + &format!("The plan below makes {}.\n\n", plan_of_both(base, review))
}

/// Every change is also in the plan, so that a long plan may leave out the names here.
fn side_of_base(plan: &PlanV1, changes: &[ChangeV1], title: &str, nothing: &str, cut: Cut) -> String {
    let number = if changes.is_empty() { nothing.to_owned() } else { count(changes.len(), "change", "changes") };
    if cut >= Cut::Names || changes.is_empty() {
        return format!("**{title}: {number}**\n\n");
    }
    let left =
        |change| if is_left(change, plan.review.as_ref()) { format!(" {NOT_IN_THE_PLAN}") } else { String::new() };
    let text = |change| format!("{}{}", summary(plan, change, code, false), left(change));
    list_of(&format!("{title}: {number}"), changes.iter().map(|change| (object(change, code), text(change))))
}

pub(super) fn overridden(overrides: &[OverrideV1]) -> String {
    list_of("Overridden", overrides.iter().map(|of| (format!("by {}", code(&of.given)), code(&of.message))))
}

/// Messages contain foreign names, so that a whole message is a code span.
pub(super) fn findings(title: &str, findings: &[&FindingV1]) -> String {
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

/// Writes a drift.
pub fn drift(out: &mut dyn Write, drift: &DriftV1) -> io::Result<()> {
    let of = &drift.cluster;
    let numbers = &drift.summary;
    let title = match numbers.reported {
        0 => "No drift".to_owned(),
        n => format!("Drift: {}", count(n, "object differs", "objects differ")),
    };
    writeln!(out, "### {title}\n")?;
    writeln!(out, "Cluster {}, WEKA {}, tenant {}", code(&of.name), code(&of.release), code(&of.tenant))?;
    if !drift.only.is_empty() {
        let patterns: Vec<String> = drift.only.iter().map(|pattern| code(pattern)).collect();
        writeln!(out, "\nOnly {}", patterns.join(", "))?;
    }
    let changed = review(drift.review.as_ref());
    if !changed.is_empty() {
        write!(out, "\n{}\n", changed.trim_end())?;
    }
    let all = drift.drift.iter().flat_map(|object| &object.access);
    let given = gained_by("Access that the cluster allows and the configuration does not", all);
    if !given.is_empty() {
        write!(out, "\n{}\n", given.trim_end())?;
    }
    if !drift.drift.is_empty() {
        writeln!(out, "\n| object | cluster | configuration |\n|---|---|---|")?;
    }
    for object in &drift.drift {
        let (cluster, configuration) = sides(object);
        let term =
            object.term.as_ref().and_then(|of| term(of, cell)).map(|text| format!("; {text}")).unwrap_or_default();
        writeln!(out, "| {} | {cluster} | {configuration}{term} |", cell(&object.id))?;
    }
    let resolved =
        drift.resolved.iter().map(|of| format!("resolved: {}, reported since {}", code(&of.id), code(&of.since)));
    let known = drift.known.iter().map(|of| format!("known: {}, reported since {}", code(&of.id), code(&of.since)));
    let ignored = drift.ignored.iter().map(|of| {
        let until = of.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        format!("ignored: {}, {}{until}", code(&of.id), code(&of.reason))
    });
    for (index, line) in resolved.chain(known).chain(ignored).enumerate() {
        writeln!(out, "{}- {line}", if index == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn sides(object: &DriftedV1) -> (String, String) {
    let policy = |raw: &Option<Box<RawValue>>| match text_in(raw.as_deref()) {
        Some(policy) => format!("has {}", cell(&policy)),
        None => "no policy".to_owned(),
    };
    match object.kind {
        Kind::PolicyAdded => ("exists".to_owned(), "should not exist".to_owned()),
        Kind::PolicyChanged => ("another document".to_owned(), "declared document".to_owned()),
        Kind::PolicyRenamed => {
            let old = object.renamed_from.as_deref().unwrap_or_default();
            (format!("old name {}", cell(old)), "renamed".to_owned())
        }
        Kind::PolicyRemoved => ("missing".to_owned(), "declared".to_owned()),
        Kind::BucketPolicyChanged => {
            let side = |raw: &Option<Box<RawValue>>| bucket_policy(raw.as_deref(), cell);
            (side(&object.observed), side(&object.declared))
        }
        Kind::UserRemoved => ("no such user".to_owned(), policy(&object.declared)),
        Kind::UserAttached
        | Kind::UserMoved
        | Kind::UserDetached
        | Kind::GroupAttached
        | Kind::GroupMoved
        | Kind::GroupDetached => (policy(&object.observed), policy(&object.declared)),
    }
}

/// A code span within a table, where a bar would end the cell.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_cell() {
        assert_eq!(cell("a|b`c"), "``a\\|b`c``");
    }
}
