//! Globs: `*` is any run of characters, `?` one character, everything else itself.

/// A glob in the one form that all globs of the same wildcards share: within a run of wildcards every `?` comes first
/// and at most one `*` follows, so no two `*` ever touch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glob {
    tokens: Vec<Token>,
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
        Self { tokens }
    }

    /// The glob that matches this text only, wildcards in it standing for themselves.
    pub(super) fn literal(text: &str) -> Self {
        Self { tokens: text.chars().map(Token::One).collect() }
    }

    /// The steps.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether it has no wildcard, and so matches one text only.
    pub(super) fn is_literal(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::One(_)))
    }

    /// What is left of it behind a literal prefix; `None` when it does not begin with it.
    pub(super) fn strip(&self, prefix: &str) -> Option<Self> {
        let mut rest = self.tokens.as_slice();
        for letter in prefix.chars() {
            rest = rest.strip_prefix(&[Token::One(letter)])?;
        }
        Some(Self { tokens: rest.to_vec() })
    }

    /// The glob with one more literal character behind it.
    pub(super) fn followed_by(&self, letter: char) -> Self {
        let mut tokens = self.tokens.clone();
        tokens.push(Token::One(letter));
        Self { tokens }
    }

    /// Whether it matches everything.
    pub(super) fn is_everything(&self) -> bool {
        self.tokens == [Token::Run]
    }

    /// Whether it matches the text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.subsumes(&Self::literal(text))
    }

    /// Whether everything `narrower` matches is matched by this one as well: it reads the steps of `narrower` as a text
    /// whose `*` only a `*` can take. Never wrongly true. Wrongly false only where a `?` here would have to take part
    /// of a `*` there (`?*` against `*a`); callers use it to save work, never as the last word.
    pub(super) fn subsumes(&self, narrower: &Self) -> bool {
        let (wide, narrow) = (&self.tokens, &narrower.tokens);
        let (mut w, mut n) = (0, 0);
        let mut retry = None;
        while n < narrow.len() {
            match wide.get(w) {
                Some(Token::Run) => {
                    w += 1;
                    retry = Some((w, n));
                }
                Some(token) if token.takes(narrow[n]) => (w, n) = (w + 1, n + 1),
                Some(_) | None => {
                    let Some((after_run, from)) = retry else { return false };
                    (w, n) = (after_run, from + 1);
                    retry = Some((w, n));
                }
            }
        }
        wide[w..].iter().all(|token| *token == Token::Run)
    }

    /// Whether some text is matched by both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (&self.tokens, &other.tokens);
        if clash(a.iter().zip(b)) || clash(a.iter().rev().zip(b.iter().rev())) {
            return false;
        }
        // `meet[j]`: whether a text is matched by both a[i..] and b[j..], row by row from the ends.
        let mut meet = vec![false; b.len() + 1];
        for i in (0..=a.len()).rev() {
            let mut diagonal = false;
            for j in (0..=b.len()).rev() {
                let below = meet[j];
                meet[j] = match (a.get(i), b.get(j)) {
                    (None, None) => true,
                    // Either goes on alone: over its own `*`, or because the other's `*` takes its step.
                    (Some(Token::Run), _) | (_, Some(Token::Run)) => {
                        (i < a.len() && below) || (j < b.len() && meet[j + 1])
                    }
                    (Some(one), Some(another)) => diagonal && one.meets(*another),
                    (Some(_), None) | (None, Some(_)) => false,
                };
                diagonal = below;
            }
        }
        meet[0]
    }
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
