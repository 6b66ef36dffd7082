//! `attune sim weka`: the `weka` command of a simulated cluster.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use console::Term;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::zeroize::Zeroizing;

use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::sim::weka::{self, CommandOutput, CommandRun, Prompt, RunNeeds, RunResponse};
use crate::sim::{self, Running};

/// Behave as the `weka` command of a simulated cluster
///
/// A script named `weka` on PATH that runs this is a stand-in of the vendor's command, for `--via weka` and for trying
/// things out. It logs in with WEKA_USERNAME, WEKA_PASSWORD and WEKA_ORG; with neither a name nor a password, as the
/// cluster's administrator.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sim weka --state cluster.json -- s3 policy list
  attune sim weka --url http://127.0.0.1:14000 -- s3 policy attach readonly bob --json
  attune sim weka --url https://127.0.0.1:14000 --cacert sim.pem -- user
  printf '#!/bin/sh\\nexec attune sim weka --url http://127.0.0.1:14000 -- \"$@\"\\n' > ~/bin/weka")]
pub(super) struct WekaArgs {
    /// Where `attune sim serve` listens
    #[arg(long, value_name = "URL", required_unless_present = "state", conflicts_with = "state")]
    url: Option<String>,
    /// With an https URL: what its certificate is checked against, a PEM file such as `attune sim serve --certificate`
    /// writes
    #[arg(long, value_name = "PATH", requires = "url")]
    cacert: Option<PathBuf>,
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
        let running = self.simulator().await?;
        let server = Server {
            url: self.url.as_deref().or(running.as_ref().map(Running::url)).unwrap_or_default(),
            client: self.client()?,
        };
        let mut run = CommandRun { args: self.args.clone(), login: login(), ..CommandRun::default() };
        let told = match server.post(&run).await {
            Some(RunResponse::Needs(needs)) => match gather(needs, &mut run, output)? {
                Ok(()) => server.post(&run).await,
                Err(printed) => Some(RunResponse::Output(printed)),
            },
            told => told,
        };
        let printed = match told {
            Some(RunResponse::Output(printed)) => printed,
            // As a command whose backend is gone, in words that are assumed.
            Some(RunResponse::Needs(_)) | None => complaint("Connection closed"),
        };
        output.exact(printed.out.as_bytes())?;
        output.urgent(|out, _| out.write_all(printed.err.as_bytes()));
        Ok(match printed.code {
            0 => Exit::Done,
            2 => Exit::Changes,
            _ => Exit::Error,
        })
    }

    /// A simulator of its own, for a state.
    async fn simulator(&self) -> Result<Option<Running>, Failure> {
        let Some(state) = &self.state else { return Ok(None) };
        let options = sim::Options { release: self.release.clone(), ..sim::Options::new(state) };
        let failed = |error| Failure::new(&exit::SIMULATOR, format!("the simulated cluster: {error}"));
        sim::start(options).await.map(Some).map_err(failed)
    }

    fn client(&self) -> Result<reqwest::Client, Failure> {
        // The client needs a provider even for plain HTTP. That there is one already is no matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().no_proxy();
        if let Some(path) = &self.cacert {
            let wrong = |why: String| {
                let message = format!("the certificate {} cannot be used: {why}", path.display());
                Failure::new(&exit::BAD_TRUST, message)
                    .help("give the file that `attune sim serve --certificate` wrote")
            };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            builder = builder.tls_backend_preconfigured(trusting(&pem).map_err(wrong)?);
        }
        builder.build().map_err(|error| Failure::new(&exit::ENVIRONMENT, format!("no HTTP client: {error}")))
    }
}

/// A simulated cluster that listens somewhere.
struct Server<'a> {
    url: &'a str,
    client: reqwest::Client,
}

impl Server<'_> {
    /// What the simulator answers to a run; nothing when it does not, or answers something else. Where its token has
    /// run out, it is sent once more, as by a command that gets itself another token.
    async fn post(&self, run: &CommandRun) -> Option<RunResponse> {
        let answered = match self.send(run).await {
            Ok((401, _)) => self.send(run).await,
            answered => answered,
        };
        match answered {
            Ok((status, body)) => RunResponse::read(status, &body),
            Err(error) => {
                tracing::debug!(reason = ?error, "no answer");
                None
            }
        }
    }

    async fn send(&self, run: &CommandRun) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let url = format!("{}{}", self.url.trim_end_matches('/'), weka::PATH);
        let response = self.client.post(url).json(run).send().await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    }
}

/// Gets what a run needs: the file is read on this side, the prompt printed and a line read. An error is what the
/// command prints when that cannot be.
fn gather(needs: RunNeeds, run: &mut CommandRun, output: &mut Output) -> Result<Result<(), CommandOutput>, Failure> {
    if let Some(path) = needs.file {
        match std::fs::read_to_string(&path) {
            Ok(text) => run.file = Some(text),
            Err(error) => return Ok(Err(complaint(&format!("the file {path} cannot be read: {error}")))),
        }
    }
    if let Some(prompt) = needs.prompt {
        run.typed = Some(answer(&prompt, output)?);
    }
    Ok(Ok(()))
}

/// Asks on stdout, as a command does that knows nothing of who reads it.
fn answer(prompt: &Prompt, output: &mut Output) -> Result<String, Failure> {
    output.exact(prompt.text.as_bytes())?;
    if prompt.hidden && io::stdin().is_terminal() {
        let screen = [Term::stdout(), Term::stderr()].into_iter().find(Term::is_term);
        let blind = || Failure::new(&exit::ENVIRONMENT, "a secret cannot be typed unseen, since there is no screen");
        return Ok(screen.ok_or_else(blind)?.read_secure_line()?);
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// What the command prints when it fails on this side.
fn complaint(message: &str) -> CommandOutput {
    CommandOutput { out: String::new(), err: format!("error: {message}\n"), code: 1 }
}

/// Who runs the command, by the environment; nobody in particular where it names neither a user nor a password.
fn login() -> Option<weka::CommandLogin> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (username, password) = (get("WEKA_USERNAME"), get("WEKA_PASSWORD"));
    (username.is_some() || password.is_some()).then(|| weka::CommandLogin { username, password, org: get("WEKA_ORG") })
}

/// TLS that trusts in the certificates of a PEM file, and in no others.
fn trusting(pem: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no `-----BEGIN CERTIFICATE-----`".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
