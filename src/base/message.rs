//! Parts of messages: counts, lists of names, and "did you mean".

/// `1 policy`, `2 policies`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// The first `most` items by name, and the number of the others: `a, b and 3 more`.
pub fn list_some<T>(items: &[T], most: usize, name: impl Fn(&T) -> String) -> String {
    let mut words: Vec<String> = items.iter().take(most).map(name).collect();
    if items.len() > most {
        words.push(format!("{} more", items.len() - most));
    }
    list(&words)
}

/// The candidate nearest to `word`, if it is near enough to be a typo.
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

/// The help about an unknown word: the one that was meant, or else something more general.
pub fn did_you_mean(near: Option<&str>, otherwise: impl FnOnce() -> String) -> String {
    near.map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

/// Suggestions for a limited number of unknown words. A search takes time, and many unknown words are no typos.
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
    /// Like [`nearest`], or `None` once the limit is reached.
    pub fn nearest<'a>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        nearest(word, candidates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_the_first_few() {
        let words = ["a", "b", "c", "d"];
        let some = |count: usize, most| list_some(&words[..count], most, |word| format!("`{word}`"));
        assert_eq!(
            [some(0, 2), some(1, 2), some(2, 2), some(4, 2), some(3, 3)],
            ["", "`a`", "`a` and `b`", "`a`, `b` and 2 more", "`a`, `b` and `c`"]
        );
    }

    #[test]
    fn only_near_words_are_suggested_and_only_so_often() {
        let known = ["policy", "detached", "revoke_keys"];
        assert_eq!(nearest("polcy", known), Some("policy"));
        assert_eq!(nearest("Detatched", known), Some("detached"));
        assert_eq!(nearest("quota", known), None);
        let mut suggestions = Suggestions::default();
        let made = (0..100).filter_map(|_| suggestions.nearest("polcy", known)).count();
        assert!((1..100).contains(&made), "{made}");
    }
}
