//! Patterns of names, as `[ownership]`, `[guards]`, `[[drift.ignore]]` and `attune import` take them.

use std::fmt;
use std::str::FromStr;

/// A pattern of names: `*` matches any run of characters, `?` one, `[ab]` one of these. A name that is equal to the
/// pattern's text matches too, so that a name with such characters can be written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(glob::Pattern);

impl NamePattern {
    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.as_str() == name || self.0.matches(name)
    }
}

impl FromStr for NamePattern {
    type Err = glob::PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        glob::Pattern::new(text).map(Self)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Several patterns of names. A name matches if it matches one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamePatterns(Vec<NamePattern>);

impl NamePatterns {
    /// Whether a name matches one of the patterns.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether there are no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &NamePattern> {
        self.0.iter()
    }

    /// The patterns of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self([self.0, other.0].concat())
    }
}

impl FromIterator<NamePattern> for NamePatterns {
    fn from_iter<I: IntoIterator<Item = NamePattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_by_its_text_or_by_a_pattern() {
        let patterns: NamePatterns = ["svc-*", "bob[1]"].iter().map(|text| text.parse().unwrap()).collect();
        for (name, matches) in
            [("svc-backup", true), ("bob[1]", true), ("bob1", true), ("svc", false), ("bob", false), ("Svc-a", false)]
        {
            assert_eq!(patterns.matches(name), matches, "{name}");
        }
        assert!("user[".parse::<NamePattern>().is_err());
    }
}
