//! Command lines for people to copy: each word is exactly one argument, whatever it contains.

use super::visible;

/// A text as one word for a POSIX shell. `None` if it has hidden characters: a person could not check the line before
/// running it.
pub fn shell_word(text: &str) -> Option<String> {
    // Words without quotes are easier to read. Shells interpret none of these after the first character.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=%:/,@+".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_./".contains(c)) && text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    (visible(text) == text).then(|| shell_quoted(text)).flatten()
}

/// A command line for a POSIX shell. `None` if a word has hidden characters.
pub fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let words: Option<Vec<String>> = words.into_iter().map(shell_word).collect();
    Some(words?.join(" "))
}

/// A quoted word for a program to read, such as a secret. `None` if no shell can represent it.
pub fn shell_quoted(text: &str) -> Option<String> {
    shlex::try_quote(text).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_if_a_shell_would_interpret_them() {
        assert_eq!(shell_word("max_removals=12").as_deref(), Some("max_removals=12"));
        let odd = ["x; rm -rf ~", "o'b $(x) `y`", "a\"b\\c", "", "é 政策"];
        for text in "* ~ {a,b} !x # -rf a=b =ls ~/x %1".split(' ').chain(odd) {
            let word = shell_word(text).unwrap();
            assert_eq!(shlex::split(&word).unwrap(), [text], "{word}");
            assert_eq!(shlex::split(&format!("x {word} y")).unwrap(), ["x", text, "y"]);
        }
        assert_eq!(shell_line(["weka", "user", "add", "x; y", "s3"]).as_deref(), Some("weka user add 'x; y' s3"));
    }

    #[test]
    fn hidden_characters_are_in_no_command_line() {
        for text in ["a\nb", "a\u{202e}b", "\u{1b}[2J", "a\0", "\u{200b}", "\t"] {
            assert_eq!(shell_word(text), None);
            assert_eq!(shell_line(["attune", text]), None);
        }
        assert_eq!(shell_quoted("a\0"), None);
    }
}
