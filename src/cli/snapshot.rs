//! `attune snapshot`: what a plan needs of a cluster, in a file. `attune plan --snapshot` reads it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::args::{CallArgs, GlobalArgs};
use super::connect::{cluster_settings, connect};
use super::exit::{self, Exit, Failure};
use super::files::save_private;
use super::git::repository_on_the_way;
use super::output::Output;
use crate::base::{Finding, count, list};
use crate::cluster::observe_whole;
use crate::desired::{ClusterSettings, is_stdin, shown_path};
use crate::observed::Observed;
use crate::render::json::{self, PlanSnapshotV1, SnapshotV1};

/// Save what a plan needs of the cluster
///
/// Writes all policies with their documents, all users and groups with their attachments, and the release of the cluster to
/// a file. The file has no secrets. `attune plan --snapshot FILE` plans from it without a login. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune snapshot --out ../snapshot.json
  attune plan --snapshot ../snapshot.json
  attune snapshot --cluster https://weka01.example.com:14000 --out ../snapshot.json")]
pub(super) struct SnapshotArgs {
    /// Output file, instead of stdout; only its owner can read a new file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    calls: CallArgs,
}

impl SnapshotArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let settings = cluster_settings(global, output).map_err(|error| error.failure)?;
        let connection = connect(global, &settings, self.calls, output).await?;
        let taken = OffsetDateTime::now_utc();
        let observed = observe_whole(&connection.retrying(), self.calls.jobs()).await?;
        // It was read before, and a failure was a warning.
        let facts = connection.cluster.api_facts().await.unwrap_or_default();
        let snapshot = SnapshotV1::of(&observed, facts.as_ref(), taken);
        let Some(path) = &self.out else {
            output.result(|out, _| json::write(out, &snapshot))?;
            return Ok(Exit::Done);
        };
        save_private("the snapshot", path, |out| json::write(out, &snapshot))?;
        let groups = observed.groups.len();
        let mut counts = vec![count(observed.policies.len(), "policy", "policies")];
        counts.push(count(observed.users.len(), "user", "users"));
        counts.extend((groups > 0).then(|| count(groups, "group", "groups")));
        let identity = &observed.identity;
        output.result(|out, _| {
            let (name, tenant) = (&identity.name, &identity.tenant);
            writeln!(out, "{}: {} of cluster {name}, tenant {tenant}", path.display(), list(&counts))
        })?;
        if let Ok(Some(repository)) = repository_on_the_way(path) {
            output.warn(&format!(
                "`attune plan --snapshot` does not use this file: it lies in the Git repository {}",
                repository.display()
            ));
        }
        Ok(Exit::Done)
    }
}

/// A cluster as a file describes it.
pub(super) struct Snapshot {
    pub(super) observed: Observed,
    pub(super) about: PlanSnapshotV1,
    /// A warning about a snapshot that is old.
    pub(super) old: Option<Finding>,
}

/// The largest snapshot, in bytes: that of ten times the users of a cluster.
const LARGEST: u64 = 256 << 20;

/// Clocks of two machines may differ by this.
const CLOCKS: Duration = Duration::minutes(5);

/// An older snapshot is worth a warning.
const OLD: Duration = Duration::days(1);

/// Reads a snapshot, which must be of the cluster that the settings are about. It lies outside of every Git repository: a
/// proposal can put a file or a link into one.
pub(super) fn read(path: &Path, global: &GlobalArgs, settings: &ClusterSettings) -> Result<Snapshot, Failure> {
    let refused = |why: String| Failure::new(&exit::NO_SNAPSHOT, format!("cannot use {}: {why}", shown_path(path)));
    let repository = if is_stdin(path) { Ok(None) } else { repository_on_the_way(path) };
    let repository = repository.map_err(|error| refused(error.to_string()))?;
    if let Some(repository) = repository {
        let why = format!("it lies in the Git repository {}, where a proposal can put it", repository.display());
        return Err(refused(why).help("keep snapshots outside, for example in $RUNNER_TEMP or in `..`"));
    }
    let help = "take a new one with `attune snapshot --out FILE`, in a job that a proposal cannot change";
    let invalid = |why: String| refused(why).help(help);
    let text = text(path).map_err(|error| invalid(error.to_string()))?;
    let snapshot = SnapshotV1::read(&text).map_err(invalid)?;
    let (taken, now) = (snapshot.taken().map_err(invalid)?, OffsetDateTime::now_utc());
    if taken > now + CLOCKS {
        return Err(invalid("it was taken in the future, so its age is unknown".to_owned()));
    }
    let observed = snapshot.observed().map_err(invalid)?;
    check_is_of(&observed, global, settings).map_err(refused)?;
    let about = PlanSnapshotV1::of(taken.min(now), now).ok_or_else(|| refused("it has no age".to_owned()))?;
    let old = (now - taken > OLD).then(|| {
        let message = format!("the snapshot is of {}: the cluster may have changed since", about.taken);
        Finding::warning(exit::OLD_SNAPSHOT, message).help(help)
    });
    Ok(Snapshot { observed, about, old })
}

fn text(path: &Path) -> io::Result<String> {
    let file: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin())
    } else if fs::metadata(path)?.is_file() {
        Box::new(File::open(path)?)
    } else {
        // A pipe or a device may never end.
        return Err(io::Error::other("it is not a regular file"));
    };
    let mut text = String::new();
    let length = file.take(LARGEST + 1).read_to_string(&mut text)?;
    let too_large = || io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20));
    if length as u64 > LARGEST { Err(too_large()) } else { Ok(text) }
}

/// Compares the snapshot with what the configuration and the command line say about the cluster.
fn check_is_of(observed: &Observed, global: &GlobalArgs, settings: &ClusterSettings) -> Result<(), String> {
    let identity = &observed.identity;
    if let Some(tenant) = global.tenant.as_ref().or(settings.tenant.as_ref()).filter(|of| **of != identity.tenant) {
        return Err(format!("it is of the tenant {:?}, not of {tenant:?}", identity.tenant));
    }
    match settings.release.as_ref().filter(|release| **release != identity.release) {
        Some(release) => Err(format!("it is of WEKA {}, and `[cluster]` has {release}", identity.release)),
        None => Ok(()),
    }
}
