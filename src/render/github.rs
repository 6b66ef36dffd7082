//! Findings as annotations of GitHub Actions: one workflow command each.

use std::io::{self, Write};

use crate::base::{Finding, Severity, Sources};

/// Writes the findings as workflow commands, `::error file=…,line=…,col=…,title=…::message`.
///
/// # Errors
/// Those of the writer.
pub fn annotations(out: &mut dyn Write, findings: &[Finding], sources: &Sources) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{}", annotation(finding, sources))?;
    }
    Ok(())
}

fn annotation(finding: &Finding, sources: &Sources) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = finding.at.as_ref().map(|at| {
        let (line, column) = sources.line_column(at);
        format!("file={},line={line},col={column},", property(&sources.file(at.file).path))
    });
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}"));
    let message = data(&format!("{}{}", finding.message, help.unwrap_or_default()));
    format!("::{command} {}title={}::{message}", place.unwrap_or_default(), property(finding.code.id))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Code, Location};

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let mut sources = Sources::default();
        let file = sources.add("a,b:c%.toml", "x\n é y");
        let finding = Finding::warning(Code::new("some-code", "Some."), "100%: a, b\r\nc").help("do it");
        let placed = finding.clone().at(Location { file, span: 6..7 });
        let mut out = Vec::new();
        annotations(&mut out, &[placed, finding], &sources).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::warning file=a%2Cb%3Ac%25.toml,line=2,col=4,title=some-code::100%25: a, b\\r\\nc%0Ahelp: do it\n\
             ::warning title=some-code::100%25: a, b\\r\\nc%0Ahelp: do it\n"
        );
    }
}
