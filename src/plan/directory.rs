//! Users of a directory, which sets their policies again at every refresh.

use crate::base::{Finding, Location, PolicyName, UserName, list_some};
use crate::observed::{Observed, ObservedUser};

use super::change::{Call, Step};
use super::codes;

/// A change of an attachment that a directory sets again.
pub(super) fn imported(user: &UserName, source: &str, at: Option<Location>) -> Finding {
    let message = format!("user `{user}` comes from {source}: what is attached here lasts until the next refresh");
    Finding::warning(codes::IMPORTED_USER, message)
        .at(at)
        .help("set the policy in the directory as well (the attribute `wekaS3Policy`)")
}

/// Removals of policies that a directory gives to users: their refresh then fails with "S3 policy not found" (vendor
/// definition, 5.1).
pub(super) fn given_by_directory(observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    let removed = steps.iter().filter_map(|step| match &step.call {
        Call::RemovePolicy { policy, .. } if policy.temporary_for().is_none() => Some(policy),
        Call::RemovePolicy { .. }
        | Call::AddPolicy { .. }
        | Call::Attach { .. }
        | Call::Detach { .. }
        | Call::RevokeKeys { .. }
        | Call::SetBucketPolicy { .. } => None,
    });
    let finding = |policy: &PolicyName| {
        let gives =
            |user: &ObservedUser| user.is_imported() && user.attached.as_ref().is_some_and(|it| it.gives(policy));
        let users: Vec<&UserName> =
            observed.users.iter().filter(|(_, user)| gives(user)).map(|(name, _)| name).collect();
        let named = list_some(&users, 3, |user| format!("`{user}`"));
        let message = format!(
            "policy `{policy}` is to be removed, and a directory gives it to {named}: their next refresh fails (`S3 policy not found`)"
        );
        let help = "set another policy in the directory first (the attribute `wekaS3Policy`)";
        (!users.is_empty()).then(|| Finding::warning(codes::GIVEN_BY_DIRECTORY, message).help(help))
    };
    removed.filter_map(finding).collect()
}
