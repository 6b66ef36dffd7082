//! Drift and what is proposed, told apart, before the plan that does both.

use super::change::what;
use super::cut::Cut;
use super::escape::code;
use crate::render::json::{BaseV1, ChangeV1, PlanV1};
use crate::render::phrase::object;
use crate::render::words::count;

/// Both sections; nothing where they were not told apart.
pub(super) fn base(plan: &PlanV1, cut: Cut) -> String {
    let Some(BaseV1 { revision, drift, proposed }) = &plan.base else { return String::new() };
    let revision = code(revision);
    let mut text = section(plan, drift, &format!("Drift, to bring the cluster back to what {revision} says"), cut);
    text += &section(plan, proposed, &format!("Proposed, what the file says otherwise than {revision}"), cut);
    text + "The plan below does both.\n\n"
}

/// Every change is in the plan as well, so that names may be left out here.
fn section(plan: &PlanV1, changes: &[ChangeV1], title: &str, cut: Cut) -> String {
    let number = if changes.is_empty() { "none".to_owned() } else { count(changes.len(), "change", "changes") };
    let mut text = format!("**{title}: {number}**\n\n");
    if cut < Cut::Names && !changes.is_empty() {
        text += &changes
            .iter()
            .map(|change| format!("- {}: {}\n", object(change, code), what(plan, change, code, false)))
            .collect::<String>();
        text.push('\n');
    }
    text
}
