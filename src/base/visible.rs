//! Escapes characters that a reader cannot see, and finds names that look like another name. Hidden are control
//! characters, characters that change the direction of text or have no width, and unusual blanks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

/// How many marks may be stacked on a letter. Further ones are escaped.
const MARKS: u8 = 3;

/// A text on one line: hidden characters are escaped as `\u{202e}`, or as `\n`, `\r` and `\t`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let (mut state, mut shown) = (VisibleText::default(), String::with_capacity(text.len()));
    text.chars().for_each(|c| state.show(c, &mut shown));
    Cow::Owned(shown)
}

/// Like [`visible`], but line breaks stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return visible(text);
    }
    Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Whether all bytes are printable ASCII.
pub fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether a character alone is invisible. A mark on a letter is visible: see [`VisibleText`].
pub fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Fillers, a braille pattern without dots, and marks that Unicode lets a renderer leave out.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => true,
        // The object replacement character: a renderer may draw a picture.
        '\u{fffc}' => true,
        other => {
            matches!(other.general_category_group(), GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator)
        }
    }
}

/// Decides for each character of a text whether a reader sees it.
#[derive(Debug, Clone, Default)]
pub struct VisibleText {
    /// How many more marks are visible here; 0 without a letter that carries them.
    marks: u8,
}

impl VisibleText {
    /// Whether the next character is hidden: by [`is_hidden`], as a mark without a letter, or as one mark too many.
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

    /// Adds the next character to a text, escaped if it is hidden.
    pub fn show(&mut self, c: char, shown: &mut String) {
        match self.hides(c) {
            true if matches!(c, '\n' | '\r' | '\t') => shown.extend(c.escape_default()),
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
}

/// Why a reader can take a name for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confusable {
    /// It looks like this other name, which exists as well.
    With(String),
    /// It looks like this ASCII text.
    Ascii(String),
    /// It mixes letters of scripts that no language writes together.
    Scripts,
}

/// The names that a reader can take for another one, such as `аlice` with a Cyrillic `а`. ASCII names are never among
/// them: a reader of `l` and `1` expects both.
pub fn confusable<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> BTreeMap<&'a str, Confusable> {
    if names.clone().into_iter().all(str::is_ascii) {
        return BTreeMap::new();
    }
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names.clone() {
        alike.entry(look(name)).or_default().push(name);
    }
    let odd = names.into_iter().filter(|name| !name.is_ascii());
    let why = |name: &str| {
        let look = look(name);
        let other = alike.get(&look).and_then(|alike| alike.iter().find(|other| **other != name));
        match other {
            Some(other) => Some(Confusable::With((*other).to_owned())),
            None if look.is_ascii() => Some(Confusable::Ascii(look)),
            None => (!name.is_single_script()).then_some(Confusable::Scripts),
        }
    };
    odd.filter_map(|name| Some((name, why(name)?))).collect()
}

fn look(name: &str) -> String {
    skeleton(name).collect()
}

impl Confusable {
    /// The reason, as the predicate of a sentence about the name.
    pub fn reason(&self) -> String {
        match self {
            Self::With(other) => format!("looks like `{}` but is another name", visible(other)),
            Self::Ascii(text) => format!("looks like `{text}` but has other letters"),
            Self::Scripts => "mixes letters of several scripts".to_owned(),
        }
    }
}

/// The characters of a name beyond ASCII, each with its number.
pub fn spelled_out(name: &str) -> String {
    let odd = name.chars().filter(|c| !c.is_ascii());
    let mut odd: Vec<_> = odd.map(|c| format!("`{}` is U+{:04X}", visible(&c.to_string()), u32::from(c))).collect();
    odd.dedup();
    odd.truncate(8);
    odd.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped() {
        let hidden = "\0\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\
            \u{180e}\u{200b}\u{200d}\u{200e}\u{2028}\u{202e}\u{202f}\u{2060}\u{2065}\u{2069}\u{206f}\
            \u{2800}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffc}\u{1bca0}\u{1d173}\u{e0001}\
            \u{e0041}\u{e0100}\u{e0fff}\u{e000}\u{10ffff}";
        for c in hidden.chars() {
            assert!(is_hidden(c), "{c:?}");
            assert_eq!(visible(&format!("a{c}b")), format!("a{}b", c.escape_unicode()));
        }
        assert_eq!(visible("a\u{1b}[2Jb\n\r\tc"), r"a\u{1b}[2Jb\n\r\tc");
    }

    #[test]
    fn visible_text_stays() {
        for text in ["", r#"plain "é" \ 'ß'"#, "政策", "e\u{301}", "ไทยนี้", "हिन्दी", "→ ± … ·", "🦀", "العربية", "עברית"]
        {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn marks_without_a_letter_and_too_many_marks_are_escaped() {
        assert_eq!(visible("\"\u{301}\""), r#""\u{301}""#);
        assert_eq!(visible("\u{301}a"), r"\u{301}a");
        assert_eq!(
            visible(&format!("a{}", "\u{301}".repeat(5))),
            format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(3))
        );
    }

    #[test]
    fn lines_stay_lines_and_escaping_is_idempotent() {
        assert_eq!(visible_lines("a\nb\u{202e}\r\n"), "a\nb\\u{202e}\\r\n");
        let once = visible("a\u{202e}\n").into_owned();
        assert_eq!(visible(&once), once);
    }

    fn why(names: &[&str], name: &str) -> Option<Confusable> {
        confusable(names.iter().copied()).remove(name)
    }

    #[test]
    fn a_name_with_letters_of_another_script_is_confusable() {
        assert_eq!(why(&["alice", "\u{430}lice"], "\u{430}lice"), Some(Confusable::With("alice".into())));
        assert_eq!(why(&["\u{430}dmin"], "\u{430}dmin"), Some(Confusable::Ascii("adrnin".into())));
        assert_eq!(why(&["\u{441}\u{43e}"], "\u{441}\u{43e}"), Some(Confusable::Ascii("co".into())), "all Cyrillic");
        assert_eq!(why(&["юser"], "юser"), Some(Confusable::Scripts));
        assert_eq!(why(&["é", "e\u{301}"], "é"), Some(Confusable::With("e\u{301}".into())));
        assert_eq!(why(&["al\u{200b}ice", "alice"], "al\u{200b}ice"), Some(Confusable::With("alice".into())));
    }

    #[test]
    fn ordinary_names_are_not_confusable() {
        let names = ["alice", "svc-1", "svc-l", "josé", "müller", "政策", "ポリシー", "Иван", "ομάδα"];
        assert_eq!(confusable(names), BTreeMap::new());
    }

    #[test]
    fn letters_beyond_ascii_are_spelled_out() {
        assert_eq!(spelled_out("\u{430}b\u{200b}"), "`а` is U+0430, `\\u{200b}` is U+200B");
    }
}
