//! The one place that prints: results on stdout, everything else on stderr. Hidden characters are written as their numbers.

use std::io::{self, Write};

use clap::ColorChoice;
use console::Term;
use serde::Serialize;
use serde_json::value::RawValue;

use super::exit::{self, Exit, Failure};
use crate::base::{Finding, Sources, VisibleText};
use crate::render::{Styles, findings, json};

pub(super) struct Output {
    stdout: Stream,
    stderr: Stream,
    styles: Styles,
    stderr_styles: Styles,
    quiet: bool,
    /// Whether the command prints JSON.
    pub(super) is_json: bool,
    pub(super) summary: Option<String>,
    /// The result as JSON, for [`super::ended`].
    pub(super) kept: Option<Box<RawValue>>,
    /// What people read of the result, if its JSON does not have all of it, for [`super::ended`].
    pub(super) text: Option<String>,
    /// How the command ends if its result can be written, once it may have changed the cluster. See [`written`].
    pub(super) changed: Option<Exit>,
}

enum Stream {
    Term(Term),
    /// Printed later by [`super::ended`].
    Buffer(Vec<u8>),
}

impl Stream {
    fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Term(term) => term.write_all(bytes).and_then(|()| term.flush()),
            Self::Buffer(buffer) => buffer.write_all(bytes),
        }
    }

    /// Prints what `write` writes, with hidden characters escaped.
    fn show(
        &mut self,
        styles: &Styles,
        write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut text = Vec::new();
        write(&mut text, styles)?;
        self.print(visible_text(&text, styles.coloured).as_bytes())
    }
}

impl Output {
    pub(super) fn of_process(color: ColorChoice, quiet: bool, is_json: bool) -> Self {
        let (stdout, stderr) = (Term::buffered_stdout(), Term::stderr());
        let styles = |term: &Term| {
            let styles = if use_colors(color, term) { Styles::coloured() } else { Styles::default() };
            Styles { width: Some(width(term)), ..styles }
        };
        let styles = [styles(&stdout), styles(&stderr)];
        Self::new([Stream::Term(stdout), Stream::Term(stderr)], styles, quiet, is_json)
    }

    pub(super) fn buffered(&self) -> Self {
        let streams = [Stream::Buffer(Vec::new()), Stream::Buffer(Vec::new())];
        Self::new(streams, [self.styles.clone(), self.stderr_styles.clone()], self.quiet, self.is_json)
    }

    fn new([stdout, stderr]: [Stream; 2], [styles, stderr_styles]: [Styles; 2], quiet: bool, is_json: bool) -> Self {
        Self {
            stdout,
            stderr,
            styles,
            stderr_styles,
            quiet,
            is_json,
            summary: None,
            kept: None,
            text: None,
            changed: None,
        }
    }

    pub(super) fn captured(&self) -> [&[u8]; 2] {
        [&self.stdout, &self.stderr].map(|stream| match stream {
            Stream::Buffer(bytes) => bytes.as_slice(),
            Stream::Term(_) => &[],
        })
    }

    /// Keeps the result of one of several runs as JSON, whatever is printed.
    pub(super) fn keep(&mut self, result: &impl Serialize) {
        let mut text = Vec::new();
        if matches!(self.stdout, Stream::Buffer(_)) && json::write(&mut text, result).is_ok() {
            self.kept = RawValue::from_string(String::from_utf8_lossy(&text).trim().to_owned()).ok();
        }
    }

    /// Keeps what people read of the result, among several whose JSON does not have all of it.
    pub(super) fn keep_text(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        let mut text = Vec::new();
        let styles = Styles { width: Some(WIDTH), ..Styles::default() };
        if self.is_json && matches!(self.stdout, Stream::Buffer(_)) && write(&mut text, &styles).is_ok() {
            self.text.get_or_insert_default().push_str(&visible_text(&text, false));
        }
    }

    pub(super) fn result(
        &mut self,
        write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>,
    ) -> Result<(), Failure> {
        written(self.stdout.show(&self.styles, write), self.changed)
    }

    /// Prints what goes before the result: on stdout as a part of a text result, or on stderr beside JSON.
    pub(super) fn before_result(
        &mut self,
        write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.is_json {
            self.info(write);
            return Ok(());
        }
        self.result(write)
    }

    /// Writes a result byte by byte for another program, for example a formatted file. A terminal gets text.
    pub(super) fn exact(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.is_terminal() || matches!(self.stdout, Stream::Buffer(_)) {
            return self.result(|out, _| out.write_all(bytes));
        }
        written(self.stdout.print(bytes), self.changed)
    }

    /// Whether results go to a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(&self.stdout, Stream::Term(term) if term.is_term())
    }

    /// Fails if a page would go to a terminal. `help` says where else it can go, after "write it to a file with".
    pub(super) fn refuse_page(&self, help: &str) -> Result<(), Failure> {
        if !self.is_terminal() {
            return Ok(());
        }
        let failure = Failure::new(&exit::PAGE_ON_TERMINAL, "an HTML page is not for a terminal");
        Err(failure.help(format!("write it to a file with {help}")))
    }

    pub(super) fn info(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        if !self.quiet {
            self.message(write);
        }
    }

    /// Writes to stderr, even if quiet. A closed stderr cannot be reported anywhere.
    pub(super) fn message(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        let _ = self.stderr.show(&self.stderr_styles, write);
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
        matches!(self.stdout, Stream::Term(_))
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
        !self.quiet && matches!(&self.stderr, Stream::Term(term) if term.is_term())
    }
}

/// A closed pipe is no error: the reader has seen enough. After a change to the cluster it is one, since nobody read what was
/// changed.
fn written(result: io::Result<()>, changed: Option<Exit>) -> Result<(), Failure> {
    let Err(error) = result else { return Ok(()) };
    let Some(exit) = changed else {
        return if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) };
    };
    let done = if matches!(exit, Exit::Done | Exit::Changes) { "applied" } else { "partially applied" };
    Err(Failure::new(&exit::ENVIRONMENT, format!("{done}; the result could not be written: {error}"))
        .help("run `attune plan` to see the state of the cluster")
        .exit(exit.max(Exit::Partial)))
}

/// Whether a stream gets colors. `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR` are as on <https://bixense.com/clicolors>.
pub(super) fn use_colors(color: ColorChoice, term: &Term) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR").is_some() => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorChoice::Auto => term.features().colors_supported() && set("CLICOLOR").is_none_or(|value| value != "0"),
    }
}

/// The width of text that is not written to a terminal, such as a log.
const WIDTH: usize = 100;

/// A terminal is never taken as narrower than this.
const NARROW: usize = 40;

fn width(term: &Term) -> usize {
    let columns = term.is_term().then(|| term.size_checked()).flatten().map(|(_, columns)| usize::from(columns));
    columns.map_or(WIDTH, |columns| columns.max(NARROW))
}

/// Parameters of the escape sequences that pass: the styles of this program. None of them hides text.
const STYLES: [&str; 19] =
    ["", "0", "1", "2", "3", "4", "22", "31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96"];

/// A text with every hidden character escaped. Line breaks pass, and so do styles if the text is styled.
pub(super) fn visible_text(bytes: &[u8], styled: bool) -> String {
    let mut shown = String::with_capacity(bytes.len());
    let mut eye = VisibleText::default();
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            let style = if styled { style(rest) } else { "" };
            if c == '\n' {
                eye = VisibleText::default();
                shown.push(c);
            } else if style.is_empty() {
                eye.show(c, &mut shown);
            } else {
                shown.push_str(style);
            }
            rest = &rest[style.len().max(c.len_utf8())..];
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

fn style(text: &str) -> &str {
    let parameters = text.strip_prefix("\u{1b}[").unwrap_or_default();
    match parameters.find(|c: char| !c.is_ascii_digit() && c != ';') {
        Some(end)
            if parameters[end..].starts_with('m') && parameters[..end].split(';').all(|n| STYLES.contains(&n)) =>
        {
            &text[..end + "\u{1b}[m".len()]
        }
        None | Some(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_out() {
        let text = "a\u{202e}é\u{1b}[2J\t\u{7}b\ne\u{301}\u{e0041}\r\n";
        let expected = "a\\u{202e}é\\u{1b}[2J\\t\\u{7}b\ne\u{301}\\u{e0041}\\r\n";
        assert_eq!(visible_text(text.as_bytes(), false), expected);
        assert_eq!(visible_text(text.as_bytes(), true), expected);
        assert_eq!(visible_text(b"a\xff\xc3(\xe2\x80", false), r"a\xff\xc3(\xe2\x80");
    }

    #[test]
    fn only_styles_of_this_program_pass_and_only_in_styled_text() {
        let styled = "\u{1b}[1m\u{1b}[31mred\u{1b}[0m";
        assert_eq!(visible_text(styled.as_bytes(), true), styled);
        assert!(!visible_text(styled.as_bytes(), false).contains('\u{1b}'));
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
            assert!(!visible_text(other.as_bytes(), true).contains(['\u{1b}', '\u{7}']), "{other:?}");
        }
    }
}
