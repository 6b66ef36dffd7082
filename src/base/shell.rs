//! Lines for a shell that a person copies: whatever a name holds, it is one argument and nothing else.

use super::visible;

/// A text as one word for a POSIX shell; `None` where it holds something that a person would not see, so that the line
/// could not be checked before it is run.
#[must_use]
pub fn shell_word(text: &str) -> Option<String> {
    // No shell reads these anywhere but at the beginning; without quotes they are easier to read.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=%:/,@+".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_./".contains(c)) && text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    (visible(text) == text).then(|| quoted(text)).flatten()
}

/// Words as a line for a POSIX shell; `None` where one of them cannot be on it.
#[must_use]
pub fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let words: Option<Vec<String>> = words.into_iter().map(shell_word).collect();
    Some(words?.join(" "))
}

/// The same for what a program reads, such as a secret: quoted whatever it holds, as long as a shell can hold it at all.
#[must_use]
pub fn quoted(text: &str) -> Option<String> {
    shlex::try_quote(text).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_it() {
        assert_eq!(shell_word("max_removals=12").as_deref(), Some("max_removals=12"));
        for text in [
            "x; rm -rf ~",
            "o'b $(x) `y`",
            "a\"b\\c",
            "*",
            "~",
            "",
            "{a,b}",
            "!x",
            "#",
            "é 政策",
            "-rf",
            "a=b",
            "=ls",
            "~/x",
            "%1",
        ] {
            let word = shell_word(text).unwrap();
            assert_eq!(shlex::split(&word).unwrap(), [text], "{word}");
            assert_eq!(shlex::split(&format!("x {word} y")).unwrap(), ["x", text, "y"]);
        }
        assert_eq!(shell_line(["weka", "user", "add", "x; y", "s3"]).as_deref(), Some("weka user add 'x; y' s3"));
    }

    #[test]
    fn what_a_person_would_not_see_is_in_no_line() {
        for text in ["a\nb", "a\u{202e}b", "\u{1b}[2J", "a\0", "\u{200b}", "\t"] {
            assert_eq!(shell_word(text), None);
            assert_eq!(shell_line(["attune", text]), None);
        }
        assert_eq!(quoted("a\0"), None);
    }
}
