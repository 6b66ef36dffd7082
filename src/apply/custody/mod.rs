//! Custody of secrets that a cluster shows once: a new key pair goes to its sink before anything else happens to that
//! user, and to an emergency file when the sink does not take it.

mod command;
mod encrypt;
mod record;
mod redact;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use time::OffsetDateTime;

use crate::base::{KeyPair, UserName, file_name};
use crate::desired::{Names, Sink};

use super::files;
use command::Program;
use record::record;

/// What the key pairs belong to, and where an emergency file goes.
#[derive(Debug, Clone)]
pub struct CustodyContext {
    /// The cluster's name.
    pub cluster: String,
    /// The tenant's name.
    pub tenant: String,
    /// The directory of emergency files. It is made when it is needed.
    pub state_dir: PathBuf,
    /// Where programs are looked for: `PATH`.
    pub search_path: OsString,
    /// How long a command may take to store one key pair, before it is stopped.
    pub command_timeout: Duration,
}

/// Where new key pairs go. Without a sink, each goes to an emergency file.
#[derive(Debug, Clone)]
pub struct Custody {
    sink: Option<Sink>,
    context: CustodyContext,
}

/// Where a key pair went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Its sink has it, at this place.
    Sink {
        /// The file or the command, for people. Nothing secret.
        place: String,
    },
    /// The sink failed; the pair is in an emergency file, as plain JSON that only its owner can read.
    Emergency {
        /// The file.
        path: PathBuf,
        /// Why the sink did not take it. Nothing secret.
        why: String,
    },
    /// Neither the sink nor an emergency file took it: the secret is gone.
    Lost {
        /// Why. Nothing secret.
        why: String,
    },
}

/// Why new key pairs could not be kept, found before there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustodyProblem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Custody {
    /// Custody by the sink of a file, if it names one.
    #[must_use]
    pub fn new(sink: Option<&Sink>, context: CustodyContext) -> Self {
        Self { sink: sink.cloned(), context }
    }

    /// Whether the file says where new key pairs go.
    #[must_use]
    pub fn has_sink(&self) -> bool {
        self.sink.is_some()
    }

    /// Tries the sink for these users without a secret, and that an emergency file could be written. Returns what is
    /// worth knowing although nothing stands in the way.
    ///
    /// # Errors
    /// Everything that would keep a key pair from being kept.
    pub async fn check(&self, users: &[UserName]) -> Result<Vec<String>, Vec<CustodyProblem>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let this = self.clone();
        let users = users.to_vec();
        let checked = tokio::task::spawn_blocking(move || this.check_now(&users)).await;
        checked.unwrap_or_else(|error| {
            let help = "this is a fault of attune: please report it".to_owned();
            Err(vec![CustodyProblem { message: format!("the check for new secrets stopped: {error}"), help }])
        })
    }

    fn check_now(&self, users: &[UserName]) -> Result<Vec<String>, Vec<CustodyProblem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        match &self.sink {
            None => {}
            Some(Sink::Age { dir, .. } | Sink::File { dir }) => {
                problems.extend(directory(
                    dir,
                    "new secrets",
                    "choose another `dir` under `[credentials]`, or make this one writable",
                ));
                for user in users {
                    let path = self.target(dir, user);
                    if path.symlink_metadata().is_ok() {
                        warnings.push(format!(
                            "{} is there already and is never overwritten: should the cluster make a new key pair for \
                             `{user}`, it goes to a file under {}; move the old one away if it is of no use",
                            path.display(),
                            self.context.state_dir.display()
                        ));
                    }
                }
            }
            Some(Sink::Command { program, arguments }) => {
                let program = Program { program, arguments, timeout: self.context.command_timeout };
                problems.extend(program.problem(&self.context.search_path).map(|message| CustodyProblem {
                    message,
                    help: "name a program that is there and may be run under `[credentials] command`".to_owned(),
                }));
                let unsafe_names = users.iter().filter_map(|user| program.unsafe_name(self.names(user)));
                problems.extend(unsafe_names.map(|message| CustodyProblem {
                    message,
                    help: "take the place out of the arguments under `[credentials] command`: the record on the standard \
                           input has `user`, `cluster` and `tenant`"
                        .to_owned(),
                }));
            }
        }
        let help = "name a directory that can be written with `--state-dir`: a secret goes there when its sink fails";
        problems.extend(directory(&self.context.state_dir, "emergency files", help));
        if problems.is_empty() { Ok(warnings) } else { Err(problems) }
    }

    /// Hands a new key pair to the sink, or else to an emergency file. When this returns, it is on the disk or with the
    /// command.
    pub async fn keep(&self, user: &UserName, pair: &KeyPair, created_at: OffsetDateTime) -> Kept {
        let record = record(&self.context, user, pair, created_at);
        let why = match &self.sink {
            None => "the file names no place for new secrets (`[credentials]`)".to_owned(),
            Some(sink) => match self.give(sink, user, &record).await {
                Ok(place) => return Kept::Sink { place },
                Err(why) => {
                    redact::redacted(&Zeroizing::new(why), &[pair.secret_key.expose_secret(), &pair.access_key])
                }
            },
        };
        match files::first_free(
            &self.context.state_dir,
            |n| format!("emergency-{}-{n}.json", file_name(user.as_str())),
            &record,
        ) {
            Ok(path) => Kept::Emergency { path, why },
            Err(error) => {
                let dir = self.context.state_dir.display();
                Kept::Lost { why: format!("{why}; and no emergency file could be written under {dir}: {error}") }
            }
        }
    }

    async fn give(&self, sink: &Sink, user: &UserName, record: &[u8]) -> Result<String, String> {
        match sink {
            Sink::File { dir } => self.write(dir, user, record),
            Sink::Age { recipients, dir } => {
                let sealed =
                    encrypt::to_all(recipients, record).map_err(|why| format!("it cannot be encrypted: {why}"))?;
                self.write(dir, user, &sealed)
            }
            Sink::Command { program, arguments } => {
                let program = Program { program, arguments, timeout: self.context.command_timeout };
                program.run(&self.context.search_path, self.names(user), record).await
            }
        }
    }

    fn write(&self, dir: &Path, user: &UserName, bytes: &[u8]) -> Result<String, String> {
        let path = self.target(dir, user);
        match files::write_new(&path, bytes) {
            Ok(()) => Ok(path.display().to_string()),
            Err(error) => Err(format!("{} cannot be written: {error}", path.display())),
        }
    }

    /// The file of a user in the sink's directory.
    fn target(&self, dir: &Path, user: &UserName) -> PathBuf {
        let end = if matches!(self.sink, Some(Sink::Age { .. })) { "json.age" } else { "json" };
        dir.join(format!("{}.{end}", file_name(user.as_str())))
    }

    fn names<'a>(&'a self, user: &'a UserName) -> Names<'a> {
        Names { user: user.as_str(), cluster: &self.context.cluster, tenant: &self.context.tenant }
    }
}

/// Whether files can be written there; makes the directory.
fn directory(dir: &Path, what: &str, help: &str) -> Option<CustodyProblem> {
    let error = files::writable(dir).err()?;
    let message = format!("the directory for {what}, {}, cannot be written: {error}", dir.display());
    Some(CustodyProblem { message, help: help.to_owned() })
}
