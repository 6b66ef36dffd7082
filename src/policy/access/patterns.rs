//! Resource patterns of a document, as some rules read them, and their relations.

use std::cell::OnceCell;
use std::iter;
use std::rc::Rc;

use super::glob::{Glob, Token};
use super::resources::{ARN, ResourceSpace};
use super::rules::Rules;
use crate::policy::document::{Piece, pieces};

/// The sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requester<'a> {
    /// The value of `aws:username`, if known.
    pub(super) name: Option<&'a str>,
    /// The user, if known, and whether it certainly has its own keys.
    pub(super) user: Option<(&'a str, bool)>,
    /// Whether it certainly has no login.
    pub(super) is_anonymous: bool,
    /// Whether it is the other one of two senders, so that what is not known about it may differ.
    pub(super) is_other: bool,
}

impl Requester<'_> {
    /// Anyone.
    pub(super) const UNKNOWN: Self = Requester { name: None, user: None, is_anonymous: false, is_other: false };
    /// Someone without a login.
    pub(super) const ANONYMOUS: Self = Requester { is_anonymous: true, ..Self::UNKNOWN };
}

/// What is known about a key of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyValue<'a> {
    Is(&'a str),
    /// The request does not have the key.
    Absent,
    Unknown,
}

/// How the texts of a document are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect<'a> {
    pub(super) rules: Rules,
    /// Whether `${…}` is a variable.
    pub(super) variables: bool,
    /// Who sends the requests.
    pub(super) requester: Requester<'a>,
}

#[derive(Debug, Clone)]
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
    /// With the variable of an unknown user name: what narrows `globs`.
    pub(super) named: Option<Rc<Named>>,
    /// The same for patterns with the same meaning, see [`Numbers`](super::terms::Numbers).
    pub(super) number: usize,
}

/// A pattern with the name of an unknown user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    parts: Vec<Part>,
    /// Whether it also matches with a `/` behind it.
    slash: bool,
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Token(Token),
    /// The unknown name of a user: a text that is not empty and has other characters than `/`.
    Name,
    /// Another unknown value: a text that is not empty.
    Value,
}

impl Named {
    fn matches(&self, resource: &[Token]) -> bool {
        let without_slash = || resource.strip_suffix(&[Token::One('/')]).filter(|_| self.slash);
        parts_match(&self.parts, resource) || without_slash().is_some_and(|rest| parts_match(&self.parts, rest))
    }
}

/// Whether the parts match a text. `ends` has the lengths of the beginnings that the parts so far match.
fn parts_match(parts: &[Part], text: &[Token]) -> bool {
    let mut ends: Vec<usize> = vec![0];
    for part in parts {
        let Some(&first) = ends.first() else { return false };
        let is_slash = |at: &usize| text[*at] == Token::One('/');
        let one_more = |is: &dyn Fn(Token) -> bool| {
            ends.iter().filter(|end| text.get(**end).is_some_and(|letter| is(*letter))).map(|end| end + 1).collect()
        };
        ends = match part {
            Part::Token(Token::Run) => (first..=text.len()).collect(),
            Part::Token(Token::Any) => one_more(&|_| true),
            Part::Token(one @ Token::One(_)) => one_more(&|letter| letter == *one),
            Part::Value => (first + 1..=text.len()).collect(),
            Part::Name => {
                let slashes = (first..text.len()).take_while(is_slash).count();
                (first + slashes + 1..=text.len()).collect()
            }
        };
    }
    ends.last() == Some(&text.len())
}

impl Pattern {
    /// Reads a pattern, not yet numbered. A foreign one can match everything.
    pub(super) fn read(text: &str, dialect: Dialect<'_>) -> Self {
        let Some(parts) = dialect.expand(text) else { return Self::nothing(text) };
        let unknown = parts.iter().any(|part| matches!(part, Part::Name | Part::Value));
        let wild = parts.iter().any(|part| matches!(part, Part::Token(Token::Any | Token::Run)));
        let expanded = parts.iter().flat_map(|part| match part {
            Part::Token(token) => [Some(*token), None],
            Part::Name | Part::Value => [Some(Token::Any), Some(Token::Run)],
        });
        let glob = Glob::new(expanded.flatten());
        let everything = Glob::new([Token::Run]);
        let bare = glob.matches("*");
        let (globs, foreign) = if *glob.tokens() == [Token::Run] {
            (vec![everything], false)
        } else if let Some(rest) = glob.strip(ARN) {
            (iter::once(rest.clone()).chain(with_slash(&rest, wild, &dialect.rules)).collect(), false)
        } else {
            (vec![everything], true)
        };
        let has_name = !foreign && parts.contains(&Part::Name);
        let behind = parts.get(ARN.len()..).filter(|_| has_name);
        let named = behind.map(|behind| Rc::new(Named { parts: behind.to_vec(), slash: globs.len() > 1 }));
        Self { shown: text.into(), globs: globs.into(), bare, opaque: unknown || foreign, foreign, named, number: 0 }
    }

    /// The pattern of all resources with the prefix, not yet numbered.
    pub(super) fn everything() -> Self {
        let globs = [Glob::new([Token::Run])].into();
        let (bare, opaque, foreign) = (false, false, false);
        Self { shown: format!("{ARN}*").into(), globs, bare, opaque, foreign, named: None, number: 0 }
    }

    /// A pattern that matches nothing, not yet numbered.
    fn nothing(text: &str) -> Self {
        Self { shown: text.into(), globs: [].into(), bare: false, ..Self::everything() }
    }

    /// The pattern for [`ResourceSpace::Bare`]. There, a resource without the prefix is the empty text, and any other
    /// resource is one character longer than without the prefix.
    pub(super) fn in_bare_space(&self) -> Self {
        let shifted = |glob: &Glob| Glob::new([Token::Any].into_iter().chain(glob.tokens().iter().copied()));
        let globs = if self.bare { [Glob::new([Token::Run])].into() } else { self.globs.iter().map(shifted).collect() };
        Self { globs, named: None, ..self.clone() }
    }

    pub(super) fn reduced(&self, space: ResourceSpace) -> Self {
        Self { globs: space.reduce(&self.globs), ..self.clone() }
    }

    /// Whether it covers, without regard to variables, everything that `narrower` covers. It can be wrongly false.
    pub(super) fn covers(&self, narrower: &Self) -> bool {
        let reaches = self.bare || !narrower.bare;
        reaches && narrower.globs.iter().all(|narrow| self.globs.iter().any(|wide| wide.subsumes(narrow)))
    }

    /// Whether it covers a resource, for some values of its variables.
    pub(super) fn matches(&self, resource: &Glob) -> bool {
        let can_be_named = || self.named.as_ref().is_none_or(|named| named.matches(resource.tokens()));
        self.globs.iter().any(|glob| glob.subsumes(resource)) && can_be_named()
    }

    /// Whether both cover a common resource, for some values of their variables. It can be wrongly true.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let of_names = |names: &Self, plain: &Self| {
            let is_text = |glob: &Glob| glob.tokens().iter().all(|token| matches!(token, Token::One(_)));
            names.named.is_none()
                || !plain.globs.iter().all(is_text)
                || plain.globs.iter().any(|glob| names.matches(glob))
        };
        self.globs.iter().any(|a| other.globs.iter().any(|b| a.overlaps(b)))
            && of_names(self, other)
            && of_names(other, self)
    }
}

/// Whether a pattern covers, for the same values of their variables, everything that another covers by any rules. It can be
/// wrongly false.
pub(super) fn covers_for_each_value(wide: &str, narrow: &str) -> bool {
    let mut variables = Vec::new();
    let mut globs = [wide, narrow].into_iter().filter_map(|text| with_symbols(text, &mut variables));
    let (Some(wide), Some(narrow)) = (globs.next(), globs.next()) else { return false };
    let with_slash = || Glob::new(narrow.tokens().iter().copied().chain([Token::One('/')]));
    // A `?` is one character, and a value may be several.
    !wide.tokens().contains(&Token::Any)
        && wide.subsumes(&narrow)
        && (ends_open(&narrow) || wide.subsumes(&with_slash()))
}

/// The glob behind the start of an ARN, with a character of its own for each variable. `None` for variables that rules read
/// differently.
fn with_symbols<'t>(text: &'t str, variables: &mut Vec<&'t str>) -> Option<Glob> {
    const FIRST: u32 = 0xE000;
    const SYMBOLS: std::ops::Range<u32> = FIRST..0xF900;
    let behind = text.strip_prefix(ARN).filter(|behind| !behind.chars().any(|c| SYMBOLS.contains(&u32::from(c))))?;
    let mut tokens = Vec::new();
    for piece in pieces(behind) {
        match piece {
            Piece::Plain(text) => tokens.extend_from_slice(Glob::parse(text).tokens()),
            Piece::Variable(inside) if inside.is_empty() || inside.contains(['*', '?', '$', ',']) => return None,
            Piece::Variable(inside) => {
                let known = variables.iter().position(|variable| *variable == inside);
                let index = known.unwrap_or(variables.len());
                if known.is_none() {
                    variables.push(inside);
                }
                let symbol = FIRST + u32::try_from(index).ok()?;
                tokens.push(Token::One(char::from_u32(symbol).filter(|_| SYMBOLS.contains(&symbol))?));
            }
        }
    }
    Some(Glob::new(tokens))
}

/// Whether a pattern ends in a wildcard or in a `/`.
fn ends_open(rest: &Glob) -> bool {
    matches!(rest.tokens().last(), None | Some(Token::One('/') | Token::Run))
}

/// MinIO servers clean the path of a resource before they compare it with a pattern. So a pattern without wildcards
/// also matches with a `/` behind it. `wild` tells whether it has wildcards, without regard to variables.
fn with_slash(rest: &Glob, wild: bool, rules: &Rules) -> Option<Glob> {
    (rules.objects_cover_bucket && (!wild || rules.wildcards_cover_buckets) && !ends_open(rest))
        .then(|| Glob::new(rest.tokens().iter().copied().chain([Token::One('/')])))
}

impl Dialect<'_> {
    fn pieces(self, text: &str) -> Vec<Piece<'_>> {
        if self.variables { pieces(text) } else { vec![Piece::Plain(text)] }
    }

    /// The parts of a pattern. `None` if it matches nothing: the requester has no name.
    fn expand(self, text: &str) -> Option<Vec<Part>> {
        let tokens = |glob: Glob| glob.tokens().iter().copied().map(Part::Token).collect();
        let expanded = |piece| match piece {
            Piece::Plain(text) => Some(tokens(Glob::parse(text))),
            Piece::Variable(inside) if self.is_user(inside) && self.requester.is_anonymous => match self.user_name() {
                KeyValue::Absent => None,
                // Servers of MinIO leave a variable without a value as it is.
                KeyValue::Is(_) | KeyValue::Unknown => Some(tokens(Glob::literal(&format!("${{{inside}}}")))),
            },
            Piece::Variable(inside) => {
                let unknown = || if self.is_user(inside) { Part::Name } else { Part::Value };
                Some(self.value(inside).map_or_else(|| vec![unknown()], tokens))
            }
        };
        let parts: Option<Vec<_>> = self.pieces(text).into_iter().map(expanded).collect();
        parts.map(|parts| parts.concat())
    }

    /// Whether a variable is the name of the user, and has no default.
    fn is_user(self, inside: &str) -> bool {
        inside == "aws:username" || (self.rules.key_case_ignored && inside.eq_ignore_ascii_case("aws:username"))
    }

    /// The value of a variable, if known.
    fn value(self, inside: &str) -> Option<Glob> {
        let special = self.rules.special_variables;
        if matches!(inside, "*" | "?" | "$") {
            let text = || Glob::parse(&format!("${{{inside}}}"));
            return Some(if special { Glob::literal(inside) } else { text() });
        }
        let name = inside.split_once(',').filter(|_| special).map_or(inside, |(name, _)| name);
        let glob = if self.rules.username_is_pattern { Glob::parse } else { Glob::literal };
        self.requester.name.filter(|_| self.is_user(name)).map(glob)
    }

    /// The value of a condition with the name of the user, and whether it has an unknown variable. A name with
    /// wildcards is not inserted, because servers disagree about its meaning.
    pub(super) fn fill(self, value: &str) -> (String, bool) {
        let plain_user = self.requester.name.filter(|user| !user.contains(['*', '?', '$']));
        let mut open = false;
        let filled = self.pieces(value).into_iter().map(|piece| match (piece, plain_user) {
            (Piece::Plain(text), _) => text.to_owned(),
            (Piece::Variable("aws:username"), Some(user)) => user.to_owned(),
            (Piece::Variable(inside), _) => {
                open = true;
                format!("${{{inside}}}")
            }
        });
        (filled.collect(), open)
    }
}

/// The relations of numbered patterns. Each pair is computed once, because all classes of actions and all rules need it.
#[derive(Debug, Default)]
pub(super) struct PatternPairs {
    known: Vec<Vec<Relations>>,
}

#[derive(Debug, Clone, Default)]
struct Relations {
    covers: OnceCell<bool>,
    overlap: OnceCell<bool>,
}

impl PatternPairs {
    pub(super) fn make_room(&mut self, patterns: usize) {
        self.known.resize_with(patterns, Vec::new);
        self.known.iter_mut().for_each(|row| row.resize_with(patterns, Relations::default));
    }

    pub(super) fn covers(&self, wide: &Pattern, narrow: &Pattern) -> bool {
        *self.known[wide.number][narrow.number].covers.get_or_init(|| wide.covers(narrow))
    }

    pub(super) fn overlap(&self, one: &Pattern, other: &Pattern) -> bool {
        *self.known[one.number][other.number].overlap.get_or_init(|| one.overlaps(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: Rules = Rules::AWS;
    const MINIO: Rules = Rules::MINIO_2021;

    fn dialect(rules: Rules, name: Option<&str>) -> Dialect<'_> {
        Dialect { rules, variables: true, requester: Requester { name, ..Requester::UNKNOWN } }
    }

    fn read(text: &str, rules: Rules, user: Option<&str>) -> Pattern {
        Pattern::read(text, dialect(rules, user))
    }

    fn globs(text: &str, rules: Rules, user: Option<&str>) -> Vec<Glob> {
        read(text, rules, user).globs.to_vec()
    }

    #[test]
    fn the_prefix_is_removed_and_on_minio_a_literal_also_matches_with_a_slash() {
        assert_eq!(globs("arn:aws:s3:::b", AWS, None), [Glob::literal("b")]);
        assert_eq!(globs("arn:aws:s3:::b", MINIO, None), [Glob::literal("b"), Glob::literal("b/")]);
        assert_eq!(globs("arn:aws:s3:::b*", MINIO, None), [Glob::parse("b*")]);
        assert_eq!(globs("arn:aws:s3:::", MINIO, None), [Glob::literal("")]);
        assert!(read("*", AWS, None).bare && !read("arn:aws:s3:::*", AWS, None).bare);
    }

    #[test]
    fn a_pattern_that_is_no_arn_of_s3_may_cover_anything() {
        for text in ["arn:*:s3:::b", "arn:minio:s3:::b", "b/*", ""] {
            let foreign = read(text, AWS, None);
            assert!(foreign.opaque && foreign.foreign && *foreign.globs == [Glob::parse("*")], "{text}");
        }
    }

    #[test]
    fn variables_stand_for_the_user_or_for_anything() {
        let text = "arn:aws:s3:::home/${aws:username}/x";
        assert_eq!(globs(text, AWS, Some("a*")), [Glob::literal("home/a*/x")]);
        assert_eq!(globs(text, MINIO, Some("a*")), [Glob::parse("home/a*/x")]);
        let unknown = read(text, MINIO, None);
        assert!(unknown.opaque);
        assert_eq!(*unknown.globs, [Glob::parse("home/?*/x"), Glob::parse("home/?*/x/")]);
        assert!(!read("arn:aws:s3:::home/${aws:username}*", MINIO, None).matches(&Glob::literal("home/")));
        assert!(read("arn:aws:s3:::home/${aws:userid}*", MINIO, None).matches(&Glob::literal("home//")));
        let home = |text: &str| read(&format!("arn:aws:s3:::{text}"), MINIO, None);
        for of_user in ["home${aws:username}", "home${aws:username}*", "${aws:username}home"] {
            assert!(!home(of_user).overlaps(&home("home")), "no name is empty or `/`: {of_user}");
            assert!(home(of_user).overlaps(&home("*")));
        }
        assert!(home("home${aws:username}").matches(&Glob::literal("homes/")), "a bucket is `homes/`");
        assert!(home("ho${aws:username}").overlaps(&home("home")));
        assert_eq!(globs("arn:aws:s3:::b/${*}", AWS, None), [Glob::literal("b/*")]);
        assert_eq!(globs("arn:aws:s3:::b/${*}", MINIO, None), [Glob::parse("b/${*}")]);
        assert!(!read("arn:aws:s3:::b/${open", MINIO, None).opaque);
    }

    #[test]
    fn patterns_with_the_same_variables_are_compared_for_each_value() {
        let covers =
            |wide: &str, narrow: &str| covers_for_each_value(&format!("{ARN}{wide}"), &format!("{ARN}{narrow}"));
        for (wide, narrow) in [
            ("home/${u}/*", "home/${u}/public/*"),
            ("home/${u}*", "home/${u}"),
            ("home/${u}/*", "home/${u}/x"),
            ("*-${u}/*", "${v}-${u}/x"),
        ] {
            assert!(covers(wide, narrow) && !covers(narrow, wide), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("home/${u}/*", "home/${v}/x"),
            ("home/?/${u}/*", "home/${v}/${u}/*"),
            ("home/${u}/?*", "home/${u}/${u}"),
            ("home/${u, 'x'}/*", "home/${u, 'x'}/x"),
            ("home/${u}x", "home/${u}"),
            ("home/${*}/*", "home/${*}/x"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
        assert!(!covers_for_each_value("arn:*:s3:::${u}*", "arn:*:s3:::${u}x"), "servers read these differently");
    }

    #[test]
    fn the_users_name_is_filled_into_values() {
        let dialect = dialect(AWS, Some("al"));
        assert_eq!(dialect.fill("${aws:username}/${aws:userid}"), ("al/${aws:userid}".to_owned(), true));
        assert_eq!(dialect.fill("${aws:username}/"), ("al/".to_owned(), false));
    }
}
