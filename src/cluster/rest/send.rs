//! The one place that sends: picks an endpoint, reads the answer, and says what a failure may have done.

use std::collections::BTreeSet;
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
use super::gate::{Gate, Pass};
use super::outcome::{self, Answer};
use super::race;
use super::request::{Method, Request};
use super::round::{self, Body, Broken, Missed, Round};
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
    /// For the same, where the call changes nothing and another endpoint is left to ask.
    pub answer: Duration,
    /// For as long as a busy cluster asks for (`Retry-After`), but no longer than this.
    pub busy: Duration,
}

impl Default for Timeouts {
    /// 10 s to connect: a host that is up takes milliseconds, one that is down should not hold up the next endpoint.
    /// 60 s for a call: adding a policy restarts nothing, but a busy cluster takes its time. 30 s where it asks for a pause:
    /// longer than a cluster is busy with itself, and short enough for a person to wait. 10 s for an answer that another
    /// endpoint can give as well: a sound one takes far less.
    fn default() -> Self {
        let [connect, call, answer, busy] = [10, 60, 10, 30].map(Duration::from_secs);
        Self { connect, call, answer, busy }
    }
}

/// How many requests are under way at once where nobody says.
const MOST: usize = 256;

/// How long an idle connection is kept: shorter than servers do, so that a write seldom meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

/// How long endpoints that stayed silent wait for the others when one is looked for: a lost packet is sent again after a
/// second (RFC 6298).
const SOUND_FIRST: Duration = Duration::from_secs(2);

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
    /// The endpoints that did not answer in time: they are asked last.
    silent: Mutex<BTreeSet<usize>>,
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
            silent: Mutex::default(),
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

    /// Waits until a call may be sent. Several calls take turns.
    pub(super) async fn permit(&self) -> Pass<'_> {
        self.gate.pass().await
    }

    /// How an endpoint is named in messages.
    pub(super) fn name(&self, index: usize) -> String {
        self.endpoints[index].to_string()
    }

    /// Sends a call to one endpoint after the other until one answers, and returns what `read` finds in an answer that says it
    /// was done. For calls that need no proof of the cluster: a login, and what proves it.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        token: Option<&SecretString>,
        read: Read<T>,
    ) -> Result<T, CallError> {
        let mut round = Round::default();
        loop {
            let pass = self.permit().await;
            let Some(index) = self.next(&round).await else { return Err(round.error(request)) };
            match self.send_to(index, &round, pass, (request, token), read).await {
                Ok(found) => return Ok(found),
                Err(missed) => self.note(&mut round, index, missed, request.may_repeat())?,
            }
        }
    }

    /// Sends a call once to one endpoint and returns what `read` finds in an answer that says it was done.
    pub(super) async fn send_to<T>(
        &self,
        index: usize,
        round: &Round,
        pass: Pass<'_>,
        (request, token): (&Request, Option<&SecretString>),
        read: Read<T>,
    ) -> Result<T, Missed> {
        let started = Instant::now();
        let limit = self.limit(index, round, request);
        let mut response = match self.once(index, (request, token), limit).await {
            Ok(response) => response,
            Err(missed) => {
                self.lose(index, &missed);
                return Err(missed);
            }
        };
        // One that stands in takes the place only of the one that it stands in for.
        let first = round.tried.first().copied().unwrap_or(index);
        if self.good.compare_exchange(first, index, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.see(Some(Instant::now()));
        }
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
                let _ = round::body(&mut response, &mut bytes, limit).await;
            }
            let error = broken_answer(request, status, &format!("it is compressed ({encoding})")).help(NOT_ASKED_FOR);
            return Err(Missed::Failed(error.with_answer(&bytes)));
        }
        let body = match round::body(&mut response, &mut bytes, limit).await {
            Ok(body) => body,
            // A login that is refused stands without its explanation: each try counts towards locking the account.
            Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Body::default(),
            // Any other refusal may hinge on it, so it is asked for again, once it is seen that nothing was done.
            Err(Broken { reason, silent }) => {
                let error = broken_answer(request, status, &reason);
                let error = if request.makes_keys { error.with_answer(&bytes) } else { error };
                let missed = if silent { Missed::Silent(error) } else { Missed::Failed(error) };
                self.lose(index, &missed);
                return Err(missed);
            }
        };
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        outcome::judge(request, &Answer { status, location, body: &body }, token, read).map_err(Missed::Failed)
    }

    /// How long an answer is waited for. Where the call may as well be asked of another endpoint, only for as long as a sound
    /// one takes: one that stays silent then comes last for the rest of the run, so that it costs that time once.
    fn limit(&self, index: usize, round: &Round, request: &Request) -> Duration {
        let is_left = |other: usize| other != index && !round.tried.contains(&other) && !self.is_silent(other);
        let another = !self.is_silent(index) && (0..self.endpoints.len()).any(is_left);
        match request.may_repeat() && another {
            true => self.timeouts.answer.min(self.timeouts.call),
            false => self.timeouts.call,
        }
    }

    /// Remembers of an endpoint that it gave no answer.
    fn lose(&self, index: usize, missed: &Missed) {
        match missed {
            Missed::Failed(_) => return,
            Missed::Silent(_) if self.endpoints.len() > 1 && !self.is_silent(index) => {
                tracing::warn!("{} did not answer in time: it is asked last from now on", self.endpoints[index]);
                self.silent.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
            }
            Missed::Silent(_) | Missed::Unreachable(_) => {}
        }
        if self.good.load(Ordering::Relaxed) == index {
            self.see(None);
        }
    }

    fn is_silent(&self, index: usize) -> bool {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).contains(&index)
    }

    /// Notes that an endpoint gave no answer, so that the next is asked; after silence only where what was sent `may_repeat`.
    ///
    /// # Errors
    /// The call is not asked of another.
    pub(super) fn note(
        &self,
        round: &mut Round,
        index: usize,
        missed: Missed,
        may_repeat: bool,
    ) -> Result<(), CallError> {
        round.tried.push(index);
        match missed {
            Missed::Unreachable(error) => round.unreachable.note(&self.endpoints[index], &error, &self.presented),
            Missed::Silent(error) if may_repeat => round.silent = Some(error),
            Missed::Silent(error) | Missed::Failed(error) => return Err(error),
        }
        Ok(())
    }

    /// The endpoint to send to next: the one that answered last, and then the others, the silent ones last.
    pub(super) async fn next(&self, round: &Round) -> Option<usize> {
        let Some(first) = round.tried.first() else { return Some(self.endpoint().await) };
        self.order(*first).into_iter().find(|index| !round.tried.contains(index))
    }

    /// All endpoints from this one on, those that stayed silent last.
    fn order(&self, from: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.endpoints.len()).map(|at| (from + at) % self.endpoints.len()).collect();
        order.sort_by_key(|index| self.is_silent(*index));
        order
    }

    /// The endpoint to send to first. Of several, it is one with which a connection came about a moment ago; where there is
    /// none, one call finds it and the others wait for that, so that an endpoint that is down holds up nobody for long.
    async fn endpoint(&self) -> usize {
        let is_well = || self.seen().is_some_and(|seen| seen.elapsed() < IDLE);
        if self.endpoints.len() > 1 && !is_well() {
            let _finding = self.finding.lock().await;
            if !is_well()
                && let Some(found) = self.find().await
            {
                self.good.store(found, Ordering::Relaxed);
                self.see(Some(Instant::now()));
            }
        }
        self.good.load(Ordering::Relaxed)
    }

    /// Finds an endpoint to which a connection comes about; a silent one only where no other is there soon.
    async fn find(&self) -> Option<usize> {
        let order = self.order(self.good.load(Ordering::Relaxed));
        let sound: Vec<usize> = order.iter().copied().filter(|index| !self.is_silent(*index)).collect();
        let connect = self.timeouts.connect;
        if sound.len() < order.len() {
            let found = race::first(&self.endpoints, &sound, &self.tls, connect.min(SOUND_FIRST)).await;
            if found.is_some() {
                return found;
            }
        }
        race::first(&self.endpoints, &order, &self.tls, connect).await
    }

    fn seen(&self) -> Option<Instant> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, seen: Option<Instant>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    async fn once(
        &self,
        index: usize,
        (request, token): (&Request, Option<&SecretString>),
        limit: Duration,
    ) -> Result<Response, Missed> {
        let endpoint = &self.endpoints[index];
        let Some(url) = endpoint.url(&request.path) else {
            let message = "not sent: a URL does not carry this path unchanged";
            return Err(Missed::Failed(CallError::new(request.call(), Effect::NotSent, message)));
        };
        let builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Delete => self.client.delete(url),
        };
        let mut builder = builder.timeout(limit);
        if let Some(token) = token {
            builder = builder.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        builder.send().await.map_err(|error| round::missed(endpoint, request, error, limit))
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

fn broken_answer(request: &Request, status: StatusCode, reason: &str) -> CallError {
    let message = format!("the status was {}, but the answer cannot be read: {reason}", status.as_u16());
    CallError::new(request.call(), Effect::UnknownOutcome, message)
}

#[cfg(test)]
mod tests {
    use super::super::round::LONGEST_ANSWER;
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
            assert_eq!(
                (error.effect, error.call.as_str()),
                (Effect::UnknownOutcome, "DELETE /s3/policies/p"),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("t0k3n"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn no_answer_in_time_leaves_doubt() {
        let server = Server::start(|_| Reply::Silence).await;
        let timeouts = Timeouts { call: Duration::from_millis(200), ..Timeouts::default() };
        let sender = Sender::new(vec![server.endpoint()], &Trust::System, timeouts).unwrap();
        let error = sender.send(&write(), None, answer::nothing).await.unwrap_err();
        assert_eq!(error.effect, Effect::UnknownOutcome);
        assert!(error.message.ends_with("did not answer within 0.2 s"), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_whose_explanation_is_lost_is_in_doubt_but_for_a_login() {
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
        assert!((error.effect, error.busy) == (Effect::UnknownOutcome, true), "{error}");
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
        assert_eq!(error.effect, Effect::UnknownOutcome);
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
