//! What exceeds an envelope, and the states that envelopes are checked against. Whether the policy of a declared bucket lets anyone
//! do more than an envelope allows.

use std::collections::BTreeSet;

use super::state::{self, declared_buckets};
use super::{Given, Why, explain};
use crate::base::{BucketName, CannedPolicy, PolicyName, Principal, Release};
use crate::desired::{BucketIntent, Desired, Envelope};
use crate::observed::{Body, BucketPolicy, Observed};
use crate::policy::access::{Context, Counterexample, Credentials, Holder, RequestOrAction, beyond, exceeds, gains};
use crate::policy::{Document, Normal, alone, normal, predefined};

/// A policy, or the policy of a bucket, that gives more than an envelope allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The policy, or the bucket.
    pub by: BreachBy,
    /// The users and groups of the files that have it at some time. None has, if a file only declares it.
    pub who: BTreeSet<Principal>,
    /// Whether a file declares the policy.
    pub is_declared: bool,
    /// The reason: a request, or a document that is not known.
    pub why: Why,
    /// Whether it refuses a plan. One that a plan of a part finds and does not make worse refuses nothing.
    pub is_new: bool,
}

/// What gives more than an envelope allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreachBy {
    /// This policy.
    Policy(PolicyName),
    /// The policy of a bucket.
    Bucket {
        /// The bucket.
        bucket: BucketName,
        /// Whether requests without a login get too much. If not, some with a login do.
        to_anonymous: bool,
    },
}

/// The state that envelopes are checked against.
#[derive(Debug, Clone, Copy)]
pub enum Against<'a> {
    /// The configuration alone, with the predefined policies of a release.
    Configuration(&'a Release),
    /// A cluster as it is.
    Cluster(&'a Observed),
    /// The configuration, and the cluster after the whole plan.
    Plan(&'a Observed),
    /// A cluster before and after the plan of a part.
    Part {
        /// Before.
        before: &'a Observed,
        /// After.
        after: &'a Observed,
    },
}

impl<'a> Against<'a> {
    /// Whether everything that the configuration declares counts, for all times.
    pub(super) fn has_declarations(self) -> bool {
        match self {
            Self::Configuration(_) | Self::Plan(_) => true,
            Self::Cluster(_) | Self::Part { .. } => false,
        }
    }

    pub(super) fn cluster(self) -> Option<&'a Observed> {
        match self {
            Self::Configuration(_) => None,
            Self::Cluster(after) | Self::Plan(after) | Self::Part { after, .. } => Some(after),
        }
    }

    pub(super) fn before(self) -> Option<&'a Observed> {
        match self {
            Self::Part { before, .. } => Some(before),
            Self::Configuration(_) | Self::Cluster(_) | Self::Plan(_) => None,
        }
    }

    /// The document of a policy that somebody has at some time by the configuration.
    pub(super) fn document(self, desired: &Desired, policy: &PolicyName) -> Given {
        if let Some(document) = declared(desired, policy) {
            return Given::Document(document);
        }
        match self {
            Self::Configuration(release) => {
                predefined(policy, release).map_or(Given::Unknown, |document| Given::Document(normal(&document)))
            }
            // A policy that does not exist can be added at any time, by anyone.
            Self::Cluster(after) | Self::Plan(after) | Self::Part { after, .. } => {
                match state::given(&after.policies, Some(policy)) {
                    Given::Nothing => Given::Unknown,
                    known @ (Given::Document(_) | Given::Unknown) => known,
                }
            }
        }
    }
}

/// The declared document of a policy, abstract ones included.
pub(super) fn declared(desired: &Desired, policy: &PolicyName) -> Option<Normal> {
    desired.policy(policy)?.intent.authored().map(|authored| authored.normal())
}

/// What the policy of a bucket gives beyond an envelope: to everyone without a login, or else to someone with one.
pub(super) fn bucket_breach(
    envelope: &Envelope,
    bucket: &BucketName,
    (desired, against): (&Desired, Against<'_>),
    context: &Context<'_>,
) -> Option<Breach> {
    let document = of_bucket(&after(bucket, desired, against)?, bucket);
    let before = against
        .before()
        .map(|before| of_bucket(&on_cluster(bucket, before).unwrap_or_else(BucketPolicy::none), bucket));
    let requesters = [context.anonymous(), context.with_credentials(Credentials::Any)];
    let found = |before: Option<&Document>| {
        requesters.iter().find_map(|context| {
            let example = example(&document, envelope, before, context)?;
            Some((context.credentials == Credentials::None, example))
        })
    };
    let worse = before.as_ref().filter(|before| **before != document).and_then(|before| found(Some(before)));
    let is_new = before.is_none() || worse.is_some();
    let (to_anonymous, example) = worse.or_else(|| found(None))?;
    let why = if example.needs_unknown_policy() { Why::UnknownDocument } else { Why::Allowed(example) };
    let by = BreachBy::Bucket { bucket: bucket.clone(), to_anonymous };
    Some(Breach { by, who: [].into(), is_declared: true, why, is_new })
}

fn of_bucket(policy: &BucketPolicy, bucket: &BucketName) -> Document {
    if policy.is_none() { Document::default() } else { alone(bucket, policy.as_document()) }
}

/// The policy that a bucket has. `None` if no configuration declares it, or the cluster does not have it.
fn after(bucket: &BucketName, desired: &Desired, against: Against<'_>) -> Option<BucketPolicy> {
    let declared = || declared_buckets(desired).get(bucket).cloned();
    match against.cluster() {
        None => declared(),
        Some(cluster) if cluster.buckets.known().is_none() && against.has_declarations() => declared(),
        Some(cluster) => on_cluster(bucket, cluster),
    }
}

fn on_cluster(bucket: &BucketName, cluster: &Observed) -> Option<BucketPolicy> {
    match cluster.buckets.known() {
        Some(buckets) => buckets.get(bucket).cloned(),
        None => Some(BucketPolicy::custom(Body::NotRead)),
    }
}

/// What a requester can do beyond an envelope, and could not before.
fn example(
    document: &Document,
    envelope: &Envelope,
    before: Option<&Document>,
    context: &Context<'_>,
) -> Option<Counterexample> {
    let all = || exceeds(document, &envelope.granted, context);
    let Some(before) = before else { return all() };
    let worse = || {
        let is_action = |example: &Counterexample| matches!(example.what, RequestOrAction::Action(_));
        all().filter(is_action).filter(|_| !gains(Some(before), Some(document), context).gains_nothing())
    };
    beyond(document, &envelope.granted, Some(before), context).or_else(worse)
}

pub(super) fn of_bucket_in_words(bucket: &BucketName, to_anonymous: bool, why: &Why) -> String {
    let who = if to_anonymous { Holder::Anonymous.to_string() } else { "requests with a login".to_owned() };
    match why {
        Why::Allowed(example) if example.is_open => {
            format!("whether the policy of bucket `{bucket}` lets {who} {} is undecided", explain::request(example))
        }
        Why::Allowed(example) => {
            let conditions = explain::conditions(example, ", if ");
            format!("the policy of bucket `{bucket}` lets {who} {}{conditions}", explain::request(example))
        }
        Why::UnknownDocument | Why::NotAllowed(_) | Why::NoSuchPrincipal | Why::NotReported(_) => {
            format!("what the policy of bucket `{bucket}` lets in is not known")
        }
    }
}

/// The canned policy of a declared bucket: only the cluster says what it gives.
pub(super) fn canned(bucket: &BucketName, desired: &Desired) -> Option<CannedPolicy> {
    match desired.buckets.get(bucket)?.intent {
        BucketIntent::Canned(canned) => Some(canned),
        BucketIntent::Document(_) => None,
    }
}
