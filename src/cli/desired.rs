//! How a command gets its desired state.

use super::args::{Format, GlobalArgs};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{Finding, Location, Sources};
use crate::cluster::rest::Endpoint;
use crate::desired::{Boundary, ClusterSettings, FileProblem, LoadError, Loaded, load};
use crate::render::json::{self, FindingsV1};

/// The scheme of an endpoint that is a simulated cluster.
pub(super) const SIM: &str = "sim:";

/// Loads the file, and checks also what only this side knows: that its endpoints can be endpoints.
pub(super) fn read(global: &GlobalArgs) -> Result<Loaded, Failure> {
    let mut loaded = load(&global.file, Boundary::Repository).map_err(|error| unreadable(&error))?;
    let problems: Vec<Finding> = loaded
        .desired
        .cluster
        .endpoints
        .iter()
        .filter_map(|endpoint| check(&endpoint.text, endpoint.at.clone(), global.insecure))
        .collect();
    loaded.findings.extend(problems);
    Ok(loaded)
}

/// The main file cannot be read.
pub(super) fn unreadable(error: &LoadError) -> Failure {
    let help = if matches!(error.cause, FileProblem::Io(_)) {
        "name the configuration with `--file PATH`"
    } else {
        error.cause.help()
    };
    Failure::new(&exit::NO_FILE, error.to_string()).help(help)
}

/// Why a command cannot begin, with what was found in the files.
pub(super) struct NotReady {
    failure: Failure,
    loaded: Option<Box<Loaded>>,
}

impl NotReady {
    /// Reports to machines what people have been or will be told; the failure goes on.
    pub(super) fn reported(self, format: Format, output: &mut Output) -> Result<Exit, Failure> {
        let Self { failure, loaded } = self;
        if format == Format::Json {
            let (mut findings, sources) =
                loaded.map_or_else(|| (Vec::new(), Sources::default()), |loaded| (loaded.findings, loaded.sources));
            if !findings.iter().any(Finding::is_error) {
                findings.push((*failure.finding).clone());
            }
            // Why the command failed weighs more than that this could not be written.
            if let Err(unwritten) = output.result(|out, _| json::write(out, &FindingsV1::of(&findings, &sources))) {
                output.failure(&unwritten);
            }
        }
        Err(failure)
    }
}

impl NotReady {
    /// The failure alone, for a command whose result has no findings.
    pub(super) fn told<T>(self) -> Result<T, Failure> {
        Err(self.failure)
    }
}

impl From<Failure> for NotReady {
    fn from(failure: Failure) -> Self {
        Self { failure, loaded: None }
    }
}

/// Loads the file for a command that needs it whole.
pub(super) fn read_whole(global: &GlobalArgs, output: &mut Output) -> Result<Loaded, NotReady> {
    let loaded = read(global)?;
    output.findings(&loaded.findings, &loaded.sources);
    if loaded.has_errors() {
        let message = format!("{} has errors; nothing was asked of the cluster", global.file.display());
        let failure = Failure::new(&exit::FILE_HAS_ERRORS, message);
        return Err(NotReady { failure, loaded: Some(Box::new(loaded)) });
    }
    Ok(loaded)
}

/// How the file says the cluster is reached. Whoever names the cluster needs no file yet.
pub(super) fn cluster_settings(global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, NotReady> {
    if global.cluster.is_some() && !global.file.exists() {
        return Ok(ClusterSettings::default());
    }
    Ok(read_whole(global, output)?.desired.cluster)
}

fn check(endpoint: &str, at: Option<Location>, insecure: bool) -> Option<Finding> {
    if endpoint.starts_with(SIM) {
        return None;
    }
    let problem = parse(endpoint, insecure).err()?;
    Some(Finding::error(exit::BAD_ENDPOINT, problem.to_string()).at(at).help(problem.help()))
}

/// Reads an endpoint as strictly as asked.
pub(super) fn parse(text: &str, insecure: bool) -> Result<Endpoint, crate::cluster::rest::EndpointProblem> {
    if insecure { Endpoint::parse_insecure(text) } else { Endpoint::parse(text) }
}
