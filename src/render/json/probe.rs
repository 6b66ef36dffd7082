//! The result of a probe as JSON, free of names and secrets of the cluster.

use std::collections::BTreeMap;

use crate::probe::{Probe, QUESTIONS, UserEnd};

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
        /// The policies of the probe that it could not remove.
        left: Vec<String>,
        /// What became of the user; missing when there was none.
        user?: ProbeUserV1,
        /// Why not all questions were asked; missing when all were.
        stopped?: String,
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
            rules: rules.map(ToOwned::to_owned),
            settings: rules.map(|rules| format!("[cluster]\nrules = \"{rules}\"\n")).unwrap_or_default(),
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
