//! Key pairs of users, outside of a plan: rotating them, and revoking them in an incident.

mod revoke;
mod rotate;
mod select;

use std::io;

use crate::apply::{StopSignal, StoredIn};
use crate::base::UserName;
use crate::cluster::{Cluster, RetryPolicy};

pub use revoke::{Detached, Revocation, Revoked, RevokedKeys, no_new_keys, revoke};
pub use rotate::{Rotated, Rotation, RotationStatus, rotate};
pub use select::{Matches, Selected, Selection};

/// The options of a run.
pub struct KeyOptions<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// How often a call that did not happen is retried.
    pub retry_policy: RetryPolicy,
    /// The request to stop early. The call in flight ends.
    pub stop: &'a StopSignal,
    /// The record of events.
    pub record: &'a dyn KeyRecord,
}

/// Records the events of a run on the disk.
pub trait KeyRecord: Sync {
    /// The call for this user is about to be sent. After an error it is not sent.
    fn generating(&self, user: &UserName) -> io::Result<()>;
    /// A new key pair of a user was stored, or could not be. Called before the emergency file is removed.
    fn stored(&self, user: &UserName, stored: &StoredIn);
    /// The call for this user did not create a key pair.
    fn not_generated(&self, user: &UserName);
    /// A user was revoked, as far as possible.
    fn revoked(&self, revoked: &Revoked);
}
