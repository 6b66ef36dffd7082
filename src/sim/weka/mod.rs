//! The `weka` command of the simulated cluster, over the same state as the REST API. One request is one run of the command,
//! or asks for what the run needs.
//!
//! The vendor's page documents the commands and their text output. Their JSON is as public clients read it; their error
//! messages are assumed.

mod buckets;
mod parse;
mod parsed;
mod print;
mod protocol;

pub(crate) use protocol::{CommandLogin, CommandOutput, CommandRun, Prompt, RunNeeds, RunResponse};

use parse::{ParseFailure, parse};

use crate::sim::operations::{Caller, Refusal};
use crate::sim::release::Role;
use crate::sim::state::{ClusterState, ROOT};

/// The path to which runs of the command are posted, which no release of the vendor has.
pub(crate) const PATH: &str = "/weka-command";

impl CommandRun {
    /// Whether the command changes the state; `None` if the run only asks for its needs.
    pub(super) fn writes(&self, state: &ClusterState) -> Option<bool> {
        let parsed = parse(&self.args, state.behaviour()).ok()?;
        parsed.needs.without(self).is_none().then_some(parsed.writes)
    }

    /// Runs the command on a state. An error is a failed run, or one that asks for its needs; the caller then discards the
    /// state.
    pub(super) fn on(&self, state: &mut ClusterState) -> Result<RunResponse, RunResponse> {
        let parsed = match parse(&self.args, state.behaviour()) {
            Ok(parsed) => parsed,
            Err(ParseFailure::Usage(usage)) => return Err(RunResponse::Output(CommandOutput::failure(2, &usage))),
            Err(ParseFailure::Help(help)) => return Err(RunResponse::Output(CommandOutput::success(help))),
        };
        if let Some(needs) = parsed.needs.without(self) {
            return Err(RunResponse::Needs(needs));
        }
        let caller = self.caller(state)?;
        let printout = (parsed.execute)(self, state, &caller)?;
        Ok(RunResponse::Output(CommandOutput::success(printout.as_text(parsed.json))))
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
}

#[cfg(test)]
mod tests;
