//! The expectations of a configuration, checked against the state after a plan.

use crate::contract::{self, State};
use crate::desired::{Desired, Override};
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::Context;

use super::Plan;

impl Plan {
    /// The plan with the expectations checked. One that the plan breaks, or makes worse, refuses it. Those of a blocked plan are
    /// not checked: there is no state after it.
    pub(super) fn with_expectations(
        mut self,
        desired: &Desired,
        (observed, after): (&Observed, Option<&Observed>),
        catalogue: &Catalogue,
    ) -> Self {
        let Some(after) = after.filter(|_| !desired.expectations.is_empty()) else { return self };
        let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
        let before = State::of_cluster(observed, desired);
        let after = State::of_cluster(after, desired);
        let all = contract::check(&desired.expectations, Some(&before), &after, &context);
        for checked in all.iter().filter(|checked| !checked.holds()) {
            let finding = contract::finding(checked, desired, &context);
            match checked.refuses() {
                true => self.refuse(Override::Expectation(checked.expectation.name.clone()), finding, desired),
                false => self.findings.push(finding),
            }
        }
        Self { expectations: all, ..self }
    }
}
