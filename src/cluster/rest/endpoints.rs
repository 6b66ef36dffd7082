//! The endpoints of a cluster: their addresses, and which of them a call goes to.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::Url;

use super::dns::is_loopback;
use crate::cluster::SetupProblem;

/// The port of the management interface (vendor documentation).
const DEFAULT_PORT: u16 = 14000;

/// The start of every path (`servers` of the OpenAPI definitions).
const API: &str = "/api/v2";

const USERINFO: &str = "the address holds a user name or a password";

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
    pub fn parse(text: &str) -> Result<Self, SetupProblem> {
        let endpoint = Self::parse_insecure(text)?;
        if endpoint.encrypted || endpoint.is_loopback() {
            Ok(endpoint)
        } else {
            Err(SetupProblem::new(
                format!("`{text}` is not encrypted: others on the network could read the password and the token"),
                "write https://; plain http:// is accepted for loopback addresses, and elsewhere only with --insecure",
            ))
        }
    }

    /// The same with `http://` for any host, for `--insecure`.
    pub fn parse_insecure(text: &str) -> Result<Self, SetupProblem> {
        let scheme_end = text.find("://").map_or(0, |at| at + 3);
        let rest = &text[scheme_end..];
        if rest.contains('@') {
            return Err(SetupProblem::new(USERINFO, "set ATTUNE_USERNAME and ATTUNE_PASSWORD instead"));
        }
        let not_an_address = || {
            SetupProblem::new(
                format!("`{}` is not an address such as https://weka01.example.com:14000", text.escape_debug()),
                "write https://, the host, and the port where it is not 14000",
            )
        };
        // A URL parser drops tabs and line ends, and reads `\` as `/`.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(not_an_address());
        }
        let url = Url::parse(text).map_err(|_| not_an_address())?;
        let (true, Some(host)) = (matches!(url.scheme(), "https" | "http") && scheme_end > 0, url.host_str()) else {
            return Err(not_an_address());
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            let help = "leave out everything behind the port; /api/v2 is added by itself";
            return Err(SetupProblem::new(format!("`{text}` holds more than a host and a port"), help));
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
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https://`.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
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

/// The endpoints in the order in which a call tries them. One that fails moves behind the others, and a silent one stays last.
#[derive(Debug)]
pub(super) struct EndpointPool {
    endpoints: Vec<Endpoint>,
    order: Mutex<Order>,
}

#[derive(Debug)]
struct Order {
    /// The indices of the endpoints.
    all: Vec<usize>,
    /// The endpoints that did not connect or answer in time.
    silent: BTreeSet<usize>,
}

/// The endpoint of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) index: usize,
    /// Whether it is responsive, and another one is left that is.
    pub(super) has_alternative: bool,
}

impl EndpointPool {
    pub(super) fn new(endpoints: Vec<Endpoint>) -> Self {
        let order = Order { all: (0..endpoints.len()).collect(), silent: BTreeSet::new() };
        Self { endpoints, order: Mutex::new(order) }
    }

    pub(super) fn endpoint(&self, index: usize) -> &Endpoint {
        &self.endpoints[index]
    }

    /// The endpoint for the next attempt of a call; `None` if all were tried.
    pub(super) fn next(&self, tried: &[usize]) -> Option<Target> {
        let Order { all, silent } = &*self.order();
        let mut left = all.iter().filter(|index| !tried.contains(index));
        let index = *left.next()?;
        // Silent ones come last, so the second one says it for both.
        let has_alternative = left.next().is_some_and(|other| !silent.contains(other));
        Some(Target { index, has_alternative })
    }

    pub(super) fn is_silent(&self, index: usize) -> bool {
        self.order().silent.contains(&index)
    }

    /// Moves an endpoint behind the others, a silent one for the rest of the run.
    pub(super) fn failed(&self, index: usize, is_silent: bool) {
        let Order { all, silent } = &mut *self.order();
        if is_silent && silent.insert(index) && all.len() > 1 {
            tracing::warn!("{} did not answer in time: it is tried last from now on", self.endpoints[index]);
        }
        all.retain(|other| *other != index);
        all.push(index);
        all.sort_by_key(|index| silent.contains(index));
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
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
            ("http://C3.localhost:9", "http://c3.localhost:9", "c3.localhost"),
        ];
        for (text, shown, host) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.host()), (shown, host), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_endpoint_is_refused() {
        let refused = |text: &str| Endpoint::parse(text).unwrap_err().message;
        let nonsense = ["", "weka01", "weka01:14000", "ftp://weka01", "https://", "https://a b", "https:a"];
        for text in nonsense.into_iter().chain(["https://a\\b", "https://a:99999"]) {
            assert!(refused(text).contains("is not an address such as"), "{text:?}");
        }
        for text in ["https://a/api/v2", "https://a/?x", "https://a#y", "https://a:1/b"] {
            assert!(refused(text).contains("more than a host and a port"), "{text:?}");
        }
        for text in ["http://weka01", "http://10.0.0.1:14000", "http://localhost.evil.com", "http://[::2]"] {
            assert!(refused(text).contains("is not encrypted"), "{text:?}");
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
            assert_eq!(problem.message, USERINFO, "{text}");
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
            let path = requests::REMOVE_POLICY.about(&PolicyName::parse(name).unwrap()).unwrap().path;
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
