//! The actions that are told apart, and how a list of them is written.

use std::collections::BTreeSet;

use super::glob::Glob;
use crate::policy::{Catalogue, Document, Kind};

/// An action on a kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verb {
    /// The action's full name.
    pub(super) name: String,
    /// What it acts on.
    pub(super) kind: Kind,
    /// The name as a text to match.
    pub(super) exact: Glob,
    /// The name as a text to match where case does not count: in lower case.
    pub(super) folded: Glob,
}

impl Verb {
    /// An action by its full name.
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let (exact, folded) = (Glob::literal(name), Glob::literal(&name.to_ascii_lowercase()));
        Self { name: name.to_owned(), kind, exact, folded }
    }
}

/// A wildcard that stands for fewer actions than this saves the reader nothing.
const MIN_GROUP: usize = 3;

/// The catalogue's actions, and those that a document names in full although the catalogue does not know them: a server
/// may, and then nobody knows what they act on, so that every kind is looked at.
pub(super) fn verbs<'a>(catalogue: &Catalogue, documents: impl IntoIterator<Item = &'a Document>) -> Vec<Verb> {
    let known = catalogue.actions().iter().map(|action| Verb::new(&action.name, action.kind));
    let mut verbs: Vec<_> = known.collect();
    let statements = documents.into_iter().flat_map(|document| &document.statements);
    let named: BTreeSet<_> = statements.flat_map(|statement| &statement.actions.patterns).collect();
    for name in named {
        add(&mut verbs, name);
    }
    verbs
}

/// Adds an action that is named in full, unless it is known or no S3 action.
pub(super) fn add(verbs: &mut Vec<Verb>, name: &str) {
    let is_name = name.len() > 3 && name.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"));
    if !is_name || !Glob::parse(name).is_literal() || verbs.iter().any(|verb| verb.name.eq_ignore_ascii_case(name)) {
        return;
    }
    let kinds = match Catalogue::newest().get(name) {
        Some(action) => vec![action.kind],
        None => vec![Kind::Account, Kind::Bucket, Kind::Object],
    };
    verbs.extend(kinds.into_iter().map(|kind| Verb::new(name, kind)));
}

/// The wildcards that end at a word of an action's name, such as `s3:GetObject*`, each with the actions of the catalogue
/// that it stands for.
#[derive(Debug)]
pub(super) struct Wildcards<'a> {
    groups: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Wildcards<'a> {
    /// The wildcards of a catalogue.
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        let names: Vec<_> = catalogue.actions().iter().map(|action| action.name.as_str()).collect();
        let stems: BTreeSet<&str> = names.iter().flat_map(|name| stems(name)).collect();
        // The catalogue is sorted, so that those with the same beginning stand together.
        let members = |stem: &str| {
            let behind = &names[names.partition_point(|name| *name < stem)..];
            behind[..behind.partition_point(|name| name.starts_with(stem))].to_vec()
        };
        let groups = stems.into_iter().map(|stem| (stem, members(stem)));
        Self { groups: groups.filter(|(_, members)| members.len() >= MIN_GROUP).collect() }
    }

    /// A short way to write a list of actions: a wildcard only where it stands for actions of the list and no others.
    pub(super) fn shorten(&self, actions: &BTreeSet<&str>) -> Vec<String> {
        let exact = self.groups.iter().filter(|(_, members)| members.iter().all(|member| actions.contains(*member)));
        let exact: Vec<_> = exact.collect();
        let mut left = actions.clone();
        let mut short = BTreeSet::new();
        loop {
            let gain = |members: &[&str]| members.iter().filter(|member| left.contains(*member)).count();
            let best = exact.iter().rev().max_by_key(|(_, members)| gain(members));
            let Some((stem, members)) = best.filter(|(_, members)| gain(members) >= MIN_GROUP) else { break };
            short.insert(format!("{stem}*"));
            left.retain(|action| !members.contains(action));
        }
        short.extend(left.into_iter().map(str::to_owned));
        short.into_iter().collect()
    }
}

/// The beginnings of a name that end where a word does.
fn stems(name: &str) -> impl Iterator<Item = &str> {
    let words = name.char_indices().filter(|(at, letter)| letter.is_ascii_uppercase() && *at > 0);
    words.map(|(at, _)| &name[..at]).chain([name])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(wanted: impl Fn(&str, Kind) -> bool) -> String {
        let catalogue = Catalogue::newest();
        let actions = catalogue.actions().iter().filter(|action| wanted(&action.name, action.kind));
        Wildcards::new(&catalogue).shorten(&actions.map(|action| action.name.as_str()).collect()).join(" ")
    }

    #[test]
    fn lists_are_written_short_and_exactly() {
        assert_eq!(short(|_, _| true), "s3:*");
        assert_eq!(
            short(|_, kind| kind == Kind::Object),
            "s3:AbortMultipartUpload s3:BypassGovernanceRetention s3:DeleteObject* s3:GetObject* \
             s3:ListMultipartUploadParts s3:PutObject*"
        );
        assert_eq!(
            short(|name, _| name.starts_with("s3:GetObject") && name != "s3:GetObject"),
            "s3:GetObjectLegalHold s3:GetObjectRetention s3:GetObjectTagging s3:GetObjectVersion \
             s3:GetObjectVersionTagging"
        );
        assert_eq!(short(|name, _| name.starts_with("s3:ListBucket")), "s3:ListBucket s3:ListBucketMultipartUploads");
    }

    #[test]
    fn actions_no_catalogue_knows_are_taken_at_their_word() {
        let mut verbs = verbs(&Catalogue::newest(), &[]);
        for name in ["s3:GetObject", "S3:GETOBJECT", "s3:Get*", "iam:GetUser", "s3:"] {
            add(&mut verbs, name);
            assert_eq!(verbs.len(), 37, "{name}");
        }
        add(&mut verbs, "s3:ListBucketVersions");
        assert_eq!(verbs.len(), 40);
    }
}
