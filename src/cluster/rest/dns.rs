//! Addresses of host names: this machine for `localhost` names, and what the system says for all others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a host is this machine: 127.0.0.0/8, `::1`, `localhost`, or a name below `localhost`.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || is_below_localhost(host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// RFC 6761, section 6.3: such a name is always this machine, and no DNS server is asked for it.
fn is_below_localhost(host: &str) -> bool {
    host.ends_with(".localhost")
}

#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Addrs = match name.as_str() {
                below if is_below_localhost(&below.to_ascii_lowercase()) => {
                    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                    Box::new(loopback.map(|address| SocketAddr::new(address, 0)).into_iter())
                }
                // The port of the URL replaces this one.
                other => Box::new(tokio::net::lookup_host((other, 0)).await?.collect::<Vec<_>>().into_iter()),
            };
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_below_localhost_is_this_machine_without_dns() {
        let addresses = async |name: &str| -> Vec<String> {
            let found = Resolver.resolve(name.parse().unwrap()).await;
            found.map(|all| all.map(|address| address.ip().to_string()).collect()).unwrap_or_default()
        };
        assert_eq!(addresses("c3.localhost").await, ["127.0.0.1", "::1"]);
        assert_eq!(addresses("127.0.0.1").await, ["127.0.0.1"]);
        for (host, expected) in [
            ("localhost", true),
            ("c3.localhost", true),
            ("127.8.9.1", true),
            ("::1", true),
            ("localhost.evil.com", false),
            ("evillocalhost", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
