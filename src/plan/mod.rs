//! From what should be and what is to the calls that make the one the other. Pure: the same inputs give the same plan,
//! byte for byte.

mod access;
mod after;
mod alike;
mod build;
mod change;
mod codes;
mod compare;
mod describe;
mod digest;
mod effects;
mod graph;
mod guards;
mod holders;
mod keys;
mod merged;
mod methods;
mod options;
mod order;
mod precedence;
mod problems;
mod settings;
mod step;
mod touched;
mod unreported;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::base::{Finding, GroupName, PolicyName, Principal, UserName, both};
use crate::desired::{self, Desired};
use crate::observed::{Identity, Limits, Observed};
use crate::policy::{self, Catalogue, Depth};

use effects::Effects;

pub use access::AccessChange;
pub use after::after;
pub use change::{Change, ChangeId, ChangeKind, Holder, Note, ReplaceMethod};
pub use codes::{CODES, NO_DESTINATION, NOT_COMPARED, USER_GONE};
pub use digest::Digest;
pub use effects::Effect;
pub use guards::Overridden;
pub use keys::{NewKeys, once_revoked};
pub use options::PlanOption;
pub use settings::{Declared, Review, SettingChange, Undeclared};
pub use step::{Call, Step, StepId};
pub use touched::Touched;
pub use unreported::{NameAccess, NotReported, Unreported};

/// Everything an apply does, and everything a reviewer needs to agree to it. Leaves nothing to decide.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which cluster and tenant it is for.
    pub identity: Identity,
    /// How much that cluster takes.
    pub limits: Limits,
    /// What an approval is bound to.
    pub digest: Digest,
    /// What differs, policies first, then users, then groups, each in the order of their names.
    pub changes: Vec<Change>,
    /// The calls. Empty when there is an error among the findings: such a plan cannot be applied.
    pub steps: Vec<Step>,
    /// What the steps do to each user and group whose access or attachment they change, computed from the steps.
    pub effects: BTreeMap<Principal, Effect>,
    /// What the cluster does not report, and what the steps may do to those who are not reported.
    pub unreported: Unreported,
    /// What is as it should be.
    pub unchanged: Unchanged,
    /// What no file names and nobody owns.
    pub unmanaged: Unmanaged,
    /// What stands in the way, and what else to know.
    pub findings: Vec<Finding>,
    /// What the guards refuse; the plan is not run while there is any.
    pub refusals: Vec<Finding>,
    /// What the guards would have refused, had it not been overridden for this run.
    pub overrides: Vec<Overridden>,
    /// The options of this run that decide it beside the configuration, whether they were needed or not.
    pub options: Vec<PlanOption>,
    /// The keys that it may create; `None` where it creates none.
    pub new_keys: Option<NewKeys>,
}

/// How much of what is declared is as it should be already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// Declared policies, tombstones included.
    pub policies: usize,
    /// Declared users.
    pub users: usize,
    /// Declared groups.
    pub groups: usize,
}

/// What is on the cluster and stays as it is because no file names it and `[ownership]` does not cover it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmanaged {
    /// Policies that somebody added.
    pub policies: Vec<PolicyName>,
    /// Policies that every cluster has.
    pub predefined: Vec<PolicyName>,
    /// Users that can hold a policy.
    pub users: Vec<UserName>,
    /// Groups that hold a policy.
    pub groups: Vec<GroupName>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether something stands in the way.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Makes the plan that turns `observed` into `desired`, with the actions of the cluster's release.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    plan_with(desired, observed, &Catalogue::of(&observed.identity.release))
}

/// Makes the plan that turns `observed` into `desired`, where the cluster has the actions of `catalogue`.
#[must_use]
pub fn plan_with(desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Plan {
    let many = desired.policies.len();
    let mut answers = access::Answers::new(catalogue);
    let arrange = || {
        let comparison = compare::compare(desired, observed);
        let find = || {
            let mut findings = problems::problems(desired, observed, &comparison);
            findings.extend(keys::not_revoked(desired, observed, &comparison));
            findings
        };
        let order = || {
            let accesses = access::expected(&comparison, observed, &mut answers);
            let precedences = precedence::Precedences::new(&comparison, &accesses);
            let order =
                |observed: &Observed| order::order(&comparison, observed, desired.cluster.replace, &precedences);
            let ordered = order(observed);
            // What differs is shown even where the cluster has no room for the steps.
            let meant = ordered.no_room.then(|| order(&observed.with_room()).steps);
            (ordered, meant)
        };
        let (findings, ordered) = both(many, find, order);
        (comparison, findings, ordered)
    };
    let ((comparison, mut findings, (mut ordered, meant)), lints) = both(many, arrange, || lint(desired, catalogue));
    findings.extend(lints);
    if ordered.no_room && !findings.iter().any(Finding::is_error) {
        findings.push(problems::no_room(observed));
    }
    findings.extend(problems::unnameable(&ordered.steps));
    findings.extend(alike::alike(desired, observed, &ordered.steps));
    findings.extend(keys::revoked_too_late(desired, observed, &ordered.steps));
    let effects = Effects::new(meant.as_ref().unwrap_or(&ordered.steps), observed, &mut answers);
    let changes = describe::changes(&comparison, observed, &ordered, &effects);
    if !findings.iter().any(Finding::is_error) {
        findings.extend(describe::not_shown(&changes, &ordered.steps, &effects));
    }
    if findings.iter().any(Finding::is_error) {
        ordered.steps.clear();
    }
    findings.extend(keys::first_pairs(&ordered.steps, &observed.identity, desired));
    let unreported = unreported::Unreported::new(&effects, observed, &mut answers);
    let found = guards::Found { comparison: &comparison, effects: &effects, unreported: &unreported };
    let guards::Ruling { mut refusals, overrides } = guards::refusals(desired, observed, found, &answers);
    refusals.extend(keys::without_destination(&ordered.steps, &observed.identity, desired.credentials.as_ref()));
    let options = options::options(desired, catalogue);
    let approved = digest::Approved {
        observed,
        changes: &changes,
        steps: &ordered.steps,
        effects: &effects,
        desired,
        options: &options,
    };
    Plan {
        identity: observed.identity.clone(),
        limits: observed.limits,
        digest: digest::digest(&approved),
        unchanged: describe::unchanged(&comparison, desired),
        unmanaged: describe::unmanaged(&comparison, desired),
        refusals,
        overrides,
        new_keys: keys::new_keys(&ordered.steps, &observed.identity, desired),
        options,
        changes,
        steps: ordered.steps,
        effects: effects.on,
        unreported,
        findings,
    }
}

/// What is wrong with the declared documents, or probably: notes are for `validate`, where documents are written. The
/// size of a document only matters where it is sent, and is held against what this cluster takes.
fn lint(desired: &Desired, catalogue: &Catalogue) -> Vec<Finding> {
    let found = desired::lint(desired, catalogue, Depth::Warnings).into_iter();
    found.filter(|finding| finding.code != policy::TOO_LONG).collect()
}
