//! Targets: what a command runs for. A target is a configuration on one cluster and tenant.

mod list;
mod merge;
mod shard;
pub(super) mod waves;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};

use super::args::{BaseArg, CallArgs, GlobalArgs, OnlyArg};
use super::base::{self, Reviewed};
use super::connect::connect;
use super::exit::{self, Failure};
use super::output::Output;
use crate::base::{list_some, visible};
use crate::cluster::Cluster as _;
use crate::desired::{EVERY_TENANT, RepositoryPaths, is_stdin, read_named, shown_path, tenants_problem};
use crate::render::json::TargetV1;

pub(super) use list::TargetsArgs;
pub(super) use merge::MergeArgs;
use shard::ShardArg;
pub(super) use waves::Wave;

/// Which targets a command runs for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Targets")]
pub(super) struct TargetArgs {
    /// Only the target with this id of `attune targets`; repeat for more
    #[arg(long, value_name = "ID")]
    target: Vec<String>,
    /// Only a part of the targets: `3/16` for the third of 16 equal parts
    ///
    /// `auto` takes the number from the environment of a job: JOB_COMPLETION_INDEX and JOB_COMPLETIONS (Kubernetes),
    /// CI_NODE_INDEX and CI_NODE_TOTAL (GitLab), and those of other services. `auto/16` takes only the number.
    #[arg(long, value_name = "N/OF")]
    shard: Option<ShardArg>,
    /// Take the targets from this file of `attune targets --format json`, and ask no cluster for its tenants
    #[arg(long, value_name = "FILE")]
    targets: Option<PathBuf>,
    /// Maximum number of targets at the same time
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    targets_at_once: u16,
}

/// A configuration on one cluster and tenant.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its id, which stays the same; `None` for standard input.
    pub(super) id: Option<String>,
    pub(super) file: PathBuf,
    /// The tenant, if the configuration is for several.
    pub(super) tenant: Option<String>,
    /// Why the tenants of the cluster cannot be listed. The target stands for all of them, and fails.
    pub(super) problem: Option<Failure>,
}

/// How finely a command divides configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Division {
    /// A target for each tenant.
    Tenants,
    /// A target for each configuration: the command contacts no cluster.
    Configurations,
}

/// The id of the only target of a configuration: its path from the top level of the Git repository.
pub(super) fn id_of(file: &Path) -> Option<String> {
    let path = RepositoryPaths::of_main(file).of(&shown_path(file));
    (!is_stdin(file)).then(|| path.strip_prefix("./").unwrap_or(&path).to_owned())
}

impl Target {
    /// The target of a configuration that is not for several tenants.
    pub(super) fn only(file: PathBuf) -> Self {
        Self { id: id_of(&file), file, tenant: None, problem: None }
    }

    fn of_tenant(file: &Path, tenant: &str) -> Self {
        let id = id_of(file).map(|id| format!("{id}@{tenant}"));
        Self { id, file: file.to_path_buf(), tenant: Some(tenant.to_owned()), problem: None }
    }

    /// The arguments of its run.
    pub(super) fn arguments(&self, global: &GlobalArgs) -> GlobalArgs {
        let tenant = self.tenant.clone().or_else(|| global.tenant.clone());
        GlobalArgs { file: self.file.clone(), target: self.id.clone(), tenant, ..global.clone() }
    }

    /// The arguments of its run among others.
    pub(super) fn arguments_of_many(&self, global: &GlobalArgs) -> GlobalArgs {
        GlobalArgs { one_of_many: true, ..self.arguments(global) }
    }

    fn to_json(&self) -> TargetV1 {
        TargetV1 {
            id: self.id.clone().unwrap_or_else(|| shown_path(&self.file)),
            configuration: id_of(&self.file).unwrap_or_else(|| shown_path(&self.file)),
            tenant: self.tenant.clone(),
            problem: self.problem.as_ref().map(|problem| problem.finding.message.clone()),
            help: self.problem.as_ref().and_then(|problem| problem.finding.help.clone()),
        }
    }
}

impl TargetArgs {
    /// Whether the command line selects targets, so that the result is one of several even if only one is left.
    pub(super) fn selects(&self) -> bool {
        !self.target.is_empty() || self.shard.is_some() || self.targets.is_some()
    }

    pub(super) fn at_once(&self) -> usize {
        self.targets_at_once.into()
    }

    /// The selected targets of some configurations.
    pub(super) async fn of(
        &self,
        files: Vec<PathBuf>,
        division: Division,
        (global, base): (&GlobalArgs, Option<&str>),
        output: &Output,
    ) -> Result<Vec<Target>, Failure> {
        let mut targets = match (&self.targets, division) {
            (Some(list), _) => list::read(list)?.targets_of(&files, division)?,
            (None, Division::Configurations) => files.into_iter().map(Target::only).collect(),
            (None, Division::Tenants) => self.divided(files, global, base, output).await?,
        };
        check_distinct(&targets)?;
        if !self.target.is_empty() {
            targets = self.named(targets)?;
        }
        let Some(shard) = self.shard else { return Ok(targets) };
        let shard = shard.shard(|name| std::env::var(name).ok()).map_err(|why| {
            Failure::new(&exit::BAD_TARGETS, format!("`--shard` cannot be used: {why}")).help(
                "`--shard 3/16` is the third of 16 parts; `--shard auto/16` takes the number from the environment",
            )
        })?;
        Ok(shard.part(targets, |target| target.id.as_deref().unwrap_or_default()))
    }

    fn named(&self, targets: Vec<Target>) -> Result<Vec<Target>, Failure> {
        let is_known = |id: &&String| targets.iter().any(|target| target.id.as_ref() == Some(id));
        let unknown: Vec<&String> = self.target.iter().filter(|id| !is_known(id)).collect();
        if !unknown.is_empty() {
            let message = format!("there is no target {}", list_some(&unknown, SHOWN, |id| format!("`{id}`")));
            return Err(Failure::new(&exit::BAD_TARGETS, message).help("`attune targets` lists the ids"));
        }
        Ok(targets.into_iter().filter(|of| of.id.as_ref().is_some_and(|id| self.target.contains(id))).collect())
    }

    /// The targets of configurations, in order. Only `tenants = ["*"]` asks clusters.
    async fn divided(
        &self,
        files: Vec<PathBuf>,
        global: &GlobalArgs,
        base: Option<&str>,
        output: &Output,
    ) -> Result<Vec<Target>, Failure> {
        let of_file = async |file: PathBuf| -> Vec<Target> {
            let names = match tenants(&file, global, base) {
                Ok(Some(names)) => names,
                Ok(None) => return vec![Target::only(file)],
                Err(failure) => return vec![Target { problem: Some(failure), ..Target::only(file) }],
            };
            let names = match (&global.tenant, names.as_slice()) {
                // The run checks that the configuration is for it.
                (Some(tenant), _) => vec![tenant.clone()],
                (None, [all]) if all == EVERY_TENANT => match listed(&file, global, base, output).await {
                    Ok(names) => names,
                    Err(failure) => {
                        let problem = Some(not_listed(&failure));
                        return vec![Target { problem, ..Target::of_tenant(&file, EVERY_TENANT) }];
                    }
                },
                (None, _) => names,
            };
            names.iter().map(|tenant| Target::of_tenant(&file, tenant)).collect()
        };
        let lists = stream::iter(files).map(of_file).buffered(self.at_once());
        Ok(lists.collect::<Vec<_>>().await.concat())
    }
}

/// How many ids a message has before the rest is counted.
const SHOWN: usize = 8;

fn check_distinct(targets: &[Target]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let twice = targets.iter().filter_map(|target| target.id.as_ref()).find(|id| !seen.insert(*id));
    let Some(id) = twice else { return Ok(()) };
    let message = format!("two configurations are the target `{id}`");
    Err(Failure::new(&exit::BAD_TARGETS, message).help("name each configuration once"))
}

/// The tenants of a configuration, as its trusted settings name them; `None` if it is not for several, or if its file does not tell:
/// then the run says why.
fn tenants(file: &Path, global: &GlobalArgs, base: Option<&str>) -> Result<Option<Vec<String>>, Failure> {
    if is_stdin(file) {
        return Ok(None);
    }
    let text = match base {
        Some(base) => base::text_of(base, global, file)?,
        None => read_named(file).ok(),
    };
    Ok(text.as_deref().and_then(tenants_in))
}

/// The `[cluster] tenants` of a main file; `None` if there are none that can be used.
fn tenants_in(text: &str) -> Option<Vec<String>> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let written = table.get("cluster")?.get("tenants")?.as_array()?;
    let names: Vec<String> = written.iter().map(|name| name.as_str().map(ToOwned::to_owned)).collect::<Option<_>>()?;
    tenants_problem(&names).is_none().then_some(names)
}

/// The same failure as a list of targets keeps it.
fn not_listed(failure: &Failure) -> Failure {
    let finding = &failure.finding;
    let problem = Failure::new(&exit::NO_TENANT, format!("the tenants cannot be listed: {}", finding.message));
    finding.help.iter().fold(problem, |problem, help| problem.help(help.clone()))
}

/// The tenants of the cluster of a configuration, sorted.
async fn listed(file: &Path, global: &GlobalArgs, base: Option<&str>, output: &Output) -> Result<Vec<String>, Failure> {
    let own = GlobalArgs { file: file.to_path_buf(), lists_tenants: true, ..global.clone() };
    // The run of a target prints what is to be said about the configuration.
    let mut unheard = output.buffered();
    let base = BaseArg { base: base.map(ToOwned::to_owned) };
    let reviewed = Reviewed::read(&own, &base, &OnlyArg::default(), &mut unheard).map_err(|error| error.failure)?;
    let connection = connect(&own, reviewed.connection(&own)?, CallArgs::only_retries(RETRIES), &mut unheard).await?;
    let mut names = connection.retrying().tenants().await.map_err(Failure::from)?;
    names.sort();
    names.dedup();
    // An id with such a name could look like another one, or like two.
    if let Some(odd) = names.iter().find(|name| visible(name) != **name || name.is_empty() || *name == EVERY_TENANT) {
        let message = format!("the cluster of {} has a tenant with the name {odd:?}", shown_path(file));
        let failure = Failure::new(&exit::NO_TENANT, message);
        return Err(failure.help("name the other tenants in `[cluster] tenants`"));
    }
    if names.is_empty() {
        let failure = Failure::new(&exit::NO_TENANT, format!("the cluster of {} lists no tenant", shown_path(file)));
        return Err(failure.help("name the tenants in `[cluster] tenants`"));
    }
    Ok(names)
}

/// How often a list of tenants is asked for again.
const RETRIES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_read_from_the_main_file_alone() {
        let found = |text: &str| tenants_in(&format!("[cluster]\n{text}\n"));
        assert_eq!(found("tenants = [\"b\", \"a\"]").unwrap(), ["b", "a"]);
        assert_eq!(found("tenants = [\"*\"]").unwrap(), ["*"]);
        for none in ["", "tenants = []", "tenants = [\"a\", \"a\"]", "tenants = [\"*\", \"a\"]", "tenants = 1", "x = ["]
        {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn an_id_is_a_path_from_the_top_level() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("repo/.git")).unwrap();
        std::fs::create_dir_all(folder.path().join("repo/clusters")).unwrap();
        let file = folder.path().join("repo/clusters/./east.toml");
        assert_eq!(id_of(&file).unwrap(), "clusters/east.toml");
        assert_eq!(Target::of_tenant(&file, "ml").id.unwrap(), "clusters/east.toml@ml");
        assert_eq!(id_of(Path::new("-")), None);
    }
}
