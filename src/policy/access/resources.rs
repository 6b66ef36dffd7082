//! The resources that a request can name, by the kind of the action and the rules, as a small automaton.
//!
//! Resources are written without `arn:aws:s3:::`, their common prefix. The only exception is [`ResourceSpace::Bare`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::glob::{Glob, Token};
use super::rules::Rules;
use crate::policy::Kind;

/// The prefix of every resource and of every well-formed pattern except `*`.
pub const ARN: &str = "arn:aws:s3:::";

/// Characters for wildcards in examples, the most readable first. All are legal in a bucket name; the last two not as
/// its first or last character.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw0123456789-.";

/// Values of the first `*` of a glob in an example. `x` is replaced by a letter.
const FIRST_RUNS: [&str; 9] = ["x", "xxx", "x/x", "xxx/x", "x/", "xxx/", "", "/", "*"];

/// A set of resources that an action can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ResourceSpace {
    /// The single resource `*`: no bucket, by the AWS user guide. Only the pattern `*` matches it. In this space it is
    /// the empty text (see [`Pattern::in_bare_space`](super::patterns::Pattern::in_bare_space)).
    Bare,
    /// The single resource `arn:aws:s3:::*`: no bucket, by the AWS S3 guide.
    Star,
    /// The single resource `/`: no bucket, on MinIO servers.
    Root,
    /// `BUCKET`.
    Bucket,
    /// `BUCKET/`: a bucket, on MinIO servers.
    BucketSlash,
    /// `BUCKET/KEY`.
    Object,
    /// `BUCKET/KEY` on servers that match a key without the slashes in front of it.
    TrimmedObject,
}

/// The position in a resource. A bucket name has at least three characters, and a letter or digit at both ends. Other
/// rules for bucket names are ignored, which can only show more access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Position {
    Start,
    /// After one character of a bucket name.
    First,
    /// In a bucket name that cannot end here.
    Within,
    /// In a bucket name that can end here.
    Named,
    /// After the `/` of a bucket, or after a resource that is no bucket.
    Slash,
    Key,
}

impl ResourceSpace {
    /// A pattern of names of buckets, or of buckets with keys, as a server with this space writes these resources.
    pub(super) fn as_named(self, pattern: &str) -> Cow<'_, str> {
        match (self, pattern.split_once('/')) {
            (Self::BucketSlash, _) => format!("{pattern}/").into(),
            (Self::TrimmedObject, Some((bucket, key))) if key.starts_with('/') => {
                format!("{bucket}/{}", key.trim_start_matches('/')).into()
            }
            (Self::TrimmedObject, Some(_) | None) => pattern.into(),
            (Self::Bare | Self::Star | Self::Root | Self::Bucket | Self::Object, _) => pattern.into(),
        }
    }

    /// The spaces of a kind of action. The two guides of AWS disagree about account actions, so both readings are
    /// checked.
    pub(super) fn of(kind: Kind, rules: &Rules) -> &'static [Self] {
        match kind {
            Kind::Account if rules.account_is_slash => &[Self::Root],
            Kind::Account => &[Self::Bare, Self::Star],
            Kind::Bucket if rules.objects_cover_bucket => &[Self::BucketSlash],
            Kind::Bucket => &[Self::Bucket],
            Kind::Object if rules.leading_slash_dropped => &[Self::TrimmedObject],
            Kind::Object => &[Self::Object],
        }
    }

    /// The text of its resource, if it has only one.
    pub(super) fn only_resource(self) -> Option<&'static str> {
        match self {
            Self::Bare => Some(""),
            Self::Star => Some("*"),
            Self::Root => Some("/"),
            Self::Bucket | Self::BucketSlash | Self::Object | Self::TrimmedObject => None,
        }
    }

    /// The position after one more character. `None` if no resource continues like this.
    pub(super) fn next(self, at: Position, letter: char) -> Option<Position> {
        match at {
            Position::Start => match self {
                Self::Bare => None,
                Self::Star => (letter == '*').then_some(Position::Slash),
                Self::Root => (letter == '/').then_some(Position::Slash),
                Self::Bucket | Self::BucketSlash | Self::Object | Self::TrimmedObject => {
                    is_alphanumeric(letter).then_some(Position::First)
                }
            },
            Position::First => is_bucket_letter(letter).then_some(Position::Within),
            Position::Within | Position::Named => match letter {
                '/' => (at == Position::Named && self != Self::Bucket).then_some(Position::Slash),
                _ if is_alphanumeric(letter) => Some(Position::Named),
                _ => is_bucket_letter(letter).then_some(Position::Within),
            },
            Position::Slash if self == Self::TrimmedObject => (letter != '/').then_some(Position::Key),
            Position::Slash | Position::Key => {
                matches!(self, Self::Object | Self::TrimmedObject).then_some(Position::Key)
            }
        }
    }

    pub(super) fn accepts(self, at: Position) -> bool {
        match self {
            Self::Bare => at == Position::Start,
            Self::Star | Self::Root | Self::BucketSlash => at == Position::Slash,
            Self::Bucket => at == Position::Named,
            Self::Object | Self::TrimmedObject => at == Position::Key,
        }
    }

    /// Characters that represent all characters outside of `named`: one that no glob names, and one that the form of
    /// the resource requires.
    pub(super) fn other_letters(self, at: Position, named: &BTreeSet<char>) -> [Option<char>; 2] {
        let plain = LETTERS.chars().find(|letter| !named.contains(letter));
        let strange = plain.is_none().then(|| ('A'..).find(|letter| !named.contains(letter))).flatten();
        let shape = match at {
            Position::Start => match self {
                Self::Star => Some('*'),
                Self::Root => Some('/'),
                Self::Bare | Self::Bucket | Self::BucketSlash | Self::Object | Self::TrimmedObject => None,
            },
            Position::Named => Some('/'),
            Position::First | Position::Within | Position::Slash | Position::Key => None,
        };
        [plain.or(strange), shape]
    }

    /// A readable resource that a glob matches, with this letter for every wildcard. `None` if that is no resource of
    /// this space.
    pub(super) fn example(self, glob: &Glob, letter: char) -> Option<String> {
        let mut spelled = FIRST_RUNS.iter().map(|first| spelled_out(glob, first, letter));
        spelled.find(|text| self.contains(text))
    }

    pub(super) fn contains(self, resource: &str) -> bool {
        let end = resource.chars().try_fold(Position::Start, |at, letter| self.next(at, letter));
        end.is_some_and(|at| self.accepts(at))
    }

    fn shape(self) -> Glob {
        match self {
            Self::Bare => Glob::literal(""),
            Self::Star => Glob::literal("*"),
            Self::Root => Glob::literal("/"),
            Self::Bucket => Glob::parse("?*"),
            Self::BucketSlash => Glob::parse("?*/"),
            Self::Object | Self::TrimmedObject => Glob::parse("?*/?*"),
        }
    }

    /// Globs that match the same resources of this space, in one form for many equal globs, without those that clearly
    /// match none.
    pub(super) fn reduce(self, globs: &[Glob]) -> Rc<[Glob]> {
        let shape = self.shape();
        // The only `/` of `BUCKET/` is its last character.
        let is_possible = |glob: &&Glob| {
            let slash = glob.tokens().iter().position(|token| *token == Token::One('/'));
            let behind = slash.and_then(|slash| glob.tokens().get(slash + 1..)).unwrap_or_default();
            let fits = match self {
                Self::Bucket => slash.is_none(),
                Self::BucketSlash => matches!(behind, [] | [Token::Run]),
                Self::Bare | Self::Star | Self::Root | Self::Object | Self::TrimmedObject => true,
            };
            fits && glob.overlaps(&shape)
        };
        let reduced = |glob: &Glob| match glob.tokens() {
            // A `*` behind the `/` matches nothing.
            [rest @ .., Token::Run] if self == Self::BucketSlash && rest.last() == Some(&Token::One('/')) => {
                Glob::new(rest.iter().copied())
            }
            _ => glob.clone(),
        };
        globs.iter().filter(is_possible).map(reduced).collect()
    }

    /// The resource as a policy names it.
    pub(super) fn written(self, resource: &str) -> String {
        match self {
            Self::Bare => "*".to_owned(),
            Self::Star | Self::Root => format!("{ARN}*"),
            Self::Bucket | Self::Object | Self::TrimmedObject => format!("{ARN}{resource}"),
            Self::BucketSlash => format!("{ARN}{}", resource.trim_end_matches('/')),
        }
    }
}

/// The most readable letter that no pattern names.
pub(super) fn unused_letter(asked: impl Iterator<Item = char>) -> Option<char> {
    let ascii = asked.filter(char::is_ascii).fold(0_u128, |asked, letter| asked | 1 << u32::from(letter));
    LETTERS.chars().filter(|letter| is_alphanumeric(*letter)).find(|&letter| ascii >> u32::from(letter) & 1 == 0)
}

/// A text that a glob matches: its first `*` becomes `first_run`, each other one becomes one letter.
fn spelled_out(glob: &Glob, first_run: &str, letter: char) -> String {
    let mut run = first_run;
    let mut text = String::new();
    for token in glob.tokens() {
        match token {
            Token::One(one) => text.push(*one),
            Token::Any => text.push(letter),
            Token::Run => {
                let letters = std::mem::replace(&mut run, "x").chars();
                text.extend(letters.map(|shape| if shape == 'x' { letter } else { shape }));
            }
        }
    }
    text
}

fn is_alphanumeric(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit()
}

fn is_bucket_letter(letter: char) -> bool {
    is_alphanumeric(letter) || matches!(letter, '.' | '-')
}
