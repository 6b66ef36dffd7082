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
    pub struct RotatedV1 of(rotated: &Rotated) {
        /// The user.
        user: String = rotated.user.to_string(),
        /// How it ended.
        status: RotationStatusV1 = RotationStatusV1::of(&rotated.status),
        /// The access key of the new pair; missing when it is unknown.
        access_key?: String = rotated.access_key.clone(),
        /// The file or the command that has the secret, or the file with an answer that may hold it.
        secret_stored_in?: String = match &rotated.status {
            RotationStatus::Stored(place) => Some(place.clone()),
            RotationStatus::InEmergencyFile { path, .. } => Some(path.display().to_string()),
            RotationStatus::SecretUnknown { answer, .. } => answer.as_ref().map(|path| path.display().to_string()),
            RotationStatus::Refused(_) | RotationStatus::NotSent(_) | RotationStatus::NotStarted => None,
        },
        /// Why it did not end well.
        reason?: String = match &rotated.status {
            RotationStatus::InEmergencyFile { why, .. }
            | RotationStatus::SecretUnknown { why, .. }
            | RotationStatus::Refused(why)
            | RotationStatus::NotSent(why) => Some(why.clone()),
            RotationStatus::Stored(_) | RotationStatus::NotStarted => None,
        },
    }

    /// How the rotation for a user ended.
    pub enum RotationStatusV1 of(&RotationStatus) {
        /// The secret is at its destination.
        Rotated = RotationStatus::Stored(_),
        /// The destination did not take the secret: it is in an emergency file.
        InEmergencyFile = RotationStatus::InEmergencyFile { .. },
        /// The old pair is revoked, or may be, and the new secret is unknown.
        SecretUnknown = RotationStatus::SecretUnknown { .. },
        /// The cluster refused; the old pair works.
        Refused = RotationStatus::Refused(_),
        /// No call was made; the old pair works.
        NotSent = RotationStatus::NotSent(_),
        /// The run stopped before this user.
        NotStarted = RotationStatus::NotStarted,
    }

    /// Revoked users.
    pub struct RevocationV1 = "attune.revocation/1" of(identity: &Identity, ended: &[Revoked]) {
        /// The cluster.
        cluster: ClusterV1 = ClusterV1::of(identity),
        /// The users, in the order of the calls.
        users: Vec<RevokedV1> = ended.iter().map(RevokedV1::of).collect(),
    }

    /// How the revocation of a user ended.
    pub struct RevokedV1 of(revoked: &Revoked) {
        /// The user.
        user: String = revoked.user.to_string(),
        /// The key pair.
        keys: RevokedKeysV1 = RevokedKeysV1::of(&revoked.keys),
        /// Why the key pair is not revoked; missing when it is.
        keys_reason?: String = match &revoked.keys {
            RevokedKeys::Kept(why) | RevokedKeys::Unknown(why) => Some(why.clone()),
            RevokedKeys::Revoked => None,
        },
        /// The policy.
        policy: DetachedV1 = DetachedV1::of(&revoked.detached),
        /// Why the policy is not detached; missing when it is.
        policy_reason?: String = match &revoked.detached {
            Detached::Failed(why) | Detached::Unknown(why) => Some(why.clone()),
            Detached::Detached | Detached::HadNone => None,
        },
        /// Whether a directory sets the policy of the user again at its next refresh.
        from_directory: bool = revoked.is_imported,
    }

    /// The key pair of a revoked user.
    pub enum RevokedKeysV1 of(&RevokedKeys) {
        /// It is revoked.
        Revoked = RevokedKeys::Revoked,
        /// It works again with the next policy.
        Kept = RevokedKeys::Kept(_),
        /// Unknown outcome.
        Unknown = RevokedKeys::Unknown(_),
    }

    /// The policy of a revoked user.
    pub enum DetachedV1 of(&Detached) {
        /// It is detached.
        Detached = Detached::Detached,
        /// The user had none.
        HadNone = Detached::HadNone,
        /// The user still has it.
        Failed = Detached::Failed(_),
        /// Unknown outcome.
        Unknown = Detached::Unknown(_),
    }
}
