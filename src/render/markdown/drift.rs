//! What the cluster has that the file does not say, as Markdown for a ticket or a chat. Whatever comes from the cluster stands in a
//! span of code that it cannot end.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::escape::code;
use crate::render::json::{AccessLineV1, DriftKindV1, DriftV1, DriftedV1, HolderAccessV1, SideV1};
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
    gained(out, drift)?;
    if !drift.drift.is_empty() {
        writeln!(out, "\n| object | the cluster | the file |\n|---|---|---|")?;
    }
    for object in &drift.drift {
        let (cluster, file) = sides(object);
        writeln!(out, "| {} | {cluster} | {file} |", cell(&object.id))?;
    }
    let lines = drift.over.iter().map(|over| format!("over: {}, reported since {}", code(&over.id), code(&over.since)));
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

/// Access that the cluster gives and the file does not, before all else.
fn gained(out: &mut dyn Write, drift: &DriftV1) -> io::Result<()> {
    let mut first = true;
    for of in drift.drift.iter().flat_map(|object| &object.access) {
        let open = of.undecided.iter().filter(|open| open.side == SideV1::Gained);
        let open = open.map(|open| format!("{} on {}, not decided", codes(&open.actions), code(&open.pattern)));
        for line in of.gained.iter().map(line).chain(open) {
            if first {
                writeln!(out, "\n**Access that the cluster gives and the file does not**\n")?;
                first = false;
            }
            writeln!(out, "- {}: {line}", holder(of))?;
        }
    }
    Ok(())
}

fn holder(of: &HolderAccessV1) -> String {
    match (&of.user, &of.group) {
        (_, Some(group)) => format!("group {}", code(group)),
        (user, None) => code(user.as_deref().unwrap_or_default()),
    }
}

fn line(line: &AccessLineV1) -> String {
    let mut text = format!("{} on {}", codes(&line.actions), code(&line.pattern));
    if let Some(denied) = &line.denied {
        text += &format!(", no longer denied on {}", code(denied));
    }
    if !line.conditions.is_empty() {
        text += &format!(" when {}", codes(&line.conditions));
    }
    if !line.except.is_empty() {
        text += &format!(", except {}", codes(&line.except));
    }
    text
}

fn sides(object: &DriftedV1) -> (String, String) {
    let held = |raw: &Option<Box<RawValue>>| {
        let name = raw.as_ref().and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        name.map_or_else(|| "holds nothing".to_owned(), |name| format!("holds {}", cell(&name)))
    };
    let text = |text: &str| text.to_owned();
    match object.kind {
        DriftKindV1::PolicyAdded => (text("has it"), text("does not want it")),
        DriftKindV1::PolicyChanged => (text("has another document"), text("has its own")),
        DriftKindV1::PolicyRemoved => (text("lacks it"), text("declares it")),
        DriftKindV1::UserRemoved => (text("has no such user"), held(&object.declared)),
        DriftKindV1::UserAttached
        | DriftKindV1::UserMoved
        | DriftKindV1::UserDetached
        | DriftKindV1::GroupAttached
        | DriftKindV1::GroupMoved
        | DriftKindV1::GroupDetached => (held(&object.observed), held(&object.declared)),
    }
}

fn codes(texts: &[String]) -> String {
    texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ")
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
