//! The resources a request can name, by kind of action and by the rules of evaluation, as a small automaton.
//!
//! All of them are taken behind `arn:aws:s3:::`, which every resource begins with; [`Universe::Bare`] is the exception.

use std::borrow::Cow;

use super::Profile;
use super::glob::{Glob, Token};
use crate::policy::Kind;

/// What every resource and every well-formed pattern but `*` begins with.
pub(super) const ARN: &str = "arn:aws:s3:::";

/// Characters for a place where any will do, the most pleasant to read first; all are legal in a bucket name, the last
/// two not at its ends.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw0123456789-.";

/// What the first `*` of a glob may stand for in an example, with `x` for any letter, so that it comes out as a resource.
const RUNS: [&str; 9] = ["x", "xxx", "x/x", "xxx/x", "x/", "xxx/", "", "/", "*"];

/// A set of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Universe {
    /// The single resource `*`: no bucket at all, as AWS's user guide has it. Only a pattern that is `*` matches it. Here
    /// it is the empty text (see [`Pattern::without_prefix_taken`](super::pattern::Pattern::without_prefix_taken)).
    Bare,
    /// The single resource `arn:aws:s3:::*`: no bucket at all, as AWS's S3 guide has it.
    Star,
    /// The single resource `/`: no bucket at all, on servers of MinIO's line.
    Root,
    /// `BUCKET`.
    Bucket,
    /// `BUCKET/`: a bucket as a whole, on servers of MinIO's line.
    BucketSlash,
    /// `BUCKET/KEY`.
    Object,
}

/// How far a resource has been read. A bucket name has at least three characters and a letter or digit at both ends;
/// that it has at most 63 and is no IP address is left out, which can only show more access, never less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// Nothing read.
    Start,
    /// One character of a bucket name.
    First,
    /// Two or more characters of a bucket name that cannot end here.
    Within,
    /// A bucket name that can end here.
    Named,
    /// Just behind the bucket's `/`, or at the end of a resource that is no bucket's.
    Slash,
    /// In the key.
    Key,
}

impl Universe {
    /// The universes of a kind of action: AWS's two guides disagree about the resource of an action on the account, so
    /// both readings are looked at.
    pub(super) fn of(kind: Kind, profile: Profile) -> &'static [Self] {
        match (kind, profile) {
            (Kind::Account, Profile::Aws) => &[Self::Bare, Self::Star],
            (Kind::Account, Profile::Minio) => &[Self::Root],
            (Kind::Bucket, Profile::Aws) => &[Self::Bucket],
            (Kind::Bucket, Profile::Minio) => &[Self::BucketSlash],
            (Kind::Object, Profile::Aws | Profile::Minio) => &[Self::Object],
        }
    }

    /// Where one character leads; `None` when no resource goes on like this.
    pub(super) fn next(self, at: At, letter: char) -> Option<At> {
        match at {
            At::Start => match self {
                Self::Bare => None,
                Self::Star => (letter == '*').then_some(At::Slash),
                Self::Root => (letter == '/').then_some(At::Slash),
                Self::Bucket | Self::BucketSlash | Self::Object => is_alphanumeric(letter).then_some(At::First),
            },
            At::First => is_bucket_letter(letter).then_some(At::Within),
            At::Within | At::Named => match letter {
                '/' => (at == At::Named && self != Self::Bucket).then_some(At::Slash),
                _ if is_alphanumeric(letter) => Some(At::Named),
                _ => is_bucket_letter(letter).then_some(At::Within),
            },
            At::Slash | At::Key => (self == Self::Object).then_some(At::Key),
        }
    }

    /// Whether a resource may end here.
    pub(super) fn accepts(self, at: At) -> bool {
        match self {
            Self::Bare => at == At::Start,
            Self::Star | Self::Root | Self::BucketSlash => at == At::Slash,
            Self::Bucket => at == At::Named,
            Self::Object => at == At::Key,
        }
    }

    /// Characters that stand for all those not in `named`: one that is in no glob's way, and those the shape asks for.
    pub(super) fn fresh(self, at: At, named: &[char]) -> [Option<char>; 2] {
        let plain = LETTERS.chars().find(|letter| !named.contains(letter));
        let strange = plain.is_none().then(|| ('A'..).find(|letter| !named.contains(letter))).flatten();
        let shape = match at {
            At::Start => match self {
                Self::Star => Some('*'),
                Self::Root => Some('/'),
                Self::Bare | Self::Bucket | Self::BucketSlash | Self::Object => None,
            },
            At::Named => Some('/'),
            At::First | At::Within | At::Slash | At::Key => None,
        };
        [plain.or(strange), shape]
    }

    /// A resource that a glob matches, as a person would make one up, with this letter wherever any will do. None where
    /// that does not come out as a resource of this universe.
    pub(super) fn example(self, glob: &Glob, letter: char) -> Option<String> {
        let mut spelled = RUNS.iter().map(|first| spell(glob, first, letter));
        spelled.find(|text| self.contains(text))
    }

    fn contains(self, resource: &str) -> bool {
        let end = resource.chars().try_fold(At::Start, |at, letter| self.next(at, letter));
        end.is_some_and(|at| self.accepts(at))
    }

    /// What all resources of this universe look like.
    pub(super) fn shape(self) -> Glob {
        match self {
            Self::Bare => Glob::literal(""),
            Self::Star => Glob::literal("*"),
            Self::Root => Glob::literal("/"),
            Self::Bucket => Glob::parse("?*"),
            Self::BucketSlash => Glob::parse("?*/"),
            Self::Object => Glob::parse("?*/?*"),
        }
    }

    /// A glob that matches the same resources of this universe, in one form for as many as is easily done; `None` when
    /// it matches none, as far as is easily seen. `shape` is that of the universe.
    pub(super) fn prune<'a>(self, glob: &'a Glob, shape: &Glob) -> Option<Cow<'a, Glob>> {
        if !glob.overlaps(shape) || (self == Self::Bucket && glob.tokens().contains(&Token::One('/'))) {
            return None;
        }
        // The only `/` of a bucket as a whole is its last character, so that nothing is left for a `*` behind a `/`.
        let trimmed = glob.tokens().strip_suffix(&[Token::Run]).filter(|rest| rest.last() == Some(&Token::One('/')));
        Some(match trimmed.filter(|_| self == Self::BucketSlash) {
            Some(rest) => Cow::Owned(Glob::new(rest.iter().copied())),
            None => Cow::Borrowed(glob),
        })
    }

    /// The resource as it is written in a policy.
    pub(super) fn written(self, resource: &str) -> String {
        match self {
            Self::Bare => "*".to_owned(),
            Self::Star | Self::Root => format!("{ARN}*"),
            Self::Bucket | Self::Object => format!("{ARN}{resource}"),
            Self::BucketSlash => format!("{ARN}{}", resource.trim_end_matches('/')),
        }
    }
}

/// The letter, most pleasant to read, that is not among those asked for.
pub(super) fn unasked(asked: impl Iterator<Item = char>) -> Option<char> {
    let ascii = asked.filter(char::is_ascii).fold(0_u128, |asked, letter| asked | 1 << u32::from(letter));
    LETTERS.chars().filter(|letter| is_alphanumeric(*letter)).find(|&letter| ascii >> u32::from(letter) & 1 == 0)
}

/// A text that a glob matches: its first `*` stands for `first_run`, each other for one letter.
fn spell(glob: &Glob, first_run: &str, letter: char) -> String {
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
