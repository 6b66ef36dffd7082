//! Ids and keys that look real and are derived from the state, so that a run is repeatable.

use sha2::{Digest, Sha256};

pub(super) fn uuid(parts: &[&str]) -> String {
    let digest = hex::encode(digest(parts));
    format!("{}-{}-{}-{}-{}", &digest[..8], &digest[8..12], &digest[12..16], &digest[16..20], &digest[20..32])
}

/// An access key of 20 characters. It starts with the tenant's id. A real key contains the tenant's id too, in an
/// undocumented way.
pub(super) fn access_key(tenant: u32, parts: &[&str]) -> String {
    let letters = encode(&digest(&[parts, &["access"]].concat()), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    format!("{tenant:04X}{}", &letters[..16])
}

/// A secret key of 40 characters.
pub(super) fn secret_key(parts: &[&str]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let halves = ["secret", "rest"].map(|half| encode(&digest(&[parts, &[half]].concat()), ALPHABET));
    halves.concat()[..40].to_owned()
}

/// The key, continued to 128 characters.
pub(super) fn lengthened(mut key: String, parts: &[&str]) -> String {
    for part in ["1", "2", "3", "4"] {
        let more = encode(&digest(&[parts, &[key.as_str(), part]].concat()), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        key.push_str(&more);
    }
    key.truncate(128);
    key
}

/// The first part of a JSON Web Token.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// A token in the form of a JSON Web Token, without any content.
pub(super) fn token(parts: &[&str]) -> String {
    format!("{HEADER}.{}.{}", hex::encode(digest(parts)), hex::encode(digest(&[parts, &["signature"]].concat())))
}

/// A token with a text, which only the holder of `key` can make.
pub(super) fn signed_token(key: &str, text: &str) -> String {
    let begun = format!("{HEADER}.{}", hex::encode(text));
    let signature = hex::encode(digest(&["token", key, &begun]));
    format!("{begun}.{signature}")
}

/// The text of a token that this key signed.
pub(super) fn read_token(key: &str, token: &str) -> Option<String> {
    let (begun, _) = token.rsplit_once('.')?;
    let text = String::from_utf8(hex::decode(begun.split_once('.')?.1).ok()?).ok()?;
    (signed_token(key, &text) == token).then_some(text)
}

pub(super) fn number(parts: &[&str]) -> u64 {
    digest(parts).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ["ab", "c"] apart from ["a", "bc"].
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn encode(bytes: &[u8], alphabet: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_derived_from_their_parts() {
        assert_eq!(uuid(&["a"]), uuid(&["a"]));
        assert_ne!(uuid(&["ab", "c"]), uuid(&["a", "bc"]));
        assert_eq!(uuid(&["a"]).len(), 36);
        assert_eq!(access_key(7, &["a"]).len(), 20);
        assert!(access_key(7, &["a"]).starts_with("0007"));
        assert_eq!(secret_key(&["a"]).len(), 40);
        assert_eq!(token(&["a"]).split('.').count(), 3);
        let signed = signed_token("key", "{}");
        assert_eq!(read_token("key", &signed).as_deref(), Some("{}"));
        assert!(
            [("other", signed.clone()), ("key", format!("{signed}0"))]
                .iter()
                .all(|(key, token)| read_token(key, token).is_none())
        );
    }
}
