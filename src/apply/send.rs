//! Carries out one call and settles how it ended: by looking at the cluster, never by guessing.

use crate::cluster::{CallError, Cluster, Effect, RetryPolicy};
use crate::plan::Call;

use super::keys::{Attached, Keys, revoke};
use super::look::{Looker, Seen};
use super::outcome::{Remark, Status};
use super::stop::StopSignal;

/// What carrying out a call takes.
pub(super) struct Sender<'a> {
    pub(super) cluster: &'a dyn Cluster,
    pub(super) looker: Looker<'a>,
    pub(super) keys: Keys<'a>,
    pub(super) retry_policy: RetryPolicy,
    pub(super) stop: &'a StopSignal,
}

/// What happened on the way to the end of a call.
#[derive(Default)]
struct CallState {
    remarks: Vec<Remark>,
    /// Whether an answer was lost.
    doubted: bool,
}

impl Sender<'_> {
    /// Carries the call out, if all is as the plan expects it. Returns how it ended and what happened on the way.
    pub(super) async fn carry_out(&self, call: &Call) -> (Status, Vec<Remark>) {
        let mut state = CallState::default();
        let status = match self.looker.before(call).await {
            Ok(Seen::Before) => self.settle(call, &mut state).await,
            Ok(Seen::Done) => Status::AlreadyDone,
            Ok(Seen::Other(found)) => Status::Drifted(found),
            Err(blind) => Status::Failed(format!("not sent, because it cannot be seen whether it may be: {blind}")),
        };
        if state.doubted && may_have_happened(&status) {
            self.keys.doubt(call, &mut state.remarks);
        }
        (status, state.remarks)
    }

    /// Sends until it is known how it ended. It is sent again only once looking has shown that it did not happen.
    async fn settle(&self, call: &Call, state: &mut CallState) -> Status {
        let mut again = 0;
        loop {
            let error = match self.once(call, state).await {
                Ok(attached) => return attached.into(),
                Err(error) => error,
            };
            state.doubted |= error.effect == Effect::UnknownOutcome;
            let settled = match error.effect {
                Effect::NotSent => None,
                Effect::Refused(_) | Effect::Unauthorized(_) => Some(self.refused(call, &error, state).await),
                Effect::UnknownOutcome => self.doubted(call, &error).await,
            };
            if let Some(status) = settled {
                return status;
            }
            if again == self.retry_policy.retries || self.stop.is_asked() || self.cluster.stopped().is_some() {
                return given_up(&error, again);
            }
            again += 1;
            self.stop.unless_asked(self.retry_policy.pause(again)).await;
            // What was on its way may have arrived meanwhile.
            match self.looker.now(call).await {
                Ok(Seen::Before) => {}
                Ok(Seen::Done) => return Status::Done,
                Ok(Seen::Other(found)) => return Status::Drifted(format!("{found}; before that, {error}")),
                Err(blind) => return unseen(&error, &blind),
            }
        }
    }

    /// How a call in doubt ended; `None` when it has not happened so far.
    async fn doubted(&self, call: &Call, error: &CallError) -> Option<Status> {
        match self.looker.now(call).await {
            Ok(Seen::Before) => None,
            Ok(Seen::Done) => Some(Status::Done),
            Ok(Seen::Other(found)) => Some(Status::Drifted(format!("{found}; before that, {error}"))),
            Err(blind) => Some(unseen(error, &blind)),
        }
    }

    /// How a call ended that was refused: it may be so already, by an earlier try or by somebody else.
    async fn refused(&self, call: &Call, error: &CallError, state: &mut CallState) -> Status {
        match self.looker.now(call).await {
            Ok(Seen::Done) => Status::AlreadyDone,
            Ok(Seen::Other(found)) => Status::Drifted(format!("{found}; therefore {error}")),
            Ok(Seen::Before) if refuses_over(call, error) => self.detach_first(call, state).await,
            Ok(Seen::Before) | Err(_) => Status::Refused(error.to_string()),
        }
    }

    /// The one place where what is changed decides what is called.
    async fn once(&self, call: &Call, state: &mut CallState) -> Result<Attached, CallError> {
        match call {
            Call::Attach { principal, policy, .. } => {
                return self.keys.attach(self.cluster, policy, principal, &mut state.remarks).await;
            }
            Call::AddPolicy { policy, document, .. } => self.cluster.add_policy(policy, document.json()).await,
            Call::RemovePolicy { policy, .. } => self.cluster.remove_policy(policy).await,
            Call::RevokeKeys { user } => revoke(self.cluster, user).await,
            Call::Detach { principal, policy } => self.cluster.detach(policy, principal).await,
        }
        .map(|()| Attached::Well)
    }

    /// Detaches what the user or group holds, then attaches; puts the old policy back when the attach fails. Seen through even
    /// when the run is asked to stop.
    async fn detach_first(&self, call: &Call, state: &mut CallState) -> Status {
        let Call::Attach { principal, policy, expects: Some(held), grants } = call else { return Status::Done };
        let detach = Call::Detach { principal: principal.clone(), policy: held.clone() };
        let detached = Box::pin(self.settle(&detach, state)).await;
        if !detached.is_good() {
            return detached;
        }
        state.remarks.push(Remark::Gap);
        let attach = |policy, grants| Call::Attach { principal: principal.clone(), policy, expects: None, grants };
        let attached = Box::pin(self.settle(&attach(policy.clone(), grants.clone()), state)).await;
        if attached.is_good() {
            return attached;
        }
        let back = Box::pin(self.settle(&attach(held.clone(), None), state)).await;
        let unknown_outcome = [&attached, &back].into_iter().any(|status| matches!(status, Status::UnknownOutcome(_)));
        let words = |status: Status| status.reason().unwrap_or_default().to_owned();
        if back.is_good() {
            return Status::Failed(format!("{}; it holds `{held}` again", words(attached)));
        }
        let why = format!("{}; and it could not be given `{held}` back: {}", words(attached), words(back));
        if unknown_outcome { Status::UnknownOutcome(why) } else { Status::Failed(why) }
    }
}

fn may_have_happened(status: &Status) -> bool {
    match status {
        Status::Done | Status::AlreadyDone | Status::Drifted(_) | Status::UnknownOutcome(_) => true,
        Status::Refused(_) | Status::Failed(_) | Status::NotReached(_) | Status::Interrupted => false,
    }
}

fn given_up(error: &CallError, again: u32) -> Status {
    Status::Failed(match (error.effect, again) {
        (Effect::NotSent, _) => error.to_string(),
        (_, 0) => format!("{error}; the cluster does not show its effect"),
        (_, again) => format!("{error}; the cluster does not show its effect after {} tries", again + 1),
    })
}

fn unseen(error: &CallError, blind: &CallError) -> Status {
    match error.effect {
        Effect::NotSent => Status::Failed(error.to_string()),
        Effect::UnknownOutcome | Effect::Refused(_) | Effect::Unauthorized(_) => {
            Status::UnknownOutcome(format!("{error}; and looking failed: {blind}"))
        }
    }
}

/// Whether the cluster refuses an attach because the user holds another policy. Which words it uses is unknown; the
/// status and a word that says so must come together, so that no other refusal ever leads to a detach.
fn refuses_over(call: &Call, error: &CallError) -> bool {
    let Call::Attach { expects: Some(_), .. } = call else { return false };
    let message = error.message.to_lowercase();
    // Over REST a status; from the `weka` command, which tells no more, an exit status.
    matches!(error.effect, Effect::Refused(400 | 409 | 1))
        && ["already", "attached"].iter().any(|word| message.contains(word))
}
