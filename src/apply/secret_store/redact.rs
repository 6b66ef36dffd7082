//! Takes secrets out of words that others wrote.

/// What stands where a secret stood.
const BLANK: &str = "[redacted]";

/// How much of another's words is shown, in characters.
const LONGEST: usize = 300;

/// The text without these secrets, as it is and as JSON or a URL would write them, on one line and cut to a length that a
/// person reads.
pub(super) fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let json = serde_json::to_string(secret).unwrap_or_default();
        let slashes = secret.replace('/', "\\/");
        let url = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        for form in [*secret, json.trim_matches('"'), slashes.as_str(), url.as_str(), &url.to_lowercase()] {
            clean = clean.replace(form, BLANK);
        }
    }
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_form() {
        let secret = "ab/cd+\"ef";
        let text =
            "plain ab/cd+\"ef, json ab/cd+\\\"ef, slashes ab\\/cd+\"ef, url ab%2Fcd%2B%22ef %2f: ab%2fcd%2b%22ef";
        let clean = redacted(text, &[secret, ""]);
        assert_eq!(clean.matches(BLANK).count(), 5, "{clean}");
        assert!(!clean.contains("cd"), "{clean}");
    }

    #[test]
    fn it_is_cut_after_the_secrets_are_out() {
        let text = format!("{}secret", "é".repeat(LONGEST - 3));
        let clean = redacted(&text, &["secret"]);
        assert!(clean.ends_with("é[re…"), "{clean}");
        assert_eq!(redacted("a\nb\t c", &[]), "a b c");
    }
}
