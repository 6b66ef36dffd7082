//! New access that nobody agreed to.

use crate::base::{Finding, shell_line};
use crate::desired::{Exemption, Guards};
use crate::policy::access::{Access, Side, Undecided};

use super::super::NameAccess;
use super::super::codes::NEW_ACCESS;
use super::Found;

/// The new access that is refused: of everyone, declared or not, and of those whom the cluster does not report.
pub(super) fn refusals(found: &Found<'_>, guards: &Guards) -> Vec<Finding> {
    if !guards.deny_new_access {
        return Vec::new();
    }
    let known = found.effects.on.iter().filter_map(|(principal, effect)| Some((principal, effect.access.as_deref()?)));
    let known = known.flat_map(|(principal, access)| {
        let covers = |by: &Exemption, action: &[String], pattern: &str| by.covers(principal, action, pattern);
        new_access(&Who { name: principal.to_string(), label: principal.label() }, access, guards, covers)
    });
    let unreported = found.unreported.by_name.iter().flat_map(|of| by_name(of, guards));
    known.chain(unreported).collect()
}

/// What someone who is not reported may gain: nobody knows whether there is anyone, so it is not decided.
fn by_name(of: &NameAccess, guards: &Guards) -> Vec<Finding> {
    let covers = |by: &Exemption, action: &[String], pattern: &str| by.covers_policy(&of.policy, action, pattern);
    let name = format!("someone who has `{}` and whom the cluster does not report", of.policy);
    let open = of.access.gained.iter().map(|line| Undecided {
        side: Side::Gained,
        actions: line.actions.clone(),
        pattern: line.pattern.clone(),
        profile: None,
    });
    let undecided = open.chain(of.access.undecided.iter().cloned()).collect();
    let access = Access { undecided, ..Access::default() };
    new_access(&Who { name, label: format!("policy/{}", of.policy) }, &access, guards, covers)
}

/// Whose access it is, in a sentence and in an exemption.
struct Who {
    name: String,
    label: String,
}

fn new_access(
    who: &Who,
    access: &Access,
    guards: &Guards,
    covers: impl Fn(&Exemption, &[String], &str) -> bool,
) -> Vec<Finding> {
    let Who { name: principal, label } = who;
    let agreed = |actions: &[String], pattern: &str| {
        let one = |action| guards.allow_access.iter().any(|exemption| covers(exemption, action, pattern));
        actions.chunks(1).all(one)
    };
    let refusal = |actions: &[String], pattern: &str, what: String| {
        let bare = pattern.strip_prefix("arn:aws:s3:::").unwrap_or(pattern);
        let agree = actions.iter().map(|action| shell_line(["--allow-access", &format!("{label}:{action}:{bare}")]));
        Finding::error(NEW_ACCESS, what).help(match agree.collect::<Option<Vec<String>>>() {
            Some(arguments) => format!("to agree to it for one run: {}", arguments.join(" ")),
            None => "to agree to it for one run, give `--allow-access` with exactly these names".to_owned(),
        })
    };
    let gained = access.gained.iter().filter(|line| !agreed(&line.actions, &line.pattern)).map(|line| {
        let (actions, pattern, witness) = (line.actions.join(", "), &line.pattern, &line.witness);
        let message = format!(
            "{principal} would gain {actions} on {pattern}, such as {} on {}",
            witness.action, witness.resource
        );
        refusal(&line.actions, pattern, message)
    });
    let open =
        access.undecided.iter().filter(|open| open.side == Side::Gained && !agreed(&open.actions, &open.pattern));
    let open = open.map(|open| {
        let (actions, pattern) = (open.actions.join(", "), &open.pattern);
        refusal(&open.actions, pattern, format!("{principal} may gain {actions} on {pattern}: it could not be decided"))
    });
    gained.chain(open).collect()
}
