//! "Did you mean": the known word nearest to one that is not known.

/// The candidate nearest to `word`, when it is near enough to be a slip of the keys.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Suggestions for the first few of many words: to hold each against all that is known takes time, and where many are
/// not known, it is no slip of the keys.
#[derive(Debug)]
pub struct Suggestions {
    left: usize,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self { left: 16 }
    }
}

impl Suggestions {
    /// As [`nearest`]; nothing once there were enough.
    pub fn nearest<'a>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        nearest(word, candidates)
    }
}

#[cfg(test)]
mod tests {
    use super::{Suggestions, nearest};

    #[test]
    fn suggestions_come_to_an_end() {
        let mut suggestions = Suggestions::default();
        let made = (0..100).filter_map(|_| suggestions.nearest("polcy", ["policy"])).count();
        assert!((1..100).contains(&made), "{made}");
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["policy", "detached", "revoke_keys"];
        assert_eq!(nearest("polcy", known), Some("policy"));
        assert_eq!(nearest("Detatched", known), Some("detached"));
        assert_eq!(nearest("quota", known), None);
    }
}
