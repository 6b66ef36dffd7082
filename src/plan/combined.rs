//! The policies that access through a combined policy comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::PolicyName;
use crate::desired::{Desired, PolicyIntent};
use crate::policy::access::{AccessLine, Cause, Side, pattern_covers, patterns_overlap};
use crate::policy::{Document, Effect, Selector, Statement};

/// The statements of a combined policy in normal form, each with the policies that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined(Vec<(Statement, Vec<PolicyName>)>);

impl Combined {
    /// The combined policies among the declared ones.
    pub(super) fn all(desired: &Desired) -> BTreeMap<&PolicyName, Arc<Self>> {
        let combined = desired.policies.iter().filter_map(|(name, entry)| match &entry.intent {
            PolicyIntent::Present(authored) => {
                let from = authored.combined_from();
                (!from.is_empty()).then(|| (name, Arc::new(Self::new(authored.normal().document(), from))))
            }
            PolicyIntent::Absent => None,
        });
        combined.collect()
    }

    fn new(document: &Document, from: Vec<Vec<PolicyName>>) -> Self {
        Self(document.statements.iter().cloned().zip(from).collect())
    }

    /// The policies that each statement comes from.
    pub fn of_statements(&self) -> impl Iterator<Item = &[PolicyName]> {
        self.0.iter().map(|(_, from)| from.as_slice())
    }

    /// The policies that an access line comes from: those with the statements that allow what is gained, or deny what is lost.
    pub fn of_line(&self, line: &AccessLine, side: Side) -> Vec<PolicyName> {
        let (effect, pattern) = match (side, &line.cause) {
            (Side::Gained, _) => (Effect::Allow, &line.pattern),
            (Side::Lost, Cause::Deny { pattern }) => (Effect::Deny, pattern),
            (Side::Lost, Cause::Allow) => return Vec::new(),
        };
        let gives = |statement: &Statement| {
            let has_action = line.actions.iter().any(|action| may_select(&statement.actions, action));
            statement.effect == effect && has_action && selects(&statement.resources, pattern)
        };
        let mut from: Vec<PolicyName> = self
            .0
            .iter()
            .filter(|(statement, _)| gives(statement))
            .flat_map(|(_, from)| from.iter().cloned())
            .collect();
        from.sort();
        from.dedup();
        from
    }
}

/// Whether a list selects all resources of a pattern.
fn selects(selector: &Selector, pattern: &str) -> bool {
    match selector.negated {
        false => selector.patterns.iter().any(|own| pattern_covers(own, pattern)),
        true => !selector.patterns.iter().any(|own| patterns_overlap(own, pattern)),
    }
}

/// Whether a list may select an action, in any case of its letters.
fn may_select(selector: &Selector, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let own = |own: &String| own.to_ascii_lowercase();
    match selector.negated {
        false => selector.patterns.iter().any(|pattern| patterns_overlap(&own(pattern), &action)),
        true => !selector.patterns.iter().any(|pattern| pattern_covers(&own(pattern), &action)),
    }
}
