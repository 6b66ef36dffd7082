//! What the guards about buckets refuse.

use crate::base::{BucketName, Finding};
use crate::desired::{Guards, Override};
use crate::observed::{BucketPolicy, Observed};
use crate::policy::access::{Access, Side};

use super::access::AccessCache;
use super::buckets::{BucketEffect, of_anonymous};
use super::codes::{PROTECTED_BUCKET, PUBLIC};
use super::effects::Effects;

/// The buckets that a plan closes, and how many are open.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) names: Vec<String>,
    pub(super) total: usize,
}

/// The buckets whose objects everyone can read before and not everyone after, of all that everyone can read. A policy that is not
/// known counts as open before and as closed after.
pub(super) fn closed(observed: &Observed, effects: &Effects, cache: &AccessCache<'_>) -> Closed {
    let gives = |bucket: &BucketName, policy: &BucketPolicy| cache.difference(of_anonymous(bucket, policy));
    let mut closed = Closed { names: Vec::new(), total: 0 };
    for (bucket, policy) in observed.buckets.known().into_iter().flatten().filter(|(_, policy)| !policy.is_none()) {
        if !may_read(&gives(bucket, policy)) {
            continue;
        }
        closed.total += 1;
        let effect = effects.buckets.get(bucket);
        if effect.is_some_and(|effect| !reads(&gives(bucket, &effect.after.as_policy(&effect.given)))) {
            closed.names.push(bucket.to_string());
        }
    }
    closed
}

/// Whether an access certainly has the reading of objects.
fn reads(access: &Access) -> bool {
    let is_read = |action: &String| crate::policy::access::pattern_covers(action, "s3:GetObject");
    access.gained.iter().any(|line| line.actions.iter().any(is_read))
}

fn may_read(access: &Access) -> bool {
    reads(access) || access.undecided.iter().any(|open| open.side == Side::Gained)
}

/// The refusals about single buckets, each with the option that overrides it.
pub(super) fn refusals(guards: &Guards, effects: &Effects) -> Vec<(Override, Finding)> {
    let mut refusals = Vec::new();
    for (bucket, effect) in &effects.buckets {
        if guards.protected_buckets.matches(bucket.as_str()) {
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
