//! Checks before the first API call that changes something: plan, confirmation, and destination of new secrets.

use std::path::Path;
use std::time::Duration;

use super::args::SecretStoreArgs;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::state::applied_at;
use crate::apply::{SecretStore, SecretStoreContext};
use crate::base::{Finding, Principal, Sources, UserName, list_some};
use crate::desired::{Desired, Guards, Override};
use crate::observed::Identity;
use crate::plan::{Digest, Plan};
use crate::render::Refusals;

/// How long a `[credentials]` command may take for one key pair.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn check_plan(plan: &Plan) -> Result<(), Failure> {
    if plan.is_blocked() {
        return Err(Failure::new(&exit::PLAN_BLOCKED, "plan blocked by errors; nothing was changed"));
    }
    if !plan.is_refused() {
        return Ok(());
    }
    let refusals = Refusals::of(plan.refusals.iter().map(|refusal| refusal.code.id));
    let (message, help) = match (refusals.refuser(), refusals.no_destination) {
        (Some(by), false) => {
            let verb = if refusals.are_several() { "refuse" } else { "refuses" };
            (format!("{by} {verb} this plan"), "the plan lists the reasons, and how to override them")
        }
        (Some(by), true) => (
            format!("{by} refuses this plan, and the configuration names no destination for new secrets"),
            "the plan lists the reasons, and what to do about them",
        ),
        (None, _) => (
            "this plan may create S3 keys, and the configuration names no destination for their secrets".to_owned(),
            "add `[credentials]` to the configuration",
        ),
    };
    Err(Failure::new(&exit::REFUSED, format!("{message}; nothing was changed")).help(help).exit(Exit::Refused))
}

pub(super) fn confirm(question: &str, help: &str, output: &mut Output) -> Result<(), Failure> {
    if !output.can_ask() {
        let message = "cannot ask for confirmation: standard input and output are not a terminal";
        return Err(Failure::new(&exit::NOT_CONFIRMED, message).help(help));
    }
    match output.ask(&format!("{question} Enter `yes` to continue: "))?.as_str() {
        "yes" => Ok(()),
        _ => Err(Failure::new(&exit::NOT_CONFIRMED, "not confirmed; nothing was changed")),
    }
}

/// Fails unless the plan is an approved one. Journals only add a hint, since a proposal can write to the state directory.
pub(super) fn check_approval(plan: &Plan, approvals: &[String], state_dir: &Path) -> Result<(), Failure> {
    if approvals.iter().any(|approval| plan.digest.approved_by(approval)) {
        return Ok(());
    }
    if let Some(of_snapshot) = approvals.iter().find(|approval| approval.starts_with(Digest::SNAPSHOT)) {
        return Err(of_a_snapshot(plan, of_snapshot));
    }
    let approval = approvals.join(" or ");
    let message = format!("the plan is now {}, not the approved {approval}; nothing was changed", plan.digest.short());
    let mut help = if approvals.iter().any(|approval| approval.len() < Digest::SHORT) {
        format!("an approval needs at least {} digits of the digest", Digest::SHORT)
    } else {
        "the cluster or the configuration has changed since the review: review the plan above and approve its digest"
            .to_owned()
    };
    for approval in approvals {
        if let Some(time) = applied_at(state_dir, approval) {
            let journal = state_dir.display();
            help += &format!("\nplan {approval} was applied at {time}, according to the journal in {journal}");
        }
    }
    Err(Failure::new(&exit::STALE, message).help(help).exit(Exit::Stale))
}

/// A plan from a snapshot may be about a state that is long gone, so its digest approves nothing.
fn of_a_snapshot(plan: &Plan, approval: &str) -> Failure {
    let message = format!("`{approval}` is of a plan from a snapshot, which cannot be approved; nothing was changed");
    let same = if plan.digest.of_snapshot() == approval { ": it makes the same changes as that plan" } else { "" };
    let help = format!("review the plan above{same}; then approve its digest, {}", plan.digest.short());
    Failure::new(&exit::STALE, message).help(help).exit(Exit::Stale)
}

pub(super) fn secret_store(
    identity: &Identity,
    desired: &Desired,
    state_dir: &Path,
    args: &SecretStoreArgs,
) -> SecretStore {
    let context = SecretStoreContext {
        cluster: identity.name.clone(),
        tenant: identity.tenant.clone(),
        state_dir: state_dir.to_path_buf(),
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        timeout: STORE_TIMEOUT,
        show_output: args.show_command_output,
    };
    SecretStore::new(desired.credentials.as_ref(), context)
}

pub(super) async fn check_secret_store(
    secret_store: &SecretStore,
    users: &[UserName],
    output: &mut Output,
) -> Result<(), Failure> {
    let Err(problems) = secret_store.check(users).await else { return Ok(()) };
    let findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding::error(exit::CREDENTIAL_SINK, problem.message).help(problem.help))
        .collect();
    output.findings(&findings, &Sources::default());
    Err(Failure::new(&exit::CREDENTIAL_SINK, "no working destination for new secrets; nothing was changed"))
}

/// Reads `--override protected_users=NAME`. Rotations and revocations know no other guard.
pub(super) fn protected_user(text: &str) -> Result<UserName, String> {
    match text.parse()? {
        Override::Principal(Principal::User(user)) => Ok(user),
        Override::Principal(Principal::Group(_))
        | Override::MaxRemovals(_)
        | Override::MaxDetached(_)
        | Override::MaxBucketsClosed(_)
        | Override::Policy(_)
        | Override::Bucket(_)
        | Override::Public(_)
        | Override::Expectation(_)
        | Override::Envelope(_) => Err("only `protected_users=NAME` can be overridden here".to_owned()),
    }
}

/// Fails for users that `[guards]` protects, unless each is overridden.
pub(super) fn check_protected<'a>(
    users: impl Iterator<Item = &'a UserName>,
    guards: &Guards,
    overrides: &[UserName],
) -> Result<(), Failure> {
    let is_refused = |user: &&UserName| guards.protected.users.matches(user.as_str()) && !overrides.contains(user);
    let refused: Vec<&UserName> = users.filter(is_refused).collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let message = format!("`[guards]` protects {}; nothing was changed", named(refused.iter().copied()));
    let help = format!("to override it for one run: --override protected_users={first}, for each of them");
    Err(Failure::new(&exit::REFUSED, message).help(help).exit(Exit::Refused))
}

/// How many names a message has before the rest is counted.
pub(super) const NAMED: usize = 8;

pub(super) fn named<'a>(users: impl Iterator<Item = &'a UserName>) -> String {
    list_some(&users.collect::<Vec<_>>(), NAMED, |user| format!("`{user}`"))
}
