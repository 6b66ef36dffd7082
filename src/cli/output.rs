//! The one place that prints: results on stdout, everything else on stderr.

use std::io::{self, Write};

use console::Term;

use super::args::Color;
use super::exit::{self, Exit, Failure};
use super::visible::Visible;
use crate::base::{Finding, Sources};
use crate::render::{Styles, findings};

/// Where a command writes.
pub(super) struct Output {
    result: Visible<Stream>,
    rest: Visible<Stream>,
    /// The styles of results.
    pub(super) styles: Styles,
    rest_styles: Styles,
    quiet: bool,
    summary: Option<String>,
    /// How the command ends, once it may have changed something: then a result that cannot be written is no error before
    /// anything was done.
    changed: Option<Exit>,
}

/// One of the two streams.
enum Stream {
    Term(Term),
    /// Kept, to be shown later.
    Kept(Vec<u8>),
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Term(term) => term.write(bytes),
            Self::Kept(kept) => kept.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Term(term) => term.flush(),
            Self::Kept(_) => Ok(()),
        }
    }
}

/// What a command wrote that is one of many.
pub(super) struct Kept {
    /// Its result.
    pub(super) result: Vec<u8>,
    /// Everything else.
    pub(super) rest: Vec<u8>,
    /// The command in a few words, where it came so far.
    pub(super) summary: Option<String>,
    /// How the command ends, where it may have changed something.
    pub(super) changed: Option<Exit>,
}

impl Output {
    /// The streams of the process.
    pub(super) fn of_process(color: Color, quiet: bool) -> Self {
        let (result, rest) = (Term::buffered_stdout(), Term::stderr());
        let styles = |term: &Term| if coloured(color, term) { Styles::coloured() } else { Styles::default() };
        let (styles, rest_styles) = (styles(&result), styles(&rest));
        let (result, rest) = (Stream::Term(result), Stream::Term(rest));
        let (result, rest) = (Visible::new(result, styles.coloured), Visible::new(rest, rest_styles.coloured));
        Self { styles, rest_styles, result, rest, quiet, summary: None, changed: None }
    }

    /// The same, for one command of many: kept, to be shown when its turn comes.
    pub(super) fn of_one(&self) -> Self {
        Self {
            result: Visible::new(Stream::Kept(Vec::new()), self.styles.coloured),
            rest: Visible::new(Stream::Kept(Vec::new()), self.rest_styles.coloured),
            styles: self.styles.clone(),
            rest_styles: self.rest_styles.clone(),
            quiet: self.quiet,
            summary: None,
            changed: None,
        }
    }

    /// What was kept.
    pub(super) fn into_kept(self) -> Kept {
        let bytes = |stream: Visible<Stream>| match stream.into_inner() {
            Stream::Kept(kept) => kept,
            Stream::Term(_) => Vec::new(),
        };
        Kept { result: bytes(self.result), rest: bytes(self.rest), summary: self.summary, changed: self.changed }
    }

    /// Says in a few words what came of it, for a list of many.
    pub(super) fn sum_up(&mut self, summary: String) {
        self.summary = Some(summary);
    }

    /// Says that something may have been changed, and how the command ends if its result can be written.
    pub(super) fn changed(&mut self, exit: Exit) {
        self.changed = Some(exit);
    }

    /// Writes a result. See [`ended`] for what becomes of one that cannot be written.
    pub(super) fn result(
        &mut self,
        write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let written = write(&mut self.result, &self.styles).and_then(|()| self.result.flush());
        ended(written, self.changed)
    }

    /// Writes a result that another program reads byte by byte, such as a file in form. On a terminal it is text.
    pub(super) fn exact(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.result.get() {
            Stream::Term(term) if !term.is_term() => {}
            Stream::Term(_) | Stream::Kept(_) => return self.result(|out, _| out.write_all(bytes)),
        }
        let written = self.result.flush().and_then(|()| {
            let out = self.result.exact();
            out.write_all(bytes).and_then(|()| out.flush())
        });
        ended(written, self.changed)
    }

    /// Writes something that is not the result, unless asked to be quiet.
    pub(super) fn aside(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        if !self.quiet {
            self.urgent(write);
        }
    }

    /// Writes something that must be seen even when asked to be quiet. There is nowhere to report that stderr is gone.
    pub(super) fn urgent(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        let _ = write(&mut self.rest, &self.rest_styles).and_then(|()| self.rest.flush());
    }

    /// Writes findings to stderr; only errors when asked to be quiet.
    pub(super) fn findings(&mut self, list: &[Finding], sources: &Sources) {
        let quiet = self.quiet;
        let shown: Vec<Finding> = list.iter().filter(|finding| !quiet || finding.is_error()).cloned().collect();
        self.urgent(|out, styles| findings(out, styles, &shown, sources));
    }

    /// A warning of one line.
    pub(super) fn warn(&mut self, text: &str) {
        self.urgent(|out, styles| writeln!(out, "{} {text}", styles.change.apply_to("warning:")));
    }

    /// Says why the command failed.
    pub(super) fn failure(&mut self, failure: &Failure) {
        self.urgent(|out, styles| {
            writeln!(out, "{} {}", styles.remove.apply_to("error:"), failure.finding.message)?;
            match &failure.finding.help {
                Some(help) => writeln!(out, "{} {help}", styles.strong.apply_to("help:")),
                None => Ok(()),
            }
        });
    }

    /// Whether a person can be asked.
    pub(super) fn can_ask(&self) -> bool {
        matches!(self.result.get(), Stream::Term(_))
            && Term::stdout().features().is_attended()
            && console::user_attended_stderr()
            && io::IsTerminal::is_terminal(&io::stdin())
    }

    /// Asks a question on stderr and returns the answer.
    pub(super) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.urgent(|out, styles| write!(out, "{}", styles.strong.apply_to(question)));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Whether progress may be drawn on stderr.
    pub(super) fn draws(&self) -> bool {
        !self.quiet && matches!(self.rest.get(), Stream::Term(term) if term.is_term())
    }
}

/// A reader that has gone away has seen enough, unless something was changed: then nobody knows what.
fn ended(written: io::Result<()>, changed: Option<Exit>) -> Result<(), Failure> {
    let Err(error) = written else { return Ok(()) };
    let Some(exit) = changed else {
        return if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) };
    };
    let done = if exit == Exit::Done { "applied" } else { "applied in part" };
    let worse = if exit.weight() > Exit::Partial.weight() { exit } else { Exit::Partial };
    Err(Failure::new(&exit::ENVIRONMENT, format!("{done}; the result could not be written: {error}"))
        .help("run `attune plan` to see where the cluster stands")
        .exit(worse))
}

fn coloured(color: Color, term: &Term) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            term.features().colors_supported() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}
