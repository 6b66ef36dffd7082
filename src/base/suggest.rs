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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["policy", "detached", "retire_keys"];
        assert_eq!(nearest("polcy", known), Some("policy"));
        assert_eq!(nearest("Detatched", known), Some("detached"));
        assert_eq!(nearest("quota", known), None);
    }
}
