//! `attune validate`: checks a configuration and its documents, offline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::args::{CatalogueArg, EVALUATION, Format, GlobalArgs, release};
use super::connect::read;
use super::edited::write_all;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::snapshot::{self, Snapshot};
use super::targets::TargetArgs;
use super::test;
use crate::base::{Finding, PolicyName, Principal, Release, Severity, Sources, count};
use crate::contract::{Against, State};
use crate::desired::{
    self, Desired, Edit, EditedText, Loaded, Phase, RepositoryPaths, Term, Unwritten, fixes, is_stdin, without_renames,
};
use crate::policy::{self, Catalogue, Depth, apply_edits};
use crate::render::json::{self, FindingsV1};
use crate::render::{Checked, annotations, code_quality, findings, junit, sarif};

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
  attune validate --fix           fix problems that have one solution
  attune snapshot | attune validate --fix --snapshot -   also remove finished renames
  attune validate -f clusters --format sarif > attune.sarif")]
pub(super) struct ValidateArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = ValidateFormat::Text)]
    format: ValidateFormat,
    /// Fix problems that have one solution, then check
    #[arg(long)]
    fix: bool,
    /// Remove `renamed_from` where the cluster of this file of `attune snapshot` no longer has the old name
    #[arg(long, value_name = "FILE", requires = "fix")]
    snapshot: Option<PathBuf>,
    /// WEKA release of the cluster [default: the newest known]
    #[arg(help_heading = EVALUATION, long, value_name = "RELEASE", value_parser = release, conflicts_with = "catalogue")]
    release: Option<Release>,
    #[command(flatten)]
    catalogue: CatalogueArg,
    #[command(flatten)]
    pub(super) targets: TargetArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ValidateFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// SARIF 2.1.0, for code scanning; one document for all files
    Sarif,
    /// JUnit XML, for test reports; one document for all files
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// Code quality report of GitLab; one document for all files
    Gitlab,
}

impl ValidateArgs {
    /// Whether the output for several configurations is one document, from [`run_all`](Self::run_all).
    pub(super) fn collects(&self) -> bool {
        match self.format {
            ValidateFormat::Sarif | ValidateFormat::Junit | ValidateFormat::Gitlab => true,
            ValidateFormat::Text | ValidateFormat::Json | ValidateFormat::Github => false,
        }
    }

    pub(super) fn format_of_many(&self) -> Format {
        if self.format == ValidateFormat::Json { Format::Json } else { Format::Text }
    }

    pub(super) fn run_all(&self, all: &[GlobalArgs], output: &mut Output) -> Result<Exit, Failure> {
        if self.snapshot.is_some() {
            return Err(Failure::one_only("`--snapshot`"));
        }
        let (mut all_checked, mut failures) = (Vec::new(), Vec::new());
        for global in all {
            match self.check(global, output) {
                Ok(loaded) => {
                    failures.extend(invalid(global, &loaded));
                    all_checked.push(checked(global, loaded.findings, loaded.sources));
                }
                Err(failure) => {
                    all_checked.push(unread(global, &failure));
                    failures.push(failure);
                }
            }
        }
        self.report(&all_checked, output)?;
        failures.iter().for_each(|failure| output.failure(failure));
        Ok(failures.iter().map(|failure| failure.exit).max().unwrap_or(Exit::Done))
    }

    pub(super) fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let loaded = match self.check(global, output) {
            Ok(loaded) => loaded,
            Err(failure) if self.format == ValidateFormat::Text => return Err(failure),
            Err(failure) => {
                self.report(&[unread(global, &failure)], output)?;
                return Err(failure);
            }
        };
        let (invalid, valid) = (invalid(global, &loaded), valid(global, &loaded));
        output.keep_text(|out, styles| {
            findings(out, styles, &loaded.findings, &loaded.sources)?;
            if invalid.is_none() { writeln!(out, "{valid}") } else { Ok(()) }
        });
        self.report(&[checked(global, loaded.findings, loaded.sources)], output)?;
        if let Some(failure) = invalid {
            return Err(failure);
        }
        if self.format == ValidateFormat::Text {
            output.result(|out, _| writeln!(out, "{valid}"))?;
        }
        Ok(Exit::Done)
    }

    fn check(&self, global: &GlobalArgs, output: &mut Output) -> Result<Loaded, Failure> {
        let catalogue = self.catalogue.load_or(self.release.as_ref().unwrap_or(&Release::newest()))?;
        if self.fix && is_stdin(&global.file) {
            let failure = Failure::new(&exit::NO_FILE, "`--fix` cannot change standard input");
            return Err(failure.help("name the file with `--file`"));
        }
        if self.fix {
            self.fix(global, &read(global)?, &catalogue, output)?;
        }
        let mut loaded = read(global)?;
        let mut found = desired::lint(&loaded.desired, &catalogue, Depth::Thorough);
        found.retain(|finding| !finding.repeats(&loaded.findings));
        loaded.findings.append(&mut found);
        let ended = ended(&loaded.desired);
        loaded.findings.extend(ended);
        if !loaded.has_errors() {
            let release = self.release.clone().unwrap_or_else(Release::newest);
            let state = State::of_configuration(&loaded.desired, &release);
            let checks = test::check(&loaded, &state, Against::Configuration(&release), &catalogue);
            loaded.findings.extend(checks.findings);
        }
        loaded.findings.sort_by_key(Finding::place);
        Ok(loaded)
    }

    fn fix(
        &self,
        global: &GlobalArgs,
        loaded: &Loaded,
        catalogue: &Catalogue,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut edits = fixes(&loaded.desired, catalogue);
        if let Some(path) = &self.snapshot {
            let Snapshot { observed, .. } = snapshot::read(path, global, &loaded.desired.cluster)?;
            let is_done = |old: &PolicyName| !observed.policies.contains_key(old);
            edits.extend(without_renames(&loaded.desired, &loaded.sources, is_done));
        }
        fix(&global.file, &edits, &loaded.sources, output)
    }

    fn report(&self, checked: &[Checked], output: &mut Output) -> Result<(), Failure> {
        output.result(|out, styles| {
            let mut each = checked.iter();
            match self.format {
                ValidateFormat::Text => each.try_for_each(|of| findings(out, styles, &of.findings, &of.sources)),
                ValidateFormat::Json => {
                    each.try_for_each(|of| json::write(out, &FindingsV1::of(&of.findings, &of.sources)))
                }
                ValidateFormat::Github => each.try_for_each(|of| annotations(out, &of.findings, &of.sources)),
                ValidateFormat::Sarif => sarif(out, checked),
                ValidateFormat::Junit => junit(out, checked),
                ValidateFormat::Gitlab => code_quality(out, checked),
            }
        })
    }
}

/// A note for each entry whose access has ended.
fn ended(desired: &Desired) -> Vec<Finding> {
    let ended = desired.terms().filter(|(_, term)| term.phase == Phase::Ended);
    let note = |(principal, term): (&Principal, Term)| {
        let until = term.schedule.until.map(|until| until.to_string()).unwrap_or_default();
        let finding = Finding::note(exit::ACCESS_ENDED, format!("the access of {principal} ended: `until` is {until}"));
        let at = desired.entry(principal).and_then(|entry| entry.at.clone());
        finding.at(at).help("`attune edit prune` takes entries out whose access has ended")
    };
    ended.map(note).collect()
}

/// A checked configuration, or one that cannot be checked.
fn checked(global: &GlobalArgs, findings: Vec<Finding>, sources: Sources) -> Checked {
    Checked { file: global.file_name(), paths: RepositoryPaths::of_main(&global.file), findings, sources }
}

fn unread(global: &GlobalArgs, failure: &Failure) -> Checked {
    checked(global, vec![(*failure.finding).clone()], Sources::default())
}

fn invalid(global: &GlobalArgs, loaded: &Loaded) -> Option<Failure> {
    let message = || format!("{} is not valid", global.file_name());
    loaded.has_errors().then(|| Failure::new(&exit::FILE_HAS_ERRORS, message()))
}

fn valid(global: &GlobalArgs, loaded: &Loaded) -> String {
    let (policies, users) = (loaded.desired.policies.len(), loaded.desired.users.len());
    format!(
        "{} is valid: {}, {}",
        global.file_name(),
        count(policies, "policy", "policies"),
        count(users, "user", "users"),
    )
}

/// Applies the edits, each file as a whole: writes all files or none.
fn fix(main: &Path, edits: &[Edit], sources: &Sources, output: &mut Output) -> Result<(), Failure> {
    let mut files: BTreeMap<&str, (&str, BTreeMap<usize, &Edit>)> = BTreeMap::new();
    for edit in edits {
        let source = sources.file(edit.at.file);
        // The text has placeholders, and the edit has values.
        if !source.text.get(edit.at.span.clone()).is_some_and(|text| text.contains("{{")) {
            let (_, edits) = files.entry(&source.path).or_insert((&source.text, BTreeMap::new()));
            edits.entry(edit.at.span.start).or_insert(edit);
        }
    }
    let (mut fixed, mut lines) = (Vec::new(), Vec::new());
    for (path, (before, edits)) in files {
        let after = apply_edits(before, edits.values().map(|edit| (edit.at.span.clone(), edit.with.as_str())));
        if is_still_valid(before, &after) {
            lines.extend(edits.values().map(|edit| fixed_line(path, before, edit, sources)));
            fixed.push(EditedText { path: path.to_owned(), before: before.to_owned(), after });
        } else {
            output.warn(&format!("{path} was not changed, since its fixes conflict"));
        }
    }
    write_all(main, &fixed, &[]).map_err(|Unwritten { path, problem }| {
        Failure::new(&exit::ENVIRONMENT, format!("cannot fix {path}: {problem}")).help(problem.help())
    })?;
    output.info(|out, _| lines.iter().try_for_each(|line| writeln!(out, "{line}")));
    Ok(())
}

fn fixed_line(path: &str, text: &str, edit: &Edit, sources: &Sources) -> String {
    let (line, _) = sources.line_column(&edit.at);
    let before = text.get(edit.at.span.clone()).unwrap_or_default().trim();
    let with = edit.with.trim();
    let after = if with.is_empty() { "removed".to_owned() } else { format!("→ {with}") };
    format!("fixed {path}:{line}: {before} {after}")
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
