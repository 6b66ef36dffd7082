//! What a client that stands in for the `weka` command and the simulator say to each other.

use serde::{Deserialize, Serialize};

use crate::sim::operations::Refusal;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandRun {
    pub(crate) args: Vec<String>,
    /// The login; by default the administrator of the cluster, as on a host that is logged in.
    pub(crate) login: Option<CommandLogin>,
    pub(crate) file: Option<String>,
    pub(crate) typed: Option<String>,
}

/// The login from the environment. Without a user name or a password it is invalid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandLogin {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) org: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunResponse {
    Output(CommandOutput),
    /// The run needs this input: post it again with the input. Nothing happened yet.
    Needs(RunNeeds),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunNeeds {
    pub(crate) file: Option<String>,
    pub(crate) prompt: Option<Prompt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    pub(crate) hidden: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandOutput {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: u8,
}

impl CommandRun {
    pub(in crate::sim) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("not a run of the command: {error}")))
    }
}

impl RunNeeds {
    pub(super) fn without(mut self, run: &CommandRun) -> Option<Self> {
        self.file = self.file.filter(|_| run.file.is_none());
        self.prompt = self.prompt.filter(|_| run.typed.is_none());
        (self != Self::default()).then_some(self)
    }
}

impl RunResponse {
    /// Parses the response to a run. `None` if it is not from a simulator: then the outcome is unknown, as after a broken
    /// connection.
    pub(crate) fn read(status: u16, body: &[u8]) -> Option<Self> {
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
            | Refusal::Unknown(_)
            | Refusal::LockedOut(_)
            | Refusal::Present(_)
            | Refusal::Broken(_) => Self::failure(1, &message),
        }
    }
}

impl From<Refusal> for RunResponse {
    fn from(refusal: Refusal) -> Self {
        Self::Output(refusal.into())
    }
}
