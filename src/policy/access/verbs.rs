//! The actions that are told apart, and how a list of them is written.

use std::collections::BTreeSet;

use super::Profile;
use super::glob::Glob;
use crate::policy::{Catalogue, Document, Effect, Kind};

/// An action on a kind of resource; or, where `known` is false, a set of actions of which the catalogue knows none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verb {
    /// The action's full name; of a set, the pattern that a document names it by.
    pub(super) name: String,
    /// What it acts on.
    pub(super) kind: Kind,
    /// Whether it is one action, of which the engine can say who has it. A difference about any other is not decided.
    pub(super) known: bool,
    /// The name as a text to match; of a set, the patterns whose intersection it is.
    exact: Vec<Glob>,
    /// The same where case does not count: in lower case.
    folded: Vec<Glob>,
}

impl Verb {
    /// An action by its full name.
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let (exact, folded) = (Glob::literal(name), Glob::literal(&name.to_ascii_lowercase()));
        Self { name: name.to_owned(), kind, known: true, exact: vec![exact], folded: vec![folded] }
    }

    /// The actions that all patterns match, under the name of the first, on every kind of resource: nobody knows what
    /// they act on.
    fn unknown<const N: usize>(patterns: [&str; N]) -> impl Iterator<Item = Self> + use<N> {
        let name = patterns.first().copied().unwrap_or_default().to_owned();
        let exact: Vec<_> = patterns.iter().map(|pattern| Glob::parse(pattern)).collect();
        let folded: Vec<_> = patterns.iter().map(|pattern| Glob::parse(&pattern.to_ascii_lowercase())).collect();
        let verb = Self { name, kind: Kind::Object, known: false, exact, folded };
        KINDS.into_iter().map(move |kind| Self { kind, ..verb.clone() })
    }

    /// All actions of other services that no document names: only patterns such as `*` and `NotAction` reach them.
    fn elsewhere() -> impl Iterator<Item = Self> {
        let nobody = vec![Glob::literal(NOBODY)];
        let verb =
            Self { name: "*:*".to_owned(), kind: Kind::Object, known: false, exact: nobody.clone(), folded: nobody };
        KINDS.into_iter().map(move |kind| Self { kind, ..verb.clone() })
    }

    /// Whether a pattern matches all of it, by the rules of a profile: AWS compares names without regard to case (the
    /// pattern is in lower case then), MinIO's line exactly.
    pub(super) fn is_matched_by(&self, pattern: &Glob, profile: Profile) -> bool {
        let names = match profile {
            Profile::Aws => &self.folded,
            Profile::Minio => &self.exact,
        };
        names.iter().any(|name| pattern.subsumes(name))
    }
}

/// The name of an action that stands for all those of other services that no document names.
const NOBODY: &str = "\0:\0";

const KINDS: [Kind; 3] = [Kind::Account, Kind::Bucket, Kind::Object];

/// A wildcard that stands for fewer actions than this saves the reader nothing.
const MIN_GROUP: usize = 3;

/// How many overlaps of patterns are told apart. A document that a person wrote has hardly one.
const MAX_OVERLAPS: usize = 256;

/// The actions that are told apart in a comparison.
#[derive(Debug)]
pub(super) struct Verbs {
    /// Each of them.
    pub(super) all: Vec<Verb>,
    /// Whether there are more sets of unknown actions than are looked at: then nothing is certain about these.
    pub(super) is_cut: bool,
}

/// The catalogue's actions; those that a document names in full although the catalogue does not know them (a server may);
/// and, as sets, what a document names by patterns that match nothing of the catalogue, and other services.
///
/// A set stands for each of its actions. That is exact where a pattern matches all of a set or none. A pattern of a Deny or
/// a `NotAction` that matches a part of a set makes that part a set of its own.
pub(super) fn verbs<'a>(catalogue: &Catalogue, documents: impl IntoIterator<Item = &'a Document>) -> Verbs {
    let known = catalogue.actions().iter().map(|action| Verb::new(&action.name, action.kind));
    let mut verbs: Vec<_> = known.collect();
    let statements: Vec<_> = documents.into_iter().flat_map(|document| &document.statements).collect();
    let patterns = |takes_away: bool| -> BTreeSet<&str> {
        let those = statements.iter().filter(|s| !takes_away || s.actions.negated || s.effect == Effect::Deny);
        those.flat_map(|statement| &statement.actions.patterns).map(String::as_str).collect()
    };
    let is_known = |pattern: &&str| {
        let glob = Glob::parse(&pattern.to_ascii_lowercase());
        catalogue.actions().iter().any(|action| glob.matches(&action.name.to_ascii_lowercase()))
    };
    let is_decided = |pattern: &&str| {
        let is_of_s3 = pattern.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"));
        let reaches_all = Glob::parse(pattern).matches(NOBODY);
        is_known(pattern) && (is_of_s3 || reaches_all)
    };
    let (known, unknown): (Vec<_>, Vec<_>) = patterns(false).into_iter().partition(is_decided);
    let (named, unknown): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|pattern| is_name(pattern));
    known.iter().chain(&named).for_each(|name| add(&mut verbs, name));
    let (overlaps, is_cut) = overlaps(&unknown, &patterns(true));
    verbs.extend(unknown.iter().flat_map(|pattern| Verb::unknown([pattern])));
    verbs.extend(overlaps.into_iter().flat_map(Verb::unknown));
    verbs.extend(Verb::elsewhere());
    Verbs { all: verbs, is_cut }
}

/// Whether a text is the full name of an action of S3, in some case.
fn is_name(text: &str) -> bool {
    let is_of_s3 = text.len() > 3 && text.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"));
    is_of_s3 && Glob::parse(text).is_literal()
}

/// Each unknown pattern with each other that matches some of what it matches and perhaps not all; and whether there are too
/// many of them.
fn overlaps<'a>(unknown: &[&'a str], taking_away: &BTreeSet<&'a str>) -> (Vec<[&'a str; 2]>, bool) {
    let glob = |text: &'a str| (text, Glob::parse(&text.to_ascii_lowercase()));
    let taking_away: Vec<_> = taking_away.iter().map(|text| glob(text)).collect();
    let mut pairs = unknown.iter().map(|text| glob(text)).flat_map(|(text, set)| {
        let splits = |(_, part): &&(&str, Glob)| part.overlaps(&set) && !part.subsumes(&set);
        taking_away.iter().filter(splits).map(|(part, _)| [text, *part]).collect::<Vec<_>>()
    });
    let some = pairs.by_ref().take(MAX_OVERLAPS).collect();
    (some, pairs.next().is_some())
}

/// Adds an action that is named in full, unless it is known or no S3 action.
pub(super) fn add(verbs: &mut Vec<Verb>, name: &str) {
    if !is_name(name) || verbs.iter().any(|verb| verb.name.eq_ignore_ascii_case(name)) {
        return;
    }
    match Catalogue::newest().get(name) {
        Some(action) => verbs.push(Verb::new(name, action.kind)),
        None => verbs.extend(KINDS.into_iter().map(|kind| Verb::new(name, kind))),
    }
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
        let mut verbs: Vec<_> = verbs(&Catalogue::newest(), &[]).all.into_iter().filter(|verb| verb.known).collect();
        for name in ["s3:GetObject", "S3:GETOBJECT", "s3:Get*", "iam:GetUser", "s3:"] {
            add(&mut verbs, name);
            assert_eq!(verbs.len(), 37, "{name}");
        }
        add(&mut verbs, "s3:ListBucketVersions");
        assert_eq!(verbs.len(), 40);
    }
}
