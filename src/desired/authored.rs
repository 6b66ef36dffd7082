//! A document as written, with the places of its parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{FileId, Location, PolicyName};
use crate::policy::{Document, Normal, Place, Places, Statement, normal};

/// A document as written, with the places of its parts.
#[derive(Debug, Clone)]
pub struct Authored {
    document: Document,
    source: Source,
    /// Whether it is only a part of what is written.
    is_broken: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Unknown,
    /// It was read from this file, its parts at these places.
    File(FileId, Arc<Places>),
    /// It has the statements of other policies: the origins of each, and the place that names the policies.
    Combined(Arc<[Vec<Origin>]>, Location),
}

/// A statement of a policy that another policy combines.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The policy that has the statement.
    pub policy: PolicyName,
    /// The index of the statement in its document.
    statement: usize,
    source: Source,
}

impl Authored {
    /// A document. `source` has its file and the places of its parts, if it was read from a file.
    pub fn new(document: Document, source: Option<(FileId, Places)>) -> Self {
        let written = |(file, places)| Source::File(file, Arc::new(places));
        Self { document, source: source.map_or(Source::Unknown, written), is_broken: false }
    }

    /// A document with the statements of other policies, which the place `at` names. `origins` are those of each statement.
    pub(super) fn combined(document: Document, origins: Vec<Vec<Origin>>, at: Location) -> Self {
        Self { source: Source::Combined(origins.into(), at), ..Self::new(document, None) }
    }

    /// What could be read of a document with errors.
    pub(super) fn broken(self) -> Self {
        Self { is_broken: true, ..self }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn is_combined(&self) -> bool {
        matches!(self.source, Source::Combined(..))
    }

    /// The document as written.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Its normal form. It is made anew: to keep all of them would take as much memory as the documents.
    pub fn normal(&self) -> Normal {
        normal(&self.document)
    }

    /// The place of a part, or of the nearest part around it.
    pub fn place(&self, place: Place) -> Option<Location> {
        let nearest = |source: &Source, place: Place| {
            let Source::File(file, places) = source else { return None };
            Some(Location { file: *file, span: places.nearest(place)? })
        };
        let Source::Combined(origins, at) = &self.source else { return nearest(&self.source, place) };
        let in_origin = || {
            let Place::Statement(statement, part) = place else { return None };
            let origin = origins.get(statement)?.first()?;
            nearest(&origin.source, Place::Statement(origin.statement, part))
        };
        in_origin().or_else(|| Some(at.clone()))
    }

    /// The place of exactly this part, if it is written for this policy.
    pub(super) fn own_place(&self, place: Place) -> Option<Location> {
        let Source::File(file, places) = &self.source else { return None };
        Some(Location { file: *file, span: places.get(place)? })
    }

    /// The origins of a statement of this document, which is the one of `policy`.
    pub(super) fn origins_of(&self, statement: usize, policy: &PolicyName) -> Vec<Origin> {
        match &self.source {
            Source::Combined(origins, _) => origins.get(statement).cloned().unwrap_or_default(),
            Source::Unknown | Source::File(..) => {
                vec![Origin { policy: policy.clone(), statement, source: self.source.clone() }]
            }
        }
    }

    /// The policies that each statement of the normal form comes from. Empty if this is no combined policy.
    pub fn combined_from(&self) -> Vec<Vec<PolicyName>> {
        let Source::Combined(origins, _) = &self.source else { return Vec::new() };
        let form = |statement: &Statement| {
            let alone = Document { statements: vec![statement.clone()], ..Document::default() };
            normal(&alone).json().to_owned()
        };
        let mut policies: BTreeMap<String, Vec<PolicyName>> = BTreeMap::new();
        for (statement, origins) in self.document.statements.iter().zip(origins.iter()) {
            let known = policies.entry(form(statement)).or_default();
            known.extend(origins.iter().map(|origin| origin.policy.clone()));
            known.sort();
            known.dedup();
        }
        let of = |statement: &Statement| policies.get(&form(statement)).cloned().unwrap_or_default();
        self.normal().document().statements.iter().map(of).collect()
    }
}
