//! `attune apply`: runs a confirmed plan.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::ahead::observe_ahead;
use super::approvals::{ApprovalsArgs, Signed, unsigned};
use super::args::{BaseArg, CallArgs, Format, GlobalArgs, GuardArgs, OnlyArg, SecretStoreArgs, StateDir, reason};
use super::base::{Base, Reviewed, ReviewedPlan};
use super::connect::{CommandError, Connection, connect};
use super::exit::{self, Exit, Failure};
use super::expired::{check_clock, not_ended};
use super::git::checked_out;
use super::lost_keys::{self, users_with_policy};
use super::output::Output;
use super::preflight::{check_approval, check_plan, check_secret_store, confirm, secret_store};
use super::progress::{Interruptions, RunProgress, interruptible, interruptible_storing, progress_bar};
use super::state::{About, State, rollback_command};
use super::targets::TargetArgs;
use super::verify_new::{self, Expected, VerifyNewArgs, check_service};
use crate::apply::{NewKeys, Outcome, RunOptions, SecretStore, StopSignal, run};
use crate::cluster::observe_again;
use crate::observed::Observed;
use crate::plan::{Only, Plan, after, expired, once_revoked, plan_part};
use crate::policy::Catalogue;
use crate::render::json::{self, OutcomeV1, PlanV1, VerifiedUserV1};
use crate::render::{RollbackFile, RollbackSettings, text};
use crate::s3::S3Client;

/// Apply the configuration to the cluster
///
/// Plans again, shows the plan, and asks for confirmation on a terminal. Without a terminal, use `--approved DIGEST`, which
/// runs only the reviewed plan, or `--yes`. After the last step, attune reads the lists and what it changed again, and checks that
/// no change is left.
///
/// Before the first step, attune writes a rollback file. To roll back, apply that file. Ctrl-C (also SIGTERM and SIGHUP)
/// finishes the API calls in flight and reports the outcome. A second Ctrl-C stops as soon as all new secrets are stored.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune apply
  attune apply --approved DIGEST                   apply only the reviewed plan
  attune apply --approved DIGEST --base origin/main
  attune apply --file clusters --approvals approvals.json
  attune apply --yes --reason 'CHG-4711'
  attune apply --approved DIGEST --verify          ask the S3 service with each new key pair
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
    #[command(flatten)]
    approvals: ApprovalsArgs,
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
    pub(super) targets: TargetArgs,
    /// Apply wave by wave: the `[[wave]]` entries of this TOML file say which targets come first; with --base, that of the base
    ///
    /// The next wave starts only if no more targets failed than `max_failures` of its wave allows. Run the same command again to
    /// resume: what is applied has nothing left to do.
    #[arg(help_heading = "Targets", long, value_name = "FILE", conflicts_with = "shard")]
    pub(super) waves: Option<PathBuf>,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
    #[command(flatten)]
    verify_new: VerifyNewArgs,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    calls: CallArgs,
}

/// An outcome, and with `--verify` what the S3 service says.
type Executed = (Outcome, Option<Vec<VerifiedUserV1>>);

struct Prepared {
    reviewed: Reviewed,
    connection: Connection,
    observed: Observed,
    catalogue: Catalogue,
    planned: ReviewedPlan,
    stop: StopSignal,
    jobs: usize,
    state_dir: PathBuf,
    /// With `--verify`: the S3 service.
    service: Option<S3Client>,
    /// With `--expired`: some access that has ended stays.
    leaves_expired: bool,
}

impl ApplyArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let prepared = self.prepare(global, output).await.map_err(|error| error.reported(output))?;
        let (plan, desired) = (&prepared.planned.plan, &prepared.reviewed.loaded.desired);
        let state_dir = &prepared.state_dir;
        lost_keys::warn(state_dir, &plan.identity, &users_with_policy(&prepared.observed), output);
        let plan_json = self.show(&prepared, global.target.as_deref(), output)?;
        let secret_store = secret_store(&plan.identity, desired, state_dir, &self.secret_store);
        let signed = match self.check(global, &prepared, &secret_store, output).await {
            Ok(signed) => signed,
            Err(failure) => {
                if self.format == Format::Json {
                    output.result(|out, _| json::write(out, &plan_json))?;
                }
                return Err(failure);
            }
        };
        let outcome = self.execute(global, &prepared, (&secret_store, &signed), output).await;
        let outcome = outcome.map_err(|failure| CommandError::from(failure).reported(output))?;
        let (outcome, verified) = outcome.ok_or_else(|| {
            let help = "run `attune plan` to see the state of the cluster, and `attune apply` to resume";
            Failure::stopped("the outcome of API calls in flight is unknown", help)
        })?;
        self.report(&prepared, &outcome, verified, output)
    }

    async fn prepare(&self, global: &GlobalArgs, output: &mut Output) -> Result<Prepared, CommandError> {
        let mut reviewed = Reviewed::read(global, &self.base, &self.only, output)?;
        let service = self.verify_new.client(&reviewed.connection(global)?.s3, global)?;
        let connection = connect(global, reviewed.connection(global)?, self.calls, output).await?;
        let (observed, ahead) = observe_ahead(&connection.retrying(), &reviewed, self.calls.jobs()).await?;
        let catalogue = self.guards.catalogue.load_or(&observed.identity.release)?;
        let mut left_out = Vec::new();
        if self.expired {
            let release = &observed.identity.release;
            check_clock(connection.cluster.connection(release).clock_ahead, global)?;
            let of = expired(&reviewed.loaded.desired, &observed, &catalogue);
            left_out = not_ended(&of, &reviewed.loaded.desired);
            reviewed.loaded.desired = of.desired;
        }
        let mut planned = reviewed.plan(&observed, &self.guards, &catalogue, ahead);
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
            service,
            leaves_expired,
        })
    }

    /// Prints the plan.
    fn show(&self, prepared: &Prepared, target: Option<&str>, output: &mut Output) -> Result<PlanV1, Failure> {
        let (planned, loaded) = (&prepared.planned, &prepared.reviewed.loaded);
        output.findings(&planned.plan.findings, &loaded.sources);
        let plan_json = planned.to_json(loaded, target, None);
        output.summary = Some(text::verdict(&plan_json));
        output.keep_text(|out, styles| text::plan(out, styles, &plan_json));
        output.before_result(|out, styles| text::plan(out, styles, &plan_json))?;
        Ok(plan_json)
    }

    async fn check(
        &self,
        global: &GlobalArgs,
        prepared: &Prepared,
        secret_store: &SecretStore,
        output: &mut Output,
    ) -> Result<Signed, Failure> {
        let plan = &prepared.planned.plan;
        check_plan(plan)?;
        let users: Vec<_> = plan.may_create_keys().into_iter().collect();
        let service = prepared.service.as_ref().filter(|_| !users.is_empty());
        if let Some(service) = service {
            let endpoint = service.endpoint();
            output.info(|out, _| writeln!(out, "verify: each new key pair then asks {endpoint} what its user can do"));
        }
        let signed = self.check_confirmed(global, prepared, output).await?;
        let base = prepared.reviewed.base.as_ref().filter(|_| !users.is_empty());
        match base.and_then(Base::untrusted_program) {
            Some(untrusted) => {
                let message = format!("{}; nothing was changed", untrusted.message);
                return Err(Failure::new(&exit::CREDENTIAL_SINK, message).help(untrusted.help.unwrap_or_default()));
            }
            None => check_secret_store(secret_store, &users, output).await?,
        }
        match service {
            Some(service) => check_service(service).await.map(|()| signed),
            None => Ok(signed),
        }
    }

    async fn check_confirmed(
        &self,
        global: &GlobalArgs,
        prepared: &Prepared,
        output: &mut Output,
    ) -> Result<Signed, Failure> {
        let plan = &prepared.planned.plan;
        if plan.is_empty() {
            // Succeeds with any approval, so that a job can run again.
            if !self.approved.is_empty() || self.approvals.are_given() {
                output.info(|out, _| writeln!(out, "the approved plan has nothing left to do"));
            }
            return Ok(Signed::default());
        }
        if self.approvals.are_given() {
            return self.approvals.check(global, plan, &prepared.reviewed, output).await;
        }
        if self.expired {
            return Ok(Signed::default());
        }
        if let Some(signed) = prepared.reviewed.signed_approvals() {
            return Err(unsigned(&signed));
        }
        if !self.approved.is_empty() {
            return check_approval(plan, &self.approved, &prepared.state_dir).map(|()| Signed::default());
        }
        if self.yes {
            return Ok(Signed::default());
        }
        let help = format!("review the plan, then run this with `--approved {}` (or `--yes`)", plan.digest.short());
        confirm("Apply this plan?", &help, output).map(|()| Signed::default())
    }

    /// Runs the plan and plans again. `None` if a second interruption stopped the calls.
    async fn execute(
        &self,
        global: &GlobalArgs,
        prepared: &Prepared,
        (secret_store, signed): (&SecretStore, &Signed),
        output: &mut Output,
    ) -> Result<Option<Executed>, Failure> {
        let (plan, stop) = (&prepared.planned.plan, &prepared.stop);
        if plan.is_empty() {
            // What was just read needs no change.
            let remaining = Some(Box::new(remaining(prepared, &prepared.observed)));
            let outcome = Outcome { remaining, ..Outcome::default() };
            return Ok(Some((outcome, prepared.service.as_ref().map(|_| Vec::new()))));
        }
        let state = State::lock(&prepared.state_dir, &plan.identity)?;
        let rollback_file = state.save_rollback_file(&self.before(global, prepared)?, output)?;
        let rollback_command = rollback_file.as_deref().and_then(|file| self.rollback_command(global, file));
        let commit = checked_out(&global.file);
        let (reason, approved_by) = (self.reason.as_deref().or(signed.note.as_deref()), signed.people.as_slice());
        let about = About { reason, approved_by, file: &global.file, commit: commit.as_deref() };
        let journal = state.journal(plan, &about)?;
        let progress = RunProgress::new(plan.steps.len(), &journal, output);
        let (mut signals, new_keys) = (Interruptions::new(), NewKeys::default());
        let options = RunOptions {
            cluster: &*prepared.connection.cluster,
            secret_store,
            jobs: self.calls.jobs(),
            retry_policy: self.calls.retry_policy(),
            stop,
            progress: &progress,
            new_keys: prepared.service.as_ref().map(|_| &new_keys),
        };
        let ran =
            interruptible_storing(run(plan, &options), (&mut signals, stop), secret_store, |text| progress.print(text))
                .await;
        progress.finish();
        let Some(ran) = ran else { return Ok(None) };
        // All calls have ended, so an interruption only ends this read.
        let (known, not_read_again) = ran.known(plan, &prepared.observed);
        let again = plan_again(prepared, &known, output);
        let again = interruptible(again, (&mut signals, stop), |text| progress.print(text)).await;
        if again.is_none() {
            output.message(|out, _| writeln!(out, "interrupted: the cluster was not read again"));
        }
        let rollback_file = rollback_file.map(|file| file.display().to_string());
        let outcome =
            Outcome { remaining: again.flatten(), not_read_again, steps: ran.steps, rollback_file, rollback_command };
        journal.finish(&outcome);
        let Some(client) = &prepared.service else { return Ok(Some((outcome, None))) };
        let expected = Expected {
            client,
            bar: progress_bar(None, output),
            after: after(plan, &prepared.observed),
            remaining: outcome.remaining.as_deref(),
            catalogue: &prepared.catalogue,
            rules: prepared.reviewed.loaded.desired.cluster.rules(),
        };
        let print = |text: &str| progress.print(text);
        let verified = self.verify_new.ask(new_keys, &expected, (&mut signals, stop), print).await;
        Ok(Some((outcome, Some(verified))))
    }

    fn report(
        &self,
        prepared: &Prepared,
        outcome: &Outcome,
        verified: Option<Vec<VerifiedUserV1>>,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
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
        let exit = exit.max(verify_new::exit(verified.as_deref().unwrap_or_default()));
        if outcome.may_have_changed() {
            output.changed = Some(exit);
        }
        let outcome_json = OutcomeV1 { verified, ..OutcomeV1::of(plan, outcome) };
        output.summary = Some(text::ended(&outcome_json));
        if !plan.is_empty() {
            output.keep_text(|out, styles| text::outcome(out, styles, &outcome_json));
        }
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
        options.extend(
            (self.yes || self.expired || !self.approved.is_empty() || self.approvals.are_given()).then_some("--yes"),
        );
        options.extend(global.insecure.then_some("--insecure"));
        rollback_command(&self.state_dir.of(global), file, &options)
    }
}

/// What a plan of this state would still change.
fn remaining(prepared: &Prepared, observed: &Observed) -> Plan {
    let desired = &once_revoked(&prepared.reviewed.loaded.desired);
    let only = prepared.reviewed.only.as_ref().map(Only::or_nothing);
    plan_part(desired, observed, &prepared.catalogue, only.as_ref())
}

async fn plan_again(prepared: &Prepared, known: &Observed, output: &mut Output) -> Option<Box<Plan>> {
    let desired = &once_revoked(&prepared.reviewed.loaded.desired);
    match observe_again(&prepared.connection.retrying(), &[desired], known, prepared.jobs).await {
        Ok(observed) => Some(Box::new(remaining(prepared, &observed))),
        Err(error) => {
            output.message(|out, _| {
                writeln!(out, "cannot read the cluster again: {error}")?;
                error.help.iter().try_for_each(|help| writeln!(out, "  help: {help}"))
            });
            None
        }
    }
}
