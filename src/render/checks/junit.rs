//! JUnit XML: a suite for each configuration, a test case for each of its files. Errors fail a file; warnings are its output.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Checked, Severity, message};
use crate::base::{Finding, visible_lines};
use crate::render::json::{FindingV1, TestV1, VerifyOutcomeV1, VerifyV1};
use crate::render::phrase;

/// Writes expectations and envelopes as JUnit XML: a test case for each.
pub fn junit_of_expectations(out: &mut dyn Write, file: &str, test: &TestV1) -> io::Result<()> {
    let expectations = test
        .with_findings()
        .map(|(of, finding)| (of.name.clone(), finding.into_iter().collect(), "expectation-failed"));
    let envelopes = test.envelopes_with_findings();
    let envelopes = envelopes.map(|(of, findings)| (format!("envelope {}", of.name), findings, "envelope-exceeded"));
    let cases: Vec<(String, Vec<&FindingV1>, &str)> = expectations.chain(envelopes).collect();
    let (tests, failures) = (cases.len(), cases.iter().filter(|(_, findings, _)| !findings.is_empty()).count());
    let file = escaped(file);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"attune test\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">")?;
    writeln!(
        out,
        "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    )?;
    for (name, findings, kind) in &cases {
        write!(out, "    <testcase classname=\"{file}\" name=\"{}\"", escaped(name))?;
        let Some(first) = findings.first() else {
            writeln!(out, "/>")?;
            continue;
        };
        let message = escaped(&first.message);
        let text = escaped(&findings.iter().map(|of| of.message.as_str()).collect::<Vec<_>>().join("\n"));
        writeln!(out, ">\n      <failure message=\"{message}\" type=\"{kind}\">{text}</failure>\n    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// Writes what an S3 service says as JUnit XML: a test case for each question.
pub fn junit_of_verify(out: &mut dyn Write, file: &str, of: &VerifyV1) -> io::Result<()> {
    let (tests, file) = (of.answers.len(), escaped(file));
    let failures = of.of_outcome(VerifyOutcomeV1::Differs).count();
    let skipped = of.of_outcome(VerifyOutcomeV1::Unclear).count();
    let who = of.user.as_deref().unwrap_or("@anonymous");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"attune verify\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">")?;
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
    writeln!(out, "  <testsuite name=\"{file}\" {counts}>")?;
    for answer in &of.answers {
        let verb = if answer.allowed { "can" } else { "cannot" };
        let name = escaped(&format!("{who} {verb} {} on {} ({})", answer.request, answer.resource, answer.kind));
        write!(out, "    <testcase classname=\"{file}\" name=\"{name}\"")?;
        match answer.outcome {
            VerifyOutcomeV1::AsDocument => writeln!(out, "/>")?,
            VerifyOutcomeV1::Unclear => {
                let why = escaped(answer.why.as_deref().unwrap_or_default());
                writeln!(out, "><skipped message=\"{why}\"/></testcase>")?;
            }
            VerifyOutcomeV1::Differs => {
                let message = escaped(&phrase::difference_on_service(of, answer));
                let said =
                    escaped(&format!("{} is answered {}", answer.sent, answer.answer.as_deref().unwrap_or_default()));
                writeln!(out, "><failure message=\"{message}\" type=\"verify-differs\">{said}</failure></testcase>")?;
            }
        }
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// The findings of a file: the errors, and the others.
#[derive(Default)]
struct Case<'a> {
    errors: Vec<&'a Finding>,
    others: Vec<&'a Finding>,
}

/// Writes the findings as JUnit XML.
pub fn junit(out: &mut dyn Write, checked: &[Checked]) -> io::Result<()> {
    let suites: Vec<_> = checked.iter().map(|checked| (checked, cases(checked))).collect();
    let tests: usize = suites.iter().map(|(_, cases)| cases.len()).sum();
    let failures: usize = suites.iter().map(|(_, cases)| failed(cases)).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"attune validate\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">")?;
    for (checked, cases) in &suites {
        suite(out, checked, cases)?;
    }
    writeln!(out, "</testsuites>")
}

/// The files of a configuration, with their findings.
fn cases(checked: &Checked) -> BTreeMap<String, Case<'_>> {
    let read = checked.sources.files().iter().map(|file| checked.paths.of(&file.path));
    let mut cases: BTreeMap<String, Case<'_>> =
        read.chain([checked.paths.of(&checked.file)]).map(|path| (path, Case::default())).collect();
    for finding in &checked.findings {
        let case = cases.entry(checked.region(finding.at.as_ref()).path).or_default();
        match finding.severity {
            Severity::Error => case.errors.push(finding),
            Severity::Warning | Severity::Note => case.others.push(finding),
        }
    }
    cases
}

fn failed(cases: &BTreeMap<String, Case<'_>>) -> usize {
    cases.values().filter(|case| !case.errors.is_empty()).count()
}

fn suite(out: &mut dyn Write, checked: &Checked, cases: &BTreeMap<String, Case<'_>>) -> io::Result<()> {
    let name = escaped(&checked.paths.of(&checked.file));
    let (tests, failures) = (cases.len(), failed(cases));
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    )?;
    for (path, case) in cases {
        let path = escaped(path);
        write!(out, "    <testcase classname=\"{name}\" name=\"{path}\" file=\"{path}\"")?;
        if case.errors.is_empty() && case.others.is_empty() {
            writeln!(out, "/>")?;
            continue;
        }
        writeln!(out, ">")?;
        if let Some(first) = case.errors.first() {
            let message = match case.errors.len() {
                1 => escaped(&first.message),
                several => format!("{several} errors"),
            };
            let lines = lines(checked, &case.errors);
            let kind = escaped(first.code.id);
            writeln!(out, "      <failure message=\"{message}\" type=\"{kind}\">{lines}</failure>")?;
        }
        if !case.others.is_empty() {
            writeln!(out, "      <system-out>{}</system-out>", lines(checked, &case.others))?;
        }
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

/// `FILE:LINE:COLUMN: SEVERITY[CODE]: MESSAGE` for each, and what to do next.
fn lines(checked: &Checked, findings: &[&Finding]) -> String {
    let line = |finding: &&Finding| {
        let region = checked.region(finding.at.as_ref());
        let (line, column) = region.start;
        let (severity, code) = (finding.severity.word(), finding.code.id);
        escaped(&format!("{}:{line}:{column}: {severity}[{code}]: {}", region.path, message(finding, checked)))
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Text for XML. Characters that XML does not have are hidden ones, which are escaped before.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in visible_lines(text).chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_every_character_is_one_of_xml() {
        assert_eq!(escaped("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;");
        let all: String = (0..=0x0010_ffff).filter_map(char::from_u32).collect();
        let allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert_eq!(escaped(&all).chars().find(|c| !allowed(*c)), None);
    }
}
