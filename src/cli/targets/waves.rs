//! Waves: which targets an apply comes to first, and when it stops.

use std::path::Path;

use serde::Deserialize;

use super::{SHOWN, Target};
use crate::base::{NamePattern, count, list_some};
use crate::cli::args::GlobalArgs;
use crate::cli::base;
use crate::cli::exit::{self, Exit, Failure};
use crate::desired::{read_named, shown_path};

/// The targets of a wave.
#[derive(Debug)]
pub(in crate::cli) struct Wave {
    /// Its name; `None` if there are no waves.
    name: Option<String>,
    pub(in crate::cli) targets: Vec<Target>,
    /// How many of its targets may fail before nothing else starts.
    max_failures: usize,
}

/// The waves of a file, in order.
#[derive(Debug)]
pub(in crate::cli) struct Waves {
    path: String,
    waves: Vec<RawWave>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    wave: Vec<RawWave>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWave {
    name: String,
    /// Patterns of ids.
    targets: Vec<String>,
    #[serde(default)]
    max_failures: usize,
}

/// Reads the waves of a file; with a base, of the same file there, since a proposal must not reorder its own apply.
pub(in crate::cli) fn read(path: &Path, (global, base): (&GlobalArgs, Option<&str>)) -> Result<Waves, Failure> {
    let shown = shown_path(path);
    let problem = |why: String| {
        Failure::new(&exit::BAD_WAVES, format!("the file of waves {shown} cannot be used: {why}"))
            .help("each `[[wave]]` has a `name`, `targets` with patterns of ids, and perhaps `max_failures`")
    };
    let text = match base.filter(|base| !base::is_path(base)) {
        Some(base) => base::text_of(base, global, path)?.ok_or_else(|| problem(format!("{base} does not have it")))?,
        None => read_named(path).map_err(|error| problem(error.to_string()))?,
    };
    let file: RawFile = toml::from_str(&text).map_err(|error| problem(error.to_string().trim_end().to_owned()))?;
    let waves = Waves { path: shown.clone(), waves: file.wave };
    waves.check().map_err(problem)?;
    Ok(waves)
}

impl Waves {
    fn check(&self) -> Result<(), String> {
        if self.waves.is_empty() {
            return Err("it has no `[[wave]]`".to_owned());
        }
        for (place, wave) in self.waves.iter().enumerate() {
            if self.waves[..place].iter().any(|other| other.name == wave.name) {
                return Err(format!("two waves are called `{}`", wave.name));
            }
            if wave.targets.is_empty() {
                return Err(format!("the wave `{}` has no `targets`", wave.name));
            }
            if let Some(bad) = wave.targets.iter().find(|text| text.parse::<NamePattern>().is_err()) {
                return Err(format!("`{bad}` of the wave `{}` is no pattern", wave.name));
            }
        }
        Ok(())
    }

    /// The targets of each wave. A target belongs to the first wave with a pattern of its id.
    pub(in crate::cli) fn of(self, targets: Vec<Target>) -> Result<Vec<Wave>, Failure> {
        let mut waves: Vec<Wave> = Vec::new();
        let mut rest = targets;
        for RawWave { name, targets, max_failures } in self.waves {
            let patterns: Vec<NamePattern> = targets.iter().filter_map(|text| text.parse().ok()).collect();
            let is_here = |target: &Target| {
                let id = target.id.as_deref().unwrap_or_default();
                patterns.iter().any(|pattern| pattern.matches(id))
            };
            let (here, others): (Vec<Target>, Vec<Target>) = rest.into_iter().partition(is_here);
            waves.push(Wave { name: Some(name), targets: here, max_failures });
            rest = others;
        }
        if rest.is_empty() {
            return Ok(waves);
        }
        let ids = list_some(&rest, SHOWN, |target| format!("`{}`", target.id.as_deref().unwrap_or_default()));
        let failure = Failure::new(&exit::BAD_WAVES, format!("{}: no wave has {ids}; nothing was changed", self.path));
        Err(failure.help("add a last wave for the others, with `targets = [\"*\"]`"))
    }
}

impl Wave {
    /// All targets at once; failures stop nothing.
    pub(in crate::cli) fn only(targets: Vec<Target>) -> Self {
        Self { name: None, targets, max_failures: usize::MAX }
    }

    /// Why nothing else starts after so many failures; `None` if it does.
    pub(in crate::cli) fn stops_after(&self, failures: usize) -> Option<Failure> {
        let name = self.name.as_ref().filter(|_| failures > self.max_failures)?;
        let failed = count(failures, "target", "targets");
        let message = format!("not started: {failed} of the wave `{name}` failed, and it allows {}", self.max_failures);
        Some(failure(message))
    }
}

/// Says of all targets that did not start what [`Wave::stops_after`] said of one.
pub(in crate::cli) fn not_started(targets: usize, why: &str) -> Failure {
    let verb = if targets == 1 { "was" } else { "were" };
    failure(format!("{} {verb} {why}", count(targets, "target", "targets")))
}

fn failure(message: String) -> Failure {
    let help =
        "fix what failed, then run the same command again; a target that was applied in part needs a new approval";
    // Less than any failure, so that the exit code of the run is that of the cause.
    Failure::new(&exit::NOT_STARTED, message).help(help).exit(Exit::Refused)
}
