//! Why someone can or cannot do something, below the answer.

use std::io::{self, Write};

use super::wrapped;
use crate::base::list;
use crate::policy::Effect;
use crate::policy::access::Verdict;
use crate::render::Styles;
use crate::render::json::{LastChangeV1, StatementV1, WhyPlanV1, WhyV1};
use crate::render::phrase::{self, shown};

/// The digits of a hash that the text has.
const SHORT: usize = 12;

/// Writes the statements that decide, each with its place and its last change, and what a plan changes.
pub fn why(out: &mut dyn Write, styles: &Styles, why: &WhyV1) -> io::Result<()> {
    wrapped(out, styles, |out| {
        why.statements.iter().try_for_each(|one| statement(out, styles, one))?;
        why.plan.iter().try_for_each(|of| plan(out, styles, of))
    })
}

fn statement(out: &mut dyn Write, styles: &Styles, of: &StatementV1) -> io::Result<()> {
    let (style, verb) = match of.effect {
        Effect::Allow => (&styles.add, "allows"),
        Effect::Deny => (&styles.remove, "denies"),
    };
    let own = format!("statement {}", of.number);
    let name = if of.statement == own || of.bucket.is_some() {
        of.statement.clone()
    } else {
        format!("{own} {:?}", of.statement)
    };
    let policy = match (&of.policy, &of.bucket) {
        (Some(policy), _) => format!(" of policy {}", shown(policy)),
        (None, Some(bucket)) => format!(" of the policy of bucket {}", shown(bucket)),
        (None, None) => String::new(),
    };
    let rules = if of.rules.is_empty() { String::new() } else { format!(", by {}", shown(&list(&of.rules))) };
    let when = phrase::when(&of.conditions, shown);
    let actions = shown(&list(&of.actions));
    writeln!(out, "{}{policy} {verb} {actions}{when}{rules}", style.apply_to(shown(&name)))?;
    if let (Some(file), Some(line)) = (&of.file, of.line) {
        writeln!(out, "    at {}:{line}", shown(file))?;
    }
    match &of.last_change {
        Some(change) => writeln!(out, "    {}", styles.dim.apply_to(last_change(change))),
        None => Ok(()),
    }
}

fn last_change(of: &LastChangeV1) -> String {
    let (Some(commit), Some(date), Some(author)) = (&of.commit, &of.date, &of.author) else {
        return "not committed".to_owned();
    };
    let commit: String = commit.chars().take(SHORT).collect();
    let before = if of.or_before { " or before it" } else { "" };
    let summary = of.summary.as_deref().unwrap_or_default();
    format!("last changed in {}{before}, {}, {}: {}", shown(&commit), shown(date), shown(author), shown(summary))
}

fn plan(out: &mut dyn Write, styles: &Styles, of: &WhyPlanV1) -> io::Result<()> {
    let title = match (of.before, of.after) {
        (Verdict::Allowed, Verdict::Allowed) => "allowed on the cluster already",
        (Verdict::Denied, Verdict::Denied) => "not allowed on the cluster either",
        (Verdict::Depends, Verdict::Depends) => "under conditions on the cluster, too",
        (Verdict::Denied, Verdict::Allowed | Verdict::Depends) => "new with this plan",
        (Verdict::Allowed | Verdict::Depends, Verdict::Denied) => "taken away by this plan",
        (Verdict::Depends, Verdict::Allowed) => "under conditions on the cluster, and always after this plan",
        (Verdict::Allowed, Verdict::Depends) => "always on the cluster, and under conditions after this plan",
    };
    let refused = if of.refused { " (this plan is refused)" } else { "" };
    writeln!(out, "{}{refused}", styles.strong.apply_to(title))?;
    for change in &of.changes {
        let at = match (&change.file, change.line) {
            (Some(file), Some(line)) => format!(" (at {}:{line})", shown(file)),
            (Some(_) | None, _) => String::new(),
        };
        writeln!(out, "    this plan {}{at}", shown(&change.text))?;
    }
    Ok(())
}
