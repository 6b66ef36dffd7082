//! Expectations and envelopes as text: which hold, and what breaks the others.

use std::io::{self, Write};

use super::shown;
use crate::base::list_some;
use crate::render::Styles;
use crate::render::json::{MutationsV1, TestV1};
use crate::render::phrase::grouped;

/// Writes a line for each expectation, with what breaks it, and a line that counts them.
pub fn expectations(out: &mut dyn Write, styles: &Styles, test: &TestV1) -> io::Result<()> {
    for (expectation, finding) in test.with_findings() {
        let name = shown(&expectation.name);
        let Some(finding) = finding else {
            writeln!(out, "{}      {name}", styles.add.apply_to("ok"))?;
            continue;
        };
        let is_open = finding.code == "expectation-undecided";
        let word = if is_open { "UNKNOWN" } else { "FAILED " };
        writeln!(out, "{} {name}", styles.remove.apply_to(word))?;
        let what = finding.message.split_once(" fails: ").map_or(finding.message.as_str(), |(_, what)| what);
        writeln!(out, "        {}", shown(what))?;
        if let (Some(file), Some(line)) = (&finding.file, finding.line) {
            writeln!(out, "        {}", styles.dim.apply_to(format!("at {}:{line}", shown(file))))?;
        }
        for text in expectation.reason.iter().map(|reason| format!("reason: {reason}")).chain(finding.help.clone()) {
            writeln!(out, "        {}", styles.dim.apply_to(shown(&text)))?;
        }
    }
    match crate::render::phrase::expectations(&test.expectations) {
        Some(counts) => writeln!(out, "expectations: {counts}")?,
        None if test.envelopes.is_empty() => writeln!(out, "no expectations")?,
        None => {}
    }
    envelopes(out, styles, test)?;
    test.mutations.iter().try_for_each(|of| mutations(out, styles, of))
}

/// Writes a line for each envelope, with what exceeds it, and a line that counts them.
fn envelopes(out: &mut dyn Write, styles: &Styles, test: &TestV1) -> io::Result<()> {
    for (envelope, findings) in test.envelopes_with_findings() {
        let name = format!("envelope {}", shown(&envelope.name));
        if findings.is_empty() {
            writeln!(out, "{}      {name}", styles.add.apply_to("ok"))?;
            continue;
        }
        let is_open = findings.iter().all(|finding| finding.code == "envelope-undecided");
        let word = if is_open { "UNKNOWN" } else { "FAILED " };
        writeln!(out, "{} {name}", styles.remove.apply_to(word))?;
        for finding in findings {
            let what = finding.message.split_once(" is exceeded: ").map_or(finding.message.as_str(), |(_, what)| what);
            writeln!(out, "        {}", shown(what))?;
            if let (Some(file), Some(line)) = (&finding.file, finding.line) {
                writeln!(out, "        {}", styles.dim.apply_to(format!("at {}:{line}", shown(file))))?;
            }
            if let Some(help) = &finding.help {
                writeln!(out, "        {}", styles.dim.apply_to(shown(help)))?;
            }
        }
        if let Some(reason) = &envelope.reason {
            writeln!(out, "        {}", styles.dim.apply_to(format!("reason: {}", shown(reason))))?;
        }
    }
    if let Some(counts) = crate::render::phrase::envelopes(&test.envelopes) {
        writeln!(out, "envelopes: {counts}")?;
    }
    Ok(())
}

/// How many mutations of one statement the text lists. JSON has all of them.
const LISTED: usize = 6;

fn mutations(out: &mut dyn Write, styles: &Styles, of: &MutationsV1) -> io::Result<()> {
    writeln!(out)?;
    let missed = of.missed.iter();
    let statements = missed.map(|of| ((&of.policy, of.statement, &of.file, of.line), shown(&of.change)));
    for ((policy, statement, file, line), changes) in grouped(statements) {
        let title = format!("policy {}, statement {statement}", shown(policy));
        writeln!(out, "{}  {title}", styles.change.apply_to("missed"))?;
        writeln!(out, "        if it {}", list_some(&changes, LISTED, Clone::clone))?;
        if let (Some(file), Some(line)) = (file, line) {
            writeln!(out, "        {}", styles.dim.apply_to(format!("at {}:{line}", shown(file))))?;
        }
    }
    let noticed = of.caught + of.missed.len();
    let rest = match of.tried < of.possible {
        true => format!(" (stopped: {} of {} tried)", of.tried, of.possible),
        false => String::new(),
    };
    writeln!(out, "mutations: {} of {noticed} that widen access are noticed{rest}", of.caught)
}
