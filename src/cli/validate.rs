//! `attune validate`: checks a configuration and its documents, offline.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use super::args::{CatalogueArg, Format, GlobalArgs, release};
use super::connect::read;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{Finding, Release, Severity, Sources};
use crate::desired::{self, Boundary, Edit, FileProblem, Loaded, Tree, fixes};
use crate::policy::{self, Catalogue, Depth, apply_edits};
use crate::render::json::{self, FindingsV1, SarifV1};
use crate::render::{annotations, findings};

/// Check configurations and their policy documents, offline
///
/// Reports all problems in a configuration, its included files and its documents in one run. Suppress a rule with
/// `[lint] allow = ["RULE"]`, for all documents or for one policy.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune validate
  attune validate -f clusters/weka01.toml --format json
  attune validate --release 4.4   use the actions of that release
  attune validate --fix           fix problems that have one solution")]
pub(super) struct ValidateArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = ValidateFormat::Text)]
    format: ValidateFormat,
    /// WEKA release of the cluster [default: the newest known]
    #[arg(long, value_name = "RELEASE", value_parser = release, conflicts_with = "catalogue")]
    release: Option<Release>,
    #[command(flatten)]
    catalogue: CatalogueArg,
    /// Fix problems that have one solution, then check
    #[arg(long)]
    fix: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ValidateFormat {
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
    pub(super) fn format_of_many(&self) -> Result<Format, Failure> {
        match self.format {
            ValidateFormat::Text | ValidateFormat::Github => Ok(Format::Text),
            ValidateFormat::Json => Ok(Format::Json),
            ValidateFormat::Sarif => {
                Err(Failure::one_only("`--format sarif`", "run the command for each file, or use `--format json`"))
            }
        }
    }

    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let loaded = match self.check(global, output) {
            Ok(loaded) => loaded,
            Err(failure) if self.format == ValidateFormat::Text => return Err(failure),
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
        if self.format == ValidateFormat::Text {
            output.result(|out, _| writeln!(out, "{}", valid(global, &loaded)))?;
        }
        Ok(Exit::Done)
    }

    fn check(&self, global: &GlobalArgs, output: &mut Output) -> Result<Loaded, Failure> {
        let catalogue = self.catalogue.load_or(self.release.as_ref().unwrap_or(&Release::newest()))?;
        if self.fix {
            fix(&global.file, &read(global)?, &catalogue, output)?;
        }
        let mut loaded = read(global)?;
        let mut found = desired::lint(&loaded.desired, &catalogue, Depth::Thorough);
        found.retain(|finding| !finding.repeats(&loaded.findings));
        loaded.findings.append(&mut found);
        loaded.findings.sort_by_key(Finding::place);
        Ok(loaded)
    }

    fn report(&self, found: &[Finding], sources: &Sources, output: &mut Output) -> Result<(), Failure> {
        output.result(|out, styles| match self.format {
            ValidateFormat::Text => findings(out, styles, found, sources),
            ValidateFormat::Json => json::write(out, &FindingsV1::of(found, sources)),
            ValidateFormat::Sarif => json::write(out, &SarifV1::of(found, sources)),
            ValidateFormat::Github => annotations(out, found, sources),
        })
    }
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

fn fix(main: &Path, loaded: &Loaded, catalogue: &Catalogue, output: &mut Output) -> Result<(), Failure> {
    let mut files: BTreeMap<String, BTreeMap<usize, Edit>> = BTreeMap::new();
    for edit in fixes(&loaded.desired, catalogue) {
        let path = loaded.sources.file(edit.at.file).path.clone();
        files.entry(path).or_default().entry(edit.at.span.start).or_insert(edit);
    }
    for (path, edits) in &files {
        let edits: Vec<&Edit> = edits.values().collect();
        let fixed = Tree::open(main, Boundary::Repository)
            .and_then(|tree| fix_file(&tree, path, &edits, &loaded.sources, output));
        fixed.map_err(|problem| {
            Failure::new(&exit::ENVIRONMENT, format!("cannot fix {path}: {problem}")).help(problem.help())
        })?;
    }
    Ok(())
}

fn fix_file(
    tree: &Tree,
    path: &str,
    edits: &[&Edit],
    sources: &Sources,
    output: &mut Output,
) -> Result<(), FileProblem> {
    let text = tree.read(Path::new(path))?;
    let Some(fixed) = with_edits(&text, edits, sources).filter(|fixed| is_still_valid(&text, fixed)) else {
        output.warn(&format!("{path} was not changed, since its fixes conflict"));
        return Ok(());
    };
    tree.replace(Path::new(path), &fixed)?;
    for edit in edits {
        let (line, _) = sources.line_column(&edit.at);
        let before = text.get(edit.at.span.clone()).unwrap_or_default();
        output.info(|out, _| writeln!(out, "fixed {path}:{line}: {before} → {}", edit.with));
    }
    Ok(())
}

/// The text with the edits, unless it has changed since it was read.
fn with_edits(text: &str, edits: &[&Edit], sources: &Sources) -> Option<String> {
    let is_unchanged = |edit: &&Edit| {
        let read = &sources.file(edit.at.file).text;
        read.len() == text.len() && read.get(edit.at.span.clone()) == text.get(edit.at.span.clone())
    };
    let unchanged = edits.iter().all(is_unchanged);
    unchanged.then(|| apply_edits(text, edits.iter().map(|edit| (edit.at.span.clone(), edit.with.as_str()))))
}

/// Whether a fixed text is still a valid document or TOML file. A renamed member may conflict with another one.
fn is_still_valid(before: &str, after: &str) -> bool {
    let errors = |text: &str| {
        let problems = policy::read(text).problems.into_iter();
        problems.filter(|problem| problem.severity == Severity::Error).count()
    };
    if policy::read(before).document.is_some() {
        return errors(after) <= errors(before);
    }
    toml::from_str::<toml::Table>(after).is_ok()
}
