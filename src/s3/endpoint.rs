//! The address of an S3 service.

use std::fmt;

use reqwest::Url;

use crate::cluster::SetupProblem;
use crate::cluster::rest::is_loopback;

/// The address of an S3 service: scheme, host and port. Buckets are the first part of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Endpoint {
    origin: String,
    host: String,
    encrypted: bool,
}

impl S3Endpoint {
    /// Reads `https://host[:port]`, or `http://` for a loopback address; with `insecure` for any host.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, SetupProblem> {
        let not_an_address = || {
            let message = format!("`{}` is not the address of an S3 service", text.escape_debug());
            SetupProblem::new(
                message,
                "write https://, the host, and the port where it is not 443, such as https://s3.example.com:9000",
            )
        };
        // A URL parser drops tabs and line ends, and reads `\` as `/`.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(not_an_address());
        }
        if text.contains('@') {
            let message = "the address of the S3 service holds a user name or a password";
            return Err(SetupProblem::new(message, "name the keys with --keys, --aws-profile or the AWS environment"));
        }
        let url = Url::parse(text).map_err(|_| not_an_address())?;
        let (true, Some(host)) = (matches!(url.scheme(), "https" | "http"), url.host_str()) else {
            return Err(not_an_address());
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            let message = format!("`{text}` holds more than a host and a port");
            return Err(SetupProblem::new(message, "leave out everything behind the port"));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let encrypted = url.scheme() == "https";
        if !(encrypted || is_loopback(&bare) || insecure) {
            let message =
                format!("`{text}` is not encrypted: others on the network could read what is asked and answered");
            let help =
                "write https://; plain http:// is accepted for loopback addresses, and elsewhere only with --insecure";
            return Err(SetupProblem::new(message, help));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self { origin: format!("{}://{host}{port}", url.scheme()), host: bare, encrypted })
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is `https://`.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The URL of an encoded path with a query; `None` if a URL would change the path. URL parsers resolve `..` (and
    /// `%2e%2e`), and the request would be another one.
    pub(super) fn url(&self, path: &str, query: &str) -> Option<Url> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = Url::parse(&format!("{}{path}{mark}{query}", self.origin)).ok()?;
        let is_same = url.path() == path && url.query().unwrap_or_default() == query && url.fragment().is_none();
        is_same.then_some(url)
    }
}

impl fmt::Display for S3Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        let shown = |text| S3Endpoint::parse(text, false).map(|endpoint| endpoint.to_string()).ok();
        for (text, origin) in [
            ("https://s3.example.com", "https://s3.example.com"),
            ("https://s3.example.com:9000/", "https://s3.example.com:9000"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(origin), "{text}");
        }
        let bad = [
            "",
            "s3.example.com",
            "ftp://a",
            "https://a/b",
            "https://a?x",
            "https://a#x",
            "https://k:s@a",
            "https://a\n",
            "https:\\\\a",
            "http://s3.example.com",
        ];
        for text in bad {
            assert_eq!(shown(text), None, "{text}");
        }
        assert!(S3Endpoint::parse("http://s3.example.com", true).is_ok());
    }

    #[test]
    fn a_path_that_a_url_would_change_has_no_url() {
        let endpoint = S3Endpoint::parse("https://a", false).unwrap();
        assert!(endpoint.url("/b/k", "policy").is_some());
        for path in ["/b/../k", "/b/%2e%2e/k", "/b/./k", "b"] {
            assert!(endpoint.url(path, "").is_none(), "{path}");
        }
    }
}
