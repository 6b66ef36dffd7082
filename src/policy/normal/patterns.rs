//! One spelling for patterns that match the same texts because they only differ in their runs of wildcards.

use std::borrow::Cow;

/// Writes every run of wildcards that has a `*` in it as all its `?`, then one `*`. What is inside `${…}` stays.
pub(in crate::policy) fn fold_wildcards(pattern: &str) -> Cow<'_, str> {
    // Only a run of several can be written otherwise.
    if !pattern.as_bytes().windows(2).any(|pair| matches!(pair, [b'*' | b'?', b'*' | b'?'])) {
        return Cow::Borrowed(pattern);
    }
    Cow::Owned(folded(pattern))
}

fn folded(pattern: &str) -> String {
    let mut folded = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(start) = rest.find(['*', '?', '$']) {
        folded.push_str(&rest[..start]);
        rest = &rest[start..];
        let taken = match variable(rest) {
            Some(length) => {
                folded.push_str(&rest[..length]);
                length
            }
            None if rest.starts_with('$') => {
                folded.push('$');
                1
            }
            None => push_run(&mut folded, rest),
        };
        rest = &rest[taken..];
    }
    folded.push_str(rest);
    folded
}

/// The length of the `${…}` that the text begins with.
fn variable(text: &str) -> Option<usize> {
    text.strip_prefix("${")?.find('}').map(|end| end + "${}".len())
}

fn push_run(folded: &mut String, rest: &str) -> usize {
    let length = rest.find(|c| !matches!(c, '*' | '?')).unwrap_or(rest.len());
    let run = &rest[..length];
    folded.extend(run.chars().filter(|c| *c == '?'));
    if run.contains('*') {
        folded.push('*');
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_wildcards_have_one_spelling() {
        let cases = [
            ("**", "*"),
            ("*?", "?*"),
            ("?*?*", "??*"),
            ("??", "??"),
            ("a**b*?c", "a*b?*c"),
            ("${*}**", "${*}*"),
            ("${a*?}$*?", "${a*?}$?*"),
            ("${unclosed**", "${unclosed*"),
            ("é**", "é*"),
            ("", ""),
        ];
        for (pattern, folded) in cases {
            assert_eq!(fold_wildcards(pattern), folded, "{pattern}");
        }
    }
}
