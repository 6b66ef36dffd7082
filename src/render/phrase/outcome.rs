//! The outcome of an apply, in phrases.

use super::{Name, api_calls, counts, numbers};
use crate::base::shell_line;
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1, SummaryV1};

pub(in crate::render) const CANNOT_READ_AGAIN: &str = "attune could not read the cluster again";

pub(in crate::render) fn calls_by_status(outcome: &OutcomeV1) -> String {
    let number = |of: &[StatusV1]| outcome.steps.iter().filter(|step| of.contains(&step.status)).count();
    let endings = numbers(&[
        (number(&[StatusV1::Done]), "done"),
        (number(&[StatusV1::AlreadyDone]), "already done"),
        (number(&[StatusV1::Refused]), "refused"),
        (number(&[StatusV1::Drifted]), "changed outside attune"),
        (number(&[StatusV1::UnknownOutcome]), "with unknown outcome"),
        (number(&[StatusV1::Failed]), "failed"),
        (number(&[StatusV1::NotReached, StatusV1::Interrupted]), "not started"),
    ]);
    let calls = api_calls(outcome.steps.len());
    if endings.is_empty() { calls } else { format!("{calls}: {endings}") }
}

pub(in crate::render) fn partially_applied(remaining: &SummaryV1) -> String {
    match counts(remaining) {
        counts if counts.is_empty() => "partially applied".to_owned(),
        counts => format!("partially applied, {counts} remaining"),
    }
}

/// How a step ended; `None` if it succeeded. `reason` is the text of its reason.
pub(in crate::render) fn ending(step: &StepOutcomeV1, reason: &str) -> Option<String> {
    let with = |ending: &str| if reason.is_empty() { ending.to_owned() } else { format!("{ending}: {reason}") };
    match step.status {
        StatusV1::Done | StatusV1::AlreadyDone => None,
        StatusV1::Refused => Some(with("refused")),
        StatusV1::Drifted => Some(with("changed outside attune")),
        StatusV1::UnknownOutcome => Some(with("unknown outcome")),
        StatusV1::Failed => Some(with("failed")),
        StatusV1::NotReached => Some(match step.blocked_by {
            Some(first) => format!("not started, because of step {first}"),
            None => "not started".to_owned(),
        }),
        StatusV1::Interrupted => Some("not started before the interruption".to_owned()),
    }
}

/// A remark on a step. `code` writes a command.
pub(in crate::render) fn remark(remark: RemarkV1, step: &StepOutcomeV1, name: Name, code: Name) -> String {
    let place = step.keys_stored_in.as_deref().map_or_else(|| "their destination".to_owned(), name);
    let user = step.user.as_deref().unwrap_or("NAME");
    match remark {
        RemarkV1::Gap => {
            "detached first, because this cluster cannot attach over another policy: access was interrupted".to_owned()
        }
        RemarkV1::Kept => format!("created S3 keys, stored in {place}"),
        RemarkV1::KeptInEmergency => {
            format!("created S3 keys: move them from {place} to their destination, then delete that file")
        }
        RemarkV1::PairUnknown => {
            let command = shell_line(["weka", "s3", "user", "keys-generate", "--user", user]);
            let again = command.map(|command| format!("; create others with {}", code(&command))).unwrap_or_default();
            format!("created S3 keys, or may have, and their secret is lost{again}")
        }
        RemarkV1::AnswerKept => {
            let command = shell_line(["attune", "keys", "generate", user]);
            let again = command.map(|command| format!(" or create others with {}", code(&command))).unwrap_or_default();
            format!(
                "the response is not understood and may contain new S3 keys: it is in {place}; take the keys from \
                 there{again}, then delete that file"
            )
        }
    }
}
