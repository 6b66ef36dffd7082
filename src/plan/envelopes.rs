//! The envelopes of a configuration and of its base, checked against the configuration and the state after a plan.

use crate::base::Finding;
use crate::contract::{Against, check_envelopes, envelope_findings};
use crate::desired::{Desired, Override};
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::Context;

use super::guards::{Overridden, override_help};
use super::{Plan, after};

impl Plan {
    /// The plan with the envelopes checked. What exceeds one refuses it. What the base does not allow to included files refuses
    /// it as well, also if an error blocks it: then there is no state after it.
    pub(super) fn with_envelopes(mut self, desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Self {
        for (name, finding) in desired.outside_base() {
            self.refuse_by_envelope(&name, finding, desired);
        }
        if desired.envelopes.is_empty() || self.is_blocked() {
            return self;
        }
        let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
        let after = after(&self, observed);
        let against = match self.partial {
            Some(_) => Against::Part { before: observed, after: &after },
            None => Against::Plan(&after),
        };
        self.envelopes = check_envelopes(desired, against, &context);
        for checked in self.envelopes.clone() {
            for finding in envelope_findings(&checked, desired, &context) {
                match finding.is_error() {
                    true => self.refuse_by_envelope(&checked.envelope.name, finding, desired),
                    false => self.findings.push(finding),
                }
            }
        }
        self
    }

    fn refuse_by_envelope(&mut self, name: &str, finding: Finding, desired: &Desired) {
        let by = Override::Envelope(name.to_owned());
        let help = finding.help.clone().map(|help| format!("{help}\n")).unwrap_or_default();
        let refusal = finding.help(format!("{help}{}", override_help(&by)));
        match desired.guards.overrides.contains(&by) {
            true => self.overrides.push(Overridden { by, refusal }),
            false => self.refusals.push(refusal),
        }
    }
}
