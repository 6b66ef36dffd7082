//! What a person would not see, or would see elsewhere than it is, made visible: control characters, characters that change
//! the direction of text, those without width, and blanks that are not the usual one.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// How many marks may be stacked on a letter before the next one is written out.
const MARKS: u8 = 3;

/// A text on one line, in which every hidden character is written as its number (`\u{202e}`), or as `\n`, `\r` and `\t`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let (mut eye, mut shown) = (Eye::default(), String::with_capacity(text.len()));
    text.chars().for_each(|c| eye.show(c, &mut shown));
    Cow::Owned(shown)
}

/// The same for a text of several lines, which stay lines.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return visible(text);
    }
    Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Whether there is nothing but printable ASCII.
#[must_use]
pub fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether a character alone is not seen. A mark that belongs to a letter is seen with it; see [`Eye`].
#[must_use]
pub fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // A jamo filler, a braille pattern without dots and marks that Unicode lets a renderer leave out.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => true,
        // What stands for what could not be read, and may be a picture in the middle of a text.
        '\u{fffc}' => true,
        other => {
            matches!(other.general_category_group(), GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator)
        }
    }
}

/// Reads a text as a person does, character by character.
#[derive(Debug, Clone, Default)]
pub struct Eye {
    /// How many more marks can be seen with what was read; none where there is no letter to carry them.
    marks: u8,
}

impl Eye {
    /// Whether the next character is hidden: it is [`is_hidden`], or a mark on nothing, or one of too many.
    pub fn hides(&mut self, c: char) -> bool {
        if c.is_ascii() {
            self.marks = if c.is_ascii_alphanumeric() { MARKS } else { 0 };
            return is_hidden(c);
        }
        let is_mark = c.general_category_group() == GeneralCategoryGroup::Mark;
        if !is_mark {
            let carries =
                matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number);
            self.marks = if carries { MARKS } else { 0 };
            return is_hidden(c);
        }
        let is_spacing = c.general_category() == GeneralCategory::SpacingMark;
        let hides = is_hidden(c) || (self.marks == 0 && !is_spacing);
        self.marks = self.marks.saturating_sub(1);
        hides
    }

    /// Adds the character to a text, or what is written for it.
    pub fn show(&mut self, c: char, shown: &mut String) {
        match self.hides(c) {
            true if matches!(c, '\n' | '\r' | '\t') => shown.extend(c.escape_default()),
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_written_out() {
        let hidden = [
            '\0',
            '\u{7}',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{202e}',
            '\u{202f}',
            '\u{2060}',
            '\u{2065}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffc}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e0fff}',
            '\u{e000}',
            '\u{10ffff}',
        ];
        for c in hidden {
            assert!(is_hidden(c), "{c:?}");
            assert_eq!(visible(&format!("a{c}b")), format!("a{}b", c.escape_unicode()));
        }
        assert_eq!(visible("a\u{1b}[2Jb\n\r\tc"), r"a\u{1b}[2Jb\n\r\tc");
    }

    #[test]
    fn what_is_seen_stays() {
        for text in ["", r#"plain "é" \ 'ß'"#, "政策", "e\u{301}", "ไทยนี้", "हिन्दी", "→ ± … ·", "🦀", "العربية", "עברית"]
        {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn marks_on_nothing_and_heaps_of_marks_are_written_out() {
        assert_eq!(visible("\"\u{301}\""), r#""\u{301}""#);
        assert_eq!(visible("\u{301}a"), r"\u{301}a");
        assert_eq!(
            visible(&format!("a{}", "\u{301}".repeat(5))),
            format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(3))
        );
    }

    #[test]
    fn lines_stay_lines_and_twice_is_once() {
        assert_eq!(visible_lines("a\nb\u{202e}\r\n"), "a\nb\\u{202e}\\r\n");
        let once = visible("a\u{202e}\n").into_owned();
        assert_eq!(visible(&once), once);
    }
}
