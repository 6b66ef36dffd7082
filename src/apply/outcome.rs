//! The outcome of an apply and of each step, and how a run and its caller talk meanwhile: progress, and the request to stop.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::watch;

use super::secret_store::StoredIn;
use crate::base::{KeyPair, UserName};
use crate::plan::{Plan, Step, StepId};

/// The outcome of an apply.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The steps, in the order of the plan.
    pub steps: Vec<StepOutcome>,
    /// A new plan, made after the last call; `None` if the cluster could not be read again.
    pub remaining: Option<Box<Plan>>,
    /// How many documents and policies of buckets the new plan takes from before the first call: no call changed them.
    pub not_read_again: usize,
    /// The rollback file; `None` if there was nothing to do.
    pub rollback_file: Option<String>,
    /// The command that applies the rollback file, if a shell can name it.
    pub rollback_command: Option<String>,
}

/// The outcome of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// The step.
    pub id: StepId,
    /// How it ended.
    pub status: Status,
    /// What else a person should know.
    pub remarks: Vec<Remark>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Done,
    /// Its effect was there already.
    AlreadyDone,
    /// The cluster refused it, for this reason; nothing happened.
    Refused(String),
    /// The object was changed outside attune, in this way. Nothing was sent, or nothing that had an effect.
    Drifted(String),
    /// It may have happened or not, for this reason: the response was lost, and the cluster cannot be read.
    UnknownOutcome(String),
    /// It failed, for this reason: the cluster does not show its effect, or a new secret could not be stored.
    Failed(String),
    /// It was not sent, because this step before it did not end well.
    NotReached(StepId),
    /// It was not sent, because the run was interrupted before.
    Interrupted,
}

impl Status {
    /// Whether the effect of the step is there.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone)
    }

    /// The reason of a status that has one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(why) | Self::Drifted(why) | Self::UnknownOutcome(why) | Self::Failed(why) => Some(why),
            Self::Done | Self::AlreadyDone | Self::NotReached(_) | Self::Interrupted => None,
        }
    }
}

/// A fact about a step beside its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The cluster refused to replace an attachment, so the user was detached first and had no access for a moment.
    Gap,
    /// The cluster created a key pair for the user, and its destination has it: this file or command. Nothing secret.
    Stored(String),
    /// The cluster created a key pair for the user. The destination did not take it, so it is in an emergency file.
    StoredInEmergency {
        /// The file.
        path: String,
        /// Why the destination did not take it. Nothing secret.
        why: String,
    },
    /// The cluster created a key pair for the user, or may have, and its secret is unknown: the response was lost.
    PairUnknown,
    /// A response was not understood. It may hold a key pair, and is unchanged in this emergency file.
    ResponseStored(String),
}

impl Remark {
    /// Whether it is about a new key pair.
    pub fn is_of_keys(&self) -> bool {
        *self != Self::Gap
    }

    /// Whether a secret may be lost, so that a person must act.
    pub fn is_of_loss(&self) -> bool {
        matches!(self, Self::PairUnknown | Self::ResponseStored(_))
    }
}

impl Outcome {
    /// Whether a call of a step may have changed something.
    pub fn may_have_changed(&self) -> bool {
        let did_not =
            |status: &Status| matches!(status, Status::Refused(_) | Status::NotReached(_) | Status::Interrupted);
        self.steps.iter().any(|step| !did_not(&step.status))
    }

    /// Whether a new secret may be lost, so that a person must act even if all steps ended well.
    pub fn may_have_lost_a_secret(&self) -> bool {
        self.steps.iter().flat_map(|step| &step.remarks).any(Remark::is_of_loss)
    }

    /// Whether every step ended well.
    pub fn all_good(&self) -> bool {
        self.steps.iter().all(|step| step.status.is_good())
    }

    /// Whether no step had an effect, nor may have had one.
    pub fn changed_nothing(&self) -> bool {
        let may_have_had_one = |status: &Status| matches!(status, Status::Done | Status::UnknownOutcome(_));
        self.steps.iter().all(|step| !may_have_had_one(&step.status) && step.remarks.is_empty())
    }

    /// Whether the cluster is in the desired state: read again after the last call, it needed no change.
    pub fn converged(&self) -> bool {
        self.remaining.as_ref().is_some_and(|plan| plan.is_empty() && !plan.is_blocked())
    }
}

/// New key pairs by user. Each was stored before.
pub type NewKeys = Mutex<BTreeMap<UserName, KeyPair>>;

/// Receives the events of a run, to show or record them.
pub trait Progress: Sync {
    /// A step is about to be sent.
    fn started(&self, step: &Step);
    /// A step ended, or will not be reached.
    fn ended(&self, step: &Step, outcome: &StepOutcome);
    /// A new key pair of a user was stored, or could not be. Called before the emergency file is removed.
    fn keys_stored(&self, _user: &UserName, _stored: &StoredIn) {}
}

/// A request to stop a run: calls under way end, and no more calls begin.
#[derive(Debug, Default)]
pub struct StopSignal(watch::Sender<bool>);

impl StopSignal {
    /// Requests the stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits, but not longer than until the stop is requested.
    pub async fn or_requested(&self, wait: impl Future<Output = ()>) {
        let mut requested = self.0.subscribe();
        tokio::select! {
            () = wait => {}
            _ = requested.wait_for(|requested| *requested) => {}
        }
    }
}
