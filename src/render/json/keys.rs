//! `attune.keys/1` and `attune.session/1`: a new key pair without its secret, and temporary credentials, for machines.

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::base::{SessionKeys, UserName};

/// A new key pair. Its secret is where `place` says, and not here.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.keys/1")]
pub struct KeysV1 {
    /// `attune.keys/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The user.
    pub user: String,
    /// The access key.
    pub access_key: String,
    /// The file or the command that has the secret; missing when it is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl KeysV1 {
    /// What is told of a new key pair.
    #[must_use]
    pub fn of(user: &UserName, access_key: &str, place: Option<&str>) -> Self {
        Self {
            format: "attune.keys/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            user: user.to_string(),
            access_key: access_key.to_owned(),
            place: place.map(str::to_owned),
        }
    }
}

/// Temporary credentials, secrets and all: they were asked for to be used. Its `Debug` is not derived, so that they are
/// printed nowhere else.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.session/1")]
pub struct SessionV1 {
    /// `attune.session/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The token that goes with every request.
    pub session_token: String,
    /// Until when they hold, as RFC 3339 has it.
    pub until: String,
}

impl SessionV1 {
    /// A copy of temporary credentials.
    #[must_use]
    pub fn of(keys: &SessionKeys, until: &str) -> Self {
        Self {
            format: "attune.session/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            access_key: keys.access_key.clone(),
            secret_key: keys.secret_key.expose_secret().to_owned(),
            session_token: keys.session_token.expose_secret().to_owned(),
            until: until.to_owned(),
        }
    }
}

/// What `credential_process` of the AWS SDKs expects (AWS SDKs reference, "Process credential provider").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialProcess {
    version: u8,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl CredentialProcess {
    /// A copy of temporary credentials.
    #[must_use]
    pub fn of(keys: &SessionKeys, until: &str) -> Self {
        Self {
            version: 1,
            access_key_id: keys.access_key.clone(),
            secret_access_key: keys.secret_key.expose_secret().to_owned(),
            session_token: keys.session_token.expose_secret().to_owned(),
            expiration: until.to_owned(),
        }
    }
}
