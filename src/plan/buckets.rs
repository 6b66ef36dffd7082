//! The effects of new bucket policies: on requests without a login, and on users and groups by the rules that count a bucket
//! policy for them, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{BucketName, Principal};
use crate::observed::{Body, BucketPolicy, Observed};
use crate::policy::access::{ARN, Access, Holder, patterns_overlap};
use crate::policy::{Document, Statement, combined, normal};

use super::access::{AccessCache, AccessQuery, EffectiveDocument, document_after};
use super::bucket_target::BucketTarget;
use super::change::{Call, Step};
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
    let changed = steps.iter().filter_map(|step| match &step.call {
        Call::SetBucketPolicy { bucket, policy, .. } => Some((bucket, policy)),
        Call::AddPolicy { .. }
        | Call::RemovePolicy { .. }
        | Call::Attach { .. }
        | Call::RevokeKeys { .. }
        | Call::Detach { .. } => None,
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
pub(super) fn of_anonymous(bucket: &BucketName, policy: &BucketPolicy) -> AccessQuery {
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
