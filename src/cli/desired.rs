//! How a command gets its desired state.

use super::args::GlobalArgs;
use super::exit::{self, Failure};
use super::output::Output;
use crate::base::{Finding, Location, Sources};
use crate::cluster::rest::Endpoint;
use crate::desired::{Loaded, load};

/// The scheme of an endpoint that is a simulated cluster.
pub(super) const SIM: &str = "sim:";

/// Loads the file, and checks also what only this side knows: that its endpoints can be endpoints.
pub(super) fn read(global: &GlobalArgs) -> Result<Loaded, Failure> {
    let mut loaded = load(&global.file).map_err(|error| {
        Failure::new(&exit::NO_FILE, error.to_string()).help("name the desired-state file with `--file PATH`")
    })?;
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

/// Loads the file for a command that needs it whole.
pub(super) fn read_whole(global: &GlobalArgs, output: &mut Output) -> Result<Loaded, (Failure, Option<Loaded>)> {
    let loaded = read(global).map_err(|failure| (failure, None))?;
    output.findings(&loaded.findings, &loaded.sources);
    if loaded.has_errors() {
        let message = format!("{} has errors; nothing was asked of the cluster", global.file.display());
        return Err((Failure::new(&exit::FILE_HAS_ERRORS, message), Some(loaded)));
    }
    Ok(loaded)
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

/// Sources of what has no file.
pub(super) fn no_sources() -> Sources {
    Sources::default()
}
