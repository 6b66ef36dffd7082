//! The answers of a kind of request, and what they tell together.

use super::outcome::{Difference, Unclear, Verified};
use super::questions::Question;
use super::service::{Told, differs};
use crate::s3::{Kind, Step, Token};

/// The answers of a kind.
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) answers: Vec<(Question, Told)>,
    pub(super) has_looked: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self { kind: Kind::NoBucket, answers: Vec::new(), has_looked: false }
    }
}

impl Asked {
    /// Whether all requests of one method, which the document denies with their parameters and allows without, are let
    /// through.
    fn ignores_parameters(&self) -> bool {
        let telling: Vec<_> = self
            .answers
            .iter()
            .filter(|(question, _)| !question.allowed && question.plain_allowed)
            .filter_map(|(question, told)| Some((question.ask.row(), told.denied()?)))
            .collect();
        let is_open = |step, on_key| {
            let of: Vec<_> = telling.iter().filter(|(row, _)| (row.step, row.on_key) == (step, on_key)).collect();
            let are_several = of.iter().any(|(row, _)| row.word != of[0].0.word);
            are_several && of.iter().all(|(_, denied)| !denied)
        };
        [Step::Read, Step::Delete, Step::Write].into_iter().any(|step| is_open(step, true) || is_open(step, false))
    }

    /// Sorts the answers, unless the kind fails its controls.
    pub(super) fn into_outcome(self, token: &Token, verified: &mut Verified) {
        let has = |denied: bool| self.answers.iter().any(|(_, told)| told.denied() == Some(denied));
        let expects = |allowed: bool| {
            self.answers.iter().any(|(question, told)| question.allowed == allowed && told.denied().is_some())
        };
        let nothing = if expects(false) && !has(true) {
            Some(
                "everything was let through there, also what the document denies: either the user can do everything, or this \
                 service looks before it decides",
            )
        } else if expects(true) && !has(false) {
            Some(
                "everything was denied there, also what the document allows: so no answer tells. Has the user this policy, and \
                 are these its keys?",
            )
        } else if self.ignores_parameters() {
            Some(
                "the service lets through every request with a parameter where the document allows the one without it: it may \
                 ignore the parameters",
            )
        } else {
            None
        };
        for (question, told) in self.answers.into_iter().filter(|(question, _)| !question.is_control) {
            let is_different = differs(&question, &told);
            match told {
                Told::Nothing(why) => verified.unclear.push(Unclear { question, why }),
                Told::Denied(answer) | Told::LetThrough(answer) if is_different => {
                    let (request, answer) = (question.ask.request(token).line(), answer.brief());
                    verified.differences.push(Difference { question, request, answer });
                }
                Told::Denied(_) | Told::LetThrough(_) => verified.agreed.push(question),
            }
        }
        if let Some(why) = nothing {
            verified.disbelieve(self.kind, why);
        }
    }
}
