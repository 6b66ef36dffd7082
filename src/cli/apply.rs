//! `attune apply`: runs a confirmed plan.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::args::{BaseArg, CallArgs, Format, GlobalArgs, GuardArgs, OnlyArg, SecretStoreArgs, StateDir};
use super::base::{Base, Reviewed, ReviewedPlan};
use super::connect::{CommandError, Connection, connect};
use super::exit::{self, Exit, Failure};
use super::git::checked_out;
use super::lost_keys::{self, users_with_policy};
use super::output::Output;
use super::preflight::{check_approval, check_plan, check_secret_store, confirm, secret_store};
use super::progress::{ApplyProgress, interruptible, interruptible_storing};
use super::state::{About, State, rollback_command};
use crate::apply::{Outcome, RunOptions, SecretStore, StopSignal, run};
use crate::base::{Finding, Principal};
use crate::cluster::observe;
use crate::desired::{AsOf, Desired};
use crate::observed::Observed;
use crate::plan::{Expired, Only, Plan, expired, once_revoked, plan_part};
use crate::policy::Catalogue;
use crate::render::json::{self, OutcomeV1, PlanV1};
use crate::render::{RollbackFile, RollbackSettings, text};

/// Apply the configuration to the cluster
///
/// Plans again, shows the plan, and asks for confirmation on a terminal. Without a terminal, use `--approved DIGEST`, which
/// runs only the reviewed plan, or `--yes`. After the last step, attune reads the cluster again and checks that no change is
/// left.
///
/// Before the first step, attune writes a rollback file. To roll back, apply that file. Ctrl-C (also SIGTERM and SIGHUP)
/// finishes the API calls in flight and reports the outcome. A second Ctrl-C stops as soon as all new secrets are stored.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune apply
  attune apply --approved DIGEST                   apply only the reviewed plan
  attune apply --approved DIGEST --base origin/main
  attune apply --yes --reason 'CHG-4711'
  attune apply --yes --format json
  attune apply --file .attune/before-DIGEST.toml   roll back that plan
  attune apply --approved DIGEST --only 'policy/ml-*'
  attune apply --expired                           end access whose `until` has passed
  attune apply --override max_removals=12          override a guard")]
pub(super) struct ApplyArgs {
    /// Skip the confirmation
    #[arg(short, long, conflicts_with = "approved")]
    yes: bool,
    /// Run only a plan with this digest, with at least the 32 digits that `plan` shows; one for each configuration
    #[arg(long, value_name = "DIGEST")]
    approved: Vec<String>,
    /// Only end access whose `until` has passed, without an approval; exits with 2 if some of it stays
    ///
    /// Does nothing else: no `from`, and a `then` only if its policy certainly gives no more than the user or group has. Guards
    /// hold. Nothing is done if this machine's clock and the cluster's differ by more than 5 minutes.
    #[arg(long, conflicts_with_all = ["approved", "only", "base"])]
    expired: bool,
    /// Why you apply, for example a ticket; the journal has it, and `attune history` shows it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    only: OnlyArg,
    #[command(flatten)]
    pub(super) base: BaseArg,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    calls: CallArgs,
}

struct Prepared {
    reviewed: Reviewed,
    connection: Connection,
    observed: Observed,
    catalogue: Catalogue,
    planned: ReviewedPlan,
    stop: StopSignal,
    jobs: usize,
    state_dir: PathBuf,
    /// With `--expired`: some access that has ended stays.
    leaves_expired: bool,
}

impl ApplyArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let prepared = self.prepare(global, output).await.map_err(|error| error.reported(self.format, output))?;
        let (plan, desired) = (&prepared.planned.plan, &prepared.reviewed.loaded.desired);
        let state_dir = &prepared.state_dir;
        lost_keys::warn(state_dir, &plan.identity, &users_with_policy(&prepared.observed), output);
        let plan_json = self.show(&prepared, output)?;
        let secret_store = secret_store(&plan.identity, desired, state_dir, &self.secret_store);
        if let Err(failure) = self.check(&prepared, &secret_store, output).await {
            if self.format == Format::Json {
                output.result(|out, _| json::write(out, &plan_json))?;
            }
            return Err(failure);
        }
        let outcome = self.execute(global, &prepared, &secret_store, output).await;
        let outcome = outcome.map_err(|failure| CommandError::from(failure).reported(self.format, output))?;
        self.report(&prepared, &outcome.ok_or_else(stopped_at_once)?, output)
    }

    async fn prepare(&self, global: &GlobalArgs, output: &mut Output) -> Result<Prepared, CommandError> {
        let mut reviewed = Reviewed::read(global, &self.base, &self.only, output)?;
        let connection = connect(global, reviewed.connection(global)?, self.calls, output).await?;
        let observed = observe(&connection.retrying(), &reviewed.states(), self.calls.jobs()).await?;
        let catalogue = self.guards.catalogue.load_or(&observed.identity.release)?;
        let mut left_out = Vec::new();
        if self.expired {
            let release = &observed.identity.release;
            check_clock(connection.cluster.connection(release).clock_ahead, global)?;
            let of = expired(&reviewed.loaded.desired, &observed, &catalogue);
            left_out = not_ended(&of, &reviewed.loaded.desired);
            reviewed.loaded.desired = of.desired;
        }
        let mut planned = reviewed.plan(&observed, &self.guards, &catalogue);
        let leaves_expired = !left_out.is_empty();
        planned.plan.findings.extend(left_out);
        Ok(Prepared {
            reviewed,
            connection,
            observed,
            catalogue,
            planned,
            stop: StopSignal::default(),
            jobs: self.calls.jobs(),
            state_dir: self.state_dir.of(global),
            leaves_expired,
        })
    }

    /// Prints the plan: on stdout as a part of the text result, or on stderr beside JSON.
    fn show(&self, prepared: &Prepared, output: &mut Output) -> Result<PlanV1, Failure> {
        let (planned, loaded) = (&prepared.planned, &prepared.reviewed.loaded);
        output.findings(&planned.plan.findings, &loaded.sources);
        let plan_json = planned.to_json(loaded);
        output.summary = Some(text::verdict(&plan_json));
        match self.format {
            Format::Text => output.result(|out, styles| text::plan(out, styles, &plan_json))?,
            Format::Json => output.info(|out, styles| text::plan(out, styles, &plan_json)),
        }
        Ok(plan_json)
    }

    async fn check(&self, prepared: &Prepared, secret_store: &SecretStore, output: &mut Output) -> Result<(), Failure> {
        let plan = &prepared.planned.plan;
        check_plan(plan)?;
        self.check_confirmed(plan, &prepared.state_dir, output)?;
        let users: Vec<_> = plan.may_create_keys().into_iter().collect();
        let base = prepared.reviewed.base.as_ref().filter(|_| !users.is_empty());
        match base.and_then(Base::untrusted_program) {
            Some(untrusted) => {
                let message = format!("{}; nothing was changed", untrusted.message);
                Err(Failure::new(&exit::CREDENTIAL_SINK, message).help(untrusted.help.unwrap_or_default()))
            }
            None => check_secret_store(secret_store, &users, output).await,
        }
    }

    fn check_confirmed(&self, plan: &Plan, state_dir: &Path, output: &mut Output) -> Result<(), Failure> {
        if plan.is_empty() {
            // Succeeds with any approval, so that a job can run again.
            if !self.approved.is_empty() {
                output.info(|out, _| writeln!(out, "the approved plan has nothing left to do"));
            }
            return Ok(());
        }
        if !self.approved.is_empty() {
            return check_approval(plan, &self.approved, state_dir);
        }
        if self.yes || self.expired {
            return Ok(());
        }
        let help = format!("review the plan, then run this with `--approved {}` (or `--yes`)", plan.digest.short());
        confirm("Apply this plan?", &help, output)
    }

    /// Runs the plan and plans again. `None` if a second interruption stopped the calls.
    async fn execute(
        &self,
        global: &GlobalArgs,
        prepared: &Prepared,
        secret_store: &SecretStore,
        output: &mut Output,
    ) -> Result<Option<Outcome>, Failure> {
        let (plan, stop) = (&prepared.planned.plan, &prepared.stop);
        if plan.is_empty() {
            let remaining = plan_again(prepared, output).await;
            return Ok(Some(Outcome { steps: Vec::new(), remaining, rollback_file: None, rollback_command: None }));
        }
        let state = State::lock(&prepared.state_dir, &plan.identity)?;
        let rollback_file = write_rollback_file(&state, &self.before(global, prepared)?, output)?;
        let rollback_command = rollback_file.as_deref().and_then(|file| self.rollback_command(global, file));
        let commit = checked_out(&global.file);
        let about = About { reason: self.reason.as_deref(), file: &global.file, commit: commit.as_deref() };
        let journal = state.journal(plan, &about)?;
        let progress = ApplyProgress::new(plan.steps.len(), &journal, output);
        let options = RunOptions {
            cluster: &*prepared.connection.cluster,
            secret_store,
            jobs: self.calls.jobs(),
            retry_policy: self.calls.retry_policy(),
            stop,
            progress: &progress,
        };
        let steps = interruptible_storing(run(plan, &options), stop, secret_store, |text| progress.print(text)).await;
        progress.finish();
        let Some(steps) = steps else { return Ok(None) };
        // All calls have ended, so an interruption only ends this read.
        let again = plan_again(prepared, output);
        let again = interruptible(again, stop, |text| progress.print(text)).await;
        if again.is_none() {
            output.message(|out, _| writeln!(out, "interrupted: the cluster was not read again"));
        }
        let rollback_file = rollback_file.map(|file| file.display().to_string());
        let outcome = Outcome { steps, remaining: again.flatten(), rollback_file, rollback_command };
        journal.finish(&outcome);
        Ok(Some(outcome))
    }

    fn report(&self, prepared: &Prepared, outcome: &Outcome, output: &mut Output) -> Result<Exit, Failure> {
        let plan = &prepared.planned.plan;
        let interrupted = prepared.stop.is_requested();
        let exit = if outcome.all_good() && outcome.converged() && !outcome.may_have_lost_a_secret() {
            // What a plan of a part leaves out still differs.
            let leaves_out = outcome.remaining.as_deref().is_some_and(Plan::leaves_out) || prepared.leaves_expired;
            if leaves_out { Exit::Changes } else { Exit::Done }
        } else if interrupted && !outcome.all_good() {
            Exit::Interrupted
        } else {
            Exit::Partial
        };
        if outcome.may_have_changed() {
            output.changed = Some(exit);
        }
        let outcome_json = OutcomeV1::of(plan, outcome);
        output.summary = Some(text::ended(&outcome_json));
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &outcome_json))?,
            Format::Text if plan.is_empty() => {}
            Format::Text => output.result(|out, styles| text::outcome(out, styles, &outcome_json))?,
        }
        let stopped = prepared.connection.cluster.stopped().is_some() && !interrupted;
        if stopped && outcome.changed_nothing() {
            output.message(|out, _| writeln!(out, "the run stopped before its first change: nothing was changed"));
            return Ok(Exit::Error);
        }
        Ok(exit)
    }

    fn before(&self, global: &GlobalArgs, prepared: &Prepared) -> Result<RollbackFile, Failure> {
        let desired = &prepared.reviewed.loaded.desired;
        let directory = std::env::current_dir().map_err(|error| {
            Failure::new(&exit::ENVIRONMENT, format!("cannot read the path of the current directory: {error}"))
        })?;
        let cluster = global.over(&desired.cluster);
        let settings = RollbackSettings {
            cluster: &cluster,
            instead: global.cluster.as_deref(),
            credentials: desired.credentials.as_ref(),
            directory: &directory,
            state_dir: &prepared.state_dir,
            time: OffsetDateTime::now_utc(),
        };
        Ok(RollbackFile::of(&prepared.planned.plan, &prepared.observed, settings, &prepared.catalogue))
    }

    /// The command that applies the rollback file, from the current directory. It asks for confirmation if this run did.
    fn rollback_command(&self, global: &GlobalArgs, file: &Path) -> Option<String> {
        let mut options = Vec::new();
        options.extend((self.yes || self.expired || !self.approved.is_empty()).then_some("--yes"));
        options.extend(global.insecure.then_some("--insecure"));
        rollback_command(&self.state_dir.of(global), file, &options)
    }
}

/// By how many seconds the clock of a run of `--expired` may differ from the cluster's.
const CLOCK_TOLERANCE: i64 = 5 * 60;

/// Without an approval, the time alone decides. So two clocks must agree on it.
fn check_clock(ahead: Option<i64>, global: &GlobalArgs) -> Result<(), Failure> {
    let AsOf { at, .. } = global.as_of();
    let Some(ahead) = ahead else {
        let message = "the cluster does not say what time it is, so `--expired` does nothing";
        return Err(Failure::new(&exit::CLOCK, message).help("apply with an approval instead"));
    };
    let ahead = ahead + (global.started - at).whole_seconds();
    if ahead.abs() <= CLOCK_TOLERANCE {
        return Ok(());
    }
    let (seconds, side) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    let message =
        format!("the cluster's clock is {seconds} s {side} the time of this run, so `--expired` does nothing");
    Err(Failure::new(&exit::CLOCK, message).help("fix the wrong clock, with NTP; `--now` may differ by 5 minutes, too"))
}

/// A warning for each user or group whose access has ended and stays.
fn not_ended(of: &Expired, desired: &Desired) -> Vec<Finding> {
    let finding = |(principal, why): (&Principal, &String)| {
        let message = format!("the access of {principal} has ended and stays: {why}");
        let at = desired.entry(principal).and_then(|entry| entry.at.clone());
        Finding::warning(exit::NOT_ENDED, message).at(at).help("run `attune plan`, and apply it with an approval")
    };
    of.left_out.iter().map(finding).collect()
}

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        text if text.chars().count() > LONGEST_REASON => Err(format!("it is longer than {LONGEST_REASON} characters")),
        text => Ok(text.to_owned()),
    }
}

async fn plan_again(prepared: &Prepared, output: &mut Output) -> Option<Box<Plan>> {
    let desired = &once_revoked(&prepared.reviewed.loaded.desired);
    match observe(&prepared.connection.retrying(), &[desired], prepared.jobs).await {
        Ok(observed) => {
            let only = prepared.reviewed.only.as_ref().map(Only::or_nothing);
            Some(Box::new(plan_part(desired, &observed, &prepared.catalogue, only.as_ref())))
        }
        Err(error) => {
            output.message(|out, _| {
                writeln!(out, "cannot read the cluster again: {error}")?;
                error.help.iter().try_for_each(|help| writeln!(out, "  help: {help}"))
            });
            None
        }
    }
}

/// Writes the rollback file, unless it would be empty. Warns about changes that it cannot roll back.
fn write_rollback_file(state: &State, before: &RollbackFile, output: &mut Output) -> Result<Option<PathBuf>, Failure> {
    let left_out = before.left_out.join("; ");
    if before.is_empty {
        output.warn(&format!("no rollback file was written, since nothing can be rolled back: {left_out}"));
        return Ok(None);
    }
    if !left_out.is_empty() {
        output.warn(&format!("the rollback file is incomplete: {left_out}"));
    }
    state.write_rollback_file(before).map(Some)
}

fn stopped_at_once() -> Failure {
    let message = "interrupted twice: stopped at once; the outcome of API calls in flight is unknown";
    let help = "run `attune plan` to see the state of the cluster, and `attune apply` to resume";
    Failure::new(&exit::INTERRUPTED, message).help(help).exit(Exit::Interrupted)
}
