//! Resource patterns of a document, as one profile reads them, and their relations.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Profile;
use super::glob::{Glob, Token, steps};
use super::resources::{ARN, ResourceSpace};

/// How the texts of a document are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect<'a> {
    pub(super) profile: Profile,
    /// Whether `${…}` is a variable: always on MinIO; on AWS only with version 2012-10-17.
    pub(super) variables: bool,
    /// The value of `${aws:username}`, if known.
    pub(super) user: Option<&'a str>,
}

/// A resource pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The text in the document.
    pub(super) shown: Rc<str>,
    /// It matches what any of these matches behind `arn:aws:s3:::`. Without globs it matches nothing.
    pub(super) globs: Rc<[Glob]>,
    /// Whether it also matches the resource `*`, which has no prefix.
    pub(super) bare: bool,
    /// Whether it matches only an unknown part of `globs`: it has an unknown variable, or is `foreign`.
    pub(super) opaque: bool,
    /// Whether it does not start with `arn:aws:s3:::`. Servers read such a pattern differently or refuse it.
    pub(super) foreign: bool,
    /// Its number in the [`PatternTable`].
    pub(super) number: usize,
}

impl Pattern {
    /// Reads a pattern. A foreign one can match everything.
    pub(super) fn read(text: &str, dialect: Dialect<'_>) -> Self {
        let (tokens, unknown) = dialect.expand(text);
        let wild = tokens.iter().any(|token| token.is_some_and(|t| !matches!(t, Token::One(_))));
        let glob = Glob::new(tokens.into_iter().map(|token| token.unwrap_or(Token::Run)));
        let everything = Glob::new([Token::Run]);
        let bare = glob.matches("*");
        let (globs, foreign) = if glob.is_everything() {
            (vec![everything], false)
        } else if let Some(rest) = glob.strip(ARN) {
            (with_slash(&rest, wild, dialect.profile).into_iter().chain([rest]).collect(), false)
        } else {
            (vec![everything], true)
        };
        Self { shown: text.into(), globs: globs.into(), bare, opaque: unknown || foreign, foreign, number: 0 }
    }

    /// The pattern for [`ResourceSpace::Bare`]. There, a resource without the prefix is the empty text, and any other
    /// resource is one character longer than without the prefix.
    pub(super) fn in_bare_space(&self) -> Self {
        let shifted = |glob: &Glob| Glob::new([Token::Any].into_iter().chain(glob.tokens().iter().copied()));
        let globs = if self.bare { [Glob::new([Token::Run])].into() } else { self.globs.iter().map(shifted).collect() };
        Self { globs, ..self.clone() }
    }

    /// The pattern reduced to a space of this shape. `None` if it is the same there.
    pub(super) fn reduced(&self, space: ResourceSpace, shape: &Glob) -> Option<Self> {
        let reduce = |glob| space.reduce(glob, shape);
        let is_same = |glob| matches!(reduce(glob), Some(Cow::Borrowed(_)));
        if self.globs.iter().all(is_same) {
            return None;
        }
        let globs = self.globs.iter().filter_map(reduce).map(Cow::into_owned).collect();
        Some(Self { globs, ..self.clone() })
    }

    /// Whether both have the same meaning.
    pub(super) fn has_same_meaning(&self, other: &Self) -> bool {
        self.globs == other.globs
            && self.bare == other.bare
            && self.opaque == other.opaque
            && self.foreign == other.foreign
    }

    /// Whether it covers, without regard to variables, everything that `narrower` covers. It can be wrongly false.
    pub(super) fn covers(&self, narrower: &Self) -> bool {
        let reaches = self.bare || !narrower.bare;
        reaches && narrower.globs.iter().all(|narrow| self.globs.iter().any(|wide| wide.subsumes(narrow)))
    }

    /// Whether it covers a resource, without regard to variables.
    pub(super) fn matches(&self, resource: &Glob) -> bool {
        self.globs.iter().any(|glob| glob.subsumes(resource))
    }

    /// Whether both cover a common resource, without regard to variables.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.globs.iter().any(|a| other.globs.iter().any(|b| a.overlaps(b)))
    }
}

/// MinIO servers clean the path of a resource before they compare it with a pattern. So a pattern without wildcards
/// also matches with a `/` behind it. `wild` tells whether it has wildcards, without regard to variables.
fn with_slash(rest: &Glob, wild: bool, profile: Profile) -> Option<Glob> {
    let ends_open = matches!(rest.tokens().last(), None | Some(Token::One('/') | Token::Run));
    (profile == Profile::Minio && !wild && !ends_open).then(|| rest.followed_by('/'))
}

impl Dialect<'_> {
    /// The tokens of a text, and whether it has an unknown variable. Each unknown variable is `None`.
    fn expand(self, text: &str) -> (Vec<Option<Token>>, bool) {
        let mut tokens = Vec::new();
        let mut unknown = false;
        let mut rest = text;
        while let Some((before, inside, after)) = self.variable(rest) {
            tokens.extend(steps(before).map(Some));
            match self.value(inside) {
                Some(value) => tokens.extend(value.into_iter().map(Some)),
                None => {
                    tokens.push(None);
                    unknown = true;
                }
            }
            rest = after;
        }
        tokens.extend(steps(rest).map(Some));
        (tokens, unknown)
    }

    /// The first variable of a text: the text before, inside and after `${…}`.
    fn variable(self, text: &str) -> Option<(&str, &str, &str)> {
        let (before, rest) = text.split_once("${").filter(|_| self.variables)?;
        let (inside, after) = rest.split_once('}')?;
        Some((before, inside, after))
    }

    /// The value of a variable. On MinIO, wildcards in the name of the user stay wildcards. On AWS the name is plain
    /// text, `${*}` is a plain `*`, and a variable can have a default.
    fn value(self, inside: &str) -> Option<Vec<Token>> {
        match self.profile {
            Profile::Minio => {
                let user = self.user.filter(|_| inside == "aws:username")?;
                Some(steps(user).collect())
            }
            Profile::Aws => {
                if matches!(inside, "*" | "?" | "$") {
                    return Some(Glob::literal(inside).tokens().to_vec());
                }
                let name = inside.split_once(',').map_or(inside, |(name, _)| name);
                let user = self.user.filter(|_| name.eq_ignore_ascii_case("aws:username"))?;
                Some(Glob::literal(user).tokens().to_vec())
            }
        }
    }

    /// The value of a condition with the name of the user, and whether it has an unknown variable. A name with
    /// wildcards is not inserted, because servers disagree about its meaning.
    pub(super) fn fill(self, value: &str) -> (String, bool) {
        let plain_user = self.user.filter(|user| !user.contains(['*', '?', '$']));
        let mut filled = String::new();
        let mut open = false;
        let mut rest = value;
        while let Some((before, inside, after)) = self.variable(rest) {
            filled.push_str(before);
            match plain_user.filter(|_| inside == "aws:username") {
                Some(user) => filled.push_str(user),
                None => {
                    filled.push_str(&format!("${{{inside}}}"));
                    open = true;
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        (filled, open)
    }
}

/// The patterns of a comparison. Each text is read once for each profile. Readings of one text with the same meaning have
/// the same number.
#[derive(Debug, Default)]
pub(super) struct PatternTable {
    patterns: usize,
    /// For each text, its readings by profile and with or without variables.
    texts: BTreeMap<String, Vec<(Profile, bool, Pattern)>>,
}

impl PatternTable {
    /// Reads and numbers a pattern.
    pub(super) fn read(&mut self, text: &str, dialect: Dialect<'_>) -> Pattern {
        let readings = self.texts.entry(text.to_owned()).or_default();
        let is_it =
            |(profile, variables, _): &&(_, _, _)| (*profile, *variables) == (dialect.profile, dialect.variables);
        if let Some((_, _, known)) = readings.iter().find(is_it) {
            return known.clone();
        }
        let mut pattern = Pattern::read(text, dialect);
        let same = readings.iter().find(|(_, _, reading)| reading.has_same_meaning(&pattern));
        pattern.number = same.map_or(self.patterns, |(_, _, same)| same.number);
        self.patterns = self.patterns.max(pattern.number + 1);
        readings.push((dialect.profile, dialect.variables, pattern.clone()));
        pattern
    }

    /// A new number for a pattern that is derived from another.
    pub(super) fn next_number(&mut self) -> usize {
        self.patterns += 1;
        self.patterns - 1
    }
}

const COVERS_KNOWN: u8 = 1;
const COVERS: u8 = 2;
const OVERLAP_KNOWN: u8 = 4;
const OVERLAP: u8 = 8;

/// The relations of numbered patterns. Each pair is computed once, because all classes of actions and both profiles
/// need it.
#[derive(Debug, Default)]
pub(super) struct PatternPairs {
    known: Vec<Vec<Cell<u8>>>,
}

impl PatternPairs {
    /// Makes room for all patterns of the table.
    pub(super) fn make_room(&mut self, numbers: &PatternTable) {
        self.known.resize_with(numbers.patterns, Vec::new);
        self.known.iter_mut().for_each(|row| row.resize(numbers.patterns, Cell::new(0)));
    }

    /// See [`Pattern::covers`].
    pub(super) fn covers(&self, wide: &Pattern, narrow: &Pattern) -> bool {
        self.cached(wide, narrow, COVERS_KNOWN, COVERS, || wide.covers(narrow))
    }

    /// See [`Pattern::overlaps`].
    pub(super) fn overlap(&self, one: &Pattern, other: &Pattern) -> bool {
        self.cached(one, other, OVERLAP_KNOWN, OVERLAP, || one.overlaps(other))
    }

    fn cached(&self, one: &Pattern, other: &Pattern, known_bit: u8, value_bit: u8, compute: impl Fn() -> bool) -> bool {
        let cell = &self.known[one.number][other.number];
        if cell.get() & known_bit == 0 {
            cell.set(cell.get() | known_bit | if compute() { value_bit } else { 0 });
        }
        cell.get() & value_bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, profile: Profile, user: Option<&str>) -> Pattern {
        Pattern::read(text, Dialect { profile, variables: true, user })
    }

    fn globs(text: &str, profile: Profile, user: Option<&str>) -> Vec<Glob> {
        read(text, profile, user).globs.to_vec()
    }

    #[test]
    fn the_prefix_is_removed_and_on_minio_a_literal_also_matches_with_a_slash() {
        assert_eq!(globs("arn:aws:s3:::b", Profile::Aws, None), [Glob::literal("b")]);
        assert_eq!(globs("arn:aws:s3:::b", Profile::Minio, None), [Glob::literal("b/"), Glob::literal("b")]);
        assert_eq!(globs("arn:aws:s3:::b*", Profile::Minio, None), [Glob::parse("b*")]);
        assert_eq!(globs("arn:aws:s3:::", Profile::Minio, None), [Glob::literal("")]);
        assert!(read("*", Profile::Aws, None).bare && !read("arn:aws:s3:::*", Profile::Aws, None).bare);
    }

    #[test]
    fn a_pattern_that_is_no_arn_of_s3_may_cover_anything() {
        for text in ["arn:*:s3:::b", "arn:minio:s3:::b", "b/*", ""] {
            let foreign = read(text, Profile::Aws, None);
            assert!(foreign.opaque && foreign.foreign && *foreign.globs == [Glob::parse("*")], "{text}");
        }
    }

    #[test]
    fn variables_stand_for_the_user_or_for_anything() {
        let text = "arn:aws:s3:::home/${aws:username}/x";
        assert_eq!(globs(text, Profile::Aws, Some("a*")), [Glob::literal("home/a*/x")]);
        assert_eq!(globs(text, Profile::Minio, Some("a*")), [Glob::parse("home/a*/x")]);
        let unknown = read(text, Profile::Minio, None);
        assert!(unknown.opaque);
        assert_eq!(*unknown.globs, [Glob::parse("home/*/x/"), Glob::parse("home/*/x")]);
        assert_eq!(globs("arn:aws:s3:::b/${*}", Profile::Aws, None), [Glob::literal("b/*")]);
        assert!(read("arn:aws:s3:::b/${*}", Profile::Minio, None).opaque);
        assert!(!read("arn:aws:s3:::b/${open", Profile::Minio, None).opaque);
    }

    #[test]
    fn the_users_name_is_filled_into_values() {
        let dialect = Dialect { profile: Profile::Aws, variables: true, user: Some("al") };
        assert_eq!(dialect.fill("${aws:username}/${aws:userid}"), ("al/${aws:userid}".to_owned(), true));
        assert_eq!(dialect.fill("${aws:username}/"), ("al/".to_owned(), false));
    }
}
