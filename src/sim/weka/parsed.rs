//! A parsed command: what a run needs, and what it does.

use super::print::Printout;
use super::protocol::{CommandRun, RunNeeds};
use crate::sim::document::StoredDocument;
use crate::sim::operations::{Caller, Refusal};
use crate::sim::state::ClusterState;

pub(super) struct Parsed {
    pub(super) json: bool,
    pub(super) needs: RunNeeds,
    pub(super) writes: bool,
    pub(super) execute: Execute,
}

type Execute = Box<dyn FnOnce(&CommandRun, &mut ClusterState, &Caller) -> Result<Printout, Refusal>>;

pub(super) fn read(execute: impl FnOnce(&ClusterState, &Caller) -> Result<Printout, Refusal> + 'static) -> Parsed {
    let execute: Execute = Box::new(|_, state, caller| execute(state, caller));
    Parsed { json: false, needs: RunNeeds::default(), writes: false, execute }
}

pub(super) fn write<T: Into<Printout>>(
    execute: impl FnOnce(&CommandRun, &mut ClusterState, &Caller) -> Result<T, Refusal> + 'static,
) -> Parsed {
    let execute: Execute = Box::new(|run, state, caller| execute(run, state, caller).map(Into::into));
    Parsed { json: false, needs: RunNeeds::default(), writes: true, execute }
}

pub(super) fn document(run: &CommandRun) -> Result<StoredDocument, Refusal> {
    let text = run.file.as_deref().unwrap_or_default();
    StoredDocument::parse(text).map_err(|error| Refusal::invalid(format!("the policy file is not JSON: {error}")))
}
