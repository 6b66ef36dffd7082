//! The simulator's second face: the `weka` command over the same state. One request is one run of the command.
//!
//! The vendor's page documents the commands and what they show to people; their JSON is as public clients read it, and
//! what they complain with is assumed.

mod parse;
mod print;

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::rest::{Answer, Change, Look, Route};
use super::rules::sts::Wish;
use super::rules::{Caller, Refusal, attachments, policies, s3, sts, users};
use super::state::{ROOT, Role, State};
use parse::{Command, Parsed, Usage, parse, question};

/// Where runs of the command are posted: no path of the vendor's.
pub const PATH: &str = "/weka-command";

/// A run of the command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What follows the program.
    pub args: Vec<String>,
    /// Who runs it; without one, the cluster's administrator, as on a host that is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// The content of the file that is named in the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The first line of what is typed.
    #[serde(default)]
    pub typed: String,
}

/// Who runs the command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// `WEKA_USERNAME`
    pub username: String,
    /// `WEKA_PASSWORD`
    pub password: String,
    /// `WEKA_ORG`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
}

/// What a run of the command printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printed {
    /// Its result.
    pub out: String,
    /// Its complaint.
    pub err: String,
    /// Its exit status.
    pub code: u8,
}

impl Printed {
    fn well(out: String) -> Self {
        Self { out, err: String::new(), code: 0 }
    }

    fn badly(code: u8, message: &str) -> Self {
        Self { out: String::new(), err: format!("error: {message}\n"), code }
    }
}

impl From<Refusal> for Printed {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message();
        match refusal {
            Refusal::Unauthorized => Self::badly(1, "Not logged in, or the login is not accepted"),
            Refusal::Forbidden(_) => Self::badly(1, &format!("permission denied: {message}")),
            Refusal::Invalid { .. }
            | Refusal::Missing(_)
            | Refusal::NotFound(_)
            | Refusal::WrongMethod(_)
            | Refusal::Broken(_) => Self::badly(1, &message),
        }
    }
}

impl Run {
    /// Reads a run from a request's body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("not a run of the command: {error}")))
    }

    /// The REST call that does the same.
    pub(super) fn route(&self, state: &State) -> Option<Route> {
        Some(match parse(&self.args, state.behaviour()).ok()?.command {
            Command::Status | Command::Version => Route::Look(Look::Cluster),
            Command::WhoAmI => Route::Look(Look::WhoAmI),
            Command::Users => Route::Look(Look::Users),
            Command::Policies | Command::Groups => Route::Look(Look::Policies),
            Command::Show(name) => Route::Look(Look::Policy(name)),
            Command::AssumeRole { .. } => Route::Look(Look::Sts),
            Command::Add(_) => Route::Change(Change::AddPolicy),
            Command::Remove(name) => Route::Change(Change::RemovePolicy(name)),
            Command::Attach(..) | Command::Keys(_) => Route::Change(Change::Attach),
            Command::Detach(..) => Route::Change(Change::Detach),
        })
    }

    /// Runs the command on a state, which is thrown away when the command fails.
    pub(super) fn on(&self, state: &mut State, serial: u64) -> Result<Printed, Printed> {
        let parsed = parse(&self.args, state.behaviour());
        let Parsed { command, json } = parsed.map_err(|Usage(usage)| Printed::badly(2, &usage))?;
        let caller = self.caller(state)?;
        let out = self.work(&command, state, &caller, serial)?.as_text(json);
        Ok(Printed::well(format!("{}{out}", question(&command).unwrap_or_default())))
    }

    fn caller(&self, state: &State) -> Result<Caller, Refusal> {
        if let Some(Login { username, password, org }) = &self.login {
            return Caller::log_in(state, org.as_deref().unwrap_or(ROOT), username, password);
        }
        let root = state.tenants.get(ROOT).ok_or(Refusal::Unauthorized)?;
        let admin = root.users.iter().find(|(_, user)| user.role == Role::ClusterAdmin);
        Caller::known(state, ROOT, admin.ok_or(Refusal::Unauthorized)?.0)
    }

    fn document(&self) -> Result<Document, Refusal> {
        let text = self.file.as_deref().ok_or_else(|| Refusal::invalid("the policy file cannot be read"))?;
        Document::parse(text).map_err(|error| Refusal::invalid(format!("the policy file is not JSON: {error}")))
    }

    fn work(
        &self,
        command: &Command,
        state: &mut State,
        caller: &Caller,
        serial: u64,
    ) -> Result<print::Shown, Refusal> {
        Ok(match command {
            Command::Status => print::status(state),
            Command::Version => print::version(state),
            Command::WhoAmI => print::who_am_i(state, caller)?,
            Command::Users => print::users(state, &users::list(state, caller, None, false)?),
            Command::Policies => print::policies(&policies::list(state, caller)?),
            Command::Groups => print::groups(state, caller)?,
            Command::Show(name) => print::policy(state, name, &policies::show(state, caller, name)?),
            Command::Add(name) => {
                policies::add(state, caller, name, self.document()?)?;
                print::nothing()
            }
            Command::Remove(name) => {
                policies::remove(state, caller, name)?;
                print::nothing()
            }
            Command::Attach(policy, user) => print::keys(attachments::attach(state, caller, policy, user)?.as_ref()),
            Command::Detach(policy, user) => {
                if let Some(policy) = policy {
                    attachments::holds(state, caller, policy, user)?;
                }
                attachments::detach(state, caller, user)?;
                print::nothing()
            }
            Command::Keys(user) => {
                if self.typed.trim() != "yes" {
                    return Err(Refusal::invalid("aborted"));
                }
                print::keys(Some(&attachments::renew_keys(state, caller, user.as_deref())?))
            }
            Command::AssumeRole { access_key, secret_key, seconds, narrowed } => {
                s3::is_there(state)?;
                let typed = || self.typed.trim_end_matches(['\r', '\n']).to_owned();
                let wish = Wish {
                    access_key: access_key.clone(),
                    secret_key: secret_key.clone().unwrap_or_else(typed),
                    duration: *seconds,
                    policy: if *narrowed { Some(self.document()?) } else { None },
                };
                print::credentials(&sts::assume_role(state, &caller.tenant, &wish, serial)?)
            }
        })
    }
}

/// A run's end as the answer to its request: always 200, since the request itself was well.
pub(super) fn answer(printed: &Printed) -> Answer {
    Answer::body(printed)
}
