//! The command line: one file a command, and what they share.

mod access;
mod actions;
mod apply;
mod args;
mod base;
mod completions;
mod connect;
mod descriptors;
mod desired;
mod doctor;
mod drift;
mod exit;
mod fix;
mod fmt;
mod git;
mod import;
mod interrupt;
mod journal;
mod keys;
mod lost;
mod man;
mod many;
mod output;
mod place;
mod plan;
mod plan_format;
mod policy;
mod progress;
mod publish;
mod report;
mod reviewed;
mod schema;
mod secret_store;
mod show;
mod sim;
mod sim_weka;
mod state;
mod sts;
mod validate;
mod visible;

use std::io::{self, LineWriter, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use console::Term;

use args::{Args, Command, GlobalArgs};
pub use exit::{CODES, Exit, Failure};
use output::Output;
use visible::Visible;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => return usage(&told),
    };
    let mut output = Output::of_process(args.global.color, args.global.quiet);
    tracing_to_stderr(&args.global);
    match run(&args, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Prints help where that was asked for, else what is wrong with the arguments: an error as any other, since 2 means that
/// there are changes.
fn usage(told: &clap::Error) -> ExitCode {
    let is_error = told.use_stderr();
    let stream: &mut dyn io::Write = if is_error { &mut io::stderr() } else { &mut io::stdout() };
    let term = if is_error { Term::stderr() } else { Term::stdout() };
    let styled = term.features().colors_supported();
    let text = told.render();
    let text = if styled { text.ansi().to_string() } else { text.to_string() };
    let mut out = Visible::new(stream, styled);
    // There is nowhere to report that the stream is gone.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if told.use_stderr() { Exit::Error.into() } else { Exit::Done.into() }
}

fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut files = many::files(&args.global.desired_files, args.command.base())?;
    if files.len() > 1 {
        return run_many(args, files, output);
    }
    let global = &GlobalArgs { file: files.pop().unwrap_or_default(), ..args.global.clone() };
    match &args.command {
        Command::Plan(command) => wait(command.run(global, output)),
        Command::Apply(command) => wait(command.run(global, output)),
        Command::Drift(command) => wait(command.run(global, output)),
        Command::Import(command) => wait(command.run(global, output)),
        Command::Fmt(command) => command.run(global, output),
        Command::Validate(command) => command.run(global, output),
        Command::Access(command) => wait(command.run(global, output)),
        Command::Report(command) => wait(command.run(global, output)),
        Command::Doctor(command) => wait(command.run(global, output)),
        Command::Policy(command) => command.run(output),
        Command::Keys(command) => wait(command.run(global, output)),
        Command::Sts(command) => wait(command.run(global, output)),
        Command::Show(command) => command.run(output),
        Command::Schema(command) => command.run(output),
        Command::Completions(command) => command.run(output),
        Command::Man(command) => command.run(output),
        Command::Sim(command) => wait(command.run(output)),
    }
}

/// Runs a command that takes many files for each of them.
fn run_many(args: &Args, files: Vec<PathBuf>, output: &mut Output) -> Result<Exit, Failure> {
    let global = &args.global;
    match &args.command {
        Command::Plan(command) => {
            wait(many::each(global, files, command.format(), output, async |of, to| command.run(of, to).await))
        }
        Command::Apply(command) => {
            wait(many::each(global, files, command.format(), output, async |of, to| command.run(of, to).await))
        }
        Command::Validate(command) => {
            wait(many::each(global, files, command.format()?, output, async |of, to| command.run(of, to)))
        }
        Command::Drift(command) => {
            let format = command.of_many()?;
            wait(many::each(global, files, format, output, async |of, to| command.run(of, to).await))
        }
        Command::Doctor(command) => {
            wait(many::each(global, files, command.format(), output, async |of, to| command.run(of, to).await))
        }
        Command::Show(_)
        | Command::Import(_)
        | Command::Fmt(_)
        | Command::Access(_)
        | Command::Report(_)
        | Command::Policy(_)
        | Command::Keys(_)
        | Command::Sts(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Sim(_) => {
            let message = format!("this command takes one file, and {} are named", files.len());
            Err(Failure::new(&exit::NO_FILE, message).help("plan, apply, drift, validate and doctor take many"))
        }
    }
}

/// Runs what talks to the network.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // What waits is there once, whatever the command.
    let work: Pin<Box<dyn Future<Output = Result<T, Failure>> + '_>> = Box::pin(work);
    let runtime = runtime.map_err(|error| Failure::new(&exit::ENVIRONMENT, format!("cannot start: {error}")))?;
    let done = runtime.block_on(work);
    // What is stuck, such as a file on a disk that does not answer, is not waited for.
    runtime.shutdown_timeout(STUCK);
    done
}

/// How long what is stuck may hold up the end of the program.
const STUCK: Duration = Duration::from_secs(1);

/// `-v` shows calls, `-vv` what libraries say of their work as well, `-vvv` all of it. Never bodies, never headers.
fn tracing_to_stderr(global: &GlobalArgs) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let (own, others) = match global.verbose {
        0 => (LevelFilter::WARN, LevelFilter::OFF),
        1 => (LevelFilter::DEBUG, LevelFilter::WARN),
        2 => (LevelFilter::TRACE, LevelFilter::DEBUG),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    let shown = Targets::new().with_target("attune", own).with_default(others);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| LineWriter::new(Visible::new(io::stderr(), false)))
        .with_ansi(false)
        .without_time()
        // A terminal that is gone is no reason to stop.
        .log_internal_errors(false)
        .with_target(false);
    tracing_subscriber::registry().with(shown).with(lines).init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::args::Args;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
