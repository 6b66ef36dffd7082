//! The one place that sends: picks an endpoint, reads the answer, and says what a failure may have done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::answer::Read;
use super::clock::Clock;
use super::endpoints::Endpoint;
use super::failure::{Unreachable, reason};
use super::outcome::{self, Answer};
use super::request::{Method, Request};
use super::tls::{self, Trust, TrustProblem};
use super::verify::Presented;
use crate::cluster::{CallError, Effect};

/// How long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a whole call, from the connection to the end of the answer.
    pub call: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect: a host that is up takes milliseconds, one that is down should not hold up the next endpoint.
    /// 60 s for a call: adding a policy restarts nothing, but a busy cluster takes its time.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), call: Duration::from_secs(60) }
    }
}

/// The longest answer that is read, in bytes: 1024 policies or users are far below it.
const LONGEST_ANSWER: usize = 16 << 20;

/// How long an idle connection is kept: shorter than servers do, so that a write seldom meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

/// The body of an answer, wiped when dropped: it can hold a token or a secret key.
type Body = Zeroizing<String>;

/// The HTTP client and the addresses it sends to.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    endpoints: Vec<Endpoint>,
    /// The index of the endpoint that answered last.
    good: AtomicUsize,
    presented: Arc<Presented>,
    timeouts: Timeouts,
    clock: Clock,
}

impl Sender {
    pub(super) fn new(endpoints: Vec<Endpoint>, trust: &Trust, timeouts: Timeouts) -> Result<Self, TrustProblem> {
        let presented = Arc::new(Presented::default());
        // Without an encrypted endpoint nothing is ever checked: the system's authorities need not be read.
        let trust = if endpoints.iter().any(Endpoint::is_encrypted) { trust } else { &Trust::Anyone };
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(trust, Arc::clone(&presented))?)
            .user_agent(concat!("attune/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.call)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|_| TrustProblem::Library)?;
        Ok(Self { client, endpoints, good: AtomicUsize::new(0), presented, timeouts, clock: Clock::default() })
    }

    /// By how many seconds the clock there is ahead, as the last answer told.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        self.clock.ahead()
    }

    /// Sends a call once and returns what `read` finds in an answer that says it was done.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        token: Option<&SecretString>,
        read: Read<T>,
    ) -> Result<T, CallError> {
        let started = Instant::now();
        let mut response = self.reach(request, token).await?;
        self.clock.note(response.headers());
        let status = response.status();
        tracing::debug!(
            method = request.method.as_str(),
            path = request.path,
            status = status.as_u16(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "call"
        );
        let body = match self.body(&mut response).await {
            Ok(body) => body,
            // A login that is refused stands without its explanation: each try counts towards locking the account.
            Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Body::default(),
            // Any other refusal may hinge on it, so it is asked for again, once it is seen that nothing was done.
            Err(reason) => return Err(broken_answer(request, status, &reason)),
        };
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        outcome::judge(request, &Answer { status, location, body: &body }, token, read)
    }

    /// Sends to the endpoint that answered last, and on to the next as long as no connection comes about.
    async fn reach(&self, request: &Request, token: Option<&SecretString>) -> Result<Response, CallError> {
        let first = self.good.load(Ordering::Relaxed);
        let mut unreachable = Unreachable::default();
        for turn in 0..self.endpoints.len() {
            let index = (first + turn) % self.endpoints.len();
            let endpoint = &self.endpoints[index];
            match self.once(endpoint, request, token).await {
                Ok(response) => {
                    self.good.store(index, Ordering::Relaxed);
                    return Ok(response);
                }
                Err(Failure::NotSent(error)) => unreachable.note(endpoint, &error, &self.presented),
                Err(Failure::Final(error)) => return Err(error),
            }
        }
        Err(unreachable.error(request))
    }

    async fn once(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        token: Option<&SecretString>,
    ) -> Result<Response, Failure> {
        let Some(url) = endpoint.url(&request.path) else {
            let message = "not sent: a URL does not carry this path unchanged";
            return Err(Failure::Final(CallError::new(request.call(), Effect::NotSent, message)));
        };
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Delete => self.client.delete(url),
        };
        if let Some(token) = token {
            builder = builder.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        builder.send().await.map_err(|error| self.failure(endpoint, request, error))
    }

    fn failure(&self, endpoint: &Endpoint, request: &Request, error: reqwest::Error) -> Failure {
        // The URL is left out: errors name the endpoint in their own way.
        let error = error.without_url();
        tracing::debug!(method = request.method.as_str(), path = request.path, %endpoint, reason = reason(&error), "failed");
        if error.is_connect() {
            return Failure::NotSent(error);
        }
        if error.is_builder() {
            let message = "not sent: the token holds characters that no header can carry";
            return Failure::Final(CallError::new(request.call(), Effect::NotSent, message));
        }
        let message = if error.is_timeout() {
            format!("{endpoint} did not answer within {} s", self.timeouts.call.as_secs_f32())
        } else {
            format!("the connection to {endpoint} broke before the answer: {}", reason(&error))
        };
        Failure::Final(CallError::new(request.call(), Effect::InDoubt, message))
    }

    /// The whole answer as text, or why there is none.
    async fn body(&self, response: &mut Response) -> Result<Body, String> {
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken_off(&error))? {
            if bytes.len() + chunk.len() > LONGEST_ANSWER {
                return Err(format!("it is longer than {} MiB", LONGEST_ANSWER >> 20));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not text".to_owned())?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn broken_off(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            format!("it was not complete within {} s", self.timeouts.call.as_secs_f32())
        } else {
            format!("it broke off: {}", reason(error))
        }
    }
}

/// Why one endpoint gave no answer.
enum Failure {
    /// No connection came about; the next endpoint may be tried.
    NotSent(reqwest::Error),
    /// Something was sent, or can never be.
    Final(CallError),
}

fn broken_answer(request: &Request, status: StatusCode, reason: &str) -> CallError {
    let message = format!("the status was {}, but the answer cannot be read: {reason}", status.as_u16());
    CallError::new(request.call(), Effect::InDoubt, message)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reply, Server, dead_endpoint, json};
    use super::super::{answer, request};
    use super::*;
    use crate::base::PolicyName;

    fn sender(endpoints: Vec<Endpoint>) -> Sender {
        Sender::new(endpoints, &Trust::System, Timeouts::default()).unwrap()
    }

    fn write() -> Request {
        request::remove_policy(&PolicyName::reported("p")).unwrap()
    }

    async fn outcome(reply: impl Fn() -> Reply + Send + Sync + 'static) -> CallError {
        let server = Server::start(move |_| reply()).await;
        sender(vec![server.endpoint()]).send(&write(), Some(&"t0k3n".into()), answer::nothing).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_or_never_comes_leaves_doubt() {
        let raw = |text: &str| Reply::Raw(text.to_owned());
        let errors = [
            outcome(|| Reply::Close).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ncontent-le")).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":")).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"da")).await,
            outcome(move || raw("this is not HTTP\r\n\r\n")).await,
            outcome(|| json(200, " ".repeat(LONGEST_ANSWER + 1))).await,
            outcome(|| json(502, "<html>")).await,
        ];
        for error in errors {
            assert_eq!((error.effect, error.call.as_str()), (Effect::InDoubt, "DELETE /s3/policies/p"), "{error}");
            assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn no_answer_in_time_leaves_doubt() {
        let server = Server::start(|_| Reply::Silence).await;
        let timeouts = Timeouts { call: Duration::from_millis(200), ..Timeouts::default() };
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        let error = sender.send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::InDoubt);
        assert!(error.message.ends_with("did not answer within 0.2 s"), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_whose_explanation_is_lost_is_in_doubt_but_for_a_login() {
        let cut = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 99\r\n\r\n{{");
        let error = outcome(move || Reply::Raw(cut("409 Conflict"))).await;
        assert_eq!(error.effect, Effect::InDoubt);
        assert!(error.message.starts_with("the status was 409, but the answer cannot be read"), "{error}");
        let error = outcome(move || Reply::Raw(cut("401 Unauthorized"))).await;
        assert_eq!((error.effect, error.message.as_str()), (Effect::Unauthorized(401), "401 Unauthorized"));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = Server::start(|_| json(200, "{}")).await;
        let raw = format!("HTTP/1.1 307 X\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n", elsewhere.endpoint());
        let error = outcome(move || Reply::Raw(raw.clone())).await;
        assert_eq!(error.effect, Effect::Refused(307));
        assert!(error.help.unwrap().contains(&elsewhere.endpoint().to_string()));
        assert!(elsewhere.calls().is_empty());
    }

    #[tokio::test]
    async fn the_next_endpoint_is_taken_when_no_connection_comes_about() {
        let server = Server::start(|_| json(200, "{}")).await;
        let sender = sender(vec![dead_endpoint().await, dead_endpoint().await, server.endpoint()]);
        sender.send(&write(), None, answer::nothing).await.unwrap();
        assert_eq!(sender.good.load(Ordering::Relaxed), 2);
        sender.send(&write(), None, answer::nothing).await.unwrap();
        assert_eq!(server.calls().len(), 2);
    }

    #[tokio::test]
    async fn the_next_endpoint_is_not_taken_once_something_was_sent() {
        let broken = Server::start(|_| Reply::Close).await;
        let other = Server::start(|_| json(200, "{}")).await;
        let error =
            sender(vec![broken.endpoint(), other.endpoint()]).send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::InDoubt);
        assert_eq!((broken.calls().len(), other.calls().len()), (1, 0));
    }

    #[tokio::test]
    async fn without_a_connection_every_endpoint_is_named() {
        let endpoints = vec![dead_endpoint().await, dead_endpoint().await];
        let error = sender(endpoints.clone()).send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        assert!(endpoints.iter().all(|endpoint| error.message.contains(&endpoint.to_string())), "{error}");
        assert!(error.message.contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn a_token_that_no_header_carries_is_not_sent() {
        let server = Server::start(|_| json(200, "{}")).await;
        let error =
            sender(vec![server.endpoint()]).send(&write(), Some(&"a\nb: c".into()), answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::NotSent);
        assert!(server.calls().is_empty());
    }

    #[tokio::test]
    async fn one_connection_serves_many_calls() {
        let server = Server::start(|_| json(200, "{}")).await;
        let sender = sender(vec![server.endpoint()]);
        for _ in 0..3 {
            sender.send(&write(), None, answer::nothing).await.unwrap();
        }
        assert_eq!(server.connections(), 1);
    }
}
