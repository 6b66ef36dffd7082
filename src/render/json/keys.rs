//! Rotated and revoked key pairs as JSON, without their secrets.

use super::plan::ClusterV1;
use crate::keys::{Detached, Revoked, RevokedKeys, Rotated, Rotation, RotationStatus};
use crate::observed::Identity;

json_types! {
    /// Rotated key pairs, without their secrets.
    pub struct KeysV1 = "attune.keys/1" of(rotation: &Rotation, ended: &[Rotated]) {
        /// The cluster.
        cluster: ClusterV1 = ClusterV1::of(&rotation.identity),
        /// The users of this run, in the order of the calls.
        users: Vec<RotatedV1> = ended.iter().map(RotatedV1::of).collect(),
        /// The users that an interrupted run had rotated before.
        rotated_before: Vec<String> = rotation.already.iter().map(ToString::to_string).collect(),
        /// The users that are left for a later run (`--max`).
        left: Vec<String> = rotation.later.iter().map(ToString::to_string).collect(),
        /// The matching users without a policy, which have no keys to rotate.
        without_policy: Vec<String> = rotation.without_policy.iter().map(ToString::to_string).collect(),
    }

    /// The new key pair of a user.
    pub struct RotatedV1 {
        /// The user.
        user: String,
        /// How it ended.
        status: RotationStatusV1,
        /// The access key of the new pair; missing when it is unknown.
        access_key?: String,
        /// The file or the command that has the secret, or the file with an answer that may hold it.
        secret_stored_in?: String,
        /// Why it did not end well.
        reason?: String,
    }

    /// How the rotation for a user ended.
    pub enum RotationStatusV1 {
        /// The secret is at its destination.
        Rotated,
        /// The destination did not take the secret: it is in an emergency file.
        InEmergencyFile,
        /// The old pair is revoked, or may be, and the new secret is unknown.
        SecretUnknown,
        /// The cluster refused; the old pair works.
        Refused,
        /// No call was made; the old pair works.
        NotSent,
        /// The run stopped before this user.
        NotStarted,
    }
}

impl RotatedV1 {
    fn of(rotated: &Rotated) -> Self {
        let (status, place, reason) = match &rotated.status {
            RotationStatus::Stored { place } => (RotationStatusV1::Rotated, Some(place.clone()), None),
            RotationStatus::InEmergencyFile { path, why } => {
                (RotationStatusV1::InEmergencyFile, Some(path.display().to_string()), Some(why))
            }
            RotationStatus::SecretUnknown { why, answer } => {
                let place = answer.as_ref().map(|path| path.display().to_string());
                (RotationStatusV1::SecretUnknown, place, Some(why))
            }
            RotationStatus::Refused { why } => (RotationStatusV1::Refused, None, Some(why)),
            RotationStatus::NotSent { why } => (RotationStatusV1::NotSent, None, Some(why)),
            RotationStatus::NotStarted => (RotationStatusV1::NotStarted, None, None),
        };
        Self {
            user: rotated.user.to_string(),
            status,
            access_key: rotated.access_key.clone(),
            secret_stored_in: place,
            reason: reason.cloned(),
        }
    }
}

json_types! {
    /// Revoked users.
    pub struct RevocationV1 = "attune.revocation/1" of(identity: &Identity, ended: &[Revoked]) {
        /// The cluster.
        cluster: ClusterV1 = ClusterV1::of(identity),
        /// The users, in the order of the calls.
        users: Vec<RevokedV1> = ended.iter().map(RevokedV1::of).collect(),
    }

    /// How the revocation of a user ended.
    pub struct RevokedV1 {
        /// The user.
        user: String,
        /// The key pair.
        keys: RevokedKeysV1,
        /// Why the key pair is not revoked; missing when it is.
        keys_reason?: String,
        /// The policy.
        policy: DetachedV1,
        /// Why the policy is not detached; missing when it is.
        policy_reason?: String,
        /// Whether a directory sets the policy of the user again at its next refresh.
        from_directory: bool,
    }

    /// The key pair of a revoked user.
    pub enum RevokedKeysV1 {
        /// It is revoked.
        Revoked,
        /// It works again with the next policy.
        Kept,
        /// Unknown outcome.
        Unknown,
    }

    /// The policy of a revoked user.
    pub enum DetachedV1 {
        /// It is detached.
        Detached,
        /// The user had none.
        HadNone,
        /// The user still has it.
        Failed,
        /// Unknown outcome.
        Unknown,
    }
}

impl RevokedV1 {
    /// A copy of the end of one user.
    pub fn of(revoked: &Revoked) -> Self {
        let (keys, keys_reason) = match &revoked.keys {
            RevokedKeys::Revoked => (RevokedKeysV1::Revoked, None),
            RevokedKeys::Kept { why } => (RevokedKeysV1::Kept, Some(why.clone())),
            RevokedKeys::Unknown { why } => (RevokedKeysV1::Unknown, Some(why.clone())),
        };
        let (policy, policy_reason) = match &revoked.detached {
            Detached::Detached => (DetachedV1::Detached, None),
            Detached::HadNone => (DetachedV1::HadNone, None),
            Detached::Failed { why } => (DetachedV1::Failed, Some(why.clone())),
            Detached::Unknown { why } => (DetachedV1::Unknown, Some(why.clone())),
        };
        Self {
            user: revoked.user.to_string(),
            keys,
            keys_reason,
            policy,
            policy_reason,
            from_directory: revoked.is_imported,
        }
    }
}
