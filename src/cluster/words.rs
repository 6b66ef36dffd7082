//! The cluster's own words about a failure, made fit for an error: one line, bounded, without secrets.

use secrecy::{ExposeSecret, SecretString};

use crate::base::visible;

/// How much of an answer an error keeps, in characters: enough for a sentence of the vendor's, too little for a page.
const KEPT: usize = 300;

/// The text on one line, with what is hidden made visible, without `secrets`, and cut where it is long.
pub(in crate::cluster) fn clean(text: &str, secrets: &[&SecretString]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[secret]");
    }
    let mut line = visible(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
    if let Some((end, _)) = line.char_indices().nth(KEPT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleaned_text_is_one_bounded_line() {
        assert_eq!(clean(" a\r\n\tb\u{1b}[31m\u{202e}c ", &[]), r"a b\u{1b}[31m\u{202e}c");
        let long = clean(&"é".repeat(1000), &[]);
        assert_eq!(long.chars().count(), KEPT + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_token_is_taken_out_before_the_text_is_cut() {
        let token = SecretString::from("t0k3n".repeat(20));
        let text = format!("{} Bearer {}", "x".repeat(280), token.expose_secret());
        let shown = clean(&text, &[&token]);
        assert!(!shown.contains("t0k3n"), "{shown}");
        assert_eq!(clean("a", &[&"".into()]), "a");
    }
}
