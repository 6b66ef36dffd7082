//! The expectations and envelopes of a configuration and of its base, checked against the configuration and the state after a plan.

use crate::contract::{self, Against, State, check_envelopes, envelope_findings};
use crate::desired::{Desired, Override};
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::Context;

use super::{Plan, after};

impl Plan {
    /// The plan with its expectations and envelopes checked. What breaks an expectation, makes it worse or exceeds an envelope
    /// refuses it. What the base does not allow to included files refuses it as well, also if an error blocks it: then there is
    /// no state after it, and nothing else is checked.
    pub(super) fn with_contract(mut self, desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Self {
        let has_contract = !desired.expectations.is_empty() || !desired.envelopes.is_empty();
        let after = (has_contract && !self.is_blocked()).then(|| after(&self, observed));
        let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
        if let Some(after) = after.as_ref().filter(|_| !desired.expectations.is_empty()) {
            let [before, after] = [observed, after].map(|cluster| State::of_cluster(cluster, desired));
            self.expectations = contract::check(&desired.expectations, Some(&before), &after, &context);
        }
        for checked in self.expectations.clone().iter().filter(|checked| !checked.holds()) {
            let finding = contract::finding(checked, desired, &context);
            match checked.refuses() {
                true => self.refuse(Override::Expectation(checked.expectation.name.clone()), finding, desired),
                false => self.findings.push(finding),
            }
        }
        for (name, finding) in desired.outside_base() {
            self.refuse(Override::Envelope(name), finding, desired);
        }
        let Some(after) = &after else { return self };
        let against = match self.partial {
            Some(_) => Against::Part { before: observed, after },
            None => Against::Plan(after),
        };
        self.envelopes = check_envelopes(desired, against, &context);
        for checked in &self.envelopes.clone() {
            for finding in envelope_findings(checked, desired, &context) {
                match finding.is_error() {
                    true => self.refuse(Override::Envelope(checked.envelope.name.clone()), finding, desired),
                    false => self.findings.push(finding),
                }
            }
        }
        self
    }
}
