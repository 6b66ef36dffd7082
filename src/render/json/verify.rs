//! What the S3 service says, compared with the documents, as JSON.

use std::collections::BTreeMap;

use crate::s3::{Kind, S3Endpoint, Token};
use crate::verify::{Answered, KindOutcome, Left, NotAsked, Outcome, Question, Verified};

json_types! {
    /// What the S3 service of a cluster lets through and denies, compared with a user's document.
    pub struct VerifyV1 = "attune.verify/1" of(
        user: Option<&str>,
        service: &S3Endpoint,
        source: VerifySourceV1,
        token: &Token,
        of: &Verified,
    ) {
        /// The user; missing for requests without a login.
        user?: String = user.map(str::to_owned),
        /// Whether the requests had no login.
        anonymous: bool = user.is_none(),
        /// The address of the service.
        service: String = service.to_string(),
        /// Where the documents come from.
        source: VerifySourceV1 = source,
        /// The number of questions that were asked.
        asked: usize = of.answers.len(),
        /// The number of questions that were not asked, by reason.
        not_asked: BTreeMap<String, usize> =
            of.not_asked.iter().map(|(why, count)| (reason(*why).to_owned(), *count)).collect(),
        /// The number of requests that were sent, with controls.
        sent: usize = of.sent,
        /// The random characters in the names of this run.
        characters: String = token.to_string(),
        /// Each question with what its answer tells.
        answers: Vec<VerifyAnswerV1> = answers(of, token),
        /// What each kind of request tells on this service.
        kinds: Vec<VerifyKindV1> = of.kinds.iter().map(VerifyKindV1::of).collect(),
        /// What requests of this run made or changed.
        left: Vec<VerifyLeftV1> = of.left.iter().map(VerifyLeftV1::of).collect(),
        /// Why nothing can be concluded; missing if the run counts.
        void?: String = of.void.clone(),
        /// Whether the document allows nothing, and the service denied everything.
        nothing_allowed: bool = of.nothing_allowed && source != VerifySourceV1::Expectations,
        /// Whether no bucket that exists was asked for, so that its policy was not exercised.
        buckets_not_exercised: bool = !of.answers.iter().any(is_exercised),
    }

    /// A question with what its answer tells.
    pub struct VerifyAnswerV1 of(Answered { question, outcome }: &Answered, token: &Token) {
        /// The word of the request.
        request: String = question.ask.row().word.to_owned(),
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
        outcome: VerifyOutcomeV1 = VerifyOutcomeV1::of(outcome),
        /// The answer of a difference, such as `404 NoSuchBucket`.
        answer?: String = if let Outcome::Differs(answer) = outcome { Some(answer.clone()) } else { None },
        /// Why nothing is told.
        why?: String = if let Outcome::Unclear(why) = outcome { Some(why.clone()) } else { None },
        /// What may explain a difference.
        hint?: String = hint(question).filter(|_| matches!(outcome, Outcome::Differs(_))),
    }

    /// What an answer tells.
    pub enum VerifyOutcomeV1 of(&Outcome) {
        /// The service does what the document says.
        AsDocument = Outcome::Agrees,
        /// The service does otherwise, each time it was asked.
        Differs = Outcome::Differs(_),
        /// Nothing.
        Unclear = Outcome::Unclear(_),
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

/// All answers: the differences, then those that tell nothing, then the others.
fn answers(of: &Verified, token: &Token) -> Vec<VerifyAnswerV1> {
    let mut answers: Vec<&Answered> = of.answers.iter().collect();
    answers.sort_by_key(|one| match one.outcome {
        Outcome::Differs(_) => 0,
        Outcome::Unclear(_) => 1,
        Outcome::Agrees => 2,
    });
    answers.into_iter().map(|one| VerifyAnswerV1::of(one, token)).collect()
}

/// Whether an answer tells something about a bucket that exists.
fn is_exercised(of: &Answered) -> bool {
    of.question.ask.row().kind != Kind::NoBucket && !matches!(of.outcome, Outcome::Unclear(_))
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
