//! Temporary credentials: `assume-role`.

use super::{Refusal, document, s3};
use crate::sim::document::Document;
use crate::sim::ids;
use crate::sim::state::{State, User};

/// The shortest life of a token, in seconds, by the definitions.
const SHORTEST: u64 = 900;

/// The shortest secret key, in characters, by the definitions.
const SHORTEST_SECRET: usize = 8;

/// What temporary credentials are asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The access key; before 5.1, the user's name.
    pub access_key: String,
    /// The secret key; before 5.1, the user's password.
    pub secret_key: String,
    /// How long, in seconds.
    pub duration: u64,
    /// A document that narrows what the credentials may do.
    pub policy: Option<Document>,
}

/// Temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The token that goes with them.
    pub session_token: String,
}

/// Gives temporary credentials to who has the key pair of a user that holds a policy. `serial` is a number not used
/// before: nothing of this is kept in the state.
///
/// # Errors
/// The wish is not as the definitions have it, the pair is none, or its user holds nothing.
pub fn assume_role(state: &State, tenant: &str, wish: &Wish, serial: u64) -> Result<Credentials, Refusal> {
    s3::is_there(state)?;
    if wish.duration < SHORTEST {
        return Err(Refusal::param("duration", format!("duration must be at least {SHORTEST} seconds")));
    }
    if wish.secret_key.chars().count() < SHORTEST_SECRET {
        let message = format!("secret_key must be at least {SHORTEST_SECRET} characters long");
        return Err(Refusal::param("secret_key", message));
    }
    if let Some(policy) = &wish.policy {
        document::check(policy, state.limits.document_bytes)?;
    }
    // What a cluster answers to a wrong pair is unknown.
    let user = owner(state, tenant, wish).ok_or_else(|| Refusal::invalid("The access key or secret key is invalid"))?;
    if user.policy.is_none() {
        return Err(Refusal::invalid("The user has no S3 policy attached"));
    }
    let serial = serial.to_string();
    let parts = ["sts", &state.guid, &wish.access_key, &serial];
    Ok(Credentials {
        access_key: ids::access_key(state.tenants.get(tenant).and_then(|tenant| tenant.id).unwrap_or_default(), &parts),
        secret_key: ids::secret_key(&parts),
        session_token: ids::token(&parts),
    })
}

fn owner<'s>(state: &'s State, tenant: &str, wish: &Wish) -> Option<&'s User> {
    let tenant = state.tenants.get(tenant)?;
    if !state.behaviour().own_key_pairs {
        return tenant.user(&wish.access_key).filter(|user| user.password.as_ref() == Some(&wish.secret_key));
    }
    let is_pair = |user: &&User| {
        user.keys.as_ref().is_some_and(|keys| keys.access_key == wish.access_key && keys.secret_key == wish.secret_key)
    };
    tenant.users.values().map(|user| &**user).find(is_pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::attachments;
    use crate::sim::rules::testing::{admin, cluster};

    fn wish(access_key: &str, secret_key: &str, duration: u64) -> Wish {
        Wish { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), duration, policy: None }
    }

    fn message(state: &State, wish: &Wish) -> String {
        assume_role(state, "Root", wish, 1).unwrap_err().message()
    }

    #[test]
    fn before_5_1_name_and_password_are_the_pair() {
        let state = cluster("4.4");
        let given = assume_role(&state, "Root", &wish("alice", "Alices-1", 900), 1).unwrap();
        assert_ne!(given, assume_role(&state, "Root", &wish("alice", "Alices-1", 900), 2).unwrap());
        assert!(message(&state, &wish("alice", "Alices-2", 900)).contains("invalid"));
        assert!(message(&state, &wish("alice", "Alices-1", 899)).contains("at least 900"));
        assert!(message(&state, &wish("alice", "short", 900)).contains("at least 8"));
    }

    #[test]
    fn from_5_1_the_pair_is_its_own_and_works_while_a_policy_is_held() {
        let mut state = cluster("5.1");
        assert!(message(&state, &wish("alice", "Alices-1", 900)).contains("invalid"));
        let keys = attachments::attach(&mut state, &admin(), "ml", "bob").unwrap().unwrap();
        let pair = wish(&keys.access_key, &keys.secret_key, 900);
        assume_role(&state, "Root", &pair, 1).unwrap();
        attachments::detach(&mut state, &admin(), "bob").unwrap();
        assert!(message(&state, &pair).contains("no S3 policy attached"));
    }
}
