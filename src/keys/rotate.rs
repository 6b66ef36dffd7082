//! Rotates key pairs: one user after the other, each new secret at its destination before the next call.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::KeyOptions;
use super::select::Selected;
use crate::apply::{SecretStore, Slot, StoredIn};
use crate::base::{KeyPair, UserName};
use crate::cluster::{CallError, Effect};
use crate::observed::Identity;

/// A rotation that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The cluster and tenant.
    pub identity: Identity,
    /// The users whose key pair is replaced in this run, in this order.
    pub users: Vec<Selected>,
    /// The users that an interrupted rotation has done already.
    pub already: Vec<UserName>,
    /// The users that `--max` leaves to a later run.
    pub later: Vec<UserName>,
    /// The matching users without a policy. They stay as they are.
    pub without_policy: Vec<UserName>,
    /// The destination of the new secrets, as `[credentials]` names it.
    pub destination: String,
}

/// How the rotation for a user ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The user.
    pub user: UserName,
    /// The access key of the new pair, if it is known.
    pub access_key: Option<String>,
    /// The status.
    pub status: RotationStatus,
}

/// The status of the key pair of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationStatus {
    /// Rotated, and the new secret is at its destination: this file or command.
    Stored(String),
    /// Rotated, but the destination did not take the secret: it is in an emergency file.
    InEmergencyFile {
        /// The file.
        path: PathBuf,
        /// Why the destination did not take it. Nothing secret.
        why: String,
    },
    /// The old pair is revoked, or may be, and the new secret is unknown.
    SecretUnknown {
        /// Why. Nothing secret.
        why: String,
        /// The emergency file with an answer that attune does not understand, if there is one.
        answer: Option<PathBuf>,
    },
    /// The cluster refused, in these words. The old pair works as before.
    Refused(String),
    /// The call was not sent, or the login was rejected, for this reason. The old pair works as before.
    NotSent(String),
    /// An earlier failure or an interruption stopped the run before this user.
    NotStarted,
}

impl RotationStatus {
    /// Whether the next user is rotated after this one. A failure that may not be about this user alone stops the run: it would
    /// revoke the keys of the next user as well.
    fn lets_continue(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Refused(_))
    }

    /// Whether the old pair may be revoked.
    pub fn may_have_changed(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::InEmergencyFile { .. } | Self::SecretUnknown { .. })
    }
}

/// Rotates the key pairs of users in order, and puts each into the store.
pub async fn rotate(users: &[Selected], store: &SecretStore, options: &KeyOptions<'_>) -> Vec<Rotated> {
    let mut ended = Vec::new();
    let mut continues = true;
    for Selected { user, .. } in users {
        let (access_key, status) = if continues && !options.stop.is_requested() {
            rotate_one(user, store, options).await
        } else {
            (None, RotationStatus::NotStarted)
        };
        continues &= status.lets_continue();
        ended.push(Rotated { user: user.clone(), access_key, status });
    }
    ended
}

async fn rotate_one(
    user: &UserName,
    store: &SecretStore,
    options: &KeyOptions<'_>,
) -> (Option<String>, RotationStatus) {
    let not_sent = |what: &str, error: &std::io::Error| RotationStatus::NotSent(format!("{what}: {error}"));
    let slot = match store.reserve() {
        Ok(slot) => slot,
        Err(error) => return (None, not_sent("no emergency file can be opened", &error)),
    };
    if let Err(error) = options.record.generating(user) {
        store.release(slot);
        return (None, not_sent("the journal cannot be written", &error));
    }
    match generate(user, options).await {
        Ok(pair) => {
            let recorded = |stored: &StoredIn| options.record.stored(user, stored);
            let stored = store.store(slot, user, &pair, OffsetDateTime::now_utc(), recorded).await;
            (Some(pair.access_key), after_storing(stored))
        }
        Err(error) => (None, after_error(user, store, slot, &error, options)),
    }
}

/// Asks for a new pair, again if the call was not sent.
async fn generate(user: &UserName, options: &KeyOptions<'_>) -> Result<KeyPair, CallError> {
    let mut retries = 0;
    loop {
        let error = match options.cluster.generate_keys(user).await {
            Ok(pair) => return Ok(pair),
            Err(error) => error,
        };
        // After an unknown outcome the call may still arrive, and would revoke the pair of a second one.
        let may_retry = error.effect == Effect::NotSent && retries < options.retry_policy.retries;
        if !may_retry || options.stop.is_requested() || options.cluster.stopped().is_some() {
            return Err(error);
        }
        retries += 1;
        options.stop.or_requested(options.retry_policy.pause(retries)).await;
    }
}

fn after_storing(stored: StoredIn) -> RotationStatus {
    match stored {
        StoredIn::Destination(place) => RotationStatus::Stored(place),
        StoredIn::Emergency { path, why } => RotationStatus::InEmergencyFile { path, why },
        StoredIn::Lost(why) => RotationStatus::SecretUnknown { why, answer: None },
    }
}

fn after_error(
    user: &UserName,
    store: &SecretStore,
    slot: Slot,
    error: &CallError,
    options: &KeyOptions<'_>,
) -> RotationStatus {
    let why = match &error.help {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    };
    if let Some(answer) = &error.answer {
        // It may hold the new pair. The destination keeps what it has.
        return match store.store_response(slot, user, answer) {
            Ok(path) => RotationStatus::SecretUnknown { why, answer: Some(path) },
            Err(error) => {
                let why = format!("{why}; and the answer could not be stored: {error}");
                RotationStatus::SecretUnknown { why, answer: None }
            }
        };
    }
    store.release(slot);
    let status = match error.effect {
        Effect::UnknownOutcome => return RotationStatus::SecretUnknown { why, answer: None },
        Effect::Refused(_) => RotationStatus::Refused(why),
        Effect::Unauthorized(_) | Effect::NotSent => RotationStatus::NotSent(why),
    };
    options.record.not_generated(user);
    status
}
