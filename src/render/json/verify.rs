//! What the S3 service says, compared with the documents, as JSON.

use std::collections::BTreeMap;

use crate::s3::{Kind, Token};
use crate::verify::{NotAsked, Question, Verified};

json_types! {
    /// What the S3 service of a cluster lets through and denies, compared with a user's document.
    pub struct VerifyV1 = "attune.verify/1" {
        /// The user; missing for requests without a login.
        user?: String,
        /// Whether the requests had no login.
        anonymous: bool,
        /// The address of the service.
        service: String,
        /// Where the documents come from.
        source: VerifySourceV1,
        /// The number of questions that were asked.
        asked: usize,
        /// The number of questions that were not asked, by reason.
        not_asked: BTreeMap<String, usize>,
        /// The number of requests that were sent, with controls.
        sent: usize,
        /// The random characters in the names of this run.
        characters: String,
        /// Each question with what its answer tells.
        answers: Vec<VerifyAnswerV1>,
        /// What each kind of request tells on this service.
        kinds: Vec<VerifyKindV1>,
        /// What requests of this run made or changed.
        left: Vec<VerifyLeftV1>,
        /// Why nothing can be concluded; missing if the run counts.
        void?: String,
        /// Whether the document allows nothing, and the service denied everything.
        nothing_allowed: bool,
        /// Whether no bucket that exists was asked for, so that its policy was not exercised.
        buckets_not_exercised: bool,
    }

    /// A question with what its answer tells.
    pub struct VerifyAnswerV1 {
        /// The word of the request.
        request: String,
        /// The pattern of the document that it is about.
        resource: String,
        /// The kind of request.
        kind: String,
        /// The request.
        sent: String,
        /// Whether the document allows it.
        allowed: bool,
        /// The statements that decide it. Empty if none allows it.
        statements: Vec<String>,
        /// What the answer tells.
        outcome: VerifyOutcomeV1,
        /// The answer of a difference, such as `404 NoSuchBucket`.
        answer?: String,
        /// Why nothing is told.
        why?: String,
        /// What may explain a difference.
        hint?: String,
    }

    /// What an answer tells.
    pub enum VerifyOutcomeV1 {
        /// The service does what the document says.
        AsDocument,
        /// The service does otherwise, each time it was asked.
        Differs,
        /// Nothing.
        Unclear,
    }

    /// Where documents come from.
    pub enum VerifySourceV1 {
        /// The configuration.
        Desired,
        /// The cluster.
        Observed,
        /// The expectations of the configuration.
        Expectations,
    }

    /// What a kind of request tells.
    pub struct VerifyKindV1 {
        /// The kind.
        kind: String,
        /// Why it tells nothing; missing if it is believed.
        nothing?: String,
    }

    /// Something that a request of the run made or changed.
    pub struct VerifyLeftV1 {
        /// What it is.
        what: String,
        /// Whether it is still there.
        is_there: bool,
        /// The file with the value before.
        file?: String,
    }
}

/// What a run was about.
pub struct VerifyAbout<'a> {
    /// The user; `None` without a login.
    pub user: Option<&'a str>,
    /// The address of the service.
    pub service: String,
    /// Where the documents come from.
    pub source: VerifySourceV1,
    /// The characters of the run.
    pub token: &'a Token,
}

impl VerifyV1 {
    /// A copy of what a run found.
    pub fn of(about: &VerifyAbout<'_>, of: &Verified) -> Self {
        let one = |question: &Question, outcome, answer: Option<&String>, why: Option<&String>| VerifyAnswerV1 {
            request: question.request.word().to_owned(),
            resource: question.pattern.clone(),
            kind: question.ask.row().kind.name().to_owned(),
            sent: question.ask.request(about.token).line(),
            allowed: question.allowed,
            statements: question.statements.clone(),
            outcome,
            answer: answer.cloned(),
            why: why.cloned(),
            hint: (outcome == VerifyOutcomeV1::Differs).then(|| hint(question)).flatten(),
        };
        let differing = of.differences.iter();
        let differing = differing.map(|of| one(&of.question, VerifyOutcomeV1::Differs, Some(&of.answer), None));
        let unclear = of.unclear.iter().map(|of| one(&of.question, VerifyOutcomeV1::Unclear, None, Some(&of.why)));
        let agreed = of.agreed.iter().map(|question| one(question, VerifyOutcomeV1::AsDocument, None, None));
        let answers: Vec<VerifyAnswerV1> = differing.chain(unclear).chain(agreed).collect();
        let exercised = |answer: &VerifyAnswerV1| {
            answer.kind != Kind::NoBucket.name() && answer.outcome != VerifyOutcomeV1::Unclear
        };
        Self {
            format: "attune.verify/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            user: about.user.map(str::to_owned),
            anonymous: about.user.is_none(),
            service: about.service.clone(),
            source: about.source,
            asked: of.asked(),
            not_asked: of.not_asked.iter().map(|(why, count)| (reason(*why).to_owned(), *count)).collect(),
            sent: of.sent,
            characters: about.token.to_string(),
            buckets_not_exercised: !answers.iter().any(exercised),
            answers,
            kinds: of
                .kinds
                .iter()
                .map(|of| VerifyKindV1 { kind: of.kind.name().to_owned(), nothing: of.nothing.clone() })
                .collect(),
            left: of
                .left
                .iter()
                .map(|left| VerifyLeftV1 {
                    what: left.what.clone(),
                    is_there: left.is_there,
                    file: left.file.as_ref().map(|file| file.display().to_string()),
                })
                .collect(),
            void: of.void.clone(),
            nothing_allowed: of.nothing_allowed && about.source != VerifySourceV1::Expectations,
        }
    }

    /// The answers of an outcome.
    pub fn of_outcome(&self, outcome: VerifyOutcomeV1) -> impl Iterator<Item = &VerifyAnswerV1> {
        self.answers.iter().filter(move |answer| answer.outcome == outcome)
    }
}

const REASONS: [(NotAsked, &str); 11] = [
    (NotAsked::Objects, "objects"),
    (NotAsked::Settings, "settings"),
    (NotAsked::Versioned, "versioned"),
    (NotAsked::Room, "room"),
    (NotAsked::Depends, "depends"),
    (NotAsked::Rules, "rules"),
    (NotAsked::Release, "release"),
    (NotAsked::Limit, "limit"),
    (NotAsked::Restore, "restore"),
    (NotAsked::Ended, "ended"),
    (NotAsked::Unsaid, "unsaid"),
];

fn reason(why: NotAsked) -> &'static str {
    REASONS.iter().find(|(of, _)| *of == why).map_or("", |(_, name)| name)
}

/// What may explain a difference.
fn hint(question: &Question) -> Option<String> {
    if !question.otherwise_by.is_empty() {
        let rules = question.otherwise_by.join(" and ");
        return Some(format!(
            "the service follows other rules: by {rules} it would be so; see `rules` under [cluster]"
        ));
    }
    let ignores = question.plain_allowed && !question.allowed;
    ignores.then(|| "the service ignores the parameter: without it, the document allows the request".to_owned())
}
