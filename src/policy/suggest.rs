//! "Did you mean": the nearest of the words that would have been right.

/// How alike two words must be, from 0 to 1; `Conditions` and `Condition` are 0.9 alike, `Foo` and `Sid` 0.
const ALIKE: f64 = 0.6;

/// The candidate nearest to `word`, when one is near enough to be what was meant. Case does not count.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| {
        let likeness = strsim::normalized_damerau_levenshtein(&word, &candidate.to_lowercase());
        (likeness, candidate)
    });
    let near = scored.filter(|(likeness, _)| *likeness >= ALIKE);
    near.max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x))).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let words = ["Action", "NotAction", "Resource", "NotResource", "Condition"];
        assert_eq!(nearest("Actions", words), Some("Action"));
        assert_eq!(nearest("notresouce", words), Some("NotResource"));
        assert_eq!(nearest("Conditions", words), Some("Condition"));
        assert_eq!(nearest("Users", words), None);
    }
}
