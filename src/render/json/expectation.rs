//! Expectations in machine output: each with what breaks it.

use super::envelope::EnvelopeV1;
use super::failure::FailureV1;
use super::finding::FindingV1;
use crate::base::{Finding, Sources};
use crate::contract::{Checked, CheckedEnvelope, Mutation, MutationResult};

json_types! {
    /// The result of a check of expectations.
    pub struct TestV1 = "attune.test/1" {
        /// What was checked: `configuration`, `cluster` or `snapshot`.
        state: String,
        /// The expectations, in the order of the files.
        expectations: Vec<ExpectationV1>,
        /// The envelopes; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        envelopes: Vec<EnvelopeV1>,
        /// The findings about expectations that fail, then about envelopes that are exceeded, each with the place of the
        /// statement that decides.
        findings: Vec<FindingV1>,
        /// With `--mutate`, the wider policies that were tried; missing without it.
        mutations?: MutationsV1,
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
    pub struct MutationV1 {
        /// The policy.
        policy: String,
        /// The number of the statement, from 1.
        statement: usize,
        /// What was changed, in words.
        change: String,
        /// The file of the statement, if it is known.
        file?: String,
        /// Its line, from 1.
        line?: usize,
    }

    /// An expectation of the configuration.
    #[derive(PartialEq, Eq)]
    pub struct ExpectationV1 {
        /// Its name; without one, what it says.
        name: String,
        /// What it says.
        text: String,
        /// The reason, if the configuration has one.
        reason?: String,
        /// Whether it holds.
        holds: bool,
        /// Whether it refuses the plan. One that fails already, and that the plan does not make worse, refuses it only if it is
        /// strict.
        refuses: bool,
        /// The number of users, groups and roles that it is about.
        subjects: usize,
        /// What breaks it, one entry for each user, group and role; missing when it holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failures: Vec<FailureV1>,
    }
}

impl TestV1 {
    /// The result of a check as data.
    pub fn of(
        state: &str,
        checked: &[Checked],
        envelopes: &[CheckedEnvelope],
        findings: &[Finding],
        sources: &Sources,
    ) -> Self {
        Self {
            format: "attune.test/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            state: state.to_owned(),
            expectations: checked.iter().map(ExpectationV1::of).collect(),
            envelopes: envelopes.iter().map(EnvelopeV1::of).collect(),
            findings: findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
            mutations: None,
        }
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
            MutationResult::Missed => self.missed.push(MutationV1 {
                policy: mutation.policy.to_string(),
                statement: mutation.statement + 1,
                change: mutation.phrase(),
                file: mutation.at.as_ref().map(|at| sources.file(at.file).path.clone()),
                line: mutation.at.as_ref().map(|at| sources.line_column(at).0),
            }),
        }
    }
}

impl ExpectationV1 {
    /// An expectation as data.
    pub fn of(checked: &Checked) -> Self {
        Self {
            name: checked.expectation.name.clone(),
            text: checked.expectation.text.clone(),
            reason: checked.expectation.reason.clone(),
            holds: checked.holds(),
            refuses: checked.refuses(),
            subjects: checked.subjects,
            failures: checked.failures.iter().map(FailureV1::of).collect(),
        }
    }
}
