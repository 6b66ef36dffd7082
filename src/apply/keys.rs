//! The calls whose answers may hold a key pair: what is shown is stored before anything else happens to that user.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::Progress;
use super::outcome::{Remark, Status};
use super::secret_store::{SecretStore, Slot, StoredIn};
use crate::base::{KeyPair, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, Effect, RawAnswer};
use crate::plan::{Call, Plan};

/// SecretStore for one run.
pub(super) struct Keys<'a> {
    secret_store: &'a SecretStore,
    may_appear: BTreeSet<UserName>,
    progress: &'a dyn Progress,
}

/// How an attach ended that the cluster answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attached {
    /// Well: what was shown, if anything was, is where it belongs.
    Well,
    /// It was done, but its key pair is not where it belongs: nothing more may happen to this user, for this reason.
    Halt(String),
}

impl From<Attached> for Status {
    fn from(attached: Attached) -> Self {
        match attached {
            Attached::Well => Self::Done,
            Attached::Halt(why) => Self::Failed(why),
        }
    }
}

impl<'a> Keys<'a> {
    /// SecretStore for the run of this plan.
    pub(super) fn new(plan: &Plan, secret_store: &'a SecretStore, progress: &'a dyn Progress) -> Self {
        Self { secret_store, may_appear: plan.may_create_keys(), progress }
    }

    /// Attaches, and stores a key pair that is shown, or an answer that may hold one. Nothing is sent where there is no
    /// emergency file to write a secret to.
    pub(super) async fn attach(
        &self,
        cluster: &dyn Cluster,
        policy: &PolicyName,
        principal: &Principal,
        remarks: &mut Vec<Remark>,
    ) -> Result<Attached, CallError> {
        let Principal::User(user) = principal else {
            // Groups have no keys.
            return cluster.attach(policy, principal).await.map(|_| Attached::Well);
        };
        let slot = self.secret_store.reserve().map_err(|error| {
            let message =
                format!("not sent: a new secret could not be kept, as no emergency file can be opened: {error}");
            CallError::new(format!("attach {policy} to {user}"), Effect::NotSent, message)
        })?;
        match cluster.attach(policy, principal).await {
            Ok(None) => {
                self.secret_store.give_back(slot);
                Ok(Attached::Well)
            }
            Ok(Some(pair)) => Ok(self.keep(slot, user, &pair, remarks).await),
            Err(error) => {
                match &error.answer {
                    None => self.secret_store.give_back(slot),
                    Some(answer) => remarks.push(self.keep_answer(slot, user, answer)),
                }
                Err(error)
            }
        }
    }

    async fn keep(&self, slot: Slot, user: &UserName, pair: &KeyPair, remarks: &mut Vec<Remark>) -> Attached {
        let now = OffsetDateTime::now_utc();
        let kept = self.secret_store.keep(slot, user, pair, now, |kept| self.progress.kept(user, kept)).await;
        let (remark, ended) = match kept {
            StoredIn::Destination { place } => (Remark::Kept { place }, Attached::Well),
            StoredIn::Emergency { path, why } => {
                let path = path.display().to_string();
                let reason = format!("attached, but the new key pair went to the emergency file {path}: {why}");
                // Without a destination none failed: a pair that nobody expected is where such pairs go.
                let ended = if self.secret_store.has_sink() { Attached::Halt(reason) } else { Attached::Well };
                (Remark::KeptInEmergency { path, why }, ended)
            }
            StoredIn::Lost { why } => {
                let reason = format!("attached, but the secret of the new key pair could not be kept: {why}");
                (Remark::PairUnknown, Attached::Halt(reason))
            }
        };
        // What was thought lost with an earlier answer has come with this one.
        remarks.retain(|earlier| *earlier != Remark::PairUnknown);
        remarks.push(remark);
        ended
    }

    fn keep_answer(&self, slot: Slot, user: &UserName, answer: &RawAnswer) -> Remark {
        match self.secret_store.keep_answer(slot, user, answer) {
            Ok(path) => Remark::AnswerKept { path: path.display().to_string() },
            Err(error) => {
                tracing::warn!(%user, %error, "an answer that may hold a new key pair could not be kept");
                Remark::PairUnknown
            }
        }
    }

    /// Notes that the answer to a call was lost on the way: a key pair may have been in it. Taken back when the pair comes
    /// with the answer to a later try.
    pub(super) fn doubt(&self, call: &Call, remarks: &mut Vec<Remark>) {
        let Call::Attach { principal: Principal::User(user), .. } = call else { return };
        if self.may_appear.contains(user) && !remarks.iter().any(Remark::is_of_keys) {
            remarks.push(Remark::PairUnknown);
        }
    }
}

/// Makes the key pair of a user worthless: a new one is made and thrown away, unseen.
pub(super) async fn revoke(cluster: &dyn Cluster, user: &UserName) -> Result<(), CallError> {
    cluster.generate_keys(user).await.map(drop)
}
