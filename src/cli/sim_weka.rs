//! `attune sim weka`: the `weka` command of a simulated cluster.

use std::io::{BufRead, Write as _};
use std::path::PathBuf;

use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::sim::{self, weka};

/// Behave as the `weka` command of a simulated cluster
///
/// A script named `weka` on PATH that runs this is a stand-in of the vendor's command, for `--via weka` and for trying
/// things out. It logs in with WEKA_USERNAME, WEKA_PASSWORD and WEKA_ORG, else as the cluster's administrator.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim weka --state cluster.json -- s3 policy list
  attune sim weka --url http://127.0.0.1:14000 -- s3 policy attach readonly bob --json
  printf '#!/bin/sh\\nexec attune sim weka --url http://127.0.0.1:14000 -- \"$@\"\\n' > ~/bin/weka")]
pub(super) struct WekaArgs {
    /// Where `attune sim serve` listens
    #[arg(long, value_name = "URL", required_unless_present = "state", conflicts_with = "state")]
    url: Option<String>,
    /// The state of the cluster, a JSON file
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
    /// The release to behave as, with --state
    #[arg(long, value_name = "RELEASE", requires = "state")]
    release: Option<sim::SimRelease>,
    /// What follows `weka`
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl WekaArgs {
    pub(super) async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let run = weka::Run { args: self.args.clone(), login: login(), file: self.file(), typed: self.typed()? };
        let printed = match (&self.url, &self.state) {
            (Some(url), _) => post(url, &run).await,
            (None, Some(state)) => {
                let options = sim::Options { release: self.release.clone(), ..sim::Options::new(state) };
                let running = sim::start(options)
                    .await
                    .map_err(|error| Failure::new(&exit::SIMULATOR, format!("the simulated cluster: {error}")))?;
                post(running.url(), &run).await
            }
            (None, None) => None,
        };
        let Some(printed) = printed else {
            // As a command whose backend is gone; the words are assumed.
            std::io::stderr().write_all(b"error: Connection closed\n")?;
            return Ok(Exit::Error);
        };
        output.result(|out, _| out.write_all(printed.out.as_bytes()))?;
        std::io::stderr().write_all(printed.err.as_bytes())?;
        Ok(match printed.code {
            0 => Exit::Done,
            2 => Exit::Changes,
            _ => Exit::Error,
        })
    }

    /// The policy file, which is read on this side.
    fn file(&self) -> Option<String> {
        let words: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let path = match words.as_slice() {
            ["s3", "policy", "add", _, path, ..] => Some(*path),
            _ => words.iter().position(|word| *word == "--policy-file").and_then(|at| words.get(at + 1)).copied(),
        };
        path.and_then(|path| std::fs::read_to_string(path).ok())
    }

    /// The first line of what is typed, where the command asks.
    fn typed(&self) -> Result<String, Failure> {
        let words: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let asks = match words.as_slice() {
            ["s3", "user", "keys-generate", ..] => true,
            ["s3", "sts", "assume-role", ..] => !words.contains(&"--secret-key"),
            _ => false,
        };
        let mut line = String::new();
        if asks {
            std::io::stdin().lock().read_line(&mut line)?;
        }
        Ok(line)
    }
}

fn login() -> Option<weka::Login> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (username, password) = get("WEKA_USERNAME").zip(get("WEKA_PASSWORD"))?;
    Some(weka::Login { username, password, org: get("WEKA_ORG") })
}

/// What the simulator answers; nothing when it does not, or answers something else.
async fn post(url: &str, run: &weka::Run) -> Option<weka::Printed> {
    // The client wants a provider even for plain HTTP. That there is one already is no matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().ok()?;
    let response = client.post(format!("{}{}", url.trim_end_matches('/'), weka::PATH)).json(run).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    response.json().await.ok()
}
