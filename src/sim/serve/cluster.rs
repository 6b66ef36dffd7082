//! One of the clusters that a simulator serves: its state, its login, and its two interfaces.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sim::error::SimError;
use crate::sim::fault_rules::{ActiveFaults, FaultRules, Interface};
use crate::sim::http::Side;
use crate::sim::release::Role;
use crate::sim::rest::Api;
use crate::sim::s3::S3Service;
use crate::sim::serve::options::Options;
use crate::sim::serve::service::{InFlight, Own, Service, Shared};
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::store::Store;

/// One of the clusters that a simulator serves.
#[derive(Debug)]
pub struct SimulatedCluster {
    url: String,
    admin: (String, String),
    own: Arc<Own>,
    api: Arc<Service>,
    s3: Arc<Service>,
}

impl SimulatedCluster {
    pub(super) fn new(
        name: String,
        store: Store,
        url: String,
        options: &Options,
        shared: &Arc<Shared>,
    ) -> Result<Self, SimError> {
        let store = Arc::new(store);
        let admin = admin_login(&*store.read()?);
        let own = Arc::new(Own { name, store: Arc::clone(&store), is_dead: AtomicBool::new(false) });
        let service = |side: Box<dyn Side>, interface: Interface| {
            let faults = Mutex::new(ActiveFaults::of(&options.faults, &own.name, interface));
            let (shared, own, in_flight) = (Arc::clone(shared), Arc::clone(&own), InFlight::default());
            Arc::new(Service { shared, own, side, interface, faults, in_flight })
        };
        let api = Api::new(Arc::clone(&store), options.token_time, options.token_uses);
        let api = service(Box::new(api), Interface::Api);
        let s3 = service(Box::new(S3Service::new(store)), Interface::S3);
        Ok(Self { url, admin, own, api, s3 })
    }

    /// Its name among several; empty if it is the only one.
    pub fn name(&self) -> &str {
        &self.own.name
    }

    /// Its URL, such as `http://127.0.0.1:41234`, or `http://NAME.localhost:41234` if it is one of several.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Name and password of an administrator of the tenant `Root`, as of the start.
    pub fn admin_login(&self) -> (String, String) {
        self.admin.clone()
    }

    /// The current state.
    ///
    /// # Errors
    /// The state file is gone or no longer valid.
    pub fn state(&self) -> Result<Arc<ClusterState>, SimError> {
        self.own.store.read()
    }

    /// The most API calls that were in flight at once so far.
    pub fn most_in_flight(&self) -> u64 {
        self.api.in_flight.most()
    }

    /// Replaces the fault rules by those of these that are for this cluster. Counts start again.
    pub fn set_faults(&self, rules: &FaultRules) {
        for service in [&self.api, &self.s3] {
            let faults = ActiveFaults::of(rules, &self.own.name, service.interface);
            *service.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
        }
    }

    pub(super) fn service(&self, interface: Interface) -> &Arc<Service> {
        match interface {
            Interface::Api => &self.api,
            Interface::S3 => &self.s3,
        }
    }
}

/// The login of a cluster administrator; every complete state has one.
fn admin_login(state: &ClusterState) -> (String, String) {
    let users = state.tenants.get(ROOT).into_iter().flat_map(|tenant| &tenant.users);
    let mut admins = users.filter(|(_, user)| user.role == Role::ClusterAdmin);
    let login = admins.find_map(|(name, user)| Some((name.clone(), user.password.clone()?)));
    login.unwrap_or_default()
}
