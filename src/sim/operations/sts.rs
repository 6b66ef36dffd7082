//! Temporary credentials: `assume-role`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

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

/// What a session token says. The state does not store temporary credentials: every server of the cluster can read the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) access_key: String,
    pub(crate) tenant: String,
    pub(crate) user: String,
    /// Seconds since 1970.
    pub(crate) until: u64,
    /// The session policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<StoredDocument>,
}

impl Claims {
    /// The claims of a token that this cluster issued.
    pub(crate) fn read(state: &ClusterState, token: &str) -> Option<Self> {
        serde_json::from_str(&ids::read_token(&state.guid, token)?).ok()
    }

    /// The secret key that belongs to the token.
    pub(crate) fn secret_key(&self, state: &ClusterState) -> String {
        ids::secret_key(&["sts", &state.guid, &self.access_key, &self.until.to_string()])
    }
}

/// Issues temporary credentials for the key pair of a user that has a policy.
pub(crate) fn assume_role(
    state: &ClusterState,
    tenant: &str,
    request: &AssumeRoleRequest,
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
    let (name, user) =
        owner(state, tenant, request).ok_or_else(|| Refusal::invalid("The access key or secret key is invalid"))?;
    if user.policy.is_none() {
        return Err(Refusal::invalid("The user has no S3 policy attached"));
    }
    let id = state.tenants.get(tenant).and_then(|tenant| tenant.id).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The time makes each pair another one.
    let parts = ["sts", &state.guid, &request.access_key, &now.as_nanos().to_string()];
    let claims = Claims {
        access_key: ids::access_key(id, &parts),
        tenant: tenant.to_owned(),
        user: name.to_owned(),
        until: now.as_secs().saturating_add(request.duration),
        policy: request.policy.clone(),
    };
    let text = serde_json::to_string(&claims).map_err(|error| Refusal::Broken(error.to_string()))?;
    let (secret_key, session_token) = (claims.secret_key(state), ids::signed_token(&state.guid, &text));
    Ok(TemporaryCredentials { access_key: claims.access_key, secret_key, session_token })
}

fn owner<'s>(state: &'s ClusterState, tenant: &str, request: &AssumeRoleRequest) -> Option<(&'s str, &'s User)> {
    let mut users = state.tenants.get(tenant)?.users.iter().map(|(name, user)| (name.as_str(), user));
    users.find(|(name, user)| user.key_pair(state, name) == Some((&request.access_key, &request.secret_key)))
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
        assume_role(state, "Root", request).unwrap_err().message()
    }

    #[test]
    fn before_5_1_name_and_password_are_the_pair() {
        let state = cluster("4.4");
        let given = assume_role(&state, "Root", &request("alice", "Alices-1", 900)).unwrap();
        assert_ne!(given, assume_role(&state, "Root", &request("alice", "Alices-1", 900)).unwrap());
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
        assume_role(&state, "Root", &pair).unwrap();
        attachments::detach(&mut state, &admin(), "bob").unwrap();
        assert!(message(&state, &pair).contains("no S3 policy attached"));
    }
}
