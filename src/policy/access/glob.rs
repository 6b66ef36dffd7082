//! Globs: `*` is any run of characters, `?` is one character, every other character is itself.

use std::rc::Rc;

/// A glob in normal form: within a run of wildcards, all `?` come first, and at most one `*` follows. So no two `*` are
/// adjacent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glob {
    tokens: Rc<[Token]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Token {
    One(char),
    /// `?`: any one character.
    Any,
    /// `*`: any run of characters, perhaps empty.
    Run,
}

impl Glob {
    pub(super) fn parse(text: &str) -> Self {
        Self::new(text.chars().map(Token::parse))
    }

    /// The glob of these tokens, in normal form.
    pub(super) fn new(steps: impl IntoIterator<Item = Token>) -> Self {
        let mut tokens = Vec::new();
        let mut run = false;
        for token in steps {
            if token == Token::Run {
                run = true;
                continue;
            }
            if run && token != Token::Any {
                tokens.push(Token::Run);
                run = false;
            }
            tokens.push(token);
        }
        tokens.extend(run.then_some(Token::Run));
        Self { tokens: tokens.into() }
    }

    /// The glob that matches only this text, even if the text has wildcards.
    pub(super) fn literal(text: &str) -> Self {
        Self { tokens: text.chars().map(Token::One).collect() }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        self.tokens.iter().filter_map(|token| match token {
            Token::One(letter) => Some(*letter),
            Token::Any | Token::Run => None,
        })
    }

    /// The rest of the glob behind a literal prefix. `None` if it does not start with the prefix.
    pub(super) fn strip(&self, prefix: &str) -> Option<Self> {
        let mut rest = &*self.tokens;
        for letter in prefix.chars() {
            rest = rest.strip_prefix(&[Token::One(letter)])?;
        }
        Some(Self { tokens: rest.into() })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.subsumes(&Self::literal(text))
    }

    /// Whether it matches every text that `narrower` matches. Only a `*` here can match a `*` there. It is never
    /// wrongly true. It is wrongly false only if a `?` here would match a part of a `*` there (`?*` and `*a`); callers
    /// only use it to save work.
    pub(super) fn subsumes(&self, narrower: &Self) -> bool {
        fits(&self.tokens, &narrower.tokens, Token::takes)
    }

    /// A glob that is probably within both, for examples. It starts and ends as both do, with the middle of each in
    /// between.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let ((before, within, behind), (its_before, its_within, its_behind)) =
            (parts(&self.tokens), parts(&other.tokens));
        let start = joined(before.iter(), its_before.iter());
        let end = joined(behind.iter().rev(), its_behind.iter().rev());
        let open = self.tokens.contains(&Token::Run) && other.tokens.contains(&Token::Run);
        let middle = [&[Token::Run], within, &[Token::Run], its_within, &[Token::Run]].concat();
        Self::new(start.into_iter().chain(middle.into_iter().filter(|_| open)).chain(end.into_iter().rev()))
    }

    /// Whether both match a common text. If both have a `*`, only the parts before the first and after the last one can
    /// conflict: everything else fits into the `*` of the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (&self.tokens, &other.tokens);
        match (a.contains(&Token::Run), b.contains(&Token::Run)) {
            (true, true) => !clash(a.iter().zip(b.iter())) && !clash(a.iter().rev().zip(b.iter().rev())),
            (_, false) => fits(a, b, Token::meets),
            (false, true) => fits(b, a, Token::meets),
        }
    }
}

/// The tokens before the first `*`, between it and the last, and after that. Without a `*`, all tokens are before.
fn parts(tokens: &[Token]) -> (&[Token], &[Token], &[Token]) {
    let Some(first) = tokens.iter().position(|token| *token == Token::Run) else { return (tokens, &[], &[]) };
    let last = tokens.iter().rposition(|token| *token == Token::Run).unwrap_or(first);
    (&tokens[..first], tokens.get(first + 1..last).unwrap_or_default(), &tokens[last + 1..])
}

/// Both sequences overlaid: the length of the longer one, with the characters of either.
fn joined<'a>(a: impl Iterator<Item = &'a Token>, b: impl Iterator<Item = &'a Token>) -> Vec<Token> {
    let (mut a, mut b) = (a.copied(), b.copied());
    let next = || match (a.next(), b.next()) {
        (Some(Token::Any), Some(other)) => Some(other),
        (one, other) => one.or(other),
    };
    std::iter::from_fn(next).collect()
}

/// Whether a glob matches the tokens of another one by one, and its `*` any number of them.
fn fits(wide: &[Token], narrow: &[Token], step: fn(Token, Token) -> bool) -> bool {
    let (mut w, mut n) = (0, 0);
    let mut retry = None;
    while n < narrow.len() {
        match wide.get(w) {
            Some(Token::Run) => {
                w += 1;
                retry = Some((w, n));
            }
            Some(token) if step(*token, narrow[n]) => (w, n) = (w + 1, n + 1),
            Some(_) | None => {
                let Some((after_run, from)) = retry else { return false };
                (w, n) = (after_run, from + 1);
                retry = Some((w, n));
            }
        }
    }
    wide[w..].iter().all(|token| *token == Token::Run)
}

/// Whether two sequences of tokens conflict before either reaches a `*`.
fn clash<'a>(mut pairs: impl Iterator<Item = (&'a Token, &'a Token)>) -> bool {
    pairs
        .find(|(a, b)| **a == Token::Run || **b == Token::Run || !a.meets(**b))
        .is_some_and(|(a, b)| *a != Token::Run && *b != Token::Run)
}

impl Token {
    fn parse(letter: char) -> Self {
        match letter {
            '*' => Self::Run,
            '?' => Self::Any,
            _ => Self::One(letter),
        }
    }

    /// Whether this token, no `*`, matches every character that the other matches.
    fn takes(self, other: Self) -> bool {
        self == other || (self == Self::Any && matches!(other, Self::One(_)))
    }

    /// Whether two tokens, no `*`, match a common character.
    fn meets(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_wildcards_have_one_form() {
        for (text, same) in [("**", "*"), ("*?", "?*"), ("a?*?*b", "a??*b"), ("*a**", "*a*")] {
            assert_eq!(Glob::parse(text), Glob::parse(same), "{text}");
        }
        assert_ne!(Glob::parse("a*"), Glob::parse("a?*"));
    }

    #[test]
    fn subsumption_of_small_globs() {
        for (wide, narrow) in [("*", "a?b*"), ("a*", "a"), ("a*b", "a*c?b"), ("?", "a"), ("?*", "a*"), ("*a*", "*ba*c")]
        {
            assert!(Glob::parse(wide).subsumes(&Glob::parse(narrow)), "{wide} ⊇ {narrow}");
        }
        for (wide, narrow) in [("a", "?"), ("a*", "*"), ("a?", "a"), ("?", "*"), ("a*b", "a*"), ("ab", "a")] {
            assert!(!Glob::parse(wide).subsumes(&Glob::parse(narrow)), "{wide} ⊉ {narrow}");
        }
    }

    #[test]
    fn overlap_of_small_globs() {
        for (a, b) in [("a*", "*b"), ("*", ""), ("a?", "?b"), ("*a*", "*b*"), ("a*c", "abc"), ("?*", "*")] {
            assert!(Glob::parse(a).overlaps(&Glob::parse(b)), "{a} meets {b}");
            assert!(Glob::parse(b).overlaps(&Glob::parse(a)), "{b} meets {a}");
        }
        for (a, b) in [("a*", "b*"), ("*a", "*b"), ("?", ""), ("a?", "a"), ("a*b", "a"), ("??*", "a")] {
            assert!(!Glob::parse(a).overlaps(&Glob::parse(b)), "{a} misses {b}");
            assert!(!Glob::parse(b).overlaps(&Glob::parse(a)), "{b} misses {a}");
        }
    }
}
