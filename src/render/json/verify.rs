//! What the S3 service says, compared with the documents, as JSON.

use std::collections::BTreeMap;

use crate::s3::{Kind, Token};
use crate::verify::{KindOutcome, Left, NotAsked, Question, Verified};

json_types! {
    /// What the S3 service of a cluster lets through and denies, compared with a user's document.
    pub struct VerifyV1 = "attune.verify/1" of(about: &VerifyAbout<'_>, of: &Verified) {
        /// The user; missing for requests without a login.
        user?: String = about.user.map(str::to_owned),
        /// Whether the requests had no login.
        anonymous: bool = about.user.is_none(),
        /// The address of the service.
        service: String = about.service.clone(),
        /// Where the documents come from.
        source: VerifySourceV1 = about.source,
        /// The number of questions that were asked.
        asked: usize = of.asked(),
        /// The number of questions that were not asked, by reason.
        not_asked: BTreeMap<String, usize> =
            of.not_asked.iter().map(|(why, count)| (reason(*why).to_owned(), *count)).collect(),
        /// The number of requests that were sent, with controls.
        sent: usize = of.sent,
        /// The random characters in the names of this run.
        characters: String = about.token.to_string(),
        /// Each question with what its answer tells.
        answers: Vec<VerifyAnswerV1> = answers(of, about.token),
        /// What each kind of request tells on this service.
        kinds: Vec<VerifyKindV1> = of.kinds.iter().map(VerifyKindV1::of).collect(),
        /// What requests of this run made or changed.
        left: Vec<VerifyLeftV1> = of.left.iter().map(VerifyLeftV1::of).collect(),
        /// Why nothing can be concluded; missing if the run counts.
        void?: String = of.void.clone(),
        /// Whether the document allows nothing, and the service denied everything.
        nothing_allowed: bool = of.nothing_allowed && about.source != VerifySourceV1::Expectations,
        /// Whether no bucket that exists was asked for, so that its policy was not exercised.
        buckets_not_exercised: bool =
            !(of.agreed.iter().any(is_exercised) || of.differences.iter().any(|of| is_exercised(&of.question))),
    }

    /// A question with what its answer tells.
    pub struct VerifyAnswerV1 of(
        question: &Question,
        outcome: VerifyOutcomeV1,
        answer: Option<&String>,
        why: Option<&String>,
        token: &Token,
    ) {
        /// The word of the request.
        request: String = question.request.word().to_owned(),
        /// The pattern of the document that it is about.
        resource: String = question.pattern.clone(),
        /// The kind of request.
        kind: String = question.ask.row().kind.name().to_owned(),
        /// The request.
        sent: String = question.ask.request(token).line(),
        /// Whether the document allows it.
        allowed: bool = question.allowed,
        /// The statements that decide it. Empty if none allows it.
        statements: Vec<String> = question.statements.clone(),
        /// What the answer tells.
        outcome: VerifyOutcomeV1 = outcome,
        /// The answer of a difference, such as `404 NoSuchBucket`.
        answer?: String = answer.cloned(),
        /// Why nothing is told.
        why?: String = why.cloned(),
        /// What may explain a difference.
        hint?: String = hint(question).filter(|_| outcome == VerifyOutcomeV1::Differs),
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
    pub struct VerifyKindV1 of(of: &KindOutcome) {
        /// The kind.
        kind: String = of.kind.name().to_owned(),
        /// Why it tells nothing; missing if it is believed.
        nothing?: String = of.nothing.clone(),
    }

    /// Something that a request of the run made or changed.
    pub struct VerifyLeftV1 of(left: &Left) {
        /// What it is.
        what: String = left.what.clone(),
        /// Whether it is still there.
        is_there: bool = left.is_there,
        /// The file with the value before.
        file?: String = left.file.as_ref().map(|file| file.display().to_string()),
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

/// All answers: the differences, then those that tell nothing, then the others.
fn answers(of: &Verified, token: &Token) -> Vec<VerifyAnswerV1> {
    let one = |question, outcome, answer, why| VerifyAnswerV1::of(question, outcome, answer, why, token);
    let differing = of.differences.iter();
    let differing = differing.map(|of| one(&of.question, VerifyOutcomeV1::Differs, Some(&of.answer), None));
    let unclear = of.unclear.iter().map(|of| one(&of.question, VerifyOutcomeV1::Unclear, None, Some(&of.why)));
    let agreed = of.agreed.iter().map(|question| one(question, VerifyOutcomeV1::AsDocument, None, None));
    differing.chain(unclear).chain(agreed).collect()
}

fn is_exercised(question: &Question) -> bool {
    question.ask.row().kind != Kind::NoBucket
}

impl VerifyV1 {
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
