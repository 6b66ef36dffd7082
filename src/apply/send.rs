//! Sends one call and settles how it ended: by looking at the cluster, never by guessing.

use crate::cluster::{CallError, Cluster, Effect};
use crate::plan::Call;

use super::keys::{Attached, Keys, retire};
use super::look::{Seen, look};
use super::outcome::{Remark, Status};

/// How often a call whose fate is unknown is sent again, once looking has shown that it did not happen.
const TRIES: usize = 3;

/// Sends the call; returns how it ended and what happened on the way.
pub(super) async fn send(call: &Call, cluster: &dyn Cluster, keys: &Keys<'_>) -> (Status, Vec<Remark>) {
    let mut remarks = Vec::new();
    let mut last = None;
    for _ in 0..TRIES {
        let error = match once(call, cluster, keys, &mut remarks).await {
            Ok(attached) => return (attached.into(), remarks),
            Err(error) => error,
        };
        if error.effect == Effect::InDoubt {
            keys.doubt(call, &mut remarks);
        }
        if error.effect == Effect::NotSent {
            return (Status::Failed(error.to_string()), remarks);
        }
        match look(call, cluster).await {
            Ok(Seen::Done) if error.effect == Effect::InDoubt => return (Status::Done, remarks),
            Ok(Seen::Done) => return (Status::AlreadyDone, remarks),
            Ok(Seen::Other(found)) => return (Status::Failed(format!("{error}; now {found}")), remarks),
            Ok(Seen::Before) if error.effect == Effect::InDoubt => last = Some(error),
            Ok(Seen::Before) if refuses_over(call, &error) => {
                match detach_first(call, cluster, keys, &mut remarks).await {
                    Ok(attached) => {
                        remarks.push(Remark::Gap);
                        return (attached.into(), remarks);
                    }
                    Err(error) => return (Status::Failed(error.to_string()), remarks),
                }
            }
            Ok(Seen::Before) => return (Status::Refused(error.to_string()), remarks),
            Err(blind) => return (Status::Failed(format!("{error}; and looking failed: {blind}")), remarks),
        }
    }
    let error = last.map_or_else(|| "it was not sent".to_owned(), |error| error.to_string());
    (Status::Failed(format!("{error}; the cluster does not show its effect after {TRIES} tries")), remarks)
}

/// The one place where what is changed decides what is called.
async fn once(
    call: &Call,
    cluster: &dyn Cluster,
    keys: &Keys<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<Attached, CallError> {
    match call {
        Call::Attach { user, policy, .. } => return keys.attach(cluster, policy, user, remarks).await,
        Call::AddPolicy { policy, document } => cluster.add_policy(policy, document.json()).await,
        Call::RemovePolicy { policy, .. } => cluster.remove_policy(policy).await,
        Call::RetireKeys { user } => retire(cluster, user).await,
        Call::Detach { user, policy } => cluster.detach(policy, user).await,
    }
    .map(|()| Attached::Well)
}

/// Whether the cluster refuses an attach because the user holds another policy. Which words it uses is unknown; the
/// status and a word that says so must come together, so that no other refusal ever leads to a detach.
fn refuses_over(call: &Call, error: &CallError) -> bool {
    let Call::Attach { expects: Some(_), .. } = call else { return false };
    let message = error.message.to_lowercase();
    matches!(error.effect, Effect::Refused(400 | 409))
        && ["already", "attached"].iter().any(|word| message.contains(word))
}

/// Detaches what the user holds, then attaches; puts the old policy back when the attach fails.
async fn detach_first(
    call: &Call,
    cluster: &dyn Cluster,
    keys: &Keys<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<Attached, CallError> {
    let Call::Attach { user, policy, expects: Some(held) } = call else { return Ok(Attached::Well) };
    cluster.detach(held, user).await?;
    let attached = keys.attach(cluster, policy, user, remarks).await;
    if attached.is_err() {
        keys.attach(cluster, held, user, remarks).await?;
    }
    attached
}
