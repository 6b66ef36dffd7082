//! The calls whose answers hold a key pair: what is shown goes to custody before anything else happens to that user.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::custody::{Custody, Kept};
use super::outcome::{Remark, Status};
use crate::base::{KeyPair, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster};
use crate::plan::{Call, Plan};

/// Custody for one run.
pub(super) struct Keys<'a> {
    custody: &'a Custody,
    may_appear: BTreeSet<UserName>,
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
    /// Custody for the run of this plan.
    pub(super) fn new(plan: &Plan, custody: &'a Custody) -> Self {
        Self { custody, may_appear: plan.may_create_keys() }
    }

    /// Attaches, and hands a key pair that is shown to custody.
    pub(super) async fn attach(
        &self,
        cluster: &dyn Cluster,
        policy: &PolicyName,
        principal: &Principal,
        remarks: &mut Vec<Remark>,
    ) -> Result<Attached, CallError> {
        match (cluster.attach(policy, principal).await?, principal) {
            (Some(pair), Principal::User(user)) => Ok(self.keep(user, &pair, remarks).await),
            // Groups have no keys.
            (Some(_), Principal::Group(_)) | (None, _) => Ok(Attached::Well),
        }
    }

    async fn keep(&self, user: &UserName, pair: &KeyPair, remarks: &mut Vec<Remark>) -> Attached {
        let (remark, ended) = match self.custody.keep(user, pair, OffsetDateTime::now_utc()).await {
            Kept::Sink { place } => (Remark::Kept { place }, Attached::Well),
            Kept::Emergency { path, why } => {
                let path = path.display().to_string();
                let reason = format!("attached, but the new key pair went to the emergency file {path}: {why}");
                // Where the file names no sink, none failed: a pair that nobody expected is where such pairs go.
                let ended = if self.custody.has_sink() { Attached::Halt(reason) } else { Attached::Well };
                (Remark::KeptInEmergency { path, why }, ended)
            }
            Kept::Lost { why } => {
                let reason = format!("attached, but the secret of the new key pair could not be kept: {why}");
                (Remark::PairUnknown, Attached::Halt(reason))
            }
        };
        // What was thought lost with an earlier answer has come with this one.
        remarks.retain(|earlier| *earlier != Remark::PairUnknown);
        remarks.push(remark);
        ended
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
pub(super) async fn retire(cluster: &dyn Cluster, user: &UserName) -> Result<(), CallError> {
    cluster.generate_keys(user).await.map(drop)
}
