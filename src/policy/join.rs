//! Joins the statements of several documents into one document.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Statement, statement_json};
use super::normal::normal_statement;

/// The statements of several documents in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The document, with the version of the first one.
    pub document: Document,
    /// The origins of each of its statements. A statement that documents repeat has several.
    pub origins: Vec<Vec<Origin>>,
}

/// A statement of one of several documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The index of the document.
    pub document: usize,
    /// The index of the statement in it.
    pub statement: usize,
}

/// Joins the statements in their order. A statement that differs from an earlier one in nothing but its `Sid` is left out. A
/// `Sid` that another statement has already gets a number: `Read`, `Read2`, `Read3`.
pub fn join<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Joined {
    let mut joined = Joined { document: Document::default(), origins: Vec::new() };
    let (mut known, mut sids) = (BTreeMap::new(), BTreeSet::new());
    for (at, document) in documents.into_iter().enumerate() {
        if at == 0 {
            joined.document.version.clone_from(&document.version);
        }
        for (index, statement) in document.statements.iter().enumerate() {
            let origin = Origin { document: at, statement: index };
            let content = statement_json(&normal_statement(&Statement { sid: None, ..statement.clone() }));
            let place = *known.entry(content).or_insert(joined.origins.len());
            if let Some(origins) = joined.origins.get_mut(place) {
                origins.push(origin);
                continue;
            }
            let sid = statement.sid.as_ref().map(|sid| free(sid, &mut sids));
            joined.document.statements.push(Statement { sid, ..statement.clone() });
            joined.origins.push(vec![origin]);
        }
    }
    joined
}

/// The first of `Sid`, `Sid2`, `Sid3` … that is not taken, which it takes. An empty one stays.
fn free(sid: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2u64..).map(|number| format!("{sid}{number}"));
    let mut candidates = std::iter::once(sid.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| candidate.is_empty() || taken.insert(candidate.clone()));
    free.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::normal::normal;
    use super::super::properties::any_document;
    use super::super::testing::document;
    use super::*;

    fn statement(sid: &str, action: &str) -> String {
        format!(r#"{{"Sid":"{sid}","Effect":"Allow","Action":["{action}"],"Resource":["a/*"]}}"#)
    }

    #[test]
    fn repeated_statements_are_there_once_and_ids_stay_unique() {
        let first = document(&[statement("Read", "s3:Get*"), statement("", "s3:List*")].join(","));
        let other = format!(
            "{},{},{}",
            statement("Read", "s3:Put*"),
            statement("Other", "s3:Get**"),
            r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"a/*"}"#
        );
        let Joined { document: joined, origins } = join([&first, &document(&other), &first]);
        let sids: Vec<_> = joined.statements.iter().map(|one| one.sid.as_deref()).collect();
        assert_eq!(sids, [Some("Read"), Some(""), Some("Read2"), None]);
        let at = |document, statement| Origin { document, statement };
        let expected =
            vec![vec![at(0, 0), at(1, 1), at(2, 0)], vec![at(0, 1), at(2, 1)], vec![at(1, 0)], vec![at(1, 2)]];
        assert_eq!(origins, expected);
        assert_eq!(joined.version.as_deref(), Some("2012-10-17"));
    }

    proptest! {
        #[test]
        fn a_joined_document_has_every_statement_and_no_other(documents in prop::collection::vec(any_document(), 0..4)) {
            let joined = join(&documents);
            let contents = |document: &Document| -> BTreeSet<String> {
                let without = document.statements.iter().map(|one| Statement { sid: None, ..one.clone() });
                without.map(|one| statement_json(&normal_statement(&one))).collect()
            };
            let all: BTreeSet<String> = documents.iter().flat_map(contents).collect();
            prop_assert_eq!(&contents(&joined.document), &all);
            prop_assert_eq!(joined.document.statements.len(), all.len());
            prop_assert_eq!(joined.origins.iter().map(Vec::len).sum::<usize>(), documents.iter().map(|one| one.statements.len()).sum::<usize>());
            let sids: Vec<&String> = joined.document.statements.iter().filter_map(|one| one.sid.as_ref()).filter(|sid| !sid.is_empty()).collect();
            prop_assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len());
            prop_assert_eq!(normal(&join([&joined.document]).document), normal(&joined.document));
        }
    }
}
