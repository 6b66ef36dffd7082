//! Secrets that a cluster shows only once.

use secrecy::SecretString;

/// An S3 key pair, as an attach or a key generation shows it once. `Debug` hides the secret.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The access key, which is not secret but identifies the pair.
    pub access_key: String,
    /// The secret key; wiped from memory when dropped.
    pub secret_key: SecretString,
}

/// Temporary credentials, as `weka s3 sts assume-role` gives them. `Debug` hides the secrets.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    /// The access key, which is not secret but identifies the credentials.
    pub access_key: String,
    /// The secret key; wiped from memory when dropped.
    pub secret_key: SecretString,
    /// The token that goes with every request; wiped from memory when dropped.
    pub session_token: SecretString,
}
