//! Connections that can be cut: closed without an answer, or reset in the middle of one.
//!
//! The HTTP library cannot be made to break its own promises, so this sits between it and the socket (above TLS).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use super::phase::{OnDrop, Phase, Phases};
use super::tls::TlsListener;

/// What a connection runs over.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The TCP connection under it.
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

/// A way to cut a connection. What is cut answers nothing any more.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Which connection it is, from 1.
    pub(super) number: u64,
    cut: Arc<Mutex<Option<Cut>>>,
}

/// How a connection ends as soon as an answer is to be written to it.
#[derive(Debug)]
enum Cut {
    /// It is closed.
    Close,
    /// These bytes are sent, and it is reset.
    Reset { words: Vec<u8>, sent: usize },
}

impl Line {
    /// Closes the connection instead of answering.
    pub(super) fn close(&self) {
        self.cut(Cut::Close);
    }

    /// Sends these bytes instead of an answer, and resets the connection.
    pub(super) fn reset_after(&self, words: Vec<u8>) {
        self.cut(Cut::Reset { words, sent: 0 });
    }

    fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }
}

impl Connected<IncomingStream<'_, Wired>> for Line {
    fn connect_info(stream: IncomingStream<'_, Wired>) -> Self {
        stream.io().line.clone()
    }
}

/// Where connections come in.
pub(super) enum Door {
    /// As they are.
    Plain(TcpListener),
    /// Over TLS.
    Tls(TlsListener),
}

impl Door {
    async fn accept(&mut self) -> (Box<dyn Socket>, SocketAddr) {
        match self {
            Self::Plain(tcp) => {
                let (socket, address) = Listener::accept(tcp).await;
                (Box::new(socket), address)
            }
            Self::Tls(tls) => {
                let (socket, address) = tls.accept().await;
                (Box::new(socket), address)
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(tcp) => tcp.local_addr(),
            Self::Tls(tls) => tls.local_addr(),
        }
    }
}

/// Takes connections that can be cut, and all of which end when the server is dead.
pub(super) struct Wired {
    // In this order: it is closed when the door is gone.
    door: Door,
    closed: OnDrop,
    taken: Box<dyn FnMut() -> u64 + Send>,
}

impl Wired {
    /// Calls `taken` at each connection for its number.
    pub(super) fn new(door: Door, phases: &Phases, taken: impl FnMut() -> u64 + Send + 'static) -> Self {
        let closed = OnDrop { phases: phases.clone(), to: Phase::Closed };
        Self { door, closed, taken: Box::new(taken) }
    }
}

impl Listener for Wired {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (socket, address) = self.door.accept().await;
        let number = (self.taken)();
        // Small answers are sent without waiting for more to send.
        if let Err(error) = socket.tcp().set_nodelay(true) {
            tracing::debug!("TCP_NODELAY cannot be set: {error}");
        }
        let dead = Box::pin(self.closed.phases.reached(Phase::Dead));
        (Wire { socket, line: Line { number, cut: Arc::default() }, dead: Some(dead) }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.door.local_addr()
    }
}

/// A connection that can be cut.
pub(super) struct Wire {
    socket: Box<dyn Socket>,
    line: Line,
    /// Ready when the server is dead; nothing once it was.
    dead: Option<BoxFuture<'static, ()>>,
}

impl Wire {
    fn alive(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.dead.as_mut().is_some_and(|dead| dead.as_mut().poll(cx).is_ready()) {
            self.dead = None;
        }
        if self.dead.is_some() { Ok(()) } else { Err(cut_off()) }
    }
}

impl Cut {
    /// Does all that is left to do; it always ends in an error, at which the HTTP library lets go of the socket.
    fn poll(&mut self, socket: &mut dyn Socket, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Self::Reset { words, sent } = self {
            while *sent < words.len() {
                match ready!(Pin::new(&mut *socket).poll_write(cx, &words[*sent..])) {
                    Ok(0) | Err(_) => break,
                    Ok(written) => *sent += written,
                }
            }
            // What fails here fails because the client is gone, which is as good.
            let _ = ready!(Pin::new(&mut *socket).poll_flush(cx));
            let _ = socket.tcp().set_zero_linger();
        }
        Poll::Ready(cut_off())
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault")
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?;
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.alive(cx)?;
        let Self { socket, line, .. } = &mut *self;
        match line.cut.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(cut) => cut.poll(&mut **socket, cx).map(Err),
            None => Pin::new(socket).poll_write(cx, buffer),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is cut takes no leave.
        if self.line.cut.lock().unwrap_or_else(PoisonError::into_inner).is_some() || self.dead.is_none() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
