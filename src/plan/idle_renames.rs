//! The findings about renames (`renamed_from`) that have no effect, or cannot have the one that is meant.

use crate::base::{Finding, PolicyName};
use crate::desired::{Desired, RenamedFrom};
use crate::observed::Observed;

use super::codes;
use super::compare::Comparison;
use super::renames::Stage;

pub(super) fn findings(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    desired.renames().filter_map(|(policy, old)| finding(desired, observed, comparison, policy, old)).collect()
}

fn finding(
    desired: &Desired,
    observed: &Observed,
    comparison: &Comparison,
    policy: &PolicyName,
    old: &RenamedFrom,
) -> Option<Finding> {
    let body = observed.policies.get(&old.policy);
    let stage = comparison.renames.get(policy).map(|rename| rename.stage);
    let Some(body) = body else {
        let message = match (stage, comparison.exists(policy, observed)) {
            (Some(Stage::Open | Stage::Finishing), _) => return None,
            (None, true) => {
                format!("`{}` does not exist any more: `renamed_from` of policy `{policy}` has no effect", old.policy)
            }
            (None, false) => format!("`{}` does not exist: policy `{policy}` is added, not renamed", old.policy),
        };
        let help = "once no cluster has the old name, remove `renamed_from`: `attune snapshot | attune validate --fix --snapshot -`";
        return Some(Finding::note(codes::RENAME_WITHOUT_EFFECT, message).at(old.at.clone()).help(help));
    };
    if stage == Some(Stage::Open) {
        return None;
    }
    let message = format!("both `{}` and `{policy}` exist, and no rename is under way", old.policy);
    let same = observed.policies.get(policy).is_some_and(|new| new.normal().is_some() && new.normal() == body.normal());
    // What an interrupted rename has left is finished in any case.
    let finding = if same || stage == Some(Stage::Finishing) {
        let message = format!("{message}: `renamed_from` has no effect on `{}`", old.policy);
        Finding::warning(codes::RENAME_OF_BOTH, message)
    } else {
        Finding::error(codes::RENAME_OF_BOTH, format!("{message}, and their documents differ"))
    };
    let help = if desired.ownership.covers_policy(&old.policy) {
        format!("remove `renamed_from`; `[ownership]` covers `{}`, so a plan removes it", old.policy)
    } else {
        let old = &old.policy;
        format!(
            "remove `renamed_from` if both are meant; to remove the old one, declare `[policies.{old}] absent = true` and the users that have it with `{policy}`"
        )
    };
    Some(finding.at(old.at.clone()).help(help))
}
