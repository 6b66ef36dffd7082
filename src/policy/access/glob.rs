//! Globs: `*` is any run of characters, `?` one character, everything else itself.

use std::rc::Rc;

/// A glob in the one form that all globs of the same wildcards share: within a run of wildcards every `?` comes first
/// and at most one `*` follows, so no two `*` ever touch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glob {
    tokens: Rc<[Token]>,
}

/// One step of a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Token {
    /// This character.
    One(char),
    /// `?`: any one character.
    Any,
    /// `*`: any run of characters, the empty one included.
    Run,
}

impl Glob {
    /// The glob a text stands for.
    pub(super) fn parse(text: &str) -> Self {
        Self::new(text.chars().map(Token::parse))
    }

    /// The glob of these steps, brought into the common form.
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

    /// The glob that matches this text only, wildcards in it standing for themselves.
    pub(super) fn literal(text: &str) -> Self {
        Self { tokens: text.chars().map(Token::One).collect() }
    }

    /// The steps.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The characters it asks for.
    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        self.tokens.iter().filter_map(|token| match token {
            Token::One(letter) => Some(*letter),
            Token::Any | Token::Run => None,
        })
    }

    /// Whether it has no wildcard, and so matches one text only.
    pub(super) fn is_literal(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::One(_)))
    }

    /// What is left of it behind a literal prefix; `None` when it does not begin with it.
    pub(super) fn strip(&self, prefix: &str) -> Option<Self> {
        let mut rest = &*self.tokens;
        for letter in prefix.chars() {
            rest = rest.strip_prefix(&[Token::One(letter)])?;
        }
        Some(Self { tokens: rest.into() })
    }

    /// The glob with one more literal character behind it.
    pub(super) fn followed_by(&self, letter: char) -> Self {
        Self { tokens: self.tokens.iter().copied().chain([Token::One(letter)]).collect() }
    }

    /// Whether it matches everything.
    pub(super) fn is_everything(&self) -> bool {
        *self.tokens == [Token::Run]
    }

    /// Whether it matches the text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.subsumes(&Self::literal(text))
    }

    /// Whether everything `narrower` matches is matched by this one as well: it reads the steps of `narrower` as a text
    /// whose `*` only a `*` can take. Never wrongly true. Wrongly false only where a `?` here would have to take part
    /// of a `*` there (`?*` against `*a`); callers use it to save work, never as the last word.
    pub(super) fn subsumes(&self, narrower: &Self) -> bool {
        fits(&self.tokens, &narrower.tokens, Token::takes)
    }

    /// A glob that may well lie within both, to make up examples from: it begins and ends as they do, and has in between
    /// what each wants there.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let ((before, within, behind), (its_before, its_within, its_behind)) =
            (parts(&self.tokens), parts(&other.tokens));
        let start = joined(before.iter(), its_before.iter());
        let end = joined(behind.iter().rev(), its_behind.iter().rev());
        let open = self.tokens.contains(&Token::Run) && other.tokens.contains(&Token::Run);
        let middle = [&[Token::Run], within, &[Token::Run], its_within, &[Token::Run]].concat();
        Self::new(start.into_iter().chain(middle.into_iter().filter(|_| open)).chain(end.into_iter().rev()))
    }

    /// Whether some text is matched by both. Where both have a `*`, only what is before the first and behind the last
    /// can be in the way: what one of them wants in between fits into the other's `*`.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (&self.tokens, &other.tokens);
        match (a.contains(&Token::Run), b.contains(&Token::Run)) {
            (true, true) => !clash(a.iter().zip(b.iter())) && !clash(a.iter().rev().zip(b.iter().rev())),
            (_, false) => fits(a, b, Token::meets),
            (false, true) => fits(b, a, Token::meets),
        }
    }
}

/// What is before the first `*`, between it and the last, and behind that; without a `*`, all is before.
fn parts(tokens: &[Token]) -> (&[Token], &[Token], &[Token]) {
    let Some(first) = tokens.iter().position(|token| *token == Token::Run) else { return (tokens, &[], &[]) };
    let last = tokens.iter().rposition(|token| *token == Token::Run).unwrap_or(first);
    (&tokens[..first], tokens.get(first + 1..last).unwrap_or_default(), &tokens[last + 1..])
}

/// The longer of two sequences of steps that begin together, with the characters that either asks for.
fn joined<'a>(a: impl Iterator<Item = &'a Token>, b: impl Iterator<Item = &'a Token>) -> Vec<Token> {
    let (mut a, mut b) = (a.copied(), b.copied());
    let next = || match (a.next(), b.next()) {
        (Some(Token::Any), Some(other)) => Some(other),
        (one, other) => one.or(other),
    };
    std::iter::from_fn(next).collect()
}

/// Whether a glob takes the steps of another one by one, its `*` taking any number of them.
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

/// Whether two sequences of steps differ before either reaches a `*`.
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

    /// Whether this single step takes every character the other stands for.
    fn takes(self, other: Self) -> bool {
        self == other || (self == Self::Any && matches!(other, Self::One(_)))
    }

    /// Whether two single steps have a character in common.
    fn meets(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

/// The steps a text stands for, wildcards read as such.
pub(super) fn steps(text: &str) -> impl Iterator<Item = Token> {
    text.chars().map(Token::parse)
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
