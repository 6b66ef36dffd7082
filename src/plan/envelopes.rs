//! The envelopes of a configuration and of its base, checked against the configuration and the state after a plan.

use crate::contract::{Against, check_envelopes, envelope_findings};
use crate::desired::{Desired, Override};
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::Context;

use super::Plan;

impl Plan {
    /// The plan with the envelopes checked. What exceeds one refuses it. What the base does not allow to included files refuses
    /// it as well, also if an error blocks it: then there is no state after it.
    pub(super) fn with_envelopes(
        mut self,
        desired: &Desired,
        (observed, after): (&Observed, Option<&Observed>),
        catalogue: &Catalogue,
    ) -> Self {
        for (name, finding) in desired.outside_base() {
            self.refuse(Override::Envelope(name), finding, desired);
        }
        let Some(after) = after else { return self };
        let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
        let against = match self.partial {
            Some(_) => Against::Part { before: observed, after },
            None => Against::Plan(after),
        };
        let all = check_envelopes(desired, against, &context);
        for checked in &all {
            for finding in envelope_findings(checked, desired, &context) {
                match finding.is_error() {
                    true => self.refuse(Override::Envelope(checked.envelope.name.clone()), finding, desired),
                    false => self.findings.push(finding),
                }
            }
        }
        Self { envelopes: all, ..self }
    }
}
