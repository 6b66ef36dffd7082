//! The plan's digest, which an approval is bound to.

use std::fmt;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::base::{PolicyName, Principal};
use crate::desired::Desired;
use crate::observed::{Body, BucketPolicy, Observed};

use super::bucket_target::BucketTarget;
use super::change::{Call, Change, Step, Touched};
use super::effects::Effects;
use super::settings::{self, PlanOption};

/// SHA-256 over everything that decides what an apply does. It covers the version of attune, the cluster's guid, tenant and release, the observed state
/// of the objects that the plan touches, the steps, the settings in force (guards, ownership, destination of new secrets,
/// replacement strategy), when the access of these users begins and ends, and the options of the run. It covers no current time, place of a checkout or order of files: unrelated drift
/// does not change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// How many digits are shown, and how many an approval needs at least: 128 bits. With 64 bits, two plans with the same
    /// digits were found in 19 minutes on two cores.
    pub const SHORT: usize = 32;

    /// How the digest of a plan from a snapshot starts.
    pub const SNAPSHOT: &str = "snapshot:";

    /// All 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first [`SHORT`](Self::SHORT) digits, as shown to people.
    pub fn short(&self) -> &str {
        &self.0[..Self::SHORT]
    }

    /// The value for the same plan from a snapshot. No approval can name it, since it is no digest of a plan.
    pub fn of_snapshot(&self) -> String {
        let hash = Sha256::digest(format!("attune.digest/snapshot\n{}", self.0));
        format!("{}{}", Self::SNAPSHOT, hex::encode(hash))
    }

    /// Whether an approval names this digest: all of it, or at least its short form.
    pub fn approved_by(&self, approval: &str) -> bool {
        let approval = approval.trim().to_ascii_lowercase();
        approval.len() >= Self::SHORT && self.0.starts_with(&approval)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) struct Approved<'a> {
    pub(super) observed: &'a Observed,
    pub(super) changes: &'a [Change],
    pub(super) steps: &'a [Step],
    pub(super) effects: &'a Effects,
    pub(super) desired: &'a Desired,
    pub(super) options: &'a [PlanOption],
}

/// Computes the digest. Each line is a JSON array, so that no name can be mistaken for structure.
pub(super) fn digest(approved: &Approved<'_>) -> Digest {
    let Approved { observed, changes, steps, effects, desired, options } = *approved;
    let mut hash = Sha256::new();
    let mut line = |value: serde_json::Value| {
        hash.update(value.to_string());
        hash.update("\n");
    };
    let of = &observed.identity;
    line(json!(["attune.digest/3", env!("CARGO_PKG_VERSION"), of.guid, of.tenant, of.release.to_string()]));
    for (name, value) in settings::deciding(desired) {
        line(json!(["setting", name, value]));
    }
    // A guard is the same whether a setting or an option of the run sets it.
    for option in options.iter().filter(|option| option.name != "--deny-new-access") {
        line(json!(["option", option.name, option.value]));
    }
    let touched = Touched::new(changes, steps);
    for policy in touched.policies {
        let body = observed.policies.get(policy).map(|body| body.text().unwrap_or_default());
        line(json!(["policy", policy.as_str(), body]));
    }
    for principal in &touched.principals {
        let attached = observed.attachment_of(principal).map(PolicyName::as_str);
        line(json!([principal.kind(), principal.name(), attached]));
    }
    for bucket in &touched.buckets {
        let policy = observed.buckets.get(bucket).map(BucketPolicy::text);
        line(json!(["bucket", bucket.as_str(), policy]));
    }
    // A reviewer has seen when the access of a changed user begins and ends.
    for principal in &touched.principals {
        if let Some(schedule) = desired.schedules.get(principal) {
            let of = settings::schedule(schedule);
            line(json!(["schedule", principal.kind(), principal.name(), of]));
        }
    }
    for (principal, effect) in &effects.on {
        let attached = [&effect.before, &effect.after].map(|name| name.as_ref().map(PolicyName::as_str));
        let documents = [effect.document_before.text(), effect.document_after.text()];
        line(json!(["effect", named("on", principal), principal.name(), attached, documents]));
    }
    for (bucket, effect) in &effects.buckets {
        let documents = [&effect.before.document, &effect.given].map(Body::text);
        let holders: Vec<String> = effect.access.iter().map(|(holder, _)| holder.label()).collect();
        line(json!(["effect", "bucket", bucket.as_str(), documents, holders]));
    }
    for step in steps {
        let after: Vec<usize> = step.after.iter().map(|first| first.0).collect();
        line(match &step.call {
            Call::AddPolicy { policy, document, .. } => {
                json!([step.id.0, "add_policy", policy.as_str(), document.json(), after])
            }
            Call::RemovePolicy { policy, .. } => json!([step.id.0, "remove_policy", policy.as_str(), after]),
            Call::Attach { principal, policy, .. } => {
                json!([step.id.0, named("attach", principal), policy.as_str(), principal.name(), after])
            }
            Call::RevokeKeys { user } => json!([step.id.0, "revoke_keys", user.as_str(), after]),
            Call::Detach { principal, policy } => {
                json!([step.id.0, named("detach", principal), policy.as_str(), principal.name(), after])
            }
            Call::SetBucketPolicy { bucket, policy, .. } => {
                let kind = match policy {
                    BucketTarget::Canned(_) => "canned",
                    BucketTarget::Document(_) => "document",
                };
                json!([step.id.0, "set_bucket_policy", bucket.as_str(), kind, policy.text(), after])
            }
        });
    }
    Digest(hex::encode(hash.finalize()))
}

/// The name of a call, which tells a group from a user.
fn named(call: &str, principal: &Principal) -> String {
    match principal {
        Principal::User(_) => call.to_owned(),
        Principal::Group(_) => format!("{call}_group"),
    }
}
