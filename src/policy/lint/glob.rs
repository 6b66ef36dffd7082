//! Patterns with `*` (any run of characters) and `?` (one character), compared with texts and with each other.

use std::str::Chars;

use super::super::normal::fold_wildcards;

/// Whether every text that `other` matches is matched by `pattern` too. A text without wildcards is a pattern for itself.
///
/// The `*` of `other` stands for any text, so only a `*` of `pattern` can take it; likewise for `?`. That is exact,
/// because there is always a character that is in neither pattern.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    if !has_wildcard(pattern) {
        return pattern == other;
    }
    let (pattern, other) = (fold_wildcards(pattern), fold_wildcards(other));
    let (mut pattern, mut other) = (pattern.chars(), other.chars());
    // What follows the last `*`, and where the run that it takes ends so far.
    let mut last_star: Option<(Chars<'_>, Chars<'_>)> = None;
    while let Some(next) = other.clone().next() {
        let mut after = pattern.clone();
        match after.next() {
            Some('*') => {
                last_star = Some((after.clone(), other.clone()));
                pattern = after;
            }
            Some(token) if takes(token, next) => {
                pattern = after;
                other.next();
            }
            Some(_) | None => {
                let Some((behind, mut taken)) = last_star else { return false };
                taken.next();
                last_star = Some((behind.clone(), taken.clone()));
                (pattern, other) = (behind, taken);
            }
        }
    }
    pattern.all(|token| token == '*')
}

fn takes(token: char, other: char) -> bool {
    match token {
        '?' => other != '*',
        token => token == other,
    }
}

/// Whether the text has a wildcard.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_it_matches() {
        let covered = [
            ("s3:Get*", "s3:GetObject"),
            ("*", ""),
            ("a*c*e", "abcde"),
            ("*aab", "aaaab"),
            ("?é?", "aéb"),
            ("s3:*", "s3:Get*"),
            ("b/*", "b/x/*"),
            ("*b", "?*ab"),
            ("?*", "*?"),
            ("a**", "a*"),
        ];
        for (pattern, other) in covered {
            assert!(covers(pattern, other), "{pattern} {other}");
        }
        let not =
            [("s3:Get*", "s3:Put*"), ("b/?", "b/*"), ("b/?*", "b/*"), ("a", "ab"), ("ab", "a"), ("a?", "a"), ("", "a")];
        for (pattern, other) in not {
            assert!(!covers(pattern, other), "{pattern} {other}");
        }
    }
}
