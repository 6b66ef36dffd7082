//! Listeners and connections: plain or TLS, and connections that a fault can close or reset in the middle of a response.
//!
//! The HTTP library does not break its own protocol, so this sits between it and the socket (above TLS).

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::future::BoxFuture;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

#[derive(Debug, Clone)]
pub(super) struct ConnectionHandle {
    pub(super) number: u64,
    pub(super) peer: IpAddr,
    cut: Arc<Mutex<Option<Cut>>>,
}

/// How a connection ends at the next write.
#[derive(Debug)]
pub(super) enum Cut {
    Close,
    /// These bytes are sent, then it is reset.
    Reset {
        bytes: Vec<u8>,
        sent: usize,
    },
}

impl ConnectionHandle {
    pub(super) fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for ConnectionHandle {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// Accepts connections that can be cut. All of them end when the server is dead.
pub(super) struct CuttableListener {
    // The order of the fields matters: the phase is `Closed` once the listener is dropped.
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Many at once, so that a slow client delays no other.
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
    closed: OnDrop,
    /// The number of connections so far; with TLS, those with a successful handshake.
    connections: u64,
}

impl CuttableListener {
    pub(super) fn new(tcp: TcpListener, tls: Option<TlsAcceptor>, phases: &Phases) -> Self {
        let closed = OnDrop { phases: phases.clone(), to: Phase::Closed };
        Self { tcp, tls, handshakes: JoinSet::new(), closed, connections: 0 }
    }

    async fn socket(&mut self) -> (Box<dyn Socket>, SocketAddr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.tcp) => {
                    let Some(tls) = &self.tls else { return (Box::new(stream), address) };
                    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
                    self.handshakes.spawn(async move { Ok((handshake.await??, address)) });
                }
                // A client that does not trust the certificate ends here.
                Some(done) = self.handshakes.join_next() => if let Ok(Ok((stream, address))) = done {
                    return (Box::new(stream), address);
                },
            }
        }
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (socket, address) = self.socket().await;
        self.connections += 1;
        // Small responses are sent without delay.
        if let Err(error) = socket.tcp().set_nodelay(true) {
            tracing::debug!("TCP_NODELAY cannot be set: {error}");
        }
        let connection = ConnectionHandle { number: self.connections, peer: address.ip(), cut: Arc::default() };
        let dead: BoxFuture<'static, ()> = Box::pin(self.closed.phases.reached(Phase::Dead));
        (CuttableStream { socket, connection, dead: Some(dead) }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

pub(super) struct CuttableStream {
    socket: Box<dyn Socket>,
    connection: ConnectionHandle,
    /// Ready when the server is dead; `None` after that.
    dead: Option<BoxFuture<'static, ()>>,
}

impl CuttableStream {
    fn check_alive(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.dead.as_mut().is_some_and(|dead| dead.as_mut().poll(cx).is_ready()) {
            self.dead = None;
        }
        if self.dead.is_some() { Ok(()) } else { Err(cut_error()) }
    }
}

impl Cut {
    /// Sends the remaining bytes, then returns an error, so that the HTTP library drops the socket.
    fn poll(&mut self, socket: &mut dyn Socket, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Self::Reset { bytes, sent } = self {
            while *sent < bytes.len() {
                match ready!(Pin::new(&mut *socket).poll_write(cx, &bytes[*sent..])) {
                    Ok(0) | Err(_) => break,
                    Ok(written) => *sent += written,
                }
            }
            // This fails only if the client is gone, which is as good.
            let _ = ready!(Pin::new(&mut *socket).poll_flush(cx));
            let _ = socket.tcp().set_zero_linger();
        }
        Poll::Ready(cut_error())
    }
}

fn cut_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault")
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_alive(cx)?;
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.check_alive(cx)?;
        let Self { socket, connection, .. } = &mut *self;
        match connection.cut.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(cut) => cut.poll(&mut **socket, cx).map(Err),
            None => Pin::new(socket).poll_write(cx, buffer),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A cut connection ends without a shutdown.
        if self.connection.cut.lock().unwrap_or_else(PoisonError::into_inner).is_some() || self.dead.is_none() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// In PEM form, for `ca_file`.
    pub(super) pem: String,
    /// `sha256:` and the digest of the certificate in hex.
    pub(super) fingerprint: String,
}

/// A certificate for this machine, this address and these hosts.
pub(super) fn self_signed(ip: IpAddr, hosts: Vec<String>) -> Result<(Certificate, TlsAcceptor), Box<dyn Error>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), ip.to_string()];
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(names.into_iter().chain(hosts).collect::<Vec<_>>())?;
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

/// The phase of a server. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    Stopping,
    /// It accepts no connection any more.
    Closed,
    /// It neither answers nor changes anything any more.
    Dead,
}

#[derive(Debug, Clone)]
pub(super) struct Phases(watch::Sender<Phase>);

impl Phases {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Phase::Open))
    }

    pub(super) fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let later = *phase < to;
            if later {
                *phase = to;
            }
            later
        });
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    pub(super) fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.0.subscribe();
        async move {
            // An error means that no sender is left.
            let _ = receiver.wait_for(|now| *now >= phase).await;
        }
    }
}

#[derive(Debug)]
pub(super) struct OnDrop {
    pub(super) phases: Phases,
    pub(super) to: Phase,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.phases.advance(self.to);
    }
}
