//! New access that nobody agreed to.

use crate::base::Finding;
use crate::desired::Guards;
use crate::policy::access::Side;

use super::super::codes::NEW_ACCESS;
use super::super::{Change, HolderAccess};

/// The new access that is refused.
pub(super) fn refusals(changes: &[Change], guards: &Guards) -> Vec<Finding> {
    if !guards.deny_new_access {
        return Vec::new();
    }
    changes.iter().flat_map(|change| &change.access).flat_map(|access| new_access(access, guards)).collect()
}

fn new_access(of: &HolderAccess, guards: &Guards) -> Vec<Finding> {
    let (principal, label) = (&of.principal, of.principal.label());
    let agreed = |actions: &[String], pattern: &str| {
        let one = |action| guards.allow_access.iter().any(|exemption| exemption.covers(principal, action, pattern));
        actions.chunks(1).all(one)
    };
    let refusal = |actions: &[String], pattern: &str, what: String| {
        let bare = pattern.strip_prefix("arn:aws:s3:::").unwrap_or(pattern);
        let agree: Vec<String> =
            actions.iter().map(|action| format!("--allow-access '{label}:{action}:{bare}'")).collect();
        Finding::error(NEW_ACCESS, what).help(format!("to agree to it for one run: {}", agree.join(" ")))
    };
    let gained = of.access.gained.iter().filter(|line| !agreed(&line.actions, &line.pattern)).map(|line| {
        let (actions, pattern, witness) = (line.actions.join(", "), &line.pattern, &line.witness);
        let message = format!(
            "{principal} would gain {actions} on {pattern}, such as {} on {}",
            witness.action, witness.resource
        );
        refusal(&line.actions, pattern, message)
    });
    let open =
        of.access.undecided.iter().filter(|open| open.side == Side::Gained && !agreed(&open.actions, &open.pattern));
    let open = open.map(|open| {
        let (actions, pattern) = (open.actions.join(", "), &open.pattern);
        refusal(&open.actions, pattern, format!("{principal} may gain {actions} on {pattern}: it could not be decided"))
    });
    gained.chain(open).collect()
}
