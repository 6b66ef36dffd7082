//! Drift and what is proposed, in two sections before the plan that does both.

use std::io::{self, Write};

use console::{Alignment, measure_text_width, pad_str};

use super::change::mark;
use crate::render::Styles;
use crate::render::json::{ChangeV1, KindV1, PlanV1, ReviewV1};
use crate::render::phrase::{NOT_IN_THE_PLAN, held, is_left, nothing_proposed, object, plan_of_both};
use crate::render::words::{count, shown};

/// Writes both sections, and what heads the plan that follows. Nothing where they were not told apart.
///
/// # Errors
/// Those of the writer.
pub(super) fn base(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let (Some(base), review) = (&plan.base, plan.review.as_ref()) else { return Ok(()) };
    let revision = shown(&base.revision);
    let nothing = format!("none, the cluster is as {revision} says");
    let title = format!("to bring the cluster back to what {revision} says");
    section(out, styles, ("drift", &title, &nothing), &base.drift, review)?;
    let nothing = nothing_proposed(&revision, review);
    let title = format!("what the file says otherwise than {revision}");
    section(out, styles, ("proposed", &title, &nothing), &base.proposed, review)?;
    writeln!(out, "{} {}\n", styles.strong.apply_to("plan:"), plan_of_both(base, review))
}

fn section(
    out: &mut dyn Write,
    styles: &Styles,
    (name, title, nothing): (&str, &str, &str),
    changes: &[ChangeV1],
    review: Option<&ReviewV1>,
) -> io::Result<()> {
    let name = styles.strong.apply_to(format!("{name}:"));
    if changes.is_empty() {
        return writeln!(out, "{name} {nothing}\n");
    }
    writeln!(out, "{name} {}, {title}", count(changes.len(), "change", "changes"))?;
    let width = changes.iter().map(|change| measure_text_width(&object(change, shown))).max().unwrap_or(0);
    for change in changes {
        let (mark, style) = mark(styles, change.kind);
        let object = object(change, shown);
        let object = pad_str(&object, width, Alignment::Left, None);
        let left = if is_left(change, review) { format!(" {NOT_IN_THE_PLAN}") } else { String::new() };
        writeln!(out, "  {} {object}   {}{left}", style.apply_to(mark), what(change))?;
    }
    writeln!(out)
}

fn what(change: &ChangeV1) -> String {
    let arrow = || format!("{} → {}", held(change.before.as_deref(), shown), held(change.after.as_deref(), shown));
    match change.kind {
        KindV1::AddPolicy => "added".to_owned(),
        KindV1::ReplacePolicy if !change.temporary_policies.is_empty() => {
            "an interrupted replacement is finished".to_owned()
        }
        KindV1::ReplacePolicy => {
            format!("gets another document, {}", count(change.attached_to.len(), "holder", "holders"))
        }
        KindV1::RemovePolicy => "removed".to_owned(),
        KindV1::Attach | KindV1::Move | KindV1::Detach => arrow(),
    }
}
