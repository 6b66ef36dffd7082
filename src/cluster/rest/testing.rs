//! A server for tests. Each test scripts its answers, down to answers that break off.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::endpoints::Endpoint;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Method and path, without `/api/v2`.
    pub(super) call: String,
    pub(super) head: String,
    pub(super) token: Option<String>,
    pub(super) body: String,
}

pub(super) enum Reply {
    Json(u16, String),
    /// These bytes, then the end of the connection.
    Raw(String),
    Close,
    Silence,
    /// These bytes, and then nothing, for ever.
    Stalled(String),
    /// These bytes, one after the other with a pause in between.
    Trickled(String),
    Late(Duration, Box<Reply>),
}

pub(super) fn json(status: u16, body: impl Into<String>) -> Reply {
    Reply::Json(status, body.into())
}

pub(super) fn tokens(access: &str, expires_in: u64) -> Reply {
    json(
        200,
        format!(r#"{{"data":{{"access_token":"{access}","refresh_token":"r-{access}","expires_in":{expires_in}}}}}"#),
    )
}

/// The answer of an endpoint of this cluster and tenant to a request for a proof; `None` for any other request.
pub(super) fn proof(heard: &Heard, guid: &str, tenant: &str) -> Option<Reply> {
    match heard.call.as_str() {
        "GET /cluster" => Some(json(200, format!(r#"{{"data":{{"name":"w","guid":"{guid}","release":"5.1.2"}}}}"#))),
        "GET /users/whoami" => Some(json(
            200,
            format!(r#"{{"data":{{"username":"admin","role":"ClusterAdmin","org_name":"{tenant}","org_id":0}}}}"#),
        )),
        _ => None,
    }
}

pub(super) fn is_proof(call: &str) -> bool {
    ["GET /cluster", "GET /users/whoami"].contains(&call)
}

pub(super) fn unauthorized() -> Reply {
    json(401, r#"{"data":"Unauthorized"}"#)
}

type Script = Arc<dyn Fn(&Heard) -> Reply + Send + Sync>;

pub(super) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(script: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(script)).await
    }

    pub(super) async fn start_tls(
        config: ServerConfig,
        script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(script)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Heard>>>::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let log = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log, script) = (tls.clone(), Arc::clone(&log), Arc::clone(&script));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &log, &script).await,
                        Some(tls) => serve(tls.accept(stream).await?, &log, &script).await,
                    }
                });
            }
        });
        Self { address, scheme, heard, task }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        self.endpoint_at("127.0.0.1")
    }

    pub(super) fn endpoint_at(&self, host: &str) -> Endpoint {
        Endpoint::parse(&format!("{}://{host}:{}", self.scheme, self.address.port())).unwrap()
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.heard().into_iter().map(|heard| heard.call).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn dead_endpoint() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    log: &Mutex<Vec<Heard>>,
    script: &Script,
) -> io::Result<()> {
    while let Some(heard) = hear(&mut stream).await? {
        log.lock().unwrap().push(heard.clone());
        let mut reply = script(&heard);
        if let Reply::Late(pause, late) = reply {
            tokio::time::sleep(pause).await;
            reply = *late;
        }
        let bytes = match &reply {
            Reply::Json(status, body) => format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            Reply::Raw(bytes) | Reply::Stalled(bytes) | Reply::Trickled(bytes) => bytes.clone(),
            Reply::Close | Reply::Silence | Reply::Late(..) => String::new(),
        };
        let is_slow = matches!(reply, Reply::Trickled(_));
        let at_once = if is_slow { 1 } else { bytes.len().max(1) };
        for part in bytes.as_bytes().chunks(at_once) {
            stream.write_all(part).await?;
            stream.flush().await?;
            if is_slow {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        match reply {
            Reply::Json(..) | Reply::Trickled(_) => {}
            Reply::Raw(_) | Reply::Close => return stream.shutdown().await,
            Reply::Stalled(_) | Reply::Silence | Reply::Late(..) => std::future::pending().await,
        }
    }
    Ok(())
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Heard>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let header = |name: &str| {
        head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
    };
    let length: usize = header("content-length").map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < head_end + length {
        stream.read_buf(&mut bytes).await?;
    }
    let call = head.split(" HTTP/").next().unwrap_or_default().replacen("/api/v2", "", 1);
    let token = header("authorization").and_then(|(_, value)| value.strip_prefix("Bearer ")).map(ToOwned::to_owned);
    let body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Ok(Some(Heard { call, token, body, head }))
}
