//! How a command reads its configuration, and connects to its cluster: from options, configuration and environment.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::args::{CallArgs, GlobalArgs, OnlyArg};
use super::exit::{self, Failure};
use super::logins::{environment, login_of, logins};
use super::output::Output;
use super::progress::ReadProgress;
use crate::base::{Finding, Sources};
use crate::cluster::rest::{Endpoint, Fingerprint, RestCluster, RestOptions, Timeouts, Trust};
use crate::cluster::weka::{self, WekaCluster, WekaOptions};
use crate::cluster::{Cluster, Credentials, MostCalls, PasswordLogin, RetryingCluster, program};
use crate::desired::{Boundary, ClusterSettings, FileProblem, LoadError, Loaded, Via, load_with, read_trusted};
use crate::plan::Only;
use crate::render::json::{self, FindingsV1};

pub(super) const SIM: &str = "sim:";

pub(super) fn read(global: &GlobalArgs) -> Result<Loaded, Failure> {
    let mut loaded = load_with(&global.file, Boundary::Repository, &global.variables())
        .map_err(|error| unreadable(&error, global))?;
    loaded.desired.choose_tenant(global.tenant.as_deref());
    loaded.desired = std::mem::take(&mut loaded.desired).at(global.as_of());
    let endpoints = loaded.desired.cluster.endpoints.iter().filter(|endpoint| !endpoint.text.starts_with(SIM));
    loaded.findings.extend(endpoints.filter_map(|endpoint| {
        let failure = parse_endpoint(&endpoint.text, global.insecure).err()?;
        Some(failure.finding.at(endpoint.at.clone()))
    }));
    Ok(loaded)
}

pub(super) fn read_valid(global: &GlobalArgs, output: &mut Output) -> Result<Loaded, CommandError> {
    Ok(read_part(global, &OnlyArg::default(), output)?.0)
}

/// Reads a configuration whose selected part has no errors.
pub(super) fn read_part(
    global: &GlobalArgs,
    only: &OnlyArg,
    output: &mut Output,
) -> Result<(Loaded, Option<Only>), CommandError> {
    let mut loaded = read(global)?;
    let only = only.of(&mut loaded, &global.file);
    if loaded.has_errors() {
        // Otherwise the plan has them.
        loaded.findings.extend(only.iter().flat_map(Only::errors).cloned());
    }
    output.findings(&loaded.findings, &loaded.sources);
    if loaded.has_errors() {
        let message = format!("{} has errors; the cluster was not contacted", global.file_name());
        let failure = Failure::new(&exit::FILE_HAS_ERRORS, message);
        return Err(CommandError::with_findings(failure, loaded.findings, loaded.sources));
    }
    Ok((loaded, only))
}

/// The `[cluster]` section. If the command line names the cluster, the configuration may be missing.
pub(super) fn cluster_settings(global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, CommandError> {
    if global.names_cluster() && !global.has_file() {
        return Ok(ClusterSettings::default());
    }
    Ok(read_valid(global, output)?.desired.cluster)
}

pub(super) fn unreadable(error: &LoadError, global: &GlobalArgs) -> Failure {
    let kind = if let FileProblem::Io(problem) = &error.cause { Some(problem.kind()) } else { None };
    let help = match kind {
        Some(ErrorKind::NotFound) => {
            "name the configuration with `--file PATH`, start one with `attune init`, or write one with `attune import --cluster URL`"
        }
        Some(_) => "name the configuration with `--file PATH`",
        None => error.cause.help(),
    };
    let message = match &global.about_file {
        Some(why) => format!("{error}; {why}"),
        None => error.to_string(),
    };
    Failure::new(&exit::NO_FILE, message).help(help)
}

pub(super) fn parse_endpoint(text: &str, insecure: bool) -> Result<Endpoint, Failure> {
    let parsed = if insecure { Endpoint::parse_insecure(text) } else { Endpoint::parse(text) };
    parsed.map_err(|problem| Failure::setup(&exit::BAD_ENDPOINT, problem))
}

pub(super) struct CommandError {
    pub(super) failure: Failure,
    found: Option<Box<(Vec<Finding>, Sources)>>,
}

impl CommandError {
    pub(super) fn with_findings(failure: Failure, findings: Vec<Finding>, sources: Sources) -> Self {
        Self { failure, found: Some(Box::new((findings, sources))) }
    }

    /// The findings as JSON. If none of them is an error, the failure is one more.
    pub(super) fn to_json(&self) -> FindingsV1 {
        let (mut findings, sources) = self.found.as_deref().cloned().unwrap_or_default();
        if !findings.iter().any(Finding::is_error) {
            findings.push((*self.failure.finding).clone());
        }
        FindingsV1::of(&findings, &sources)
    }

    /// Writes the findings as JSON if the command prints JSON, and returns the failure.
    pub(super) fn reported(self, output: &mut Output) -> Failure {
        output.keep(&self.to_json());
        if output.is_json {
            // The failure of the command matters more than this one.
            if let Err(unwritten) = output.result(|out, _| json::write(out, &self.to_json())) {
                output.failure(&unwritten);
            }
        }
        self.failure
    }
}

impl<E: Into<Failure>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self { failure: error.into(), found: None }
    }
}

pub(super) struct Connection {
    pub(super) cluster: Box<dyn Cluster>,
    _simulated: Option<Simulated>,
    shows_progress: bool,
    calls: CallArgs,
}

impl Connection {
    /// The maximum number of concurrent reads.
    pub(super) fn jobs(&self) -> usize {
        self.calls.jobs()
    }

    pub(super) fn retrying(&self) -> RetryingCluster<'_> {
        let retrying = RetryingCluster::new(&*self.cluster, self.calls.retry_policy());
        if !self.shows_progress {
            return retrying;
        }
        let progress = ReadProgress::new();
        retrying.on_read(move || progress.inc())
    }
}

pub(super) async fn connect(
    global: &GlobalArgs,
    settings: &ClusterSettings,
    calls: CallArgs,
    output: &mut Output,
) -> Result<Connection, Failure> {
    let settings = &global.over(settings);
    let tenant = tenant(global, settings)?;
    let release = settings.release.clone();
    let shows_progress = output.shows_progress();
    if settings.via == Via::Weka {
        warn_if_insecure(global, output);
        let cluster = Box::new(weka(global, settings, tenant, calls.most())?);
        return Ok(Connection { cluster, _simulated: None, shows_progress, calls });
    }
    let named: Vec<(&str, &Path)> = match &global.cluster {
        Some(cluster) => vec![(cluster, Path::new(""))],
        None => settings.endpoints.iter().map(|endpoint| (&*endpoint.text, &*endpoint.directory)).collect(),
    };
    let (endpoints, credentials, trust, simulated) = match named.as_slice() {
        [] => {
            let help =
                "add `[cluster] endpoints = [\"https://HOST:14000\"]` to the configuration, or use `--cluster URL`";
            return Err(Failure::new(&exit::NO_ENDPOINT, "no cluster is configured").help(help));
        }
        // Anyone who can read the state file has the passwords of a simulated cluster anyway.
        [(one, directory)] if one.starts_with(SIM) => {
            let (url, login, running) = simulate(&directory.join(&one[SIM.len()..])).await?;
            (vec![parse_endpoint(&url, false)?], Credentials::Password(login), Trust::System, Some(running))
        }
        several => {
            let endpoints = several.iter().map(|(text, _)| parse_endpoint(text, global.insecure));
            let endpoints: Vec<Endpoint> = endpoints.collect::<Result<_, _>>()?;
            warn_if_insecure(global, output);
            let credentials = match logins(global)? {
                Some(logins) => login_of(logins, &endpoints, tenant.as_deref())?,
                None => Credentials::from_environment(&environment())
                    .map_err(|problem| Failure::setup(&exit::NO_CREDENTIALS, problem))?,
            };
            let trust = trusted(global.insecure, settings.fingerprint.as_deref(), settings.ca_file.as_deref())?;
            (endpoints, credentials, trust, None)
        }
    };
    // A simulated cluster changes with its switches, which its guid and release do not show.
    let cache = if simulated.is_some() { None } else { cache_directory(|name| std::env::var_os(name)) };
    let timeouts = Timeouts::default();
    // The port of a simulated cluster may be that of an earlier one.
    let addresses: Vec<String> = if simulated.is_some() { Vec::new() } else { endpoints.iter().map(address).collect() };
    let limit = global.limits.of(&addresses, calls.most());
    let options = RestOptions { endpoints, credentials, tenant, release, trust, timeouts, cache };
    let cluster = RestCluster::new(options).map_err(|problem| Failure::new(&exit::BAD_TRUST, problem.to_string()))?;
    let cluster = Box::new(cluster.limited_by(limit));
    Ok(Connection { cluster, _simulated: simulated, shows_progress, calls })
}

/// The tenant to log in to. A configuration for several tenants needs one of them.
fn tenant(global: &GlobalArgs, settings: &ClusterSettings) -> Result<Option<String>, Failure> {
    let tenant = global.tenant.clone().or_else(|| settings.tenant.clone());
    let names = || settings.tenants.join(", ");
    match &tenant {
        Some(tenant) if !settings.is_for(tenant) => {
            let message = format!("the configuration is not for the tenant {tenant:?}, but for {}", names());
            Err(Failure::new(&exit::NO_TENANT, message).help("add it to `[cluster] tenants`, or name another one"))
        }
        None if !settings.tenants.is_empty() && !global.lists_tenants => {
            let message = format!("the configuration is for several tenants: {}", names());
            Err(Failure::new(&exit::NO_TENANT, message).help("name one with `--tenant`"))
        }
        Some(_) | None => Ok(tenant),
    }
}

/// A simulated cluster, which runs until it is dropped.
#[cfg(feature = "sim")]
type Simulated = crate::sim::Running;
#[cfg(not(feature = "sim"))]
type Simulated = std::convert::Infallible;

/// Starts the simulated cluster of a state file: its URL and its login.
#[cfg(feature = "sim")]
async fn simulate(state: &Path) -> Result<(String, PasswordLogin, Simulated), Failure> {
    let running = crate::sim::start(crate::sim::Options::new(state)).await.map_err(|error| {
        let message = format!("cannot start the simulated cluster {}: {error}", state.display());
        Failure::new(&exit::SIMULATOR, message)
    })?;
    let (username, password) = running.admin_login();
    let login = PasswordLogin { username, password: password.into(), org: None };
    Ok((running.url().to_owned(), login, running))
}

#[cfg(not(feature = "sim"))]
async fn simulate(state: &Path) -> Result<(String, PasswordLogin, Simulated), Failure> {
    let message = format!("this attune has no simulator for {}", state.display());
    let failure = Failure::new(&exit::SIMULATOR, message);
    Err(failure.help("use an attune that was built with the feature `sim`, or name the URL of a cluster"))
}

fn warn_if_insecure(global: &GlobalArgs, output: &mut Output) {
    if global.insecure {
        output.warn(
            "--insecure accepts any certificate: anyone on the network path can read the password and change API calls",
        );
    }
}

/// The directory for attune's caches: below `XDG_CACHE_HOME`, or else the home directory.
fn cache_directory(get: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = || {
        let home = absolute("HOME")?;
        Some(home.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" }))
    };
    absolute("XDG_CACHE_HOME").or_else(of_home).map(|directory| directory.join("attune"))
}

/// The `weka` command as a cluster, with the login of the environment or else the stored one.
fn weka(
    global: &GlobalArgs,
    settings: &ClusterSettings,
    tenant: Option<String>,
    most: MostCalls,
) -> Result<WekaCluster, Failure> {
    let named = global.cluster.as_deref().or_else(|| settings.endpoints.first().map(|endpoint| endpoint.text.as_str()));
    if let Some(text) = named.filter(|text| text.starts_with(SIM)) {
        return Err(Failure::new(&exit::BAD_ENDPOINT, format!("the `weka` command cannot reach `{text}`"))
            .help("remove `via`, or put a program named `weka` on PATH that runs `attune sim weka`"));
    }
    let server = named.map(|text| parse_endpoint(text, global.insecure)).transpose()?;
    let (environment, failed) = (environment(), |problem| Failure::setup(&exit::NO_CREDENTIALS, problem));
    let of_file = match logins(global)? {
        Some(logins) => Some(login_of(logins, server.as_slice(), tenant.as_deref())?),
        None => None,
    };
    if of_file.is_none()
        && let Some((_, variable)) = environment.token().map_err(failed)?
    {
        let message = format!("{variable} is set, but the `weka` command takes no token from attune");
        let help = "log in with `weka user login`, or set ATTUNE_USERNAME and ATTUNE_PASSWORD instead";
        return Err(Failure::new(&exit::NO_CREDENTIALS, message).help(help));
    }
    let login = match of_file {
        Some(Credentials::Password(login)) => Some(login),
        Some(Credentials::Token { .. }) => {
            let message = "the file of logins has a token, but the `weka` command takes no token from attune";
            return Err(Failure::new(&exit::NO_CREDENTIALS, message).help("use a user name and a password instead"));
        }
        None => environment.password().map_err(failed)?,
    };
    let login = login.map(|login| PasswordLogin { org: tenant.clone().or(login.org), ..login });
    // Without an address, the command knows the cluster: the same for all configurations.
    let place = server.as_ref().map_or_else(|| "weka".to_owned(), address);
    let limit = global.limits.of(&[place], most);
    let cluster = WekaCluster::new(WekaOptions {
        program: weka_program(global)?,
        login,
        server,
        tenant,
        release: settings.release.clone(),
        any_certificate: global.insecure,
        limit: weka::LIMIT,
    });
    Ok(cluster.limited_by(limit))
}

/// By what the clients of a cluster are known to be of the same one.
fn address(endpoint: &Endpoint) -> String {
    format!("{}:{}", endpoint.host(), endpoint.port())
}

/// The path of the `weka` command: from the command line, the environment or `PATH`, never from a configuration.
fn weka_program(global: &GlobalArgs) -> Result<PathBuf, Failure> {
    let of_environment = || std::env::var_os("ATTUNE_WEKA_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = global.weka_bin.clone().or_else(of_environment).unwrap_or_else(|| PathBuf::from("weka"));
    program::find(&named, &std::env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
        let place = if named.components().count() > 1 { "it is not an executable file" } else { "it is not in PATH" };
        let message = format!("the `weka` command `{}` cannot be run: {place}", named.display());
        Failure::new(&exit::ENVIRONMENT, message)
            .help("run attune on a host of the cluster, name the program with `--weka-bin PATH`, or use `--via rest`")
    })
}

/// Which certificates are trusted: any, one with this fingerprint, those of a file, or those of the system.
pub(super) fn trusted(insecure: bool, fingerprint: Option<&str>, ca_file: Option<&Path>) -> Result<Trust, Failure> {
    if insecure {
        return Ok(Trust::Anyone);
    }
    if let Some(digits) = fingerprint {
        let fingerprint: Fingerprint = format!("sha256:{digits}")
            .parse()
            .map_err(|problem| Failure::new(&exit::BAD_TRUST, format!("the fingerprint {problem}")))?;
        return Ok(Trust::Fingerprint(fingerprint));
    }
    let Some(path) = ca_file else { return Ok(Trust::System) };
    let failure = |why: String| {
        Failure::new(&exit::BAD_TRUST, format!("the `ca_file` {} {why}", path.display()))
            .help("it contains the trusted certificates in PEM format; `fingerprint = \"sha256:…\"` pins one instead")
    };
    let pem = read_trusted(path).map_err(|problem| failure(format!("cannot be read: {problem}")))?;
    Trust::from_pem(pem.as_bytes()).map_err(|problem| failure(problem.to_string()))
}
