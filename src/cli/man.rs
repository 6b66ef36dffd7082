//! `attune man`: the manual pages.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man;
use roff::{Roff, roman};

use super::args::Args;
use super::exit::{self, Exit, Failure};
use super::output::Output;

/// Print the manual page, or write all of them
///
/// There is a page for the program and one for each command. Pages of an older version are written over.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune man | man -l -
  attune man --out ~/.local/share/man/man1     then: man attune-plan")]
pub(super) struct ManArgs {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ManArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let mut command = Args::command().disable_help_subcommand(true);
        command.build();
        match &self.out {
            None => {
                let page = page(&command, "attune")?;
                output.exact(&page)?;
            }
            Some(directory) => {
                let mut pages = Vec::new();
                pages_of(&command, "attune", &mut pages)?;
                write(directory, &pages).map_err(|error| {
                    let message = format!("cannot write manual pages to {}: {error}", directory.display());
                    Failure::new(&exit::ENVIRONMENT, message)
                })?;
                let count = pages.len();
                output.result(|out, _| writeln!(out, "{count} pages in {}", directory.display()))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// A page and its name.
type Page = (String, Vec<u8>);

fn pages_of(command: &clap::Command, name: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push((format!("{name}.1"), page(command, name)?));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set()) {
        pages_of(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
}

fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let source = format!("attune {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone().display_name(name)).title(name.to_uppercase()).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_long_help() {
        further(&text.to_string()).to_writer(&mut page)?;
    }
    Ok(page)
}

/// What the help ends with, line by line as it is there: the examples, and then what else is worth knowing.
fn further(text: &str) -> Roff {
    let mut roff = Roff::new();
    let (examples, notes) = text.split_once("\n\n").unwrap_or((text, ""));
    for (title, text) in [("EXAMPLES", examples.trim_start_matches("Examples:\n")), ("NOTES", notes)] {
        if text.is_empty() {
            continue;
        }
        roff.control("SH", [title]);
        roff.control("nf", []);
        text.lines().for_each(|line| _ = roff.text([roman(line)]));
        roff.control("fi", []);
    }
    roff
}

fn write(directory: &Path, pages: &[Page]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    pages.iter().try_for_each(|(name, page)| fs::write(directory.join(name), page))
}
