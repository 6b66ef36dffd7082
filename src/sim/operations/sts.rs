//! Temporary credentials: `assume-role`.

use super::policies::check_document;
use super::{Refusal, require_s3};
use crate::sim::document::StoredDocument;
use crate::sim::ids;
use crate::sim::state::{ClusterState, User};

/// The shortest lifetime of a token in seconds, by the definitions.
const MIN_DURATION: u64 = 900;

/// The shortest secret key in characters, by the definitions.
const MIN_SECRET_LENGTH: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AssumeRoleRequest {
    /// The access key; before 5.1, the user's name.
    pub(crate) access_key: String,
    /// The secret key; before 5.1, the user's password.
    pub(crate) secret_key: String,
    pub(crate) duration: u64,
    pub(crate) policy: Option<StoredDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemporaryCredentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: String,
}

/// Issues temporary credentials for the key pair of a user that has a policy. `serial` is a number that was not used before;
/// the state does not store the credentials.
pub(crate) fn assume_role(
    state: &ClusterState,
    tenant: &str,
    request: &AssumeRoleRequest,
    serial: u64,
) -> Result<TemporaryCredentials, Refusal> {
    require_s3(state)?;
    if request.duration < MIN_DURATION {
        return Err(Refusal::param("duration", format!("duration must be at least {MIN_DURATION} seconds")));
    }
    if request.secret_key.chars().count() < MIN_SECRET_LENGTH {
        let message = format!("secret_key must be at least {MIN_SECRET_LENGTH} characters long");
        return Err(Refusal::param("secret_key", message));
    }
    if let Some(policy) = &request.policy {
        check_document(policy, state.limits.document_bytes)?;
    }
    // The answer of a cluster to a wrong pair is unknown.
    let user =
        owner(state, tenant, request).ok_or_else(|| Refusal::invalid("The access key or secret key is invalid"))?;
    if user.policy.is_none() {
        return Err(Refusal::invalid("The user has no S3 policy attached"));
    }
    let serial = serial.to_string();
    let parts = ["sts", &state.guid, &request.access_key, &serial];
    Ok(TemporaryCredentials {
        access_key: ids::access_key(state.tenants.get(tenant).and_then(|tenant| tenant.id).unwrap_or_default(), &parts),
        secret_key: ids::secret_key(&parts),
        session_token: ids::token(&parts),
    })
}

fn owner<'s>(state: &'s ClusterState, tenant: &str, request: &AssumeRoleRequest) -> Option<&'s User> {
    let tenant = state.tenants.get(tenant)?;
    if !state.behaviour().own_key_pairs {
        return tenant
            .users
            .get(&request.access_key)
            .filter(|user| user.password.as_ref() == Some(&request.secret_key));
    }
    let is_pair = |user: &&User| {
        user.keys
            .as_ref()
            .is_some_and(|keys| keys.access_key == request.access_key && keys.secret_key == request.secret_key)
    };
    tenant.users.values().find(is_pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::attachments;
    use crate::sim::operations::testing::{admin, cluster};

    fn request(access_key: &str, secret_key: &str, duration: u64) -> AssumeRoleRequest {
        AssumeRoleRequest {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            duration,
            policy: None,
        }
    }

    fn message(state: &ClusterState, request: &AssumeRoleRequest) -> String {
        assume_role(state, "Root", request, 1).unwrap_err().message()
    }

    #[test]
    fn before_5_1_name_and_password_are_the_pair() {
        let state = cluster("4.4");
        let given = assume_role(&state, "Root", &request("alice", "Alices-1", 900), 1).unwrap();
        assert_ne!(given, assume_role(&state, "Root", &request("alice", "Alices-1", 900), 2).unwrap());
        assert!(message(&state, &request("alice", "Alices-2", 900)).contains("invalid"));
        assert!(message(&state, &request("alice", "Alices-1", 899)).contains("at least 900"));
        assert!(message(&state, &request("alice", "short", 900)).contains("at least 8"));
    }

    #[test]
    fn from_5_1_the_key_pair_works_while_a_policy_is_attached() {
        let mut state = cluster("5.1");
        assert!(message(&state, &request("alice", "Alices-1", 900)).contains("invalid"));
        let keys = attachments::attach(&mut state, &admin(), "ml", "bob").unwrap().unwrap();
        let pair = request(&keys.access_key, &keys.secret_key, 900);
        assume_role(&state, "Root", &pair, 1).unwrap();
        attachments::detach(&mut state, &admin(), "bob").unwrap();
        assert!(message(&state, &pair).contains("no S3 policy attached"));
    }
}
