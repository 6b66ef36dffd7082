//! The endpoints of a cluster: their addresses, and which of them a call goes to.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The port of the management interface (vendor documentation).
const DEFAULT_PORT: u16 = 14000;

/// The start of every path (`servers` of the OpenAPI definitions).
const API: &str = "/api/v2";

/// Why a text is not an endpoint. Quotes nothing of a text that may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointProblem {
    /// It is not a URL with `https://` (or `http://`) in front.
    #[error("`{0}` is not an address such as https://weka01.example.com:14000")]
    NotAnAddress(String),
    /// It holds a user name or password, which belong in the environment.
    #[error("the address holds a user name or a password")]
    Userinfo,
    /// It has a path, a query or a fragment.
    #[error("`{0}` holds more than a host and a port")]
    TooLong(String),
    /// It is `http://` and not a loopback address, so that others could read the password and the token.
    #[error("`{0}` is not encrypted: others on the network could read the password and the token")]
    Plain(String),
}

impl EndpointProblem {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotAnAddress(_) => "write https://, the host, and the port where it is not 14000",
            Self::Userinfo => "set ATTUNE_USERNAME and ATTUNE_PASSWORD instead",
            Self::TooLong(_) => "leave out everything behind the port; /api/v2 is added by itself",
            Self::Plain(_) => {
                "write https://; plain http:// is accepted for loopback addresses, and elsewhere only with --insecure"
            }
        }
    }
}

/// One management address of the cluster: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    origin: String,
    host: String,
    port: u16,
    encrypted: bool,
}

impl Endpoint {
    /// Parses `https://host[:port]`, or `http://` for a loopback address. The default port is 14000.
    ///
    /// # Errors
    /// The text is not an endpoint.
    pub fn parse(text: &str) -> Result<Self, EndpointProblem> {
        let endpoint = Self::parse_insecure(text)?;
        if endpoint.encrypted || endpoint.is_loopback() {
            Ok(endpoint)
        } else {
            Err(EndpointProblem::Plain(text.to_owned()))
        }
    }

    /// The same with `http://` for any host, for `--insecure`.
    ///
    /// # Errors
    /// The text is not an endpoint.
    pub fn parse_insecure(text: &str) -> Result<Self, EndpointProblem> {
        let scheme_end = text.find("://").map_or(0, |at| at + 3);
        let rest = &text[scheme_end..];
        if rest.contains('@') {
            return Err(EndpointProblem::Userinfo);
        }
        let not_an_address = || EndpointProblem::NotAnAddress(text.escape_debug().to_string());
        // A URL parser drops tabs and line ends, and reads `\` as `/`.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(not_an_address());
        }
        let url = Url::parse(text).map_err(|_| not_an_address())?;
        let (true, Some(host)) = (matches!(url.scheme(), "https" | "http") && scheme_end > 0, url.host_str()) else {
            return Err(not_an_address());
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointProblem::TooLong(text.to_owned()));
        }
        // A parsed URL has the same port for `https://host:443` and `https://host`.
        let written_port = rest.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = written_port.unwrap_or(DEFAULT_PORT);
        Ok(Self {
            origin: format!("{}://{host}:{port}", url.scheme()),
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            encrypted: url.scheme() == "https",
        })
    }

    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https://`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether the host is this machine: 127.0.0.0/8, `::1` or `localhost`.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The URL of a path below the API; `None` if a URL would change the path. URL parsers resolve `..` (and `%2e%2e`), and
    /// the call would be another one.
    pub(super) fn url(&self, path: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}{API}{path}", self.origin)).ok()?;
        (url.path().strip_prefix(API) == Some(path) && url.query().is_none() && url.fragment().is_none()).then_some(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// How long an idle connection is kept. Servers keep it longer, so that a write seldom meets a closing connection. A
/// connection or an answer counts as recent for the same time.
pub(super) const IDLE: Duration = Duration::from_secs(15);

/// How long a connection may take before the next endpoint is tried too (the connection attempt delay of RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// How long only responsive endpoints are tried before the silent ones are tried too. TCP repeats a lost packet after a
/// second (RFC 6298).
const RESPONSIVE_ONLY: Duration = Duration::from_secs(2);

/// Chooses the endpoint of each call: the one that answered last while it is reachable, and one that connects otherwise.
#[derive(Debug)]
pub(super) struct EndpointPool {
    endpoints: Vec<Endpoint>,
    tls: Arc<ClientConfig>,
    /// How long a connection may take, TLS included.
    connect: Duration,
    state: Mutex<PoolState>,
    /// Held by the one call that looks for a reachable endpoint.
    probing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct PoolState {
    /// The index of the endpoint that calls are sent to.
    current: usize,
    /// When it last connected or answered.
    reached: Option<Instant>,
    /// The endpoints that did not answer in time. They are tried last.
    silent: BTreeSet<usize>,
}

impl EndpointPool {
    pub(super) fn new(endpoints: Vec<Endpoint>, tls: ClientConfig, connect: Duration) -> Self {
        let (state, probing) = Default::default();
        Self { endpoints, tls: Arc::new(tls), connect, state, probing }
    }

    pub(super) fn endpoint(&self, index: usize) -> &Endpoint {
        &self.endpoints[index]
    }

    /// The endpoint for the next attempt of a call; `None` if all were tried.
    pub(super) async fn next(&self, tried: &[usize]) -> Option<usize> {
        match tried.first() {
            None => Some(self.reachable().await),
            Some(first) => self.order(*first).into_iter().find(|index| !tried.contains(index)),
        }
    }

    /// Whether a responsive endpoint is left besides this one, which is responsive too.
    pub(super) fn has_alternative(&self, index: usize, tried: &[usize]) -> bool {
        let silent = &self.state().silent;
        let is_left = |other: usize| other != index && !tried.contains(&other) && !silent.contains(&other);
        !silent.contains(&index) && (0..self.endpoints.len()).any(is_left)
    }

    /// Records an answer. After failed attempts the endpoint replaces the one that was tried first, if that one is still the
    /// current one.
    pub(super) fn answered(&self, index: usize, tried: &[usize]) {
        let mut state = self.state();
        if state.current == tried.first().copied().unwrap_or(index) {
            (state.current, state.reached) = (index, Some(Instant::now()));
        }
    }

    /// Records that an endpoint did not answer in time.
    pub(super) fn silent(&self, index: usize) {
        if self.endpoints.len() > 1 && self.state().silent.insert(index) {
            tracing::warn!("{} did not answer in time: it is tried last from now on", self.endpoints[index]);
        }
        self.unreachable(index);
    }

    /// Records that an endpoint gave no answer.
    pub(super) fn unreachable(&self, index: usize) {
        let mut state = self.state();
        if state.current == index {
            state.reached = None;
        }
    }

    pub(super) fn current(&self) -> usize {
        self.state().current
    }

    /// The endpoint for the first attempt. If none of several was reached recently, one call looks for one and the others
    /// wait for the result, so that an endpoint that is down delays no call for long.
    async fn reachable(&self) -> usize {
        let is_recent = || self.state().reached.is_some_and(|reached| reached.elapsed() < IDLE);
        if self.endpoints.len() > 1 && !is_recent() {
            let _probing = self.probing.lock().await;
            if !is_recent()
                && let Some(found) = self.probe().await
            {
                let mut state = self.state();
                (state.current, state.reached) = (found, Some(Instant::now()));
            }
        }
        self.current()
    }

    /// All endpoints from this one on, the silent ones last.
    fn order(&self, from: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.endpoints.len()).map(|at| (from + at) % self.endpoints.len()).collect();
        let silent = &self.state().silent;
        order.sort_by_key(|index| silent.contains(index));
        order
    }

    /// Finds an endpoint that connects. A silent one is used only if no other connects soon.
    async fn probe(&self) -> Option<usize> {
        let order = self.order(self.current());
        let silent = self.state().silent.clone();
        let responsive: Vec<usize> = order.iter().copied().filter(|index| !silent.contains(index)).collect();
        if responsive.len() < order.len() {
            let found = self.first_to_connect(&responsive, self.connect.min(RESPONSIVE_ONLY)).await;
            if found.is_some() {
                return found;
            }
        }
        self.first_to_connect(&order, self.connect).await
    }

    /// The first endpoint that connects, TLS included. Each endpoint of `order` gets a short head start before the next one.
    /// Nothing is sent over these connections. `None` if none connects within `limit`.
    async fn first_to_connect(&self, order: &[usize], limit: Duration) -> Option<usize> {
        let race = async {
            let mut order = order.iter().copied();
            let mut attempts = FuturesUnordered::new();
            loop {
                let next = order.next();
                let is_last = next.is_none();
                attempts.extend(next.map(|index| async move { self.connects(index).await.then_some(index) }));
                let ended = tokio::select! {
                    ended = attempts.next() => ended,
                    () = tokio::time::sleep(HEAD_START), if !is_last => continue,
                };
                match ended {
                    Some(Some(index)) => return Some(index),
                    Some(None) => {}
                    None => return None,
                }
            }
        };
        tokio::time::timeout(limit, race).await.ok().flatten()
    }

    async fn connects(&self, index: usize) -> bool {
        let endpoint = &self.endpoints[index];
        let Ok(stream) = TcpStream::connect((endpoint.host(), endpoint.port())).await else { return false };
        if !endpoint.is_encrypted() {
            return true;
        }
        match ServerName::try_from(endpoint.host().to_owned()) {
            Ok(name) => TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.is_ok(),
            Err(_) => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PolicyName;
    use crate::cluster::rest::requests;

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        let cases = [
            ("https://weka01.example.com:14000", "https://weka01.example.com:14000", "weka01.example.com"),
            ("https://weka01.example.com", "https://weka01.example.com:14000", "weka01.example.com"),
            ("https://WEKA01/", "https://weka01:14000", "weka01"),
            ("https://weka01:443", "https://weka01:443", "weka01"),
            ("https://weka01:443/", "https://weka01:443", "weka01"),
            ("https://[fd00::7]", "https://[fd00::7]:14000", "fd00::7"),
            ("https://[fd00::7]:8443", "https://[fd00::7]:8443", "fd00::7"),
            ("http://127.8.9.1:80", "http://127.8.9.1:80", "127.8.9.1"),
            ("http://[::1]:9", "http://[::1]:9", "::1"),
            ("http://localhost:9", "http://localhost:9", "localhost"),
        ];
        for (text, shown, host) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.host()), (shown, host), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_endpoint_is_refused() {
        for text in [
            "",
            "weka01",
            "weka01:14000",
            "ftp://weka01",
            "https://",
            "https://a b",
            "https://a\\b",
            "https:a",
            "https://a:99999",
        ] {
            assert!(matches!(Endpoint::parse(text), Err(EndpointProblem::NotAnAddress(_))), "{text:?}");
        }
        for text in ["https://a/api/v2", "https://a/?x", "https://a#y", "https://a:1/b"] {
            assert!(matches!(Endpoint::parse(text), Err(EndpointProblem::TooLong(_))), "{text:?}");
        }
        for text in ["http://weka01", "http://10.0.0.1:14000", "http://localhost.evil.com", "http://[::2]"] {
            assert!(matches!(Endpoint::parse(text), Err(EndpointProblem::Plain(_))), "{text:?}");
            assert!(!Endpoint::parse_insecure(text).unwrap().is_encrypted());
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for text in [
            "https://admin:hunter22@weka01",
            "https://hunter22@weka01",
            "http://u:hunter22@127.0.0.1",
            "u:hunter22@weka01",
        ] {
            let problem = Endpoint::parse(text).unwrap_err();
            assert_eq!(problem, EndpointProblem::Userinfo, "{text}");
            assert!(!format!("{problem} {problem:?}").contains("hunter22"));
        }
    }

    #[test]
    fn every_name_reaches_its_own_path_or_none() {
        let endpoint = Endpoint::parse("https://weka01").unwrap();
        for (name, segment) in [
            ("ml-training", "ml-training"),
            ("...", "..."),
            (".hidden", ".hidden"),
            ("a..b", "a..b"),
            ("%2e%2e", "%252e%252e"),
            ("%2F..", "%252F.."),
            ("a?b#c", "a%3Fb%23c"),
            ("a;b&c=d+e", "a%3Bb%26c%3Dd%2Be"),
            ("ü ñ", "%C3%BC%20%C3%B1"),
            ("attach", "attach"),
            ("@:[]|^\"<>`{}~", "%40%3A%5B%5D%7C%5E%22%3C%3E%60%7B%7D~"),
        ] {
            let path = requests::remove_policy(&PolicyName::parse(name).unwrap()).unwrap().path;
            let url = endpoint.url(&path).unwrap();
            assert_eq!(url.as_str(), format!("https://weka01:14000/api/v2/s3/policies/{segment}"), "{name}");
        }
        for path in
            ["/s3/policies/..", "/s3/policies/%2e%2e", "/s3/policies/.%2E", "/s3/policies/.", "/s3/a?b", "/s3/a#b"]
        {
            assert_eq!(endpoint.url(path), None, "{path}");
        }
    }
}
