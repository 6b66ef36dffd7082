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
        let patterns: BTreeSet<&String> = statements().flat_map(|statement| &statement.resources.patterns).collect();
        let mut buckets: BTreeSet<Self> = patterns.iter().filter_map(|pattern| named(pattern)).collect();
        let negated = statements().any(|statement| statement.resources.negated);
        let fresh = fresh(&buckets);
        if negated || patterns.iter().any(|pattern| fresh.meets(pattern)) {
            buckets.insert(fresh);
        }
        buckets.into_iter().collect()
    }

    pub(super) fn resources(&self) -> [String; 2] {
        resources(self.text())
    }

    /// Whether a pattern of a document may match something in it, for any user.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let pattern = open(pattern);
        self.resources().iter().any(|resource| patterns_overlap(&pattern, &open(resource)))
    }

    /// The beginning of its name that has no wildcard and no variable.
    pub(super) fn beginning(&self) -> &str {
        beginning(self.text())
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Named(text) | Self::Pattern(text) | Self::Others(text) => text,
        }
    }
}

/// A bucket, or several, and everything in it.
pub(super) fn resources(name: &str) -> [String; 2] {
    [format!("{ARN}{name}"), format!("{ARN}{name}/*")]
}

/// What is in front of the first wildcard or variable.
pub(super) fn beginning(pattern: &str) -> &str {
    let end = ["*", "?", "${"].iter().filter_map(|open| pattern.find(open)).min();
    &pattern[..end.unwrap_or(pattern.len())]
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
    fn variables_match_everything() {
        assert_eq!(open("home-${aws:username}/x${b}"), "home-*/x*");
        assert!(Bucket::Named("home-al".into()).meets("arn:aws:s3:::home-${aws:username}/*"));
        assert!(!Bucket::Named("logs".into()).meets("arn:aws:s3:::log/*"));
    }
}
