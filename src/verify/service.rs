//! The service that is asked: how requests go there, and what their answers tell.

use tokio::time::Instant;

use super::outcome::Left;
use super::questions::Question;
use crate::s3::{self, Class, Manners, Pace, S3Answer, S3Client, S3Keys, S3Problem, S3Request, Token};

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
