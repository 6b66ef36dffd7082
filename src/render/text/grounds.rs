//! The statements that decide about an action, in words.

use crate::base::list;
use crate::policy::access::{ActionDecision, Ground, Verdict};
use crate::render::phrase::shown;

/// The statements that decide about an action.
pub(super) fn grounds_of(of: &ActionDecision) -> String {
    let decision = &of.decision;
    let (allowed, denied) = (grounds(&decision.allowed_by), grounds(&decision.denied_by));
    match (decision.allowed_by.is_empty(), decision.denied_by.is_empty()) {
        (true, true) => "no statement allows it".to_owned(),
        (true, false) => format!("no statement allows it; denied {denied}"),
        (false, true) => format!("allowed {allowed}"),
        (false, false) if decision.verdict == Verdict::Denied => format!("denied {denied}"),
        (false, false) => format!("allowed {allowed}; denied {denied}"),
    }
}

/// Statements with their conditions: `by Logs when …`. That an unknown policy decides only if it does needs no words.
pub(super) fn grounds(grounds: &[Ground]) -> String {
    let is_own = |ground: &Ground, condition: &String| {
        condition
            .strip_prefix(ground.statement.as_str())
            .is_some_and(|rest| [" allows it", " denies it"].contains(&rest))
    };
    let one = |ground: &Ground| {
        let others: Vec<&str> =
            ground.conditions.iter().filter(|condition| !is_own(ground, condition)).map(String::as_str).collect();
        let perhaps = if others.len() < ground.conditions.len() { "perhaps by " } else { "" };
        let when = if others.is_empty() { String::new() } else { format!(" when {}", others.join(" and ")) };
        format!("{perhaps}{}", shown(&format!("{}{when}", ground.statement)))
    };
    let all: Vec<String> = grounds.iter().map(one).collect();
    let by = if all.first().is_some_and(|first| first.starts_with("perhaps by ")) { "" } else { "by " };
    format!("{by}{}", list(&all))
}
