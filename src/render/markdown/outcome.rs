//! An outcome as a comment on a pull request, as long as it may be.

use super::escape::{code, fence};
use super::findings::overridden;
use super::{LEAST, clipped, fits, marker};
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1};
use crate::render::phrase::{self, counts, release};
use crate::render::words::count;

/// Writes an outcome in Markdown, in at most `max` characters (Unicode code points), of which it takes [`LEAST`] at least.
///
/// Where it does not fit, first the steps that were not reached and the names of what is left are only counted, then the
/// reasons are cut, then all is only counted.
#[must_use]
pub fn outcome(outcome: &OutcomeV1, max: usize) -> String {
    let max = max.max(LEAST);
    let pages = Cut::ALL.into_iter().map(|cut| page(outcome, cut));
    pages.into_iter().find(|page| fits(page, max)).unwrap_or_else(|| short(outcome))
}

/// How much is left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Nothing,
    NotReached,
    Reasons,
}

impl Cut {
    const ALL: [Self; 3] = [Self::Nothing, Self::NotReached, Self::Reasons];
}

fn head(outcome: &OutcomeV1, short: bool) -> String {
    let mut text =
        marker::stable("outcome", &outcome.cluster) + &marker::digest("outcome-of", &outcome.digest, &outcome.cluster);
    let verdict = match (outcome.converged, &outcome.remaining) {
        (true, _) => "the cluster is as the file says".to_owned(),
        (false, Some(remaining)) if !counts(remaining).is_empty() => {
            format!("applied in part: {} still", counts(remaining))
        }
        (false, Some(_)) => "applied in part".to_owned(),
        (false, None) => "applied, but the cluster could not be observed again".to_owned(),
    };
    let name = |text: &str| code(&if short { clipped(text) } else { text.to_owned() });
    text += &format!(
        "\n### attune: {verdict}\n\ncluster {} · WEKA {} · tenant {} · plan {}\n\n{}\n\n",
        name(&outcome.cluster.name),
        name(release(&outcome.cluster)),
        name(&outcome.cluster.tenant),
        code(outcome.short_digest()),
        ended(&outcome.steps),
    );
    text
}

fn page(outcome: &OutcomeV1, cut: Cut) -> String {
    let mut text = head(outcome, false);
    text += &overridden(&outcome.overrides);
    let steps: String = outcome.steps.iter().map(|step| self::step(step, cut)).collect();
    if !steps.is_empty() {
        text += &format!("**Steps to look at**\n\n{steps}\n");
    }
    if !outcome.remaining_changes.is_empty() {
        text += &format!("**Left: {}**\n\n", count(outcome.remaining_changes.len(), "change", "changes"));
        if cut < Cut::NotReached {
            text += &outcome.remaining_changes.iter().map(|id| format!("- {}\n", code(id))).collect::<String>();
        }
        text += "\n`attune plan` shows what, and `attune apply` goes on.\n\n";
    }
    if outcome.remaining.is_none() {
        text += "`attune plan` shows where the cluster stands.\n\n";
    }
    if cut > Cut::Nothing {
        text += "Steps that were not reached and names of what is left are left out, to fit.\n\n";
    }
    if cut >= Cut::Reasons {
        text += "Reasons are cut, to fit.\n\n";
    }
    if let Some(file) = &outcome.rollback_file {
        text += &match &outcome.rollback_command {
            Some(command) => format!("To roll back:\n\n{}", fence("sh", std::slice::from_ref(command))),
            None => format!("To roll back, apply the rollback file {}\n", code(file)),
        };
    }
    text.trim_end().to_owned() + "\n"
}

fn step(step: &StepOutcomeV1, cut: Cut) -> String {
    let reason = step.reason.as_deref().unwrap_or_default();
    let why = || code(&if cut >= Cut::Reasons { clipped(reason) } else { reason.to_owned() });
    let with = |what: &str| if reason.is_empty() { what.to_owned() } else { format!("{what}: {}", why()) };
    let named = cut < Cut::NotReached;
    let ended = match step.status {
        StatusV1::Done | StatusV1::AlreadyDone => None,
        StatusV1::Refused => Some(with("refused")),
        StatusV1::Drifted => Some(with("drifted")),
        StatusV1::UnknownOutcome => Some(with("in doubt")),
        StatusV1::Failed => Some(with("failed")),
        StatusV1::NotReached => named.then(|| match step.blocked_by {
            Some(first) => format!("not reached, because of step {first}"),
            None => "not reached".to_owned(),
        }),
        StatusV1::Interrupted => named.then(|| "not begun before the interruption".to_owned()),
    };
    let place = || step.keys_stored_in.as_deref().map_or_else(|| "its destination".to_owned(), code);
    let remark = |remark: &RemarkV1| match remark {
        RemarkV1::Gap => "was detached first, so that access was gone for a moment".to_owned(),
        RemarkV1::Kept => format!("a new key pair was made, and is in {}", place()),
        RemarkV1::KeptInEmergency => {
            format!("a new key pair was made: move it from {} to where it belongs, then delete that file", place())
        }
        RemarkV1::AnswerKept => {
            format!("the answer was not understood, may hold a new key pair, and is in {}", place())
        }
        RemarkV1::PairUnknown => "a new key pair was made, or may have been, and its secret is not known".to_owned(),
    };
    let lines = ended.into_iter().chain(step.remarks.iter().map(remark));
    lines.map(|line| format!("- step {}, {}: {line}\n", step.id, called(step))).collect()
}

/// What was called.
fn called(step: &StepOutcomeV1) -> String {
    let holder = (step.user.as_deref(), step.group.as_deref());
    phrase::called(step.call, step.policy.as_deref(), holder, code)
}

/// `14 calls: 12 done, 2 failed`.
fn ended(steps: &[StepOutcomeV1]) -> String {
    match phrase::endings(steps) {
        endings if endings.is_empty() => "no calls".to_owned(),
        endings => format!("{}: {endings}", count(steps.len(), "call", "calls")),
    }
}

/// Counts only.
fn short(outcome: &OutcomeV1) -> String {
    let with = |remark| outcome.steps.iter().filter(|step| step.remarks.contains(&remark)).count();
    let (emergency, unknown) = (with(RemarkV1::KeptInEmergency), with(RemarkV1::PairUnknown));
    let mut text = head(outcome, true) + "The steps do not fit in this comment.\n";
    if emergency > 0 {
        text += &format!("\n{} in emergency files.\n", count(emergency, "new key pair is", "new key pairs are"));
    }
    let answers = with(RemarkV1::AnswerKept);
    if answers > 0 {
        text += &format!("\n{} kept: each may hold a new key pair.\n", count(answers, "answer is", "answers are"));
    }
    if unknown > 0 {
        text += &format!("\nThe secrets of {} are not known.\n", count(unknown, "new key pair", "new key pairs"));
    }
    text
}
