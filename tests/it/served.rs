//! The simulated cluster as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use super::harness::Folder;

/// A running `attune sim serve`; it is stopped when this is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) fingerprint: Option<String>,
    /// The URL of the S3 service, with `--s3`.
    pub(crate) s3: Option<String>,
}

impl Served {
    /// Serves the state `cluster.json` of a folder, with further arguments.
    pub(crate) fn start(folder: &Folder, args: &str) -> Self {
        Self::start_with(folder, &args.split_whitespace().collect::<Vec<_>>())
    }

    /// The same, with arguments that may contain blanks.
    pub(crate) fn start_with(folder: &Folder, args: &[&str]) -> Self {
        Self::of(folder, ["--state", "cluster.json"], args)
    }

    /// Serves each state of the directory `states` of a folder.
    pub(crate) fn several(folder: &Folder, args: &[&str]) -> Self {
        Self::of(folder, ["--states", "states"], args)
    }

    /// The URL of one cluster of several.
    pub(crate) fn url_of(&self, name: &str) -> String {
        let (scheme, address) = self.url.split_once("://").unwrap();
        format!("{scheme}://{name}.localhost:{}", address.rsplit_once(':').unwrap().1)
    }

    fn of(folder: &Folder, states: [&str; 2], args: &[&str]) -> Self {
        let serve = ["sim", "serve", "--quiet"].into_iter().chain(states);
        let mut command = folder.command(serve.chain(args.iter().copied()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        let s3 = args.contains(&"--s3").then(|| lines.next().unwrap().unwrap());
        let fingerprint = args.contains(&"--tls").then(|| lines.next().unwrap().unwrap());
        Self { child, url, fingerprint, s3 }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service that answers everything with this status, these headers and this body.
pub(crate) fn answering(head: &'static str, body: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    address
}
