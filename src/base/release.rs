//! The release of a cluster.

use std::fmt;

/// The maximum length of a release in bytes: far more than a number and a build's hash.
const LONGEST: usize = 100;

/// A cluster's release, such as `5.1.2` or `3.11.1.6926-f6e1fbb9…`. Compares by its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    numbers: Vec<u32>,
    text: String,
}

impl Release {
    /// The newest release that attune knows. Checks without a cluster use it.
    #[must_use]
    pub fn newest() -> Self {
        Self { numbers: vec![6, 0], text: "6.0".to_owned() }
    }

    /// Reads the numbers at the start of `text`; the rest (a build's hash) is kept for display only. `None` without a major
    /// and a minor number, or if `text` has anything but printable ASCII.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') || text.len() > LONGEST {
            return None;
        }
        let front = text.trim_start_matches('v').split(['-', '+', ' ']).next()?;
        let numbers: Vec<u32> = front.split('.').map_while(|part| part.parse().ok()).collect();
        (numbers.len() >= 2).then(|| Self { numbers, text: text.to_owned() })
    }

    /// Whether its major and minor number are newer than those of the newest release that attune knows.
    #[must_use]
    pub fn is_newer_than_known(&self) -> bool {
        let known = Self::newest().numbers;
        self.numbers.get(..known.len()).is_some_and(|line| line > known.as_slice())
    }

    /// Whether this release is `major.minor` or newer.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.numbers.as_slice() >= [major, minor].as_slice()
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_their_numbers() {
        let release = Release::parse("3.11.1.6926-f6e1fbb96d03ef76b64bfd4d8c2c366a").unwrap();
        assert!(
            release.at_least(3, 11) && release.at_least(3, 9) && !release.at_least(3, 12) && !release.at_least(4, 0)
        );
        assert!(Release::parse("5.1").unwrap().at_least(5, 1));
        assert!(Release::parse("10.0.1").unwrap().at_least(5, 1));
        for text in ["weka", "5.1.2-\u{1b}[31m", "5.1.2-\u{202e}x", &format!("5.1.2-{}", "a".repeat(100))] {
            assert_eq!(Release::parse(text), None, "{text:?}");
        }
        for (text, newer) in [("4.4.9", false), ("5.1.99", false), ("6.0.3", false), ("6.1.0", true), ("7.0", true)] {
            assert_eq!(Release::parse(text).unwrap().is_newer_than_known(), newer, "{text}");
        }
    }
}
