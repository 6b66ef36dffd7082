//! The one place that prints: results on stdout, everything else on stderr. A writer shows hidden characters as their numbers.

use std::io::{self, Write};
use std::str::Utf8Chunk;

use clap::ColorChoice;
use console::Term;

use super::exit::{self, Exit, Failure};
use crate::base::{Finding, Sources, VisibleText, is_plain};
use crate::render::{Styles, findings};

pub(super) struct Output {
    stdout: Visible<Stream>,
    stderr: Visible<Stream>,
    styles: Styles,
    stderr_styles: Styles,
    quiet: bool,
    summary: Option<String>,
    /// How the command ends, once it may have changed the cluster. See [`written`].
    changed: Option<Exit>,
}

enum Stream {
    Term(Term),
    /// Printed later by [`super::many`].
    Buffer(Vec<u8>),
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Term(term) => term.write(bytes),
            Self::Buffer(buffer) => buffer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Term(term) => term.flush(),
            Self::Buffer(_) => Ok(()),
        }
    }
}

/// The output of one run of several.
pub(super) struct Captured {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) summary: Option<String>,
    /// How the command ends, if it may have changed the cluster.
    pub(super) changed: Option<Exit>,
}

impl Output {
    pub(super) fn of_process(color: ColorChoice, quiet: bool) -> Self {
        let (stdout, stderr) = (Term::buffered_stdout(), Term::stderr());
        let styles = |term: &Term| if use_colors(color, term) { Styles::coloured() } else { Styles::default() };
        let (styles, stderr_styles) = (styles(&stdout), styles(&stderr));
        Self {
            stdout: Visible::new(Stream::Term(stdout), styles.coloured),
            stderr: Visible::new(Stream::Term(stderr), stderr_styles.coloured),
            styles,
            stderr_styles,
            quiet,
            summary: None,
            changed: None,
        }
    }

    /// Buffers with the same settings, for one run of several.
    pub(super) fn buffered(&self) -> Self {
        Self {
            stdout: Visible::new(Stream::Buffer(Vec::new()), self.styles.coloured),
            stderr: Visible::new(Stream::Buffer(Vec::new()), self.stderr_styles.coloured),
            styles: self.styles.clone(),
            stderr_styles: self.stderr_styles.clone(),
            quiet: self.quiet,
            summary: None,
            changed: None,
        }
    }

    pub(super) fn into_captured(self) -> Captured {
        let bytes = |stream: Visible<Stream>| match stream.into_inner() {
            Stream::Buffer(bytes) => bytes,
            Stream::Term(_) => Vec::new(),
        };
        let (stdout, stderr) = (bytes(self.stdout), bytes(self.stderr));
        Captured { stdout, stderr, summary: self.summary, changed: self.changed }
    }

    /// Sets the line of this run in a summary of several.
    pub(super) fn set_summary(&mut self, summary: String) {
        self.summary = Some(summary);
    }

    /// Notes that the cluster may have been changed, and how the command ends if its result can be written.
    pub(super) fn set_changed(&mut self, exit: Exit) {
        self.changed = Some(exit);
    }

    pub(super) fn result(
        &mut self,
        write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let result = write(&mut self.stdout, &self.styles).and_then(|()| self.stdout.flush());
        written(result, self.changed)
    }

    /// Writes a result byte by byte for another program, for example a formatted file. A terminal gets text.
    pub(super) fn exact(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.stdout.get() {
            Stream::Term(term) if !term.is_term() => {}
            Stream::Term(_) | Stream::Buffer(_) => return self.result(|out, _| out.write_all(bytes)),
        }
        let result = self.stdout.flush().and_then(|()| {
            let out = self.stdout.unfiltered();
            out.write_all(bytes).and_then(|()| out.flush())
        });
        written(result, self.changed)
    }

    pub(super) fn info(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        if !self.quiet {
            self.message(write);
        }
    }

    /// Writes to stderr, even if quiet. A closed stderr cannot be reported anywhere.
    pub(super) fn message(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        let _ = write(&mut self.stderr, &self.stderr_styles).and_then(|()| self.stderr.flush());
    }

    pub(super) fn findings(&mut self, list: &[Finding], sources: &Sources) {
        let quiet = self.quiet;
        let shown: Vec<Finding> = list.iter().filter(|finding| !quiet || finding.is_error()).cloned().collect();
        self.message(|out, styles| findings(out, styles, &shown, sources));
    }

    pub(super) fn warn(&mut self, text: &str) {
        self.message(|out, styles| writeln!(out, "{} {text}", styles.change.apply_to("warning:")));
    }

    pub(super) fn failure(&mut self, failure: &Failure) {
        self.message(|out, styles| {
            writeln!(out, "{} {}", styles.remove.apply_to("error:"), failure.finding.message)?;
            match &failure.finding.help {
                Some(help) => writeln!(out, "{} {help}", styles.strong.apply_to("help:")),
                None => Ok(()),
            }
        });
    }

    pub(super) fn can_ask(&self) -> bool {
        matches!(self.stdout.get(), Stream::Term(_))
            && Term::stdout().features().is_attended()
            && console::user_attended_stderr()
            && io::IsTerminal::is_terminal(&io::stdin())
    }

    pub(super) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.message(|out, styles| write!(out, "{}", styles.strong.apply_to(question)));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    pub(super) fn shows_progress(&self) -> bool {
        !self.quiet && matches!(self.stderr.get(), Stream::Term(term) if term.is_term())
    }
}

/// A closed pipe is no error: the reader has seen enough. After a change to the cluster it is one, since nobody read what was
/// changed.
fn written(result: io::Result<()>, changed: Option<Exit>) -> Result<(), Failure> {
    let Err(error) = result else { return Ok(()) };
    let Some(exit) = changed else {
        return if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) };
    };
    let done = if exit == Exit::Done { "applied" } else { "partially applied" };
    Err(Failure::new(&exit::ENVIRONMENT, format!("{done}; the result could not be written: {error}"))
        .help("run `attune plan` to see the state of the cluster")
        .exit(exit.max(Exit::Partial)))
}

fn use_colors(color: ColorChoice, term: &Term) -> bool {
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            term.features().colors_supported() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Parameters of the escape sequences that pass: the styles of this program. None of them hides text.
const STYLES: [&str; 19] =
    ["", "0", "1", "2", "3", "4", "22", "31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96"];

/// The longest style that passes. Bytes.
const LONGEST_STYLE: usize = 16;

/// Escapes every hidden character. Line breaks pass, and so do styles if the text is styled.
pub(super) struct Visible<W> {
    inner: W,
    styled: bool,
    text: VisibleText,
    /// The start of a character or style whose rest is not written yet.
    pending: Vec<u8>,
}

impl<W: Write> Visible<W> {
    pub(super) fn new(inner: W, styled: bool) -> Self {
        Self { inner, styled, text: VisibleText::default(), pending: Vec::new() }
    }

    /// The inner writer, for bytes that must not be escaped.
    pub(super) fn unfiltered(&mut self) -> &mut W {
        &mut self.inner
    }

    pub(super) fn into_inner(mut self) -> W {
        // Only used for buffers in memory, which take everything.
        let _ = self.flush();
        self.inner
    }

    pub(super) fn get(&self) -> &W {
        &self.inner
    }

    /// Writes what is complete, or everything at the end. The rest stays pending.
    fn pass(&mut self, bytes: &[u8], is_end: bool) -> io::Result<()> {
        let mut shown = String::with_capacity(bytes.len());
        let mut left = bytes.len();
        for chunk in bytes.utf8_chunks() {
            left -= chunk.valid().len() + chunk.invalid().len();
            let is_last = left == 0 && !is_end;
            if let Some(rest) = self.chunk(&chunk, is_last, &mut shown) {
                self.pending = rest;
            }
        }
        self.inner.write_all(shown.as_bytes())
    }

    /// Escapes a part of the text. Returns the bytes that may need the next ones.
    fn chunk(&mut self, chunk: &Utf8Chunk<'_>, is_last: bool, shown: &mut String) -> Option<Vec<u8>> {
        let text = chunk.valid();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            match self.style(&text[at..]) {
                Style::Whole(length) => {
                    shown.push_str(&text[at..at + length]);
                    at += length;
                    continue;
                }
                Style::Begun if is_last && chunk.invalid().is_empty() => return Some(text.as_bytes()[at..].to_vec()),
                Style::Begun | Style::None => {}
            }
            if c == '\n' {
                self.text = VisibleText::default();
                shown.push(c);
            } else {
                self.text.show(c, shown);
            }
            at += c.len_utf8();
        }
        if is_last && !chunk.invalid().is_empty() && is_incomplete(chunk.invalid()) {
            return Some(chunk.invalid().to_vec());
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        None
    }

    fn style(&self, text: &str) -> Style {
        let Some(rest) = text.strip_prefix('\u{1b}').filter(|_| self.styled) else { return Style::None };
        let Some(rest) = rest.strip_prefix('[') else {
            return if rest.is_empty() { Style::Begun } else { Style::None };
        };
        match rest.find(|c: char| !c.is_ascii_digit() && c != ';') {
            None if rest.len() < LONGEST_STYLE => Style::Begun,
            Some(end) if rest[end..].starts_with('m') && rest[..end].split(';').all(|n| STYLES.contains(&n)) => {
                Style::Whole(end + "\u{1b}[m".len())
            }
            None | Some(_) => Style::None,
        }
    }
}

/// What a text starts with.
enum Style {
    None,
    /// It may become a style.
    Begun,
    /// A style of this length in bytes.
    Whole(usize),
}

/// Whether bytes may be the start of a character.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() && bytes.split(|byte| *byte == b'\n').all(is_plain) {
            if let Some(last) = bytes.last() {
                self.text.hides(char::from(*last));
            }
            return self.inner.write_all(bytes).map(|()| bytes.len());
        }
        let mut all = std::mem::take(&mut self.pending);
        all.extend(bytes);
        self.pass(&all, false).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.pass(&pending, true)?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(parts: &[&[u8]], styled: bool) -> String {
        let mut out = Vec::new();
        let mut visible = Visible::new(&mut out, styled);
        parts.iter().for_each(|part| visible.write_all(part).unwrap());
        visible.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hidden_characters_are_written_out_however_the_text_is_cut() {
        let text = "a\u{202e}é\u{1b}[2J\t\u{7}b\ne\u{301}\u{e0041}\r\n";
        let expected = "a\\u{202e}é\\u{1b}[2J\\t\\u{7}b\ne\u{301}\\u{e0041}\\r\n";
        assert_eq!(passed(&[text.as_bytes()], false), expected);
        assert_eq!(passed(&text.as_bytes().chunks(1).collect::<Vec<_>>(), false), expected);
        assert_eq!(passed(&text.as_bytes().chunks(3).collect::<Vec<_>>(), true), expected);
        assert_eq!(passed(&[b"a\xff\xc3", b"(\xe2\x80"], false), r"a\xff\xc3(\xe2\x80");
    }

    #[test]
    fn only_styles_of_this_program_pass_and_only_in_styled_text() {
        let styled = "\u{1b}[1m\u{1b}[31mred\u{1b}[0m";
        assert_eq!(passed(&[styled.as_bytes()], true), styled);
        assert_eq!(passed(&styled.as_bytes().chunks(1).collect::<Vec<_>>(), true), styled);
        assert!(!passed(&[styled.as_bytes()], false).contains('\u{1b}'));
        for other in [
            "\u{1b}[8m",
            "\u{1b}[30;40m",
            "\u{1b}[2J",
            "\u{1b}]0;title\u{7}",
            "\u{1b}",
            "\u{1b}[",
            "\u{1b}[1",
            "\u{1b}c",
        ] {
            assert!(!passed(&[other.as_bytes()], true).contains(['\u{1b}', '\u{7}']), "{other:?}");
        }
    }
}
