//! Findings: errors, warnings and notes about a configuration, a document or a plan, as data.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{visible, visible_lines};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run stops until it is fixed.
    Error,
    /// Probably a mistake. It stops nothing.
    Warning,
    /// Information.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of finding. Its id is unique in the whole tool and documented in `docs/findings.md` or `docs/lints.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// The stable name, such as `unknown-key`.
    pub id: &'static str,
    /// The case that it reports, in one sentence.
    pub about: &'static str,
}

impl Code {
    /// A code. Each room lists its own in `CODES`.
    pub const fn new(id: &'static str, about: &'static str) -> Self {
        Self { id, about }
    }
}

/// Defines a room's codes, one constant each, and `CODES` with all of them. The first argument documents `CODES`.
macro_rules! codes {
    ($all:literal; $($name:ident = $id:literal, $about:literal;)*) => {
        $(pub(super) const $name: $crate::base::Code = $crate::base::Code::new($id, $about);)*

        #[doc = $all]
        pub const CODES: &[$crate::base::Code] = &[$($name),*];
    };
}

pub(crate) use codes;

/// The file of a location: an index into [`Sources`]. It may be one use of that file, such as a row of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    file: usize,
    /// The number of the use, from 1; 0 is the file itself.
    of_use: usize,
}

impl FileId {
    /// The file itself.
    pub fn whole(self) -> Self {
        Self { of_use: 0, ..self }
    }

    /// Whether it is a use of a file.
    pub fn is_use(self) -> bool {
        self.of_use > 0
    }
}

/// A range of bytes in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes.
    pub span: Range<usize>,
}

/// A second place of a finding, with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub at: Location,
    /// Its role, such as "declared here, too".
    pub text: String,
}

/// One problem or note: what it is, where it is, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Finding {
    /// The kind.
    pub code: Code,
    /// How serious it is.
    pub severity: Severity,
    /// The problem, in one sentence for people. Hidden characters of names are escaped in it.
    pub message: String,
    /// The place, if it is in a file.
    pub at: Option<Location>,
    /// Other places.
    pub labels: Vec<Label>,
    /// What to do next.
    pub help: Option<String>,
}

impl Finding {
    /// A finding without a place.
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, message: one_line(message), at: None, labels: Vec::new(), help: None }
    }

    /// The sort key: the file and the position in it, then the use of the file.
    pub fn place(&self) -> Option<(FileId, usize, FileId)> {
        self.at.as_ref().map(|at| (at.file.whole(), at.span.start, at.file))
    }

    /// An error without a place.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning without a place.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note without a place.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// The same finding, at this place.
    pub fn at(mut self, at: impl Into<Option<Location>>) -> Self {
        self.at = at.into();
        self
    }

    /// The same finding, with a second place, if there is one.
    pub fn label(mut self, at: impl Into<Option<Location>>, text: impl Into<String>) -> Self {
        self.labels.extend(at.into().map(|at| Label { at, text: one_line(text) }));
        self
    }

    /// The same finding, with what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(visible_lines(&help.into()).into_owned());
        self
    }

    /// Whether an error of a reader already says what is wrong at this place, or the same rule.
    pub fn repeats(&self, read: &[Self]) -> bool {
        let place = |finding: &Self| finding.at.as_ref().map(|at| (at.file.whole(), at.span.start, at.span.end));
        let is_same = |known: &Self| place(known) == place(self) && (known.is_error() || known.code == self.code);
        self.at.is_some() && read.iter().any(is_same)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A text on one line, with hidden characters escaped.
fn one_line(text: impl Into<String>) -> String {
    visible(&text.into()).into_owned()
}

/// A file that was read. Findings show its lines.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path, for messages.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The starts of the lines, computed on first use.
    lines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    fn lines(&self) -> &[usize] {
        let begin = || std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.lines.get_or_init(begin)
    }

    /// The line of a byte, from 0, and the start of that line.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let line = self.lines().partition_point(|begin| *begin <= at).saturating_sub(1);
        (line, self.lines().get(line).copied().unwrap_or_default())
    }

    /// The lines of a range, with `lines` more before and after: the number of the first from 1, its start, and the
    /// text.
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
    /// The uses of files: where each is, and what it is.
    uses: Vec<Label>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile { path: path.into(), text: text.into(), lines: OnceLock::new() });
        FileId { file: self.files.len() - 1, of_use: 0 }
    }

    /// Adds a use of a file, such as a row of a template: findings about it also show that place.
    pub fn add_use(&mut self, file: FileId, at: Location, text: impl Into<String>) -> FileId {
        self.uses.push(Label { at, text: one_line(text) });
        FileId { file: file.file, of_use: self.uses.len() }
    }

    /// The place of a use of a file.
    pub fn place_of_use(&self, file: FileId) -> Option<&Location> {
        self.uses.get(file.of_use.checked_sub(1)?).map(|label| &label.at)
    }

    /// What the uses of files say about a finding: the policy of a document, the row of a template.
    pub fn uses(&self, finding: &Finding) -> Vec<Label> {
        let mut uses: Vec<Label> = Vec::new();
        let places = finding.at.iter().chain(finding.labels.iter().map(|label| &label.at));
        for place in places {
            let mut next = Some(place.file);
            while let Some(label) = next.and_then(|file| self.uses.get(file.of_use.checked_sub(1)?)) {
                let at = Location { file: label.at.file.whole(), span: label.at.span.clone() };
                let shown = Label { at, text: label.text.clone() };
                if !uses.contains(&shown) {
                    uses.push(shown);
                }
                next = Some(label.at.file);
            }
        }
        uses
    }

    /// The finding with its places in files alone; the uses of files are labels.
    pub fn resolved<'f>(&self, finding: &'f Finding) -> Cow<'f, Finding> {
        let uses = self.uses(finding);
        if uses.is_empty() {
            return Cow::Borrowed(finding);
        }
        let whole = |at: &Location| Location { file: at.file.whole(), span: at.span.clone() };
        let labels = finding.labels.iter().map(|label| Label { at: whole(&label.at), text: label.text.clone() });
        let labels = labels.chain(uses).collect();
        Cow::Owned(Finding { at: finding.at.as_ref().map(whole), labels, ..finding.clone() })
    }

    /// The file of an id that [`add`](Self::add) returned.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.file]
    }

    /// The ids of all files, in the order of reading.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len()).map(|file| FileId { file, of_use: 0 })
    }

    /// All files, in the order of reading.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Overwrites a secret in the text of a file with stars, so that no finding shows it. Lines and columns stay.
    pub fn redact(&mut self, at: &Location) {
        let Some(file) = self.files.get_mut(at.file.file) else { return };
        let Some(secret) = file.text.get(at.span.clone()) else { return };
        let blank: String =
            secret.chars().map(|c| if c == '\n' { c.to_string() } else { "*".repeat(c.len_utf8()) }).collect();
        file.text.replace_range(at.span.clone(), &blank);
    }

    /// Line and column of the start of a location, both from 1, the column in characters.
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
    fn redacted_text_is_gone_and_the_rest_keeps_its_place() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "password = \"pä\nss\"\nnext = 1\n");
        sources.redact(&Location { file, span: 11..19 });
        assert_eq!(sources.file(file).text, "password = ****\n***\nnext = 1\n");
    }

    #[test]
    fn a_use_of_a_file_is_a_label_and_so_is_the_use_that_it_is_in() {
        let mut sources = Sources::default();
        let (main, document) = (sources.add("a.toml", "each = 1\n"), sources.add("a.json", "{}"));
        let row = sources.add_use(main, Location { file: main, span: 0..4 }, "row 1");
        let used = sources.add_use(document, Location { file: row, span: 5..6 }, "policy a");
        let finding = Finding::error(Code::new("x", "X."), "m").at(Location { file: used, span: 0..1 });
        let resolved = sources.resolved(&finding);
        assert_eq!(resolved.at, Some(Location { file: document, span: 0..1 }));
        let texts: Vec<_> = resolved.labels.iter().map(|label| (label.at.file, label.text.as_str())).collect();
        assert_eq!(texts, [(main, "policy a"), (main, "row 1")]);
        assert_eq!(sources.file(used).path, "a.json");
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
