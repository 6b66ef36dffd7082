//! Patterns of actions and resources: their wildcards, and which buckets and objects they match.

use std::borrow::Cow;

use super::super::access::pattern_covers;
use super::super::document::with_variables;
use super::super::normal::fold_wildcards;

/// Whether `pattern` matches every text that `other` matches. A text without wildcards matches itself.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    if has_wildcard(pattern) { pattern_covers(pattern, other) } else { pattern == other }
}

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The prefix of every S3 resource. Servers accept no other partition, region or account.
pub(super) const ARN: &str = "arn:aws:s3:::";

/// The part behind the ARN prefix: `bucket` or `bucket/key`. `*` alone means everything. `None` for a pattern without the
/// prefix.
pub(super) fn path(pattern: &str) -> Option<&str> {
    pattern.strip_prefix(ARN).or_else(|| (fold_wildcards(pattern) == "*").then_some("*"))
}

/// The path with `*` for every variable, because its value is unknown.
pub(super) fn relaxed(path: &str) -> String {
    fold_wildcards(&with_variables(path, "*")).into_owned()
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
