//! Patterns of actions and resources: their wildcards, and which buckets and objects they match.

use std::borrow::Cow;
use std::str::Chars;

use super::super::normal::fold_wildcards;

/// Whether `pattern` matches every text that `other` matches. A text without wildcards matches itself.
///
/// Only a `*` of `pattern` can match a `*` of `other`, and only a wildcard can match a `?`. This is exact, because there
/// is always a character that is in neither pattern.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    if !has_wildcard(pattern) {
        return pattern == other;
    }
    let (pattern, other) = (fold_wildcards(pattern), fold_wildcards(other));
    let (mut pattern, mut other) = (pattern.chars(), other.chars());
    // The position after the last `*`, and the end of its match so far.
    let mut last_star: Option<(Chars<'_>, Chars<'_>)> = None;
    while let Some(next) = other.clone().next() {
        let mut after = pattern.clone();
        match after.next() {
            Some('*') => {
                last_star = Some((after.clone(), other.clone()));
                pattern = after;
            }
            Some(token) if takes(token, next) => {
                pattern = after;
                other.next();
            }
            Some(_) | None => {
                let Some((behind, mut taken)) = last_star else { return false };
                taken.next();
                last_star = Some((behind.clone(), taken.clone()));
                (pattern, other) = (behind, taken);
            }
        }
    }
    pattern.all(|token| token == '*')
}

fn takes(token: char, other: char) -> bool {
    match token {
        '?' => other != '*',
        token => token == other,
    }
}

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The prefix of every S3 resource. Servers accept no other partition, region or account.
pub(super) const ARN: &str = "arn:aws:s3:::";

/// The part behind the ARN prefix: `bucket` or `bucket/key`. `*` alone means everything. `None` for a pattern without the
/// prefix.
pub(super) fn path(pattern: &str) -> Option<&str> {
    pattern.strip_prefix(ARN).or_else(|| is_everything(pattern).then_some("*"))
}

fn is_everything(pattern: &str) -> bool {
    fold_wildcards(pattern) == "*"
}

/// The path with `*` for every variable, because its value is unknown.
pub(super) fn relaxed(path: &str) -> Cow<'_, str> {
    if !path.contains("${") {
        return fold_wildcards(path);
    }
    let mut relaxed = String::new();
    let mut rest = path;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}') else { break };
        relaxed.push_str(&rest[..start]);
        relaxed.push('*');
        rest = &rest[start + end + 1..];
    }
    relaxed.push_str(rest);
    Cow::Owned(fold_wildcards(&relaxed).into_owned())
}

/// Whether a path can match a bucket.
pub(super) fn can_be_bucket(path: &str) -> bool {
    !path.is_empty() && !relaxed(path).contains('/')
}

/// Whether a path can match an object: it has a `/` with text behind it, or wildcards that can match this.
pub(super) fn can_be_object(path: &str) -> bool {
    let relaxed = relaxed(path);
    relaxed.contains('*')
        || relaxed.char_indices().any(|(at, c)| at > 0 && matches!(c, '/' | '?') && at + 1 < relaxed.len())
}

/// Whether a path matches every bucket, or every object of every bucket.
pub(super) fn is_all(path: &str) -> bool {
    matches!(&*fold_wildcards(path), "*" | "*/*")
}

/// The bucket of a path, with its wildcards.
pub(super) fn bucket(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The path of all objects in the buckets that a path without `/` matches.
pub(super) fn objects_of(path: &str) -> Cow<'_, str> {
    if path.ends_with('*') { Cow::Borrowed(path) } else { Cow::Owned(format!("{}/*", path.trim_end_matches('/'))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_it_matches() {
        let covered = [
            ("s3:Get*", "s3:GetObject"),
            ("*", ""),
            ("a*c*e", "abcde"),
            ("*aab", "aaaab"),
            ("?é?", "aéb"),
            ("s3:*", "s3:Get*"),
            ("b/*", "b/x/*"),
            ("*b", "?*ab"),
            ("?*", "*?"),
            ("a**", "a*"),
        ];
        for (pattern, other) in covered {
            assert!(covers(pattern, other), "{pattern} {other}");
        }
        let not =
            [("s3:Get*", "s3:Put*"), ("b/?", "b/*"), ("b/?*", "b/*"), ("a", "ab"), ("ab", "a"), ("a?", "a"), ("", "a")];
        for (pattern, other) in not {
            assert!(!covers(pattern, other), "{pattern} {other}");
        }
    }

    #[test]
    fn a_path_can_be_a_bucket_an_object_or_both() {
        let cases = [
            ("b", true, false),
            ("b*", true, true),
            ("*", true, true),
            ("b/*", false, true),
            ("b/x", false, true),
            ("b/", false, false),
            ("b?", true, false),
            ("b?x", true, true),
            ("${aws:username}", true, true),
            ("b/${aws:username}", false, true),
            ("", false, false),
        ];
        for (path, bucket, object) in cases {
            assert_eq!((can_be_bucket(path), can_be_object(path)), (bucket, object), "{path}");
        }
    }

    #[test]
    fn the_prefix_is_taken_off() {
        assert_eq!(path("arn:aws:s3:::b/*"), Some("b/*"));
        assert_eq!(path("**"), Some("*"));
        assert_eq!(path("arn:aws:s3:eu::b"), None);
        assert_eq!(relaxed("a/${aws:username}*/${x"), "a/*/${x");
    }
}
