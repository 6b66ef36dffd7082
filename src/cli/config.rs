//! How a command reads its configuration.

use super::args::{Format, GlobalArgs};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{Finding, Sources};
use crate::cluster::rest::Endpoint;
use crate::desired::{Boundary, ClusterSettings, FileProblem, LoadError, Loaded, load};
use crate::render::json::{self, FindingsV1};

/// The scheme of the endpoint of a simulated cluster.
pub(super) const SIM: &str = "sim:";

/// Loads the configuration, and checks its endpoints.
pub(super) fn read(global: &GlobalArgs) -> Result<Loaded, Failure> {
    let mut loaded = load(&global.file, Boundary::Repository).map_err(|error| unreadable(&error))?;
    let endpoints = loaded.desired.cluster.endpoints.iter().filter(|endpoint| !endpoint.text.starts_with(SIM));
    let problems = endpoints.filter_map(|endpoint| {
        let failure = parse_endpoint(&endpoint.text, global.insecure).err()?;
        Some(failure.finding.at(endpoint.at.clone()))
    });
    let problems: Vec<Finding> = problems.collect();
    loaded.findings.extend(problems);
    Ok(loaded)
}

/// Loads the configuration, reports its findings, and fails if it has errors.
pub(super) fn read_valid(global: &GlobalArgs, output: &mut Output) -> Result<Loaded, CommandError> {
    let loaded = read(global)?;
    output.findings(&loaded.findings, &loaded.sources);
    if loaded.has_errors() {
        let message = format!("{} has errors; the cluster was not contacted", global.file.display());
        let failure = Failure::new(&exit::FILE_HAS_ERRORS, message);
        return Err(CommandError { failure, loaded: Some(Box::new(loaded)) });
    }
    Ok(loaded)
}

/// The `[cluster]` section. If the command line names the cluster, the configuration may be missing.
pub(super) fn cluster_settings(global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, CommandError> {
    if global.names_cluster() && !global.file.exists() {
        return Ok(ClusterSettings::default());
    }
    Ok(read_valid(global, output)?.desired.cluster)
}

pub(super) fn unreadable(error: &LoadError) -> Failure {
    let is_io = matches!(error.cause, FileProblem::Io(_));
    let help = if is_io { "name the configuration with `--file PATH`" } else { error.cause.help() };
    Failure::new(&exit::NO_FILE, error.to_string()).help(help)
}

pub(super) fn parse_endpoint(text: &str, insecure: bool) -> Result<Endpoint, Failure> {
    Ok(if insecure { Endpoint::parse_insecure(text) } else { Endpoint::parse(text) }?)
}

/// A failure, with the findings of the configuration if they are its cause.
pub(super) struct CommandError {
    failure: Failure,
    loaded: Option<Box<Loaded>>,
}

impl CommandError {
    /// Writes the findings as JSON if asked for, and returns the failure.
    pub(super) fn reported(self, format: Format, output: &mut Output) -> Result<Exit, Failure> {
        let Self { failure, loaded } = self;
        if format == Format::Json {
            let (mut findings, sources) =
                loaded.map_or_else(|| (Vec::new(), Sources::default()), |loaded| (loaded.findings, loaded.sources));
            if !findings.iter().any(Finding::is_error) {
                findings.push((*failure.finding).clone());
            }
            // The failure of the command matters more than this one.
            if let Err(unwritten) = output.result(|out, _| json::write(out, &FindingsV1::of(&findings, &sources))) {
                output.failure(&unwritten);
            }
        }
        Err(failure)
    }

    pub(super) fn into_failure(self) -> Failure {
        self.failure
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self { failure, loaded: None }
    }
}
