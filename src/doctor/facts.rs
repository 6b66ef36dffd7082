//! What is asked of a cluster for a check: reads only.

use futures_util::join;

use crate::base::PolicyName;
use crate::cluster::{CallError, Cluster, ConnectionInfo, Users};
use crate::observed::Identity;

/// What a cluster told. All but the first answer may be missing, and the check goes on.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Which cluster, which tenant, as whom.
    pub identity: Identity,
    /// How it is reached and spoken to.
    pub connection: ConnectionInfo,
    /// The users of the tenant.
    pub users: Result<Users, CallError>,
    /// The names of the policies.
    pub policies: Result<Vec<PolicyName>, CallError>,
    /// The cluster's own definition, where it has one.
    pub definition: Result<Option<String>, CallError>,
}

/// Asks.
///
/// # Errors
/// It is not even known which cluster this is.
pub async fn look(cluster: &dyn Cluster) -> Result<Facts, CallError> {
    let identity = cluster.identity().await?;
    let (users, policies, definition) = join!(cluster.users(), cluster.list_policies(), cluster.own_definition());
    let connection = cluster.connection(&identity.release);
    Ok(Facts { identity, connection, users, policies, definition })
}
