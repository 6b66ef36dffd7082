//! An outcome as a comment on a pull request, within a length limit.

use super::escape::{clipped, code, digest_marker, fence, stable_marker};
use super::plan::{overridden, part};
use super::{LEAST, fits};
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1};
use crate::render::phrase::{self, CANNOT_READ_AGAIN, calls_by_status, count, partially_applied, release};

/// An outcome in Markdown, in at most `max` characters (Unicode code points). A limit below [`LEAST`] counts as [`LEAST`].
///
/// If it does not fit, it leaves out the steps that were not started and the names of remaining changes, then it shortens
/// the reasons, then it only has counts.
pub fn outcome(outcome: &OutcomeV1, max: usize) -> String {
    let max = max.max(LEAST);
    let pages = Cut::ALL.into_iter().map(|cut| page(outcome, cut));
    pages.into_iter().find(|page| fits(page, max)).unwrap_or_else(|| counts_only(outcome))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Nothing,
    NotStarted,
    Reasons,
}

impl Cut {
    const ALL: [Self; 3] = [Self::Nothing, Self::NotStarted, Self::Reasons];
}

fn head(outcome: &OutcomeV1, name: impl Fn(&str) -> String) -> String {
    let verdict = match (outcome.converged, &outcome.remaining) {
        (true, _) => format!("the cluster {}", phrase::matches(outcome.only.as_ref())),
        (false, Some(remaining)) => partially_applied(remaining),
        (false, None) => format!("applied, but {CANNOT_READ_AGAIN}"),
    };
    format!(
        "{}{}\n### attune: {verdict}\n\ncluster {} · WEKA {} · tenant {} · plan {}\n\n{}\n\n",
        stable_marker("outcome", &outcome.cluster),
        digest_marker("outcome-of", &outcome.digest, &outcome.cluster),
        name(&outcome.cluster.name),
        name(release(&outcome.cluster)),
        name(&outcome.cluster.tenant),
        code(outcome.short_digest()),
        calls_by_status(outcome),
    )
}

fn page(outcome: &OutcomeV1, cut: Cut) -> String {
    let mut text = head(outcome, code);
    text += &part(outcome.only.as_ref());
    text += &overridden(&outcome.overrides);
    let steps: String = outcome.steps.iter().map(|step| self::step(step, cut)).collect();
    if !steps.is_empty() {
        text += &format!("**Steps to check**\n\n{steps}\n");
    }
    let remaining = &outcome.remaining_changes;
    if !remaining.is_empty() {
        text += &format!("**Remaining: {}**\n\n", count(remaining.len(), "change", "changes"));
        if cut < Cut::NotStarted {
            text += &remaining.iter().map(|id| format!("- {}\n", code(id))).collect::<String>();
        }
        text += "\n`attune plan` shows them, `attune apply` resumes.\n\n";
    }
    if outcome.remaining.is_none() {
        text += "`attune plan` shows the state of the cluster.\n\n";
    }
    text += &verified(outcome, cut);
    if cut > Cut::Nothing {
        text += "Steps that were not started and names of remaining changes are left out, to fit.\n\n";
    }
    if cut >= Cut::Reasons {
        text += "Reasons are shortened, to fit.\n\n";
    }
    if let Some(file) = &outcome.rollback_file {
        text += &match &outcome.rollback_command {
            Some(command) => format!("To roll back:\n\n{}", fence("sh", std::slice::from_ref(command))),
            None => format!("To roll back, apply the rollback file {}\n", code(file)),
        };
    }
    text.trim_end().to_owned() + "\n"
}

/// What the S3 service says to users with new key pairs. Differences stay longest.
fn verified(outcome: &OutcomeV1, cut: Cut) -> String {
    let Some(users) = &outcome.verified else { return String::new() };
    let mut text = format!("{}\n\n", phrase::capital(&phrase::verified_users(users)));
    for alike in phrase::Alike::all(users) {
        text += &format!("- {}\n", code(&alike.head()));
        let differences = if cut >= Cut::Reasons { Vec::new() } else { alike.differences() };
        text += &differences.iter().map(|line| format!("  - {}\n", code(line))).collect::<String>();
    }
    text.trim_end().to_owned() + "\n\n"
}

fn step(step: &StepOutcomeV1, cut: Cut) -> String {
    let reason = match step.reason.as_deref().unwrap_or_default() {
        "" => String::new(),
        reason if cut >= Cut::Reasons => code(&clipped(reason)),
        reason => code(reason),
    };
    let not_started = matches!(step.status, StatusV1::NotReached | StatusV1::Interrupted);
    let ending = phrase::ending(step, &reason).filter(|_| cut < Cut::NotStarted || !not_started);
    let remarks = step.remarks.iter().map(|remark| phrase::remark(*remark, step, code, code));
    let call = phrase::call(&step.step(), code);
    ending.into_iter().chain(remarks).map(|line| format!("- step {}, {call}: {line}\n", step.id)).collect()
}

fn counts_only(outcome: &OutcomeV1) -> String {
    let with = |remark| outcome.steps.iter().filter(|step| step.remarks.contains(&remark)).count();
    let mut text = head(outcome, |name| code(&clipped(name))) + "The steps do not fit in this comment.\n";
    let emergency = count(with(RemarkV1::KeptInEmergency), "new key pair is", "new key pairs are");
    let responses = count(with(RemarkV1::AnswerKept), "response is", "responses are");
    let lost = count(with(RemarkV1::PairUnknown), "new key pair", "new key pairs");
    for (remark, sentence) in [
        (RemarkV1::KeptInEmergency, format!("{emergency} in emergency files.")),
        (RemarkV1::AnswerKept, format!("{responses} in emergency files and may contain new keys.")),
        (RemarkV1::PairUnknown, format!("The secrets of {lost} are lost.")),
    ] {
        if with(remark) > 0 {
            text += &format!("\n{sentence}\n");
        }
    }
    if let Some(users) = &outcome.verified {
        text += &format!("\n{}.\n", phrase::capital(&phrase::verified_users(users)));
    }
    text
}
