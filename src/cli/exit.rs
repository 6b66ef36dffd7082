//! Exit codes, and failures with their finding codes.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::base::{Code, Finding, codes};
use crate::cluster::{CallError, Effect, SetupProblem};

/// How a command ended, the worse the later: a partial apply is worse than one that did not start. The numbers are
/// documented and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Changes (`plan --detailed-exitcode`, `policy diff`, `fmt --check`), drift, denied access, or warnings of `doctor`.
    Changes,
    /// A guard refused.
    Refused,
    /// The plan is not the approved one.
    Stale,
    /// An error; nothing was changed.
    Error,
    /// Partially applied.
    Partial,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The exit code of the process.
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
    /// The exit with this number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        let all =
            [Self::Done, Self::Changes, Self::Refused, Self::Stale, Self::Error, Self::Partial, Self::Interrupted];
        all.into_iter().find(|exit| exit.number() == number)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}

codes! {
    "All codes of failures of the command line.";
    NO_FILE = "no-file", "The configuration cannot be read.";
    NO_ENDPOINT = "no-endpoint", "Neither the configuration nor the command line names the cluster.";
    BAD_ENDPOINT = "bad-endpoint", "An endpoint is not a management address of a cluster.";
    BAD_TRUST = "bad-trust", "The `ca_file` or fingerprint cannot be used.";
    NO_TENANT = "no-tenant", "The configuration is for several tenants and the command for one, or it is not for the named tenant.";
    BAD_TARGETS = "bad-targets", "The targets cannot be told: a list, a shard or an id is wrong, or the list and the configurations differ.";
    BAD_WAVES = "bad-waves", "The file of waves cannot be read, or leaves out a target.";
    NOT_STARTED = "wave-not-started", "A target was not started, because too many targets of its wave or of an earlier one failed.";
    NOT_MERGED = "not-merged", "The results of shards cannot be merged: a target is missing, doubled or unknown, or the results are of several commands.";
    NO_CREDENTIALS = "no-credentials", "There is no login.";
    UNREACHABLE = "cluster-unreachable", "The cluster cannot be reached, or its certificate is not trusted.";
    UNAUTHORIZED = "not-authorized", "The cluster rejects the login, or the role is not sufficient.";
    CALL_FAILED = "call-failed", "The cluster refused an API call, or its response cannot be read.";
    STALE = "stale-plan", "The plan is not the approved one.";
    BAD_APPROVALS = "bad-approvals", "The file of approvals, or a plan for it, cannot be used.";
    NOT_APPROVED = "not-approved", "The guard `approvals` demands signatures that are missing or do not count.";
    NOT_SIGNED = "not-signed", "The file of approvals could not be signed.";
    APPLY_UNDER_WAY = "apply-under-way", "Another apply to the same cluster is running in the same state directory.";
    INTERRUPTED = "interrupted", "A run was interrupted twice, and stopped at once.";
    NOT_CONFIRMED = "not-confirmed", "The apply was not confirmed.";
    CREDENTIAL_SINK = "credentials-destination", "The destination for new secrets does not work; found before the first API call.";
    SIMULATOR = "simulator", "The simulated cluster cannot be started, or a request to it cannot be decided.";
    ENVIRONMENT = "environment", "Something on this machine is missing, for example a writable directory.";
    REFUSED = "guard-refused", "A guard refuses the plan; the plan lists the reasons.";
    BAD_CATALOGUE = "bad-catalogue", "The catalogue of actions cannot be read.";
    NO_BASE = "no-base", "The base (`--base`) cannot be read, or has errors.";
    NO_SNAPSHOT = "no-snapshot", "The snapshot (`--snapshot`) cannot be used.";
    OLD_SNAPSHOT = "old-snapshot", "The snapshot is older than a day, and the cluster may have changed since.";
    CONFIGURATION_REMOVED = "configuration-removed", "A configuration of the base is removed; everything that it declares becomes unmanaged.";
    NO_TRUSTED_SETTINGS = "no-trusted-settings", "The base does not have the configuration, and the command line does not name the cluster.";
    BASE_NOT_PLANNED = "base-not-planned", "The base cannot be planned, so drift and proposed changes cannot be separated.";
    BASE_WITHOUT_FILE = "base-without-file", "The base does not have the configuration; every change is proposed.";
    DRIFT_UNKNOWN = "drift-unknown", "Drift cannot be determined; the reasons are listed before.";
    DRIFT_STATE = "drift-state", "The state file of `drift --since` cannot be used.";
    NO_DOCUMENT = "no-document", "A policy document cannot be read.";
    BAD_DOCUMENT = "bad-document", "A policy document has errors; they are listed before.";
    UNKNOWN_USER = "unknown-user", "The user or group does not exist, in the configuration or on the cluster.";
    UNKNOWN_ACCESS = "unknown-access", "The access of a user is unknown, since the document of its policy is unknown.";
    NO_KEYS = "no-keys", "There are no S3 keys to ask the service with, or they are no good.";
    S3_SERVICE = "s3-service", "The S3 service cannot be asked: it has no address, does not answer, or what answers is none.";
    NOT_VERIFIED = "not-verified", "`verify` could not tell: nothing was asked, no answer tells, or the run is void.";
    NO_REQUEST = "no-request", "No request can have this action and resource.";
    NOT_WELL = "cluster-not-well", "`doctor` found errors; they are listed before.";
    FILE_HAS_ERRORS = "file-has-errors", "The configuration has errors; they are listed before.";
    IN_THE_WAY = "file-in-the-way", "A file to write already exists; nothing is overwritten.";
    NOT_EDITED = "not-edited", "`edit` cannot change an entry, for example because it comes from a template. No file was changed.";
    NOT_SAVED = "not-saved", "The file is not a plan or an outcome that this version can read.";
    PAGE_ON_TERMINAL = "page-on-terminal", "An HTML page would be printed on a terminal.";
    CLOCK = "clock-differs", "`apply --expired` did nothing: the cluster's clock differs from the time of the run by more than 5 minutes, or is unknown.";
    NOT_ENDED = "access-not-ended", "Access has ended and stays: `apply --expired` ends it only if nobody certainly gains anything. Apply with an approval.";
    ACCESS_ENDED = "access-ended", "The access of an entry ended: its `until` has passed. `attune edit prune` takes it out.";
    PLAN_BLOCKED = "plan-blocked", "The plan is blocked by errors; they are listed before.";
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Code, message and help.
    pub finding: Box<Finding>,
}

impl Failure {
    pub(super) fn new(code: &Code, message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, finding: Box::new(Finding::error(*code, message)) }
    }

    pub(super) fn setup(code: &Code, problem: SetupProblem) -> Self {
        Self::new(code, problem.message).help(problem.help)
    }

    pub(super) fn one_only(what: &str) -> Self {
        let message = format!("{what} takes one configuration, but several are given");
        Self::new(&NO_FILE, message).help("run the command for each file")
    }

    /// A second interruption stopped the run.
    pub(super) fn stopped(unknown: &str, help: &str) -> Self {
        let message = format!("interrupted twice: stopped at once; {unknown}");
        Self::new(&INTERRUPTED, message).help(help).exit(Exit::Interrupted)
    }

    pub(super) fn unwritten(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(&ENVIRONMENT, format!("cannot write {what} to {}: {error}", path.display()))
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
        let mut failure = Self::new(&code, error.to_string());
        failure.finding.help = error.help;
        failure
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(&ENVIRONMENT, format!("cannot write the result: {error}"))
    }
}
