//! Names that are taken for another one: `аlice` with a Cyrillic `а`.

use std::collections::BTreeMap;

use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

/// What makes a name hard to tell from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confusable {
    /// It looks like this other name, which is there as well.
    With(String),
    /// It looks like this text, in which every letter is ASCII.
    Ascii(String),
    /// It mixes letters of scripts that no language writes together.
    Scripts,
}

/// The names that are easily taken for another, each with why. Names of ASCII alone are never named: a person who reads
/// `l` and `1` expects both.
pub fn confusable<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> BTreeMap<&'a str, Confusable> {
    if names.clone().into_iter().all(str::is_ascii) {
        return BTreeMap::new();
    }
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names.clone() {
        alike.entry(shape(name)).or_default().push(name);
    }
    let odd = names.into_iter().filter(|name| !name.is_ascii());
    let why = |name: &str| {
        let shape = shape(name);
        let other = alike.get(&shape).and_then(|alike| alike.iter().find(|other| **other != name));
        match other {
            Some(other) => Some(Confusable::With((*other).to_owned())),
            None if shape.is_ascii() => Some(Confusable::Ascii(shape)),
            None => (!name.is_single_script()).then_some(Confusable::Scripts),
        }
    };
    odd.filter_map(|name| Some((name, why(name)?))).collect()
}

/// What a name looks like: the same text for all names that are easily taken for each other.
fn shape(name: &str) -> String {
    skeleton(name).collect()
}

impl Confusable {
    /// What is to be said of the name.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::With(other) => format!("looks like `{}`, and is another name", super::visible(other)),
            Self::Ascii(text) => format!("looks like `{text}`, and has other letters"),
            Self::Scripts => "mixes letters of several scripts".to_owned(),
        }
    }
}

/// The characters of a name beyond ASCII, each with its number, for a person to see which they are.
#[must_use]
pub fn spelled_out(name: &str) -> String {
    let odd = name.chars().filter(|c| !c.is_ascii());
    let mut odd: Vec<_> =
        odd.map(|c| format!("`{}` is U+{:04X}", super::visible(&c.to_string()), u32::from(c))).collect();
    odd.dedup();
    odd.truncate(8);
    odd.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(names: &[&str], name: &str) -> Option<Confusable> {
        confusable(names.iter().copied()).remove(name)
    }

    #[test]
    fn a_name_with_letters_of_another_script_is_named() {
        assert_eq!(why(&["alice", "\u{430}lice"], "\u{430}lice"), Some(Confusable::With("alice".into())));
        assert_eq!(why(&["\u{430}dmin"], "\u{430}dmin"), Some(Confusable::Ascii("adrnin".into())));
        assert_eq!(why(&["\u{441}\u{43e}"], "\u{441}\u{43e}"), Some(Confusable::Ascii("co".into())), "all Cyrillic");
        assert_eq!(why(&["юser"], "юser"), Some(Confusable::Scripts));
        assert_eq!(why(&["é", "e\u{301}"], "é"), Some(Confusable::With("e\u{301}".into())));
        assert_eq!(why(&["al\u{200b}ice", "alice"], "al\u{200b}ice"), Some(Confusable::With("alice".into())));
    }

    #[test]
    fn names_that_people_write_are_not() {
        let names = ["alice", "svc-1", "svc-l", "josé", "müller", "政策", "ポリシー", "Иван", "ομάδα"];
        assert_eq!(confusable(names), BTreeMap::new());
    }

    #[test]
    fn its_letters_are_spelled_out() {
        assert_eq!(spelled_out("\u{430}b\u{200b}"), "`а` is U+0430, `\\u{200b}` is U+200B");
    }
}
