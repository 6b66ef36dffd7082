//! `attune sim`: the simulated cluster as a server of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::sim_weka::WekaArgs;
use crate::sim::{self, EndReason, FaultRule, FaultRules, SimRelease};

/// Run a simulated cluster
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim serve --state cluster.json
  attune sim weka --state cluster.json -- s3 policy list")]
pub(super) struct SimArgs {
    #[command(subcommand)]
    command: SimCommand,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    Serve(ServeArgs),
    Weka(WekaArgs),
}

/// Serve a simulated cluster over HTTP until interrupted
///
/// The first line of stdout is its URL. A state file that is not there yet begins a fresh cluster with the user `admin`
/// and the password `admin`; every change is saved at once. The file may be edited while the server runs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim serve --state cluster.json
  attune sim serve --state cluster.json --listen 127.0.0.1:14000 --release 4.4
  attune sim serve --state cluster.json --tls --log requests.jsonl --latency 20ms
  attune sim serve --state cluster.json --fault write:3=drop-after --fault 'GET /users=503:1'")]
struct ServeArgs {
    /// The state of the cluster, a JSON file
    #[arg(long, value_name = "PATH")]
    state: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The release to behave as: 3.14, 4.0, 4.4, 5.1 or 6.0. Default: the state's, or 5.1 for a fresh one
    #[arg(long, value_name = "RELEASE")]
    release: Option<SimRelease>,
    /// How long every answer takes
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = humantime::parse_duration)]
    latency: Duration,
    /// Serve TLS with a new self-signed certificate, and print its fingerprint on the second line
    #[arg(long)]
    tls: bool,
    /// With --tls: write the certificate to this file in PEM form, for `ca_file`
    #[arg(long, value_name = "PATH", requires = "tls")]
    certificate: Option<PathBuf>,
    /// Write a JSON line for each request to this file: number, method, path, status
    #[arg(long, value_name = "PATH")]
    log: Option<PathBuf>,
    /// Behave otherwise where clusters differ, such as `remove_attached=allow`; see the documentation of the simulator
    #[arg(long = "switch", value_name = "NAME=VALUE")]
    switches: Vec<String>,
    /// Let something go wrong, such as `write:3=drop-after`; can be given several times; see the documentation of the
    /// simulator
    #[arg(long = "fault", value_name = "WHEN=FAULT")]
    faults: Vec<FaultRule>,
}

impl SimArgs {
    pub(super) async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        match &self.command {
            SimCommand::Serve(serve) => serve.run(output).await,
            SimCommand::Weka(weka) => weka.run(output).await,
        }
    }
}

impl ServeArgs {
    async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let options = sim::Options {
            listen: self.listen,
            release: self.release.clone(),
            latency: self.latency,
            tls: self.tls,
            log: self.log.clone(),
            switches: self.switches.clone(),
            faults: FaultRules(self.faults.clone()),
            ..sim::Options::new(&self.state)
        };
        let running = sim::start(options)
            .await
            .map_err(|error| Failure::new(&exit::SIMULATOR, format!("cannot start the simulated cluster: {error}")))?;
        if let (Some(path), Some(pem)) = (&self.certificate, running.certificate_pem()) {
            std::fs::write(path, pem).map_err(|error| {
                Failure::new(&exit::ENVIRONMENT, format!("cannot write the certificate to {}: {error}", path.display()))
            })?;
        }
        output.result(|out, _| {
            writeln!(out, "{}", running.url())?;
            running.fingerprint().map_or(Ok(()), |fingerprint| writeln!(out, "{fingerprint}"))
        })?;
        output.aside(|out, _| writeln!(out, "simulating until interrupted; the API is under {}/api/v2", running.url()));
        match running.until(tokio::signal::ctrl_c()).await {
            EndReason::Requested => Ok(Exit::Done),
            EndReason::Fault => {
                output.aside(|out, _| writeln!(out, "stopped by a fault"));
                Ok(Exit::Error)
            }
        }
    }
}
