//! Text for people at a terminal.

mod access;
mod access_report;
mod diff;
mod doctor;
mod import;
mod outcome;
mod plan;
mod policy_diff;
mod users;

pub use access::access;
pub use access_report::access_report;
pub use doctor::doctor;
pub use import::import;
pub use outcome::outcome;
pub use plan::plan;
pub use policy_diff::policy_diff;

use std::io::{self, Write};

use crate::base::Principal;
use crate::plan::{Call, Plan};
use crate::render::Styles;
use crate::render::words::shown;

/// A call in one line: `attach ml-training to alice`.
#[must_use]
pub fn call(call: &Call) -> String {
    match call {
        Call::AddPolicy { policy, document } => {
            format!("add policy {} ({} bytes)", shown(policy.as_str()), document.len())
        }
        Call::RemovePolicy { policy, .. } => format!("remove policy {}", shown(policy.as_str())),
        Call::Attach { principal, policy, .. } => {
            format!("attach {} to {}", shown(policy.as_str()), holder(principal))
        }
        Call::RetireKeys { user } => format!("retire the keys of {}", shown(user.as_str())),
        Call::Detach { principal, policy } => {
            format!("detach {} from {}", shown(policy.as_str()), holder(principal))
        }
    }
}

/// A user by its name, a group as such: `alice`, `group ml`.
fn holder(principal: &Principal) -> String {
    match principal {
        Principal::User(user) => shown(user.as_str()),
        Principal::Group(group) => format!("group {}", shown(group.as_str())),
    }
}

/// What the guards would have refused, had it not been overridden.
fn overridden(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    for overridden in &plan.overrides {
        let (by, what) = (overridden.by.to_string(), &overridden.refusal.message);
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(&by), shown(what))?;
    }
    Ok(())
}
