//! Text for a terminal, the outcome of an apply, and the applies of a state directory.

mod access;
mod answers;
mod cluster;
mod compared;
mod expectations;
mod keys;
mod plan;
mod probe;
mod questions;
mod report;
mod verify;
mod why;

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};

use crate::plan::Step;
use crate::render::Styles;
use crate::render::json::{HistoryV1, OutcomeV1, OverrideV1, PastApplyV1, PastResultV1, StepOutcomeV1, StepV1};
use crate::render::phrase::{self, CANNOT_READ_AGAIN, calls_by_status, count, shown};

pub use access::{access, policy_diff};
pub use answers::{Detail, access_report};
pub use cluster::{doctor, import};
pub use compared::comparison;
pub use expectations::expectations;
pub use keys::{revocation, revoked, rotated, rotation};
pub use plan::{drift, plan, saved_findings, verdict};
pub use probe::{about_probe, probe};
pub use report::report;
pub use verify::{about_verify, verified};
pub use why::why;

const UNDER: &str = "        ";

/// The API call of a step in one line: `attach ml-training to alice`.
pub fn call(step: &Step) -> String {
    let step = StepV1::of(step);
    let size = step.document.as_ref().map(|document| format!(" ({} bytes)", document.get().len()));
    phrase::call(&step, shown) + &size.unwrap_or_default()
}

/// How much deeper than its first line the rest of a wrapped line starts.
const DEEPER: usize = 4;

/// Writes text whose lines are wrapped to the width of the styles. A word, a quoted value and a command stay whole.
fn wrapped(
    out: &mut dyn Write,
    styles: &Styles,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(width) = styles.width else { return write(out) };
    let mut text = Vec::new();
    write(&mut text)?;
    String::from_utf8_lossy(&text)
        .split_inclusive('\n')
        .try_for_each(|line| out.write_all(wrap(line, width).as_bytes()))
}

fn wrap(line: &str, width: usize) -> String {
    let text = line.trim_end_matches('\n');
    if measure_text_width(text) <= width {
        return line.to_owned();
    }
    let indent = text.len() - text.trim_start_matches(' ').len();
    let rest = " ".repeat((indent + DEEPER).min(width / 2));
    let (mut wrapped, mut used) = (" ".repeat(indent), indent);
    for word in words(&text[indent..]) {
        let (bare, gap) = (word.trim_start_matches(' '), word.len() - word.trim_start_matches(' ').len());
        let long = measure_text_width(bare);
        // A mark stays with the word after it.
        if used > indent + 1 && used + gap + long > width {
            wrapped += &format!("\n{rest}{bare}");
            used = rest.len() + long;
        } else {
            wrapped += word;
            used += gap + long;
        }
    }
    wrapped + &line[text.len()..]
}

/// The parts of a line that stay whole, each with the spaces before it. Options of a command are one part with all that
/// follows, so that they can be copied.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut open, mut escaped, mut before) = (Vec::new(), 0, None, false, ' ');
    for (at, c) in text.char_indices() {
        match open {
            Some(quote) if c == quote && !escaped => open = None,
            Some(_) => {}
            None if c == '"' || c == '`' => open = Some(c),
            None if text[at..].starts_with(" --") => {
                words.push(&text[start..at]);
                start = at;
                break;
            }
            None if c == ' ' && before != ' ' => {
                words.push(&text[start..at]);
                start = at;
            }
            None => {}
        }
        (escaped, before) = (c == '\\' && !escaped, c);
    }
    words.push(&text[start..]);
    words
}

fn object_line(
    out: &mut dyn Write,
    (mark, style): (&str, &Style),
    (object, width): (&str, usize),
    text: &str,
) -> io::Result<()> {
    let object = pad_str(object, width, Alignment::Left, None);
    writeln!(out, "{}", format!("  {} {object}   {text}", style.apply_to(mark)).trim_end())
}

fn widest(texts: impl Iterator<Item = String>) -> usize {
    texts.map(|text| measure_text_width(&text)).max().unwrap_or(0)
}

fn overridden(out: &mut dyn Write, styles: &Styles, overrides: &[OverrideV1]) -> io::Result<()> {
    for OverrideV1 { given, message, .. } in overrides {
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(given), shown(message))?;
    }
    Ok(())
}

/// Writes an outcome: first the steps that did not succeed, then the counts, then whether the cluster matches the
/// configuration.
pub fn outcome(out: &mut dyn Write, styles: &Styles, outcome: &OutcomeV1) -> io::Result<()> {
    for ended in &outcome.steps {
        step(out, styles, ended)?;
    }
    writeln!(out, "{}", calls_by_status(outcome))?;
    overridden(out, styles, &outcome.overrides)?;
    if outcome.converged {
        let text = format!("cluster {} {}", shown(&outcome.cluster.name), phrase::matches(outcome.only.as_ref()));
        writeln!(out, "{}", styles.add.apply_to(text))?;
        if outcome.not_read_again > 0 {
            let documents = count(outcome.not_read_again, "document", "documents");
            let text = format!("not read again after the last call: {documents} that no call of this apply changed");
            writeln!(out, "{}", styles.dim.apply_to(text))?;
        }
    } else if outcome.remaining.is_none() {
        writeln!(out, "{CANNOT_READ_AGAIN}: run `attune plan` to see its state")?;
    } else {
        let remaining = count(outcome.remaining_changes.len(), "change remains", "changes remain");
        let text = format!("{remaining}: run `attune plan` to see them, `attune apply` to resume");
        writeln!(out, "{}", styles.remove.apply_to(text))?;
        outcome.remaining_changes.iter().try_for_each(|id| writeln!(out, "  {}", shown(id)))?;
    }
    plan::part(out, styles, outcome.only.as_ref())?;
    outcome.verified.iter().try_for_each(|users| verify::verified_users(out, styles, users))?;
    match (&outcome.rollback_command, &outcome.rollback_file) {
        (Some(command), _) => writeln!(out, "to roll back: {}", shown(command)),
        (None, Some(file)) => writeln!(out, "to roll back, apply the rollback file {}", shown(file)),
        (None, None) => Ok(()),
    }
}

fn step(out: &mut dyn Write, styles: &Styles, ended: &StepOutcomeV1) -> io::Result<()> {
    let call = phrase::call(&ended.step(), shown);
    let line = |text: String| format!("  {:>3} {call}: {text}", ended.id);
    if let Some(text) = phrase::ending(ended, &shown(ended.reason.as_deref().unwrap_or_default())) {
        writeln!(out, "{}", styles.remove.apply_to(line(text)))?;
    }
    for remark in &ended.remarks {
        let text = phrase::remark(*remark, ended, shown, |command| format!("`{command}`"));
        writeln!(out, "{}", styles.change.apply_to(line(text)))?;
    }
    Ok(())
}

/// The outcome in a few words.
pub fn ended(outcome: &OutcomeV1) -> String {
    let end =
        if outcome.converged { phrase::matches(outcome.only.as_ref()) } else { "does not match the configuration" };
    format!("{} · {end}", calls_by_status(outcome))
}

/// How many digits of a commit are shown.
const COMMIT: usize = 12;

/// How many digits of a digest are shown.
const DIGEST: usize = 32;

/// Writes the applies, newest first.
pub fn history(out: &mut dyn Write, styles: &Styles, history: &HistoryV1) -> io::Result<()> {
    for (number, apply) in history.applies.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        one(out, styles, apply)?;
    }
    if history.truncated { writeln!(out, "\nolder applies are not shown") } else { Ok(()) }
}

fn one(out: &mut dyn Write, styles: &Styles, apply: &PastApplyV1) -> io::Result<()> {
    let (style, result) = match apply.result {
        PastResultV1::Applied => (&styles.add, "applied"),
        PastResultV1::PartiallyApplied => (&styles.remove, "partially applied"),
        PastResultV1::Unfinished => (&styles.remove, "unfinished: interrupted, or still running"),
    };
    let PastApplyV1 { calls, done, .. } = apply;
    let time = styles.strong.apply_to(shown(&apply.time));
    writeln!(out, "{time}   {} · {done} of {calls} API calls", style.apply_to(result))?;
    let (cluster, tenant, login) = (shown(&apply.cluster), shown(&apply.tenant), shown(&apply.login));
    writeln!(out, "  cluster {cluster} · tenant {tenant} · login {login}")?;
    writeln!(out, "  plan {}", start(&apply.digest, DIGEST))?;
    let commit = apply.commit.as_ref().map(|commit| format!(" at commit {}", start(commit, COMMIT)));
    if let Some(file) = &apply.file {
        writeln!(out, "  configuration {}{}", shown(file), commit.unwrap_or_default())?;
    }
    if let Some(reason) = &apply.reason {
        writeln!(out, "  reason: {}", shown(reason))?;
    }
    if !apply.approved_by.is_empty() {
        let people: Vec<String> = apply.approved_by.iter().map(|name| shown(name)).collect();
        writeln!(out, "  approved by {}", people.join(", "))?;
    }
    match &apply.rollback_command {
        Some(command) => writeln!(out, "  to roll back: {}", shown(command)),
        None => writeln!(out, "  {}", styles.dim.apply_to("no rollback file")),
    }
}

fn start(text: &str, length: usize) -> String {
    shown(text).chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_between_words() {
        let line = "      - s3:GetObject on data/*, except when s3:prefix is \"a b\" or `attune plan`\n";
        assert_eq!(wrap(line, 120), line);
        let wrapped = wrap(line, 40);
        insta::assert_snapshot!(wrapped, @r#"
      - s3:GetObject on data/*, except
          when s3:prefix is "a b" or
          `attune plan`
"#);
        assert!(wrapped.lines().all(|line| line.len() <= 40));
        let long = format!("  + {}\n", "x".repeat(90));
        assert_eq!(wrap(&long, 60), long, "nothing is cut in a word");
        let command = "for one run: --allow-access 'bob:s3:List*:*' --override max_removals=1\n";
        let whole = "for one run:\n    --allow-access 'bob:s3:List*:*' --override max_removals=1\n";
        assert_eq!(wrap(command, 20), whole, "options are copied into a shell");
    }

    #[test]
    fn styles_take_no_width() {
        let style = Style::new().red().force_styling(true);
        let line = format!("  {}", style.apply_to("one two"));
        assert_eq!(wrap(&line, 9), line);
        assert_eq!(wrap(&line, 8).lines().count(), 2);
    }
}
