//! Findings of a saved plan: their files may be others by now, so that no line of them is shown.

use std::io::{self, Write};

use crate::base::Severity;
use crate::render::Styles;
use crate::render::json::FindingV1;
use crate::render::words::shown;

/// Writes the findings one after the other.
///
/// # Errors
/// Those of the writer.
pub fn saved_findings(out: &mut dyn Write, styles: &Styles, findings: &[FindingV1]) -> io::Result<()> {
    for finding in findings {
        let style = match finding.severity {
            Severity::Error => &styles.remove,
            Severity::Warning => &styles.change,
            Severity::Note => &styles.dim,
        };
        let head = style.apply_to(format!("{}[{}]:", finding.severity.word(), shown(&finding.code)));
        writeln!(out, "{head} {}", shown(&finding.message))?;
        if let Some(file) = &finding.file {
            let place = [finding.line, finding.column].into_iter().flatten().map(|number| format!(":{number}"));
            writeln!(out, "  --> {}{}", shown(file), place.collect::<String>())?;
        }
        for line in finding.help.iter().flat_map(|help| help.lines()) {
            writeln!(out, "  = help: {}", shown(line))?;
        }
    }
    Ok(())
}
