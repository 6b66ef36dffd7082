//! The `weka` command of the simulated cluster, over the same state as the REST API. One request is one run of the command,
//! or asks for what the run needs.
//!
//! The vendor's page documents the commands and their text output. Their JSON is as public clients read it; their error
//! messages are assumed.

mod parse;
mod print;

use parse::{Command, ParseFailure, Parsed, UserOrGroup, parse};
use serde::{Deserialize, Serialize};

use crate::sim::document::StoredDocument;
use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::{Caller, Refusal, attachments, policies, require_s3, sts, users};
use crate::sim::release::Role;
use crate::sim::state::{ClusterState, ROOT};

/// The path to which runs of the command are posted, which no release of the vendor has.
pub const PATH: &str = "/weka-command";

impl CommandRun {
    /// Whether the command changes the state; `None` if the run only asks for its needs.
    pub(super) fn writes(&self, state: &ClusterState) -> Option<bool> {
        let command = parse(&self.args, state.behaviour()).ok()?.command;
        command.needs().without(self).is_none().then(|| command.writes())
    }

    /// Runs the command on a state. An error is a failed run, or one that asks for its needs; the caller then discards the
    /// state.
    pub(super) fn on(&self, state: &mut ClusterState, serial: u64) -> Result<RunResponse, RunResponse> {
        let Parsed { command, json } = match parse(&self.args, state.behaviour()) {
            Ok(parsed) => parsed,
            Err(ParseFailure::Usage(usage)) => return Err(RunResponse::Output(CommandOutput::failure(2, &usage))),
            Err(ParseFailure::Help(help)) => return Err(RunResponse::Output(CommandOutput::success(help))),
        };
        if let Some(needs) = command.needs().without(self) {
            return Err(RunResponse::Needs(needs));
        }
        let caller = self.caller(state)?;
        let printout = self.execute(&command, state, &caller, serial)?;
        Ok(RunResponse::Output(CommandOutput::success(printout.as_text(json))))
    }

    fn caller(&self, state: &ClusterState) -> Result<Caller, Refusal> {
        if let Some(CommandLogin { username, password, org }) = &self.login {
            let (Some(username), Some(password)) = (username, password) else { return Err(Refusal::Unauthorized) };
            return Caller::log_in(state, org.as_deref().unwrap_or(ROOT), username, password);
        }
        let root = state.tenants.get(ROOT).ok_or(Refusal::Unauthorized)?;
        let admin = root.users.iter().find(|(_, user)| user.role == Role::ClusterAdmin);
        Caller::from_token(state, ROOT, admin.ok_or(Refusal::Unauthorized)?.0)
    }

    /// The typed line, without its end.
    fn typed_line(&self) -> &str {
        self.typed.as_deref().unwrap_or_default().trim_end_matches(['\r', '\n'])
    }

    fn document(&self) -> Result<StoredDocument, Refusal> {
        let text = self.file.as_deref().unwrap_or_default();
        StoredDocument::parse(text).map_err(|error| Refusal::invalid(format!("the policy file is not JSON: {error}")))
    }

    fn execute(
        &self,
        command: &Command,
        state: &mut ClusterState,
        caller: &Caller,
        serial: u64,
    ) -> Result<print::Printout, Refusal> {
        Ok(match command {
            Command::Status => print::status(state),
            Command::Version => print::version(state),
            Command::WhoAmI => print::who_am_i(state, caller)?,
            Command::Users => print::users(state, &users::list(state, caller, None, false)?),
            Command::Policies => print::policies(&policies::list(state, caller)?),
            Command::Groups => print::groups(&attachments::list_groups(state, caller)?),
            Command::Show(name) => print::policy(state, name, &policies::show(state, caller, name)?),
            Command::Add { name, .. } => {
                policies::add(state, caller, name, self.document()?)?;
                print::nothing()
            }
            Command::Remove(name) => {
                policies::remove(state, caller, name)?;
                print::nothing()
            }
            Command::Attach(policy, UserOrGroup::User(user)) => {
                print::keys(attachments::attach(state, caller, policy, user)?.as_ref())
            }
            Command::Attach(policy, UserOrGroup::Group(group)) => {
                attachments::attach_group(state, caller, policy, group)?;
                print::nothing()
            }
            Command::Detach(policy, UserOrGroup::User(user)) => {
                match policy {
                    Some(policy) => attachments::detach_policy(state, caller, policy, user)?,
                    None => attachments::detach(state, caller, user)?,
                }
                print::nothing()
            }
            Command::Detach(_, UserOrGroup::Group(group)) => {
                attachments::detach_group(state, caller, group)?;
                print::nothing()
            }
            Command::Keys(user) => {
                if self.typed_line().trim() != "yes" {
                    return Err(Refusal::invalid("aborted"));
                }
                print::keys(Some(&attachments::renew_keys(state, caller, user.as_deref())?))
            }
            Command::AssumeRole(args) => {
                require_s3(state)?;
                let request = AssumeRoleRequest {
                    access_key: args.access_key.clone(),
                    secret_key: args.secret_key.as_deref().unwrap_or_else(|| self.typed_line()).to_owned(),
                    duration: args.duration,
                    policy: args.policy_file.as_ref().map(|_| self.document()).transpose()?,
                };
                print::credentials(&sts::assume_role(state, &caller.tenant, &request, serial)?)
            }
        })
    }
}

/// A run of the command, as a client that stands in for the command posts it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRun {
    /// The arguments after `weka`.
    pub args: Vec<String>,
    /// The login; by default the administrator of the cluster, as on a host that is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<CommandLogin>,
    /// The content of the needed file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line typed at the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

/// The login from the environment. Without a user name or a password it is invalid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLogin {
    /// `WEKA_USERNAME`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `WEKA_PASSWORD`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// `WEKA_ORG`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
}

/// The response to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResponse {
    /// The run ended.
    Output(CommandOutput),
    /// The run needs this input: post it again with the input. Nothing happened yet.
    Needs(RunNeeds),
}

/// The input that a run needs before it does anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunNeeds {
    /// The needed file, as in the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The prompt to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
}

/// A prompt that is answered with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The text to print.
    pub text: String,
    /// Whether the answer is a secret, to be typed without echo.
    pub hidden: bool,
}

/// The output of a run, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandOutput {
    /// The standard output.
    pub out: String,
    /// The standard error.
    pub err: String,
    /// The exit status.
    pub code: u8,
}

impl CommandRun {
    pub(in crate::sim) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("not a run of the command: {error}")))
    }
}

impl Command {
    fn writes(&self) -> bool {
        match self {
            Self::Add { .. } | Self::Remove(_) | Self::Attach(..) | Self::Detach(..) | Self::Keys(_) => true,
            Self::Status
            | Self::Version
            | Self::WhoAmI
            | Self::Users
            | Self::Policies
            | Self::Groups
            | Self::Show(_)
            | Self::AssumeRole(_) => false,
        }
    }

    /// The input that the command needs before it does anything.
    fn needs(&self) -> RunNeeds {
        let ask = |text: &str, hidden| Some(Prompt { text: text.to_owned(), hidden });
        match self {
            Self::Add { file, .. } => RunNeeds { file: Some(file.clone()), prompt: None },
            Self::Keys(_) => RunNeeds {
                file: None,
                prompt: ask("The existing S3 credentials will be replaced. Continue? [yes/no]: ", false),
            },
            Self::AssumeRole(request) => RunNeeds {
                file: request.policy_file.clone(),
                prompt: request.secret_key.is_none().then(|| ask("secret-key: ", true)).flatten(),
            },
            Self::Status
            | Self::Version
            | Self::WhoAmI
            | Self::Users
            | Self::Policies
            | Self::Groups
            | Self::Show(_)
            | Self::Remove(_)
            | Self::Attach(..)
            | Self::Detach(..) => RunNeeds::default(),
        }
    }
}

impl RunNeeds {
    /// The needs that the run does not have yet.
    pub(super) fn without(mut self, run: &CommandRun) -> Option<Self> {
        self.file = self.file.filter(|_| run.file.is_none());
        self.prompt = self.prompt.filter(|_| run.typed.is_none());
        (self != Self::default()).then_some(self)
    }
}

impl RunResponse {
    /// Parses the response to a run. `None` if it is not from a simulator: then the outcome is unknown, as after a broken
    /// connection.
    pub fn read(status: u16, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            message: Option<String>,
        }
        if status == 200 {
            return serde_json::from_slice(body).ok();
        }
        let Envelope { message } = serde_json::from_slice(body).ok()?;
        let message = message.unwrap_or_else(|| format!("status {status}"));
        // Assumed: the message of the command for each status.
        let output = match status {
            401 => Refusal::Unauthorized.into(),
            403 => Refusal::Forbidden(message).into(),
            429 => CommandOutput::failure(1, &format!("try again later: {message}")),
            400..500 => CommandOutput::failure(1, &message),
            500..600 => CommandOutput::failure(1, &format!("internal error {status}: {message}")),
            _ => return None,
        };
        Some(Self::Output(output))
    }
}

impl CommandOutput {
    pub(super) fn success(out: String) -> Self {
        Self { out, err: String::new(), code: 0 }
    }

    pub(super) fn failure(code: u8, message: &str) -> Self {
        Self { out: String::new(), err: format!("error: {message}\n"), code }
    }
}

impl From<Refusal> for CommandOutput {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message();
        match refusal {
            Refusal::Unauthorized => Self::failure(1, "Not logged in, or the login is not accepted"),
            Refusal::Forbidden(_) => Self::failure(1, &format!("permission denied: {message}")),
            Refusal::Invalid { .. }
            | Refusal::Missing(_)
            | Refusal::NotFound(_)
            | Refusal::WrongMethod(_)
            | Refusal::Broken(_) => Self::failure(1, &message),
        }
    }
}

impl From<Refusal> for RunResponse {
    fn from(refusal: Refusal) -> Self {
        Self::Output(refusal.into())
    }
}

#[cfg(test)]
mod tests;
