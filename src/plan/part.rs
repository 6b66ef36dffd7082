//! The part of a desired state that a plan is for: what it needs beside the selected objects, what it leaves out, its problems.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::{BucketName, Finding, ObjectId, PolicyName, Principal};
use crate::desired::{self, Desired, ObjectPatterns, Unread};
use crate::observed::Observed;
use crate::policy::{self, Catalogue, Depth};

use super::compare::{AttachmentChange, BucketAction, Comparison, PolicyAction, compare};
use super::only::{Needed, Only, Partial, left_out};
use super::problems::problems;
use super::{Unmanaged, codes, describe, keys};

/// The selected part of a desired state, with what it needs.
#[derive(Debug)]
pub(super) struct Selection {
    /// The part: everything else is as if it were not declared, and `[ownership]` does not cover it.
    pub(super) desired: Desired,
    /// Everything that could be read.
    readable: Desired,
    /// Its comparison.
    whole: Comparison,
    unread: BTreeSet<ObjectId>,
    patterns: Vec<String>,
    needed: Vec<Needed>,
    errors: usize,
    /// The number of errors that would block a plan for everything, and not this one.
    problems: usize,
    /// Errors of the selection, and warnings about the rest.
    findings: Vec<Finding>,
}

impl Selection {
    pub(super) fn new(desired: &Desired, observed: &Observed, catalogue: &Catalogue, only: &Only) -> Self {
        let readable = readable(desired, only.unread());
        let whole = compare(&readable, observed);
        let known = known(desired, observed, &whole, only.unread());
        let mut closure = Closure {
            desired: &readable,
            whole: &whole,
            only,
            has: with_policies(observed, &whole),
            selected: BTreeSet::new(),
            needed: BTreeMap::new(),
            waiting: VecDeque::new(),
            findings: only.of_nothing(&known, &desired.ownership),
        };
        closure.findings.extend(only.errors().iter().cloned());
        known.iter().filter(|id| only.covers(id)).for_each(|id| closure.select(id.clone()));
        closure.run();
        let Closure { selected, needed, mut findings, .. } = closure;
        let desired = part(&readable, observed, &whole, &selected);
        let [errors_elsewhere, temporary] = elsewhere([&readable, &desired], &whole, observed, only, catalogue);
        let problems = errors_elsewhere.len();
        findings.extend(errors_elsewhere.into_iter().chain(temporary));
        let needed = needed.into_iter().map(|(id, by)| Needed { id, by }).collect();
        let (unread, patterns, errors) = (only.unread().objects.clone(), only.patterns(), only.errors().len());
        Self { desired, readable, whole, unread, patterns, needed, errors, problems, findings }
    }

    /// What the plan with these changes is for, and what it leaves out.
    pub(super) fn partial<'a>(&self, changed: impl Iterator<Item = &'a ObjectId>) -> Partial {
        let changed: BTreeSet<&ObjectId> = changed.collect();
        let policies = self.whole.policies.iter().filter(|(_, action)| action.is_change());
        let policies = policies.map(|(policy, _)| ObjectId::Policy(policy.clone()));
        let principals = self.whole.affected.iter().filter(|(_, change)| change.before != change.after);
        let principals = principals.map(|(who, _)| ObjectId::Principal(who.clone()));
        let buckets = self.whole.buckets.iter().filter(|(_, action)| **action != BucketAction::Keep);
        let buckets = buckets.map(|(bucket, _)| ObjectId::Bucket(bucket.clone()));
        Partial {
            patterns: self.patterns.clone(),
            needed: self.needed.clone(),
            left_out: policies.chain(principals).chain(buckets).filter(|id| !changed.contains(id)).collect(),
            errors: self.errors,
            problems: self.problems,
        }
    }

    /// The findings of a plan for the part, from those about the part. Whether a temporary policy is of a declared policy is known
    /// from everything that is declared.
    pub(super) fn findings(&self, of_part: Vec<Finding>) -> Vec<Finding> {
        let of_part = of_part.into_iter().filter(|finding| finding.code != codes::UNMANAGED_TEMPORARY);
        self.findings.iter().cloned().chain(of_part).collect()
    }

    /// The objects that are neither declared nor owned, by everything that is declared.
    pub(super) fn unmanaged(&self, desired: &Desired) -> Unmanaged {
        let mut unmanaged = describe::unmanaged(&self.whole, &self.readable);
        let is_read = |id: ObjectId| !self.unread.contains(&id);
        let is_unmanaged = |who: Principal| !desired.ownership.covers(&who) && is_read(ObjectId::Principal(who));
        unmanaged
            .policies
            .retain(|policy| !desired.ownership.covers_policy(policy) && is_read(ObjectId::Policy(policy.clone())));
        unmanaged.users.retain(|user| is_unmanaged(Principal::from(user)));
        unmanaged.groups.retain(|group| is_unmanaged(Principal::from(group)));
        unmanaged
    }
}

/// The errors of everything that could be read and that are none of the part, as warnings; and the warnings about temporary
/// policies of no declared policy. If some declarations could not be read, a policy may be declared there.
fn elsewhere(
    [readable, part]: [&Desired; 2],
    whole: &Comparison,
    observed: &Observed,
    only: &Only,
    catalogue: &Catalogue,
) -> [Vec<Finding>; 2] {
    let mut rest = readable.clone();
    rest.policies.retain(|policy, _| !part.policies.contains_key(policy));
    rest.broken.clear();
    let of_part = problems(part, observed, &compare(part, observed));
    let is_new = |error: &Finding| !of_part.iter().any(|known| known.message == error.message);
    let is_all_read = only.errors().is_empty();
    let is_certain = |error: &Finding| is_all_read || error.code != codes::NO_SUCH_POLICY;
    let mut of_whole = problems(readable, observed, whole);
    let temporary = of_whole.iter().filter(|finding| is_all_read && finding.code == codes::UNMANAGED_TEMPORARY);
    let temporary = temporary.cloned().collect();
    of_whole.extend(lint(&rest, catalogue));
    let errors = of_whole.iter().filter(|finding| finding.is_error() && is_new(finding) && is_certain(finding));
    [errors.map(left_out).collect(), temporary]
}

/// The problems of a desired state that are known before its calls are ordered, with those of its documents.
pub(super) fn problems_of(
    desired: &Desired,
    observed: &Observed,
    comparison: &Comparison,
    of_documents: Vec<Finding>,
) -> Vec<Finding> {
    let mut findings = problems(desired, observed, comparison);
    findings.extend(keys::not_revocable(desired, observed, comparison));
    findings.extend(of_documents);
    findings
}

/// Lints the declared documents. Notes are for `validate`, where documents are written. The size of a document matters only if it
/// is sent, and is compared with the limit of this cluster.
pub(super) fn lint(desired: &Desired, catalogue: &Catalogue) -> Vec<Finding> {
    let findings = desired::lint(desired, catalogue, Depth::Warnings).into_iter();
    findings.filter(|finding| finding.code != policy::TOO_LONG).collect()
}

/// The desired state without what could not be read. If anything could not, nothing is known to be undeclared: so nothing is
/// removed or detached because no configuration declares it.
fn readable(desired: &Desired, unread: &Unread) -> Desired {
    let mut readable = desired.clone();
    if !unread.is_empty() {
        readable.ownership = ObjectPatterns::default();
    }
    for id in &unread.objects {
        match id {
            ObjectId::Policy(policy) => _ = readable.policies.remove(policy),
            ObjectId::Principal(Principal::User(user)) => _ = readable.users.remove(user),
            ObjectId::Principal(Principal::Group(group)) => _ = readable.groups.remove(group),
            ObjectId::Bucket(bucket) => _ = readable.buckets.remove(bucket),
        }
    }
    readable
}

/// The objects that are declared or exist.
fn known(desired: &Desired, observed: &Observed, whole: &Comparison, unread: &Unread) -> BTreeSet<ObjectId> {
    // The old name of a rename is declared, also once the rename is done.
    let renamed = desired.policies.values().filter_map(|entry| Some(&entry.renamed_from.as_ref()?.policy));
    let policies = whole.policies.keys().chain(desired.broken.keys()).chain(renamed).cloned().map(ObjectId::Policy);
    let declared = desired.principals().map(|(who, _)| ObjectId::Principal(who));
    let users = observed.users.keys().map(|user| ObjectId::Principal(Principal::from(user)));
    let groups = observed.groups.keys().map(|group| ObjectId::Principal(Principal::from(group)));
    let buckets = desired.buckets.keys().chain(observed.buckets.known().into_iter().flat_map(BTreeMap::keys));
    let buckets = buckets.map(|bucket| ObjectId::Bucket(bucket.clone()));
    policies.chain(declared).chain(users).chain(groups).chain(buckets).chain(unread.objects.iter().cloned()).collect()
}

/// The users and groups that have each policy now. A temporary policy counts as its policy.
fn with_policies(observed: &Observed, whole: &Comparison) -> BTreeMap<PolicyName, Vec<Principal>> {
    let mut has: BTreeMap<PolicyName, Vec<Principal>> = BTreeMap::new();
    for (principal, attached) in observed.attachments() {
        for policy in attached.listed() {
            has.entry(whole.counts_as(&policy).into_owned()).or_default().push(principal.clone());
        }
    }
    has
}

/// The selected part of a desired state.
fn part(desired: &Desired, observed: &Observed, whole: &Comparison, selected: &BTreeSet<ObjectId>) -> Desired {
    let mut part = desired.clone();
    let is_policy = |policy: &PolicyName| selected.contains(&ObjectId::Policy(policy.clone()));
    let is_principal = |who: Principal| selected.contains(&ObjectId::Principal(who));
    part.policies.retain(|policy, _| is_policy(policy));
    part.broken.retain(|policy, _| is_policy(policy));
    part.users.retain(|user, _| is_principal(Principal::from(user)));
    part.groups.retain(|group, _| is_principal(Principal::from(group)));
    let is_bucket = |bucket: &BucketName| selected.contains(&ObjectId::Bucket(bucket.clone()));
    part.buckets.retain(|bucket, _| is_bucket(bucket));
    let ObjectPatterns { policies, users, groups, buckets } = part.ownership;
    let of_policies = whole.policies.keys().filter(|policy| !is_policy(policy)).map(|policy| policy.as_str());
    // The old name of a policy goes only with the new one.
    let of_renames = whole.renamed().filter(|(_, new)| !is_policy(new)).map(|(old, _)| old.as_str());
    let of_users = observed.users.keys().filter(|user| !is_principal(Principal::from(*user))).map(|user| user.as_str());
    let of_groups = observed.groups.keys().filter(|group| !is_principal(Principal::from(*group)));
    let of_buckets = observed.buckets.known().into_iter().flat_map(BTreeMap::keys).filter(|bucket| !is_bucket(bucket));
    part.ownership = ObjectPatterns {
        policies: policies.except(of_policies.chain(of_renames)),
        users: users.except(of_users),
        groups: groups.except(of_groups.map(|group| group.as_str())),
        buckets: buckets.except(of_buckets.map(|bucket| bucket.as_str())),
    };
    part
}

/// Finds what the changes of selected objects need.
struct Closure<'a> {
    desired: &'a Desired,
    whole: &'a Comparison,
    only: &'a Only,
    has: BTreeMap<PolicyName, Vec<Principal>>,
    selected: BTreeSet<ObjectId>,
    /// The objects that come along, each with the first object that needs it.
    needed: BTreeMap<ObjectId, ObjectId>,
    waiting: VecDeque<ObjectId>,
    findings: Vec<Finding>,
}

impl Closure<'_> {
    fn select(&mut self, id: ObjectId) {
        if self.selected.insert(id.clone()) {
            self.waiting.push_back(id);
        }
    }

    fn run(&mut self) {
        while let Some(id) = self.waiting.pop_front() {
            match &id {
                ObjectId::Policy(policy) => self.policy(policy, &id),
                ObjectId::Principal(principal) => {
                    if let Some(change) = self.whole.affected.get(principal) {
                        self.principal(change, &id);
                    }
                }
                // The policy of a bucket needs nothing else.
                ObjectId::Bucket(_) => {}
            }
        }
    }

    /// Whoever has a changed policy now, and is to have another one or none, leaves it in the same plan: the change would
    /// give them access that they are not to have, or could not be made.
    fn policy(&mut self, policy: &PolicyName, id: &ObjectId) {
        if let Some(new) = self.whole.renamed_to(policy) {
            return self.need(ObjectId::Policy(new.clone()), id);
        }
        if !self.whole.policies.get(policy).is_some_and(PolicyAction::is_change) {
            return;
        }
        for principal in self.has.get(policy).cloned().unwrap_or_default() {
            let of = ObjectId::Principal(principal.clone());
            if self.only.unread().objects.contains(&of) {
                self.unreadable(id, &of);
                continue;
            }
            let leaves = self.whole.affected.get(&principal).is_some_and(|change| change.before != change.after);
            if leaves && self.desired.entry(&principal).is_some() {
                self.need(of, id);
            } else if leaves && !self.only.covers(&of) {
                let message = format!(
                    "{} cannot change without {}, which has it and which `[ownership]` covers",
                    id.described(),
                    of.described()
                );
                let help = format!("add `--only {of}`: then it is detached first");
                self.findings.push(Finding::error(codes::ONLY_NEEDS, message).help(help));
            }
        }
    }

    /// A user or group needs the policy that it gets, and the end of a replacement whose temporary policy it has.
    fn principal(&mut self, change: &AttachmentChange, id: &ObjectId) {
        for policy in change.attached.iter().flat_map(PolicyName::listed) {
            let replaced = self.whole.counts_as(&policy).into_owned();
            if replaced != policy {
                self.need(ObjectId::Policy(replaced), id);
            }
        }
        let Some(after) = change.after.as_ref().filter(|_| change.before != change.after) else { return };
        let of = ObjectId::Policy(after.clone());
        let is_declared = self.desired.policies.contains_key(after);
        let may_be_unread = !is_declared && !after.is_predefined() && !self.only.unread().files.is_empty();
        if self.only.unread().objects.contains(&of) || may_be_unread {
            self.unreadable(id, &of);
        } else if self.whole.policies.get(after).is_some_and(PolicyAction::is_change) {
            self.need(of, id);
        }
    }

    fn need(&mut self, id: ObjectId, by: &ObjectId) {
        if !self.selected.contains(&id) {
            self.needed.insert(id.clone(), by.clone());
            self.select(id);
        }
    }

    fn unreadable(&mut self, id: &ObjectId, needs: &ObjectId) {
        let message = format!("{} needs {}, whose declaration cannot be read", id.described(), needs.described());
        let help = "fix the errors of the configuration, or leave this object out, too";
        self.findings.push(Finding::error(codes::ONLY_NEEDS, message).help(help));
    }
}
