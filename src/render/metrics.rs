//! A run of `attune drift` in the text format of Prometheus, for the textfile collector of a node exporter.

use std::io::{self, Write};

use crate::base::visible;
use crate::drift::{Drift, Kind};

/// A run, as it is told to a monitoring.
#[derive(Debug, Clone, Copy)]
pub struct Metrics<'a> {
    /// What was found; none when the run failed.
    pub drift: Option<&'a Drift>,
    /// How many objects are new, where that was asked for.
    pub new: Option<usize>,
    /// The cluster and the tenant, as far as they are known.
    pub of: Option<(&'a str, &'a str)>,
    /// What the file of the run before said.
    pub before: Option<&'a Before>,
    /// When the run ended, in seconds since 1970.
    pub ended: i64,
    /// How long it took, in seconds.
    pub duration: f64,
    /// The exit code.
    pub exit: u8,
}

/// What the file of a run before said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The cluster and the tenant.
    pub of: (String, String),
    /// When a run last succeeded, in seconds since 1970.
    pub success: i64,
}

const LAST_SUCCESS: &str = "attune_drift_last_success_timestamp_seconds";

/// Writes a run.
///
/// # Errors
/// Those of the writer.
pub fn metrics(out: &mut dyn Write, run: &Metrics<'_>) -> io::Result<()> {
    let now = run.of.map(|(cluster, tenant)| (visible(cluster).into_owned(), visible(tenant).into_owned()));
    // The success of another cluster is none of this one.
    let before = run.before.filter(|before| now.as_ref().is_none_or(|now| *now == before.of));
    let of = now.or_else(|| before.map(|before| before.of.clone()));
    let labels = of.map(|(cluster, tenant)| labels(&cluster, &tenant)).unwrap_or_default();
    let mut gauge = |name: &str, help: &str, series: &[(String, String)]| gauge(out, name, help, series);
    if let Some(drift) = run.drift {
        let of_kind = |kind: Kind| drift.objects.iter().filter(|object| object.kind == kind).count();
        let series = |kind: Kind| (format!("{labels},kind=\"{}\"", kind.name()), of_kind(kind).to_string());
        gauge(
            "attune_drift_objects",
            "Objects that are not as the file says, by what happened to them. What is ignored is not among them.",
            &Kind::ALL.map(series),
        )?;
        let one = |value: usize| [(labels.clone(), value.to_string())];
        gauge("attune_drift_ignored_objects", "Objects that differ and are ignored.", &one(drift.ignored.len()))?;
        let help = "Lines of access that the cluster gives or may give and the file does not.";
        gauge("attune_drift_gained_access_lines", help, &one(drift.gained()))?;
        if let Some(new) = run.new {
            gauge("attune_drift_new_objects", "Objects whose drift no run has reported before.", &one(new))?;
        }
    }
    let of_run = |value: String| [(labels.clone(), value)];
    let success = if run.drift.is_some() { Some(run.ended) } else { before.map(|before| before.success) };
    if let Some(success) = success {
        gauge(LAST_SUCCESS, "When a run last told whether there is drift.", &of_run(success.to_string()))?;
    }
    let help = "When the last run ended, whether it succeeded or not.";
    gauge("attune_drift_last_run_timestamp_seconds", help, &of_run(run.ended.to_string()))?;
    gauge("attune_drift_duration_seconds", "How long the last run took.", &of_run(format!("{:.3}", run.duration)))?;
    let help = "Whether the last run told whether there is drift.";
    gauge("attune_drift_success", help, &of_run(u8::from(run.drift.is_some()).to_string()))?;
    let help = "The exit code of the last run: 0 no drift, 2 drift, 1 not known.";
    gauge("attune_drift_exit_code", help, &of_run(run.exit.to_string()))
}

fn gauge(out: &mut dyn Write, name: &str, help: &str, series: &[(String, String)]) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")?;
    for (labels, value) in series {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        writeln!(out, "{name}{labels} {value}")?;
    }
    Ok(())
}

fn labels(cluster: &str, tenant: &str) -> String {
    format!("cluster=\"{}\",tenant=\"{}\"", escaped(cluster), escaped(tenant))
}

/// The value of a label: what would end it, and line breaks, are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The rest of a text after the value of a label, with the value.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

impl Before {
    /// What a file says that [`metrics`] wrote; `None` where it says nothing of that, or is another.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix("{cluster=\""))?;
        let (cluster, rest) = unescaped(line)?;
        let (tenant, rest) = unescaped(rest.strip_prefix(",tenant=\"")?)?;
        let success = rest.strip_prefix("} ")?.trim().parse().ok()?;
        Some(Self { of: (cluster, tenant), success })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_a_failure_keeps_it() {
        let odd = ("a\"b\\n\n{}", "t,tenant=\"x\"} 7");
        let before = Before { of: (odd.0.to_owned(), odd.1.to_owned()), success: 12 };
        let run =
            Metrics { drift: None, new: None, of: None, before: Some(&before), ended: 99, duration: 0.5, exit: 1 };
        let mut out = Vec::new();
        metrics(&mut out, &run).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(Before::read(&text), Some(before));
        assert!(
            text.contains("} 99\n") && text.contains("} 0.500\n") && !text.contains("attune_drift_objects"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("attune_drift_")), "{text}");
        for other in ["", "attune_drift_last_success_timestamp_seconds 7", "x"] {
            assert_eq!(Before::read(other), None);
        }
    }
}
