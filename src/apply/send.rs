//! Runs one call until its outcome is known. After a lost response, attune reads the cluster and never guesses.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use time::OffsetDateTime;

use crate::base::{KeyPair, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, Effect, RawAnswer, RetryPolicy};
use crate::plan::{BucketTarget, Call};

use super::check::{Checker, ObjectState};
use super::outcome::{NewKeys, Progress, Remark, Status, StopSignal};
use super::secret_store::{SecretStore, Slot, StoredIn};

pub(super) struct Sender<'a> {
    pub(super) cluster: &'a dyn Cluster,
    pub(super) checker: Checker<'a>,
    pub(super) secret_store: &'a SecretStore,
    /// The users for whom the cluster may create a key pair.
    pub(super) may_create_keys: BTreeSet<UserName>,
    pub(super) progress: &'a dyn Progress,
    pub(super) retry_policy: RetryPolicy,
    pub(super) stop: &'a StopSignal,
    pub(super) new_keys: Option<&'a NewKeys>,
}

#[derive(Default)]
struct CallState {
    remarks: Vec<Remark>,
    lost_response: bool,
}

impl Sender<'_> {
    pub(super) async fn run(&self, call: &Call) -> (Status, Vec<Remark>) {
        let mut state = CallState::default();
        let status = match self.checker.before(call).await {
            Ok(ObjectState::Expected) => self.send(call, &mut state).await,
            Ok(ObjectState::Done) => Status::AlreadyDone,
            Ok(ObjectState::Other(found)) => Status::Drifted(found),
            Err(error) => Status::Failed(format!("not sent, because the object could not be checked: {error}")),
        };
        if let Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } = call {
            self.checker.ended(policy);
        }
        let may_have_happened = status.is_good() || matches!(status, Status::Drifted(_) | Status::UnknownOutcome(_));
        if state.lost_response && may_have_happened {
            self.note_unknown_pair(call, &mut state.remarks);
        }
        (status, state.remarks)
    }

    /// Sends until the outcome is known. It retries only after a read has shown that the call did not happen.
    async fn send(&self, call: &Call, state: &mut CallState) -> Status {
        let mut retries = 0;
        loop {
            let error = match self.send_once(call, state).await {
                Ok(status) => return status,
                Err(error) => error,
            };
            state.lost_response |= error.effect == Effect::UnknownOutcome;
            let outcome = match error.effect {
                Effect::NotSent => None,
                Effect::Refused(_) | Effect::Unauthorized(_) => Some(self.after_refusal(call, &error, state).await),
                Effect::UnknownOutcome => self.after_failure(call, &error).await,
            };
            if let Some(status) = outcome {
                return status;
            }
            if retries == self.retry_policy.retries || self.stop.is_requested() || self.cluster.stopped().is_some() {
                return given_up(&error, retries);
            }
            retries += 1;
            self.stop.or_requested(self.retry_policy.pause(retries)).await;
            // A delayed call may have arrived during the pause.
            if let Some(status) = self.after_failure(call, &error).await {
                return status;
            }
        }
    }

    /// The status after a failure; `None` if the call did not happen so far.
    async fn after_failure(&self, call: &Call, error: &CallError) -> Option<Status> {
        match self.checker.now(call).await {
            Ok(ObjectState::Expected) => None,
            Ok(ObjectState::Done) => Some(Status::Done),
            Ok(ObjectState::Other(found)) => Some(Status::Drifted(format!("{found}; before that, {error}"))),
            Err(_) if error.effect == Effect::NotSent => Some(Status::Failed(error.to_string())),
            Err(unread) => {
                Some(Status::UnknownOutcome(format!("{error}; and the cluster could not be read: {unread}")))
            }
        }
    }

    /// The status after a refusal. The effect may be there already, by an earlier try or by someone else.
    async fn after_refusal(&self, call: &Call, error: &CallError, state: &mut CallState) -> Status {
        match self.checker.now(call).await {
            Ok(ObjectState::Done) => Status::AlreadyDone,
            Ok(ObjectState::Other(found)) => Status::Drifted(format!("{found}; therefore {error}")),
            Ok(ObjectState::Expected) if is_refused_over_attachment(call, error) => {
                self.detach_first(call, state).await
            }
            Ok(ObjectState::Expected) | Err(_) => Status::Refused(error.to_string()),
        }
    }

    async fn send_once(&self, call: &Call, state: &mut CallState) -> Result<Status, CallError> {
        match call {
            Call::Attach { principal, policy, .. } => return self.attach(policy, principal, &mut state.remarks).await,
            Call::AddPolicy { policy, document, .. } => self.cluster.add_policy(policy, document.json()).await,
            Call::RemovePolicy { policy, .. } => self.cluster.remove_policy(policy).await,
            Call::RevokeKeys { user } => self.cluster.revoke_keys(user).await,
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Canned(canned), .. } => {
                self.cluster.set_canned_bucket_policy(bucket, *canned).await
            }
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Document(document), .. } => {
                self.cluster.set_bucket_document(bucket, document.json()).await
            }
            Call::Detach { principal, policy } => self.cluster.detach(policy, principal).await,
        }
        .map(|()| Status::Done)
    }

    /// Detaches the present policy, then attaches; attaches the old policy again if that fails. Runs to its end even after a
    /// stop signal.
    async fn detach_first(&self, call: &Call, state: &mut CallState) -> Status {
        let Call::Attach { principal, policy, expects: Some(old), grants } = call else { return Status::Done };
        let detach = Call::Detach { principal: principal.clone(), policy: old.clone() };
        let detached = Box::pin(self.send(&detach, state)).await;
        if !detached.is_good() {
            return detached;
        }
        state.remarks.push(Remark::Gap);
        let attach = |policy, grants| Call::Attach { principal: principal.clone(), policy, expects: None, grants };
        let attached = Box::pin(self.send(&attach(policy.clone(), grants.clone()), state)).await;
        if attached.is_good() {
            return attached;
        }
        let restored = Box::pin(self.send(&attach(old.clone(), None), state)).await;
        let is_unknown = [&attached, &restored].into_iter().any(|status| matches!(status, Status::UnknownOutcome(_)));
        let reason = |status: Status| status.reason().unwrap_or_default().to_owned();
        if restored.is_good() {
            return Status::Failed(format!("{}; it has `{old}` again", reason(attached)));
        }
        let why = format!("{}; and `{old}` could not be attached again: {}", reason(attached), reason(restored));
        if is_unknown { Status::UnknownOutcome(why) } else { Status::Failed(why) }
    }

    /// Attaches, and stores a key pair in the response, or a response that may hold one, before anything else happens to the
    /// user. Sends nothing if no emergency file can be opened.
    async fn attach(
        &self,
        policy: &PolicyName,
        principal: &Principal,
        remarks: &mut Vec<Remark>,
    ) -> Result<Status, CallError> {
        let Principal::User(user) = principal else {
            // Groups have no keys.
            return self.cluster.attach(policy, principal).await.map(|_| Status::Done);
        };
        let slot = self.secret_store.reserve().map_err(|error| {
            let message = format!("not sent: no emergency file for a new secret can be opened: {error}");
            CallError::new(format!("attach {policy} to {user}"), Effect::NotSent, message)
        })?;
        match self.cluster.attach(policy, principal).await {
            Ok(None) => {
                self.secret_store.release(slot);
                Ok(Status::Done)
            }
            Ok(Some(pair)) => Ok(self.store(slot, user, pair, remarks).await),
            Err(error) => {
                match &error.answer {
                    None => self.secret_store.release(slot),
                    Some(response) => remarks.push(self.store_response(slot, user, response)),
                }
                Err(error)
            }
        }
    }

    async fn store(&self, slot: Slot, user: &UserName, pair: KeyPair, remarks: &mut Vec<Remark>) -> Status {
        let now = OffsetDateTime::now_utc();
        let recorded = |stored: &StoredIn| self.progress.keys_stored(user, stored);
        let (remark, status) = match self.secret_store.store(slot, user, &pair, now, recorded).await {
            StoredIn::Destination(place) => (Remark::Stored(place), Status::Done),
            StoredIn::Emergency { path, why } => {
                let path = path.display().to_string();
                let reason = format!("attached, but the new key pair went to the emergency file {path}: {why}");
                // Without a destination, an emergency file is the regular place.
                let failed = self.secret_store.has_destination();
                (Remark::StoredInEmergency { path, why }, if failed { Status::Failed(reason) } else { Status::Done })
            }
            StoredIn::Lost(why) => {
                let reason = format!("attached, but the secret of the new key pair could not be stored: {why}");
                (Remark::PairUnknown, Status::Failed(reason))
            }
        };
        if let Some(new_keys) = self.new_keys.filter(|_| status.is_good()) {
            new_keys.lock().unwrap_or_else(PoisonError::into_inner).insert(user.clone(), pair);
        }
        // A pair that an earlier response may have lost came with this one.
        remarks.retain(|earlier| *earlier != Remark::PairUnknown);
        remarks.push(remark);
        status
    }

    fn store_response(&self, slot: Slot, user: &UserName, response: &RawAnswer) -> Remark {
        match self.secret_store.store_response(slot, user, response) {
            Ok(path) => Remark::ResponseStored(path.display().to_string()),
            Err(error) => {
                tracing::warn!(%user, %error, "a response that may hold a new key pair could not be stored");
                Remark::PairUnknown
            }
        }
    }

    fn note_unknown_pair(&self, call: &Call, remarks: &mut Vec<Remark>) {
        let Call::Attach { principal: Principal::User(user), .. } = call else { return };
        if self.may_create_keys.contains(user) && !remarks.iter().any(Remark::is_of_keys) {
            remarks.push(Remark::PairUnknown);
        }
    }
}

fn given_up(error: &CallError, retries: u32) -> Status {
    Status::Failed(match (error.effect, retries) {
        (Effect::NotSent, _) => error.to_string(),
        (_, 0) => format!("{error}; the cluster does not show its effect"),
        (_, retries) => format!("{error}; the cluster does not show its effect after {} tries", retries + 1),
    })
}

/// Whether the cluster refuses an attach because the user has another policy. The exact message is unknown. Status and message
/// must both match, so that no other refusal leads to a detach.
fn is_refused_over_attachment(call: &Call, error: &CallError) -> bool {
    let Call::Attach { expects: Some(_), .. } = call else { return false };
    let message = error.message.to_lowercase();
    // A REST status, or the exit status of the `weka` command.
    matches!(error.effect, Effect::Refused(400 | 409 | 1))
        && ["already", "attached"].iter().any(|word| message.contains(word))
}
