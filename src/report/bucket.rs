//! The columns of the matrix: the buckets that documents speak of.

use std::collections::BTreeSet;

use crate::policy::Document;
use crate::policy::access::patterns_overlap;

/// What every resource begins with.
const ARN: &str = "arn:aws:s3:::";

/// One bucket, or several that a document speaks of in one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// The bucket of this name.
    Named(String),
    /// All buckets that this pattern matches; a variable in it stands for what it is for the user of the row.
    Pattern(String),
    /// Every bucket that no other column is about; evaluated for one of this name.
    Others(String),
}

impl Bucket {
    /// The columns that are needed for these documents.
    pub(super) fn of<'a>(documents: impl Iterator<Item = &'a Document> + Clone) -> Vec<Self> {
        let patterns =
            || documents.clone().flat_map(|document| &document.statements).flat_map(|s| &s.resources.patterns);
        let mut buckets: BTreeSet<Self> = patterns().filter_map(|pattern| named(pattern)).collect();
        let negated = documents.clone().flat_map(|document| &document.statements).any(|s| s.resources.negated);
        let fresh = fresh(&buckets);
        if negated || patterns().any(|pattern| fresh.meets(pattern)) {
            buckets.insert(fresh);
        }
        buckets.into_iter().collect()
    }

    /// The resources that it stands for, as patterns.
    pub(super) fn resources(&self) -> [String; 2] {
        [format!("{ARN}{}", self.text()), format!("{ARN}{}/*", self.text())]
    }

    /// Whether a pattern of a document may match something in it, whoever the user is.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let pattern = open(pattern);
        self.resources().iter().any(|resource| patterns_overlap(&pattern, &open(resource)))
    }

    /// Whether it may be another for each user.
    pub(super) fn is_variable(&self) -> bool {
        self.text().contains("${")
    }

    /// Whether it is one bucket whose name is known.
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

/// Whether a pattern treats all buckets that it matches the same, but for their names: what is before its first `*` has no
/// other wildcard, no `/` and no variable, and a `/` or nothing is behind it.
pub(super) fn is_even(pattern: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else { return false };
    !before.contains(['/', '?', '$']) && (behind.is_empty() || behind.starts_with('/'))
}

/// The bucket that a pattern is about, where it is about less than all.
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

/// A bucket that none of these is about.
fn fresh(buckets: &BTreeSet<Bucket>) -> Bucket {
    const NAMES: [&str; 6] = ["any-other-bucket", "some-bucket", "xyzzy", "zzz", "qqq-0", "777"];
    let fits = |name: &&str| !buckets.iter().any(|bucket| patterns_overlap(&open(bucket.text()), name));
    let name = NAMES.iter().find(|name| fits(name));
    // Where patterns leave nothing else, all buckets are looked at together.
    name.map_or_else(|| Bucket::Pattern("*".to_owned()), |name| Bucket::Others((*name).to_owned()))
}

/// A pattern with `*` for its variables.
fn open(pattern: &str) -> String {
    let mut parts = pattern.split("${");
    let mut open = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        open.push('*');
        open.push_str(part.split_once('}').map_or(part, |(_, behind)| behind));
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_even_where_only_the_name_of_the_bucket_is_left_open() {
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
    fn variables_may_be_anything() {
        assert_eq!(open("home-${aws:username}/x${b}"), "home-*/x*");
        assert!(Bucket::Named("home-al".into()).meets("arn:aws:s3:::home-${aws:username}/*"));
        assert!(!Bucket::Named("logs".into()).meets("arn:aws:s3:::log/*"));
    }
}
