//! Two documents held against each other: whether they are the same, and what access one gives that the other does not.

use super::access::{Access, Context, difference};
use super::document::Document;
use super::normal::{Sameness, sameness};

/// Two documents, and how they differ.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The older.
    pub before: Document,
    /// The newer.
    pub after: Document,
    /// Whether they are the same document.
    pub sameness: Sameness,
    /// What access the newer gives and the older does not, and the other way round.
    pub access: Access,
}

impl Compared {
    /// Whether it is certain that both allow the same.
    #[must_use]
    pub fn same_access(&self) -> bool {
        self.access.gains_nothing() && self.access.loses_nothing()
    }
}

/// Compares two documents. Access is only looked for where more than ids differ.
#[must_use]
pub fn compared(before: Document, after: Document, context: &Context<'_>) -> Compared {
    let sameness = sameness(&before, &after);
    let access = match sameness {
        Sameness::Same | Sameness::IdsOnly => Access::default(),
        Sameness::Different => difference(Some(&before), Some(&after), context),
    };
    Compared { before, after, sameness, access }
}
