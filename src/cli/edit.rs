//! `attune edit`: changes the files of a configuration, and no cluster.

use clap::Subcommand;

use super::adopt::AdoptArgs;
use super::args::GlobalArgs;
use super::edited::{Changes, CheckArg, Wanted, cannot_edit, editable, refused_edits, with_attachments};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{Finding, NamePattern, NamePatterns, PolicyName, Principal, nearest, shell_line};
use crate::desired::{CannotEdit, DeclaredAttachment, Desired, Editor, Loaded, Phase};

#[derive(Debug, Subcommand)]
pub(super) enum EditCommand {
    Move(MoveArgs),
    Detach(DetachArgs),
    AddUser(AddUserArgs),
    Adopt(AdoptArgs),
    Prune(PruneArgs),
}

impl EditCommand {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if let Self::Adopt(command) = self {
            return command.run(global, output).await;
        }
        let loaded = &editable(global, output)?;
        match self {
            Self::Move(command) => attach(&command.wanted(loaded, output)?, global, loaded, command.check, output),
            Self::Detach(command) => attach(&command.wanted(loaded)?, global, loaded, command.check, output),
            Self::AddUser(command) => attach(&command.wanted(loaded, output)?, global, loaded, command.check, output),
            Self::Prune(command) => command.run(global, loaded, output),
            Self::Adopt(_) => Ok(Exit::Done),
        }
    }
}

/// Move users and groups to another policy, in the configuration
///
/// Changes every declaration of the policy, or those that match --users or --groups. In patterns, `*` matches any characters and
/// `?` matches one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune edit move --from ml-ro --to ml-rw
  attune edit move --from ml-ro --to ml-rw --users 'svc-*'
  attune edit move --from ml-ro --to ml-rw --check   show the diff, write nothing")]
pub(super) struct MoveArgs {
    /// Policy that they have
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    from: PolicyName,
    /// Policy that they get
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    to: PolicyName,
    /// Move only users that match; repeatable
    #[arg(id = "moved-users", long = "users", value_name = "GLOB")]
    users: Vec<NamePattern>,
    /// Move only groups that match; repeatable
    #[arg(long, value_name = "GLOB")]
    groups: Vec<NamePattern>,
    #[command(flatten)]
    check: CheckArg,
}

/// Detach users and groups from their policies, in the configuration
///
/// They stay declared, with `detached = true`: the next apply detaches them. Their keys stay.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune edit detach alice
  attune edit detach alice group/ops")]
pub(super) struct DetachArgs {
    /// Users, and groups as group/NAME
    #[arg(id = "principals", required = true, value_name = "USER", value_parser = principal)]
    principals: Vec<Principal>,
    #[command(flatten)]
    check: CheckArg,
}

/// Declare users and groups with a policy, in the configuration
///
/// They join `attached_to` of the policy if it has that key. Otherwise they get an entry in the file of the policy, or in the
/// main file. attune does not create the users.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune edit add-user alice --policy ml-ro
  attune edit add-user group/ops svc-backup --policy readonly")]
pub(super) struct AddUserArgs {
    /// Users, and groups as group/NAME
    #[arg(required = true, value_name = "NAME", value_parser = principal)]
    names: Vec<Principal>,
    /// Policy that they get
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    policy: PolicyName,
    #[command(flatten)]
    check: CheckArg,
}

/// Take out the dates of access that has ended, in the configuration
///
/// An entry whose `until` has passed declares what it has since: `detached = true`, or the policy in `then`. So it means the same,
/// and the user stays declared. `revoke_keys` stays: remove it after an apply has revoked the keys.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune edit prune
  attune edit prune --check   show the diff, write nothing")]
pub(super) struct PruneArgs {
    #[command(flatten)]
    check: CheckArg,
}

impl PruneArgs {
    fn run(&self, global: &GlobalArgs, loaded: &Loaded, output: &mut Output) -> Result<Exit, Failure> {
        let mut editor = Editor::new(loaded).map_err(|problem| cannot_edit(&problem))?;
        let mut expected = loaded.desired.clone();
        for (principal, _) in loaded.desired.terms().filter(|(_, term)| term.phase == Phase::Ended) {
            match editor.prune(principal) {
                Ok(()) => _ = expected.schedules.remove(principal),
                Err(problem) => output.warn(&format!("{problem}; {}", problem.help)),
            }
        }
        Changes { edited: editor.finish(), new: Vec::new() }.finish(global, &expected, self.check, output)
    }
}

fn policy(text: &str) -> Result<PolicyName, String> {
    PolicyName::parse(text).map_err(|problem| format!("the name {problem}"))
}

fn principal(text: &str) -> Result<Principal, String> {
    Principal::parse(text).map_err(|problem| format!("the name {problem}"))
}

impl MoveArgs {
    fn wanted(&self, loaded: &Loaded, output: &mut Output) -> Result<Wanted, Failure> {
        let desired = &loaded.desired;
        if self.from == self.to {
            return Err(Failure::new(&exit::NOT_EDITED, "`--from` and `--to` name the same policy"));
        }
        let have: Vec<Principal> = desired
            .principals()
            .filter(|(_, entry)| entry.intent == DeclaredAttachment::Has(self.from.clone()))
            .map(|(principal, _)| principal)
            .collect();
        if have.is_empty() && !desired.policies.contains_key(&self.from) {
            let message =
                format!("no user or group has `{}` in the configuration, which does not declare it", self.from);
            return Err(Failure::new(&exit::NOT_EDITED, message).help(self.suggestion(desired)));
        }
        warn_if_undeclared(&self.to, desired, output);
        let patterns = |patterns: &[NamePattern]| patterns.iter().cloned().collect::<NamePatterns>();
        let (users, groups) = (patterns(&self.users), patterns(&self.groups));
        let is_chosen = |principal: &Principal| match principal {
            _ if users.is_empty() && groups.is_empty() => true,
            Principal::User(user) => users.matches(user.as_str()),
            Principal::Group(group) => groups.matches(group.as_str()),
        };
        let attachment = DeclaredAttachment::Has(self.to.clone());
        Ok(have.into_iter().filter(is_chosen).map(|principal| (principal, attachment.clone())).collect())
    }

    fn suggestion(&self, desired: &Desired) -> String {
        let attached = desired.principals().filter_map(|(_, entry)| entry.intent.policy().map(PolicyName::as_str));
        match nearest(self.from.as_str(), attached) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`attune access` shows who has which policy".to_owned(),
        }
    }
}

impl DetachArgs {
    fn wanted(&self, loaded: &Loaded) -> Result<Wanted, Failure> {
        let declared: Vec<String> = loaded.desired.principals().map(|(principal, _)| principal.label()).collect();
        for principal in &self.principals {
            if loaded.desired.entry(principal).is_none() {
                let message = format!("{principal} is not declared");
                let help = match nearest(&principal.label(), declared.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`attune edit adopt user/NAME` declares a user as the cluster has it".to_owned(),
                };
                return Err(Failure::new(&exit::NOT_EDITED, message).help(help));
            }
        }
        let with = |principal: &Principal| {
            let intent = loaded.desired.entry(principal).map(|entry| entry.intent.clone());
            // Revoking its keys includes the detach.
            let kept = intent.filter(|intent| *intent == DeclaredAttachment::Revoked);
            (principal.clone(), kept.unwrap_or(DeclaredAttachment::Detached))
        };
        Ok(self.principals.iter().map(with).collect())
    }
}

impl AddUserArgs {
    fn wanted(&self, loaded: &Loaded, output: &mut Output) -> Result<Wanted, Failure> {
        let attachment = DeclaredAttachment::Has(self.policy.clone());
        for principal in &self.names {
            let Some(entry) = loaded.desired.entry(principal).filter(|entry| entry.intent != attachment) else {
                continue;
            };
            let finding = Finding::error(exit::NOT_EDITED, format!("{principal} is declared already"));
            output.findings(&[finding.at(entry.at.clone())], &loaded.sources);
            let help = match &entry.intent {
                DeclaredAttachment::Has(policy) => {
                    let command = ["attune", "edit", "move", "--from", policy.as_str(), "--to", self.policy.as_str()];
                    shell_line(command).map_or_else(String::new, |command| format!("to move it: {command}"))
                }
                DeclaredAttachment::Detached | DeclaredAttachment::Revoked => "change its entry".to_owned(),
            };
            return Err(Failure::new(&exit::NOT_EDITED, "nothing was changed").help(help));
        }
        warn_if_undeclared(&self.policy, &loaded.desired, output);
        Ok(self.names.iter().map(|principal| (principal.clone(), attachment.clone())).collect())
    }
}

fn warn_if_undeclared(policy: &PolicyName, desired: &Desired, output: &mut Output) {
    let is_declared = desired.policies.contains_key(policy) || desired.abstracts.contains_key(policy);
    if is_declared || policy.is_predefined() {
        return;
    }
    let near = nearest(policy.as_str(), desired.policies.keys().map(PolicyName::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    output.warn(&format!("the configuration does not declare policy `{policy}`, so it must be on the cluster{near}"));
}

/// Declares these attachments.
fn attach(
    wanted: &Wanted,
    global: &GlobalArgs,
    loaded: &Loaded,
    check: CheckArg,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let mut editor = Editor::new(loaded).map_err(|problem| cannot_edit(&problem))?;
    let refused = wanted.iter().filter_map(|(principal, attachment)| editor.attach(principal, attachment).err());
    let refused: Vec<CannotEdit> = refused.collect();
    if !refused.is_empty() {
        return Err(refused_edits(&refused, loaded, output));
    }
    let changes = Changes { edited: editor.finish(), new: Vec::new() };
    changes.finish(global, &with_attachments(&loaded.desired, wanted), check, output)
}
