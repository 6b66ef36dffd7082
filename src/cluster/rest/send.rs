//! Sends requests: to one endpoint after the other, until one answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::answer::Read;
use super::endpoints::{Endpoint, EndpointPool, Target};
use super::outcome::{self, Answer, Unreachable, reason};
use super::requests::Request;
use super::tls::{Presented, Trust, TrustProblem};
use super::web::WebClient;
use crate::cluster::error::clean;
use crate::cluster::limits::{ClusterLimit, Permit};
use crate::cluster::shape::Shapes;
use crate::cluster::{CallError, Effect};

/// How long attune waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a whole call, from the connection to the end of the answer.
    pub call: Duration,
    /// For a call that another endpoint could answer as well.
    pub answer: Duration,
    /// The longest pause that a busy cluster can ask for (`Retry-After`).
    pub busy: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect: a host that is up takes milliseconds, and one that is down should not delay the next endpoint.
    /// 60 s for a call: a busy cluster may need them. 10 s if another endpoint can answer: a healthy one takes far less.
    /// 30 s of pause: longer than a cluster is busy with itself, and short enough for a person to wait.
    fn default() -> Self {
        let [connect, call, answer, busy] = [10, 60, 10, 30].map(Duration::from_secs);
        Self { connect, call, answer, busy }
    }
}

const MAX_REQUESTS: usize = 256;

/// The longest answer that is read, in bytes: 1024 policies or users are far below it.
const MAX_ANSWER: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    pub(super) pool: EndpointPool,
    limit: Arc<ClusterLimit>,
    presented: Arc<Presented>,
    timeouts: Timeouts,
    clock_ahead: Mutex<Option<i64>>,
    pub(super) shapes: Shapes,
}

#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) request: &'a Request,
    pub(super) token: Option<&'a SecretString>,
}

pub(super) enum Missed {
    /// There was no connection, so that nothing was sent.
    Unreachable(reqwest::Error),
    /// There was no answer in time. A call that may not repeat ends here.
    Silent {
        error: CallError,
        may_repeat: bool,
    },
    /// Nothing was sent: another call found the endpoint silent meanwhile.
    Skipped,
    Failed(CallError),
}

impl Sender {
    pub(super) fn new(endpoints: Vec<Endpoint>, trust: &Trust, timeouts: Timeouts) -> Result<Self, TrustProblem> {
        // Without an encrypted endpoint no certificate is checked, and the system's authorities need not be read.
        let trust = if endpoints.iter().any(Endpoint::is_encrypted) { trust } else { &Trust::Anyone };
        let agent = concat!("attune/", env!("CARGO_PKG_VERSION"));
        let WebClient { client, presented } = WebClient::new(trust, agent, timeouts.connect, timeouts.call)?;
        Ok(Self {
            client,
            pool: EndpointPool::new(endpoints),
            limit: ClusterLimit::alone(MAX_REQUESTS),
            presented,
            timeouts,
            clock_ahead: Mutex::default(),
            shapes: Shapes::default(),
        })
    }

    pub(super) fn limited_by(&mut self, limit: Arc<ClusterLimit>) {
        self.limit = limit;
    }

    /// Waits until a request may be sent, and until a busy cluster may be asked again.
    pub(super) async fn permit(&self) -> Permit<'_> {
        self.limit.permit().await
    }

    /// Sends nothing for as long as a busy cluster asks.
    fn pause(&self, pause: Option<Duration>) {
        tracing::debug!(?pause, "the cluster is busy");
        if let Some(pause) = pause {
            self.limit.pause(pause.min(self.timeouts.busy));
        }
    }

    pub(super) fn clock_ahead(&self) -> Option<i64> {
        *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a call to one endpoint after the other until one answers, and reads the answer. For calls that need no proof of
    /// the cluster: logins.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        token: Option<&SecretString>,
        read: Read<T>,
    ) -> Result<T, CallError> {
        self.each(request, |target, permit| self.send_to(target, permit, Outgoing { request, token }, read)).await
    }

    /// Tries one endpoint after the other, until an attempt ends the call.
    pub(super) async fn each<'a, T, F>(
        &'a self,
        request: &Request,
        attempt: impl Fn(Target, Permit<'a>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, Missed>>,
    {
        let (mut tried, mut unreachable, mut silent) = (Vec::new(), Unreachable::default(), None);
        loop {
            let permit = self.permit().await;
            let Some(target) = self.pool.next(&tried) else { break };
            match attempt(target, permit).await {
                Ok(found) => return Ok(found),
                Err(Missed::Skipped) => continue,
                Err(Missed::Unreachable(error)) => {
                    unreachable.add(self.pool.endpoint(target.index), &error, &self.presented);
                }
                Err(Missed::Silent { error, may_repeat: true }) => silent = Some(error),
                Err(Missed::Silent { error, may_repeat: false } | Missed::Failed(error)) => return Err(error),
            }
            tried.push(target.index);
        }
        Err(match silent {
            None => unreachable.error(request),
            Some(error) if request.may_repeat() => error,
            // A write was never sent: one that was is not sent to another endpoint.
            Some(error) => CallError { call: request.call(), ..error.for_unsent_call() },
        })
    }

    pub(super) async fn ask<T>(&self, target: Target, outgoing: Outgoing<'_>, read: Read<T>) -> Result<T, Missed> {
        self.send_to(target, self.permit().await, outgoing, read).await
    }

    /// Sends a call to an endpoint. It waits shorter for an answer if another endpoint can answer as well: a silent one is tried
    /// last for the rest of the run, so that it costs that time once.
    pub(super) async fn send_to<T>(
        &self,
        target: Target,
        permit: Permit<'_>,
        outgoing: Outgoing<'_>,
        read: Read<T>,
    ) -> Result<T, Missed> {
        let limit = match outgoing.request.may_repeat() && target.has_alternative {
            true => self.timeouts.answer.min(self.timeouts.call),
            false => self.timeouts.call,
        };
        let response = self.response(target.index, outgoing, limit).await;
        let result = match response {
            Ok(response) => self.read(response, outgoing, limit, read).await,
            Err(missed) => Err(missed),
        };
        match &result {
            Err(Missed::Silent { .. }) => self.pool.failed(target.index, true),
            Err(Missed::Unreachable(error)) => self.pool.failed(target.index, error.is_timeout()),
            Err(Missed::Skipped | Missed::Failed(_)) | Ok(_) => {}
        }
        drop(permit);
        result
    }

    async fn response(&self, index: usize, outgoing: Outgoing<'_>, limit: Duration) -> Result<Response, Missed> {
        let Outgoing { request, token } = outgoing;
        let endpoint = self.pool.endpoint(index);
        let Some(url) = endpoint.url(&request.path) else {
            let message = "not sent: a URL does not carry this path unchanged";
            return Err(Missed::Failed(CallError::new(request.call(), Effect::NotSent, message)));
        };
        let mut builder = self.client.request(request.method.clone(), url).timeout(limit);
        if let Some(token) = token {
            builder = builder.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let started = Instant::now();
        let response = builder.send().await.map_err(|error| missed(endpoint, request, error, limit))?;
        tracing::debug!(
            method = request.method.as_str(),
            path = request.path,
            status = response.status().as_u16(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "call"
        );
        Ok(response)
    }

    async fn read<T>(
        &self,
        mut response: Response,
        Outgoing { request, token }: Outgoing<'_>,
        limit: Duration,
        read: Read<T>,
    ) -> Result<T, Missed> {
        if let Some(ahead) = clock_ahead(response.headers(), SystemTime::now().into()) {
            *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        let status = response.status();
        if outcome::is_busy(status) {
            self.pause(retry_after(response.headers()));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        if let Some(encoding) = encoding(response.headers()) {
            if request.makes_keys {
                let _ = body(&mut response, &mut bytes, limit).await;
            }
            let error = broken_answer(request, status, &format!("it is compressed ({encoding})")).help(NOT_ASKED_FOR);
            return Err(Missed::Failed(error.with_answer(&bytes)));
        }
        let body = match body(&mut response, &mut bytes, limit).await {
            Ok(body) => body,
            // A refused login counts even if its explanation is lost: each try may lock the account.
            Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Zeroizing::default(),
            // Any other refusal may depend on its explanation. The caller checks the cluster and retries.
            Err(Broken { reason, silent }) => {
                let error = broken_answer(request, status, &reason);
                let error = if request.makes_keys { error.with_answer(&bytes) } else { error };
                return Err(if silent { silence(request, error) } else { Missed::Failed(error) });
            }
        };
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        if status.is_success() {
            self.shapes.add(|| format!("{} {}", request.method, request.template), &body);
        }
        outcome::judge(request, &Answer { status, location, body: &body }, token, read).map_err(Missed::Failed)
    }
}

fn missed(endpoint: &Endpoint, request: &Request, error: reqwest::Error, limit: Duration) -> Missed {
    // Messages name the endpoint themselves.
    let error = error.without_url();
    tracing::debug!(method = request.method.as_str(), path = request.path, %endpoint, reason = reason(&error), "failed");
    if error.is_connect() {
        return Missed::Unreachable(error);
    }
    if error.is_builder() {
        let message = "not sent: the token holds characters that no header can carry";
        return Missed::Failed(CallError::new(request.call(), Effect::NotSent, message));
    }
    let unknown = |message: String| CallError::new(request.call(), Effect::UnknownOutcome, message);
    match error.is_timeout() {
        true => silence(request, unknown(format!("{endpoint} did not answer within {} s", limit.as_secs_f32()))),
        false => {
            Missed::Failed(unknown(format!("the connection to {endpoint} broke before the answer: {}", reason(&error))))
        }
    }
}

fn silence(request: &Request, error: CallError) -> Missed {
    Missed::Silent { error, may_repeat: request.may_repeat() }
}

struct Broken {
    reason: String,
    silent: bool,
}

/// Reads the body of an answer. The received part stays in `bytes` in any case. Both are wiped when dropped: they may hold
/// a token or a secret key.
async fn body(
    response: &mut Response,
    bytes: &mut Zeroizing<Vec<u8>>,
    limit: Duration,
) -> Result<Zeroizing<String>, Broken> {
    let broken = |reason: String| Broken { reason, silent: false };
    let broken_off = |error: reqwest::Error| match error.is_timeout() {
        true => Broken { reason: format!("it was not complete within {} s", limit.as_secs_f32()), silent: true },
        false => broken(format!("it broke off: {}", reason(&error))),
    };
    while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(broken(format!("it is longer than {} MiB", MAX_ANSWER >> 20)));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| broken("it is not text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The pause that a busy cluster asks for. Dates are ignored, since clocks differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// By how many seconds the `Date` of an answer is ahead of `now`.
fn clock_ahead(headers: &HeaderMap, now: OffsetDateTime) -> Option<i64> {
    let date = OffsetDateTime::parse(headers.get(DATE)?.to_str().ok()?, &Rfc2822).ok()?;
    Some((date - now).whole_seconds())
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes()).trim().to_owned();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then(|| clean(&encoding, &[]))
}

const NOT_ASKED_FOR: &str = "attune asks for no compressed answers and reads none: configure the proxy in between to \
    forward answers as they are";

fn broken_answer(request: &Request, status: StatusCode, reason: &str) -> CallError {
    let message = format!("the status was {}, but the answer cannot be read: {reason}", status.as_u16());
    CallError::new(request.call(), Effect::UnknownOutcome, message)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::testing::{Reply, Server, dead_endpoint, json};
    use super::super::{answer, requests};
    use super::*;
    use crate::base::PolicyName;

    fn sender(endpoints: Vec<Endpoint>) -> Sender {
        Sender::new(endpoints, &Trust::System, Timeouts::default()).unwrap()
    }

    fn write() -> Request {
        requests::REMOVE_POLICY.about(&PolicyName::reported("p")).unwrap()
    }

    async fn outcome(reply: impl Fn() -> Reply + Send + Sync + 'static) -> CallError {
        let server = Server::start(move |_| reply()).await;
        sender(vec![server.endpoint()]).send(&write(), Some(&"t0k3n".into()), answer::nothing).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_or_never_comes_is_an_unknown_outcome() {
        let raw = |text: &str| Reply::Raw(text.to_owned());
        let errors = [
            outcome(|| Reply::Close).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ncontent-le")).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":")).await,
            outcome(move || raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"da")).await,
            outcome(move || raw("this is not HTTP\r\n\r\n")).await,
            outcome(|| json(200, " ".repeat(MAX_ANSWER + 1))).await,
            outcome(|| json(502, "<html>")).await,
        ];
        for error in errors {
            let found = (error.effect, error.call.as_str());
            assert_eq!(found, (Effect::UnknownOutcome, "DELETE /s3/policies/p"), "{error}");
            assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn no_answer_in_time_is_an_unknown_outcome() {
        let server = Server::start(|_| Reply::Silence).await;
        let timeouts = Timeouts { call: Duration::from_millis(200), ..Timeouts::default() };
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        let error = sender.send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::UnknownOutcome);
        assert!(error.message.ends_with("did not answer within 0.2 s"), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_without_its_explanation_is_an_unknown_outcome_but_for_a_login() {
        let cut = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 99\r\n\r\n{{");
        let error = outcome(move || Reply::Raw(cut("409 Conflict"))).await;
        assert_eq!(error.effect, Effect::UnknownOutcome);
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
    async fn the_next_endpoint_is_not_tried_once_something_was_sent() {
        let broken = Server::start(|_| Reply::Close).await;
        let other = Server::start(|_| json(200, "{}")).await;
        let error =
            sender(vec![broken.endpoint(), other.endpoint()]).send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::UnknownOutcome);
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
    async fn an_endpoint_that_does_not_finish_a_connection_costs_one_timeout() {
        // It accepts connections and sends no byte of TLS.
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
        let timeouts = Timeouts { connect: Duration::from_millis(300), ..Timeouts::default() };
        let sender = Sender::new(endpoints, &Trust::Anyone, timeouts).unwrap();
        let (call, token) = (write(), "t".into());
        sender.send(&call, Some(&token), answer::nothing).await.unwrap();
        let calls = (0..32).map(|_| sender.send(&call, Some(&token), answer::nothing));
        let outcomes = futures_util::future::join_all(calls).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!((server.calls().len(), taken.load(Ordering::Relaxed)), (33, 1));
        holding.abort();
    }

    #[tokio::test]
    async fn an_endpoint_that_is_gone_is_replaced_by_another() {
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
        let one = Server::start(move |_| Reply::Raw(closing.to_owned())).await;
        let other = Server::start(|_| json(200, "{}")).await;
        let sender = sender(vec![dead_endpoint().await, one.endpoint(), other.endpoint()]);
        sender.send(&write(), None, answer::nothing).await.unwrap();
        assert_eq!((one.calls().len(), other.calls().len()), (1, 0));
        drop(one);
        tokio::task::yield_now().await;
        for sent in 1..4 {
            sender.send(&write(), None, answer::nothing).await.unwrap();
            assert_eq!(other.calls().len(), sent);
        }
    }

    #[tokio::test]
    async fn a_busy_cluster_gets_the_pause_that_it_asks_for_up_to_the_limit() {
        let busy = "HTTP/1.1 503 X\r\nretry-after: 3600\r\ncontent-length: 2\r\n\r\n{}";
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Raw(busy.to_owned()),
            _ => json(200, "{}"),
        })
        .await;
        let timeouts = Timeouts { busy: Duration::from_millis(50), ..Timeouts::default() };
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        let begun = Instant::now();
        let error = sender.send(&write(), None, answer::nothing).await.unwrap_err();
        assert!((error.effect, error.busy) == (Effect::UnknownOutcome, true), "{error}");
        // Another client of the cluster waits, too.
        let mut other = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        other.limited_by(Arc::clone(&sender.limit));
        other.send(&write(), None, answer::nothing).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_pause_is_read_in_seconds() {
        let read = |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]));
        assert_eq!((read("2"), read("0")), (Some(Duration::from_secs(2)), Some(Duration::ZERO)));
        for value in ["", "-1", "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn a_date_tells_how_far_the_clock_is_ahead() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        let ahead = |date: &str| clock_ahead(&HeaderMap::from_iter([(DATE, date.parse().unwrap())]), now);
        assert_eq!(ahead("Sun, 06 Nov 1994 08:52:37 GMT"), Some(180));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:47:37 GMT"), Some(-120));
        assert_eq!((ahead("yesterday"), clock_ahead(&HeaderMap::new(), now)), (None, None));
    }

    #[tokio::test]
    async fn no_compressed_answer_is_requested_and_one_that_comes_is_an_unknown_outcome() {
        let server = Server::start(|_| json(200, "{}")).await;
        sender(vec![server.endpoint()]).send(&write(), None, answer::nothing).await.unwrap();
        let head = server.heard()[0].head.to_lowercase();
        assert!(!head.contains("accept-encoding"), "{head}");
        assert!(head.contains(concat!("user-agent: attune/", env!("CARGO_PKG_VERSION"))), "{head}");
        let raw = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}";
        let error = outcome(move || Reply::Raw(raw.to_owned())).await;
        assert_eq!(error.effect, Effect::UnknownOutcome);
        assert!(error.message.contains("it is compressed (gzip)") && error.help.is_some(), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_while_idle_is_no_error_and_nothing_is_sent_twice() {
        // The server announces to keep the connection, and closes it.
        let closing = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let server = Server::start(move |_| Reply::Raw(closing.to_owned())).await;
        let sender = sender(vec![server.endpoint()]);
        let mut done = 0;
        for _ in 0..20 {
            // The client sees a little later that the server closed the connection.
            tokio::time::sleep(Duration::from_millis(20)).await;
            done += usize::from(sender.send(&write(), None, answer::nothing).await.is_ok());
        }
        assert_eq!((done, server.calls().len()), (20, 20));
    }
}
