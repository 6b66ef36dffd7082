//! The log of requests: a JSON line for each, without anything secret and without the time.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// A file that requests are logged to.
#[derive(Debug)]
pub(super) struct RequestLog(Mutex<File>);

/// One request. There is no query, header or body here: those can hold what must not be kept.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'r> {
    /// Which request it was, in the order of arrival, from 1. Lines are in the order of the answers.
    pub(super) seq: u64,
    /// Which connection it came over, from 1.
    pub(super) connection: u64,
    /// The method.
    pub(super) method: &'r str,
    /// The path as it was sent.
    pub(super) path: &'r str,
    /// The status of the answer, if one was sent whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// The names of the faults that happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) faults: Vec<String>,
}

impl RequestLog {
    /// Opens a log, and goes on at its end when it is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::options().create(true).append(true).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Writes a line at once. A log that cannot be written does not stop the cluster.
    pub(super) fn write(&self, entry: &Entry<'_>) {
        let line = serde_json::to_string(entry).map_err(io::Error::from);
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = line.and_then(|line| file.write_all(format!("{line}\n").as_bytes())) {
            tracing::warn!("the log of the simulator cannot be written: {error}");
        }
    }
}
