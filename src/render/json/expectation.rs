//! Expectations in machine output: each with what breaks it.

use super::envelope::EnvelopeV1;
use super::failure::FailureV1;
use super::finding::FindingV1;
use crate::base::{Finding, Sources};
use crate::contract::{Checked, CheckedEnvelope, Mutation, MutationResult};

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
    #[derive(PartialEq, Eq)]
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
