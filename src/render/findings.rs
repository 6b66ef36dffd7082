//! Findings with their source lines, and as annotations of GitHub Actions.

use std::borrow::Cow;
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
    let mut group = Group::with_title(title);
    for part in parts(finding, sources) {
        group = group.element(snippet(part, sources));
    }
    if let Some(help) = &finding.help {
        // The renderer escapes a title, but not a message.
        group = group.element(Level::HELP.message(visible_lines(help)));
    }
    vec![group]
}

/// Places of a finding that are shown together: in one file, and near to each other. The place of the finding has no text.
struct Part<'a> {
    file: FileId,
    places: Vec<(Range<usize>, Option<&'a str>)>,
}

/// How many lines may be between two places of one snippet: the renderer reads all of them.
const NEAR: usize = 300;

/// The parts of a finding: that of its own place first, then the others by file and line.
fn parts<'a>(finding: &'a Finding, sources: &Sources) -> Vec<Part<'a>> {
    let labels = finding.labels.iter().map(|label| (&label.at, Some(label.text.as_str())));
    let all: Vec<(&Location, Option<&str>)> = labels.chain(finding.at.iter().map(|at| (at, None))).collect();
    let line = |place: usize| sources.line_column(all[place].0).0;
    let is_near =
        |one: &usize, other: &usize| all[*one].0.file == all[*other].0.file && line(*other) - line(*one) <= NEAR;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|place| (all[*place].0.file, all[*place].0.span.start));
    let mut parts: Vec<Vec<usize>> = order.chunk_by(is_near).map(<[usize]>::to_vec).collect();
    parts.sort_by_key(|places| places.iter().all(|place| all[*place].1.is_some()));
    let part = |mut places: Vec<usize>| {
        places.sort_unstable();
        let file = all[*places.first()?].0.file;
        let places =
            places.into_iter().map(|place| (clamped(all[place].0, sources.file(file)), all[place].1)).collect();
        Some(Part { file, places })
    };
    parts.into_iter().filter_map(part).collect()
}

/// The lines of one part. Other lines would slow the renderer down.
fn snippet<'a>(part: Part<'a>, sources: &'a Sources) -> Snippet<'a, Annotation<'a>> {
    let source = sources.file(part.file);
    let start = part.places.iter().map(|(span, _)| span.start).min().unwrap_or_default();
    let end = part.places.iter().map(|(span, _)| span.end).max().unwrap_or_default();
    let (line, begin, text) = source.around(&(start..end), 1);
    let excerpt = Excerpt::of(text);
    let annotations: Vec<_> = part
        .places
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
    fn places_that_are_far_from_each_other_are_shown_without_the_lines_between() {
        let mut sources = Sources::default();
        let text: String = (1..=2000).map(|line| format!("line{line}\n")).collect();
        let place = |line: &str| text.find(&format!("{line}\n")).unwrap();
        let (row, key) = (place("line3"), place("line1999"));
        let file = sources.add("a.toml", text.as_str());
        let finding = Finding::error(Code::new("some-code", "Some."), "m").at(Location { file, span: key..key + 4 });
        let finding = finding.label(Location { file, span: row..row + 4 }, "the row");
        let found = parts(&finding, &sources);
        assert_eq!(found.iter().map(|part| part.places.len()).collect::<Vec<_>>(), [1, 1]);
        let mut out = Vec::new();
        findings(&mut out, &Styles::default(), &[finding], &sources).unwrap();
        let printed = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = printed.lines().map(str::trim).filter(|line| line.contains("a.toml")).collect();
        assert_eq!(lines, ["--> a.toml:1999:1", "::: a.toml:3:1"], "{printed}");
        assert!(printed.contains("the row") && !printed.contains("line1000"), "{printed}");
    }

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
