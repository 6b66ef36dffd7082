//! Findings with their source lines, and as annotations of GitHub Actions.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Styles;
use super::phrase::counted;
use crate::base::{FileId, Finding, Location, Severity, SourceFile, Sources, VisibleText, visible, visible_lines};

/// Writes findings, and a line that counts them.
pub fn findings(out: &mut dyn Write, styles: &Styles, findings: &[Finding], sources: &Sources) -> io::Result<()> {
    let renderer = if styles.coloured { Renderer::styled() } else { Renderer::plain() };
    for finding in findings {
        writeln!(out, "{}\n", renderer.render(&report(&sources.resolved(finding), sources)))?;
    }
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = counted([
        (number(Severity::Error), "error", "errors"),
        (number(Severity::Warning), "warning", "warnings"),
        (number(Severity::Note), "note", "notes"),
    ]);
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
        // The renderer escapes a title, but not a message.
        group = group.element(Level::HELP.message(visible_lines(help)));
    }
    vec![group]
}

/// The lines of one file that a finding points to. Other lines would slow the renderer down.
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

/// Lines of a file, with hidden characters escaped.
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

    fn place(&self, at: usize) -> usize {
        let before = self.longer.partition_point(|(end, _)| *end <= at);
        at + self.longer[..before].last().map_or(0, |(_, more)| *more)
    }
}

fn other_files(finding: &Finding) -> BTreeSet<FileId> {
    let primary = finding.at.as_ref().map(|at| at.file);
    finding.labels.iter().map(|label| label.at.file).filter(|file| Some(*file) != primary).collect()
}

/// The span, limited to the file and to character boundaries.
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

/// Writes findings as workflow commands of GitHub Actions, `::error file=…,line=…,col=…,title=…::message`.
pub fn annotations(out: &mut dyn Write, findings: &[Finding], sources: &Sources) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{}", annotation(finding, sources))?;
    }
    Ok(())
}

fn annotation(finding: &Finding, sources: &Sources) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = finding.at.as_ref().map(|at| {
        let (line, column) = sources.line_column(at);
        format!("file={},line={line},col={column},", property(&sources.file(at.file).path))
    });
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}"));
    let uses = sources.uses(finding).into_iter().map(|label| {
        let (line, _) = sources.line_column(&label.at);
        format!("\n{}: {}:{line}", label.text, sources.file(label.at.file).path)
    });
    let message = data(&format!("{}{}{}", finding.message, uses.collect::<String>(), help.unwrap_or_default()));
    format!("::{command} {}title={}::{message}", place.unwrap_or_default(), property(finding.code.id))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    #[test]
    fn delimiters_of_workflow_commands_are_escaped() {
        let mut sources = Sources::default();
        let file = sources.add("a,b:c%.toml", "x\n é y");
        let finding = Finding::warning(Code::new("some-code", "Some."), "100%: a, b\r\nc").help("do it");
        let placed = finding.clone().at(Location { file, span: 6..7 });
        let mut out = Vec::new();
        annotations(&mut out, &[placed, finding], &sources).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::warning file=a%2Cb%3Ac%25.toml,line=2,col=4,title=some-code::100%25: a, b\\r\\nc%0Ahelp: do it\n\
             ::warning title=some-code::100%25: a, b\\r\\nc%0Ahelp: do it\n"
        );
    }
}
