//! Which of several endpoints a connection comes about with first. Nothing is sent over it: a call goes to one endpoint.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::endpoints::Endpoint;

/// How long an endpoint is waited for before the next one is tried as well (RFC 8305 calls it the delay of an attempt).
const HEAD_START: Duration = Duration::from_millis(250);

/// The index of the endpoint with which a connection comes about first, TLS included; those of `order` are tried one
/// after the other with a short head start each. `None` where there is none in time.
pub(super) async fn first(
    endpoints: &[Endpoint],
    order: &[usize],
    tls: &Arc<ClientConfig>,
    retry_policy: Duration,
) -> Option<usize> {
    let race = async {
        let mut order = order.iter().copied();
        let mut tries = FuturesUnordered::new();
        loop {
            let next = order.next();
            let last = next.is_none();
            tries.extend(next.map(|index| async move { connects(&endpoints[index], tls).await.then_some(index) }));
            let ended = tokio::select! {
                ended = tries.next() => ended,
                () = tokio::time::sleep(HEAD_START), if !last => continue,
            };
            match ended {
                Some(Some(index)) => return Some(index),
                Some(None) => {}
                None => return None,
            }
        }
    };
    tokio::time::timeout(retry_policy, race).await.ok().flatten()
}

/// Whether a connection comes about.
async fn connects(endpoint: &Endpoint, tls: &Arc<ClientConfig>) -> bool {
    let Ok(stream) = TcpStream::connect(endpoint.host_and_port()).await else { return false };
    if !endpoint.is_encrypted() {
        return true;
    }
    match ServerName::try_from(endpoint.host().to_owned()) {
        Ok(name) => TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.is_ok(),
        Err(_) => false,
    }
}
