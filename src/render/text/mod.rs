//! Text for a terminal.

mod access;
mod cluster;
mod diff;
mod drift;
mod outcome;
mod plan;

pub use access::{access, access_report};
pub use cluster::{Beside, doctor, import};
pub use diff::policy_diff;
pub use drift::drift;
pub use outcome::{ended, outcome};
pub use plan::{plan, saved_findings, verdict};

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};

use crate::base::{GroupName, PolicyName, Principal, UserName};
use crate::plan::Call;
use crate::render::Styles;
use crate::render::json::{CallV1, OverrideV1};
use crate::render::phrase::{self, shown};

/// The indent of the lines under a change or an object.
const UNDER: &str = "        ";

/// An API call in one line: `attach ml-training to alice`.
#[must_use]
pub fn call(call: &Call) -> String {
    let phrase = |call, policy: Option<&PolicyName>, principal: Option<&Principal>| {
        let (user, group) = (principal.and_then(Principal::user), principal.and_then(Principal::group));
        let (user, group) = (user.map(UserName::as_str), group.map(GroupName::as_str));
        phrase::call(call, policy.map(PolicyName::as_str), user, group, shown)
    };
    match call {
        Call::AddPolicy { policy, document, .. } => {
            format!("{} ({} bytes)", phrase(CallV1::AddPolicy, Some(policy), None), document.len())
        }
        Call::RemovePolicy { policy, .. } => phrase(CallV1::RemovePolicy, Some(policy), None),
        Call::Attach { principal, policy, .. } => phrase(CallV1::Attach, Some(policy), Some(principal)),
        Call::RevokeKeys { user } => phrase(CallV1::RevokeKeys, None, Some(&Principal::from(user))),
        Call::Detach { principal, policy } => phrase(CallV1::Detach, Some(policy), Some(principal)),
    }
}

/// A line of a list of objects.
struct ObjectLine<'s> {
    mark: &'static str,
    style: &'s Style,
    object: String,
    text: String,
}

impl ObjectLine<'_> {
    fn write(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        let object = pad_str(&self.object, width, Alignment::Left, None);
        let line = format!("  {} {object}   {}", self.style.apply_to(self.mark), self.text);
        writeln!(out, "{}", line.trim_end())
    }
}

/// The width of the widest text.
fn widest(texts: impl Iterator<Item = String>) -> usize {
    texts.map(|text| measure_text_width(&text)).max().unwrap_or(0)
}

/// The refusals that are overridden.
fn overridden(out: &mut dyn Write, styles: &Styles, overrides: &[OverrideV1]) -> io::Result<()> {
    for OverrideV1 { given, message, .. } in overrides {
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(given), shown(message))?;
    }
    Ok(())
}
