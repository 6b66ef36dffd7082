//! Findings with the lines of the file they are about.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Styles;
use super::words::count;
use crate::base::{FileId, Finding, Location, Severity, SourceFile, Sources, VisibleText, visible, visible_lines};

/// Writes the findings one after the other, and a last line that counts them.
///
/// # Errors
/// Those of the writer.
pub fn findings(out: &mut dyn Write, styles: &Styles, findings: &[Finding], sources: &Sources) -> io::Result<()> {
    let renderer = if styles.coloured { Renderer::styled() } else { Renderer::plain() };
    for finding in findings {
        writeln!(out, "{}\n", renderer.render(&report(finding, sources)))?;
    }
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [
        (number(Severity::Error), "error", "errors"),
        (number(Severity::Warning), "warning", "warnings"),
        (number(Severity::Note), "note", "notes"),
    ];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    if counts.is_empty() { Ok(()) } else { writeln!(out, "{}", counts.join(", ")) }
}

fn report<'a>(finding: &'a Finding, sources: &'a Sources) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.code.id);
    let mut group = match &finding.at {
        Some(at) => title.element(snippet(finding, at.file, sources)),
        None => Group::with_title(title),
    };
    for file in other_files(finding) {
        group = group.element(snippet(finding, file, sources));
    }
    if let Some(help) = &finding.help {
        // Unlike a title, a message may be styled beforehand, and is printed as it is.
        group = group.element(Level::HELP.message(visible_lines(help)));
    }
    vec![group]
}

/// What a finding points to in one file: of the file, only the lines that are pointed to, as a renderer looks at all it gets.
fn snippet<'a>(finding: &'a Finding, file: FileId, sources: &'a Sources) -> Snippet<'a, Annotation<'a>> {
    let source = sources.file(file);
    let primary = finding.at.iter().filter(|at| at.file == file).map(|at| (clamped(at, source), None));
    let labels = finding.labels.iter().filter(|label| label.at.file == file);
    let labels = labels.map(|label| (clamped(&label.at, source), Some(label.text.as_str())));
    let places: Vec<(Range<usize>, Option<&str>)> = labels.chain(primary).collect();
    let start = places.iter().map(|(span, _)| span.start).min().unwrap_or_default();
    let end = places.iter().map(|(span, _)| span.end).max().unwrap_or_default();
    let (line, begin, text) = source.around(&(start..end), 1);
    let excerpt = Excerpt::of(text);
    let annotations: Vec<_> = places
        .into_iter()
        .map(|(span, label)| {
            let span = excerpt.place(span.start - begin)..excerpt.place(span.end - begin);
            match label {
                Some(label) => AnnotationKind::Context.span(span).label(label),
                None => AnnotationKind::Primary.span(span),
            }
        })
        .collect();
    Snippet::source(excerpt.text).line_start(line).path(visible(&source.path)).annotations(annotations)
}

/// Lines of a file in which nothing is hidden.
struct Excerpt<'a> {
    text: Cow<'a, str>,
    /// Where a character was written out: behind which byte of the file, and how many bytes the text is longer from there.
    longer: Vec<(usize, usize)>,
}

impl<'a> Excerpt<'a> {
    fn of(text: &'a str) -> Self {
        let (mut eye, mut shown, mut longer) = (VisibleText::default(), String::with_capacity(text.len()), Vec::new());
        for (at, c) in text.char_indices() {
            let ends_line = c == '\n' || (c == '\r' && text[at + 1..].starts_with('\n'));
            if ends_line || c == '\t' {
                eye = VisibleText::default();
                shown.push(c);
                continue;
            }
            eye.show(c, &mut shown);
            let end = at + c.len_utf8();
            if shown.len() - end > longer.last().map_or(0, |(_, more)| *more) {
                longer.push((end, shown.len() - end));
            }
        }
        if longer.is_empty() {
            return Self { text: Cow::Borrowed(text), longer };
        }
        Self { text: Cow::Owned(shown), longer }
    }

    /// Where a byte of the file is in the text.
    fn place(&self, at: usize) -> usize {
        let before = self.longer.partition_point(|(end, _)| *end <= at);
        at + self.longer[..before].last().map_or(0, |(_, more)| *more)
    }
}

fn other_files(finding: &Finding) -> Vec<FileId> {
    let primary = finding.at.as_ref().map(|at| at.file);
    let mut files: Vec<FileId> = finding.labels.iter().map(|label| label.at.file).collect();
    files.sort_unstable();
    files.dedup();
    files.retain(|file| Some(*file) != primary);
    files
}

/// The span within the file, on character boundaries, whatever was handed in.
fn clamped(at: &Location, source: &SourceFile) -> Range<usize> {
    let text = &source.text;
    let boundary = |mut index: usize| {
        index = index.min(text.len());
        while !text.is_char_boundary(index) {
            index -= 1;
        }
        index
    };
    let start = boundary(at.span.start);
    start..boundary(at.span.end).max(start)
}
