//! Edits that mend what was found, put into the text of the document.

use std::ops::Range;

use super::super::json::quoted;
use super::super::place::{Place, Places};

/// An edit: the value at a place, a single string, becomes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The place.
    pub place: Place,
    /// The new value.
    pub with: String,
}

impl Fix {
    /// The new value as a JSON string, which TOML reads as well.
    #[must_use]
    pub fn written(&self) -> String {
        quoted(&self.with)
    }
}

/// The text with the edits in it, where `places` says. The new values are written as JSON strings, which TOML reads as
/// well. Of edits that touch the same bytes the first one counts; one whose place the text does not have is left out.
#[must_use]
pub fn apply_fixes<'f>(text: &str, places: &Places, fixes: impl IntoIterator<Item = &'f Fix>) -> String {
    let edits: Vec<(Range<usize>, String)> =
        fixes.into_iter().filter_map(|fix| Some((places.get(fix.place)?, fix.written()))).collect();
    apply_edits(text, edits.iter().map(|(span, with)| (span.clone(), with.as_str())))
}

/// The text with other bytes where the edits say. Of edits that touch the same bytes the first one counts; one that the
/// text does not have is left out.
#[must_use]
pub fn apply_edits<'e>(text: &str, edits: impl IntoIterator<Item = (Range<usize>, &'e str)>) -> String {
    let mut edits: Vec<_> = edits.into_iter().filter(|(span, _)| text.get(span.clone()).is_some()).collect();
    edits.sort_by_key(|(span, _)| span.start);
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for (span, with) in edits {
        if span.start >= done {
            fixed.push_str(&text[done..span.start]);
            fixed.push_str(with);
            done = span.end;
        }
    }
    fixed.push_str(&text[done..]);
    fixed
}

#[cfg(test)]
mod tests {
    use super::super::super::place::Part;
    use super::*;

    #[test]
    fn edits_are_put_where_their_places_are() {
        let text = r#"{"a": "1", "b": "2"}"#;
        let place = |part| Place::Statement(0, part);
        let mut places = Places::default();
        places.insert(place(Part::Action(0)), 6..9);
        places.insert(place(Part::Action(1)), 16..19);
        places.insert(place(Part::Whole), 0..20);
        let fix = |part, with: &str| Fix { place: place(part), with: with.to_owned() };
        let fixes = [
            fix(Part::Action(1), "é\""),
            fix(Part::Action(0), "one"),
            fix(Part::Action(0), "two"),
            fix(Part::Sid, "x"),
        ];
        assert_eq!(apply_fixes(text, &places, &fixes), r#"{"a": "one", "b": "é\""}"#);
    }
}
