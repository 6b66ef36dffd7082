//! The check of a cluster for a person: a line for each thing looked at, then what was found.

use std::io::{self, Write};

use crate::base::Sources;
use crate::doctor::{Definition, Leftover, Preflight};
use crate::render::words::{count, list, shown};
use crate::render::{Styles, findings};

/// What the command printed on stderr beside the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Warnings, for example about emergency files.
    Warnings,
}

/// Writes what is known, and the findings.
///
/// # Errors
/// Those of the writer.
pub fn doctor(out: &mut dyn Write, styles: &Styles, report: &Preflight, beside: Beside) -> io::Result<()> {
    let lines = [
        ("cluster", cluster(report)),
        ("login", login(report)),
        ("transport", transport(report)),
        ("who holds", who_holds(report)),
        ("clock", clock(report)),
        ("calls", calls(report)),
        ("leftovers", leftovers(report.leftovers.as_deref())),
    ];
    for (about, line) in lines {
        // Padded before it is styled: what colours a word has no width.
        writeln!(out, "{} {line}", styles.strong.apply_to(format!("{about:<10}")))?;
    }
    writeln!(out)?;
    if report.findings.is_empty() {
        return match beside {
            Beside::Nothing => writeln!(out, "{}", styles.add.apply_to("all is well")),
            Beside::Warnings => writeln!(out, "no problems on the cluster; see the warnings above"),
        };
    }
    findings(out, styles, &report.findings, &Sources::default())
}

fn cluster(report: &Preflight) -> String {
    let of = &report.identity;
    format!("{} ({}) · WEKA {}", shown(&of.name), shown(&of.guid), shown(&of.release.to_string()))
}

fn login(report: &Preflight) -> String {
    let of = &report.identity;
    let suffices = if report.may_apply { "may apply" } else { "may not apply" };
    format!("{} · {} · tenant {} · {suffices}", shown(of.user.as_str()), shown(&of.role), shown(&of.tenant))
}

fn transport(report: &Preflight) -> String {
    let connection = &report.connection;
    let checked = if connection.any_certificate { " · any certificate is believed" } else { "" };
    format!("{} · {}{checked}", connection.transport, list(&connection.addresses))
}

fn who_holds(report: &Preflight) -> String {
    match (report.attachments_known, report.connection.attachments_source) {
        (Some(true), Some(call)) => format!("told by {call}"),
        (Some(true), None) => "told".to_owned(),
        (Some(false), _) => "not told by this release".to_owned(),
        (None, _) => "not known: the look failed".to_owned(),
    }
}

fn clock(report: &Preflight) -> String {
    match report.connection.clock_ahead {
        None => "not told".to_owned(),
        // A second is what the answer is rounded to, and another what it was under way.
        Some(-2..=2) => "as here".to_owned(),
        Some(ahead) => format!("{} s {} here", ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" }),
    }
}

fn calls(report: &Preflight) -> String {
    match report.definition {
        Definition::None => "not compared: the cluster has no definition of its own".to_owned(),
        Definition::Unreadable => "not compared: the cluster's own definition cannot be read".to_owned(),
        Definition::Compared { calls, differences: 0 } => {
            format!("all {calls} are as in the cluster's own definition")
        }
        Definition::Compared { calls, differences } => {
            let differences = count(differences, "difference", "differences");
            format!("{calls} compared with the cluster's own definition: {differences}")
        }
    }
}

fn leftovers(leftovers: Option<&[Leftover]>) -> String {
    match leftovers {
        None => "not known: the look failed".to_owned(),
        Some([]) => "none".to_owned(),
        Some(some) => list(&some.iter().map(|leftover| shown(leftover.temporary.as_str())).collect::<Vec<_>>()),
    }
}
