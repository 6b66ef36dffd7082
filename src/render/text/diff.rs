//! The difference of two documents.

use std::io::{self, Write};

use super::access::access;
use crate::policy::{Change as StatementChange, Compared, DiffLine, Document, DocumentDiff, LineKind, Sameness, diff};
use crate::render::Styles;
use crate::render::json::AccessV1;
use crate::render::phrase::{count, shown};

/// Writes the differences, each line after `indent`.
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

/// Writes how two documents differ, entry by entry, then in access.
///
/// # Errors
/// Those of the writer.
pub fn policy_diff(out: &mut dyn Write, styles: &Styles, compared: &Compared) -> io::Result<()> {
    if compared.sameness == Sameness::Same {
        return writeln!(out, "the same document");
    }
    documents(out, styles, "", Some(&compared.before), &compared.after)?;
    writeln!(out)?;
    match compared.sameness {
        Sameness::Same | Sameness::IdsOnly => writeln!(out, "only ids change: no access change"),
        Sameness::Different if compared.same_access() => writeln!(out, "no access change"),
        Sameness::Different => {
            writeln!(out, "{}", styles.strong.apply_to("access gained (+) and lost (-)"))?;
            access(out, styles, "  ", &AccessV1::of(&compared.access))
        }
    }
}
