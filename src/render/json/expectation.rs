//! Expectations and envelopes in machine output: each with what breaks or exceeds it.

use super::access::names;
use super::finding::FindingV1;
use crate::base::{Finding, PolicyName, Sources};
use crate::contract::{Breach, BreachBy, Checked, CheckedEnvelope, Mutation, MutationResult, Why};
use crate::policy::access::{Counterexample, Holder, RequestOrAction};

json_types! {
    /// The result of a check of expectations.
    pub struct TestV1 = "attune.test/1" of(
        state: &str,
        checked: &[Checked],
        envelopes: &[CheckedEnvelope],
        findings: &[Finding],
        sources: &Sources,
    ) {
        /// What was checked: `configuration`, `cluster` or `snapshot`.
        state: String = state.to_owned(),
        /// The expectations, in the order of the files.
        expectations: Vec<ExpectationV1> = checked.iter().map(ExpectationV1::of).collect(),
        /// The envelopes; missing when there are none.
        envelopes*: EnvelopeV1 = envelopes.iter().map(EnvelopeV1::of).collect(),
        /// The findings about expectations that fail, then about envelopes that are exceeded, each with the place of the
        /// statement that decides.
        findings: Vec<FindingV1> = findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        /// With `--mutate`, the wider policies that were tried; missing without it.
        mutations?: MutationsV1 = None,
    }

    /// Statements that were made wider, one at a time.
    #[derive(Default, PartialEq, Eq)]
    pub struct MutationsV1 {
        /// The number of mutations of the configuration.
        possible: usize,
        /// How many were tried before the time was over.
        tried: usize,
        /// How many of these give nobody anything.
        without_gain: usize,
        /// How many make an expectation fail.
        caught: usize,
        /// Those that give somebody something, and that no expectation notices.
        missed: Vec<MutationV1>,
    }

    /// A statement that was made wider.
    #[derive(PartialEq, Eq)]
    pub struct MutationV1 of(mutation: &Mutation, sources: &Sources) {
        /// The policy.
        policy: String = mutation.policy.to_string(),
        /// The number of the statement, from 1.
        statement: usize = mutation.statement + 1,
        /// What was changed, in words.
        change: String = mutation.phrase(),
        /// The file of the statement, if it is known.
        file?: String = mutation.at.as_ref().map(|at| sources.file(at.file).path.clone()),
        /// Its line, from 1.
        line?: usize = mutation.at.as_ref().map(|at| sources.line_column(at).0),
    }

    /// An expectation of the configuration.
    pub struct ExpectationV1 of(checked: &Checked) {
        /// Its name; without one, what it says.
        name: String = checked.expectation.name.clone(),
        /// What it says.
        text: String = checked.expectation.text.clone(),
        /// The reason, if the configuration has one.
        reason?: String = checked.expectation.reason.clone(),
        /// Whether it holds.
        holds: bool = checked.holds(),
        /// Whether it refuses the plan. One that fails already, and that the plan does not make worse, refuses it only if it is
        /// strict.
        refuses: bool = checked.refuses(),
        /// The number of users, groups and roles that it is about.
        subjects: usize = checked.subjects,
        /// What breaks it, one entry for each user, group and role; missing when it holds.
        failures*: FailureV1 = checked
            .failures
            .iter()
            .map(|of| FailureV1::of(of.who.as_ref(), of.policy.as_ref(), &of.why, of.is_new))
            .collect(),
    }
}

impl TestV1 {
    /// The expectations, each with the finding about it if it fails.
    pub fn with_findings(&self) -> impl Iterator<Item = (&ExpectationV1, Option<&FindingV1>)> {
        let mut findings = self.findings.iter();
        self.expectations.iter().map(move |of| (of, if of.holds { None } else { findings.next() }))
    }

    /// The envelopes, each with the findings about what exceeds it.
    pub fn envelopes_with_findings(&self) -> impl Iterator<Item = (&EnvelopeV1, Vec<&FindingV1>)> {
        let before = self.expectations.iter().filter(|of| !of.holds).count();
        let mut findings = self.findings.iter().skip(before);
        self.envelopes.iter().map(move |of| (of, findings.by_ref().take(of.breaches.len()).collect()))
    }
}

impl MutationsV1 {
    /// Adds the verdict of a mutation.
    pub fn add(&mut self, mutation: &Mutation, verdict: MutationResult, sources: &Sources) {
        self.tried += 1;
        match verdict {
            MutationResult::NoGain => self.without_gain += 1,
            MutationResult::Caught => self.caught += 1,
            MutationResult::Missed => self.missed.push(MutationV1::of(mutation, sources)),
        }
    }
}

json_types! {
    /// An envelope of the configuration.
    pub struct EnvelopeV1 of(checked: &CheckedEnvelope) {
        /// Its name; without one, its files.
        name: String = checked.envelope.name.clone(),
        /// What it says.
        text: String = checked.envelope.text.clone(),
        /// The reason, if the configuration has one.
        reason?: String = checked.envelope.reason.clone(),
        /// Whether nothing exceeds it.
        holds: bool = checked.holds(),
        /// Whether it refuses the plan. What exceeds it already, and a plan of a part does not make worse, refuses nothing.
        refuses: bool = checked.refuses(),
        /// The included files that it binds, from the directory of the main file.
        files: Vec<String> = checked.files.clone(),
        /// The policies, and the policies of buckets, that exceed it; missing when it holds.
        breaches*: BreachV1 = checked.breaches.iter().map(BreachV1::of).collect(),
    }

    /// A policy, or the policy of a bucket, that gives more than an envelope.
    pub struct BreachV1 of(breach: &Breach) {
        /// The bucket whose policy it is; missing if it is a policy of users and groups.
        bucket?: String = match &breach.by {
            BreachBy::Policy(_) => None,
            BreachBy::Bucket { bucket, .. } => Some(bucket.to_string()),
        },
        /// Whether an included file declares the policy. If not, users or groups of the file have it.
        declared: bool = breach.is_declared,
        /// The users and groups of the files that have it, now or at another time.
        who: Vec<String> = breach.who.iter().map(|who| who.label()).collect(),
        /// What the policy gives beyond the envelope.
        failure: FailureV1 = failure(breach),
    }
}

fn failure(breach: &Breach) -> FailureV1 {
    let (who, policy) = match &breach.by {
        BreachBy::Policy(policy) => (None, Some(policy)),
        BreachBy::Bucket { to_anonymous, .. } => (to_anonymous.then_some(Holder::Anonymous), None),
    };
    FailureV1::of(who.as_ref(), policy, &breach.why, breach.is_new)
}

json_types! {
    /// A user, group or role for which an expectation fails.
    pub struct FailureV1 of(who: Option<&Holder>, policy: Option<&PolicyName>, why: &Why, is_new: bool) {
        /// The user, `group/NAME`, `roles NAME`, or `@anonymous` for anyone without a login; missing if it is about everyone.
        who?: String = who.map(Holder::label),
        /// The policy that it has; missing if it has none.
        policy?: String = policy.map(ToString::to_string),
        /// The reason: `allowed`, `not_allowed`, `undecided`, `unknown_document`, `no_such_principal` or `not_reported`.
        why: String = match why {
            Why::Allowed(example) | Why::NotAllowed(example) if example.is_open => "undecided",
            Why::Allowed(_) => "allowed",
            Why::NotAllowed(_) => "not_allowed",
            Why::UnknownDocument => "unknown_document",
            Why::NoSuchPrincipal => "no_such_principal",
            Why::NotReported(_) => "not_reported",
        }
        .to_owned(),
        /// Whether the plan causes it or makes it worse.
        new: bool = is_new,
        /// The word of a request that proves it, or the action.
        request?: String = example(why).map(|of| word(&of.what)),
        /// The resource of that request: an ARN. If `undecided`, a pattern.
        resource?: String = example(why).map(|of| of.resource.clone()),
        /// The conditions that hold for that request; missing when there are none.
        conditions*: String = example(why).map(|of| of.conditions.clone()).unwrap_or_default(),
        /// The rules by which it is so; missing when all rules that count agree.
        rules*: String = example(why).map(|of| names(&of.rules)).unwrap_or_default(),
    }
}

/// The word of a request, or the action.
pub(super) fn word(of: &RequestOrAction) -> String {
    match of {
        RequestOrAction::Request(kind) => kind.word().to_owned(),
        RequestOrAction::Action(action) => action.clone(),
    }
}

fn example(why: &Why) -> Option<&Counterexample> {
    if let Why::Allowed(example) | Why::NotAllowed(example) = why { Some(example) } else { None }
}
