//! The one place that prints: results on stdout, everything else on stderr.

use std::io::{self, Write};

use clap::ColorChoice;
use console::Term;

use super::exit::{self, Exit, Failure};
use super::visible::Visible;
use crate::base::{Finding, Sources};
use crate::render::{Styles, findings};

/// The two streams of a command.
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
    /// The result in a few words.
    pub(super) summary: Option<String>,
    /// How the command ends, if it may have changed the cluster.
    pub(super) changed: Option<Exit>,
}

impl Output {
    /// The streams of the process.
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

    /// Writes a result to stdout.
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

    /// Writes to stderr, unless quiet.
    pub(super) fn info(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        if !self.quiet {
            self.message(write);
        }
    }

    /// Writes to stderr, even if quiet. A closed stderr cannot be reported anywhere.
    pub(super) fn message(&mut self, write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) {
        let _ = write(&mut self.stderr, &self.stderr_styles).and_then(|()| self.stderr.flush());
    }

    /// Writes findings to stderr; only errors if quiet.
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

    /// Whether stdin and both output streams are a terminal.
    pub(super) fn can_ask(&self) -> bool {
        matches!(self.stdout.get(), Stream::Term(_))
            && Term::stdout().features().is_attended()
            && console::user_attended_stderr()
            && io::IsTerminal::is_terminal(&io::stdin())
    }

    /// Asks a question on stderr and returns the answer.
    pub(super) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.message(|out, styles| write!(out, "{}", styles.strong.apply_to(question)));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Whether stderr can show progress.
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
    let worse = if exit.severity() > Exit::Partial.severity() { exit } else { Exit::Partial };
    Err(Failure::new(&exit::ENVIRONMENT, format!("{done}; the result could not be written: {error}"))
        .help("run `attune plan` to see the state of the cluster")
        .exit(worse))
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
