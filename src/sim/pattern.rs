//! Patterns of documents: `*` is any text, `?` any letter, everything else itself.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

/// A pattern, letter by letter, or byte by byte with a letter for each byte.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    by_bytes: bool,
}

impl Pattern {
    pub(crate) fn new(by_bytes: bool) -> Self {
        Self { parts: Vec::new(), by_bytes }
    }

    /// The same, continued by a text in which `*` and `?` have their meaning.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.parts.extend(letters(text, self.by_bytes).into_iter().map(|letter| match letter {
            '*' => Part::Any,
            '?' => Part::One,
            letter => Part::Exactly(letter),
        }));
        self
    }

    /// The same, continued by a text that means itself.
    pub(crate) fn and_exactly(mut self, text: &str) -> Self {
        self.parts.extend(letters(text, self.by_bytes).into_iter().map(Part::Exactly));
        self
    }

    pub(crate) fn covers(&self, text: &str) -> bool {
        let text = letters(text, self.by_bytes);
        let (mut at, mut read, mut star) = (0, 0, None);
        while read < text.len() {
            match self.parts.get(at) {
                Some(Part::Any) => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(part) if *part == Part::One || *part == Part::Exactly(text[read]) => {
                    at += 1;
                    read += 1;
                }
                Some(_) | None => {
                    let Some((position, begun)) = star else { return false };
                    star = Some((position, begun + 1));
                    at = position + 1;
                    read = begun + 1;
                }
            }
        }
        self.parts[at..].iter().all(|part| *part == Part::Any)
    }

    /// Whether the pattern is this text, without any wildcard.
    pub(crate) fn is(&self, text: &str) -> bool {
        let text = letters(text, self.by_bytes);
        self.parts.iter().copied().eq(text.into_iter().map(Part::Exactly))
    }
}

fn letters(text: &str, by_bytes: bool) -> Vec<char> {
    if by_bytes { text.bytes().map(char::from).collect() } else { text.chars().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_any_text_and_one_letter_or_byte() {
        let covers = |pattern: &str, by_bytes, text: &str| Pattern::new(by_bytes).and(pattern).covers(text);
        for (pattern, text, is) in [("a*c", "abbc", true), ("a*c", "ab", false), ("*", "", true), ("a?", "a", false)] {
            assert!(covers(pattern, true, text) == is && covers(pattern, false, text) == is, "{pattern} {text}");
        }
        assert!(covers("a?", false, "aé") && !covers("a?", true, "aé") && covers("a??", true, "aé"));
        let exact = Pattern::new(false).and("home/").and_exactly("a*").and("/*");
        assert!(exact.covers("home/a*/x") && !exact.covers("home/ab/x"));
        assert!(Pattern::new(true).and("logs").is("logs") && !Pattern::new(true).and("log?").is("logs"));
    }
}
