//! Text for people at a terminal.

mod access;
mod access_report;
mod base;
mod change;
mod diff;
mod doctor;
mod drift;
mod findings;
mod import;
mod outcome;
mod plan;
mod policy_diff;
mod users;

pub use access::access;
pub use access_report::access_report;
pub use doctor::doctor;
pub use drift::drift;
pub use findings::saved_findings;
pub use import::import;
pub use outcome::{ended, outcome};
pub use plan::{plan, verdict};
pub use policy_diff::policy_diff;

use std::io::{self, Write};

use crate::base::{GroupName, PolicyName, Principal, UserName};
use crate::plan::Call;
use crate::render::Styles;
use crate::render::json::{CallV1, OverrideV1};
use crate::render::words::shown;

/// A call in one line: `attach ml-training to alice`.
#[must_use]
pub fn call(call: &Call) -> String {
    let told = |call, policy: Option<&PolicyName>, principal: Option<&Principal>| {
        let (user, group) = (principal.and_then(Principal::user), principal.and_then(Principal::group));
        called(call, policy.map(PolicyName::as_str), user.map(UserName::as_str), group.map(GroupName::as_str))
    };
    match call {
        Call::AddPolicy { policy, document } => {
            format!("{} ({} bytes)", told(CallV1::AddPolicy, Some(policy), None), document.len())
        }
        Call::RemovePolicy { policy, .. } => told(CallV1::RemovePolicy, Some(policy), None),
        Call::Attach { principal, policy, .. } => told(CallV1::Attach, Some(policy), Some(principal)),
        Call::RetireKeys { user } => told(CallV1::RetireKeys, None, Some(&Principal::from(user))),
        Call::Detach { principal, policy } => told(CallV1::Detach, Some(policy), Some(principal)),
    }
}

/// The same of a call that is told by its parts.
fn called(call: CallV1, policy: Option<&str>, user: Option<&str>, group: Option<&str>) -> String {
    let (policy, holder) = (shown(policy.unwrap_or_default()), who(user, group));
    match call {
        CallV1::AddPolicy => format!("add policy {policy}"),
        CallV1::RemovePolicy => format!("remove policy {policy}"),
        CallV1::Attach => format!("attach {policy} to {holder}"),
        CallV1::RetireKeys => format!("retire the keys of {holder}"),
        CallV1::Detach => format!("detach {policy} from {holder}"),
    }
}

/// A user by its name, a group as such: `alice`, `group ml`.
fn who(user: Option<&str>, group: Option<&str>) -> String {
    match (user, group) {
        (_, Some(group)) => format!("group {}", shown(group)),
        (user, None) => shown(user.unwrap_or_default()),
    }
}

/// What the guards would have refused, had it not been overridden.
fn overridden(out: &mut dyn Write, styles: &Styles, overrides: &[OverrideV1]) -> io::Result<()> {
    for OverrideV1 { given, message, .. } in overrides {
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(given), shown(message))?;
    }
    Ok(())
}
