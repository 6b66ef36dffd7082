//! The library in this process against a simulated cluster: the real transport over real sockets.

use std::time::Duration;

use attune::apply::{Conditions, StepOutcome, Stop, Watch, run};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::{Cluster, Credentials, Patience};
use attune::plan::{Plan, Step};
use attune::sim::Running;

/// Tries three more times, in a moment: the faults of a test do not go away by waiting.
pub(crate) const HASTE: Patience =
    Patience { retries: 3, first: Duration::from_millis(1), longest: Duration::from_millis(2) };

struct Unwatched;

impl Watch for Unwatched {
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &StepOutcome) {}
}

/// A client of a simulated cluster, as its administrator. Nothing is sent to it yet.
pub(crate) fn client(running: &Running) -> RestCluster {
    let (username, password) = running.admin_login();
    RestCluster::new(RestOptions {
        endpoints: vec![Endpoint::parse(running.url()).unwrap()],
        credentials: Credentials::Password { username, password: password.into(), org: None },
        tenant: None,
        trust: Trust::System,
        timeouts: Timeouts::default(),
    })
    .unwrap()
}

/// Applies a plan, as the command does once it is agreed to.
pub(crate) async fn apply(plan: &Plan, cluster: &dyn Cluster, jobs: usize) -> Vec<StepOutcome> {
    let stop = Stop::default();
    run(plan, &Conditions { cluster, jobs, patience: HASTE, stop: &stop, watch: &Unwatched }).await
}
