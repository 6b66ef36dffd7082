//! Names that are protected.

use super::super::at::At;
use super::super::resolve::patterns;
use crate::base::{FileId, Finding};

/// Patterns of names that are protected. A name that is written out is one of them too, whatever signs it holds.
#[derive(Debug, Clone, Default)]
pub struct Protected(Vec<glob::Pattern>);

impl Protected {
    /// Protects the names that match one of the patterns.
    #[must_use]
    pub fn new(patterns: Vec<glob::Pattern>) -> Self {
        Self(patterns)
    }

    /// What a list says. A text that is no pattern is a finding.
    pub(super) fn read(texts: &[At<String>], file: FileId, findings: &mut Vec<Finding>) -> Self {
        Self(patterns(texts, file, findings))
    }

    /// The patterns, as written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(glob::Pattern::as_str)
    }

    /// What either protects.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self([self.0, other.0].concat())
    }

    /// Whether this name is protected.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.as_str() == name || pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_protected_by_itself_or_by_a_pattern() {
        let protected = Protected::new(["svc-*", "bob[1]"].map(|text| glob::Pattern::new(text).unwrap()).to_vec());
        assert!(protected.covers("svc-backup") && protected.covers("bob[1]") && protected.covers("bob1"));
        assert!(!protected.covers("svc") && !protected.covers("bob") && !protected.covers("Svc-backup"));
    }
}
