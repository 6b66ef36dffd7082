//! Drift and what is proposed, told apart, before the plan that does both.

use super::change::what;
use super::cut::Cut;
use super::escape::code;
use crate::render::json::{BaseV1, ChangeV1, PlanV1};
use crate::render::phrase::{NOT_IN_THE_PLAN, is_left, nothing_proposed, object, plan_of_both};
use crate::render::words::count;

/// Both sections; nothing where they were not told apart.
pub(super) fn base(plan: &PlanV1, cut: Cut) -> String {
    let Some(base) = &plan.base else { return String::new() };
    let (BaseV1 { revision, drift, proposed }, review) = (base, plan.review.as_ref());
    let revision = code(revision);
    let mut text =
        section(plan, drift, &format!("Drift, to bring the cluster back to what {revision} says"), "none", cut);
    let (title, nothing) =
        (format!("Proposed, what the file says otherwise than {revision}"), nothing_proposed(&revision, review));
    text += &section(plan, proposed, &title, &nothing, cut);
    text + &format!("The plan below does {}.\n\n", plan_of_both(base, review))
}

/// Every change is in the plan as well, so that names may be left out here.
fn section(plan: &PlanV1, changes: &[ChangeV1], title: &str, nothing: &str, cut: Cut) -> String {
    let number = if changes.is_empty() { nothing.to_owned() } else { count(changes.len(), "change", "changes") };
    let mut text = format!("**{title}: {number}**\n\n");
    if cut < Cut::Names && !changes.is_empty() {
        text += &changes
            .iter()
            .map(|change| {
                let left =
                    if is_left(change, plan.review.as_ref()) { format!(" {NOT_IN_THE_PLAN}") } else { String::new() };
                format!("- {}: {}{left}\n", object(change, code), what(plan, change, code, false))
            })
            .collect::<String>();
        text.push('\n');
    }
    text
}
