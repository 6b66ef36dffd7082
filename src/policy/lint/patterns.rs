//! Patterns of actions and resources: their wildcards, and which buckets and objects they match.

use std::borrow::Cow;

pub(super) use super::super::access::ARN;
pub(super) use super::super::access::pattern_covers as covers;
use super::super::document::with_variables;
use super::super::normal::fold_wildcards;

/// The actions on objects by which access to them is judged.
pub(super) const OBJECT_ACTIONS: [&str; 3] = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The part behind the ARN prefix: `bucket` or `bucket/key`. `*` alone means everything. `None` for a pattern without the
/// prefix.
pub(super) fn path(pattern: &str) -> Option<&str> {
    pattern.strip_prefix(ARN).or_else(|| (fold_wildcards(pattern) == "*").then_some("*"))
}

/// The part of a pattern in front of its first wildcard or variable.
pub(super) fn front(pattern: &str) -> &str {
    pattern.find(['*', '?', '$']).map_or(pattern, |end| &pattern[..end])
}

/// Texts as JSON: one text, or a list. They have no characters that need an escape.
pub(super) fn one_or_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| format!("\"{text}\"")).collect();
    if let [only] = texts.as_slice() { only.clone() } else { format!("[{}]", texts.join(", ")) }
}

/// The path with `*` for every variable, because its value is unknown.
pub(super) fn relaxed(path: &str) -> Cow<'_, str> {
    if path.contains("${") {
        return fold_wildcards(&with_variables(path, "*")).into_owned().into();
    }
    fold_wildcards(path)
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
