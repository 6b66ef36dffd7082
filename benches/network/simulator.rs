//! The simulated cluster as a process of its own, and its log of requests.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use wait4::Wait4;

use crate::Outcome;
use crate::process::attune;

/// A running simulated cluster; it stops when this is dropped.
pub(crate) struct Simulator {
    child: Child,
    log: PathBuf,
    /// How many lines of the log were looked at.
    seen: usize,
    /// Its URL.
    pub(crate) url: String,
}

impl Simulator {
    /// Serves the state `cluster.json` of a folder, with a log of requests only if it is needed.
    pub(crate) fn start(folder: &Path, latency: Duration, logs: bool) -> Outcome<Self> {
        let latency = format!("{}ms", latency.as_millis());
        let mut args = vec!["sim", "serve", "--state", "cluster.json", "--quiet", "--latency", &latency];
        if logs {
            args.extend(["--log", "log.jsonl"]);
        }
        let mut child = attune(folder, &args).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        let simulator = Self { child, log: folder.join("log.jsonl"), seen: 0, url };
        if simulator.url.is_empty() { Err("the simulator did not start".into()) } else { Ok(simulator) }
    }

    /// The number of requests since the last call of this function, and of their connections.
    pub(crate) fn traffic(&mut self) -> Outcome<(usize, usize)> {
        let text = std::fs::read_to_string(&self.log)?;
        let mut connections = BTreeSet::new();
        let mut requests = 0;
        for line in text.lines().skip(self.seen) {
            let entry: Value = serde_json::from_str(line)?;
            connections.insert(entry["connection"].as_u64());
            requests += 1;
        }
        self.seen += requests;
        Ok((requests, connections.len()))
    }

    /// Stops it. Returns its processor time from start to end.
    pub(crate) fn stop(mut self) -> Outcome<Duration> {
        self.child.kill()?;
        let ended = self.child.wait4()?;
        Ok(ended.rusage.utime + ended.rusage.stime)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
