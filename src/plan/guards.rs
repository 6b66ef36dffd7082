//! Checks a plan against the guards: what they refuse, and which option overrides a refusal.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::base::{Code, Finding, PolicyName, Principal, list_some, shell_line};
use crate::desired::{Desired, Guards, Limit, Override};
use crate::observed::Observed;
use crate::policy::Normal;

use super::access::{AccessCache, AccessQuery, EffectiveDocument};
use super::buckets::{self, Closed};
use super::codes::{BUCKETS_CLOSED, DETACHED, MAPPED_POLICY, OWN_USER, PROTECTED_POLICY, PROTECTED_USER, REMOVALS};
use super::compare::{Comparison, PolicyAction};
use super::effects::Effects;
use super::new_access::new_access;
use super::renames::is_pure;
use super::{Effect, Plan, Unreported};

/// A refusal that an option of this run overrides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// The option.
    pub by: Override,
    /// The refusal.
    pub refusal: Finding,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The refusals; empty if the plan may run.
    pub(super) refusals: Vec<Finding>,
    pub(super) overrides: Vec<Overridden>,
}

#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) comparison: &'a Comparison,
    pub(super) effects: &'a Effects,
    pub(super) unreported: &'a Unreported,
}

pub(super) fn check(subject: Subject<'_>, cache: &AccessCache<'_>) -> Verdict {
    let existing = existing_policies(&subject);
    let without_access = subject.left_without_access(cache);
    let mut check = Check { subject, existing, without_access, verdict: Verdict::default() };
    check.removals();
    check.detached();
    check.protected_policies();
    check.mapped_policies();
    check.protected_principals();
    check.buckets_closed(cache);
    check.buckets();
    check.verdict.refusals.extend(new_access(subject.guards(), subject.effects, subject.unreported, cache));
    check.verdict
}

impl Plan {
    /// Refuses the plan, or notes what would refuse it if the command line overrides that. The help says how to.
    pub(super) fn refuse(&mut self, by: Override, finding: Finding, desired: &Desired) {
        let help = finding.help.clone().map(|help| format!("{help}\n")).unwrap_or_default();
        let refusal = finding.help(format!("{help}{}", override_help(&by)));
        match desired.guards.overrides.contains(&by) {
            true => self.overrides.push(Overridden { by, refusal }),
            false => self.refusals.push(refusal),
        }
    }

    /// Whether a guard refuses to let it run.
    pub fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }
}

struct Check<'a> {
    subject: Subject<'a>,
    /// The existing policies without the predefined ones, in order.
    existing: Vec<&'a PolicyName>,
    /// The guarded users and groups that have access before and none after, by the documents.
    without_access: BTreeSet<&'a Principal>,
    verdict: Verdict,
}

impl<'a> Subject<'a> {
    fn guards(&self) -> &'a Guards {
        &self.desired.guards
    }

    /// Whether this is the undeclared user that attune is logged in as. A change of a declared one is intended.
    fn is_own_user(&self, principal: &Principal) -> bool {
        principal.user() == Some(&self.observed.identity.user) && self.desired.entry(principal).is_none()
    }

    /// Whether the rename to this policy counts as a removal.
    fn is_removed_by_renaming(&self, to: &PolicyName) -> bool {
        let rename = self.comparison.renames.get(to);
        rename.is_some_and(|rename| !is_pure(rename, to, self.desired, self.observed))
    }

    /// Whether any guard depends on the access of this user or group.
    fn is_guarded(&self, principal: &Principal) -> bool {
        let guards = self.guards();
        !guards.max_detached.is_empty()
            || guards.overrides.iter().any(|by| matches!(by, Override::MaxDetached(_)))
            || guards.protected.covers(principal)
            || self.is_own_user(principal)
    }

    /// The guarded users and groups whose document gives them access before and none after. A document that is not decided to
    /// give access counts as giving none.
    fn left_without_access(&self, cache: &AccessCache<'_>) -> BTreeSet<&'a Principal> {
        let is_without = |(principal, effect): &(&'a Principal, &Effect)| {
            let may_lose_all = effect.access.as_ref().is_some_and(|access| access.gained.is_empty());
            let gives = |document: &EffectiveDocument| {
                cache.difference(AccessQuery::new(EffectiveDocument::None, document.clone(), Some(principal)))
            };
            may_lose_all
                && self.is_guarded(principal)
                && !gives(&effect.document_before).gains_nothing()
                && gives(&effect.document_after).gained.is_empty()
        };
        self.effects.on.iter().filter(is_without).map(|(principal, _)| principal).collect()
    }
}

impl<'a> Check<'a> {
    /// The users and groups that have a policy before, with the effect of the steps.
    fn with_policy(&self) -> impl Iterator<Item = (&'a Principal, &'a Effect, &'a PolicyName)> + use<'a> {
        let effects = self.subject.effects.on.iter();
        effects.filter_map(|(principal, effect)| Some((principal, effect, effect.before.as_ref()?)))
    }

    /// Existing policies that would be removed. A replaced policy stays, and a temporary one does not count. A renamed one counts,
    /// unless nothing but its name changes and the name is declared in the base or owned.
    fn removals(&mut self) {
        let is_removed = |policy: &&&PolicyName| match self.subject.comparison.renamed_to(policy) {
            Some(to) => self.subject.is_removed_by_renaming(to),
            None => self.subject.comparison.policies.get(**policy) == Some(&PolicyAction::Remove),
        };
        let removed = self.existing.iter().filter(is_removed);
        let names: Vec<String> = removed.map(ToString::to_string).collect();
        let limit = LimitCheck {
            code: REMOVALS,
            limits: &self.subject.guards().max_removals,
            overridden: self.limits(|by| if let Override::MaxRemovals(limit) = by { Some(*limit) } else { None }),
            sufficient: Override::MaxRemovals(Limit::Number(names.len())),
            noun: if names.len() == 1 { "policy" } else { "policies" },
            verb: "removed",
            names,
            total: self.existing.len(),
        };
        limit.check(&mut self.verdict);
    }

    /// Users and groups that have a policy and would have none, or only one that gives them no access.
    fn detached(&mut self) {
        let left: Vec<&Principal> = self
            .with_policy()
            .filter(|(principal, effect, _)| effect.after.is_none() || self.without_access.contains(*principal))
            .map(|(principal, ..)| principal)
            .collect();
        let noun = match (left.iter().any(|principal| principal.group().is_some()), left.len()) {
            (true, 1) => "group",
            (true, _) => "users and groups",
            (false, 1) => "user",
            (false, _) => "users",
        };
        let limit = LimitCheck {
            code: DETACHED,
            limits: &self.subject.guards().max_detached,
            overridden: self.limits(|by| if let Override::MaxDetached(limit) = by { Some(*limit) } else { None }),
            sufficient: Override::MaxDetached(Limit::Number(left.len())),
            noun,
            verb: "left without access",
            names: left.iter().map(|principal| principal.label()).collect(),
            total: self.subject.comparison.attached,
        };
        limit.check(&mut self.verdict);
    }

    fn limits(&self, limit: fn(&Override) -> Option<Limit>) -> Vec<(&'a Override, Limit)> {
        self.subject.guards().overrides.iter().filter_map(|by| Some((by, limit(by)?))).collect()
    }

    /// Protected policies that would be removed or get another document or name.
    fn protected_policies(&mut self) {
        for policy in self.existing.clone() {
            if !self.subject.guards().protected.covers_policy(policy) {
                continue;
            }
            let what = match self.subject.comparison.policies.get(policy) {
                Some(PolicyAction::Remove) => "removed".to_owned(),
                Some(PolicyAction::Replace(after)) if self.is_other(policy, after) => "replaced".to_owned(),
                Some(_) | None => match self.subject.comparison.renamed_to(policy) {
                    Some(to) => format!("renamed to `{to}`"),
                    None => continue,
                },
            };
            let by = Override::Policy(policy.clone());
            let message = format!("policy `{policy}` is protected by `[guards]` and would be {what}");
            let refusal = Finding::error(PROTECTED_POLICY, message).help(override_help(&by));
            self.refuse(&by, refusal);
        }
    }

    /// Policies of `[roles]` that would be removed. No option overrides that: an identity has the role until the section says
    /// otherwise.
    fn mapped_policies(&mut self) {
        let comparison = self.subject.comparison;
        let removed = |policy: &&PolicyName| {
            comparison.policies.get(*policy) == Some(&PolicyAction::Remove) || comparison.renamed_to(policy).is_some()
        };
        for policy in self.subject.guards().roles.iter().filter(removed) {
            let message =
                format!("policy `{policy}` is mapped to identities by `[roles.{policy}]` and would be removed");
            let help = "once no identity has the role, take it out of `[roles]`, with a proposal of its own";
            self.verdict.refusals.push(Finding::error(MAPPED_POLICY, message).help(help));
        }
    }

    /// Whether the policy, or a temporary policy that a user or group has in its place, has another document than this. Finishing
    /// an interrupted replacement changes no document.
    fn is_other(&self, policy: &PolicyName, after: &Normal) -> bool {
        let attached = self.subject.comparison.affected_by(policy).filter_map(|(_, change)| change.attached.as_ref());
        let mut bodies = attached.chain([policy]).filter_map(|name| self.subject.observed.policies.get(name));
        bodies.any(|body| body.normal() != Some(after))
    }

    /// Protected users and groups that would be detached, moved, or without access. The user that attune is logged in as is one
    /// of them.
    fn protected_principals(&mut self) {
        for (principal, effect, attached) in self.with_policy() {
            let protected = self.subject.guards().protected.covers(principal);
            if !protected && !self.subject.is_own_user(principal) {
                continue;
            }
            let Some(what) = self.harm(principal, effect, attached) else { continue };
            let by = Override::Principal(principal.clone());
            let refusal = if protected {
                let message = format!("{principal} is protected by `[guards]` and would be {what}");
                Finding::error(PROTECTED_USER, message).help(override_help(&by))
            } else {
                let message = format!("attune is logged in as {principal}, which would be {what}");
                let help =
                    format!("declare `[users.{}]` if that is intended, or {}", principal.name(), override_help(&by));
                Finding::error(OWN_USER, message).help(help)
            };
            self.refuse(&by, refusal);
        }
    }

    /// The effect that protection forbids, if there is one. A swap of the policy is allowed.
    fn harm(&self, principal: &Principal, effect: &Effect, attached: &PolicyName) -> Option<String> {
        let comparison = self.subject.comparison;
        // A rename moves everyone who has the old policy.
        let is_renamed = comparison.renamed_to(attached).is_some();
        let before = if is_renamed { Cow::Borrowed(attached) } else { comparison.counts_as(attached) };
        match &effect.after {
            None => Some(format!("detached from `{attached}`")),
            Some(after) if after != before.as_ref() => Some(format!("moved from `{attached}` to `{after}`")),
            Some(_) if self.without_access.contains(principal) => {
                Some(format!("left without access by the new document of `{before}`"))
            }
            Some(_) if effect.gap => Some(format!("without access for a moment while `{before}` is replaced")),
            Some(_) => None,
        }
    }

    /// Buckets that everyone can read before and not everyone after.
    fn buckets_closed(&mut self, cache: &AccessCache<'_>) {
        let guards = self.subject.guards();
        let overridden = self.limits(|by| if let Override::MaxBucketsClosed(limit) = by { Some(*limit) } else { None });
        if guards.max_buckets_closed.is_empty() && overridden.is_empty() {
            return;
        }
        let Closed { names, total } = buckets::closed(self.subject.observed, &self.subject.effects.buckets, cache);
        let limit = LimitCheck {
            code: BUCKETS_CLOSED,
            limits: &guards.max_buckets_closed,
            overridden,
            sufficient: Override::MaxBucketsClosed(Limit::Number(names.len())),
            noun: if names.len() == 1 { "bucket" } else { "buckets" },
            verb: "closed to everyone without a login",
            names,
            total,
        };
        limit.check(&mut self.verdict);
    }

    fn buckets(&mut self) {
        let subject = self.subject;
        for (by, refusal) in buckets::refusals(subject.guards(), &subject.effects.buckets) {
            self.refuse(&by, refusal.help(override_help(&by)));
        }
    }

    /// Refuses, unless this run has exactly this override.
    fn refuse(&mut self, by: &Override, refusal: Finding) {
        match self.subject.guards().overrides.iter().find(|given| *given == by) {
            None => self.verdict.refusals.push(refusal),
            Some(by) => self.verdict.overrides.push(Overridden { by: by.clone(), refusal }),
        }
    }
}

/// The existing policies without the predefined ones. A policy whose name is absent after an interrupted replacement exists while
/// a user or group has a temporary policy of it.
fn existing_policies<'a>(subject: &Subject<'a>) -> Vec<&'a PolicyName> {
    let comparison = subject.comparison;
    let exists = |policy: &&PolicyName| {
        let found = subject.observed.policies.contains_key(*policy);
        // Of a policy that is renamed, the old one exists.
        let is_new = comparison.replaced_by(policy) != *policy;
        !policy.is_predefined() && (found || !is_new && comparison.attached_with_leftovers.contains(*policy))
    };
    let mut existing: Vec<&PolicyName> =
        comparison.policies.keys().filter(exists).chain(comparison.renamed().map(|(old, _)| old)).collect();
    existing.sort_unstable();
    existing
}

struct LimitCheck<'a> {
    code: Code,
    limits: &'a [Limit],
    /// The limits of this run, which replace them.
    overridden: Vec<(&'a Override, Limit)>,
    sufficient: Override,
    noun: &'static str,
    verb: &'static str,
    names: Vec<String>,
    total: usize,
}

impl LimitCheck<'_> {
    fn check(&self, verdict: &mut Verdict) {
        let configured = self.exceeded(self.limits);
        if self.overridden.is_empty() {
            verdict.refusals.extend(configured);
            return;
        }
        let (by, limits): (Vec<&Override>, Vec<Limit>) = self.overridden.iter().copied().unzip();
        match (self.exceeded(&limits), configured) {
            (Some(refusal), _) => verdict.refusals.push(refusal),
            (None, Some(refusal)) => {
                let overridden = |by: &Override| Overridden { by: by.clone(), refusal: refusal.clone() };
                verdict.overrides.extend(by.into_iter().map(overridden));
            }
            (None, None) => {}
        }
    }

    fn exceeded(&self, limits: &[Limit]) -> Option<Finding> {
        let (count, total) = (self.names.len(), self.total);
        let exceeded = limits.iter().filter(|limit| limit.is_exceeded_by(count, total));
        let most: Vec<String> = exceeded.map(|limit| format!("at most {}", limit.of(total))).collect();
        if most.is_empty() {
            return None;
        }
        let (noun, verb, names) = (self.noun, self.verb, list_some(&self.names, NAMED, |name| format!("`{name}`")));
        let message = format!("{count} {noun} would be {verb}: {names}; {} may be", most.join(" and "));
        Some(Finding::error(self.code, message).help(override_help(&self.sufficient)))
    }
}

/// How many names a refusal lists before it only counts the rest.
const NAMED: usize = 8;

pub(super) fn override_help(by: &Override) -> String {
    match shell_line(["--override", &by.to_string()]) {
        Some(arguments) => format!("to override it for one run: {arguments}"),
        None => "to override it for one run, give `--override` with exactly this name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserName;

    #[test]
    fn an_override_is_safe_to_paste_into_a_shell() {
        let argument = |name: &str| override_help(&Override::Principal(Principal::User(UserName::reported(name))));
        assert!(argument("svc-backup").ends_with("--override protected_users=svc-backup"));
        let help = argument("a b;'c");
        let (_, line) = help.split_once("run: ").unwrap();
        assert_eq!(shlex::split(line).unwrap(), ["--override", "protected_users=a b;'c"]);
        assert!(!argument("a\u{202e}b").contains("run: "));
    }
}
