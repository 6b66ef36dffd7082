//! How a command ends: exit codes, and failures that say what happened and what to do next.

use std::process::ExitCode;

use crate::base::{Code, Finding, codes};
use crate::cluster::{CallError, Effect};

/// How a command ended. The numbers are documented and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something is wrong; nothing was changed.
    Error,
    /// There are changes (`plan --detailed-exitcode`), there is drift, two policies differ, a file is not in form (`fmt --check`), an access is
    /// not given, or `doctor` warns.
    Changes,
    /// A guard refused.
    Refused,
    /// The plan is not the approved one.
    Stale,
    /// Applied in part.
    Partial,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The number that the process exits with.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Refused => 3,
            Self::Stale => 4,
            Self::Partial => 5,
            Self::Interrupted => 130,
        }
    }
}

impl Exit {
    /// How bad it is, to find the worst of many: what was half done weighs more than what was not begun.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 1,
            Self::Refused => 2,
            Self::Stale => 3,
            Self::Error => 4,
            Self::Partial => 5,
            Self::Interrupted => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}

codes! {
    "All kinds of failures of the command line.";
    NO_FILE = "no-file", "The desired-state file cannot be read.";
    NO_ENDPOINT = "no-endpoint", "Neither the file nor the command line says where the cluster is.";
    BAD_ENDPOINT = "bad-endpoint", "An endpoint that is not a management address of a cluster.";
    BAD_TRUST = "bad-trust", "The certificates or fingerprint to trust cannot be used.";
    NO_CREDENTIALS = "no-credentials", "There is nothing to log in with.";
    UNREACHABLE = "cluster-unreachable", "The cluster cannot be reached, or is not the one that is trusted.";
    UNAUTHORIZED = "not-authorized", "The cluster does not accept the login, or the role does not suffice.";
    CALL_FAILED = "call-failed", "The cluster refused a call, or gave an answer that cannot be read.";
    STALE = "stale-plan", "The plan is not the one that was approved.";
    APPLY_UNDER_WAY = "apply-under-way", "Another apply to the same cluster is under way from the same directory.";
    INTERRUPTED = "interrupted", "An apply was interrupted twice, and stopped where it was.";
    NOT_CONFIRMED = "not-confirmed", "Nobody confirmed the apply.";
    CREDENTIAL_SINK = "credentials-destination", "A new secret could not be kept where the file says, found before the first call.";
    SIMULATOR = "simulator", "The simulated cluster cannot be started.";
    ENVIRONMENT = "environment", "The machine does not give what is needed, such as a file that can be written.";
    REFUSED = "guard-refused", "A guard refuses the plan; what and why is said with it.";
    BAD_CATALOGUE = "bad-catalogue", "The table of actions cannot be read.";
    NO_BASE = "no-base", "The configuration that `--base` names cannot be read, or has errors.";
    CONFIGURATION_REMOVED = "configuration-removed", "A configuration that the base has is not there any more; what it declares becomes unmanaged.";
    NO_TRUSTED_SETTINGS = "no-trusted-settings", "The configuration is not there at the revision that `--base` names, and the command line does not say where the cluster is.";
    BASE_NOT_PLANNED = "base-not-planned", "The configuration that `--base` names cannot be planned, so drift is not told from what is proposed.";
    BASE_WITHOUT_FILE = "base-without-file", "The file was not there at the revision that `--base` names; everything is proposed.";
    DRIFT_UNKNOWN = "drift-unknown", "Whether there is drift cannot be told; why is said before.";
    DRIFT_STATE = "drift-state", "The file of `drift --since` cannot be used.";
    NO_DOCUMENT = "no-document", "A policy document cannot be read.";
    BAD_DOCUMENT = "bad-document", "A policy document has errors; they are listed before.";
    UNKNOWN_USER = "unknown-user", "Neither the file nor the cluster, whichever was asked, knows the user.";
    UNKNOWN_ACCESS = "unknown-access", "What a user may do cannot be said: the document of its policy is not known.";
    NO_REQUEST = "no-request", "An action and a resource that no request can have.";
    NOT_WELL = "cluster-not-well", "The check of a cluster found errors; they are listed before.";
    FILE_HAS_ERRORS = "file-has-errors", "The desired-state file has errors; they are listed before.";
    IN_THE_WAY = "file-in-the-way", "A file is there already where one is to be written; nothing is written over.";
    NOT_SAVED = "not-saved", "What is to be shown is no plan and no outcome that this version reads.";
    PLAN_BLOCKED = "plan-blocked", "The plan has errors; they are listed before.";
}

/// Why a command ended otherwise than well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What happened, and what to do next.
    pub finding: Box<Finding>,
}

impl Failure {
    pub(super) fn new(code: &Code, message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, finding: Box::new(Finding::error(*code, message)) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        *self.finding = self.finding.help(help);
        self
    }

    pub(super) fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let code = match error.effect {
            Effect::NotSent => UNREACHABLE,
            Effect::Unauthorized(_) => UNAUTHORIZED,
            Effect::Refused(_) | Effect::UnknownOutcome => CALL_FAILED,
        };
        let failure = Self::new(&code, error.to_string());
        match error.help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(&ENVIRONMENT, format!("cannot write the result: {error}"))
    }
}
