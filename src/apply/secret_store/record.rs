//! What every destination gets of a key pair: one JSON object.

use std::io::Read;
use std::path::Path;

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SecretStoreContext;
use crate::apply::files;
use crate::base::{KeyPair, UserName};

#[derive(Serialize)]
struct Record<'a> {
    cluster: &'a str,
    tenant: &'a str,
    user: &'a str,
    access_key: &'a str,
    secret_key: &'a str,
    created_at: String,
}

/// The longest record that is read, in bytes: names have at most a few hundred.
const LONGEST: usize = 16 << 10;

/// How many bytes a character may take in JSON.
const ESCAPED: usize = 6;

/// The JSON, on a line of its own; wiped from memory when dropped.
pub(super) fn record(
    context: &SecretStoreContext,
    user: &UserName,
    pair: &KeyPair,
    created_at: OffsetDateTime,
) -> Zeroizing<Vec<u8>> {
    let record = Record {
        cluster: &context.cluster,
        tenant: &context.tenant,
        user: user.as_str(),
        access_key: &pair.access_key,
        secret_key: pair.secret_key.expose_secret(),
        created_at: created_at.format(&Rfc3339).unwrap_or_default(),
    };
    let texts = [record.cluster, record.tenant, record.user, record.access_key, record.secret_key, &record.created_at];
    // Enough from the start: a buffer that grows leaves copies behind that nobody wipes.
    let most = texts.iter().map(|text| text.len() * ESCAPED).sum::<usize>() + 128;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    // Strings into memory: this cannot fail.
    let written = serde_json::to_writer(&mut *bytes, &record);
    debug_assert!(written.is_ok() && bytes.capacity() == most);
    bytes.push(b'\n');
    bytes
}

/// Whose key pair the record in a file is, where it is not the one of this user of this cluster and tenant. What is no
/// record is nobody's.
pub(super) fn of_other(context: &SecretStoreContext, user: &UserName, path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Whose {
        cluster: String,
        tenant: String,
        user: String,
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    files::open(path).ok()?.take(longest).read_to_end(&mut bytes).ok()?;
    let whose: Whose = serde_json::from_slice(&bytes).ok()?;
    let same = whose.cluster == context.cluster && whose.tenant == context.tenant && whose.user == user.as_str();
    (!same).then(|| format!("user `{}` of cluster {}, tenant {}", whose.user, whose.cluster, whose.tenant))
}
