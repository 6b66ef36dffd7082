//! A run of `attune drift` as Prometheus metrics, for the textfile collector of the node exporter.

use std::io::{self, Write};

use crate::base::{Principal, visible};
use crate::desired::Term;
use crate::drift::{Drift, Kind};

/// A run.
#[derive(Debug, Clone, Copy)]
pub struct Metrics<'a> {
    /// The drift; `None` when the run failed.
    pub drift: Option<&'a Drift>,
    /// The number of new objects, with `--since`.
    pub new: Option<usize>,
    /// The cluster and the tenant, if known.
    pub of: Option<(&'a str, &'a str)>,
    /// The metrics file of the previous run.
    pub previous: Option<&'a PreviousRun>,
    /// The end of the run, in seconds since 1970.
    pub ended: i64,
    /// The duration, in seconds.
    pub duration: f64,
    /// The exit code.
    pub exit: u8,
}

/// The metrics file of a previous run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousRun {
    /// The labels of its metrics: the cluster and the tenant.
    labels: String,
    /// The end of the last successful run, in seconds since 1970.
    success: i64,
}

const LAST_SUCCESS: &str = "attune_drift_last_success_timestamp_seconds";

/// Writes a run.
pub fn metrics(out: &mut dyn Write, run: &Metrics<'_>) -> io::Result<()> {
    let now = run.of.map(|(cluster, tenant)| labels(cluster, tenant));
    // The success of another cluster does not count for this one.
    let previous = run.previous.filter(|previous| now.as_ref().is_none_or(|now| *now == previous.labels));
    let labels = now.or_else(|| previous.map(|previous| previous.labels.clone())).unwrap_or_default();
    let mut gauge = |name: &str, help: &str, series: &[(String, String)]| gauge(out, name, help, series);
    if let Some(drift) = run.drift {
        let of_kind = |kind: Kind| drift.objects.iter().filter(|object| object.kind == kind).count();
        let series = |kind: Kind| (format!("{labels},kind=\"{}\"", kind.name()), of_kind(kind).to_string());
        gauge(
            "attune_drift_objects",
            "Objects that differ from the configuration, by kind of drift, without ignored objects.",
            &Kind::ALL.map(series),
        )?;
        let one = |value: usize| [(labels.clone(), value.to_string())];
        gauge("attune_drift_ignored_objects", "Objects that differ and are ignored.", &one(drift.ignored.len()))?;
        let help = "Lines of access that the cluster allows, or may allow, and the configuration does not.";
        gauge("attune_drift_gained_access_lines", help, &one(drift.gained()))?;
        let help = "Users and groups whose access has ended and is still there.";
        gauge("attune_access_expired_objects", help, &one(drift.expired()))?;
        if let Some(public) = drift.public_buckets {
            let help = "Buckets that let requests in without a login, or may.";
            gauge("attune_public_buckets", help, &one(public))?;
        }
        let expiry: Vec<(String, String)> =
            drift.terms.iter().filter_map(|(of, term)| expiry(&labels, of, term)).collect();
        if !expiry.is_empty() {
            let help = "Time at which declared access ends, by user or group.";
            gauge("attune_access_expiry_timestamp_seconds", help, &expiry)?;
        }
        if let Some(new) = run.new {
            gauge("attune_drift_new_objects", "Objects whose drift no earlier run has reported.", &one(new))?;
        }
    }
    let of_run = |value: String| [(labels.clone(), value)];
    let success = if run.drift.is_some() { Some(run.ended) } else { previous.map(|previous| previous.success) };
    if let Some(success) = success {
        gauge(LAST_SUCCESS, "Time of the last successful run.", &of_run(success.to_string()))?;
    }
    let help = "Time of the last run, successful or not.";
    gauge("attune_drift_last_run_timestamp_seconds", help, &of_run(run.ended.to_string()))?;
    gauge("attune_drift_duration_seconds", "Duration of the last run.", &of_run(format!("{:.3}", run.duration)))?;
    let help = "Whether the last run succeeded.";
    gauge("attune_drift_success", help, &of_run(u8::from(run.drift.is_some()).to_string()))?;
    let help = "The exit code of the last run: 0 no drift, 2 drift, 1 unknown.";
    gauge("attune_drift_exit_code", help, &of_run(run.exit.to_string()))
}

/// The end of the access of a user or group.
fn expiry(labels: &str, of: &Principal, term: &Term) -> Option<(String, String)> {
    let until = term.schedule.until?;
    Some((format!("{labels},{}=\"{}\"", of.kind(), escaped(of.name())), until.end().unix_timestamp().to_string()))
}

pub(super) fn gauge(out: &mut dyn Write, name: &str, help: &str, series: &[(String, String)]) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")?;
    for (labels, value) in series {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        writeln!(out, "{name}{labels} {value}")?;
    }
    Ok(())
}

pub(super) fn escaped(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}

pub(super) fn labels(cluster: &str, tenant: &str) -> String {
    format!("cluster=\"{}\",tenant=\"{}\"", escaped(cluster), escaped(tenant))
}

impl PreviousRun {
    /// Reads a file of [`metrics`]; `None` if it has no successful run, or is another file.
    pub fn read(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix('{'))?;
        let (labels, success) = line.rsplit_once("} ").filter(|(labels, _)| labels.starts_with("cluster=\""))?;
        Some(Self { labels: labels.to_owned(), success: success.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_success_is_read_back_and_survives_a_failure() {
        let odd = ("a\"b\\n\n{}", "t,tenant=\"x\"} 7");
        let previous = PreviousRun { labels: labels(odd.0, odd.1), success: 12 };
        let run =
            Metrics { drift: None, new: None, of: None, previous: Some(&previous), ended: 99, duration: 0.5, exit: 1 };
        let mut out = Vec::new();
        metrics(&mut out, &run).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(PreviousRun::read(&text), Some(previous));
        assert!(
            text.contains("} 99\n") && text.contains("} 0.500\n") && !text.contains("attune_drift_objects"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("attune_drift_")), "{text}");
        for other in ["", "attune_drift_last_success_timestamp_seconds 7", "x"] {
            assert_eq!(PreviousRun::read(other), None);
        }
    }
}
