//! What a client that stands in for the command and the simulator say to each other about one run.

use serde::{Deserialize, Serialize};

use crate::sim::rules::Refusal;

/// A run of the command.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What follows the program.
    pub args: Vec<String>,
    /// Who runs it; without one, the cluster's administrator, as on a host that is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// The content of the file that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line that was typed as the answer to the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

/// Who runs the command, as the environment has it. One without a name or a password is nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
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

/// What a run is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It ended.
    Printed(Printed),
    /// It goes on once it is posted again with this. Nothing was done.
    Wants(Wants),
}

/// What a run needs before it does anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wants {
    /// The file whose content is needed, as the arguments name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// A question, which a line answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What is printed.
    pub text: String,
    /// Whether the answer is a secret, which is not shown while it is typed.
    pub hidden: bool,
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

impl Run {
    /// Reads a run from a request's body.
    pub(in crate::sim) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("not a run of the command: {error}")))
    }
}

impl Wants {
    /// What is still missing of it.
    pub(super) fn without(mut self, run: &Run) -> Option<Self> {
        self.file = self.file.filter(|_| run.file.is_none());
        self.question = self.question.filter(|_| run.typed.is_none());
        (self != Self::default()).then_some(self)
    }
}

impl Told {
    /// Reads the answer to a run. Nothing where it is none of a simulator: then its end is as unknown as if the
    /// connection had broken.
    #[must_use]
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
        // Assumed: which words the command has for each status.
        let printed = match status {
            401 => Refusal::Unauthorized.into(),
            403 => Refusal::Forbidden(message).into(),
            429 => Printed::badly(1, &format!("try again later: {message}")),
            400..500 => Printed::badly(1, &message),
            500..600 => Printed::badly(1, &format!("internal error {status}: {message}")),
            _ => return None,
        };
        Some(Self::Printed(printed))
    }
}

impl Printed {
    pub(super) fn well(out: String) -> Self {
        Self { out, err: String::new(), code: 0 }
    }

    pub(super) fn badly(code: u8, message: &str) -> Self {
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

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        Self::Printed(refusal.into())
    }
}
