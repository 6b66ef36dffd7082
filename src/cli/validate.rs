//! `attune validate`: checks the files and their documents, offline.

use std::path::PathBuf;

use clap::ValueEnum;

use super::args::{Format, GlobalArgs};
use super::desired::read;
use super::exit::{self, Exit, Failure};
use super::fix::mend;
use super::output::Output;
use super::plan::catalogue;
use crate::base::{Finding, Release, Sources};
use crate::desired::{self, Loaded};
use crate::policy::{Catalogue, Depth};
use crate::render::json::{self, FindingsV1, SarifV1};
use crate::render::{annotations, findings};

/// Check the files without a cluster
///
/// Finds everything that is wrong with the file, what it includes and the documents it names, in one run. Documents are
/// held against rules; `[lint] allow = ["RULE"]` lets all of them, or one policy, break a rule without a word.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune validate
  attune validate -f clusters/weka01.toml --format json
  attune validate --release 4.4              against the actions of that release
  attune validate --fix                      mend what can be mended without thinking")]
pub(super) struct ValidateArgs {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// The release whose actions documents may name; the newest when left out
    #[arg(long, value_name = "RELEASE", value_parser = release, conflicts_with = "catalogue")]
    release: Option<Release>,
    /// The actions of the cluster instead of the built-in table: JSON, `[{"name": …, "kind": "account|bucket|object"}]`
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Put right in the files what can only be meant one way, then check
    #[arg(long)]
    fix: bool,
}

/// The form of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Report {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

impl ValidateArgs {
    /// The form of the result, for many files at once.
    pub(super) fn format(&self) -> Result<Format, Failure> {
        match self.format {
            Report::Text | Report::Github => Ok(Format::Text),
            Report::Json => Ok(Format::Json),
            Report::Sarif => {
                let message = "`--format sarif` is of one file";
                Err(Failure::new(&exit::NO_FILE, message).help("run the command for each file, or use `--format json`"))
            }
        }
    }

    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let loaded = match self.checked(global, output) {
            Ok(loaded) => loaded,
            Err(failure) if self.format == Report::Text => return Err(failure),
            Err(failure) => {
                self.report(std::slice::from_ref(&*failure.finding), &Sources::default(), output)?;
                return Err(failure);
            }
        };
        self.report(&loaded.findings, &loaded.sources, output)?;
        if loaded.has_errors() {
            let message = format!("{} is not valid", global.file.display());
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, message));
        }
        if self.format == Report::Text {
            output.result(|out, _| writeln!(out, "{}", valid(global, &loaded)))?;
        }
        Ok(Exit::Done)
    }

    /// The files with all that was found in them, mended before if asked to.
    fn checked(&self, global: &GlobalArgs, output: &mut Output) -> Result<Loaded, Failure> {
        let catalogue = self.actions()?;
        if self.fix {
            mend(&global.file, &read(global)?, &catalogue, output)?;
        }
        let mut loaded = read(global)?;
        loaded.findings.extend(desired::lint(&loaded.desired, &catalogue, Depth::Thorough));
        loaded.findings.sort_by_key(Finding::place);
        Ok(loaded)
    }

    fn actions(&self) -> Result<Catalogue, Failure> {
        match (&self.catalogue, &self.release) {
            (Some(path), _) => catalogue(path),
            (None, Some(release)) => Ok(Catalogue::of(release)),
            (None, None) => Ok(Catalogue::newest()),
        }
    }

    fn report(&self, found: &[Finding], sources: &Sources, output: &mut Output) -> Result<(), Failure> {
        output.result(|out, styles| match self.format {
            Report::Text => findings(out, styles, found, sources),
            Report::Json => json::write(out, &FindingsV1::of(found, sources)),
            Report::Sarif => json::write(out, &SarifV1::of(found, sources)),
            Report::Github => annotations(out, found, sources),
        })
    }
}

fn release(text: &str) -> Result<Release, String> {
    Release::parse(text).ok_or_else(|| "a release begins with two numbers, such as 5.1".to_owned())
}

fn valid(global: &GlobalArgs, loaded: &Loaded) -> String {
    let (policies, users) = (loaded.desired.policies.len(), loaded.desired.users.len());
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    format!(
        "{} is valid: {}, {}",
        global.file.display(),
        plural(policies, "policy", "policies"),
        plural(users, "user", "users"),
    )
}
