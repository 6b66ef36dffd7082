//! The command that runs a plan.

use crate::base::shell_word;
use crate::render::json::{PlanV1, PlannedTarget};

/// The command that runs exactly this plan, and whether it has all options of the plan. It names the target, if there are several.
pub(in crate::render) fn command(plan: &PlanV1, target: Option<&PlannedTarget>) -> (String, bool) {
    let mut complete = true;
    let mut command = "attune apply".to_owned();
    let tenant = target.and_then(|target| target.tenant.as_deref());
    let approval = match plan.signatures {
        Some(_) => ("--approvals", "approvals.json"),
        None => ("--approved", plan.digest.as_str()),
    };
    let own =
        [("--file", target.map(|target| target.file.as_str())), ("--tenant", tenant), (approval.0, Some(approval.1))];
    for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        match shell_word(value) {
            Some(value) => command += &format!(" {name} {value}"),
            None => complete = false,
        }
    }
    // Changed settings of a proposal apply after the merge. Until then the plan is that of the base.
    let revision = plan.review.as_ref().filter(|review| !review.settings.is_empty()).map(|review| &review.revision);
    let base = revision.map(|revision| ("--base", Some(revision)));
    let options = plan.options.iter().map(|option| (option.name.as_str(), option.value.as_ref()));
    for (name, value) in base.into_iter().chain(options) {
        match value {
            // Of a catalogue, the plan has only the hash.
            Some(_) if name == "--catalogue" => complete = false,
            Some(value) => match shell_word(value) {
                Some(value) => command += &format!(" {name} {value}"),
                None => complete = false,
            },
            None => command += &format!(" {name}"),
        }
    }
    (command, complete)
}
