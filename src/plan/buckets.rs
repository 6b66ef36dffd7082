//! The effects of new bucket policies, on requests without a login, and on users and groups by the rules that count a bucket
//! policy for them, too; and what the guards about buckets refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{BucketName, Finding, Principal};
use crate::desired::{Guards, Override};
use crate::observed::{Body, BucketPolicy, Observed};
use crate::policy::access::{ARN, Access, Holder, Side, pattern_covers, patterns_overlap};
use crate::policy::{Document, Statement, combined, normal};

use super::access::{AccessCache, AccessQuery, EffectiveDocument, document_after};
use super::bucket_target::BucketTarget;
use super::change::{Call, Step};
use super::codes::{PROTECTED_BUCKET, PUBLIC};
use super::compare::{BucketAction, Comparison};

/// The effect of a new bucket policy.
#[derive(Debug, Clone)]
pub struct BucketEffect {
    /// The policy before.
    pub before: BucketPolicy,
    /// The policy after.
    pub after: BucketTarget,
    /// What it gives, as far as the cluster says.
    pub given: Body,
    /// Who gains and loses what: first requests without a login, then users and groups. Everyone with any difference is there.
    pub access: Vec<(Holder, Arc<Access>)>,
}

impl BucketEffect {
    /// The access of requests without a login.
    pub fn anonymous(&self) -> Option<&Access> {
        self.access.iter().find(|(holder, _)| *holder == Holder::Anonymous).map(|(_, access)| access.as_ref())
    }
}

/// The effects of the steps that change bucket policies. `document` is what a user or group has by its own policy afterwards.
pub(super) fn effects(
    steps: &[Step],
    observed: &Observed,
    document: impl Fn(&Principal) -> EffectiveDocument,
    cache: &AccessCache<'_>,
) -> BTreeMap<BucketName, BucketEffect> {
    let changed = steps.iter().filter_map(|step| {
        let Call::SetBucketPolicy { bucket, policy, .. } = &step.call else { return None };
        Some((bucket, policy))
    });
    let changed: Vec<(&BucketName, &BucketTarget)> = changed.collect();
    of_changes(&changed, observed, document, cache)
}

/// The access that is expected to be gained and lost by new bucket policies.
pub(super) fn expected(
    comparison: &Comparison,
    observed: &Observed,
    cache: &AccessCache<'_>,
) -> BTreeMap<BucketName, BucketEffect> {
    let changed = comparison.buckets.iter().filter_map(|(bucket, action)| match action {
        BucketAction::Set(after) => Some((bucket, after)),
        BucketAction::Keep => None,
    });
    let changed: Vec<_> = changed.collect();
    let own = |principal: &Principal| match comparison.affected.get(principal) {
        Some(change) => document_after(change, comparison, observed),
        None => EffectiveDocument::of(&observed.policies, observed.attached_to(principal).as_ref()),
    };
    of_changes(&changed, observed, own, cache)
}

fn of_changes(
    changed: &[(&BucketName, &BucketTarget)],
    observed: &Observed,
    document: impl Fn(&Principal) -> EffectiveDocument,
    cache: &AccessCache<'_>,
) -> BTreeMap<BucketName, BucketEffect> {
    let principals = if changed.is_empty() || !cache.rules().has_union() { Vec::new() } else { all(observed) };
    let documents: Vec<(Principal, EffectiveDocument)> =
        principals.into_iter().map(|principal| (principal.clone(), document(&principal))).collect();
    let effect = |(bucket, after): &(&BucketName, &BucketTarget)| {
        let before = observed.buckets.get(bucket)?.clone();
        let given = after.given(bucket, &observed.buckets);
        let then = after.as_policy(&given);
        let sides = [&before, &then];
        let anonymous = AccessQuery::between(sides.map(|side| together(None, bucket, side))).without_login();
        let anonymous = (Holder::Anonymous, cache.difference(anonymous));
        let of_principals = documents.iter().map(|(principal, own)| {
            let [now, then] = sides.map(|side| own.with_bucket(bucket, side));
            let access = cache.difference(AccessQuery::new(now, then, Some(principal)));
            (Holder::Principal(principal.clone()), access)
        });
        let access = std::iter::once(anonymous).chain(of_principals);
        let access = access.filter(|(_, access)| !access.gains_nothing() || !access.loses_nothing()).collect();
        Some(((*bucket).clone(), BucketEffect { before, after: (*after).clone(), given, access }))
    };
    changed.iter().filter_map(effect).collect()
}

/// Asks what a policy of a bucket gives to requests without a login.
fn of_anonymous(bucket: &BucketName, policy: &BucketPolicy) -> AccessQuery {
    AccessQuery::between([EffectiveDocument::None, together(None, bucket, policy)]).without_login()
}

fn all(observed: &Observed) -> Vec<Principal> {
    let users = observed.users.iter().filter(|(_, user)| user.can_have_policy() || user.attached.is_some());
    users.map(|(user, _)| Principal::from(user)).chain(observed.groups.keys().map(Principal::from)).collect()
}

/// What a policy of a bucket and a document give together, in that bucket.
fn together(own: Option<&Document>, bucket: &BucketName, policy: &BucketPolicy) -> EffectiveDocument {
    EffectiveDocument::Known(normal(&combined(own, [(bucket, policy.as_document())])))
}

impl EffectiveDocument {
    /// Together with the policy of a bucket, only what concerns that bucket.
    fn with_bucket(&self, bucket: &BucketName, policy: &BucketPolicy) -> Self {
        match self {
            Self::None => together(None, bucket, policy),
            Self::Known(own) => together(Some(&about(own.document(), bucket)), bucket, policy),
            // Beside a document that is not known, another policy may give or take anything.
            Self::Unknown(text) => Self::Unknown(format!("{text} {}", policy.text()).into()),
        }
    }
}

/// The statements of a document that can be about a bucket.
fn about(document: &Document, bucket: &BucketName) -> Document {
    let places = [format!("{ARN}{bucket}"), format!("{ARN}{bucket}/*")];
    let can_be = |statement: &&Statement| {
        let resources = &statement.resources;
        let touches = |pattern: &String| {
            !pattern.starts_with(ARN)
                || pattern.contains("${")
                || places.iter().any(|place| patterns_overlap(place, pattern))
        };
        resources.negated || resources.patterns.iter().any(touches)
    };
    Document { statements: document.statements.iter().filter(can_be).cloned().collect(), ..document.clone() }
}

/// The buckets that a plan closes, and how many are open.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) names: Vec<String>,
    pub(super) total: usize,
}

/// The buckets whose objects everyone can read before and not everyone after, of all that everyone can read. A policy that is not
/// known counts as open before and as closed after.
pub(super) fn closed(
    observed: &Observed,
    effects: &BTreeMap<BucketName, BucketEffect>,
    cache: &AccessCache<'_>,
) -> Closed {
    let gives = |bucket: &BucketName, policy: &BucketPolicy| cache.difference(of_anonymous(bucket, policy));
    let mut closed = Closed { names: Vec::new(), total: 0 };
    for (bucket, policy) in observed.buckets.known().into_iter().flatten().filter(|(_, policy)| !policy.is_none()) {
        if !may_read(&gives(bucket, policy)) {
            continue;
        }
        closed.total += 1;
        let effect = effects.get(bucket);
        if effect.is_some_and(|effect| !reads(&gives(bucket, &effect.after.as_policy(&effect.given)))) {
            closed.names.push(bucket.to_string());
        }
    }
    closed
}

/// Whether an access certainly has the reading of objects.
fn reads(access: &Access) -> bool {
    let is_read = |action: &String| pattern_covers(action, "s3:GetObject");
    access.gained.iter().any(|line| line.actions.iter().any(is_read))
}

fn may_read(access: &Access) -> bool {
    reads(access) || access.undecided.iter().any(|open| open.side == Side::Gained)
}

/// The refusals about single buckets, each with the option that overrides it.
pub(super) fn refusals(guards: &Guards, effects: &BTreeMap<BucketName, BucketEffect>) -> Vec<(Override, Finding)> {
    let mut refusals = Vec::new();
    for (bucket, effect) in effects {
        if guards.protected.covers_bucket(bucket) {
            let message = format!("bucket `{bucket}` is protected by `[guards]` and would get another policy");
            refusals.push((Override::Bucket(bucket.clone()), Finding::error(PROTECTED_BUCKET, message)));
        }
        if let Some(message) = public(bucket, effect).filter(|_| guards.deny_public) {
            refusals.push((Override::Public(bucket.clone()), Finding::error(PUBLIC, message)));
        }
    }
    refusals
}

/// What requests without a login gain, with a request that proves it.
fn public(bucket: &BucketName, effect: &BucketEffect) -> Option<String> {
    let access = effect.anonymous().filter(|access| !access.gains_nothing())?;
    let who = "requests without a login";
    let known = access.gained.first().map(|line| {
        let example = &line.witness;
        let under = match line.conditions.is_empty() {
            true => String::new(),
            false => format!(" if {}", line.conditions.join(" and ")),
        };
        format!("{who} would gain access to bucket `{bucket}`: {} on {}{under}", example.action, example.resource)
    });
    known.or_else(|| {
        let policy = effect.after.text();
        Some(format!("{who} may gain access to bucket `{bucket}`: what `{policy}` gives there is not known"))
    })
}
