//! How a command gets its cluster: from the flags, the file and the environment.

use std::path::{Path, PathBuf};

use super::args::{GlobalArgs, Pace, ViaArg};
use super::desired::{SIM, parse};
use super::exit::{self, Failure};
use super::output::Output;
use super::progress::Reading;
use crate::base::Release;
use crate::cluster::rest::{Endpoint, Fingerprint, RestCluster, RestOptions, Timeouts, Trust};
use crate::cluster::weka::{self, WekaCluster, WekaLogin, WekaOptions};
use crate::cluster::{Cluster, Credentials, RetryingCluster, program};
use crate::desired::{ClusterSettings, Via, read_trusted};
use crate::sim;

/// A cluster to talk to; for a simulated one, with the server that simulates it.
pub(super) struct Connection {
    /// The cluster.
    pub(super) cluster: Box<dyn Cluster>,
    _simulated: Option<sim::Running>,
    /// Whether it may be shown how far an observation is.
    draws: bool,
}

impl Connection {
    /// The cluster, asked again where it does not answer.
    pub(super) fn retrying(&self, pace: &Pace) -> RetryingCluster<'_> {
        let retrying = RetryingCluster::new(&*self.cluster, pace.retry_policy());
        if !self.draws {
            return retrying;
        }
        let reading = Reading::new();
        retrying.telling(move || reading.read())
    }
}

/// Where the cluster is.
enum Target {
    Simulated(PathBuf),
    Endpoints(Vec<Endpoint>),
}

/// Gets the cluster, for so many calls at once. Nothing is sent to it yet.
pub(super) async fn connect(
    global: &GlobalArgs,
    settings: &ClusterSettings,
    jobs: usize,
    output: &mut Output,
) -> Result<Connection, Failure> {
    let tenant = global.tenant.clone().or_else(|| settings.tenant.clone());
    let release = settings.release.clone();
    let via = global.via.map_or(settings.via, |via| match via {
        ViaArg::Rest => Via::Rest,
        ViaArg::Weka => Via::Weka,
    });
    if via == Via::Weka {
        return weka(global, settings, tenant, output);
    }
    match target(global, settings)? {
        Target::Simulated(state) => simulated(&state, (tenant, release), jobs, output).await,
        Target::Endpoints(endpoints) => {
            if global.insecure {
                output.warn("--insecure: any certificate is believed; whoever is in between reads the password and changes the calls");
            }
            let credentials = credentials()?;
            let trust = trust(global, settings)?;
            let timeouts = Timeouts::default();
            let options = RestOptions { endpoints, credentials, tenant, release, trust, timeouts };
            let cluster = rest(options, jobs)?;
            Ok(Connection { cluster, _simulated: None, draws: output.draws() })
        }
    }
}

fn credentials() -> Result<Credentials, Failure> {
    Credentials::from_environment(|name| std::env::var(name).ok(), |path| std::fs::read_to_string(path))
        .map_err(|problem| Failure::new(&exit::NO_CREDENTIALS, problem.to_string()).help(problem.help()))
}

/// The cluster through the `weka` command. A login that it has stored is its own; one from the environment goes with it.
fn weka(
    global: &GlobalArgs,
    settings: &ClusterSettings,
    tenant: Option<String>,
    output: &Output,
) -> Result<Connection, Failure> {
    let named = global.cluster.as_deref().or_else(|| settings.endpoints.first().map(|endpoint| endpoint.text.as_str()));
    let server = match named {
        None => None,
        Some(text) if text.starts_with(SIM) => {
            return Err(Failure::new(
                &exit::BAD_ENDPOINT,
                format!("`{text}` is not reached through the `weka` command"),
            )
            .help("leave out `via`; or put a program named `weka` on PATH that runs `attune sim weka`"));
        }
        Some(text) => {
            let endpoint = parse(text, global.insecure)
                .map_err(|problem| Failure::new(&exit::BAD_ENDPOINT, problem.to_string()).help(problem.help()))?;
            Some(endpoint.host_and_port())
        }
    };
    let login = match Credentials::password_from_environment(|name| std::env::var(name).ok()) {
        Ok(found) => {
            found.map(|(username, password, org)| WekaLogin { username, password, org: tenant.clone().or(org) })
        }
        Err(problem) => return Err(Failure::new(&exit::NO_CREDENTIALS, problem.to_string()).help(problem.help())),
    };
    let cluster = WekaCluster::new(WekaOptions {
        program: weka_program(global)?,
        login,
        server,
        tenant,
        release: settings.release.clone(),
        limit: weka::LIMIT,
    });
    Ok(Connection { cluster: Box::new(cluster), _simulated: None, draws: output.draws() })
}

/// The `weka` command: from the command line, the environment or `PATH`, never from a configuration.
fn weka_program(global: &GlobalArgs) -> Result<PathBuf, Failure> {
    let of_environment = || std::env::var_os("ATTUNE_WEKA_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = global.weka_bin.clone().or_else(of_environment).unwrap_or_else(|| PathBuf::from("weka"));
    program::find(&named, &std::env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
        let place = if named.components().count() > 1 { "it is no program that may be run" } else { "it is not in PATH" };
        let message = format!("the `weka` command `{}` cannot be run: {place}", named.display());
        Failure::new(&exit::ENVIRONMENT, message).help(
            "run attune on a host of the cluster, name the program with `--weka-bin PATH`, or reach the cluster over REST",
        )
    })
}

fn target(global: &GlobalArgs, settings: &ClusterSettings) -> Result<Target, Failure> {
    let here = PathBuf::new();
    let named: Vec<(&str, &Path)> = match &global.cluster {
        Some(cluster) => vec![(cluster.as_str(), here.as_path())],
        None => {
            settings.endpoints.iter().map(|endpoint| (endpoint.text.as_str(), endpoint.directory.as_path())).collect()
        }
    };
    match named.as_slice() {
        [] => Err(Failure::new(&exit::NO_ENDPOINT, "nothing says where the cluster is")
            .help("add `[cluster] endpoints = [\"https://HOST:14000\"]` to the file, or give `--cluster URL`")),
        [(one, directory)] if one.starts_with(SIM) => Ok(Target::Simulated(directory.join(&one[SIM.len()..]))),
        several => several
            .iter()
            .map(|(text, _)| {
                parse(text, global.insecure)
                    .map_err(|problem| Failure::new(&exit::BAD_ENDPOINT, problem.to_string()).help(problem.help()))
            })
            .collect::<Result<_, _>>()
            .map(Target::Endpoints),
    }
}

fn trust(global: &GlobalArgs, settings: &ClusterSettings) -> Result<Trust, Failure> {
    if global.insecure {
        return Ok(Trust::Anyone);
    }
    if let Some(digits) = &settings.fingerprint {
        let fingerprint: Fingerprint = format!("sha256:{digits}")
            .parse()
            .map_err(|problem| Failure::new(&exit::BAD_TRUST, format!("the fingerprint {problem}")))?;
        return Ok(Trust::Fingerprint(fingerprint));
    }
    let Some(path) = &settings.ca_file else { return Ok(Trust::System) };
    let failure = |why: String| {
        Failure::new(&exit::BAD_TRUST, format!("the `ca_file` {} {why}", path.display()))
            .help("it holds the certificates to trust in PEM form; `fingerprint = \"sha256:…\"` pins one instead")
    };
    let pem = read_trusted(path).map_err(|problem| failure(format!("cannot be read: {problem}")))?;
    Trust::from_pem(pem.as_bytes()).map_err(|problem| failure(problem.to_string()))
}

fn rest(options: RestOptions, jobs: usize) -> Result<Box<dyn Cluster>, Failure> {
    let cluster = RestCluster::new(options);
    cluster
        .map(|cluster| Box::new(cluster.at_most(jobs)) as Box<dyn Cluster>)
        .map_err(|problem| Failure::new(&exit::BAD_TRUST, problem.to_string()))
}

/// Starts the simulated cluster on this machine and logs in as its administrator: whoever can read the state file has
/// its passwords anyway.
async fn simulated(
    state: &Path,
    (tenant, release): (Option<String>, Option<Release>),
    jobs: usize,
    output: &Output,
) -> Result<Connection, Failure> {
    let failure =
        |why: String| Failure::new(&exit::SIMULATOR, format!("the simulated cluster {}: {why}", state.display()));
    let running = sim::start(sim::Options::new(state)).await.map_err(|error| failure(error.to_string()))?;
    let (username, password) = running.admin_login();
    let endpoint = parse(running.url(), false).map_err(|problem| failure(problem.to_string()))?;
    let credentials = Credentials::Password { username, password: password.into(), org: None };
    let (endpoints, trust, timeouts) = (vec![endpoint], Trust::System, Timeouts::default());
    let cluster = rest(RestOptions { endpoints, credentials, tenant, release, trust, timeouts }, jobs)?;
    Ok(Connection { cluster, _simulated: Some(running), draws: output.draws() })
}
