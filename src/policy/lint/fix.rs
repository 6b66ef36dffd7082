//! Edits that mend what was found, put into the text of the document.

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

/// The text with the edits in it, where `places` says. The new values are written as JSON strings, which TOML reads as
/// well. Of edits that touch the same bytes the first one counts; one whose place the text does not have is left out.
#[must_use]
pub fn apply_fixes<'f>(text: &str, places: &Places, fixes: impl IntoIterator<Item = &'f Fix>) -> String {
    let spans = fixes.into_iter().filter_map(|fix| places.get(fix.place).map(|span| (span, &fix.with)));
    let mut edits: Vec<_> = spans.filter(|(span, _)| text.get(span.clone()).is_some()).collect();
    edits.sort_by_key(|(span, _)| span.start);
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for (span, with) in edits {
        if span.start >= done {
            fixed.push_str(&text[done..span.start]);
            fixed.push_str(&quoted(with));
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
