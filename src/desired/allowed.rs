//! The suppressed rules of documents.

use std::collections::BTreeSet;

use super::codes;
use super::raw::RawLint;
use super::spanned::Report;
use crate::base::{Code, did_you_mean, nearest};
use crate::policy;

/// The suppressed rules of `[lint] allow`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<Code>);

impl Allowed {
    /// Whether this rule is suppressed.
    pub fn contains(&self, rule: Code) -> bool {
        self.0.contains(&rule)
    }

    /// Whether the rule of this id or name is suppressed.
    pub fn has(&self, rule: &str) -> bool {
        let named = policy::rules().into_iter().find(|known| known.id == rule || known.code.id == rule);
        named.is_some_and(|known| self.contains(known.code))
    }

    /// The rules that this one or the other suppresses.
    pub(super) fn and(self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// The ids of the rules, such as `R07`.
    pub fn names(&self) -> Vec<&'static str> {
        policy::rules().into_iter().filter(|rule| self.contains(rule.code)).map(|rule| rule.id).collect()
    }

    /// Reads a `[lint]` table. The name of no rule is a finding.
    pub(super) fn read(raw: Option<&RawLint>, report: &mut Report) -> Self {
        let mut allowed = BTreeSet::new();
        let rules = policy::rules();
        for written in raw.into_iter().flat_map(|raw| &raw.allow) {
            let name = written.get();
            if let Some(rule) = rules.iter().find(|rule| rule.id == name || rule.code.id == name) {
                allowed.insert(rule.code);
                continue;
            }
            let id = rules.iter().map(|rule| rule.id).find(|id| id.eq_ignore_ascii_case(name));
            let near = id.or_else(|| nearest(name, rules.iter().map(|rule| rule.code.id)));
            let help =
                did_you_mean(near, || "write the id or the name of a rule, such as `R07` or `wrong-kind`".to_owned());
            report.error(codes::UNKNOWN_LINT, written.span(), format!("no rule has the name `{name}`"), help);
        }
        Self(allowed)
    }
}
