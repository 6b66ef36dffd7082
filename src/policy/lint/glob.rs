//! Patterns with `*` (any run of characters) and `?` (one character), compared with texts and with each other.

use super::super::normal::fold_wildcards;

/// Whether every text that `other` matches is matched by `pattern` too. A text without wildcards is a pattern for itself.
///
/// The `*` of `other` stands for any text, so only a `*` of `pattern` can take it; likewise for `?`. That is exact,
/// because there is always a character that is in neither pattern.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    let pattern: Vec<char> = fold_wildcards(pattern).chars().collect();
    let other: Vec<char> = fold_wildcards(other).chars().collect();
    let (mut p, mut o) = (0, 0);
    let mut last_star = None;
    while o < other.len() {
        if pattern.get(p) == Some(&'*') {
            last_star = Some((p, o));
            p += 1;
        } else if pattern.get(p).is_some_and(|&token| takes(token, other[o])) {
            p += 1;
            o += 1;
        } else if let Some((star, taken)) = last_star {
            last_star = Some((star, taken + 1));
            p = star + 1;
            o = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&token| token == '*')
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
