//! Runs the `weka` command, and judges how it ended. It runs without a shell, for a limited time. Secrets are in its
//! environment and its standard input only.

use std::io;
use std::process::Stdio;
use std::time::Instant;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as Process};

use super::WekaOptions;
use super::command::Command;
use crate::cluster::error::{NOT_SHOWN, clean, quoted};
use crate::cluster::json::Expected;
use crate::cluster::key_pair::mentions_secret;
use crate::cluster::program::hide;
use crate::cluster::{CallError, Effect};

const MAX_OUTPUT: u64 = 16 << 20;

/// Without it, the command since 6.0 accepts and saves any certificate when nobody is at a terminal (drafts of the vendor's
/// documentation). Its values are not documented, so that a value of the user stays.
const TLS_STRICTNESS: &str = "WEKA_TLS_STRICTNESS";

impl WekaOptions {
    pub(super) async fn run(&self, command: &Command) -> Result<Ended, CallError> {
        let started = Instant::now();
        let mut child = self.spawn(command)?;
        let mut printed = Printed::default();
        let ended = match tokio::time::timeout(self.limit, converse(&mut child, command, &mut printed)).await {
            Ok(ended) => ended.map_err(|error| {
                let message = format!("what it printed cannot be read: {error}");
                CallError::new(command.shown(), Effect::UnknownOutcome, message)
            }),
            Err(_) => {
                // The runtime reaps it. If it cannot be killed, nothing can be done here.
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
        // Ctrl-C at the terminal is for attune, which lets running calls finish.
        process.process_group(0);
        hide(process.as_std_mut(), &["ATTUNE_"]);
        if let Some(server) = &self.server {
            process.env("WEKA_HOST", server.host()).env("WEKA_PORT", server.port().to_string());
        }
        if !self.any_certificate && std::env::var_os(TLS_STRICTNESS).is_none_or(|value| value.is_empty()) {
            process.env(TLS_STRICTNESS, "strict");
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

#[derive(Default)]
struct Printed {
    out: Zeroizing<Vec<u8>>,
    err: Zeroizing<Vec<u8>>,
}

async fn converse(child: &mut Child, command: &Command, printed: &mut Printed) -> io::Result<Ended> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let answer = async {
        let Some(mut stdin) = stdin else { return Ok::<_, io::Error>(()) };
        if let Some(answers) = &command.answers {
            // A command without questions does not read.
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
        stream.take(MAX_OUTPUT + 1).read_to_end(bytes).await?;
        if bytes.len() as u64 > MAX_OUTPUT {
            return Err(io::Error::other(format!("it is longer than {} MiB", MAX_OUTPUT >> 20)));
        }
    }
    Ok(())
}

#[derive(Debug)]
pub(super) struct Ended {
    /// The exit status. None: a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) out: Zeroizing<String>,
    pub(super) err: Zeroizing<String>,
}

/// Words of a command that lost or never had its connection to the cluster. No release documents them. A failure without
/// them counts as a refusal. In both cases apply reads the cluster before it continues.
const DISCONNECTED: [&str; 14] = [
    "connect",
    "timed out",
    "timeout",
    "reset by peer",
    "broken pipe",
    "unreachable",
    "unexpected eof",
    "end of file",
    "closed",
    "internal error",
    "bad gateway",
    "unavailable",
    "gateway time",
    "try again",
];

const UNAUTHORIZED: [&str; 7] =
    ["unauthorized", "not logged in", "authentication", "permission denied", "forbidden", "not allowed", "login"];

/// Words of a command that does not trust the certificate of the cluster, so that it sent nothing.
const UNTRUSTED: [&str; 4] = ["certificate", "x509", "tls:", "weka_tls_strictness"];

const TRUST: &str = "let this host trust the certificate of the cluster, set WEKA_TLS_STRICTNESS to a value that `weka` accepts, or \
    accept any certificate with `--insecure`";

/// The complaint of a command without S3 (captured from 4.2).
const S3_DOWN: &str = "could not find a running s3 container";

const USAGE: [&str; 7] = [
    "usage:",
    "cannot pass option",
    "unrecognized",
    "unexpected argument",
    "too many arguments",
    "missing argument",
    "required argument",
];

const LOG_IN: &str = "log in with `weka user login` as a user whose role may manage S3 policies and users of this \
    tenant, or set WEKA_USERNAME and WEKA_PASSWORD";

pub(super) fn judge(command: &Command, ended: &Ended, secrets: &[&SecretString]) -> Result<(), CallError> {
    if ended.code == Some(0) {
        return Ok(());
    }
    let words = complaint(command, ended, secrets);
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| lower.contains(word));
    let Some(code) = ended.code.and_then(|code| u16::try_from(code).ok()) else {
        let message = format!("a signal ended it{}", suffix(&words));
        return Err(CallError::new(command.shown(), Effect::UnknownOutcome, message));
    };
    if says(&UNTRUSTED) {
        let message = format!("exit status {code}{}", suffix(&words));
        return Err(CallError::new(command.shown(), Effect::NotSent, message).help(TRUST));
    }
    let effect = match (says(&USAGE), says(&DISCONNECTED), says(&UNAUTHORIZED)) {
        (false, true, _) => Effect::UnknownOutcome,
        (false, false, true) => Effect::Unauthorized(code),
        (true, _, _) | (false, false, false) => Effect::Refused(code),
    };
    let error = CallError::new(command.shown(), effect, format!("exit status {code}{}", suffix(&words)));
    Err(match effect {
        Effect::Unauthorized(_) => error.help(LOG_IN),
        Effect::Refused(_) if lower.contains(S3_DOWN) => {
            error.help("start S3 on the cluster: see `weka s3 cluster status`")
        }
        Effect::Refused(_) | Effect::NotSent | Effect::UnknownOutcome => error,
    })
}

/// Whether a command refused its arguments, before it did anything. Another release may accept them.
pub(super) fn is_usage(error: &CallError) -> bool {
    let lower = error.message.to_lowercase();
    matches!(error.effect, Effect::Refused(_)) && USAGE.iter().any(|word| lower.contains(word))
}

pub(super) fn unreadable(
    command: &Command,
    Expected(expected): Expected,
    out: &str,
    secrets: &[&SecretString],
) -> CallError {
    let shown = quoted(out, secrets, command.confidential);
    let message = format!("what it printed does not hold {expected}; it is: {shown}");
    CallError::new(command.shown(), Effect::UnknownOutcome, message)
}

/// The text for the error: standard error or, if that is empty, standard output.
fn complaint(command: &Command, ended: &Ended, secrets: &[&SecretString]) -> String {
    if command.makes_keys && mentions_secret(&ended.err) {
        return NOT_SHOWN.to_owned();
    }
    let err = clean(&ended.err, secrets);
    if !err.is_empty() || command.confidential { err } else { clean(&ended.out, secrets) }
}

fn suffix(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;
    use crate::base::{PolicyName, Principal, UserName};

    fn effect(code: Option<i32>, err: &str) -> Effect {
        let ended = Ended { code, out: Zeroizing::default(), err: Zeroizing::new(err.to_owned()) };
        judge(&Command::read(&["user"]), &ended, &[]).unwrap_err().effect
    }

    #[test]
    fn the_exit_status_decides_and_the_words_tell_the_effect() {
        let ended = Ended { code: Some(0), out: Zeroizing::default(), err: Zeroizing::new("error".to_owned()) };
        assert_eq!(judge(&Command::read(&["user"]), &ended, &[]), Ok(()));
        for (code, err, expected) in [
            (Some(1), "error: policy is attached to bob", Effect::Refused(1)),
            (Some(2), "error: usage: weka s3 policy detach <user>", Effect::Refused(2)),
            (Some(1), "error: Connection closed", Effect::UnknownOutcome),
            (Some(1), "error: Not logged in", Effect::Unauthorized(1)),
            (Some(1), include_str!("../../../tests/shapes/s3-down.txt"), Effect::Refused(1)),
            (Some(1), include_str!("../../../tests/shapes/cli-usage-error.txt"), Effect::Refused(1)),
            (Some(1), "error: failed to connect: x509: certificate signed by unknown authority", Effect::NotSent),
            (Some(1), "", Effect::Refused(1)),
            (None, "", Effect::UnknownOutcome),
        ] {
            assert_eq!(effect(code, err), expected, "{err}");
        }
    }

    #[test]
    fn secrets_are_in_no_error() {
        let password = SecretString::from("p4ssw0rd");
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let ended = Ended { code: Some(1), out: text("p4ssw0rd"), err: text("p4ssw0rd is wrong") };
        let error = judge(&Command::read(&["user"]), &ended, &[&password]).unwrap_err();
        assert!(!format!("{error:?}").contains("p4ssw0rd"));
        let user = Principal::User(UserName::reported("u"));
        let attach = command::attach(&PolicyName::reported("p"), &user).unwrap();
        let error = unreadable(&attach, Expected("a key pair"), "secret SK", &[]);
        assert!(!format!("{error:?}").contains("SK"));
        let ended = Ended { code: Some(1), out: text(""), err: text("Access-Key: AK\nSecret-Key: SK") };
        let error = judge(&attach, &ended, &[]).unwrap_err();
        assert!(!format!("{error:?}").contains("SK"), "{error:?}");
    }
}
