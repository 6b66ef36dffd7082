//! `attune sim`: a simulated cluster as a server, and its `weka` command.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use console::Term;
use secrecy::zeroize::Zeroizing;

use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::count;
use crate::sim::check::Request;
use crate::sim::weka::{self, CommandOutput, CommandRun, Prompt, RunNeeds, RunResponse};
use crate::sim::{
    self, BucketPolicyScope, EndReason, FaultRule, FaultRules, Running, SimRelease, SimulatedCluster, StateSource,
};

#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    Serve(ServeArgs),
    Weka(WekaArgs),
    Check(CheckArgs),
}

/// Serve a simulated cluster over HTTP until interrupted, or several with --states
///
/// The first line of stdout is its URL, and with --s3 the second one that of its S3 service. If the state file does not exist, the server creates a cluster with the user `admin`
/// and the password `admin`. Every change is saved at once. You can edit the file while the server runs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim serve --state cluster.json
  attune sim serve --states clusters/ --listen 127.0.0.1:14000
  attune sim serve --state cluster.json --listen 127.0.0.1:14000 --release 4.4
  attune sim serve --state cluster.json --tls --log requests.jsonl --latency 20ms
  attune sim serve --state cluster.json --s3 --switch s3_rules=minio-2026 --fault s3-allow:s3:DeleteObject
  attune sim serve --state cluster.json --fault write:3=drop-after --fault 'GET /users=503:1'")]
pub(super) struct ServeArgs {
    /// JSON file with the state of the cluster
    #[arg(long, value_name = "PATH", required_unless_present = "states", conflicts_with = "states")]
    state: Option<PathBuf>,
    /// Directory with a state file NAME.json for each of several clusters: http://NAME.localhost:PORT
    ///
    /// The path /NAME/api/v2 of the printed URL reaches a cluster, too.
    #[arg(long, value_name = "DIR")]
    states: Option<PathBuf>,
    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Also serve S3, on this address
    ///
    /// It checks signatures and decides requests by the documents. It stores no objects.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    s3: Option<SocketAddr>,
    /// Simulated release: 3.14, 4.0, 4.4, 5.1 or 6.0 [default: that of the state file, or 5.1]
    #[arg(long, value_name = "RELEASE")]
    release: Option<SimRelease>,
    /// Latency of each response
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = humantime::parse_duration)]
    latency: Duration,
    /// Use TLS with a new self-signed certificate, and print its fingerprint on the last line
    #[arg(long)]
    tls: bool,
    /// With --tls: PEM file to write the certificate to, for `ca_file`
    #[arg(long, value_name = "PATH", requires = "tls")]
    certificate: Option<PathBuf>,
    /// Log file with a JSON line for each request: number, method, path, status
    #[arg(long, value_name = "PATH")]
    log: Option<PathBuf>,
    /// Variant of behavior, for example `remove_attached=allow`; see the simulator documentation
    #[arg(long = "switch", value_name = "NAME=VALUE")]
    switches: Vec<String>,
    /// Fault to inject, for example `write:3=drop-after`; repeatable; see the simulator documentation
    #[arg(long = "fault", value_name = "WHEN=FAULT")]
    faults: Vec<FaultRule>,
}

impl SimCommand {
    pub(super) async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        match self {
            Self::Serve(serve) => serve.run(output).await,
            Self::Weka(weka) => weka.run(output).await,
            Self::Check(check) => check.run(output),
        }
    }
}

impl ServeArgs {
    async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let state = match (&self.state, &self.states) {
            (_, Some(directory)) => StateSource::Directory(directory.clone()),
            (Some(file), None) => StateSource::File(file.clone()),
            (None, None) => return Err(Failure::new(&exit::SIMULATOR, "no state is given")),
        };
        let options = sim::Options {
            state,
            listen: self.listen,
            s3: self.s3,
            release: self.release.clone(),
            latency: self.latency,
            tls: self.tls,
            log: self.log.clone(),
            switches: self.switches.clone(),
            faults: FaultRules(self.faults.clone()),
            ..sim::Options::default()
        };
        let running = start(options).await?;
        if let (Some(path), Some(pem)) = (&self.certificate, running.certificate_pem()) {
            std::fs::write(path, pem).map_err(|error| Failure::unwritten("the certificate", path, &error))?;
        }
        output.result(|out, _| {
            writeln!(out, "{}", running.url())?;
            if let Some(s3) = running.s3_url() {
                writeln!(out, "{s3}")?;
            }
            running.fingerprint().map_or(Ok(()), |fingerprint| writeln!(out, "{fingerprint}"))
        })?;
        output.info(|out, _| match running.clusters() {
            [one] if one.name().is_empty() => {
                writeln!(out, "simulating until interrupted; the API is at {}/api/v2", running.url())
            }
            several => {
                let (clusters, first) = (count(several.len(), "cluster", "clusters"), several.first());
                let first = first.map(SimulatedCluster::url).unwrap_or_default();
                writeln!(out, "simulating {clusters} until interrupted; the API of the first is at {first}/api/v2")
            }
        });
        match running.until(tokio::signal::ctrl_c()).await {
            EndReason::Requested => Ok(Exit::Done),
            EndReason::Fault => {
                output.info(|out, _| writeln!(out, "stopped by a fault"));
                Ok(Exit::Error)
            }
        }
    }
}

async fn start(options: sim::Options) -> Result<Running, Failure> {
    let failed = |error| Failure::new(&exit::SIMULATOR, format!("cannot start the simulated cluster: {error}"));
    sim::start(options).await.map_err(failed)
}

/// Run the `weka` command of a simulated cluster
///
/// To replace the vendor's command, put a script named `weka` on PATH that runs this; `--via weka` then uses it. It logs in
/// with WEKA_USERNAME, WEKA_PASSWORD and WEKA_ORG, or else as the administrator.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim weka --state cluster.json -- s3 policy list
  attune sim weka --url http://127.0.0.1:14000 -- s3 policy attach readonly bob --json
  attune sim weka --url https://127.0.0.1:14000 --cacert sim.pem -- user
  printf '#!/bin/sh\\nexec attune sim weka --url http://127.0.0.1:14000 -- \"$@\"\\n' > ~/bin/weka")]
pub(super) struct WekaArgs {
    /// URL of `attune sim serve`
    #[arg(long, value_name = "URL", required_unless_present = "state", conflicts_with = "state")]
    url: Option<String>,
    /// With an https URL: PEM file with its certificate, from `attune sim serve --certificate`
    #[arg(long, value_name = "PATH", requires = "url")]
    cacert: Option<PathBuf>,
    /// JSON file with the state of the cluster
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
    /// With --state: simulated release
    #[arg(long, value_name = "RELEASE", requires = "state")]
    release: Option<sim::SimRelease>,
    /// Arguments of `weka`
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

/// Show whether a simulated cluster lets a request in
///
/// An evaluator of its own decides, as two MinIO servers do: a bucket policy decides requests without a login, and
/// the policy of the user all others. Exits with 0 if the request is allowed, or else with 2.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim check --state cluster.json alice s3:GetObject arn:aws:s3:::models/a
  attune sim check --state cluster.json --anonymous s3:ListBucket arn:aws:s3:::models
  attune sim check --state cluster.json bob s3:PutObject arn:aws:s3:::models/a --bucket-policies union --with aws:SourceIp=10.0.0.1")]
pub(super) struct CheckArgs {
    /// [USER] ACTION ARN: the user, the action that the request asks for, and the resource
    #[arg(value_name = "REQUEST", num_args = 2..=3, required = true)]
    request: Vec<String>,
    /// JSON file with the state of the cluster
    #[arg(long, value_name = "PATH")]
    state: PathBuf,
    /// A request without a login, in place of USER
    #[arg(long)]
    anonymous: bool,
    /// Tenant of the user and the bucket
    #[arg(long = "of-tenant", value_name = "NAME", default_value = sim::state::ROOT)]
    in_tenant: String,
    /// Requests that bucket policies are about
    #[arg(long, value_enum, default_value_t = Scope::Anonymous)]
    bucket_policies: Scope,
    /// Value of a condition key; repeatable
    #[arg(long = "with", value_name = "KEY=VALUE", value_parser = key_value)]
    keys: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    /// Those without a login, as on MinIO servers
    Anonymous,
    /// All, beside the policy of the user, as on AWS
    Union,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not of the form KEY=VALUE, such as aws:SourceIp=10.0.0.1")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl CheckArgs {
    fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let (user, action, arn) = match (self.anonymous, self.request.as_slice()) {
            (true, [action, arn]) => (None, action, arn),
            (false, [user, action, arn]) => (Some(user.as_str()), action, arn),
            (true | false, _) => {
                let message = "a request is USER ACTION ARN, or ACTION ARN with --anonymous";
                return Err(Failure::new(&exit::SIMULATOR, message));
            }
        };
        let failed = |error| Failure::new(&exit::SIMULATOR, format!("cannot decide the request: {error}"));
        let state = sim::read_state(&self.state).map_err(failed)?;
        let keys: BTreeMap<String, String> = self.keys.iter().cloned().collect();
        let request = Request { tenant: &self.in_tenant, user, action, arn, keys: &keys };
        let scope = match self.bucket_policies {
            Scope::Anonymous => BucketPolicyScope::Anonymous,
            Scope::Union => BucketPolicyScope::Union,
        };
        let verdict = sim::check(&state, &request, scope).map_err(failed)?;
        output.result(|out, _| writeln!(out, "{verdict}"))?;
        Ok(if verdict.is_allowed() { Exit::Done } else { Exit::Changes })
    }
}

impl WekaArgs {
    async fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let running = self.simulator().await?;
        let url = self.url.as_deref().or(running.as_ref().map(Running::url)).unwrap_or_default();
        let (url, client) = (format!("{}{}", url.trim_end_matches('/'), weka::PATH), self.client()?);
        let mut run = CommandRun { args: self.args.clone(), login: login(), ..CommandRun::default() };
        let response = match post(&client, &url, &run).await {
            Some(RunResponse::Needs(needs)) => match gather(needs, &mut run, output)? {
                None => post(&client, &url, &run).await,
                Some(printed) => Some(RunResponse::Output(printed)),
            },
            response => response,
        };
        let printed = match response {
            Some(RunResponse::Output(printed)) => printed,
            // The real message of a command without its backend is not known.
            Some(RunResponse::Needs(_)) | None => complaint("Connection closed"),
        };
        output.exact(printed.out.as_bytes())?;
        output.message(|out, _| out.write_all(printed.err.as_bytes()));
        Ok(match printed.code {
            0 => Exit::Done,
            2 => Exit::Changes,
            _ => Exit::Error,
        })
    }

    async fn simulator(&self) -> Result<Option<Running>, Failure> {
        let Some(state) = &self.state else { return Ok(None) };
        start(sim::Options { release: self.release.clone(), ..sim::Options::new(state) }).await.map(Some)
    }

    fn client(&self) -> Result<reqwest::Client, Failure> {
        // The client needs a provider even for plain HTTP. It may be installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut trusted = Vec::new();
        if let Some(path) = &self.cacert {
            let wrong = |why: String| {
                let message = format!("the certificate {} cannot be used: {why}", path.display());
                Failure::new(&exit::BAD_TRUST, message).help("use the file that `attune sim serve --certificate` wrote")
            };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            trusted = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            if trusted.is_empty() {
                return Err(wrong("it has no `-----BEGIN CERTIFICATE-----`".to_owned()));
            }
        }
        // A simulated cluster has a certificate of its own: the authorities of the system are not even read.
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only(trusted);
        builder.build().map_err(|error| Failure::new(&exit::ENVIRONMENT, format!("no HTTP client: {error}")))
    }
}

/// Posts a run; `None` without a valid response. If the token has expired, sends it again, as the real command gets a new
/// token.
async fn post(client: &reqwest::Client, url: &str, run: &CommandRun) -> Option<RunResponse> {
    let mut answered = send(client, url, run).await;
    if matches!(answered, Ok((401, _))) {
        answered = send(client, url, run).await;
    }
    let answered = answered.inspect_err(|error| tracing::debug!(reason = ?error, "no answer"));
    answered.ok().and_then(|(status, body)| RunResponse::read(status, &body))
}

async fn send(client: &reqwest::Client, url: &str, run: &CommandRun) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let response = client.post(url).json(run).send().await?;
    Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
}

/// Reads the file that a run needs, and asks its question. Returns the output if the command fails.
fn gather(needs: RunNeeds, run: &mut CommandRun, output: &mut Output) -> Result<Option<CommandOutput>, Failure> {
    if let Some(path) = needs.file {
        match std::fs::read_to_string(&path) {
            Ok(text) => run.file = Some(text),
            Err(error) => return Ok(Some(complaint(&format!("the file {path} cannot be read: {error}")))),
        }
    }
    run.typed = needs.prompt.map(|prompt| answer(&prompt, output)).transpose()?;
    Ok(None)
}

fn answer(prompt: &Prompt, output: &mut Output) -> Result<String, Failure> {
    output.exact(prompt.text.as_bytes())?;
    if prompt.hidden && io::stdin().is_terminal() {
        let screen = [Term::stdout(), Term::stderr()].into_iter().find(Term::is_term);
        let blind = || Failure::new(&exit::ENVIRONMENT, "cannot read a secret without echo: there is no terminal");
        return Ok(screen.ok_or_else(blind)?.read_secure_line()?);
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn complaint(message: &str) -> CommandOutput {
    CommandOutput { out: String::new(), err: format!("error: {message}\n"), code: 1 }
}

fn login() -> Option<weka::CommandLogin> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (username, password) = (get("WEKA_USERNAME"), get("WEKA_PASSWORD"));
    (username.is_some() || password.is_some()).then(|| weka::CommandLogin { username, password, org: get("WEKA_ORG") })
}
