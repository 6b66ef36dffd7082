//! Looks at the cluster to see whether a call has had its effect.

use crate::base::{PolicyName, UserName};
use crate::cluster::{CallError, Cluster, body};
use crate::plan::Call;

/// What the cluster shows of the object of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The effect is there.
    Done,
    /// It is as it was expected to be before the call.
    Before,
    /// It is something else, in these words.
    Other(String),
}

/// Looks.
pub(super) async fn look(call: &Call, cluster: &dyn Cluster) -> Result<Seen, CallError> {
    match call {
        Call::AddPolicy { policy, document } => {
            if !exists(policy, cluster).await? {
                return Ok(Seen::Before);
            }
            let there = body(cluster.show_policy(policy).await?);
            Ok(if there.normal() == Some(document) {
                Seen::Done
            } else {
                Seen::Other(format!("policy `{policy}` is there with another document"))
            })
        }
        Call::RemovePolicy { policy, .. } => Ok(if exists(policy, cluster).await? { Seen::Before } else { Seen::Done }),
        Call::Attach { user, policy, expects } => {
            let holds = held_by(user, cluster).await?;
            Ok(match &holds {
                Some(held) if held == policy => Seen::Done,
                _ if holds == *expects => Seen::Before,
                Some(_) | None => Seen::Other(holding(user, holds.as_ref())),
            })
        }
        // Whether a pair was made cannot be seen. Making another one does no harm, as long as the user holds a policy.
        Call::RetireKeys { user } => {
            let holds = held_by(user, cluster).await?;
            Ok(if holds.is_some() { Seen::Before } else { Seen::Other(holding(user, None)) })
        }
        Call::Detach { user, policy } => {
            let holds = held_by(user, cluster).await?;
            Ok(match &holds {
                None => Seen::Done,
                Some(held) if held == policy => Seen::Before,
                Some(_) => Seen::Other(holding(user, holds.as_ref())),
            })
        }
    }
}

async fn exists(policy: &PolicyName, cluster: &dyn Cluster) -> Result<bool, CallError> {
    Ok(cluster.list_policies().await?.contains(policy))
}

async fn held_by(user: &UserName, cluster: &dyn Cluster) -> Result<Option<PolicyName>, CallError> {
    let users = cluster.users().await?;
    Ok(users.users.into_iter().find(|record| record.name == *user).and_then(|record| record.policy))
}

fn holding(user: &UserName, holds: Option<&PolicyName>) -> String {
    match holds {
        Some(policy) => format!("user `{user}` holds `{policy}`"),
        None => format!("user `{user}` holds no policy"),
    }
}
