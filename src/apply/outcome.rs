//! What became of each step of a plan.

use crate::plan::{Plan, StepId};

/// What an apply did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The steps, in the order of the plan.
    pub steps: Vec<StepOutcome>,
    /// What a new plan still finds to do, once all is done; `None` when the cluster could not be observed again.
    pub remaining: Option<Box<Plan>>,
    /// The desired-state file by which what the plan touched can be made again what it was; `None` where nothing was to
    /// be done.
    pub rollback_file: Option<String>,
    /// The command that applies that file, where a shell can name it.
    pub rollback_command: Option<String>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// The step.
    pub id: StepId,
    /// How it ended.
    pub status: Status,
    /// What else happened on the way that a person should know.
    pub remarks: Vec<Remark>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Done,
    /// It was so already, or another had done it by then.
    AlreadyDone,
    /// The cluster said no, in these words; nothing happened.
    Refused(String),
    /// The cluster was not as the plan saw it, but so; nothing was sent, or nothing that had an effect.
    Drifted(String),
    /// It may have happened or not, for this reason: the answer was lost and the cluster cannot be asked.
    UnknownOutcome(String),
    /// It failed: the cluster does not show its effect, or what it showed once could not be kept.
    Failed(String),
    /// It was not tried, because this step before it did not end well.
    NotReached(StepId),
    /// It was not tried, because the run was interrupted before.
    Interrupted,
}

impl Outcome {
    /// Whether a call of a step may have changed something.
    #[must_use]
    pub fn may_have_changed(&self) -> bool {
        self.steps.iter().any(|step| step.status.may_have_changed())
    }
}

impl Status {
    fn may_have_changed(&self) -> bool {
        match self {
            Self::Done | Self::AlreadyDone | Self::Drifted(_) | Self::UnknownOutcome(_) | Self::Failed(_) => true,
            Self::Refused(_) | Self::NotReached(_) | Self::Interrupted => false,
        }
    }

    /// Whether the effect of the step is there.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self {
            Self::Done | Self::AlreadyDone => true,
            Self::Refused(_)
            | Self::Drifted(_)
            | Self::UnknownOutcome(_)
            | Self::Failed(_)
            | Self::NotReached(_)
            | Self::Interrupted => false,
        }
    }

    /// Why it did not end well, where there is more to say than how.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(why) | Self::Drifted(why) | Self::UnknownOutcome(why) | Self::Failed(why) => Some(why),
            Self::Done | Self::AlreadyDone | Self::NotReached(_) | Self::Interrupted => None,
        }
    }
}

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The cluster does not take an attach over an attachment, so the user was detached first and had no access for a
    /// moment.
    Gap,
    /// The cluster made a key pair for the user, and it is at its destination.
    Kept {
        /// The file or the command. Nothing secret.
        place: String,
    },
    /// The cluster made a key pair for the user, the destination did not take it, and it is in an emergency file.
    KeptInEmergency {
        /// The file.
        path: String,
        /// Why the destination did not take it. Nothing secret.
        why: String,
    },
    /// The cluster made a key pair for the user, or may have, and nobody knows its secret: the answer was lost.
    PairUnknown,
    /// An answer was not understood. It may hold a key pair, and is in an emergency file as it came.
    AnswerKept {
        /// The file.
        path: String,
    },
}

impl Remark {
    /// Whether it says what became of a new key pair.
    #[must_use]
    pub fn is_of_keys(&self) -> bool {
        match self {
            Self::Gap => false,
            Self::Kept { .. } | Self::KeptInEmergency { .. } | Self::PairUnknown | Self::AnswerKept { .. } => true,
        }
    }
}

impl Remark {
    /// Whether a secret may be lost: somebody has to look after it.
    #[must_use]
    pub fn is_of_loss(&self) -> bool {
        match self {
            Self::PairUnknown | Self::AnswerKept { .. } => true,
            Self::Gap | Self::Kept { .. } | Self::KeptInEmergency { .. } => false,
        }
    }
}

impl Outcome {
    /// Whether a new secret may be lost: however well all ended, somebody has to look after it.
    #[must_use]
    pub fn may_have_lost_a_secret(&self) -> bool {
        self.steps.iter().flat_map(|step| &step.remarks).any(Remark::is_of_loss)
    }

    /// Whether every step ended well.
    #[must_use]
    pub fn all_good(&self) -> bool {
        self.steps.iter().all(|step| step.status.is_good())
    }

    /// Whether no step had an effect, nor may have had one.
    #[must_use]
    pub fn changed_nothing(&self) -> bool {
        self.steps.iter().all(|step| match step.status {
            Status::Done | Status::UnknownOutcome(_) => false,
            Status::AlreadyDone
            | Status::Refused(_)
            | Status::Drifted(_)
            | Status::Failed(_)
            | Status::NotReached(_)
            | Status::Interrupted => step.remarks.is_empty(),
        })
    }

    /// Whether the cluster is as the file says: observed again after the last call, nothing was left to do.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.remaining.as_ref().is_some_and(|plan| plan.is_empty() && !plan.is_blocked())
    }
}
