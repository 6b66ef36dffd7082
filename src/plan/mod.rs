//! Makes the plan that changes the observed state into the desired state. Pure: the same inputs give the same plan, byte for byte.

mod access;
mod after;
mod ahead;
mod bucket_target;
mod buckets;
mod change;
mod codes;
mod combined;
mod compare;
mod contract;
mod describe;
mod digest;
mod effects;
mod expired;
mod graph;
mod guards;
mod keys;
mod name_problems;
mod new_access;
mod only;
mod order;
mod part;
mod problems;
mod renames;
mod settings;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::base::{BucketName, Capabilities, Finding, GroupName, PolicyName, Principal, UserName};
use crate::contract::{Checked, CheckedEnvelope};
use crate::desired::{Desired, Term};
use crate::observed::{Identity, Limits, Observed};
use crate::policy::Catalogue;

use effects::Effects;

pub use after::after;
pub use ahead::Ahead;
pub use bucket_target::BucketTarget;
pub use buckets::BucketEffect;
pub use change::{
    AccessChange, AttachedPrincipal, Call, Change, ChangeId, ChangeKind, Note, ReplaceMethod, Step, StepId, Touched,
};
pub use codes::{CODES, NO_DESTINATION, NOT_COMPARED, USER_GONE};
pub use combined::Combined;
pub use digest::Digest;
pub use effects::{Effect, NameAccess, NotReported, Unreported};
pub use expired::{Expired, expired};
pub use guards::Overridden;
pub use keys::{NewKeys, once_revoked};
pub use only::{Needed, Only, OnlyPattern, Partial};
pub use settings::{BaseDeclaration, PlanOption, Review, SettingChange, Undeclared, destination};

/// Everything that an apply does and that a reviewer needs for an approval. It leaves nothing to decide.
#[derive(Debug, Clone)]
#[must_use]
pub struct Plan {
    /// The cluster and tenant it is for.
    pub identity: Identity,
    /// What that cluster can do.
    pub capabilities: Capabilities,
    /// The limits of that cluster.
    pub limits: Limits,
    /// An approval is bound to it.
    pub digest: Digest,
    /// The differences: policies, then users, then groups, each in the order of their names.
    pub changes: Vec<Change>,
    /// The calls. Empty if there is an error among the findings: a blocked plan cannot be applied.
    pub steps: Vec<Step>,
    /// The effects on each user and group whose access or attachment the steps change, computed from the steps.
    pub effects: BTreeMap<Principal, Effect>,
    /// The effects of the steps on each bucket whose policy they change.
    pub bucket_effects: BTreeMap<BucketName, BucketEffect>,
    /// The possible effects on users and groups that the cluster does not report.
    pub unreported: Unreported,
    /// The declared objects that need no change.
    pub unchanged: Unchanged,
    /// The objects that are neither declared nor owned.
    pub unmanaged: Unmanaged,
    /// Errors that block the plan, warnings and notes.
    pub findings: Vec<Finding>,
    /// The expectations, checked against the state after the plan. Empty if an error blocks it.
    pub expectations: Vec<Checked>,
    /// The envelopes, checked against the configuration and the state after the plan. Empty if an error blocks it.
    pub envelopes: Vec<CheckedEnvelope>,
    /// The refusals of guards, expectations and envelopes. A plan with any does not run.
    pub refusals: Vec<Finding>,
    /// The refusals that this run overrides.
    pub overrides: Vec<Overridden>,
    /// The options of this run that decide the plan beside the configuration, needed or not.
    pub options: Vec<PlanOption>,
    /// The keys that it may create; `None` if it creates none.
    pub new_keys: Option<NewKeys>,
    /// The part of the objects that it is for; `None` if it is for all.
    pub partial: Option<Partial>,
    /// The declared users and groups whose access begins or ends later, in order.
    pub terms: Vec<(Principal, Term)>,
}

/// How many declared objects need no change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// Declared policies, tombstones included.
    pub policies: usize,
    /// Declared users.
    pub users: usize,
    /// Declared groups.
    pub groups: usize,
    /// Declared buckets.
    pub buckets: usize,
}

/// The objects on the cluster that are neither declared nor covered by `[ownership]`. They stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmanaged {
    /// Policies, without the predefined ones.
    pub policies: Vec<PolicyName>,
    /// Predefined policies, which every cluster has.
    pub predefined: Vec<PolicyName>,
    /// Users that can have a policy.
    pub users: Vec<UserName>,
    /// Groups that have a policy.
    pub groups: Vec<GroupName>,
}

impl Plan {
    /// Whether it has no changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether it is for a part of the objects, and leaves out a difference or something that could not be read.
    pub fn leaves_out(&self) -> bool {
        self.partial.as_ref().is_some_and(Partial::leaves_out)
    }

    /// Whether an error blocks it.
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Makes the plan that changes `observed` into `desired`, with the actions of the cluster's release.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    plan_with(desired, observed, &Catalogue::of(&observed.identity.release))
}

/// Makes the plan that changes `observed` into `desired`, with the actions of `catalogue`.
pub fn plan_with(desired: &Desired, observed: &Observed, catalogue: &Catalogue) -> Plan {
    plan_part(desired, observed, catalogue, None)
}

/// Makes the plan for the selected objects and what they need; for all objects without a selection.
pub fn plan_part(desired: &Desired, observed: &Observed, catalogue: &Catalogue, only: Option<&Only>) -> Plan {
    plan_knowing(desired, observed, catalogue, only, None)
}

/// Makes the same plan sooner, with what was evaluated ahead.
pub fn plan_knowing(
    desired: &Desired,
    observed: &Observed,
    catalogue: &Catalogue,
    only: Option<&Only>,
    ahead: Option<Ahead>,
) -> Plan {
    let selection = only.map(|only| part::Selection::new(desired, observed, catalogue, only));
    let part = selection.as_ref().map_or(desired, |selection| &selection.desired);
    let rules = desired.cluster.rules();
    let (lint, answers) = Ahead::known(ahead, rules, catalogue);
    let of_documents = lint.filter(|_| only.is_none()).unwrap_or_else(|| part::lint(part, catalogue));
    let cache = access::AccessCache::knowing(catalogue, rules, answers).with_buckets(&observed.buckets);
    let comparison = compare::compare(part, observed);
    let accesses = access::expected(&comparison, observed, &cache);
    let of_buckets = buckets::expected(&comparison, observed, &cache);
    let precedences = order::Precedences::new(&comparison, &accesses, &of_buckets);
    let order = |observed: &Observed| order::order(&comparison, observed, desired.cluster.replace, &precedences);
    let ordered = order(observed);
    // A plan shows the differences even if the cluster has no room for the steps.
    let intended = ordered.no_room.then(|| {
        let limits = Limits { policies: usize::MAX, ..observed.limits };
        order(&Observed { limits, ..observed.clone() }).steps
    });
    let mut findings = part::problems_of(part, observed, &comparison, of_documents);
    if let Some(selection) = &selection {
        findings = selection.findings(findings);
    }
    let is_blocked = |findings: &[Finding]| findings.iter().any(Finding::is_error);
    if ordered.no_room && !is_blocked(&findings) {
        findings.push(problems::no_room(observed));
    }
    findings.extend(name_problems::not_addressable(&ordered.steps));
    findings.extend(name_problems::given_by_directory(observed, &ordered.steps));
    findings.extend(name_problems::lookalikes(desired, observed, &ordered.steps));
    findings.extend(keys::revoked_too_late(part, observed, &ordered.steps));
    let effects = Effects::new(intended.as_ref().unwrap_or(&ordered.steps), observed, &cache);
    let changes = describe::changes(desired, &comparison, observed, &ordered, &effects, &cache);
    if !is_blocked(&findings) {
        findings.extend(describe::not_shown(desired, &changes, &ordered.steps, &effects));
    }
    let steps = if is_blocked(&findings) { Vec::new() } else { ordered.steps };
    let unreported = Unreported::new(&effects, observed, &cache);
    let subject =
        guards::Subject { desired, observed, comparison: &comparison, effects: &effects, unreported: &unreported };
    let guards::Verdict { mut refusals, overrides } = guards::check(subject, &cache);
    let new_keys = NewKeys::new(&steps, observed.capabilities, desired);
    refusals.extend(new_keys.as_ref().and_then(NewKeys::refusal));
    let options = settings::options(desired, catalogue, only);
    let approved =
        digest::Approved { observed, changes: &changes, steps: &steps, effects: &effects, desired, options: &options };
    Plan {
        identity: observed.identity.clone(),
        capabilities: observed.capabilities,
        limits: observed.limits,
        digest: digest::digest(&approved),
        unchanged: describe::unchanged(&comparison, part),
        unmanaged: unmanaged(selection.as_ref(), &comparison, desired),
        refusals,
        overrides,
        new_keys,
        options,
        terms: later(part),
        partial: match selection {
            Some(selection) => Some(selection.partial(changes.iter().map(|change| &change.id))),
            None => desired.only_expired.then(Partial::of_expired),
        },
        changes,
        steps,
        effects: effects.on,
        bucket_effects: effects.buckets,
        unreported,
        findings,
        expectations: Vec::new(),
        envelopes: Vec::new(),
    }
    .with_contract(desired, observed, catalogue)
}

fn unmanaged(selection: Option<&part::Selection>, comparison: &compare::Comparison, desired: &Desired) -> Unmanaged {
    match selection {
        Some(selection) => selection.unmanaged(desired),
        // Of everything else, this plan knows nothing.
        None if desired.only_expired => Unmanaged::default(),
        None => describe::unmanaged(comparison, desired),
    }
}

/// The declared users and groups whose access begins or ends later.
fn later(desired: &Desired) -> Vec<(Principal, Term)> {
    let later = desired.terms().filter(|(_, term)| term.days.is_some());
    later.map(|(principal, term)| (principal.clone(), term)).collect()
}
