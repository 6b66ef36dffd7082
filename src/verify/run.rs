//! Asks one kind of request after the other, with its controls.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::outcome::{KindOutcome, Left, Outcome, Problem, Verified};
use super::questions::{NotAsked, Question, Questions};
use super::service::{Asked, Asking, Service, Stop, Told, differs};
use super::settings::{ask_settings, look_for_buckets, look_for_objects};
use crate::s3::{self, Class, Failing, Kind, Manners, Pace, ROWS, Row, S3Client, Step, bucket_within, list_of_buckets};

/// After so many questions the signed control is repeated.
const BETWEEN_CONTROLS: usize = 50;

/// The pause before new keys are tried again.
const AGAIN: Duration = Duration::from_secs(1);

struct Run<'a> {
    service: Service<'a>,
    of: &'a Asking<'a>,
    /// What the list of buckets told at first: whether it was denied.
    list_denied: bool,
    /// A read that was let through.
    allowed: Option<Question>,
}

/// Finds out whether an S3 service answers there, without a login.
pub async fn reach(client: &S3Client) -> Result<(), Problem> {
    match s3::Service::new(client, &Pace::of(&Manners::default())).ask(&list_of_buckets(), None).await {
        Ok((Class::Unclear(why), _)) => Err(Problem::NoS3(why)),
        // A service that speaks of keys is one, and so is a busy one.
        Ok((Class::Denied | Class::LetThrough | Class::Failing(_) | Class::Busy, _)) => Ok(()),
        Err(problem) => Err(problem.into()),
    }
}

/// Whether the list of buckets is denied.
async fn list_denied(service: &Service<'_>) -> Result<bool, Problem> {
    match service.send(&list_of_buckets(), true).await? {
        (Class::Denied, _) => Ok(true),
        (Class::LetThrough, _) => Ok(false),
        (Class::Failing(failing), _) => Err(Problem::Keys(failing)),
        (Class::Busy, answer) => {
            let message = format!("{} is busy: {}", service.of.client.endpoint(), answer.brief());
            Err(Problem::NoAnswer { message, help: Some("try again later".to_owned()) })
        }
        (Class::Unclear(why), _) => Err(Problem::NoS3(why)),
    }
}

/// Asks the service. Nothing is changed by it on any service that is known; what is changed all the same is named, and taken
/// away if it is certainly of this run.
pub async fn verify(asking: &Asking<'_>, questions: Questions) -> Result<Verified, Problem> {
    let mut run = Run { service: Service::new(asking), of: asking, list_denied: false, allowed: None };
    run.list_denied = run.first_control().await?;
    run.until_allowed(&questions).await;
    let mut verified = Verified { not_asked: questions.not_asked, ..Verified::default() };
    let all = verified.accounted() + questions.asked.iter().filter(|question| !question.is_control).count();
    for kind in [Kind::NoBucket, Kind::Read, Kind::NoKey, Kind::Setting] {
        let of_kind: Vec<Question> = questions.asked.iter().filter(|one| one.ask.row().kind == kind).cloned().collect();
        if of_kind.is_empty() {
            continue;
        }
        match run.kind(kind, of_kind, &mut verified).await {
            Ok(()) => continue,
            Err(Stop::Void(why)) => verified.void = Some(why),
            Err(Stop::Left(left)) => {
                verified.disbelieve(kind, "a request made something there, which no request of this kind may do");
                verified.left.extend(left);
            }
        }
        break;
    }
    let left = all.saturating_sub(verified.accounted());
    if left > 0 {
        *verified.not_asked.entry(NotAsked::Ended).or_default() += left;
    }
    let none_allowed = questions.asked.iter().all(|question| !question.allowed);
    let agrees = verified.answers.iter().any(|one| one.outcome == Outcome::Agrees);
    verified.nothing_allowed = none_allowed && agrees && !verified.differs();
    verified.sent = run.service.s3.sent();
    Ok(verified)
}

impl Run<'_> {
    /// Whether the list of buckets is denied. It proves that the keys are alive. New ones are tried again.
    async fn first_control(&self) -> Result<bool, Problem> {
        loop {
            match list_denied(&self.service).await {
                Err(Problem::Keys(Failing::Unknown | Failing::Secret)) if self.may_be_new() => sleep(AGAIN).await,
                ended => return ended,
            }
        }
    }

    fn may_be_new(&self) -> bool {
        self.of.new_until.is_some_and(|until| Instant::now() + AGAIN < until)
    }

    /// Waits until a read that the document allows is let through, while the policy may not have arrived there yet.
    async fn until_allowed(&self, questions: &Questions) {
        let is_allowed = |one: &&Question| one.allowed && one.ask.row().step == Step::Read;
        let Some(question) = questions.asked.iter().find(is_allowed) else { return };
        while self.may_be_new() {
            match self.service.told(&question.ask.request(self.of.token), true).await {
                Ok(Told::LetThrough(_)) => return,
                Ok(Told::Denied(_) | Told::Nothing(_)) | Err(_) => sleep(AGAIN).await,
            }
        }
    }

    async fn question(&self, question: &Question) -> Result<Told, Stop> {
        let told = self.service.told(&question.ask.request(self.of.token), true).await;
        (self.of.progress)();
        told
    }

    /// The signed control: the list of buckets and a read that was let through answer as before.
    async fn control(&self) -> Result<(), Stop> {
        let changed = |what: &str| Stop::Void(format!("{what} was answered otherwise in the middle of the run"));
        if self.service.told(&list_of_buckets(), true).await?.denied().is_some_and(|denied| denied != self.list_denied)
        {
            return Err(changed("the list of buckets"));
        }
        let Some(allowed) = &self.allowed else { return Ok(()) };
        match self.service.told(&allowed.ask.request(self.of.token), true).await?.denied() {
            Some(true) => Err(changed("a request that was let through")),
            Some(false) | None => Ok(()),
        }
    }

    async fn kind(&mut self, kind: Kind, questions: Vec<Question>, verified: &mut Verified) -> Result<(), Stop> {
        verified.kinds.push(KindOutcome { kind, nothing: None });
        if kind == Kind::Setting {
            return ask_settings(&self.service, questions, verified).await;
        }
        let mut asked = Asked { kind, answers: Vec::new(), has_looked: false };
        let end = self.steps(questions, &mut asked, verified).await;
        asked.into_outcome(verified);
        end
    }

    async fn steps(
        &mut self,
        questions: Vec<Question>,
        asked: &mut Asked,
        verified: &mut Verified,
    ) -> Result<(), Stop> {
        for step in [Step::Read, Step::Delete, Step::Write] {
            let of_step = questions.iter().filter(|one| one.ask.row().step == step).cloned().collect();
            let of_step = self.believed(of_step, verified).await?;
            let of_step = self.without_versions(of_step, verified).await?;
            if let Err(stop) = self.step(step, of_step, asked).await {
                // What a request may have made is looked for in any case.
                let left = self.look(asked).await;
                return Err(if left.is_empty() { stop } else { Stop::Left(left) });
            }
        }
        self.again(asked).await?;
        let left = self.look(asked).await;
        self.control().await?;
        if left.is_empty() { Ok(()) } else { Err(Stop::Left(left)) }
    }

    /// The questions of rows that are denied without a login. Others tell nothing on this service.
    async fn believed(&self, questions: Vec<Question>, verified: &mut Verified) -> Result<Vec<Question>, Stop> {
        let mut rows: Vec<(&'static Row, Option<String>)> = Vec::new();
        for question in &questions {
            let row = question.ask.row();
            if !rows.iter().any(|(known, _)| *known == row) {
                rows.push((row, self.unsigned_control(question).await?));
            }
        }
        let mut believed = Vec::new();
        for question in questions {
            let row = question.ask.row();
            match rows.iter().find(|(known, _)| *known == row).and_then(|(_, why)| why.clone()) {
                Some(why) if !question.is_control => verified.tell(question, Outcome::Unclear(why)),
                Some(_) => {}
                None => believed.push(question),
            }
        }
        Ok(believed)
    }

    /// Why a row tells nothing on this service; `None` if it is denied without a login. A bucket may let everyone in: then the
    /// same request to a bucket that is not there decides.
    async fn unsigned_control(&self, question: &Question) -> Result<Option<String>, Stop> {
        let row = question.ask.row();
        let elsewhere = || {
            let bucket = bucket_within("*", self.of.token)?;
            ROWS.iter()
                .filter(|of| of.word == row.word)
                .find_map(|of| of.without_bucket(&bucket, self.of.token.as_str()))
        };
        let own = (self.of.keys.is_some() || row.kind == Kind::NoBucket).then(|| question.ask.clone());
        let mut why = "no request tells whether this service decides first".to_owned();
        for ask in own.into_iter().chain((row.kind != Kind::NoBucket).then(elsewhere).flatten()) {
            let told = self.service.told(&ask.request(self.of.token), false).await?;
            if row.step == Step::Write && matches!(&told, Told::LetThrough(answer) if answer.is_done()) {
                let left = self.look_at(row.kind, &[question]).await;
                let void = "a write without a login was carried out, to a name that is not there";
                return Err(if left.is_empty() { Stop::Void(void.to_owned()) } else { Stop::Left(left) });
            }
            let Some(reason) = told.disbelief() else { return Ok(None) };
            why = reason;
        }
        Ok(Some(why))
    }

    async fn step(&mut self, step: Step, questions: Vec<Question>, asked: &mut Asked) -> Result<(), Stop> {
        for some in questions.chunks(BETWEEN_CONTROLS) {
            if step == Step::Write {
                self.writes(some, asked).await?;
            } else {
                let this = &*self;
                let answers = stream::iter(some.iter().cloned()).map(|question| async move {
                    let told = this.question(&question).await?;
                    Ok((question, told))
                });
                let answers: Vec<Result<(Question, Told), Stop>> =
                    answers.buffered(self.of.manners.at_once).collect().await;
                for answer in answers {
                    asked.answers.push(answer?);
                }
            }
            if self.allowed.is_none() && step == Step::Read {
                let through = |(_, told): &&(Question, Told)| told.denied() == Some(false);
                self.allowed = asked.answers.iter().find(through).map(|(question, _)| question.clone());
            }
            if some.len() == BETWEEN_CONTROLS {
                self.control().await?;
            }
        }
        Ok(())
    }

    /// Writes go one by one. The first that is carried out ends the kind, and after the first that is let through the name is
    /// looked for.
    async fn writes(&self, questions: &[Question], asked: &mut Asked) -> Result<(), Stop> {
        for question in questions {
            let told = self.question(question).await?;
            let through = told.denied() == Some(false);
            let done = matches!(&told, Told::LetThrough(answer) if answer.is_done());
            asked.answers.push((question.clone(), told));
            if done || through && !asked.has_looked {
                asked.has_looked = true;
                let left = self.look_at(asked.kind, &[question]).await;
                if !left.is_empty() {
                    return Err(Stop::Left(left));
                }
            }
            if done {
                return Err(Stop::Void(format!(
                    "the service carried out {}, which cannot be done",
                    question.ask.request(self.of.token).line()
                )));
            }
        }
        Ok(())
    }

    /// Asks again what was answered otherwise than the document says. A busy server may answer by an earlier document.
    async fn again(&self, asked: &mut Asked) -> Result<(), Stop> {
        for pause in &self.of.manners.pauses {
            if !asked.answers.iter().any(|(question, told)| differs(question, told)) {
                return Ok(());
            }
            sleep(*pause).await;
            for (question, told) in &mut asked.answers {
                if differs(question, told) {
                    *told = self.service.told(&question.ask.request(self.of.token), true).await?;
                }
            }
        }
        Ok(())
    }

    async fn look(&self, asked: &Asked) -> Vec<Left> {
        let touched = asked
            .answers
            .iter()
            .filter(|(question, told)| question.ask.row().step != Step::Read && told.denied() != Some(true));
        self.look_at(asked.kind, &touched.map(|(question, _)| question).collect::<Vec<_>>()).await
    }

    async fn look_at(&self, kind: Kind, questions: &[&Question]) -> Vec<Left> {
        match kind {
            Kind::NoBucket => look_for_buckets(&self.service, questions).await,
            Kind::NoKey => look_for_objects(&self.service, questions).await,
            Kind::Read | Kind::Setting => Vec::new(),
        }
    }

    /// The questions whose requests cannot leave a delete marker.
    async fn without_versions(&self, questions: Vec<Question>, verified: &mut Verified) -> Result<Vec<Question>, Stop> {
        let is_about = |one: &Question| one.ask.row().kind == Kind::NoKey && one.ask.row().step != Step::Read;
        if self.of.versioned || !questions.iter().any(is_about) {
            return Ok(questions);
        }
        let mut plain: BTreeMap<String, bool> = BTreeMap::new();
        let mut kept = Vec::new();
        for question in questions {
            let bucket = question.ask.bucket();
            if !plain.contains_key(bucket) {
                plain.insert(bucket.to_owned(), self.is_plain(bucket).await?);
            }
            if plain[bucket] {
                kept.push(question);
            } else {
                *verified.not_asked.entry(NotAsked::Versioned).or_default() += 1;
            }
        }
        Ok(kept)
    }

    /// Whether a bucket certainly has no versions and no object lock.
    async fn is_plain(&self, bucket: &str) -> Result<bool, Stop> {
        let row = ROWS.iter().find(|row| row.kind == Kind::Read && row.word == "read-versioning");
        let Some(ask) = row.and_then(|row| row.of_bucket(bucket)) else { return Ok(false) };
        let told = self.service.told(&ask.request(self.of.token), true).await?;
        // A bucket with object lock always has versions.
        Ok(matches!(told, Told::LetThrough(answer) if answer.has_no_versions() == Some(true)))
    }
}
