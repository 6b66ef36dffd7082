//! Envelopes: whether the policies of included files, and everyone whom these name, have no more than the envelopes allow.

use std::collections::{BTreeMap, BTreeSet};

use super::breach::{Against, Breach, BreachBy, bucket_breach, canned, declared, of_bucket_in_words};
use super::state::{self, Records};
use super::{Failure, Given, State, Why, codes, explain};
use crate::base::{BucketName, Finding, Location, PolicyName, Principal, list_some};
use crate::desired::{Desired, Envelope, IncludedFile};
use crate::observed::Observed;
use crate::policy::access::{Context, Counterexample, Credentials, Holder, exceeds, gains};
use crate::policy::{Document, Normal};

/// An envelope with what exceeds it.
#[derive(Debug, Clone)]
#[must_use]
pub struct CheckedEnvelope {
    /// The envelope.
    pub envelope: Envelope,
    /// The files that it binds, by their paths.
    pub files: Vec<String>,
    /// What exceeds it: policies, then buckets, each in the order of their names; empty if nothing does.
    pub breaches: Vec<Breach>,
}

/// A policy with one document, and whose it is.
#[derive(Debug, Default)]
struct Held {
    who: BTreeSet<Principal>,
    is_declared: bool,
    /// The documents that the plan of a part leaves or replaces, each as it is before.
    before: Vec<Given>,
}

/// The policies by name and document; `None` is a document that is not known.
type AllHeld = BTreeMap<(PolicyName, Option<Normal>), Held>;

impl CheckedEnvelope {
    /// Whether nothing exceeds it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.breaches.is_empty()
    }

    /// Whether it refuses a plan.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.breaches.iter().any(|breach| breach.is_new)
    }
}

/// Checks all envelopes of a configuration.
pub fn check_envelopes(desired: &Desired, against: Against<'_>, context: &Context<'_>) -> Vec<CheckedEnvelope> {
    if desired.envelopes.is_empty() {
        return Vec::new();
    }
    // A bucket policy is bound by the envelopes of the file that declares it, not by those of the users whom it lets in.
    let own = |of: Option<&Observed>| of.map(|of| State::of_own_policies(of, desired));
    let [before, after] = [against.before(), against.cluster()].map(own);
    let records = before.as_ref().map(Records::of);
    let each = desired.envelopes.iter().map(|envelope| {
        let files: Vec<&IncludedFile> = desired.included.iter().filter(|file| envelope.binds(file)).collect();
        let mut held = AllHeld::new();
        for file in &files {
            add_declared(file, desired, against, &mut held);
            add_observed(file, after.as_ref(), records.as_ref(), &mut held);
        }
        let of_policies = held.into_iter().filter_map(|(of, held)| breach(envelope, of, held, context));
        let buckets: BTreeSet<BucketName> = files.iter().flat_map(|file| file.buckets()).collect();
        let of_buckets =
            buckets.iter().filter_map(|bucket| bucket_breach(envelope, bucket, (desired, against), context));
        let breaches = of_policies.chain(of_buckets).collect();
        CheckedEnvelope {
            envelope: envelope.clone(),
            files: files.iter().map(|file| file.path.clone()).collect(),
            breaches,
        }
    });
    each.collect()
}

/// Adds the policies that a file declares, and those that its users and groups have by the configuration, now or at another time.
fn add_declared(file: &IncludedFile, desired: &Desired, against: Against<'_>, all: &mut AllHeld) {
    for policy in file.policies() {
        let given = match against.cluster().filter(|_| !against.has_declarations()) {
            Some(cluster) => state::given(&cluster.policies, Some(&policy)),
            None => declared(desired, &policy).map_or(Given::Nothing, Given::Document),
        };
        let before = against.before().map(|before| state::given(&before.policies, Some(&policy)));
        if let Some(held) = entry(all, &policy, given) {
            held.is_declared = true;
            held.before.extend(before);
        }
    }
    if !against.has_declarations() {
        return;
    }
    let principals = file.principals();
    for (principal, _, attachment) in desired.ever() {
        let Some(policy) = attachment.policy().filter(|_| principals.contains(&principal)) else { continue };
        if let Some(held) = entry(all, policy, against.document(desired, policy)) {
            held.who.insert(principal);
        }
    }
}

/// Adds what the users and groups of a file have on the cluster.
fn add_observed(file: &IncludedFile, after: Option<&State>, before: Option<&Records<'_>>, all: &mut AllHeld) {
    let Some(after) = after else { return };
    let principals = file.principals();
    for subject in &after.subjects {
        let (Holder::Principal(principal), Some(policy)) = (&subject.who, &subject.policy) else { continue };
        if !principals.contains(principal) {
            continue;
        }
        let Some(held) = entry(all, policy, subject.given.clone()) else { continue };
        held.who.insert(principal.clone());
        if let Some(before) = before {
            let earlier = before.like(subject);
            held.before.push(earlier.map_or(Given::Nothing, |earlier| earlier.given.clone()));
        }
    }
}

fn entry<'h>(all: &'h mut AllHeld, policy: &PolicyName, given: Given) -> Option<&'h mut Held> {
    let document = match given {
        Given::Nothing => return None,
        Given::Document(normal) => Some(normal),
        Given::Unknown => None,
    };
    Some(all.entry((policy.clone(), document)).or_default())
}

fn breach(
    envelope: &Envelope,
    (policy, document): (PolicyName, Option<Normal>),
    held: Held,
    context: &Context<'_>,
) -> Option<Breach> {
    let Held { who, is_declared, before } = held;
    // A document that a file declares is for any user. One of another file is for those who have it.
    let why = match &document {
        None => Why::UnknownDocument,
        Some(document) => Why::Allowed(example(document.document(), envelope, is_declared, &who, context)?),
    };
    let is_worse = |earlier: &Given| match (earlier, &document) {
        (Given::Unknown, None) => false,
        (Given::Document(earlier), Some(document)) => {
            let any = context.with_credentials(Credentials::Any);
            !gains(Some(earlier.document()), Some(document.document()), &any).gains_nothing()
        }
        (Given::Unknown, Some(_)) | (Given::Nothing | Given::Document(_), _) => true,
    };
    let is_new = before.is_empty() || before.iter().any(is_worse);
    Some(Breach { by: BreachBy::Policy(policy), who, is_declared, why, is_new })
}

fn example(
    document: &Document,
    envelope: &Envelope,
    is_declared: bool,
    who: &BTreeSet<Principal>,
    context: &Context<'_>,
) -> Option<Counterexample> {
    let of = |context: Context<'_>| exceeds(document, &envelope.granted, &context.with_credentials(Credentials::Any));
    // Without a user, a variable can have any value, so that this covers everyone.
    let for_anyone = of(*context)?;
    match is_declared {
        true => Some(for_anyone),
        false => who.iter().find_map(|principal| of(context.with(principal))),
    }
}

/// The number of users that a finding names.
const NAMED: usize = 6;

/// The findings about an envelope, one for each policy and bucket that exceeds it: an error if it refuses a plan, else a warning.
/// The place is that of the statement that decides, or of the user that has the policy.
pub fn envelope_findings(checked: &CheckedEnvelope, desired: &Desired, context: &Context<'_>) -> Vec<Finding> {
    checked.breaches.iter().map(|breach| finding(checked, breach, desired, context)).collect()
}

/// The same without a cluster. Where only the cluster knows what a policy gives, it is a warning.
#[must_use]
pub fn offline_envelope_findings(
    checked: &[CheckedEnvelope],
    desired: &Desired,
    context: &Context<'_>,
) -> Vec<Finding> {
    let of = |(checked, breach): (&CheckedEnvelope, &Breach)| {
        let Some(why) = undecided(breach, desired) else { return finding(checked, breach, desired, context) };
        let message = format!("envelope {:?} is not decided offline: {why}", checked.envelope.name);
        let help = "check the cluster as well: `attune test --observed`, or `attune plan`";
        Finding::warning(codes::ENVELOPE_UNDECIDED, message).at(place(breach, desired)).help(help)
    };
    let all = checked.iter().flat_map(|checked| checked.breaches.iter().map(move |breach| (checked, breach)));
    all.map(of).collect()
}

/// Why only the cluster decides whether this exceeds an envelope.
fn undecided(breach: &Breach, desired: &Desired) -> Option<String> {
    if breach.why != Why::UnknownDocument {
        return None;
    }
    match &breach.by {
        BreachBy::Policy(policy) => {
            Some(format!("the configuration does not have the policy `{policy}` of {}", people(&breach.who)))
        }
        BreachBy::Bucket { bucket, .. } => {
            let canned = canned(bucket, desired)?;
            Some(format!("only the cluster says what the policy `{canned}` of bucket `{bucket}` lets in"))
        }
    }
}

fn finding(checked: &CheckedEnvelope, breach: &Breach, desired: &Desired, context: &Context<'_>) -> Finding {
    let (what, cause) = match &breach.by {
        BreachBy::Policy(policy) => of_policy(policy, breach, desired, context),
        BreachBy::Bucket { bucket, to_anonymous } => {
            let cause = match &breach.why {
                Why::Allowed(example) => explain::of_bucket(bucket, example, *to_anonymous, desired, context),
                Why::UnknownDocument | Why::NotAllowed(_) | Why::NoSuchPrincipal | Why::NotReported(_) => None,
            };
            let by = cause.as_ref().map(|cause| format!(": {}", cause.text)).unwrap_or_default();
            (of_bucket_in_words(bucket, *to_anonymous, &breach.why) + &by, cause)
        }
    };
    let message = format!("envelope {:?} is exceeded: {what}", checked.envelope.name);
    let finding = match breach.is_new {
        true => Finding::error(codes::ENVELOPE_EXCEEDED, message),
        false => Finding::warning(codes::ENVELOPE_EXCEEDED_BEFORE, message),
    };
    let finding = finding.at(cause.and_then(|cause| cause.at).or_else(|| place(breach, desired)));
    match &checked.envelope.at {
        Some(at) => finding.label(at.clone(), "the envelope"),
        None => finding,
    }
}

/// What a policy gives beyond an envelope, in words, with the statement that decides.
fn of_policy(
    policy: &PolicyName,
    breach: &Breach,
    desired: &Desired,
    context: &Context<'_>,
) -> (String, Option<explain::Cause>) {
    let Breach { by: _, who, is_declared, why, is_new } = breach;
    let failure = Failure {
        // The statement that decides for anyone decides for each.
        who: Some(match who.first().filter(|_| !is_declared) {
            Some(principal) => Holder::Principal(principal.clone()),
            None => Holder::Document(policy.to_string()),
        }),
        policy: Some(policy.clone()),
        why: why.clone(),
        is_new: *is_new,
    };
    let cause = explain::cause(&failure, desired, context);
    let by = cause.as_ref().map(|cause| format!(": {}", cause.text)).unwrap_or_default();
    let people = people(who);
    let what = match (why, is_declared) {
        (Why::Allowed(example), _) if example.is_open => {
            format!("whether policy `{policy}` allows to {} is undecided", explain::request(example))
        }
        (Why::Allowed(example), true) => {
            let conditions = explain::conditions(example, ", if ");
            let has = if who.is_empty() { String::new() } else { format!("; {people} may have it") };
            format!("policy `{policy}` allows to {}{conditions}{by}{has}", explain::request(example))
        }
        (Why::Allowed(example), false) => {
            let conditions = explain::conditions(example, ", if ");
            format!("{people} can {} by policy `{policy}`{conditions}{by}", explain::request(example))
        }
        (Why::UnknownDocument | Why::NotAllowed(_) | Why::NoSuchPrincipal | Why::NotReported(_), _) => {
            format!("the document of policy `{policy}` of {people} is not known")
        }
    };
    (what, cause)
}

/// The place of the bucket, or of the first user or group that has a policy, or of the policy.
fn place(breach: &Breach, desired: &Desired) -> Option<Location> {
    let policy = match &breach.by {
        BreachBy::Policy(policy) => policy,
        BreachBy::Bucket { bucket, .. } => return desired.buckets.get(bucket)?.at.clone(),
    };
    let entry = desired.policy(policy).filter(|_| breach.is_declared);
    let principal = || breach.who.iter().find_map(|principal| desired.entry(principal)?.at.clone());
    entry.and_then(|entry| entry.at.clone()).or_else(principal)
}

fn people(who: &BTreeSet<Principal>) -> String {
    let who: Vec<&Principal> = who.iter().collect();
    if who.is_empty() { "nobody".to_owned() } else { list_some(&who, NAMED, ToString::to_string) }
}
