//! The columns of the matrix: the buckets in documents.

use std::collections::BTreeSet;

use crate::policy::access::{ARN, patterns_overlap};
use crate::policy::{Document, with_variables};

/// A bucket, or several that a document names by one pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// The bucket of this name.
    Named(String),
    /// All buckets that this pattern matches. A variable has its value for the user of the row.
    Pattern(String),
    /// All buckets without a column of their own. This example is evaluated for them.
    Others(String),
}

impl Bucket {
    pub(super) fn of(documents: &[&Document]) -> Vec<Self> {
        let statements = || documents.iter().flat_map(|document| &document.statements);
        let patterns = || statements().flat_map(|statement| &statement.resources.patterns);
        let mut buckets: BTreeSet<Self> = patterns().filter_map(|pattern| named(pattern)).collect();
        let negated = statements().any(|statement| statement.resources.negated);
        let fresh = fresh(&buckets);
        if negated || patterns().any(|pattern| fresh.meets(pattern)) {
            buckets.insert(fresh);
        }
        buckets.into_iter().collect()
    }

    pub(super) fn resources(&self) -> [String; 2] {
        [format!("{ARN}{}", self.text()), format!("{ARN}{}/*", self.text())]
    }

    /// Whether a pattern of a document may match something in it, for any user.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let pattern = open(pattern);
        self.resources().iter().any(|resource| patterns_overlap(&pattern, &open(resource)))
    }

    pub(super) fn is_variable(&self) -> bool {
        self.text().contains("${")
    }

    /// Whether it is one bucket with a known name.
    pub(super) fn is_one(&self) -> bool {
        match self {
            Self::Named(_) | Self::Others(_) => true,
            Self::Pattern(_) => false,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Named(text) | Self::Pattern(text) | Self::Others(text) => text,
        }
    }
}

/// Whether a pattern treats all matching buckets the same: there is no other wildcard, `/` or variable before the first
/// `*`, and `/` or nothing after it.
pub(super) fn is_even(pattern: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else { return false };
    !before.contains(['/', '?', '$']) && (behind.is_empty() || behind.starts_with('/'))
}

/// The bucket of a pattern, unless it matches all buckets.
fn named(pattern: &str) -> Option<Bucket> {
    let part = pattern.strip_prefix(ARN)?.split('/').next().unwrap_or_default();
    let all = part.chars().all(|letter| letter == '*');
    let wild = part.contains(['*', '?']) || part.contains("${");
    match (all, wild) {
        (true, _) => None,
        (false, true) => Some(Bucket::Pattern(part.to_owned())),
        (false, false) => Some(Bucket::Named(part.to_owned())),
    }
}

/// A bucket that is none of these.
fn fresh(buckets: &BTreeSet<Bucket>) -> Bucket {
    const NAMES: [&str; 6] = ["any-other-bucket", "some-bucket", "xyzzy", "zzz", "qqq-0", "777"];
    let fits = |name: &&str| !buckets.iter().any(|bucket| patterns_overlap(&open(bucket.text()), name));
    let name = NAMES.iter().find(|name| fits(name));
    // If the patterns match all names, one column has all buckets.
    name.map_or_else(|| Bucket::Pattern("*".to_owned()), |name| Bucket::Others((*name).to_owned()))
}

fn open(pattern: &str) -> String {
    with_variables(pattern, "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_even_if_only_the_bucket_name_is_open() {
        for (pattern, even) in [
            ("*", true),
            ("arn:aws:s3:::ml-*", true),
            ("arn:aws:s3:::ml-*/raw/*", true),
            ("arn:aws:s3:::*/x", true),
            ("arn:aws:s3:::logs", false),
            ("arn:aws:s3:::logs/*", false),
            ("arn:aws:s3:::l*s", false),
            ("arn:aws:s3:::l?g*", false),
            ("arn:aws:s3:::${aws:username}*", false),
        ] {
            assert_eq!(is_even(pattern), even, "{pattern}");
        }
    }

    #[test]
    fn variables_match_everything() {
        assert_eq!(open("home-${aws:username}/x${b}"), "home-*/x*");
        assert!(Bucket::Named("home-al".into()).meets("arn:aws:s3:::home-${aws:username}/*"));
        assert!(!Bucket::Named("logs".into()).meets("arn:aws:s3:::log/*"));
    }
}
