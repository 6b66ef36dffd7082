//! What the answers of the service tell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::questions::{NotAsked, Question};
use crate::s3::{Failing, Kind, S3Problem};

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Verified {
    /// The questions that were asked, each with what its answer tells.
    pub answers: Vec<Answered>,
    /// How many were not asked, by reason.
    pub not_asked: BTreeMap<NotAsked, usize>,
    /// What each kind of request tells on this service.
    pub kinds: Vec<KindOutcome>,
    /// What the run made, and whether it is still there.
    pub left: Vec<Left>,
    /// Why nothing can be concluded from any answer.
    pub void: Option<String>,
    /// Whether the document allows nothing, and the service denied everything.
    pub nothing_allowed: bool,
    /// The number of requests that were sent, with controls.
    pub sent: usize,
}

/// A question with what its answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// What the answer tells.
    pub outcome: Outcome,
}

/// What an answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service does what the document says.
    Agrees,
    /// The service does otherwise, each time it was asked; with its answer, such as `404 NoSuchBucket`.
    Differs(String),
    /// Nothing, for this reason.
    Unclear(String),
}

/// What a kind of request tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindOutcome {
    /// The kind.
    pub kind: Kind,
    /// Why it tells nothing here; `None` if it is believed.
    pub nothing: Option<String>,
}

/// Something that a request of the run made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What it is, such as `bucket x` or `object x/y`.
    pub what: String,
    /// Whether it is still there.
    pub is_there: bool,
    /// The file with the value that a setting had before.
    pub file: Option<PathBuf>,
}

/// Why a run ends without any answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no service, or no answer from it.
    NoAnswer {
        /// What happened.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The keys are no good.
    Keys(Failing),
    /// What answers is no S3 service.
    NoS3(String),
}

impl From<S3Problem> for Problem {
    fn from(problem: S3Problem) -> Self {
        Self::NoAnswer { message: problem.message, help: problem.help }
    }
}

impl Verified {
    /// The number of questions that were not asked.
    fn unasked(&self) -> usize {
        self.not_asked.values().sum()
    }

    /// Whether the service does otherwise than the document says.
    pub fn differs(&self) -> bool {
        self.answers.iter().any(|one| matches!(one.outcome, Outcome::Differs(_)))
    }

    /// Whether some answers tell, and nothing went wrong.
    pub fn tells(&self) -> bool {
        let any = self.answers.iter().any(|one| !matches!(one.outcome, Outcome::Unclear(_)));
        any && self.void.is_none() && self.left.is_empty()
    }

    /// The number of questions, asked or not.
    pub(super) fn accounted(&self) -> usize {
        self.answers.len() + self.unasked()
    }

    pub(super) fn tell(&mut self, question: Question, outcome: Outcome) {
        self.answers.push(Answered { question, outcome });
    }

    /// Moves every answer of a kind to those that tell nothing.
    pub(super) fn disbelieve(&mut self, kind: Kind, why: &str) {
        let tells = |one: &Answered| one.question.ask.row().kind == kind && !matches!(one.outcome, Outcome::Unclear(_));
        let (mut told, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.answers).into_iter().partition(tells);
        self.answers = others;
        told.sort_by_key(|one| one.outcome != Outcome::Agrees);
        told.into_iter().for_each(|one| self.tell(one.question, Outcome::Unclear(why.to_owned())));
        self.kinds.iter_mut().filter(|of| of.kind == kind).for_each(|of| of.nothing = Some(why.to_owned()));
    }
}
