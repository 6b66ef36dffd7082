//! The result of a probe as JSON, free of names and secrets of the cluster.

use std::collections::BTreeMap;

use crate::probe::{Probe, QUESTIONS, ServiceFound, UserEnd, rule_questions};

json_types! {
    /// What a cluster does where no document says it. It has no name and no secret of the cluster.
    pub struct ProbeV1 = "attune.probe/1" of(probe: &Probe) {
        /// The release of the cluster.
        release: String = probe.identity.release.to_string(),
        /// The transport, such as `REST`.
        transport: String = probe.transport.to_owned(),
        /// The questions that were asked, with their answers.
        answers: Vec<ProbeAnswerV1> =
            QUESTIONS.iter().filter_map(|of| Some(ProbeAnswerV1::of(of, probe.answers.get(of.0)?))).collect(),
        /// The shapes of the cluster's answers, by call: members and types.
        shapes: BTreeMap<String, String> = probe.shapes.clone(),
        /// The rules of evaluation that the answers point to; missing when they point to none.
        rules?: String = probe.rules().map(|rules| rules.to_string()),
        /// Settings for the configuration, as TOML.
        settings: String = probe
            .rules()
            .map(|rules| format!("[cluster]\nrules = {}\n", rules.to_toml()))
            .unwrap_or_default(),
        /// What the S3 service told; missing when it was not asked.
        service?: ProbeServiceV1 = probe.service.as_ref().map(ProbeServiceV1::of),
        /// The policies of the probe that it could not remove.
        left: Vec<String> = probe.left.iter().map(ToString::to_string).collect(),
        /// What became of the user; missing when there was none.
        user?: UserEnd = probe.user,
        /// The bucket that may still have a policy of the probe; missing when there is none.
        opened?: String = probe.opened.as_ref().map(ToString::to_string),
        /// Why not all questions were asked; missing when all were.
        stopped?: String = probe.stopped.clone(),
    }

    /// What the S3 service told about the rules by which it evaluates documents.
    pub struct ProbeServiceV1 of(found: &ServiceFound) {
        /// The number of requests.
        sent: usize = found.sent,
        /// The answers.
        answers: Vec<ProbeRuleV1> =
            rule_questions().filter_map(|of| Some(ProbeRuleV1::of(of, found.answers.get(of.0)?))).collect(),
        /// The questions without an answer.
        unanswered: Vec<ProbeUnansweredV1> = rule_questions()
            .filter_map(|of| Some(ProbeUnansweredV1::of(of, found.unanswered.get(of.0)?)))
            .collect(),
        /// What a user has who is attached to two policies as one name with a comma; missing when that was not asked.
        comma?: String = found.comma.map(ToOwned::to_owned),
        /// Why the service was not asked, or not to the end; missing when it was.
        stopped?: String = found.stopped.clone(),
    }

    /// An answer about the rules.
    pub struct ProbeRuleV1 of((rule, about): (&str, &str), value: &str) {
        /// Its name in `[cluster] rules`.
        rule: String = rule.to_owned(),
        /// What it is about.
        about: String = about.to_owned(),
        /// Its value there, as TOML.
        value: String = value.to_owned(),
    }

    /// A question about the rules that has no answer.
    pub struct ProbeUnansweredV1 of((rule, about): (&str, &str), why: &str) {
        /// Its name in `[cluster] rules`.
        rule: String = rule.to_owned(),
        /// What it is about.
        about: String = about.to_owned(),
        /// Why it has no answer.
        why: String = why.to_owned(),
    }

    /// A question, and its answer.
    pub struct ProbeAnswerV1 of((question, about): &(&str, &str), answer: &str) {
        /// The name of the question.
        question: String = (*question).to_owned(),
        /// What it asks.
        about: String = (*about).to_owned(),
        /// The answer.
        answer: String = answer.to_owned(),
    }
}
