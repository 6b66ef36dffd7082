//! `attune targets`: the list of all targets, for a matrix of jobs, for shards, and for `attune merge`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Division, SHOWN, Target, TargetArgs, id_of};
use crate::base::{list_some, visible};
use crate::cli::args::{BaseArg, Format, GlobalArgs};
use crate::cli::exit::{self, Exit, Failure};
use crate::cli::output::Output;
use crate::desired::{read_named, shown_path};
use crate::render::json::{self, TargetsV1};

/// List the targets of configurations
///
/// A target is a configuration on one cluster and tenant. Its id stays the same when other targets are added. With
/// `[cluster] tenants = ["*"]`, attune asks the cluster for its tenants. Exits with 1 if that fails for one of them; the others are
/// listed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune targets --file clusters
  attune targets --file clusters --format json > targets.json
  attune targets --file clusters --format json | jq -c '[.targets[].id]'   a matrix of jobs
  attune targets --file clusters --shard 3/16                              what the third of 16 jobs does")]
pub(in crate::cli) struct TargetsArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    pub(in crate::cli) base: BaseArg,
}

impl TargetsArgs {
    pub(in crate::cli) async fn run(
        &self,
        global: &GlobalArgs,
        files: Vec<PathBuf>,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let of = (global, self.base.base.as_deref());
        if let Some(missing) = files.iter().find(|file| of.1.is_none() && !file.exists()) {
            let message = format!("there is no configuration {}", shown_path(missing));
            return Err(Failure::new(&exit::NO_FILE, message).help("name files or directories with `--file`"));
        }
        let targets = self.targets.of(files, Division::Tenants, of, output).await?;
        let named = global.desired_files.iter().map(|file| shown_path(file)).collect();
        let list = TargetsV1::of(named, targets.iter().map(Target::to_json).collect());
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &list))?,
            Format::Text => {
                output.result(|out, _| list.targets.iter().try_for_each(|target| writeln!(out, "{}", target.id)))?;
            }
        }
        let problems: Vec<&Failure> = targets.iter().filter_map(|target| target.problem.as_ref()).collect();
        problems.iter().for_each(|problem| output.failure(problem));
        Ok(problems.iter().map(|problem| problem.exit).max().unwrap_or(Exit::Done))
    }
}

/// The largest list, in targets.
const MOST: usize = 100_000;

/// Reads a list of `attune targets --format json`.
pub(super) fn read(path: &Path) -> Result<TargetsV1, Failure> {
    let unusable = |why: String| {
        let message = format!("the list of targets {} cannot be used: {why}", shown_path(path));
        Failure::new(&exit::BAD_TARGETS, message).help("make it with `attune targets --format json`")
    };
    let text = read_named(path).map_err(|problem| unusable(problem.to_string()))?;
    let list: TargetsV1 = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    if list.format != "attune.targets/1" {
        return Err(unusable(format!("its format is {:?}, not attune.targets/1", list.format)));
    }
    if list.targets.len() > MOST {
        return Err(unusable(format!("it has more than {MOST} targets")));
    }
    let texts = list.targets.iter().flat_map(|target| [Some(&target.id), target.tenant.as_ref()]).flatten();
    if let Some(odd) = texts.into_iter().find(|text| visible(text) != text.as_str()) {
        return Err(unusable(format!("{odd:?} has invisible characters")));
    }
    let mut seen = BTreeSet::new();
    match list.targets.iter().find(|target| !seen.insert(&target.id)) {
        Some(twice) => Err(unusable(format!("it has the target `{}` twice", twice.id))),
        None => Ok(list),
    }
}

impl TargetsV1 {
    /// Its targets, for configurations that the command line names. The list decides which tenants there are, and nothing else: each
    /// run checks that its configuration is for its tenant.
    pub(super) fn targets_of(self, files: &[PathBuf], division: Division) -> Result<Vec<Target>, Failure> {
        let by_id: BTreeMap<String, &PathBuf> = files.iter().filter_map(|file| Some((id_of(file)?, file))).collect();
        let differ = |what: String| {
            Failure::new(&exit::BAD_TARGETS, format!("the list of targets is of other configurations: {what}"))
                .help("make it again with the same `--file`, at the same commit")
        };
        let listed: BTreeSet<&String> = self.targets.iter().map(|target| &target.configuration).collect();
        let unlisted: Vec<&String> = by_id.keys().filter(|id| !listed.contains(id)).collect();
        if !unlisted.is_empty() {
            return Err(differ(format!("it lacks {}", list_some(&unlisted, SHOWN, |id| format!("`{id}`")))));
        }
        let mut targets = Vec::new();
        for target in self.targets {
            let Some(file) = by_id.get(&target.configuration) else {
                return Err(differ(format!("`{}` is not among those of the command line", target.configuration)));
            };
            let own = match &target.tenant {
                Some(tenant) => Target::of_tenant(file, tenant),
                None => Target::only(file.to_path_buf()),
            };
            if own.id.as_ref() != Some(&target.id) {
                return Err(differ(format!("`{}` is not the id of its configuration and tenant", target.id)));
            }
            let help = target.help;
            let failure = |problem| help.into_iter().fold(Failure::new(&exit::NO_TENANT, problem), Failure::help);
            let problem = target.problem.map(failure);
            match division {
                Division::Tenants => targets.push(Target { problem, ..own }),
                Division::Configurations => targets.push(Target::only(file.to_path_buf())),
            }
        }
        targets.dedup_by(|one, other| one.id == other.id);
        Ok(targets)
    }
}
