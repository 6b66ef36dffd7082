//! The sets of actions that a comparison distinguishes, and short lists of actions.

use std::collections::BTreeSet;

use super::glob::Glob;
use super::rules::Rules;
use crate::policy::catalogue::kind_of;
use crate::policy::{Action, Catalogue, Document, Effect, Kind, Level};

/// An action on a kind of resource. If `known` is false, a set of actions that the catalogue does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActionSet {
    /// The full name of the action, or the pattern that names the set in a document.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether it is a single action. A difference about any other set is undecided.
    pub(super) known: bool,
    /// The name as a glob, or the globs whose intersection is the set.
    exact: Vec<Glob>,
    /// The same in lower case, for rules that ignore case.
    folded: Vec<Glob>,
}

impl ActionSet {
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let (exact, folded) = (Glob::literal(name), Glob::literal(&name.to_ascii_lowercase()));
        Self { name: name.to_owned(), kind, known: true, exact: vec![exact], folded: vec![folded] }
    }

    /// The actions that all patterns match, with the name of the first pattern.
    fn unknown<const N: usize>(patterns: [&str; N]) -> impl Iterator<Item = Self> + use<N> {
        let exact = patterns.iter().map(|pattern| Glob::parse(pattern)).collect();
        let folded = patterns.iter().map(|pattern| Glob::parse(&pattern.to_ascii_lowercase())).collect();
        Self::of_all_kinds(patterns.first().copied().unwrap_or_default(), exact, folded)
    }

    /// A set for every kind of resource, because the kind is unknown.
    fn of_all_kinds(name: &str, exact: Vec<Glob>, folded: Vec<Glob>) -> impl Iterator<Item = Self> + use<> {
        let action_set = Self { name: name.to_owned(), kind: Kind::Object, known: false, exact, folded };
        KINDS.into_iter().map(move |kind| Self { kind, ..action_set.clone() })
    }

    /// Whether a pattern matches the whole set. If the rules ignore case, the pattern is in lower case.
    pub(super) fn is_matched_by(&self, pattern: &Glob, rules: &Rules) -> bool {
        let names = if rules.action_case_ignored { &self.folded } else { &self.exact };
        names.iter().any(|name| pattern.subsumes(name))
    }
}

/// A name that represents all actions of other services that no document names.
const OTHER_SERVICE: &str = "\0:\0";

const KINDS: [Kind; 3] = [Kind::Account, Kind::Bucket, Kind::Object];

/// A wildcard for fewer actions than this saves the reader nothing.
const MIN_GROUP: usize = 3;

/// The kinds of actions that have words, with the resources and levels of each.
const IN_WORDS: [(&str, &[Kind], &[Level]); 9] = [
    ("all actions", &KINDS, &LEVELS),
    ("all object actions", &[Kind::Object], &LEVELS),
    ("all bucket actions", &[Kind::Bucket], &LEVELS),
    ("all read actions", &KINDS, READ),
    ("all write actions", &KINDS, WRITE),
    ("all object read actions", &[Kind::Object], READ),
    ("all object write actions", &[Kind::Object], WRITE),
    ("all bucket read actions", &[Kind::Bucket], READ),
    ("all bucket write actions", &[Kind::Bucket], WRITE),
];

const LEVELS: [Level; 4] = [Level::List, Level::Read, Level::Write, Level::Permissions];
const READ: &[Level] = &[Level::List, Level::Read];
const WRITE: &[Level] = &[Level::Write, Level::Permissions];

/// How many actions may be missing from a kind, or beside it, before words do not help.
const MAX_DIFFERING: usize = 3;

/// The limit for overlaps of patterns. Real documents hardly have one.
const MAX_OVERLAPS: usize = 256;

#[derive(Debug)]
pub(super) struct ActionSets {
    pub(super) all: Vec<ActionSet>,
    /// Whether there are more overlaps than the limit. Then nothing about unknown actions is certain.
    pub(super) is_truncated: bool,
}

/// The actions of the catalogue; those that a document names in full, although the catalogue does not know them; and
/// sets of unknown actions: patterns that match nothing in the catalogue, and other services.
///
/// A set represents each of its actions. This is exact if each pattern matches all of the set or nothing of it. So if a
/// pattern of a Deny or a `NotAction` matches a part of a set, that part becomes a set of its own.
pub(super) fn action_sets<'a>(catalogue: &Catalogue, documents: impl IntoIterator<Item = &'a Document>) -> ActionSets {
    let known = catalogue.actions().iter().map(|action| ActionSet::new(&action.name, action.kind));
    let mut action_sets: Vec<_> = known.collect();
    let statements: Vec<_> = documents.into_iter().flat_map(|document| &document.statements).collect();
    let patterns = |narrowing: bool| -> BTreeSet<&str> {
        let those = statements.iter().filter(|s| !narrowing || s.actions.negated || s.effect == Effect::Deny);
        those.flat_map(|statement| &statement.actions.patterns).map(String::as_str).collect()
    };
    let is_known = |pattern: &&str| {
        let glob = Glob::parse(&pattern.to_ascii_lowercase());
        catalogue.actions().iter().any(|action| glob.matches(&action.name.to_ascii_lowercase()))
    };
    let is_decided = |pattern: &&str| {
        let is_of_s3 = pattern.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"));
        let reaches_all = Glob::parse(pattern).matches(OTHER_SERVICE);
        is_known(pattern) && (is_of_s3 || reaches_all)
    };
    let (known, unknown): (Vec<_>, Vec<_>) = patterns(false).into_iter().partition(is_decided);
    let (named, unknown): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|pattern| is_action_name(pattern));
    known.iter().chain(&named).for_each(|name| add(&mut action_sets, name));
    let (overlaps, is_truncated) = overlaps(&unknown, &patterns(true));
    action_sets.extend(unknown.iter().flat_map(|pattern| ActionSet::unknown([pattern])));
    action_sets.extend(overlaps.into_iter().flat_map(ActionSet::unknown));
    // Only patterns such as `*` and `NotAction` select all other services.
    let other = vec![Glob::literal(OTHER_SERVICE)];
    action_sets.extend(ActionSet::of_all_kinds("*:*", other.clone(), other));
    ActionSets { all: action_sets, is_truncated }
}

/// Whether a text is the full name of an S3 action, in any case.
pub(super) fn is_action_name(text: &str) -> bool {
    let is_of_s3 = text.len() > 3 && text.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"));
    is_of_s3 && !text.contains(['*', '?'])
}

/// Each unknown pattern with each pattern that may match only a part of it; and whether there are too many.
fn overlaps<'a>(unknown: &[&'a str], narrowing: &BTreeSet<&'a str>) -> (Vec<[&'a str; 2]>, bool) {
    let glob = |text: &'a str| (text, Glob::parse(&text.to_ascii_lowercase()));
    let narrowing: Vec<_> = narrowing.iter().map(|text| glob(text)).collect();
    let mut pairs = unknown.iter().map(|text| glob(text)).flat_map(|(text, set)| {
        let splits = |(_, part): &&(&str, Glob)| part.overlaps(&set) && !part.subsumes(&set);
        narrowing.iter().filter(splits).map(|(part, _)| [text, *part]).collect::<Vec<_>>()
    });
    let some = pairs.by_ref().take(MAX_OVERLAPS).collect();
    (some, pairs.next().is_some())
}

/// Adds an action that is named in full, unless it is known or belongs to another service.
pub(super) fn add(action_sets: &mut Vec<ActionSet>, name: &str) {
    if !is_action_name(name) || action_sets.iter().any(|action_set| action_set.name.eq_ignore_ascii_case(name)) {
        return;
    }
    match kind_of(name) {
        Some(kind) => action_sets.push(ActionSet::new(name, kind)),
        None => action_sets.extend(KINDS.into_iter().map(|kind| ActionSet::new(name, kind))),
    }
}

/// The wildcards that end after a word of an action name, such as `s3:GetObject*`, each with its actions of the
/// catalogue.
#[derive(Debug)]
pub(super) struct Wildcards<'a> {
    groups: Vec<(&'a str, Vec<&'a str>)>,
    /// The actions of each kind that has words.
    kinds: Vec<(&'static str, BTreeSet<&'a str>)>,
}

impl<'a> Wildcards<'a> {
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        let names: Vec<_> = catalogue.actions().iter().map(|action| action.name.as_str()).collect();
        let stems: BTreeSet<&str> = names.iter().flat_map(|name| stems(name)).collect();
        // The catalogue is sorted, so names with the same prefix are adjacent.
        let members = |stem: &str| {
            let behind = &names[names.partition_point(|name| *name < stem)..];
            behind[..behind.partition_point(|name| name.starts_with(stem))].to_vec()
        };
        let groups = stems.into_iter().map(|stem| (stem, members(stem)));
        let of_kind = |(words, kinds, levels): &(&'static str, &[Kind], &[Level])| {
            let is_member = |of: &&Action| kinds.contains(&of.kind) && levels.contains(&of.level);
            (*words, catalogue.actions().iter().filter(is_member).map(|of| of.name.as_str()).collect())
        };
        Self {
            groups: groups.filter(|(_, members)| members.len() >= MIN_GROUP).collect(),
            kinds: IN_WORDS.iter().map(of_kind).collect(),
        }
    }

    /// The actions in words, if they are all of a kind and at most a few are missing or added: `all object actions`, `all
    /// read actions but s3:GetObject`, `all bucket actions, s3:GetObject`. They are exactly these actions.
    pub(super) fn in_words(&self, actions: &BTreeSet<&str>) -> Option<String> {
        let of_kind = |(words, members): &(&str, BTreeSet<&str>)| {
            let most = MAX_DIFFERING.min(members.len() / 4);
            if members.len().abs_diff(actions.len()) > most {
                return None;
            }
            let missing: Vec<&str> = members.difference(actions).copied().collect();
            let added: Vec<&str> = actions.difference(members).copied().collect();
            let few = missing.len() + added.len() <= most;
            match (missing.as_slice(), added.as_slice()) {
                _ if !few => None,
                (missing, []) if !missing.is_empty() => {
                    Some((missing.len(), format!("{words} but {}", missing.join(", "))))
                }
                ([], added) if !added.is_empty() => Some((added.len(), format!("{words}, {}", added.join(", ")))),
                ([], _) => Some((0, (*words).to_owned())),
                (_, _) => None,
            }
        };
        self.kinds.iter().filter_map(of_kind).min_by_key(|(differing, _)| *differing).map(|(_, words)| words)
    }

    /// A short list of actions. It has a wildcard only if the list has all of its actions.
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

/// The prefixes of a name that end after a word.
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
    fn all_actions_of_a_kind_have_words() {
        let catalogue = Catalogue::newest();
        let words = |wanted: &dyn Fn(&Action) -> bool| {
            let actions = catalogue.actions().iter().filter(|action| wanted(action));
            Wildcards::new(&catalogue).in_words(&actions.map(|action| action.name.as_str()).collect())
        };
        let is = |words: Option<String>, expected: &str| assert_eq!(words.as_deref(), Some(expected));
        is(words(&|of| of.kind == Kind::Object), "all object actions");
        is(words(&|of| of.level <= Level::Read), "all read actions");
        is(words(&|of| of.kind == Kind::Bucket && of.level > Level::Read), "all bucket write actions");
        let but =
            |of: &Action| of.kind == Kind::Object && !["s3:GetObject", "s3:PutObject"].contains(&of.name.as_str());
        is(words(&but), "all object actions but s3:GetObject, s3:PutObject");
        let and = |of: &Action| of.kind == Kind::Object || of.name == "s3:ListBucket";
        is(words(&and), "all object actions, s3:ListBucket");
        assert_eq!(words(&|of| of.name.starts_with("s3:Get")), None);
        assert_eq!(words(&|of| of.name == "s3:GetObject"), None);
    }

    #[test]
    fn actions_no_catalogue_knows_are_taken_at_their_word() {
        let mut action_sets: Vec<_> =
            action_sets(&Catalogue::newest(), &[]).all.into_iter().filter(|action_set| action_set.known).collect();
        for name in ["s3:GetObject", "S3:GETOBJECT", "s3:Get*", "iam:GetUser", "s3:"] {
            add(&mut action_sets, name);
            assert_eq!(action_sets.len(), 37, "{name}");
        }
        add(&mut action_sets, "s3:PutObjectAcl");
        assert_eq!(action_sets.len(), 40);
    }
}
