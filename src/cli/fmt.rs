//! `attune fmt`: formats configurations.

use std::path::PathBuf;

use super::args::GlobalArgs;
use super::connect;
use super::edited::unified_diff;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::desired::{self, Boundary, FileProblem, Tree, format_toml, is_stdin, read_stdin};

const STDIN: &str = "standard input";

/// Format configurations
///
/// Without FILES, formats the configuration and the `.toml` files that it includes. Sections follow the order of the
/// reference. Policies, users and groups are sorted by name. A comment stays above the entry that it precedes. The meaning of
/// a file does not change, and policy documents are not formatted. `-` formats standard input to standard output.
///
/// A comment followed by an empty line is a heading. Names are sorted between headings.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune fmt
  attune fmt --check               show a diff, and exit with 2 if there is one
  attune fmt teams/*.toml
  attune fmt - < draft.toml")]
pub(super) struct FmtArgs {
    /// Change no file; list the unformatted files, and show a diff
    #[arg(long)]
    check: bool,
    /// Files to format, or `-` for standard input
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
}

impl FmtArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if self.files.iter().any(|file| is_stdin(file)) || self.files.is_empty() && is_stdin(&global.file) {
            return self.run_on_stdin(output);
        }
        let (files, is_complete) = match self.files.as_slice() {
            [] => included(global, output)?,
            files => (files.to_vec(), true),
        };
        let (mut broken, mut unformatted) = (0, 0);
        for file in &files {
            let name = file.display().to_string();
            // An included file lies within the boundary of the main file.
            let main = if self.files.is_empty() { &global.file } else { file };
            let tree = Tree::open(main, Boundary::Repository).map_err(|problem| unreadable(&name, &problem))?;
            let before = tree.read(file).map_err(|problem| unreadable(&name, &problem))?;
            match format(&name, &before, output) {
                None => broken += 1,
                Some(after) if after == before => {}
                Some(after) if self.check => {
                    unformatted += 1;
                    print_unformatted(&name, &before, &after, output)?;
                }
                Some(after) => {
                    tree.replace(file, &after).map_err(|problem| {
                        Failure::new(&exit::ENVIRONMENT, format!("cannot write {name}: {problem}")).help(problem.help())
                    })?;
                    output.result(|out, _| writeln!(out, "formatted {name}"))?;
                }
            }
        }
        if broken > 0 {
            let files = if broken == 1 { "1 file is".to_owned() } else { format!("{broken} files are") };
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, format!("{files} not valid and not formatted")));
        }
        if !is_complete {
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, "not all included files can be read and formatted"));
        }
        Ok(if unformatted > 0 { Exit::Changes } else { Exit::Done })
    }

    fn run_on_stdin(&self, output: &mut Output) -> Result<Exit, Failure> {
        if self.files.len() > 1 {
            let message = "`-` means standard input, and excludes other files";
            return Err(Failure::new(&exit::NO_FILE, message).help("use either files or `-`"));
        }
        let before = read_stdin().map_err(|problem| unreadable(STDIN, &problem))?;
        let Some(after) = format(STDIN, &before, output) else {
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, "standard input is not valid and not formatted"));
        };
        match self.check {
            false => output.exact(after.as_bytes()).map(|()| Exit::Done),
            true if after == before => Ok(Exit::Done),
            true => print_unformatted(STDIN, &before, &after, output).map(|()| Exit::Changes),
        }
    }
}

/// The formatted text. If there is none, prints why.
fn format(name: &str, before: &str, output: &mut Output) -> Option<String> {
    format_toml(name, before).inspect_err(|broken| output.findings(&broken.findings, &broken.sources)).ok()
}

/// The configuration and the files that it includes, and whether these are all. If not, prints why.
fn included(global: &GlobalArgs, output: &mut Output) -> Result<(Vec<PathBuf>, bool), Failure> {
    let loaded = desired::load_with(&global.file, Boundary::Repository, &global.variables())
        .map_err(|error| connect::unreadable(&error, global))?;
    output.findings(&loaded.not_included, &loaded.sources);
    let others = loaded.sources.files().iter().skip(1).map(|file| PathBuf::from(&file.path));
    let others = others.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    Ok(([global.file.clone()].into_iter().chain(others).collect(), loaded.not_included.is_empty()))
}

/// Prints a diff, without possible secrets.
fn print_unformatted(name: &str, before: &str, after: &str, output: &mut Output) -> Result<(), Failure> {
    let (before, after) = (desired::without_secrets(before), desired::without_secrets(after));
    let diff = unified_diff([name, &format!("{name} (formatted)")], [&before, &after]);
    output.result(|out, _| write!(out, "not formatted: {name}\n{diff}"))
}

fn unreadable(name: &str, problem: &FileProblem) -> Failure {
    let failure = Failure::new(&exit::NO_FILE, format!("cannot read {name}: {problem}"));
    if matches!(problem, FileProblem::Io(_)) { failure } else { failure.help(problem.help()) }
}
