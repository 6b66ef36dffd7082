//! Where a login comes from: the environment, or a file with the logins of several clusters and tenants.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::GlobalArgs;
use super::exit::{self, Failure};
use crate::cluster::rest::Endpoint;
use crate::cluster::{Credentials, Environment, Logins, SetupProblem};

/// The logins of `--logins` or `ATTUNE_LOGINS_FILE`; `None` if neither names a file.
pub(super) fn logins(global: &GlobalArgs) -> Result<Option<&Logins>, Failure> {
    let of_environment = || std::env::var_os("ATTUNE_LOGINS_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = global.logins.clone().or_else(of_environment) else { return Ok(None) };
    let read = |path: &Path| {
        read_private(path).map_err(|error| {
            let message = format!("the file of logins {} cannot be used: {error}", path.display());
            SetupProblem { message, help: "only its owner may read it: `chmod 600`".to_owned() }
        })
    };
    global.shared.logins(&path, read).map(Some)
}

pub(super) fn login_of(logins: &Logins, endpoints: &[Endpoint], tenant: Option<&str>) -> Result<Credentials, Failure> {
    let endpoints: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
    let login = logins.find(&endpoints, tenant, read_secret);
    login.map_err(|problem| Failure::setup(&exit::NO_CREDENTIALS, problem))
}

/// The variables of the process and the files that they name.
pub(super) fn environment() -> Environment<'static> {
    Environment::new(|name| std::env::var(name).ok(), read_secret)
}

/// The largest file with a secret, in bytes.
const LARGEST_SECRET: u64 = 64 << 10;

/// Reads a file with a secret. A file that others can change is an error; one that they can read is a warning, since mounted
/// secrets often are.
fn read_secret(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let mode = std::os::unix::fs::MetadataExt::mode(&found);
    if found.is_file() && mode & 0o022 != 0 {
        let message = format!("others may change it (mode {:04o}): run `chmod 600` on it", mode & 0o7777);
        return Err(io::Error::other(message));
    }
    if found.is_file() && mode & 0o004 != 0 {
        tracing::warn!(path = %path.display(), "every user of this machine can read this file with a secret");
    }
    text_of(file, LARGEST_SECRET)
}

/// Reads a file with many secrets, which nobody but its owner may read or change. A file of root that a group may read is one of
/// those that Kubernetes mounts.
fn read_private(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path)?;
    let (mode, user) = (found.mode() & 0o7777, rustix::process::geteuid().as_raw());
    let mounted = found.uid() == 0 && user != 0 && mode & 0o037 == 0;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if mode & 0o077 != 0 && !mounted {
        return Err(io::Error::other(format!("others may read or change it (mode {mode:04o})")));
    }
    if found.uid() != user && found.uid() != 0 {
        return Err(io::Error::other(format!("it belongs to user {}", found.uid())));
    }
    text_of(File::open(path)?, LARGEST_LOGINS)
}

/// The largest file of logins, in bytes.
const LARGEST_LOGINS: u64 = 16 << 20;

/// The text of a file of at most so many bytes.
fn text_of(file: File, most: u64) -> io::Result<String> {
    let mut text = String::new();
    let length = file.take(most + 1).read_to_string(&mut text)?;
    if length as u64 > most { Err(io::Error::other("it is too long")) } else { Ok(text) }
}
