//! Phrases about access that begins and ends.

use super::Name;
use crate::desired::Phase;
use crate::render::json::TermV1;

/// When access begins or ends: `expires on 2026-12-31, in 12 days`. `None` if it has no end and has begun.
pub(in crate::render) fn term(of: &TermV1, name: Name) -> Option<String> {
    let then = of.then.as_deref().map(|policy| format!(", then {}", name(policy))).unwrap_or_default();
    let until = of.until.as_deref().map(on);
    match (of.phase, &of.from, until) {
        (Phase::NotBegun, from, until) => {
            let begins = format!("access begins {}{}", on(from.as_deref().unwrap_or_default()), days(of));
            Some(until.map_or(begins.clone(), |until| format!("{begins}, and expires {until}{then}")))
        }
        (Phase::InForce, _, Some(until)) => Some(format!("expires {until}{}{then}", days(of))),
        (Phase::InForce, Some(from), None) => Some(format!("access began {}", on(from))),
        (Phase::InForce, None, None) => None,
        (Phase::Ended, _, until) => Some(format!("access expired {}{then}", until.unwrap_or_default())),
    }
}

/// A day or a time with its preposition.
fn on(moment: &str) -> String {
    format!("{} {moment}", if moment.contains('T') { "at" } else { "on" })
}

fn days(of: &TermV1) -> String {
    match of.days {
        None => String::new(),
        Some(..=0) => ", today".to_owned(),
        Some(1) => ", tomorrow".to_owned(),
        Some(days) => format!(", in {days} days"),
    }
}

/// The title of a line about terms.
pub(in crate::render) const LATER: &str = "access that begins or ends";

/// How many terms are named in a line.
const FIRST: usize = 3;

/// The terms that come first: `alice expires on 2026-12-31, in 12 days; …`; `None` if there are none.
pub(in crate::render) fn later(terms: &[TermV1], name: Name) -> Option<String> {
    let mut terms: Vec<&TermV1> = terms.iter().collect();
    terms.sort_by_key(|of| (of.days, &of.id));
    let one = |of: &&TermV1| {
        let text = term(of, name).unwrap_or_default();
        format!("{} {}", subject(of, name), text.strip_prefix("access ").unwrap_or(&text))
    };
    let mut parts: Vec<String> = terms.iter().take(FIRST).map(one).collect();
    parts.extend(terms.len().checked_sub(FIRST).filter(|more| *more > 0).map(|more| format!("and {more} more")));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The user or group.
pub(in crate::render) fn subject(of: &TermV1, name: Name) -> String {
    match of.id.split_once('/') {
        Some(("group", group)) => format!("group {}", name(group)),
        Some((_, user)) => name(user),
        None => name(&of.id),
    }
}
