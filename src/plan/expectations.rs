//! The expectations of a configuration, checked against the state after a plan.

use crate::contract::{self, State};
use crate::desired::{Desired, Override};
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::Context;

use super::guards::{Overridden, override_help};
use super::{Plan, after};

impl Plan {
    /// The plan with the expectations checked. One that the plan breaks, or makes worse, refuses it. Those of a blocked plan are
    /// not checked: there is no state after it.
    pub(super) fn with_expectations(mut self, desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Self {
        if desired.expectations.is_empty() || self.is_blocked() {
            return self;
        }
        let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
        let before = State::of_cluster(observed, desired);
        let after = State::of_cluster(&after(&self, observed), desired);
        self.expectations = contract::check(&desired.expectations, Some(&before), &after, &context);
        for checked in self.expectations.iter().filter(|checked| !checked.holds()) {
            let finding = contract::finding(checked, desired, &context);
            if !checked.refuses() {
                self.findings.push(finding);
                continue;
            }
            let by = Override::Expectation(checked.expectation.name.clone());
            let refusal = finding.help(override_help(&by));
            match desired.guards.overrides.contains(&by) {
                true => self.overrides.push(Overridden { by, refusal }),
                false => self.refusals.push(refusal),
            }
        }
        self
    }
}
