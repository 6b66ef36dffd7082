//! JUnit XML: a suite for each configuration. Of findings, a test case for each of its files: errors fail a file, and warnings are
//! its output.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Checked, message};
use crate::base::{Finding, visible_lines};
use crate::render::json::{FindingV1, TestV1, VerifyOutcomeV1, VerifyV1};
use crate::render::phrase;

/// A configuration, with its test cases.
struct Suite {
    file: String,
    cases: Vec<Case>,
}

/// A test case.
struct Case {
    name: String,
    /// Whether it is about the file that it is named after.
    is_file: bool,
    verdict: Verdict,
    /// What is inside of its element, as XML.
    inside: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

fn write(out: &mut dyn Write, command: &str, suites: &[Suite]) -> io::Result<()> {
    let number = |of: &[Case], verdict| of.iter().filter(|case| case.verdict == verdict).count();
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failures: usize = suites.iter().map(|suite| number(&suite.cases, Verdict::Failed)).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"{command}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">")?;
    for Suite { file, cases } in suites {
        let (file, tests) = (escaped(file), cases.len());
        let (failures, skipped) = (number(cases, Verdict::Failed), number(cases, Verdict::Skipped));
        let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
        writeln!(out, "  <testsuite name=\"{file}\" {counts}>")?;
        for Case { name, is_file, inside, .. } in cases {
            let name = escaped(name);
            let path = if *is_file { format!(" file=\"{name}\"") } else { String::new() };
            let end = if inside.is_empty() { "/>".to_owned() } else { format!(">{inside}</testcase>") };
            writeln!(out, "    <testcase classname=\"{file}\" name=\"{name}\"{path}{end}")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// An element of a failure. All its text is escaped.
fn failure(message: &str, kind: &str, text: &str) -> String {
    format!("<failure message=\"{message}\" type=\"{kind}\">{text}</failure>")
}

/// Writes expectations and envelopes as JUnit XML: a test case for each.
pub fn junit_of_expectations(out: &mut dyn Write, file: &str, test: &TestV1) -> io::Result<()> {
    let case = |name: String, findings: &[&FindingV1], kind| {
        let Some(first) = findings.first() else {
            return Case { name, is_file: false, verdict: Verdict::Passed, inside: String::new() };
        };
        let text = escaped(&findings.iter().map(|of| of.message.as_str()).collect::<Vec<_>>().join("\n"));
        let inside = format!("\n      {}\n    ", failure(&escaped(&first.message), kind, &text));
        Case { name, is_file: false, verdict: Verdict::Failed, inside }
    };
    let expectations = test.with_findings();
    let expectations = expectations.map(|(of, found)| case(of.name.clone(), found.as_slice(), "expectation-failed"));
    let envelopes = test.envelopes_with_findings();
    let envelopes = envelopes.map(|(of, found)| case(format!("envelope {}", of.name), &found, "envelope-exceeded"));
    let cases = expectations.chain(envelopes).collect();
    write(out, "attune test", &[Suite { file: file.to_owned(), cases }])
}

/// Writes what an S3 service says as JUnit XML: a test case for each question.
pub fn junit_of_verify(out: &mut dyn Write, file: &str, of: &VerifyV1) -> io::Result<()> {
    let who = of.user.as_deref().unwrap_or("@anonymous");
    let cases = of.answers.iter().map(|answer| {
        let verb = if answer.allowed { "can" } else { "cannot" };
        let (verdict, inside) = match answer.outcome {
            VerifyOutcomeV1::AsDocument => (Verdict::Passed, String::new()),
            VerifyOutcomeV1::Unclear => {
                let why = escaped(answer.why.as_deref().unwrap_or_default());
                (Verdict::Skipped, format!("<skipped message=\"{why}\"/>"))
            }
            VerifyOutcomeV1::Differs => {
                let message = escaped(&phrase::difference_on_service(of, answer));
                let said = format!("{} is answered {}", answer.sent, answer.answer.as_deref().unwrap_or_default());
                (Verdict::Failed, failure(&message, "verify-differs", &escaped(&said)))
            }
        };
        let name = format!("{who} {verb} {} on {} ({})", answer.request, answer.resource, answer.kind);
        Case { name, is_file: false, verdict, inside }
    });
    write(out, "attune verify", &[Suite { file: file.to_owned(), cases: cases.collect() }])
}

/// Writes the findings as JUnit XML.
pub fn junit(out: &mut dyn Write, checked: &[Checked]) -> io::Result<()> {
    let suite = |of: &Checked| Suite { file: of.paths.of(&of.file), cases: cases(of) };
    write(out, "attune validate", &checked.iter().map(suite).collect::<Vec<_>>())
}

/// The files of a configuration, with their errors and their other findings.
fn cases(checked: &Checked) -> Vec<Case> {
    let read = checked.sources.files().iter().map(|file| checked.paths.of(&file.path));
    let mut files: BTreeMap<String, [Vec<&Finding>; 2]> =
        read.chain([checked.paths.of(&checked.file)]).map(|path| (path, Default::default())).collect();
    for finding in &checked.findings {
        let [errors, others] = files.entry(checked.region(finding.at.as_ref()).path).or_default();
        if finding.is_error() { errors.push(finding) } else { others.push(finding) }
    }
    let case = |(name, [errors, others]): (String, [Vec<&Finding>; 2])| {
        let message = match errors.as_slice() {
            [only] => escaped(&only.message),
            several => format!("{} errors", several.len()),
        };
        let mut parts = Vec::new();
        parts.extend(errors.first().map(|first| failure(&message, &escaped(first.code.id), &lines(checked, &errors))));
        parts.extend((!others.is_empty()).then(|| format!("<system-out>{}</system-out>", lines(checked, &others))));
        let inside = parts.iter().map(|part| format!("\n      {part}")).collect::<String>();
        let inside = if parts.is_empty() { inside } else { inside + "\n    " };
        let verdict = if errors.is_empty() { Verdict::Passed } else { Verdict::Failed };
        Case { name, is_file: true, verdict, inside }
    };
    files.into_iter().map(case).collect()
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
    let text = visible_lines(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
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
