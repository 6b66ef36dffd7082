//! How the cluster differs from the configuration, for a ticket or a chat. All foreign text is in code spans.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::access::gained_by;
use super::escape::code;
use super::plan::review;
use crate::drift::Kind;
use crate::render::json::{DriftV1, DriftedV1};
use crate::render::phrase::{count, text_in};

/// Writes a drift.
///
/// # Errors
/// Those of the writer.
pub fn drift(out: &mut dyn Write, drift: &DriftV1) -> io::Result<()> {
    let of = &drift.cluster;
    let numbers = &drift.summary;
    let title = match numbers.reported {
        0 => "No drift".to_owned(),
        n => format!("Drift: {}", count(n, "object differs", "objects differ")),
    };
    writeln!(out, "### {title}\n")?;
    writeln!(out, "Cluster {}, WEKA {}, tenant {}", code(&of.name), code(&of.release), code(&of.tenant))?;
    let changed = review(drift.review.as_ref());
    if !changed.is_empty() {
        write!(out, "\n{}\n", changed.trim_end())?;
    }
    let all = drift.drift.iter().flat_map(|object| &object.access);
    let given = gained_by("Access that the cluster allows and the configuration does not", all);
    if !given.is_empty() {
        write!(out, "\n{}\n", given.trim_end())?;
    }
    if !drift.drift.is_empty() {
        writeln!(out, "\n| object | cluster | configuration |\n|---|---|---|")?;
    }
    for object in &drift.drift {
        let (cluster, configuration) = sides(object);
        writeln!(out, "| {} | {cluster} | {configuration} |", cell(&object.id))?;
    }
    let resolved =
        drift.resolved.iter().map(|of| format!("resolved: {}, reported since {}", code(&of.id), code(&of.since)));
    let known = drift.known.iter().map(|of| format!("known: {}, reported since {}", code(&of.id), code(&of.since)));
    let ignored = drift.ignored.iter().map(|of| {
        let until = of.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        format!("ignored: {}, {}{until}", code(&of.id), code(&of.reason))
    });
    for (index, line) in resolved.chain(known).chain(ignored).enumerate() {
        writeln!(out, "{}- {line}", if index == 0 { "\n" } else { "" })?;
    }
    Ok(())
}

fn sides(object: &DriftedV1) -> (String, String) {
    let policy = |raw: &Option<Box<RawValue>>| match text_in(raw.as_deref()) {
        Some(policy) => format!("has {}", cell(&policy)),
        None => "no policy".to_owned(),
    };
    let text = |text: &str| text.to_owned();
    match object.kind {
        Kind::PolicyAdded => (text("exists"), text("should not exist")),
        Kind::PolicyChanged => (text("another document"), text("declared document")),
        Kind::PolicyRemoved => (text("missing"), text("declared")),
        Kind::UserRemoved => (text("no such user"), policy(&object.declared)),
        Kind::UserAttached
        | Kind::UserMoved
        | Kind::UserDetached
        | Kind::GroupAttached
        | Kind::GroupMoved
        | Kind::GroupDetached => (policy(&object.observed), policy(&object.declared)),
    }
}

/// A code span within a table, where a bar would end the cell.
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
