//! The one place that runs the `weka` command: without a shell, for a bounded time, with secrets in its environment and
//! its standard input only.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as Process};

use super::WekaLogin;
use super::command::Command;
use super::outcome::Ended;
use crate::cluster::program::hide;
use crate::cluster::{CallError, Effect};

/// The longest output that is read, in bytes.
const LONGEST_OUTPUT: u64 = 16 << 20;

/// What runs the command.
#[derive(Debug)]
pub(super) struct Runner {
    /// The program, by its path.
    pub(super) program: PathBuf,
    /// Who we are; none where the host's own login is used.
    pub(super) login: Option<WekaLogin>,
    /// The host and port of the cluster, where they are not the command's own.
    pub(super) server: Option<(String, u16)>,
    /// How long a run may take.
    pub(super) limit: Duration,
}

impl Runner {
    /// Runs the command once.
    pub(super) async fn run(&self, command: &Command) -> Result<Ended, CallError> {
        let started = Instant::now();
        let mut child = self.spawn(command)?;
        let mut printed = Printed::default();
        let ended = match tokio::time::timeout(self.limit, see_through(&mut child, command, &mut printed)).await {
            Ok(ended) => ended.map_err(|error| broken(command, &error)),
            Err(_) => {
                // It is reaped with the runtime's help; that it cannot be killed is nothing that could be mended here.
                let _ = child.start_kill();
                let message = format!("it did not end within {} s, and was killed", self.limit.as_secs_f32());
                Err(CallError::new(command.shown(), Effect::UnknownOutcome, message))
            }
        };
        let ended = ended.map_err(|error| match command.makes_keys {
            true => error.with_answer(&Zeroizing::new([printed.out.as_slice(), &printed.err].concat())),
            false => error,
        });
        let code = ended.as_ref().map_or(None, |ended| ended.code);
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(command = command.shown(), code, milliseconds, "run");
        ended
    }

    fn spawn(&self, command: &Command) -> Result<Child, CallError> {
        let mut process = Process::new(&self.program);
        process.args(&command.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        process.kill_on_drop(true);
        // Ctrl-C at the terminal is for attune, which lets what is under way finish.
        #[cfg(unix)]
        process.process_group(0);
        // What is attune's is not the command's.
        hide(process.as_std_mut(), &["ATTUNE_"]);
        if let Some((host, port)) = &self.server {
            process.env("WEKA_HOST", host).env("WEKA_PORT", port.to_string());
        }
        if let Some(login) = &self.login {
            process.env("WEKA_USERNAME", &login.username).env("WEKA_PASSWORD", login.password.expose_secret());
            match &login.org {
                Some(org) => process.env("WEKA_ORG", org),
                None => process.env_remove("WEKA_ORG"),
            };
        }
        process.spawn().map_err(|error| {
            let program = self.program.display();
            let message = format!("the program `{program}` cannot be run: {error}");
            CallError::new(command.shown(), Effect::NotSent, message)
                .help("run attune on a host of the cluster, name the program with `--weka-bin PATH`, or reach the cluster over REST")
        })
    }
}

/// What a command printed so far.
#[derive(Default)]
struct Printed {
    out: Zeroizing<Vec<u8>>,
    err: Zeroizing<Vec<u8>>,
}

/// Answers the command's questions and reads all that it prints.
async fn see_through(child: &mut Child, command: &Command, printed: &mut Printed) -> io::Result<Ended> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let answer = async {
        let Some(mut stdin) = stdin else { return Ok::<_, io::Error>(()) };
        if let Some(answers) = &command.answers {
            // One that does not ask does not read.
            let _ = stdin.write_all(answers.expose_secret().as_bytes()).await;
        }
        Ok(())
    };
    tokio::try_join!(whole(stdout, &mut printed.out), whole(stderr, &mut printed.err), answer)?;
    let code = child.wait().await?.code();
    let text = |bytes: &[u8]| Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    Ok(Ended { code, out: text(&printed.out), err: text(&printed.err) })
}

async fn whole(stream: Option<impl AsyncReadExt + Unpin>, bytes: &mut Vec<u8>) -> io::Result<()> {
    if let Some(stream) = stream {
        stream.take(LONGEST_OUTPUT + 1).read_to_end(bytes).await?;
        if bytes.len() as u64 > LONGEST_OUTPUT {
            return Err(io::Error::other(format!("it is longer than {} MiB", LONGEST_OUTPUT >> 20)));
        }
    }
    Ok(())
}

fn broken(command: &Command, error: &io::Error) -> CallError {
    CallError::new(command.shown(), Effect::UnknownOutcome, format!("what it printed cannot be read: {error}"))
}
