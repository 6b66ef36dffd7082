//! What a simulator serves, and how: its clusters, its address, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sim::error::SimError;
use crate::sim::fault_rules::{FaultRules, is_cluster_name};
use crate::sim::release::SimRelease;
use crate::sim::serve::service::KillHook;
use crate::sim::state::ClusterState;
use crate::sim::store::Store;
use crate::sim::switches::Switches;

/// The place of the state of a simulated cluster, or of several.
#[derive(Debug, Clone)]
pub enum StateSource {
    /// A file; a missing one starts as a new cluster.
    File(PathBuf),
    /// In memory, starting with this state. It is lost when the cluster stops.
    Memory(Box<ClusterState>),
    /// A cluster for each file `NAME.json` of a directory.
    Directory(PathBuf),
    /// Several clusters in memory, by name.
    Several(BTreeMap<String, ClusterState>),
}

with_defaults! {
    /// The options of a simulated cluster, or of several at one address.
    #[derive(Debug, Clone)]
    pub struct Options {
        /// The place of the state.
        pub state: StateSource = StateSource::Memory(Box::default()),
        /// The address to listen on; a free port of loopback by default.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 0)),
        /// The address of the S3 service; none by default.
        pub s3: Option<SocketAddr> = None,
        /// The release to behave as. It replaces the one of the state file.
        pub release: Option<SimRelease> = None,
        /// Switches to set, as `name=value`. They replace those of the state file.
        pub switches: Vec<String> = Vec::new(),
        /// The time from each request to its response; the request is executed meanwhile.
        pub latency: Duration = Duration::ZERO,
        /// Whether to use TLS, with a new certificate at each start.
        pub tls: bool = false,
        /// The file that gets a JSON line for each request.
        pub log: Option<PathBuf> = None,
        /// The lifetime of an access token.
        pub token_time: Duration = Duration::from_secs(300),
        /// The number of calls for which an access token is valid; unlimited by default.
        pub token_uses: Option<u32> = None,
        /// The faults.
        pub faults: FaultRules = FaultRules::default(),
        /// Whether to record every request and every state, for [`Running::events`](super::Running::events).
        pub record: bool = false,
        /// The hook to call at the fault [`Fault::Kill`](crate::sim::Fault::Kill).
        pub on_kill: Option<KillHook> = None,
    }
}

impl Options {
    /// The defaults, with this state file.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self { state: StateSource::File(state.into()), ..Self::default() }
    }

    /// The defaults, with a state in memory.
    pub fn in_memory(state: ClusterState) -> Self {
        Self { state: StateSource::Memory(Box::new(state)), ..Self::default() }
    }

    /// The defaults, with several clusters in memory. A cluster without a name in its state gets that of the list.
    pub fn several(states: impl IntoIterator<Item = (String, ClusterState)>) -> Self {
        Self { state: StateSource::Several(states.into_iter().collect()), ..Self::default() }
    }

    /// The clusters by name; the name of a single one is empty.
    pub(super) fn open(&self) -> Result<Vec<(String, Store)>, SimError> {
        // The validity of a setting does not depend on the other switches.
        self.set(Switches::default())?;
        let adjust = |mut state: ClusterState| {
            if let Some(release) = &self.release {
                state.release.clone_from(release);
            }
            state.switches = self.set(state.switches).unwrap_or(state.switches);
            state
        };
        let in_memory = |state: ClusterState| {
            let invalid = |error| SimError(format!("the state describes no cluster: {error}"));
            adjust(state).complete().map(Store::in_memory).map_err(invalid)
        };
        let clusters = match &self.state {
            StateSource::File(path) => vec![(String::new(), Store::open(path, None, adjust)?)],
            StateSource::Memory(state) => vec![(String::new(), in_memory(ClusterState::clone(state))?)],
            StateSource::Directory(directory) => {
                let open = |(name, path): (String, PathBuf)| {
                    let store = Store::open(&path, Some(&name), adjust)?;
                    Ok((name, store))
                };
                files(directory)?.into_iter().map(open).collect::<Result<_, SimError>>()?
            }
            StateSource::Several(states) => {
                let open = |(name, state): (&String, &ClusterState)| {
                    check_name(name, &format!("the cluster `{name}`"))?;
                    Ok((name.clone(), in_memory(state.clone().named(name))?))
                };
                states.iter().map(open).collect::<Result<_, SimError>>()?
            }
        };
        self.check(&clusters)?;
        Ok(clusters)
    }

    fn set(&self, switches: Switches) -> Result<Switches, SimError> {
        self.switches.iter().try_fold(switches, |all, one| all.with(one))
    }

    /// Checks that the clusters are different ones, and that each rule is about one of them.
    fn check(&self, clusters: &[(String, Store)]) -> Result<(), SimError> {
        if clusters.is_empty() {
            return Err(SimError("there is no cluster to simulate".to_owned()));
        }
        let mut by_guid = BTreeMap::new();
        for (name, store) in clusters {
            let guid = store.read()?.guid.clone();
            if let Some(other) = by_guid.insert(guid, name) {
                let fix = "remove `name` and `guid` from one of the states, and it gets its own";
                return Err(SimError(format!("the clusters `{other}` and `{name}` have the same guid; {fix}")));
            }
        }
        let names: BTreeSet<&str> = clusters.iter().map(|(name, _)| name.as_str()).collect();
        let mut wanted = self.faults.0.iter().filter_map(|rule| rule.cluster.as_deref());
        match wanted.find(|name| !names.contains(name)) {
            Some(name) if names.contains("") => {
                Err(SimError(format!("a fault is for the cluster `{name}`, but one cluster has no name here")))
            }
            Some(name) => Err(SimError(format!("a fault is for the cluster `{name}`, and there is no such cluster"))),
            None => Ok(()),
        }
    }
}

/// The state files of a directory: the name of each cluster, and its file.
fn files(directory: &Path) -> Result<Vec<(String, PathBuf)>, SimError> {
    let shown = directory.display();
    let unreadable = |error| SimError(format!("the directory `{shown}` cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
        if name.starts_with('.') || !path.is_file() {
            continue;
        }
        check_name(name, &format!("the state file `{}`", path.display()))?;
        files.push((name.to_owned(), path.clone()));
    }
    files.sort();
    if files.is_empty() {
        let fix = "add a file NAME.json for each cluster; `{}` is a new cluster";
        return Err(SimError(format!("the directory `{shown}` has no state file; {fix}")));
    }
    Ok(files)
}

fn check_name(name: &str, what: &str) -> Result<(), SimError> {
    if is_cluster_name(name) {
        return Ok(());
    }
    let rule = "its name is a part of a host name: lower-case letters, digits and `-`, at most 63";
    Err(SimError(format!("{what} cannot be addressed; {rule}")))
}
