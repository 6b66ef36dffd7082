//! `attune.keys/1`: new keys, without the secret. `attune.session/1`: temporary credentials.

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::base::{SessionKeys, UserName};

json_types! {
    /// New keys, without the secret.
    pub struct KeysV1 = "attune.keys/1" {
        /// The user.
        user: String,
        /// The access key.
        access_key: String,
        /// The file or the command that has the secret; missing when the secret is lost.
        secret_stored_in?: String,
    }
}

impl KeysV1 {
    /// A copy of new keys.
    pub fn of(user: &UserName, access_key: &str, secret_stored_in: Option<&str>) -> Self {
        Self {
            format: "attune.keys/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            user: user.to_string(),
            access_key: access_key.to_owned(),
            secret_stored_in: secret_stored_in.map(str::to_owned),
        }
    }
}

/// Temporary credentials, with their secrets. The type has no `Debug`, so that nothing else prints them.
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
    /// The session token.
    pub session_token: String,
    /// When they expire (RFC 3339).
    pub until: String,
}

impl SessionV1 {
    /// A copy of temporary credentials.
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

/// The format of `credential_process` in the AWS SDKs (AWS SDKs reference, "Process credential provider").
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
