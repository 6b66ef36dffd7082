//! `attune merge`: the results of shards as one, as if one run had made them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{SHOWN, list};
use crate::base::{list_some, visible};
use crate::cli::args::{MaxChars, PlanFormat};
use crate::cli::exit::{self, Exit, Failure};
use crate::cli::output::Output;
use crate::cli::results::{Form, KeptRun, Results};
use crate::cli::spool::Spool;
use crate::desired::shown_path;
use crate::render::json::{ManyV1, OneV1, TargetV1, result_target};

/// Merge the results of shards into one
///
/// Reads what `plan`, `drift`, `doctor`, `validate`, `report` and `apply` with `--shard` and `--format json` printed, and prints what one run
/// for all targets prints. A target without a result, or with two, is an error that names it; the results of the others are
/// shown. The results are data of other jobs: attune does not compute digests again. Exits with the worst exit code of all targets.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune targets --file clusters --format json > targets.json
  attune drift --file clusters --targets targets.json --shard 1/2 --format json > results/1.json
  attune drift --file clusters --targets targets.json --shard 2/2 --format json > results/2.json
  attune merge --targets targets.json results/*.json
  attune merge --targets targets.json results/*.json --format markdown > comment.md")]
pub(in crate::cli) struct MergeArgs {
    /// Results of shards
    #[arg(value_name = "FILE")]
    results: Vec<PathBuf>,
    /// List of all targets, from `attune targets --format json`
    #[arg(long, value_name = "FILE")]
    targets: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    max_chars: MaxChars,
    /// Also write metrics of all targets to this file in the Prometheus text format
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

/// What files have.
#[derive(Default)]
struct Parts {
    of_targets: BTreeMap<String, Vec<Part>>,
    /// The commands, each with a file that has results of it.
    commands: BTreeMap<String, String>,
}

/// A result of a target.
struct Part {
    /// The file that has it.
    file: String,
    run: KeptRun,
    /// Why it cannot be used.
    problem: Option<String>,
}

impl MergeArgs {
    pub(in crate::cli) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        if self.format.is_page() {
            output.refuse_page("`attune merge … --format html > plans.html`")?;
        }
        let list = list::read(&self.targets)?;
        let mut problems = Vec::new();
        let mut spool = Spool::new();
        let Parts { of_targets, commands } = self.read(&mut spool, &mut problems);
        let command = commands.into_keys().next();
        let by_configuration = command.as_deref() == Some("validate");
        let (runs, mut unmerged) = merged(expected(&list.targets, by_configuration), of_targets, &mut spool);
        problems.append(&mut unmerged);
        let worst = runs.iter().filter_map(KeptRun::exit).max().unwrap_or(Exit::Done);
        let exit = if problems.is_empty() { worst } else { worst.max(Exit::Error) };
        let results = Results::of((command, exit.number(), list.named), runs, spool);
        let files = self.results.len();
        output.info(|out, _| {
            writeln!(out, "merged {files} files of other jobs; attune has not computed their digests again")
        });
        results.print(Form::of_plans(self.format, &self.max_chars), output)?;
        problems.iter().for_each(|problem| output.failure(problem));
        if let Some(path) = &self.metrics {
            results.write_metrics(path)?;
        }
        Ok(exit)
    }

    fn read(&self, spool: &mut Spool, problems: &mut Vec<Failure>) -> Parts {
        let mut parts = Parts::default();
        for path in &self.results {
            match read(path) {
                Ok(many) => parts.add(&shown_path(path), many, spool, problems),
                Err(problem) => problems.push(problem),
            }
        }
        if parts.commands.len() > 1 {
            let which = parts.commands.iter().map(|(command, file)| format!("{file} of `attune {command}`"));
            let which = which.collect::<Vec<_>>().join(", ");
            problems.push(unmerged(&format!("the results are of several commands: {which}")));
        }
        parts
    }
}

impl Parts {
    fn add(&mut self, file: &str, many: ManyV1, spool: &mut Spool, problems: &mut Vec<Failure>) {
        if let Some(command) = many.command {
            self.commands.entry(command).or_insert_with(|| file.to_owned());
        }
        for run in many.runs {
            let Some(target) = run.target.clone() else {
                problems.push(unmerged(&format!("{file} has a result without a target")));
                continue;
            };
            let problem = is_about(&run, &target).err();
            let part = Part { file: file.to_owned(), run: KeptRun::of(run, spool), problem };
            self.of_targets.entry(target).or_default().push(part);
        }
    }
}

/// A problem of results. Ids in it may be those of other jobs.
fn unmerged(message: &str) -> Failure {
    Failure::new(&exit::NOT_MERGED, visible(message))
}

fn read(path: &Path) -> Result<ManyV1, Failure> {
    let failed = |why: String| {
        let message = format!("cannot merge {}: {why}", shown_path(path));
        unmerged(&message)
            .help("use what a command with `--shard` and `--format json` printed; if its job failed, run the job again")
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    ManyV1::read(&text).map_err(|problem| failed(problem.to_string()))
}

/// The targets that must have a result, in order: a name for people by id.
fn expected(targets: &[TargetV1], by_configuration: bool) -> Vec<String> {
    let mut ids: Vec<String> = targets
        .iter()
        .map(|target| if by_configuration { &target.configuration } else { &target.id })
        .cloned()
        .collect();
    ids.dedup();
    ids
}

/// One result for each target, in order, and what is wrong. A target without exactly one usable result has an error instead.
fn merged(
    expected: Vec<String>,
    mut results: BTreeMap<String, Vec<Part>>,
    spool: &mut Spool,
) -> (Vec<KeptRun>, Vec<Failure>) {
    let (mut runs, mut missing, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for id in expected {
        let mut of_target = results.remove(&id).unwrap_or_default();
        let error = match (of_target.pop(), of_target.is_empty()) {
            (None, _) => {
                missing.push(id.clone());
                "there is no result of this target".to_owned()
            }
            (Some(Part { run, problem: None, .. }), true) => {
                runs.push(run);
                continue;
            }
            (Some(Part { file, problem: Some(why), .. }), true) => {
                problems.push(unmerged(&format!("the result of `{id}` in {file} is not used: {why}")));
                format!("its result is not used: {why}")
            }
            (Some(last), false) => {
                let number = of_target.len() + 1;
                let files: BTreeSet<&String> = of_target.iter().chain([&last]).map(|part| &part.file).collect();
                let files = list_some(&files.into_iter().collect::<Vec<_>>(), SHOWN, |file| (*file).clone());
                problems.push(unmerged(&format!("`{id}` has {number} results, in {files}")));
                format!("it has {number} results, and none is used")
            }
        };
        let run = OneV1 { target: Some(id.clone()), ..OneV1::failed(id, Exit::Error.number(), error) };
        runs.push(KeptRun::of(run, spool));
    }
    if !missing.is_empty() {
        let ids = list_some(&missing, SHOWN, |id| format!("`{id}`"));
        let failure = unmerged(&format!("there is no result of {ids}"));
        problems.push(failure.help("run the shards of these targets again"));
    }
    if !results.is_empty() {
        let ids: Vec<&String> = results.keys().collect();
        let ids = list_some(&ids, SHOWN, |id| format!("`{id}`"));
        let failure = unmerged(&format!("the list of targets lacks {ids}; their results are not shown"));
        problems.push(failure.help("make the list and the results from the same configurations"));
    }
    (runs, problems)
}

/// Checks that a result is about this target, as far as it tells.
fn is_about(run: &OneV1, id: &str) -> Result<(), String> {
    if Exit::of_number(run.exit).is_none() {
        return Err(format!("{} is no exit code of attune", run.exit));
    }
    match run.result.as_deref().and_then(result_target) {
        Some(other) if other != id => Err(format!("it is of `{other}`")),
        Some(_) | None => Ok(()),
    }
}
