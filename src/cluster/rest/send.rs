//! The one place that sends: picks an endpoint, reads the answer, and says what a failure may have done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::ClientConfig;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::answer::Read;
use super::clock::Clock;
use super::endpoints::Endpoint;
use super::failure::{Unreachable, reason};
use super::gate::Gate;
use super::outcome::{self, Answer};
use super::race;
use super::request::{Method, Request};
use super::tls::{self, Trust, TrustProblem};
use super::verify::Presented;
use super::words;
use crate::cluster::{CallError, Effect};

/// How long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a whole call, from the connection to the end of the answer.
    pub call: Duration,
    /// For as long as a busy cluster asks for (`Retry-After`), but no longer than this.
    pub busy: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect: a host that is up takes milliseconds, one that is down should not hold up the next endpoint.
    /// 60 s for a call: adding a policy restarts nothing, but a busy cluster takes its time. 30 s where it asks for a pause:
    /// longer than a cluster is busy with itself, and short enough for a person to wait.
    fn default() -> Self {
        let [connect, call, busy] = [10, 60, 30].map(Duration::from_secs);
        Self { connect, call, busy }
    }
}

/// The longest answer that is read, in bytes: 1024 policies or users are far below it.
const LONGEST_ANSWER: usize = 16 << 20;

/// How many requests are under way at once where nobody says.
const MOST: usize = 256;

/// How long an idle connection is kept: shorter than servers do, so that a write seldom meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

/// The body of an answer, wiped when dropped: it can hold a token or a secret key.
type Body = Zeroizing<String>;

/// The HTTP client and the addresses it sends to.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    endpoints: Vec<Endpoint>,
    gate: Gate,
    /// The index of the endpoint that calls are sent to.
    good: AtomicUsize,
    /// When a connection to it was last seen to come about, or an answer to come from it.
    seen: Mutex<Option<Instant>>,
    /// Held by the one call that finds out to which endpoint a connection comes about.
    finding: tokio::sync::Mutex<()>,
    tls: Arc<ClientConfig>,
    presented: Arc<Presented>,
    timeouts: Timeouts,
    clock: Clock,
}

impl Sender {
    pub(super) fn new(endpoints: Vec<Endpoint>, trust: &Trust, timeouts: Timeouts) -> Result<Self, TrustProblem> {
        let presented = Arc::new(Presented::default());
        // Without an encrypted endpoint nothing is ever checked: the system's authorities need not be read.
        let trust = if endpoints.iter().any(Endpoint::is_encrypted) { trust } else { &Trust::Anyone };
        let tls = tls::config(trust, Arc::clone(&presented))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("attune/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.call)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|_| TrustProblem::Library)?;
        Ok(Self {
            client,
            endpoints,
            gate: Gate::new(MOST, timeouts.busy),
            good: AtomicUsize::new(0),
            seen: Mutex::default(),
            finding: tokio::sync::Mutex::default(),
            tls: Arc::new(tls),
            presented,
            timeouts,
            clock: Clock::default(),
        })
    }

    /// The same, with so many requests at once.
    pub(super) fn at_most(self, jobs: usize) -> Self {
        Self { gate: self.gate.at_most(jobs), ..self }
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
        let pass = self.gate.pass().await;
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
        match outcome::is_busy(status) {
            true => pass.refused(pause(response.headers())),
            false => pass.answered(),
        }
        let mut bytes = Zeroizing::new(Vec::new());
        if let Some(encoding) = encoding(response.headers()) {
            if request.makes_keys {
                let _ = self.body(&mut response, &mut bytes).await;
            }
            let error = broken_answer(request, status, &format!("it is compressed ({encoding})")).help(NOT_ASKED_FOR);
            return Err(error.with_answer(&bytes));
        }
        let body = match self.body(&mut response, &mut bytes).await {
            Ok(body) => body,
            // A login that is refused stands without its explanation: each try counts towards locking the account.
            Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Body::default(),
            // Any other refusal may hinge on it, so it is asked for again, once it is seen that nothing was done.
            Err(reason) => {
                let error = broken_answer(request, status, &reason);
                return Err(if request.makes_keys { error.with_answer(&bytes) } else { error });
            }
        };
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        outcome::judge(request, &Answer { status, location, body: &body }, token, read)
    }

    /// Sends to the endpoint that answered last, and on to the next as long as no connection comes about.
    async fn reach(&self, request: &Request, token: Option<&SecretString>) -> Result<Response, CallError> {
        let first = self.endpoint().await;
        let mut unreachable = Unreachable::default();
        for turn in 0..self.endpoints.len() {
            let index = (first + turn) % self.endpoints.len();
            let endpoint = &self.endpoints[index];
            match self.once(endpoint, request, token).await {
                Ok(response) => {
                    // One that is slow to answer takes the place only of the one that it stood in for.
                    if self.good.compare_exchange(first, index, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                        self.see(Some(Instant::now()));
                    }
                    return Ok(response);
                }
                Err(Failure::NotSent(error)) => {
                    unreachable.note(endpoint, &error, &self.presented);
                    if self.good.load(Ordering::Relaxed) == index {
                        self.see(None);
                    }
                }
                Err(Failure::Final(error)) => return Err(error),
            }
        }
        Err(unreachable.error(request))
    }

    /// The endpoint to send to first. Of several, it is one with which a connection came about a moment ago; where there is
    /// none, one call finds it and the others wait for that, so that an endpoint that is down holds up nobody for long.
    async fn endpoint(&self) -> usize {
        let is_well = || self.seen().is_some_and(|seen| seen.elapsed() < IDLE);
        if self.endpoints.len() > 1 && !is_well() {
            let _finding = self.finding.lock().await;
            let from = self.good.load(Ordering::Relaxed);
            if !is_well()
                && let Some(found) = race::first(&self.endpoints, from, &self.tls, self.timeouts.connect).await
            {
                self.good.store(found, Ordering::Relaxed);
                self.see(Some(Instant::now()));
            }
        }
        self.good.load(Ordering::Relaxed)
    }

    fn seen(&self) -> Option<Instant> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, seen: Option<Instant>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
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

    /// The whole answer as text, or why there is none; what came of it is in `bytes` in any case.
    async fn body(&self, response: &mut Response, bytes: &mut Zeroizing<Vec<u8>>) -> Result<Body, String> {
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken_off(&error))? {
            if bytes.len() + chunk.len() > LONGEST_ANSWER {
                return Err(format!("it is longer than {} MiB", LONGEST_ANSWER >> 20));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
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

/// For how long a busy cluster asks to be left alone; a date is not taken, since clocks differ.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// In what form an answer is that is not plain.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes()).trim().to_owned();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then(|| words::clean(&encoding, &[]))
}

const NOT_ASKED_FOR: &str = "no compressed answer was asked for, and none is read: let whatever is between here and the \
    cluster leave answers as they are";

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
    async fn an_endpoint_that_does_not_finish_a_connection_is_waited_for_by_nobody() {
        // It takes connections, and never says a word of TLS.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let holding = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = silent.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                held.push(stream);
            }
        });
        let server = Server::start(|_| json(200, "{}")).await;
        let endpoints = vec![Endpoint::parse(&format!("https://{address}")).unwrap(), server.endpoint()];
        // Whoever waited for the silent one would be told that the call took too long.
        let timeouts = Timeouts { connect: Duration::from_secs(3_600), ..Timeouts::default() };
        let sender = Sender::new(endpoints, &Trust::Anyone, timeouts).unwrap();
        let (call, token) = (write(), "t".into());
        let calls = (0..32).map(|_| sender.send(&call, Some(&token), answer::nothing));
        let outcomes = futures_util::future::join_all(calls).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!((server.calls().len(), taken.load(Ordering::Relaxed)), (32, 1));
        holding.abort();
    }

    #[tokio::test]
    async fn an_endpoint_that_is_gone_is_left_for_one_that_is_there() {
        // It closes each connection behind its answer, so that none outlives it.
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
        let one = Server::start(move |_| Reply::Raw(closing.to_owned())).await;
        let other = Server::start(|_| json(200, "{}")).await;
        let sender = sender(vec![one.endpoint(), other.endpoint()]);
        sender.send(&write(), None, answer::nothing).await.unwrap();
        assert_eq!((one.calls().len(), other.calls().len()), (1, 0));
        drop(one);
        tokio::task::yield_now().await;
        for sent in 1..4 {
            sender.send(&write(), None, answer::nothing).await.unwrap();
            assert_eq!((other.calls().len(), sender.good.load(Ordering::Relaxed)), (sent, 1));
        }
    }

    #[tokio::test]
    async fn a_busy_cluster_is_left_alone_for_as_long_as_it_asks_for_and_no_longer() {
        let busy = "HTTP/1.1 503 X\r\nretry-after: 3600\r\ncontent-length: 2\r\n\r\n{}";
        let told = AtomicUsize::new(0);
        let server = Server::start(move |_| match told.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Raw(busy.to_owned()),
            _ => json(200, "{}"),
        })
        .await;
        let timeouts = Timeouts { busy: Duration::from_millis(50), ..Timeouts::default() };
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        let begun = Instant::now();
        let error = sender.send(&write(), None, answer::nothing).await.unwrap_err();
        assert!((error.effect, error.busy) == (Effect::InDoubt, true), "{error}");
        sender.send(&write(), None, answer::nothing).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_pause_is_told_in_seconds() {
        let told = |value: &'static str| {
            pause(&HeaderMap::from_iter([(RETRY_AFTER, reqwest::header::HeaderValue::from_static(value))]))
        };
        assert_eq!((told("2"), told("0")), (Some(Duration::from_secs(2)), Some(Duration::ZERO)));
        for value in ["", "-1", "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(told(value), None, "{value}");
        }
    }

    #[tokio::test]
    async fn no_compressed_answer_is_asked_for_and_one_that_comes_all_the_same_leaves_doubt() {
        let server = Server::start(|_| json(200, "{}")).await;
        sender(vec![server.endpoint()]).send(&write(), None, answer::nothing).await.unwrap();
        assert!(!server.heard()[0].head.to_lowercase().contains("accept-encoding"), "{:?}", server.heard());
        let raw = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}";
        let error = outcome(move || Reply::Raw(raw.to_owned())).await;
        assert_eq!(error.effect, Effect::InDoubt);
        assert!(error.message.contains("it is compressed (gzip)") && error.help.is_some(), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_while_idle_is_no_error_and_nothing_is_sent_twice() {
        // Each answer looks as if the connection were kept, and it is closed behind it.
        let closing = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let server = Server::start(move |_| Reply::Raw(closing.to_owned())).await;
        let sender = sender(vec![server.endpoint()]);
        let mut done = 0;
        for _ in 0..20 {
            // The other end closes right away; a little later the connection is seen to be closed.
            tokio::time::sleep(Duration::from_millis(5)).await;
            done += usize::from(sender.send(&write(), None, answer::nothing).await.is_ok());
        }
        assert_eq!((done, server.calls().len()), (20, 20));
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
