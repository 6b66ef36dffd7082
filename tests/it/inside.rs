//! The library in this process against a simulated cluster: the real transport over real sockets.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attune::apply::{Progress, RunOptions, SecretStore, SecretStoreContext, StepOutcome, StopSignal, run};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::weka::{WekaCluster, WekaOptions};
use attune::cluster::{Cluster, Credentials, PasswordLogin, RetryPolicy};
use attune::desired::Destination;
use attune::plan::{Plan, Step};
use attune::sim::Running;
use tempfile::TempDir;

use crate::harness::files;

/// Tries three more times, in a moment: the faults of a test do not go away by waiting.
pub(crate) const HASTE: RetryPolicy =
    RetryPolicy { retries: 3, first: Duration::from_millis(1), longest: Duration::from_millis(2) };

struct Unwatched;

impl Progress for Unwatched {
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &StepOutcome) {}
}

/// A client of a simulated cluster, as its administrator. Nothing is sent to it yet.
pub(crate) fn client(running: &Running) -> RestCluster {
    let (username, password) = running.admin_login();
    RestCluster::new(RestOptions {
        cache: None,
        release: None,
        endpoints: vec![Endpoint::parse(running.url()).unwrap()],
        credentials: Credentials::Password(PasswordLogin { username, password: password.into(), org: None }),
        tenant: None,
        trust: Trust::System,
        // The tests do not wait for `Retry-After` of a busy cluster.
        timeouts: Timeouts { busy: Duration::from_millis(1), ..Timeouts::default() },
    })
    .unwrap()
}

/// A client of a simulated cluster through its face of the `weka` command, as its administrator.
pub(crate) fn command_client(running: &Running, safe: &Safe) -> WekaCluster {
    let program = safe.0.path().join("weka");
    let face = format!("exec {} sim weka --url {} -- \"$@\"", env!("CARGO_BIN_EXE_attune"), running.url());
    fs::write(&program, format!("#!/bin/sh\n{face}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (login, server, tenant, release) = (None, None, None, None);
    WekaCluster::new(WekaOptions {
        program,
        login,
        server,
        tenant,
        release,
        any_certificate: false,
        limit: Duration::from_secs(60),
    })
}

/// A folder for new secrets, in memory if possible, because each one is synced.
pub(crate) struct Safe(TempDir);

impl Safe {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        Self(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap())
    }

    /// The file of a user's key pair in the destination.
    pub(crate) fn of(&self, user: &str) -> PathBuf {
        self.0.path().join(format!("secrets/{user}.json"))
    }

    /// All that is in it, emergency files too.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        files(self.0.path(), "").iter().map(text).collect()
    }

    fn secret_store(&self) -> SecretStore {
        let context = SecretStoreContext {
            cluster: "stewie".to_owned(),
            tenant: "Root".to_owned(),
            state_dir: self.0.path().join("state"),
            search_path: OsString::new(),
            timeout: Duration::from_secs(60),
            show_output: false,
        };
        SecretStore::new(Some(&Destination::File { dir: self.0.path().join("secrets") }), context)
    }
}

/// Applies a plan, as the command does once it is agreed to.
pub(crate) async fn apply(plan: &Plan, cluster: &dyn Cluster, safe: &Safe, jobs: usize) -> Vec<StepOutcome> {
    let (stop, secret_store) = (StopSignal::default(), safe.secret_store());
    let (stop, secret_store) = (&stop, &secret_store);
    run(
        plan,
        &RunOptions { cluster, secret_store, jobs, retry_policy: HASTE, stop, progress: &Unwatched, new_keys: None },
    )
    .await
    .steps
}
