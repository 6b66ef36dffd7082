//! A configuration with edited files: checked, shown and written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::args::GlobalArgs;
use super::connect::read;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::preflight::NAMED;
use crate::base::{Finding, PolicyName, Principal, list_some, visible};
use crate::desired::{
    self, Boundary, CannotEdit, DeclaredAttachment, Desired, EditedText, Loaded, NewText, PolicyIntent, Schedule, Tree,
    Unwritten, is_stdin, load_edited, shown_path,
};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct CheckArg {
    /// Change no file; show the diff, and exit with 2 if there is one
    #[arg(long, visible_alias = "dry-run")]
    pub(super) check: bool,
}

impl CheckArg {
    /// Write the files.
    pub(super) const WRITE: Self = Self { check: false };
}

/// The desired attachments of some users and groups.
pub(super) type Wanted = BTreeMap<Principal, DeclaredAttachment>;

/// The configuration to edit, which must be valid.
pub(super) fn editable(global: &GlobalArgs, output: &mut Output) -> Result<Loaded, Failure> {
    if is_stdin(&global.file) {
        let failure = Failure::new(&exit::NO_FILE, "`edit` cannot change standard input");
        return Err(failure.help("name the file with `--file`"));
    }
    let loaded = read(global)?;
    if loaded.has_errors() {
        output.findings(&loaded.findings, &loaded.sources);
        let message = format!("{} has errors; nothing was changed", global.file_name());
        return Err(Failure::new(&exit::FILE_HAS_ERRORS, message));
    }
    Ok(loaded)
}

/// The desired state with these attachments.
pub(super) fn with_attachments(desired: &Desired, wanted: &Wanted) -> Desired {
    let mut desired = desired.clone();
    wanted.iter().for_each(|(principal, attachment)| desired.attach(principal, attachment));
    desired
}

/// Prints why entries cannot be changed.
pub(super) fn refused_edits(refused: &[CannotEdit], loaded: &Loaded, output: &mut Output) -> Failure {
    let finding = |problem: &CannotEdit| {
        let finding = Finding::error(exit::NOT_EDITED, problem.message.clone()).at(problem.at.clone());
        finding.help(problem.help.clone())
    };
    output.findings(&refused.iter().map(finding).collect::<Vec<_>>(), &loaded.sources);
    Failure::new(&exit::NOT_EDITED, "nothing was changed")
}

pub(super) fn cannot_edit(problem: &CannotEdit) -> Failure {
    Failure::new(&exit::NOT_EDITED, problem.message.clone()).help(problem.help.clone())
}

/// Files to change and to create.
pub(super) struct Changes {
    pub(super) edited: Vec<EditedText>,
    pub(super) new: Vec<NewText>,
}

impl Changes {
    /// Checks the changed configuration, prints the difference, and writes all files or none.
    pub(super) fn finish(
        &self,
        global: &GlobalArgs,
        expected: &Desired,
        check: CheckArg,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        if self.edited.is_empty() && self.new.is_empty() {
            output.info(|out, _| writeln!(out, "nothing to change"));
            return Ok(Exit::Done);
        }
        self.validate(global, expected, output)?;
        for EditedText { path, before, after } in &self.edited {
            print_diff(path, before, after, output)?;
        }
        for NewText { path, text } in &self.new {
            print_diff(path, "", text, output)?;
        }
        if check.check {
            return Ok(Exit::Changes);
        }
        write_all(&global.file, &self.edited, &self.new).map_err(|Unwritten { path, problem }| {
            let message = format!("nothing was changed: cannot write {path}: {problem}");
            Failure::new(&exit::ENVIRONMENT, message).help(problem.help())
        })?;
        let written: Vec<&str> = self.paths().collect();
        output.info(|out, _| writeln!(out, "changed {}", list_some(&written, NAMED, |path| (*path).to_owned())));
        Ok(Exit::Done)
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let edited = self.edited.iter().map(|edited| edited.path.as_str());
        edited.chain(self.new.iter().map(|new| new.path.as_str()))
    }

    /// The changed configuration must be valid, and declare what was asked for and nothing else.
    fn validate(&self, global: &GlobalArgs, expected: &Desired, output: &mut Output) -> Result<(), Failure> {
        let edited = self.edited.iter().map(|of| (PathBuf::from(&of.path), of.after.clone()));
        let texts = edited.chain(self.new.iter().map(|of| (PathBuf::from(&of.path), of.text.clone()))).collect();
        let loaded = load_edited(&global.file, Boundary::Repository, &global.variables(), texts)
            .map_err(|error| Failure::new(&exit::NO_FILE, error.to_string()))?;
        let edited = loaded.desired.clone().at(global.as_of());
        if loaded.has_errors() {
            output.findings(&loaded.findings, &loaded.sources);
            let message = "nothing was changed: the configuration would have errors";
            return Err(Failure::new(&exit::FILE_HAS_ERRORS, message));
        }
        if declares(&edited) == declares(expected) {
            return Ok(());
        }
        let message = "nothing was changed: the configuration would declare something else than you asked for";
        let help = "this is a defect of attune: please report it, with the configuration; edit it by hand";
        Err(Failure::new(&exit::NOT_EDITED, message).help(help))
    }
}

/// Writes files of a configuration: all or none.
pub(super) fn write_all(main: &Path, edited: &[EditedText], new: &[NewText]) -> Result<(), Unwritten> {
    let unopened = |problem| Unwritten { path: shown_path(main), problem };
    Tree::open(main, Boundary::Repository).map_err(unopened)?.write_all(edited, new)
}

/// What a configuration declares, to be compared: documents and attachments by name, and when these begin and end.
fn declares(desired: &Desired) -> (BTreeMap<&PolicyName, Option<String>>, Wanted, &BTreeMap<Principal, Schedule>) {
    let policies = desired.policies.iter().map(|(name, entry)| match &entry.intent {
        PolicyIntent::Present(authored) => (name, Some(authored.normal().json().to_owned())),
        PolicyIntent::Absent => (name, None),
    });
    let attachments = desired.principals().map(|(principal, entry)| (principal, entry.intent.clone()));
    (policies.collect(), attachments.collect(), &desired.schedules)
}

/// Prints a difference without possible secrets.
fn print_diff(path: &str, before: &str, after: &str, output: &mut Output) -> Result<(), Failure> {
    let (before, after) = (desired::without_secrets(before), desired::without_secrets(after));
    let path = Path::new(path).strip_prefix(".").unwrap_or(Path::new(path)).display().to_string();
    let old = if before.is_empty() { "/dev/null" } else { path.as_str() };
    let diff = unified_diff([old, &path], [&before, &after]);
    output.result(|out, _| write!(out, "{diff}"))
}

/// The difference of two texts with these names, for people and for `git apply`.
pub(super) fn unified_diff(names: [&str; 2], [before, after]: [&str; 2]) -> String {
    let [old, new] = names.map(visible);
    format!("--- {old}\n+++ {new}\n{}", TextDiff::from_lines(before, after).unified_diff())
}
