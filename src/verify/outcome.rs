//! What the answers of the service tell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::questions::{NotAsked, Question};
use crate::s3::{Failing, Kind, S3Problem};

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Verified {
    /// The questions that the service answered as the document says.
    pub agreed: Vec<Question>,
    /// Those that it answered otherwise, each time it was asked.
    pub differences: Vec<Difference>,
    /// Those whose answers tell nothing.
    pub unclear: Vec<Unclear>,
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

/// A question that the service answers otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The question.
    pub question: Question,
    /// The request, such as `DELETE /b/k`.
    pub request: String,
    /// The answer, such as `404 NoSuchBucket`.
    pub answer: String,
}

/// A question whose answer tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// The question.
    pub question: Question,
    /// The reason.
    pub why: String,
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
    /// The number of questions that were asked.
    pub fn asked(&self) -> usize {
        self.agreed.len() + self.differences.len() + self.unclear.len()
    }

    /// The number of questions that were not asked.
    pub fn unasked(&self) -> usize {
        self.not_asked.values().sum()
    }

    /// Whether some answers tell, and nothing went wrong.
    pub fn tells(&self) -> bool {
        let any = !self.agreed.is_empty() || !self.differences.is_empty();
        any && self.void.is_none() && self.left.is_empty()
    }

    /// The number of questions, asked or not.
    pub(super) fn accounted(&self) -> usize {
        self.asked() + self.unasked()
    }

    /// Moves every answer of a kind to those that tell nothing.
    pub(super) fn disbelieve(&mut self, kind: Kind, why: &str) {
        let is_of = |question: &Question| question.ask.row().kind == kind;
        let agreed = std::mem::take(&mut self.agreed);
        let (of, others): (Vec<_>, Vec<_>) = agreed.into_iter().partition(is_of);
        self.agreed = others;
        let differences = std::mem::take(&mut self.differences);
        let (differing, others): (Vec<_>, Vec<_>) = differences.into_iter().partition(|one| is_of(&one.question));
        self.differences = others;
        let all = of.into_iter().chain(differing.into_iter().map(|one| one.question));
        self.unclear.extend(all.map(|question| Unclear { question, why: why.to_owned() }));
        self.kinds.iter_mut().filter(|of| of.kind == kind).for_each(|of| of.nothing = Some(why.to_owned()));
    }
}
