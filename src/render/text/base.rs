//! Drift and what is proposed, in two sections before the plan that does both.

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};
use serde_json::value::RawValue;

use crate::render::Styles;
use crate::render::json::{BaseV1, ChangeV1, KindV1};
use crate::render::words::{count, shown};

/// Writes both sections, and what heads the plan that follows. Nothing where they were not told apart.
///
/// # Errors
/// Those of the writer.
pub(super) fn base(out: &mut dyn Write, styles: &Styles, base: Option<&BaseV1>) -> io::Result<()> {
    let Some(base) = base else { return Ok(()) };
    let revision = shown(&base.revision);
    let nothing = format!("none, the cluster is as {revision} says");
    let title = format!("to bring the cluster back to what {revision} says");
    section(out, styles, ("drift", &title, &nothing), &base.drift)?;
    let nothing = format!("nothing, the file says what {revision} says");
    let title = format!("what the file says otherwise than {revision}");
    section(out, styles, ("proposed", &title, &nothing), &base.proposed)?;
    writeln!(out, "{} both together\n", styles.strong.apply_to("plan:"))
}

fn section(
    out: &mut dyn Write,
    styles: &Styles,
    (name, title, nothing): (&str, &str, &str),
    changes: &[ChangeV1],
) -> io::Result<()> {
    let name = styles.strong.apply_to(format!("{name}:"));
    if changes.is_empty() {
        return writeln!(out, "{name} {nothing}\n");
    }
    writeln!(out, "{name} {}, {title}", count(changes.len(), "change", "changes"))?;
    let width = changes.iter().map(|change| measure_text_width(&object(change))).max().unwrap_or(0);
    for change in changes {
        let (mark, style) = mark(styles, change.kind);
        let object = object(change);
        let object = pad_str(&object, width, Alignment::Left, None);
        writeln!(out, "  {} {object}   {}", style.apply_to(mark), what(change))?;
    }
    writeln!(out)
}

fn mark(styles: &Styles, kind: KindV1) -> (&'static str, &Style) {
    match kind {
        KindV1::AddPolicy | KindV1::Attach => ("+", &styles.add),
        KindV1::ReplacePolicy => ("±", &styles.change),
        KindV1::Move => (">", &styles.change),
        KindV1::RemovePolicy | KindV1::Detach => ("-", &styles.remove),
    }
}

/// What a change is about: `policy NAME`, `user NAME` or `group NAME`.
fn object(change: &ChangeV1) -> String {
    let (kind, name) = match (&change.policy, &change.user, &change.group) {
        (Some(policy), _, _) => ("policy", policy),
        (None, Some(user), _) => ("user", user),
        (None, None, Some(group)) => ("group", group),
        (None, None, None) => return shown(&change.id),
    };
    format!("{kind} {}", shown(name))
}

fn what(change: &ChangeV1) -> String {
    let arrow = || format!("{} → {}", name(change.before.as_deref()), name(change.after.as_deref()));
    match change.kind {
        KindV1::AddPolicy => "added".to_owned(),
        KindV1::ReplacePolicy if !change.heals.is_empty() => "an interrupted replacement is finished".to_owned(),
        KindV1::ReplacePolicy => {
            format!("gets another document, {}", count(change.holders.len(), "holder", "holders"))
        }
        KindV1::RemovePolicy => "removed".to_owned(),
        KindV1::Attach | KindV1::Move | KindV1::Detach => arrow(),
    }
}

/// The name of the policy that somebody holds.
fn name(held: Option<&RawValue>) -> String {
    let name = held.and_then(|held| serde_json::from_str::<String>(held.get()).ok());
    name.map_or_else(|| "nothing".to_owned(), |name| shown(&name))
}
