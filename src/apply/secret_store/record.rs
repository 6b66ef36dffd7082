//! The record of a key pair that every destination gets: one JSON object, optionally encrypted.

use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SecretStoreContext;
use crate::apply::files;
use crate::base::{KeyPair, UserName};

/// A new S3 key pair, as every destination of `[credentials]` gets it: a file, a decrypted file, or the standard input of
/// a command.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "New S3 key pair", deny_unknown_fields)]
pub struct KeyPairRecord<'a> {
    /// The name of the cluster.
    cluster: &'a str,
    /// The name of the tenant.
    tenant: &'a str,
    /// The name of the user.
    user: &'a str,
    /// The access key. The earlier one of the user does not work any more.
    access_key: &'a str,
    /// The secret key. The cluster does not show it again.
    secret_key: &'a str,
    /// When attune got the pair (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

/// The largest record that is read, in bytes. Names have at most a few hundred.
const MAX_RECORD: usize = 16 << 10;

/// The most bytes that JSON needs for a byte of text.
const MAX_ESCAPED: usize = 6;

pub(super) fn record(
    context: &SecretStoreContext,
    user: &UserName,
    pair: &KeyPair,
    created_at: OffsetDateTime,
) -> Zeroizing<Vec<u8>> {
    let record = KeyPairRecord {
        cluster: &context.cluster,
        tenant: &context.tenant,
        user: user.as_str(),
        access_key: &pair.access_key,
        secret_key: pair.secret_key.expose_secret(),
        created_at: created_at.format(&Rfc3339).unwrap_or_default(),
    };
    let texts = [record.cluster, record.tenant, record.user, record.access_key, record.secret_key, &record.created_at];
    // A buffer that grows would leave copies in memory.
    let most = texts.iter().map(|text| text.len() * MAX_ESCAPED).sum::<usize>() + 128;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    // Writing strings to memory cannot fail.
    let written = serde_json::to_writer(&mut *bytes, &record);
    debug_assert!(written.is_ok() && bytes.capacity() == most);
    bytes.push(b'\n');
    bytes
}

/// The owner of the key pair in a file, if it is not this user of this cluster and tenant. A file that holds no record has no
/// owner.
pub(super) fn other_owner(context: &SecretStoreContext, user: &UserName, path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Owner {
        cluster: String,
        tenant: String,
        user: String,
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_RECORD));
    let limit = u64::try_from(MAX_RECORD).unwrap_or(u64::MAX);
    files::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    let owner: Owner = serde_json::from_slice(&bytes).ok()?;
    let same = owner.cluster == context.cluster && owner.tenant == context.tenant && owner.user == user.as_str();
    (!same).then(|| format!("user `{}` of cluster {}, tenant {}", owner.user, owner.cluster, owner.tenant))
}
