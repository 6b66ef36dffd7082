//! The result of a probe as JSON, free of names and secrets of the cluster.

use std::collections::BTreeMap;

use crate::probe::{Probe, QUESTIONS, ServiceFound, UserEnd, rule_questions};

json_types! {
    /// What a cluster does where no document says it. It has no name and no secret of the cluster.
    pub struct ProbeV1 = "attune.probe/1" {
        /// The release of the cluster.
        release: String,
        /// The transport, such as `REST`.
        transport: String,
        /// The questions that were asked, with their answers.
        answers: Vec<ProbeAnswerV1>,
        /// The shapes of the cluster's answers, by call: members and types.
        shapes: BTreeMap<String, String>,
        /// The rules of evaluation that the answers point to; missing when they point to none.
        rules?: String,
        /// Settings for the configuration, as TOML.
        settings: String,
        /// What the S3 service told; missing when it was not asked.
        service?: ProbeServiceV1,
        /// The policies of the probe that it could not remove.
        left: Vec<String>,
        /// What became of the user; missing when there was none.
        user?: ProbeUserV1,
        /// The bucket that may still have a policy of the probe; missing when there is none.
        opened?: String,
        /// Why not all questions were asked; missing when all were.
        stopped?: String,
    }

    /// What the S3 service told about the rules by which it evaluates documents.
    pub struct ProbeServiceV1 {
        /// The number of requests.
        sent: usize,
        /// The answers.
        answers: Vec<ProbeRuleV1>,
        /// The questions without an answer.
        unanswered: Vec<ProbeUnansweredV1>,
        /// What a user has who is attached to two policies as one name with a comma; missing when that was not asked.
        comma?: String,
        /// Why the service was not asked, or not to the end; missing when it was.
        stopped?: String,
    }

    /// An answer about the rules.
    pub struct ProbeRuleV1 {
        /// Its name in `[cluster] rules`.
        rule: String,
        /// What it is about.
        about: String,
        /// Its value there, as TOML.
        value: String,
    }

    /// A question about the rules that has no answer.
    pub struct ProbeUnansweredV1 {
        /// Its name in `[cluster] rules`.
        rule: String,
        /// What it is about.
        about: String,
        /// Why it has no answer.
        why: String,
    }

    /// A question, and its answer.
    pub struct ProbeAnswerV1 {
        /// The name of the question.
        question: String,
        /// What it asks.
        about: String,
        /// The answer.
        answer: String,
    }

    /// What became of the user of a probe.
    pub enum ProbeUserV1 {
        /// It has no policy and no key pair that anybody knows.
        AsBefore,
        /// It has no policy. It may have a key pair that cannot be replaced here: delete the user.
        KeysLeft,
        /// It may have a policy of the probe.
        Attached,
    }
}

impl ProbeV1 {
    /// A copy of what a probe found.
    pub fn of(probe: &Probe) -> Self {
        let answer = |&(question, about): &(&str, &str)| {
            let answer = probe.answers.get(question)?.clone();
            Some(ProbeAnswerV1 { question: question.to_owned(), about: about.to_owned(), answer })
        };
        let rules = probe.rules();
        Self {
            format: "attune.probe/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            release: probe.identity.release.to_string(),
            transport: probe.transport.to_owned(),
            answers: QUESTIONS.iter().filter_map(answer).collect(),
            shapes: probe.shapes.clone(),
            settings: rules
                .as_ref()
                .map(|rules| format!("[cluster]\nrules = {}\n", rules.to_toml()))
                .unwrap_or_default(),
            rules: rules.map(|rules| rules.to_string()),
            service: probe.service.as_ref().map(ProbeServiceV1::of),
            opened: probe.opened.as_ref().map(ToString::to_string),
            left: probe.left.iter().map(ToString::to_string).collect(),
            user: probe.user.map(|end| match end {
                UserEnd::AsBefore => ProbeUserV1::AsBefore,
                UserEnd::KeysLeft => ProbeUserV1::KeysLeft,
                UserEnd::Attached => ProbeUserV1::Attached,
            }),
            stopped: probe.stopped.clone(),
        }
    }
}

impl ProbeServiceV1 {
    fn of(found: &ServiceFound) -> Self {
        let answer = |(rule, about): (&str, &str)| {
            let value = (*found.rules.answers.get(rule)?).to_owned();
            Some(ProbeRuleV1 { rule: rule.to_owned(), about: about.to_owned(), value })
        };
        let unanswered = |(rule, about): (&str, &str)| {
            let why = found.rules.unanswered.get(rule)?.clone();
            Some(ProbeUnansweredV1 { rule: rule.to_owned(), about: about.to_owned(), why })
        };
        Self {
            sent: found.sent,
            answers: rule_questions().filter_map(answer).collect(),
            unanswered: rule_questions().filter_map(unanswered).collect(),
            comma: found.comma.map(ToOwned::to_owned),
            stopped: found.stopped.clone(),
        }
    }
}
