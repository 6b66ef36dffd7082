//! Places in a document, and where they are in the text it was read from.

use std::ops::Range;

/// A place in a document, in the words of the document: statement, member, entry. Ordered as a reader meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The document as a whole.
    Document,
    /// The value of `Version`.
    Version,
    /// The value of `Id`.
    Id,
    /// The value of `Statement`.
    Statements,
    /// A part of the statement of this index.
    Statement(usize, Part),
}

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The statement as a whole.
    Whole,
    /// The value of `Sid`.
    Sid,
    /// The value of `Effect`.
    Effect,
    /// The value of `Action` or `NotAction`.
    Actions,
    /// One entry of `Action` or `NotAction`.
    Action(usize),
    /// The value of `Resource` or `NotResource`.
    Resources,
    /// One entry of `Resource` or `NotResource`.
    Resource(usize),
    /// The value of `Condition`.
    Conditions,
    /// The clause of this index in [`Statement::conditions`](super::Statement::conditions): its key with its values.
    Clause(usize),
    /// The name of the operator of a clause.
    Operator(usize),
    /// The name of the key of a clause.
    Key(usize),
    /// One value of a clause: the clause's index, then the value's.
    Value(usize, usize),
}

impl Place {
    /// The next larger place that this one is in.
    #[must_use]
    pub fn enclosing(self) -> Option<Self> {
        match self {
            Self::Document => None,
            Self::Version | Self::Id | Self::Statements => Some(Self::Document),
            Self::Statement(at, part) => Some(match part.enclosing() {
                Some(part) => Self::Statement(at, part),
                None => Self::Statements,
            }),
        }
    }
}

impl Part {
    fn enclosing(self) -> Option<Self> {
        match self {
            Self::Whole => None,
            Self::Sid | Self::Effect | Self::Actions | Self::Resources | Self::Conditions => Some(Self::Whole),
            Self::Action(_) => Some(Self::Actions),
            Self::Resource(_) => Some(Self::Resources),
            Self::Clause(_) => Some(Self::Conditions),
            Self::Operator(clause) | Self::Key(clause) | Self::Value(clause, _) => Some(Self::Clause(clause)),
        }
    }
}

/// Where the places of one document are in its text, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// In the order of the places.
    spans: Vec<(Place, Range<usize>)>,
}

impl Places {
    /// Notes where a place is.
    pub fn insert(&mut self, place: Place, span: Range<usize>) {
        match self.search(place) {
            Ok(at) => self.spans[at].1 = span,
            Err(at) => self.spans.insert(at, (place, span)),
        }
    }

    fn search(&self, place: Place) -> Result<usize, usize> {
        self.spans.binary_search_by(|(other, _)| other.cmp(&place))
    }

    /// Where exactly this place is.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<Range<usize>> {
        self.search(place).ok().map(|at| self.spans[at].1.clone())
    }

    /// Where this place is, or else the nearest place around it that the text has.
    #[must_use]
    pub fn nearest(&self, place: Place) -> Option<Range<usize>> {
        std::iter::successors(Some(place), |place| place.enclosing()).find_map(|place| self.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_is_the_place_itself_or_one_around_it() {
        let mut places = Places::default();
        places.insert(Place::Document, 0..90);
        places.insert(Place::Statement(0, Part::Whole), 10..50);
        places.insert(Place::Statement(0, Part::Clause(1)), 20..30);
        let nearest = |place| places.nearest(place);
        assert_eq!(nearest(Place::Statement(0, Part::Value(1, 2))), Some(20..30));
        assert_eq!(nearest(Place::Statement(0, Part::Value(0, 0))), Some(10..50));
        assert_eq!(nearest(Place::Statement(0, Part::Action(3))), Some(10..50));
        assert_eq!(nearest(Place::Statement(1, Part::Action(3))), Some(0..90));
        assert_eq!(Places::default().nearest(Place::Version), None);
    }

    #[test]
    fn places_are_ordered_as_a_reader_meets_them() {
        assert!(Place::Version < Place::Statement(0, Part::Whole));
        assert!(Place::Statement(0, Part::Value(3, 1)) < Place::Statement(1, Part::Whole));
        assert!(Place::Statement(0, Part::Action(9)) < Place::Statement(0, Part::Resource(0)));
    }
}
