//! Findings: what is wrong with a file, a document or a plan, as data.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{visible, visible_lines};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be done until it is mended.
    Error,
    /// Probably not what was meant; does not stop anything.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// The name of a kind of finding, unique over the whole tool and documented in `docs/findings.md` (or `docs/lints.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// The stable name, such as `unknown-key`.
    pub id: &'static str,
    /// One sentence that says when it is found.
    pub about: &'static str,
}

impl Code {
    /// A code; each room lists its own in a constant.
    #[must_use]
    pub const fn new(id: &'static str, about: &'static str) -> Self {
        Self { id, about }
    }
}

/// Defines a room's codes, one constant each, and `CODES` with all of them, whose description comes first.
macro_rules! codes {
    ($all:literal; $($name:ident = $id:literal, $about:literal;)*) => {
        $(pub(super) const $name: $crate::base::Code = $crate::base::Code::new($id, $about);)*

        #[doc = $all]
        pub const CODES: &[$crate::base::Code] = &[$($name),*];
    };
}

pub(crate) use codes;

/// Which of the read files a location is in: an index into [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

/// A stretch of a file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes of it.
    pub span: Range<usize>,
}

/// A second place that belongs to a finding, with what it has to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub at: Location,
    /// What is there, such as "first declared here".
    pub text: String,
}

/// One thing found: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, in one sentence. Nothing in it is hidden: it is for people, and names in it are shown, not kept.
    pub message: String,
    /// Where, when it is in a file.
    pub at: Option<Location>,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
    /// What to do next.
    pub help: Option<String>,
}

impl Finding {
    /// A finding of the severity given, with no place yet.
    #[must_use]
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, message: one_line(message), at: None, labels: Vec::new(), help: None }
    }

    /// The file and where in it, by which findings are sorted.
    #[must_use]
    pub fn place(&self) -> Option<(FileId, usize)> {
        self.at.as_ref().map(|at| (at.file, at.span.start))
    }

    /// An error, with no place yet.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning, with no place yet.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note, with no place yet.
    #[must_use]
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// The same finding, at this place.
    #[must_use]
    pub fn at(mut self, at: impl Into<Option<Location>>) -> Self {
        self.at = at.into();
        self
    }

    /// The same finding, with a second place.
    #[must_use]
    pub fn label(mut self, at: Location, text: impl Into<String>) -> Self {
        self.labels.push(Label { at, text: one_line(text) });
        self
    }

    /// The same finding, with what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(visible_lines(&help.into()).into_owned());
        self
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A text for people: whatever names are in it, nothing in it is hidden, and it stays one line.
fn one_line(text: impl Into<String>) -> String {
    let text = text.into();
    match visible(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

/// A file that was read, kept so that findings can show its lines.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as a person would name it.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Where its lines begin, once somebody has asked.
    lines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    /// Where each line begins, in bytes.
    fn lines(&self) -> &[usize] {
        let begin = || std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.lines.get_or_init(begin)
    }

    /// The line that a byte is in, from 0, and where that line begins.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let line = self.lines().partition_point(|begin| *begin <= at).saturating_sub(1);
        (line, self.lines().get(line).copied().unwrap_or_default())
    }

    /// The whole lines that a stretch of bytes is in, with so many lines before and after: the number of the first, from
    /// 1, where it begins, and the text.
    #[must_use]
    pub fn around(&self, span: &Range<usize>, lines: usize) -> (usize, usize, &str) {
        let first = self.line_of(span.start.min(self.text.len())).0.saturating_sub(lines);
        let last = self.line_of(span.end.min(self.text.len())).0 + lines;
        let begin = self.lines().get(first).copied().unwrap_or_default();
        let end = self.lines().get(last + 1).copied().unwrap_or(self.text.len());
        (first + 1, begin, self.text.get(begin..end).unwrap_or_default())
    }
}

/// All files that were read, in the order of reading.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Keeps a file and returns its id.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile { path: path.into(), text: text.into(), lines: OnceLock::new() });
        FileId(self.files.len() - 1)
    }

    /// The file of an id that came from this list.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0]
    }

    /// All of them, in the order of reading.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Blanks out a stretch of a file, so that no finding can show the secret that stands there. Lines and columns stay.
    pub fn redact(&mut self, at: &Location) {
        let Some(file) = self.files.get_mut(at.file.0) else { return };
        let Some(secret) = file.text.get(at.span.clone()) else { return };
        let blank: String =
            secret.chars().map(|c| if c == '\n' { c.to_string() } else { "*".repeat(c.len_utf8()) }).collect();
        file.text.replace_range(at.span.clone(), &blank);
    }

    /// Line and column of the start of a location, both from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, at: &Location) -> (usize, usize) {
        let file = self.file(at.file);
        let text = &file.text;
        let mut start = at.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let (line, begin) = file.line_of(start);
        (line + 1, text[begin..start].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_redacted_is_gone_and_the_rest_stays_where_it_was() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "password = \"pä\nss\"\nnext = 1\n");
        sources.redact(&Location { file, span: 11..19 });
        assert_eq!(sources.file(file).text, "password = ****\n***\nnext = 1\n");
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "é = 1\nüber = 2\n");
        let at = |start: usize| Location { file, span: start..start };
        assert_eq!(sources.line_column(&at(0)), (1, 1));
        assert_eq!(sources.line_column(&at(7)), (2, 1));
        assert_eq!(sources.line_column(&at(12)), (2, 5));
        assert_eq!(sources.line_column(&at(999)), (3, 1));
    }
}
