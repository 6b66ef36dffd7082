//! What a resource pattern can match: buckets, objects, or both.

use std::borrow::Cow;

use super::super::normal::fold_wildcards;

/// How every S3 resource begins. No other partition, region or account is understood.
pub(super) const ARN: &str = "arn:aws:s3:::";

/// The part behind the ARN's prefix, `bucket` or `bucket/key`; `*` alone stands for everything. `None` for a pattern that
/// is not a resource.
pub(super) fn path(pattern: &str) -> Option<&str> {
    pattern.strip_prefix(ARN).or_else(|| is_everything(pattern).then_some("*"))
}

fn is_everything(pattern: &str) -> bool {
    fold_wildcards(pattern) == "*"
}

/// The path with `*` for every variable, as its value is not known.
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

/// Whether a path can match a bucket as a whole.
pub(super) fn can_be_bucket(path: &str) -> bool {
    !path.is_empty() && !relaxed(path).contains('/')
}

/// Whether a path can match an object: a `/` with something behind it, written or within a wildcard.
pub(super) fn can_be_object(path: &str) -> bool {
    let relaxed = relaxed(path);
    relaxed.contains('*')
        || relaxed.char_indices().any(|(at, c)| at > 0 && matches!(c, '/' | '?') && at + 1 < relaxed.len())
}

/// Whether a path stands for every bucket, or every object of every bucket.
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
