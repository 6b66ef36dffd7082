//! The service that is asked: how requests go there, and what their answers tell, alone and together.

use tokio::time::Instant;

use super::outcome::{Left, Outcome, Verified};
use super::questions::Question;
use crate::s3::{self, Class, Kind, Manners, Pace, S3Answer, S3Client, S3Keys, S3Problem, S3Request, Step, Token};

/// Stores the value of a setting in a file before it is put back, and says which.
pub type Store<'a> = dyn Fn(&str, &str) -> std::io::Result<std::path::PathBuf> + Send + Sync + 'a;

/// What a run needs.
pub struct Asking<'a> {
    /// The service.
    pub client: &'a S3Client,
    /// The keys; `None` asks without a login.
    pub keys: Option<&'a S3Keys>,
    /// The random characters of the run.
    pub token: &'a Token,
    /// Its manners.
    pub manners: &'a Manners,
    /// Its pace, which other runs may share.
    pub pace: &'a Pace,
    /// Whether buckets with versions or object lock are asked too.
    pub versioned: bool,
    /// Until when a service may not know the keys and the policy yet, because they are new.
    pub new_until: Option<Instant>,
    /// Where the values of settings go before they are put back.
    pub store: &'a Store<'a>,
    /// Told about each answered question.
    pub progress: &'a (dyn Fn() + Send + Sync),
}

/// An answer to a question.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// Denied or let through.
    Denied(S3Answer),
    LetThrough(S3Answer),
    Nothing(String),
}

impl Told {
    /// Why a request tells nothing on this service, by the answer to it without a login; `None` if that is denied.
    pub(super) fn disbelief(self) -> Option<String> {
        match self {
            Self::Denied(_) => None,
            Self::LetThrough(answer) => {
                Some(format!("without a login it is answered {}: this service looks before it decides", answer.brief()))
            }
            Self::Nothing(why) => Some(why),
        }
    }

    /// What it tells about a request that the document allows or denies.
    pub(super) fn outcome(self, allowed: bool) -> Outcome {
        let is_different = self.denied() == Some(allowed);
        match self {
            Self::Nothing(why) => Outcome::Unclear(why),
            Self::Denied(answer) | Self::LetThrough(answer) if is_different => Outcome::Differs(answer.brief()),
            Self::Denied(_) | Self::LetThrough(_) => Outcome::Agrees,
        }
    }

    pub(super) fn denied(&self) -> Option<bool> {
        match self {
            Self::Denied(_) => Some(true),
            Self::LetThrough(_) => Some(false),
            Self::Nothing(_) => None,
        }
    }
}

/// Why a run ends early.
pub(super) enum Stop {
    /// Nothing that was answered counts.
    Void(String),
    /// A request of the run made something.
    Left(Vec<Left>),
}

/// The service of a run.
pub(super) struct Service<'a> {
    pub(super) of: &'a Asking<'a>,
    pub(super) s3: s3::Service<'a>,
}

impl<'a> Service<'a> {
    pub(super) fn new(of: &'a Asking<'a>) -> Self {
        Self { of, s3: s3::Service::new(of.client, of.pace) }
    }

    /// Sends a request: with the keys of the run, or without a login.
    pub(super) async fn send(&self, request: &S3Request, signed: bool) -> Result<(Class, S3Answer), S3Problem> {
        self.s3.ask(request, self.of.keys.filter(|_| signed)).await
    }

    pub(super) async fn told(&self, request: &S3Request, signed: bool) -> Result<Told, Stop> {
        Ok(match self.send(request, signed).await {
            Err(problem) => Told::Nothing(problem.message),
            Ok((Class::Denied, answer)) => Told::Denied(answer),
            Ok((Class::LetThrough, answer)) => Told::LetThrough(answer),
            Ok((Class::Failing(_), answer)) if !signed => {
                Told::Nothing(format!("without a login it answers {}", answer.brief()))
            }
            Ok((Class::Failing(_), answer)) => {
                return Err(Stop::Void(format!("the service stopped taking the keys ({})", answer.brief())));
            }
            Ok((Class::Busy, _)) => Told::Nothing("the service is busy".to_owned()),
            Ok((Class::Unclear(why), _)) => Told::Nothing(why),
        })
    }
}

pub(super) fn differs(question: &Question, told: &Told) -> bool {
    told.denied().is_some_and(|denied| denied == question.allowed)
}

/// The answers of a kind.
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) answers: Vec<(Question, Told)>,
    pub(super) has_looked: bool,
}

impl Asked {
    /// Whether all requests of one method, which the document denies with their parameters and allows without, are let
    /// through.
    fn ignores_parameters(&self) -> bool {
        let telling: Vec<_> = self
            .answers
            .iter()
            .filter(|(question, _)| !question.allowed && question.plain_allowed)
            .filter_map(|(question, told)| Some((question.ask.row(), told.denied()?)))
            .collect();
        let is_open = |step, on_key| {
            let of: Vec<_> = telling.iter().filter(|(row, _)| (row.step, row.on_key) == (step, on_key)).collect();
            let are_several = of.iter().any(|(row, _)| row.word != of[0].0.word);
            are_several && of.iter().all(|(_, denied)| !denied)
        };
        [Step::Read, Step::Delete, Step::Write].into_iter().any(|step| is_open(step, true) || is_open(step, false))
    }

    /// Sorts the answers, unless the kind fails its controls.
    pub(super) fn into_outcome(self, verified: &mut Verified) {
        let has = |denied: bool| self.answers.iter().any(|(_, told)| told.denied() == Some(denied));
        let expects = |allowed: bool| {
            self.answers.iter().any(|(question, told)| question.allowed == allowed && told.denied().is_some())
        };
        let nothing = if expects(false) && !has(true) {
            Some(
                "everything was let through there, also what the document denies: either the user can do everything, or this \
                 service looks before it decides",
            )
        } else if expects(true) && !has(false) {
            Some(
                "everything was denied there, also what the document allows: so no answer tells. Has the user this policy, and \
                 are these its keys?",
            )
        } else if self.ignores_parameters() {
            Some(
                "the service lets through every request with a parameter where the document allows the one without it: it may \
                 ignore the parameters",
            )
        } else {
            None
        };
        for (question, told) in self.answers.into_iter().filter(|(question, _)| !question.is_control) {
            let outcome = told.outcome(question.allowed);
            verified.tell(question, outcome);
        }
        if let Some(why) = nothing {
            verified.disbelieve(self.kind, why);
        }
    }
}
