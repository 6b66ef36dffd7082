//! The simulator's second face: the `weka` command over the same state. One request is one run of the command, or asks
//! what the run needs.
//!
//! The vendor's page documents the commands and what they show to people; their JSON is as public clients read it, and
//! what they complain with is assumed.

mod args;
mod parse;
mod print;
mod talk;

pub use talk::{Login, Printed, Question, Run, Told, Wants};

use super::document::Document;
use super::rest::{Change, Look, Route};
use super::rules::sts::Wish;
use super::rules::{Caller, Refusal, attachments, groups, policies, s3, sts, users};
use super::state::{ROOT, Role, State};
use parse::{Command, Holder, NoCommand, Parsed, parse};

/// Where runs of the command are posted: no path of the vendor's.
pub const PATH: &str = "/weka-command";

impl Run {
    /// The REST call that does the same; none where the run only asks what it needs.
    pub(super) fn route(&self, state: &State) -> Option<Route> {
        let command = parse(&self.args, state.behaviour()).ok()?.command;
        if command.wants().without(self).is_some() {
            return None;
        }
        Some(match command {
            Command::Status | Command::Version => Route::Look(Look::Cluster),
            Command::WhoAmI => Route::Look(Look::WhoAmI),
            Command::Users => Route::Look(Look::Users),
            Command::Policies | Command::Groups => Route::Look(Look::Policies),
            Command::Show(name) => Route::Look(Look::Policy(name)),
            Command::AssumeRole(_) => Route::Look(Look::Sts),
            Command::Add { .. } => Route::Change(Change::AddPolicy),
            Command::Remove(name) => Route::Change(Change::RemovePolicy(name)),
            Command::Attach(..) | Command::Keys(_) => Route::Change(Change::Attach),
            Command::Detach(..) => Route::Change(Change::Detach),
        })
    }

    /// Runs the command on a state, which is thrown away when the command fails, or only asks what it needs.
    pub(super) fn on(&self, state: &mut State, serial: u64) -> Result<Told, Told> {
        let Parsed { command, json } = match parse(&self.args, state.behaviour()) {
            Ok(parsed) => parsed,
            Err(NoCommand::Usage(usage)) => return Err(Told::Printed(Printed::badly(2, &usage))),
            Err(NoCommand::Help(help)) => return Err(Told::Printed(Printed::well(help))),
        };
        if let Some(wants) = command.wants().without(self) {
            return Err(Told::Wants(wants));
        }
        let caller = self.caller(state)?;
        let shown = self.work(&command, state, &caller, serial)?;
        Ok(Told::Printed(Printed::well(shown.as_text(json))))
    }

    fn caller(&self, state: &State) -> Result<Caller, Refusal> {
        if let Some(Login { username, password, org }) = &self.login {
            let (Some(username), Some(password)) = (username, password) else { return Err(Refusal::Unauthorized) };
            return Caller::log_in(state, org.as_deref().unwrap_or(ROOT), username, password);
        }
        let root = state.tenants.get(ROOT).ok_or(Refusal::Unauthorized)?;
        let admin = root.users.iter().find(|(_, user)| user.role == Role::ClusterAdmin);
        Caller::known(state, ROOT, admin.ok_or(Refusal::Unauthorized)?.0)
    }

    /// What was typed, without the end of its line.
    fn answer(&self) -> &str {
        self.typed.as_deref().unwrap_or_default().trim_end_matches(['\r', '\n'])
    }

    fn document(&self) -> Result<Document, Refusal> {
        let text = self.file.as_deref().unwrap_or_default();
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
            Command::Groups => print::groups(&groups::held(state, caller)?),
            Command::Show(name) => print::policy(state, name, &policies::show(state, caller, name)?),
            Command::Add { name, .. } => {
                policies::add(state, caller, name, self.document()?)?;
                print::nothing()
            }
            Command::Remove(name) => {
                policies::remove(state, caller, name)?;
                print::nothing()
            }
            Command::Attach(policy, Holder::User(user)) => {
                print::keys(attachments::attach(state, caller, policy, user)?.as_ref())
            }
            Command::Attach(policy, Holder::Group(group)) => {
                groups::attach(state, caller, policy, group)?;
                print::nothing()
            }
            Command::Detach(policy, Holder::User(user)) => {
                match policy {
                    Some(policy) => attachments::detach_this(state, caller, policy, user)?,
                    None => attachments::detach(state, caller, user)?,
                }
                print::nothing()
            }
            Command::Detach(_, Holder::Group(group)) => {
                groups::detach(state, caller, group)?;
                print::nothing()
            }
            Command::Keys(user) => {
                if self.answer().trim() != "yes" {
                    return Err(Refusal::invalid("aborted"));
                }
                print::keys(Some(&attachments::renew_keys(state, caller, user.as_deref())?))
            }
            Command::AssumeRole(asked) => {
                s3::is_there(state)?;
                let wish = Wish {
                    access_key: asked.access_key.clone(),
                    secret_key: asked.secret_key.as_deref().unwrap_or_else(|| self.answer()).to_owned(),
                    duration: asked.duration,
                    policy: asked.policy_file.as_ref().map(|_| self.document()).transpose()?,
                };
                print::credentials(&sts::assume_role(state, &caller.tenant, &wish, serial)?)
            }
        })
    }
}

#[cfg(test)]
mod tests;
