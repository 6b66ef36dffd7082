//! TLS for the simulated cluster: a self-signed certificate, as on a real one, and a listener that shakes hands.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client can know the cluster by.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// The certificate, to be trusted as a `ca_file`.
    pub(super) pem: String,
    /// `sha256:` and the digest of the certificate in hex.
    pub(super) fingerprint: String,
}

/// A certificate or its key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not the certificate.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// Not a server with it.
    #[error(transparent)]
    Server(#[from] rustls::Error),
}

/// Makes a certificate for this machine and for `ip`, and what a server needs to show it.
pub(super) fn self_signed(ip: IpAddr) -> Result<(Certificate, TlsAcceptor), TlsError> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), ip.to_string()];
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    let fingerprint = format!("sha256:{}", hex::encode(Sha256::digest(cert.der())));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Certificate { pem: cert.pem(), fingerprint }, TlsAcceptor::from(Arc::new(config))))
}

/// Takes connections and shakes hands with many clients at once, so that a slow one holds up no other.
pub(super) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(super) fn new(tcp: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self { tcp, acceptor, handshakes: JoinSet::new() }
    }

    pub(super) async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.tcp) => {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move {
                        let stream = tokio::time::timeout(PATIENCE, handshake).await??;
                        Ok((stream, address))
                    });
                }
                // A client that does not trust the certificate goes away here, and nothing is to be done.
                Some(done) = self.handshakes.join_next() => if let Ok(Ok(connection)) = done {
                    return connection;
                },
            }
        }
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
