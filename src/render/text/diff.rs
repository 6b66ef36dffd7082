//! The difference of two documents, a line an entry.

use std::io::{self, Write};

use crate::policy::{Change as StatementChange, DiffLine, Document, DocumentDiff, LineKind, diff};
use crate::render::Styles;
use crate::render::words::{count, shown};

/// Writes what differs, each line after `indent`.
pub(super) fn documents(
    out: &mut dyn Write,
    styles: &Styles,
    indent: &str,
    before: Option<&Document>,
    after: &Document,
) -> io::Result<()> {
    let DocumentDiff { lines, statements, unchanged } = diff(before, Some(after));
    for line in lines.iter().filter(|line| before.is_some() || line.member != "version") {
        entry(out, styles, indent, line)?;
    }
    for statement in &statements {
        writeln!(out, "{indent}{}", shown(&statement.title))?;
        let sid = |line: &DiffLine| line.member == "sid" && statement.change != StatementChange::Changed;
        for line in statement.lines.iter().filter(|line| !sid(line)) {
            entry(out, styles, &format!("{indent}  "), line)?;
        }
    }
    if unchanged > 0 && (!statements.is_empty() || !lines.is_empty()) {
        let rest = format!("{} unchanged", count(unchanged, "statement", "statements"));
        writeln!(out, "{indent}{}", styles.dim.apply_to(rest))?;
    }
    Ok(())
}

fn entry(out: &mut dyn Write, styles: &Styles, indent: &str, line: &DiffLine) -> io::Result<()> {
    let (mark, style) = match line.kind {
        LineKind::Add => ("+", &styles.add),
        LineKind::Remove => ("-", &styles.remove),
        LineKind::Context => (" ", &styles.dim),
    };
    let text = format!("{mark} {:<9} {}", line.member, shown(&line.value));
    writeln!(out, "{indent}{}", style.apply_to(text))
}
