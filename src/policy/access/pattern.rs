//! A resource pattern of a document, read by the rules of one profile.

use std::borrow::Cow;
use std::rc::Rc;

use super::Profile;
use super::glob::{Glob, Token, steps};
use super::universe::{ARN, Universe};

/// How texts in a document are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect<'a> {
    /// By whose rules.
    pub(super) profile: Profile,
    /// Whether `${…}` is a variable: always on MinIO's line; on AWS only under version 2012-10-17, else it is text.
    pub(super) variables: bool,
    /// The user that `${aws:username}` stands for, when known.
    pub(super) user: Option<&'a str>,
}

/// A resource pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As the document has it.
    pub(super) shown: Rc<str>,
    /// What it matches behind `arn:aws:s3:::`: any of these. Empty: nothing at all.
    pub(super) globs: Rc<[Glob]>,
    /// Whether it also matches the resource `*`, which has no `arn:aws:s3:::`.
    pub(super) bare: bool,
    /// Whether it matches only some of `globs`, and nobody knows which: it has a variable with no known value, or is
    /// `foreign`.
    pub(super) opaque: bool,
    /// Whether it does not begin with `arn:aws:s3:::`, so that nobody knows what a server makes of it.
    pub(super) foreign: bool,
    /// Its number among the patterns of a comparison; see [`Numbers`](super::pairs::Numbers).
    pub(super) number: usize,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// One that does not begin with `arn:aws:s3:::` is opaque over everything: servers read it differently or refuse it.
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

    /// The pattern for [`Universe::Bare`], where a resource without `arn:aws:s3:::` is
    /// the empty text, and one with it would have one character in its stead.
    pub(super) fn without_prefix_taken(&self) -> Self {
        let stead = |glob: &Glob| Glob::new([Token::Any].into_iter().chain(glob.tokens().iter().copied()));
        let globs = if self.bare { [Glob::new([Token::Run])].into() } else { self.globs.iter().map(stead).collect() };
        Self { globs, ..self.clone() }
    }

    /// The pattern as it works in a universe, of the shape given; `None` when it is the same there.
    pub(super) fn pruned(&self, universe: Universe, shape: &Glob) -> Option<Self> {
        let prune = |glob| universe.prune(glob, shape);
        let is_same = |glob| matches!(prune(glob), Some(Cow::Borrowed(_)));
        if self.globs.iter().all(is_same) {
            return None;
        }
        let globs = self.globs.iter().filter_map(prune).map(Cow::into_owned).collect();
        Some(Self { globs, ..self.clone() })
    }

    /// Whether it matches the same as another for being read the same.
    pub(super) fn is_read_like(&self, other: &Self) -> bool {
        self.globs == other.globs
            && self.bare == other.bare
            && self.opaque == other.opaque
            && self.foreign == other.foreign
    }

    /// Whether it covers, variables aside, all that `narrower` covers. May be wrongly false.
    pub(super) fn covers(&self, narrower: &Self) -> bool {
        let reaches = self.bare || !narrower.bare;
        reaches && narrower.globs.iter().all(|narrow| self.globs.iter().any(|wide| wide.subsumes(narrow)))
    }

    /// Whether it covers a resource, variables aside.
    pub(super) fn matches(&self, resource: &Glob) -> bool {
        self.globs.iter().any(|glob| glob.subsumes(resource))
    }

    /// Whether they have a resource in common, variables aside.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.globs.iter().any(|a| other.globs.iter().any(|b| a.overlaps(b)))
    }
}

/// Servers of MinIO's line clean a resource's path before they compare it with a pattern as a text, so that a pattern
/// without wildcards also matches with a `/` behind it. `wild` tells whether there are wildcards, variables aside.
fn with_slash(rest: &Glob, wild: bool, profile: Profile) -> Option<Glob> {
    let ends_open = matches!(rest.tokens().last(), None | Some(Token::One('/') | Token::Run));
    (profile == Profile::Minio && !wild && !ends_open).then(|| rest.followed_by('/'))
}

impl Dialect<'_> {
    /// The steps of a text, `None` for a variable with no known value; and whether there is one.
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

    /// The first variable of a text: what is before, inside and after `${…}`.
    fn variable(self, text: &str) -> Option<(&str, &str, &str)> {
        let (before, rest) = text.split_once("${").filter(|_| self.variables)?;
        let (inside, after) = rest.split_once('}')?;
        Some((before, inside, after))
    }

    /// What a variable stands for. On MinIO's line the user's name becomes part of the pattern's text, wildcards in it
    /// and all; on AWS it is a plain text, `${*}` and the like are the characters themselves, and a variable may have
    /// a default.
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

    /// A condition's value with the user's name in it, and whether a variable with no known value is left. A name with
    /// wildcards is not filled in: servers disagree about what they then mean.
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
    fn the_prefix_is_taken_off_and_a_literal_also_matches_with_a_slash_on_minios_line() {
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
