//! What the cluster has that the file does not say, as Markdown for a ticket or a chat. Whatever comes from the cluster stands in a
//! span of code that it cannot end.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::access::gained_by;
use super::escape::code;
use super::review::review;
use crate::drift::Kind;
use crate::render::json::{DriftV1, DriftedV1};
use crate::render::phrase::held;
use crate::render::words::count;

/// Writes a drift.
///
/// # Errors
/// Those of the writer.
pub fn drift(out: &mut dyn Write, drift: &DriftV1) -> io::Result<()> {
    let of = &drift.cluster;
    let numbers = &drift.summary;
    let title = match numbers.reported {
        0 => "No drift".to_owned(),
        n => format!("Drift: {}", count(n, "object is not as the file says", "objects are not as the file says")),
    };
    writeln!(out, "### {title}\n")?;
    writeln!(out, "Cluster {}, WEKA {}, tenant {}", code(&of.name), code(&of.release), code(&of.tenant))?;
    let changed = review(drift.review.as_ref());
    if !changed.is_empty() {
        write!(out, "\n{}\n", changed.trim_end())?;
    }
    // Before all else of the cluster.
    let all = drift.drift.iter().flat_map(|object| &object.access);
    let given = gained_by("Access that the cluster gives and the file does not", all);
    if !given.is_empty() {
        write!(out, "\n{}\n", given.trim_end())?;
    }
    if !drift.drift.is_empty() {
        writeln!(out, "\n| object | the cluster | the file |\n|---|---|---|")?;
    }
    for object in &drift.drift {
        let (cluster, file) = sides(object);
        writeln!(out, "| {} | {cluster} | {file} |", cell(&object.id))?;
    }
    let lines =
        drift.resolved.iter().map(|over| format!("over: {}, reported since {}", code(&over.id), code(&over.since)));
    let known = drift.known.iter().map(|of| format!("known: {}, reported since {}", code(&of.id), code(&of.since)));
    let ignored = drift.ignored.iter().map(|of| {
        let until = of.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        format!("ignored: {}, {}{until}", code(&of.id), code(&of.reason))
    });
    for (index, line) in lines.chain(known).chain(ignored).enumerate() {
        writeln!(out, "{}- {line}", if index == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn sides(object: &DriftedV1) -> (String, String) {
    let held = |raw: &Option<Box<RawValue>>| format!("holds {}", held(raw.as_deref(), cell));
    let text = |text: &str| text.to_owned();
    match object.kind {
        Kind::PolicyAdded => (text("has it"), text("does not want it")),
        Kind::PolicyChanged => (text("has another document"), text("has its own")),
        Kind::PolicyRemoved => (text("lacks it"), text("declares it")),
        Kind::UserRemoved => (text("has no such user"), held(&object.declared)),
        Kind::UserAttached
        | Kind::UserMoved
        | Kind::UserDetached
        | Kind::GroupAttached
        | Kind::GroupMoved
        | Kind::GroupDetached => (held(&object.observed), held(&object.declared)),
    }
}

/// A span of code within a table, where a bar would end the cell.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_cell() {
        assert_eq!(cell("a|b`c"), "``a\\|b`c``");
    }
}
