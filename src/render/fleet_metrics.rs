//! The results of many targets as Prometheus metrics, for the textfile collector of the node exporter.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::json::{DriftV1, OneV1, PlanV1, format_of};
use super::metrics::{self, escaped, gauge};
use crate::policy::access::Side;

/// Labels and value.
type Series = Vec<(String, String)>;

/// Writes the results of a command. `ended` is the end of the run, in seconds since 1970. A target that failed has no counts.
///
/// # Errors
/// Those of `runs` and of writing.
pub fn fleet_metrics<E: From<io::Error>>(
    out: &mut dyn Write,
    command: Option<&str>,
    runs: impl Iterator<Item = Result<OneV1, E>>,
    ended: i64,
) -> Result<(), E> {
    let of_drift = command == Some("drift");
    let (mut exits, mut successes) = (Series::new(), Series::new());
    let [mut objects, mut ignored, mut gained, mut changes] = [const { Series::new() }; 4];
    for run in runs {
        let run = run?;
        let own = format!("target=\"{}\"", escaped(run.target.as_deref().unwrap_or(&run.file)));
        exits.push((own.clone(), run.exit.to_string()));
        let drift: Option<DriftV1> = result(&run, "attune.drift/1");
        if of_drift {
            successes.push((own.clone(), u8::from(drift.is_some()).to_string()));
        }
        if let Some(drift) = drift {
            let labels = labels(&own, &drift.cluster.name, &drift.cluster.tenant);
            let mut kinds = BTreeMap::new();
            drift.drift.iter().for_each(|object| *kinds.entry(object.kind.name()).or_insert(0_usize) += 1);
            let one = |(kind, count): (&str, usize)| (format!("{labels},kind=\"{kind}\""), count.to_string());
            objects.extend(kinds.into_iter().map(one));
            ignored.push((labels.clone(), drift.summary.ignored.to_string()));
            gained.push((labels, lines_gained(&drift).to_string()));
        }
        if let Some(plan) = result::<PlanV1>(&run, "attune.plan/1") {
            changes.push((labels(&own, &plan.cluster.name, &plan.cluster.tenant), plan.changes.len().to_string()));
        }
    }
    let total = vec![(String::new(), exits.len().to_string())];
    let end = vec![(String::new(), ended.to_string())];
    for (name, help, series) in [
        ("attune_targets", "Targets of the run.", total),
        ("attune_target_exit_code", "The exit code of each target.", exits),
        ("attune_drift_success", "Whether it is known if the target has drift.", successes),
        ("attune_drift_objects", "Objects that differ from the configuration, by kind of drift.", objects),
        ("attune_drift_ignored_objects", "Objects that differ and are ignored.", ignored),
        (
            "attune_drift_gained_access_lines",
            "Lines of access that the cluster allows, or may allow, and the configuration does not.",
            gained,
        ),
        ("attune_plan_changes", "Objects that the plan changes.", changes),
        ("attune_targets_last_run_timestamp_seconds", "Time of the last run.", end),
    ] {
        if !series.is_empty() {
            gauge(out, name, help, &series)?;
        }
    }
    Ok(())
}

fn result<T: serde::de::DeserializeOwned>(run: &OneV1, format: &str) -> Option<T> {
    let text = run.result.as_deref()?.get();
    if format_of(text).ok()? != format {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn labels(own: &str, cluster: &str, tenant: &str) -> String {
    format!("{own},{}", metrics::labels(cluster, tenant))
}

/// The number of lines of access that only the cluster gives, or may give.
fn lines_gained(drift: &DriftV1) -> usize {
    let access = drift.drift.iter().flat_map(|object| &object.access);
    access
        .map(|access| access.gained.len() + access.undecided.iter().filter(|open| open.side == Side::Gained).count())
        .sum()
}
