//! Findings with the lines of the file they are about.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Styles;
use super::words::{count, shown};
use crate::base::{FileId, Finding, Location, Severity, SourceFile, Sources};

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
        group = group.element(Level::HELP.message(help.split('\n').map(shown).collect::<Vec<_>>().join("\n")));
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
    let annotations = places.into_iter().map(|(span, label)| {
        let span = span.start - begin..span.end - begin;
        match label {
            Some(label) => AnnotationKind::Context.span(span).label(label),
            None => AnnotationKind::Primary.span(span),
        }
    });
    Snippet::source(text).line_start(line).path(source.path.as_str()).annotations(annotations)
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
