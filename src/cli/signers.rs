//! Runs `ssh-keygen`: it signs approvals, and says who signed them. Files are in a private directory, and programs get absolute
//! paths, so that no name is read as an option.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::exit::{self, Failure};
use crate::cluster::program;

/// The namespace of signatures over approvals. A signature of anything else has another one.
pub(super) const NAMESPACE: &str = "attune-approvals@v1";

/// The namespace of signatures over commits.
pub(super) const OF_COMMITS: &str = "git";

/// How long one run may take. Nothing here waits for a person.
const LIMIT: Duration = Duration::from_secs(10);

/// The most output that is read, in bytes.
const MAX_OUTPUT: u64 = 64 * 1024;

/// The program, and a private directory for its files.
pub(super) struct SshKeygen {
    program: PathBuf,
    directory: TempDir,
}

/// A file in the private directory.
pub(super) struct Private(PathBuf);

/// How a run ended.
struct Ended {
    succeeded: bool,
    out: String,
    err: String,
}

fn unusable(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(&exit::ENVIRONMENT, format!("ssh-keygen cannot be run: {why}"))
        .help("install OpenSSH 8.2 or newer (package `openssh-client` or `openssh-clients`)")
}

impl SshKeygen {
    pub(super) fn find() -> Result<Self, Failure> {
        let found = program::find(Path::new("ssh-keygen"), &std::env::var_os("PATH").unwrap_or_default());
        let program = found.ok_or_else(|| unusable(&"it is not in an absolute directory of PATH"))?;
        let directory =
            tempfile::Builder::new().prefix("attune-signers-").tempdir().map_err(|error| unusable(&error))?;
        Ok(Self { program, directory })
    }

    /// Writes a file that only the owner can read.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> Result<Private, Failure> {
        let path = self.directory.path().join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(bytes)).map_err(|error| unusable(&error))?;
        Ok(Private(path))
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-Y", action]).current_dir(self.directory.path());
        program::hide(&mut command, &program::LOGIN);
        // Its output is parsed.
        command.env("LC_ALL", "C");
        command
    }

    /// Runs it for a limited time.
    async fn run(&self, mut command: Command, input: &[u8]) -> Result<Ended, Failure> {
        let file = || tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file)));
        let files = file().and_then(|of| Ok((of, file()?, file()?)));
        let ((stdin, given), (stdout, out), (stderr, err)) = files.map_err(|error| unusable(&error))?;
        write_from_start(given, input).map_err(|error| unusable(&error))?;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let mut command = tokio::process::Command::from(command);
        // Ctrl-C at the terminal is for attune.
        command.kill_on_drop(true).process_group(0);
        let mut child = command.spawn().map_err(|error| unusable(&error))?;
        let status = timeout(LIMIT, child.wait()).await;
        let status = status.map_err(|_| unusable(&format!("it did not end within {} s", LIMIT.as_secs())))?;
        let succeeded = status.map_err(|error| unusable(&error))?.success();
        let text = |file: File| read_from_start(file).map_err(|error| unusable(&error));
        Ok(Ended { succeeded, out: text(out)?, err: text(err)? })
    }

    /// The fingerprint of the key that signed these bytes in this namespace; why not, if it did not.
    pub(super) async fn key(
        &self,
        bytes: &[u8],
        signature: &Private,
        namespace: &str,
    ) -> Result<Result<String, String>, Failure> {
        let mut command = self.command("check-novalidate");
        command.args(["-n", namespace, "-s"]).arg(&signature.0);
        let Ended { succeeded, out, err } = self.run(command, bytes).await?;
        let key = out.split_whitespace().find(|word| word.starts_with("SHA256:")).filter(|_| succeeded);
        Ok(key.map(str::to_owned).ok_or_else(|| first_line(&err)))
    }

    /// The names that an allowed-signers file has for the key of a signature.
    pub(super) async fn names(&self, signature: &Private, allowed: &Private) -> Result<Vec<String>, Failure> {
        let mut command = self.command("find-principals");
        command.arg("-s").arg(&signature.0).arg("-f").arg(&allowed.0);
        let Ended { succeeded, out, .. } = self.run(command, b"").await?;
        let names = out.lines().map(str::trim).filter(|name| !name.is_empty() && succeeded);
        Ok(names.map(str::to_owned).collect())
    }

    /// Whether this name may sign these bytes in this namespace now, and did; why not, if it did not.
    pub(super) async fn verify(
        &self,
        bytes: &[u8],
        signature: &Private,
        (allowed, name): (&Private, &str),
    ) -> Result<Result<(), String>, Failure> {
        let mut command = self.command("verify");
        command.arg("-f").arg(&allowed.0).args(["-I", name, "-n", NAMESPACE, "-s"]).arg(&signature.0);
        let Ended { succeeded, err, .. } = self.run(command, bytes).await?;
        Ok(if succeeded { Ok(()) } else { Err(first_line(&err)) })
    }

    /// Signs with a key: a file of a private key, or of a public key whose private one an agent has. It may ask for a passphrase
    /// or a touch.
    pub(super) fn sign(&self, bytes: &[u8], key: &Path) -> Result<String, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(&exit::NOT_SIGNED, format!("cannot sign with {}: {why}", key.display()))
                .help("name the file of a private key, or of the public key of one that the SSH agent has")
        };
        let path = std::path::absolute(key).map_err(|error| failed(&error))?;
        if !path.is_file() {
            return Err(failed(&"there is no such file"));
        }
        let mut stdin = tempfile::tempfile().map_err(|error| unusable(&error))?;
        stdin.write_all(bytes).and_then(|()| stdin.rewind()).map_err(|error| unusable(&error))?;
        let mut command = self.command("sign");
        command
            .args(["-q", "-n", NAMESPACE, "-f"])
            .arg(path)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let ended = command.output().map_err(|error| unusable(&error))?;
        let signature = String::from_utf8_lossy(&ended.stdout).into_owned();
        let is_signature = ended.status.success() && signature.starts_with("-----BEGIN SSH SIGNATURE-----");
        if is_signature { Ok(signature) } else { Err(failed(&"ssh-keygen said no; its message is above")) }
    }
}

fn write_from_start(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes).and_then(|()| file.rewind())
}

fn read_from_start(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first line that says something.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && *line != "Signing data on standard input");
    line.unwrap_or("ssh-keygen does not say why").to_owned()
}
