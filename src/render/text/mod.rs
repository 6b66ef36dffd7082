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
mod review;
mod users;

pub use access::access;
pub use access_report::access_report;
pub use doctor::{Beside, doctor};
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
use crate::render::phrase;
use crate::render::words::shown;

/// A call in one line: `attach ml-training to alice`.
#[must_use]
pub fn call(call: &Call) -> String {
    let told = |call, policy: Option<&PolicyName>, principal: Option<&Principal>| {
        let (user, group) = (principal.and_then(Principal::user), principal.and_then(Principal::group));
        let holder = (user.map(UserName::as_str), group.map(GroupName::as_str));
        phrase::called(call, policy.map(PolicyName::as_str), holder, shown)
    };
    match call {
        Call::AddPolicy { policy, document, .. } => {
            format!("{} ({} bytes)", told(CallV1::AddPolicy, Some(policy), None), document.len())
        }
        Call::RemovePolicy { policy, .. } => told(CallV1::RemovePolicy, Some(policy), None),
        Call::Attach { principal, policy, .. } => told(CallV1::Attach, Some(policy), Some(principal)),
        Call::RevokeKeys { user } => told(CallV1::RevokeKeys, None, Some(&Principal::from(user))),
        Call::Detach { principal, policy } => told(CallV1::Detach, Some(policy), Some(principal)),
    }
}

/// What the guards would have refused, had it not been overridden.
fn overridden(out: &mut dyn Write, styles: &Styles, overrides: &[OverrideV1]) -> io::Result<()> {
    for OverrideV1 { given, message, .. } in overrides {
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(given), shown(message))?;
    }
    Ok(())
}
