//! The buckets and keys that patterns of resources are about.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Kind as ResourceKind;
use crate::policy::access::{ARN, RequestKind};
use crate::s3::{Ask, Token, key_within};

/// A key where the document names none.
pub(super) const KEY: &str = "attune-verify";

/// Whether a text is a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The patterns of buckets in patterns of resources, each with the patterns of its keys, and how many patterns leave no room for
/// a name that is not there.
pub(super) fn regions(patterns: BTreeSet<&str>, user: Option<&str>) -> (BTreeMap<String, BTreeSet<String>>, usize) {
    let mut without_room = 0;
    let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pattern in patterns {
        let pattern = pattern.strip_prefix(ARN).unwrap_or(pattern);
        let pattern = user.map_or_else(|| pattern.to_owned(), |user| pattern.replace("${aws:username}", user));
        if pattern.contains("${") || pattern.starts_with("arn:") || pattern.is_empty() {
            without_room += 1;
            continue;
        }
        match pattern.split_once('/') {
            Some((bucket, key)) => _ = regions.entry(bucket.to_owned()).or_default().insert(key.to_owned()),
            None => _ = regions.entry(pattern).or_default(),
        }
    }
    (regions, without_room)
}

/// A key for each pattern, with the pattern. Without patterns it is any key.
pub(super) fn example_keys(patterns: &BTreeSet<String>, token: &Token) -> Vec<(String, String)> {
    let example = |pattern: &String| {
        let key = key_within(pattern, token).map(|key| key.as_str().to_owned());
        (key.unwrap_or_else(|| pattern.replace(['*', '?'], "x")), pattern.clone())
    };
    match patterns.is_empty() {
        true => vec![(KEY.to_owned(), KEY.to_owned())],
        false => patterns.iter().map(example).filter(|(key, _)| !key.is_empty()).collect(),
    }
}

/// What a request of this kind is about, in the bucket or for the key of another one.
pub(super) fn resource(ask: &Ask, request: RequestKind) -> Option<String> {
    match (ask.key(), request.kind()) {
        (Some(key), ResourceKind::Object) => Some(format!("{}/{key}", ask.bucket())),
        (_, ResourceKind::Bucket) => Some(ask.bucket().to_owned()),
        (None, ResourceKind::Object) | (_, ResourceKind::Account) => None,
    }
}
