//! Names that are not there: random characters in the place of a pattern's `*`.

use std::fmt;

use crate::base::NamePattern;

/// The random characters of a run. Nobody else has them in a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(String);

/// The number of random characters.
const LENGTH: usize = 24;

/// The longest name of a bucket, and of a key.
const MAX_BUCKET: usize = 63;
const MAX_KEY: usize = 1024;

const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Token {
    /// New characters, from the random numbers of the TLS library. `None` if it has none.
    pub fn random() -> Option<Self> {
        let mut random = [0; LENGTH];
        rustls::crypto::ring::default_provider().secure_random.fill(&mut random).ok()?;
        Some(Self::new(random))
    }

    /// Makes one of these random bytes.
    pub fn new(random: [u8; LENGTH]) -> Self {
        Self(random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a bucket that is not there: it has the characters of the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketAt(pub(super) String);

/// A key that is not there: it has the characters of the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyAt(pub(super) String);

impl BucketAt {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyAt {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A bucket that matches a pattern and is not there; `None` if the pattern leaves no room for the characters.
pub fn bucket_within(pattern: &str, token: &Token) -> Option<BucketAt> {
    filled(pattern, token).filter(|name| is_bucket(name)).map(BucketAt)
}

/// A bucket beside a pattern, as near as possible: without the character before or behind the `*`, or longer than a name.
pub fn bucket_beside(pattern: &str, token: &Token) -> Option<BucketAt> {
    beside(pattern, token, is_bucket).map(BucketAt)
}

/// A key that matches a pattern and is not there; `None` if the pattern leaves no room for the characters.
pub fn key_within(pattern: &str, token: &Token) -> Option<KeyAt> {
    filled(pattern, token).filter(|key| is_key(key)).map(KeyAt)
}

/// The same key with a slash in front.
pub fn key_behind_slash(key: &KeyAt) -> KeyAt {
    KeyAt(format!("/{}", key.as_str()))
}

/// A key beside a pattern, as near as possible.
pub fn key_beside(pattern: &str, token: &Token) -> Option<KeyAt> {
    beside(pattern, token, is_key).map(KeyAt)
}

/// The shortest text that a part of a pattern matches.
fn plain(part: &str) -> String {
    part.replace('*', "").replace('?', "x")
}

/// The pattern with the characters for its first `*`, and the shortest text for the rest of it.
fn filled(pattern: &str, token: &Token) -> Option<String> {
    let (before, behind) = pattern.split_once('*')?;
    Some(format!("{}{token}{}", plain(before), plain(behind)))
}

fn beside(pattern: &str, token: &Token, fits: impl Fn(&str) -> bool) -> Option<String> {
    let (before, behind) = pattern.split_once('*').unwrap_or((pattern, ""));
    let (before, behind) = (plain(before), plain(behind));
    let shorter = |text: &str| text.char_indices().next_back().map(|(at, _)| text[..at].to_owned());
    let without_first = behind.chars().next().map(|first| behind[first.len_utf8()..].to_owned());
    let candidates = [
        (!pattern.contains('*')).then(|| format!("{before}{token}")),
        shorter(&before).map(|before| format!("{before}{token}{behind}")),
        without_first.map(|behind| format!("{before}{token}{behind}")),
    ];
    let is_match = |name: &str| pattern.parse::<NamePattern>().is_ok_and(|pattern| pattern.matches(name));
    candidates.into_iter().flatten().find(|name| fits(name) && !is_match(name))
}

fn is_bucket(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=MAX_BUCKET).contains(&name.len())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(byte))
        && is_end(bytes.first())
        && is_end(bytes.last())
        && !name.contains("..")
}

/// A key that every server and every URL takes as it is.
fn is_key(key: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    key.len() <= MAX_KEY && key.split('/').all(is_plain) && !key.chars().any(|c| c.is_control() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().matches(name)
    }

    fn token() -> Token {
        Token::new(std::array::from_fn(|at| u8::try_from(at).unwrap() * 7))
    }

    #[test]
    fn names_within_a_pattern_have_the_characters_in_the_place_of_the_star() {
        let token = token();
        assert!(token.as_str().len() >= 20);
        let within = |pattern| bucket_within(pattern, &token).map(|name| name.as_str().replace(token.as_str(), "R"));
        for (pattern, name) in
            [("*", "R"), ("data-*", "data-R"), ("*-logs", "R-logs"), ("a?*", "axR"), ("a*b*c", "aRbc")]
        {
            assert_eq!(within(pattern).as_deref(), Some(name), "{pattern}");
            assert!(is_match(pattern, bucket_within(pattern, &token).unwrap().as_str()));
        }
        let long = format!("{}*", "a".repeat(50));
        for pattern in ["data", "Data-*", "a..*", "*-", "a_*", "a${x}*", &long] {
            assert_eq!(within(pattern), None, "{pattern}");
        }
        assert!(key_within("a/*/b", &token).is_some());
        for pattern in ["a/b", "/*", "../*", "a//*", "a/*/"] {
            assert_eq!(key_within(pattern, &token), None, "{pattern}");
        }
    }

    #[test]
    fn names_beside_a_pattern_do_not_match_it() {
        let token = token();
        let beside = |pattern| bucket_beside(pattern, &token).map(|name| name.as_str().replace(token.as_str(), "R"));
        for (pattern, name) in [
            ("data-*", Some("dataR")),
            ("*-logs", Some("Rlogs")),
            ("data", Some("dataR")),
            ("*", None),
            ("a", Some("aR")),
        ] {
            assert_eq!(beside(pattern).as_deref(), name, "{pattern}");
        }
        for pattern in ["data-*", "*-logs", "data", "x*y*z", "a?b*"] {
            if let Some(name) = bucket_beside(pattern, &token) {
                assert!(!is_match(pattern, name.as_str()) && name.as_str().contains(token.as_str()), "{pattern}");
            }
        }
    }
}
