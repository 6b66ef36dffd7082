//! The service that is asked: how requests go there, and what their answers tell.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, sleep};

use super::outcome::Left;
use super::pace::{Manners, Pace};
use super::questions::Question;
use crate::s3::{Class, S3Answer, S3Client, S3Keys, S3Request, Token};

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
    /// The time of this machine, in seconds since 1970.
    pub now: fn() -> i64,
}

/// How often a request is sent if the service is busy or the connection breaks.
const TRIES: u32 = 5;

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
    sent: AtomicUsize,
}

impl<'a> Service<'a> {
    pub(super) fn new(of: &'a Asking<'a>) -> Self {
        Self { of, sent: AtomicUsize::new(0) }
    }

    /// The number of requests that were sent.
    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a request, again if the service is busy or the connection breaks. The error is a message and help.
    pub(super) async fn send(&self, request: &S3Request, signed: bool) -> Result<S3Answer, (String, Option<String>)> {
        let mut pause = self.of.manners.busy;
        for attempt in 1.. {
            let permit = self.of.pace.turn().await;
            self.sent.fetch_add(1, Ordering::Relaxed);
            let answer = self.of.client.send(request, self.of.keys.filter(|_| signed)).await;
            drop(permit);
            match answer {
                Ok(answer) if attempt < TRIES && answer.class((self.of.now)()) == Class::Busy => {}
                Ok(answer) => return Ok(answer),
                Err(problem) if attempt >= TRIES || problem.not_sent => return Err((problem.message, problem.help)),
                Err(_) => {}
            }
            sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop returns")
    }

    pub(super) async fn told(&self, request: &S3Request, signed: bool) -> Result<Told, Stop> {
        let answer = match self.send(request, signed).await {
            Ok(answer) => answer,
            Err((message, _)) => return Ok(Told::Nothing(message)),
        };
        match answer.class((self.of.now)()) {
            Class::Denied => Ok(Told::Denied(answer)),
            Class::LetThrough => Ok(Told::LetThrough(answer)),
            Class::Failing(_) if !signed => Ok(Told::Nothing(format!("without a login it answers {}", answer.brief()))),
            Class::Failing(_) => Err(Stop::Void(format!("the service stopped taking the keys ({})", answer.brief()))),
            Class::Busy => Ok(Told::Nothing("the service is busy".to_owned())),
            Class::Unclear(why) => Ok(Told::Nothing(why)),
        }
    }
}

pub(super) fn differs(question: &Question, told: &Told) -> bool {
    told.denied().is_some_and(|denied| denied == question.allowed)
}
