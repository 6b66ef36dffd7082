//! Programs that attune runs: where they are found, what they see of its environment, and how they get their input.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

/// The login to the cluster: environment variables with these prefixes.
pub const LOGIN: [&str; 2] = ["ATTUNE_", "WEKA_"];

/// How many bytes of output are kept at most. All output is read, so that a program never blocks.
const MAX_OUTPUT: usize = 64 * 1024;

/// How long to wait for the output of a program that has ended: a process that it started may still hold the pipe.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// Finds a program. A path is relative to the current directory; a bare name is looked up in the directories of
/// `search_path`. Empty and relative directories are skipped: the current directory may belong to a configuration under
/// review.
pub fn find(program: &Path, search_path: &OsStr) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return std::path::absolute(program).ok().filter(|path| is_executable(path));
    }
    let directories = std::env::split_paths(search_path).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(program)).find(|path| is_executable(path))
}

/// Hides environment variables with these prefixes from a program.
pub fn hide(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        if prefixes.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(name);
        }
    }
}

/// How a program ended that got an input.
#[derive(Debug)]
pub enum Fed {
    /// It ended by itself.
    Ended {
        /// Its exit status.
        status: ExitStatus,
        /// Whether it read its whole input.
        read: io::Result<()>,
        /// Its stderr; empty if it succeeded.
        stderr: Zeroizing<String>,
    },
    /// It did not end in time. It was killed, with all processes that it started.
    TimedOut,
}

/// Runs a program with this on its standard input, without a terminal and without the login to the cluster. Its stdout is
/// discarded, and its stderr goes to `stderr`.
pub async fn feed(command: Command, input: &[u8], stderr: Stdio, limit: Duration) -> io::Result<Fed> {
    let mut command = tokio::process::Command::from(command);
    hide(command.as_std_mut(), &LOGIN);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr).kill_on_drop(true);
    // Ctrl-C at the terminal must not stop it: attune lets running calls end.
    command.process_group(0);
    let mut child = command.spawn()?;
    let (stdin, errors) = (child.stdin.take(), child.stderr.take());
    let output = tokio::spawn(read_all(errors));
    let ended = timeout(limit, async {
        let read = match stdin {
            Some(mut stdin) => stdin.write_all(input).await,
            None => Ok(()),
        };
        // The input is closed here, so the program sees its end.
        (read, child.wait().await)
    });
    let Ok((read, status)) = ended.await else {
        kill(&mut child).await;
        output.abort();
        return Ok(Fed::TimedOut);
    };
    let (status, abort) = (status?, output.abort_handle());
    let mut stderr = Zeroizing::default();
    if !status.success() {
        stderr = timeout(OUTPUT_TIMEOUT, output).await.ok().and_then(Result::ok).unwrap_or_default();
    }
    abort.abort();
    Ok(Fed::Ended { status, read, stderr })
}

/// Kills a program that was not waited for, and the processes of its group.
async fn kill(child: &mut Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
        // If it cannot be killed, nothing can be done here.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill().await;
}

/// Reads all output. Too much of it is not shown at all: cut text could end with a part of a secret, which is not redacted.
async fn read_all(from: Option<impl AsyncRead + Unpin>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT));
    let mut buffer = Zeroizing::new([0_u8; 1024]);
    let mut all = true;
    if let Some(mut from) = from {
        while let Ok(read @ 1..) = from.read(buffer.as_mut_slice()).await {
            all &= text.len() + read <= MAX_OUTPUT;
            if all {
                text.extend_from_slice(&buffer[..read]);
            }
        }
    }
    let text =
        if all { String::from_utf8_lossy(&text).into_owned() } else { "its output is too long to be shown".to_owned() };
    Zeroizing::new(text)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && may_run(&found))
}

fn may_run(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_never_found_in_a_directory_that_is_relative_to_the_current_one() {
        let folder = tempfile::tempdir().unwrap();
        let here = std::env::current_dir().unwrap();
        let beside = tempfile::Builder::new().prefix("program-").tempdir_in(here.join("target")).unwrap();
        for directory in [folder.path(), beside.path()] {
            fs::write(directory.join("tool"), "").unwrap();
            fs::set_permissions(directory.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let relative = beside.path().strip_prefix(&here).unwrap().display().to_string();
        let tool = Path::new("tool");
        for path in ["", ":", ".", &relative, &format!("./{relative}:")] {
            assert_eq!(find(tool, OsStr::new(path)), None, "{path:?}");
        }
        let both = format!("{relative}::{}", folder.path().display());
        assert_eq!(find(tool, OsStr::new(&both)), Some(folder.path().join("tool")));
        assert_eq!(find(&Path::new(&relative).join("tool"), OsStr::new("")), Some(beside.path().join("tool")));
        fs::set_permissions(folder.path().join("tool"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find(&folder.path().join("tool"), OsStr::new("")), None);
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let started = folder.path().join("started");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", started.display());
        let fed = feed(shell(&script), b"", Stdio::piped(), Duration::from_secs(2)).await.unwrap();
        assert!(matches!(fed, Fed::TimedOut), "{fed:?}");
        let id: i32 = fs::read_to_string(started).unwrap().trim().parse().unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        // Whoever adopts it reaps it soon.
        let gone = async {
            while rustix::process::test_kill_process(id).is_ok() && !is_zombie(id) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.expect("the process that it started still runs");
    }

    fn is_zombie(id: rustix::process::Pid) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).unwrap_or_default();
        status.contains(") Z ")
    }

    #[tokio::test]
    async fn a_program_that_reads_nothing_and_prints_a_lot_does_not_block() {
        let input = vec![b'x'; 1 << 20];
        let script = "head -c 1000000 /dev/zero >&2; exit 1";
        let fed = feed(shell(script), &input, Stdio::piped(), Duration::from_secs(60)).await.unwrap();
        let Fed::Ended { status, read, stderr } = fed else { panic!("{fed:?}") };
        assert!(!status.success() && read.is_err() && stderr.contains("too long"), "{read:?} {}", stderr.len());
    }
}
