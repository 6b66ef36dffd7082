//! `attune apply`: runs the plan, once somebody has agreed to it.

use std::path::{Path, PathBuf};

use super::args::{BaseArg, Format, GlobalArgs, GuardArgs, Pace, ViaArg};
use super::base::Base;
use super::connect::{Connection, connect};
use super::desired::NotReady;
use super::exit::{self, Exit, Failure};
use super::interrupt::{Heard, interruptible};
use super::journal::{Both, applied_at};
use super::lost;
use super::output::Output;
use super::plan::{blocked, refused};
use super::progress::ProgressLine;
use super::reviewed::{Made, Reviewed};
use super::secret_store::{SecretStoreArgs, secret_store, tried};
use super::state::State;
use crate::apply::{Outcome, RunOptions, SecretStore, StopSignal, run};
use crate::base::shell_line;
use crate::cluster::{observe, observe_for};
use crate::desired::{Desired, Loaded, Via};
use crate::observed::Observed;
use crate::plan::{Digest, Plan, once_revoked, plan_with};
use crate::policy::Catalogue;
use crate::render::json::{self, OutcomeV1};
use crate::render::{Before, Settings, before, text};

/// Where an apply leaves its files, unless it is told otherwise.
const STATE_DIR: &str = ".attune";

/// Run the plan
///
/// Plans anew, shows the plan, and asks on a terminal. Elsewhere it needs `--approved DIGEST`, which runs the plan that
/// was reviewed or nothing, or `--yes`. Afterwards the cluster is observed again and must be as the file says.
///
/// Before the first call, all that the plan touches is written down as a desired-state file: applying that one is the
/// way back. Ctrl-C (also SIGTERM and SIGHUP) sees through the calls under way and reports; a second one stops once
/// the secrets that have come are stored.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune apply
  attune apply --approved 7c2a9e51d08b43f6a1e5c3097bd8264f   the digest that `attune plan` printed
  attune apply --base origin/main --approved DIGEST    a proposal, by the settings of main
  attune apply --yes --format json
  attune apply --file .attune/before-DIGEST.toml       go back to what was before that plan
  attune apply --override max_removals=12    a guard of the file, set for this run")]
pub(super) struct ApplyArgs {
    /// Do not ask
    #[arg(short, long, conflicts_with = "approved")]
    yes: bool,
    /// Run only a plan with this digest: at least the 32 digits that `plan` shows; one for each of many files
    #[arg(long, value_name = "DIGEST")]
    approved: Vec<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where the state before the apply and its journal are written, and new secrets first of all
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,
    #[command(flatten)]
    base: BaseArg,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    pace: Pace,
}

impl ApplyArgs {
    /// The revision that is trusted, for many files at once.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.base.as_deref()
    }

    /// The form of the result.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let mut reviewed = match Reviewed::read(global, &self.base, output) {
            Ok(reviewed) => reviewed,
            Err(not_ready) => return not_ready.reported(self.format, output),
        };
        let prepared = self.prepare(global, &mut reviewed, output).await;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return NotReady::from(failure).reported(self.format, output),
        };
        let (plan, loaded) = (&prepared.made.plan, &reviewed.loaded);
        lost::warn(&self.state_dir, &plan.identity, &lost::having(&prepared.observed), output);
        self.show(&prepared.made, loaded, output)?;
        let secret_store = secret_store(&plan.identity, &loaded.desired, &self.state_dir, &self.secret_store);
        if let Err(failure) = self.ready(plan, &reviewed, &secret_store, output).await {
            if self.format == Format::Json {
                output.result(|out, _| json::write(out, &prepared.made.copy(loaded)))?;
            }
            return Err(failure);
        }
        let outcome = match self.carry_out(global, &prepared, &secret_store, &loaded.desired, output).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Err(dropped()),
            Err(failure) => return NotReady::from(failure).reported(self.format, output),
        };
        // An interruption that left no work to do interrupted nothing.
        let exit = match (well(&outcome), prepared.stop.is_requested()) {
            (true, _) => Exit::Done,
            (false, true) => Exit::Interrupted,
            (false, false) => Exit::Partial,
        };
        if outcome.may_have_changed() {
            output.changed(exit);
        }
        let told = OutcomeV1::of(plan, &outcome);
        output.sum_up(text::ended(&told));
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &told))?,
            Format::Text if plan.is_empty() => {}
            Format::Text => output.result(|out, styles| text::outcome(out, styles, &told))?,
        }
        let stopped = prepared.connection.cluster.stopped().is_some() && !prepared.stop.is_requested();
        if stopped && outcome.changed_nothing() {
            output.urgent(|out, _| writeln!(out, "the run was stopped before its first change: nothing was changed"));
            return Ok(Exit::Error);
        }
        Ok(exit)
    }

    async fn prepare(
        &self,
        global: &GlobalArgs,
        reviewed: &mut Reviewed,
        output: &mut Output,
    ) -> Result<Prepared, Failure> {
        let connection = connect(global, &reviewed.connection, self.pace.jobs(), output).await?;
        let observed = observe_for(&connection.retrying(&self.pace), &reviewed.states(), self.pace.jobs()).await?;
        let catalogue = self.guards.actions(&observed)?;
        let made = reviewed.planned(&observed, &self.guards, &catalogue);
        Ok(Prepared { connection, observed, catalogue, made, stop: StopSignal::default() })
    }

    /// Whether the plan may run, and new secrets can be kept; says why not.
    async fn ready(
        &self,
        plan: &Plan,
        reviewed: &Reviewed,
        secret_store: &SecretStore,
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.agreed(plan, output)?;
        let users: Vec<_> = plan.may_create_keys().into_iter().collect();
        match reviewed.base.as_ref().and_then(Base::untrusted_program).filter(|_| !users.is_empty()) {
            Some(untrusted) => {
                let failure =
                    Failure::new(&exit::CREDENTIAL_SINK, format!("{}; nothing was changed", untrusted.message));
                Err(failure.help(untrusted.help.unwrap_or_default()))
            }
            None => tried(secret_store, &users, output).await,
        }
    }

    /// The plan is part of the text result; beside JSON it goes to stderr.
    fn show(&self, made: &Made, loaded: &Loaded, output: &mut Output) -> Result<(), Failure> {
        output.findings(&made.plan.findings, &loaded.sources);
        let told = made.copy(loaded);
        output.sum_up(text::verdict(&told));
        match self.format {
            Format::Text => output.result(|out, styles| text::plan(out, styles, &told)),
            Format::Json => {
                output.aside(|out, styles| text::plan(out, styles, &told));
                Ok(())
            }
        }
    }

    /// Whether this plan may run; says why not.
    fn agreed(&self, plan: &Plan, output: &mut Output) -> Result<(), Failure> {
        if plan.is_blocked() {
            return Err(blocked());
        }
        if plan.is_refused() {
            return Err(refused(plan));
        }
        if plan.is_empty() {
            // Whatever was approved has nothing left to do, so that a job that runs again ends well.
            if !self.approved.is_empty() {
                output.aside(|out, _| writeln!(out, "the approved plan has nothing left to do"));
            }
            return Ok(());
        }
        if !self.approved.is_empty() {
            return approved(plan, &self.approved, &self.state_dir);
        }
        if self.yes {
            return Ok(());
        }
        if !output.can_ask() {
            let help = format!("review the plan, then run this with `--approved {}` (or `--yes`)", plan.digest.short());
            return Err(Failure::new(&exit::NOT_CONFIRMED, "nobody is here to confirm the plan").help(help));
        }
        match output.ask("apply this plan? Only `yes` is taken: ")?.as_str() {
            "yes" => Ok(()),
            _ => Err(Failure::new(&exit::NOT_CONFIRMED, "not confirmed; nothing was changed")),
        }
    }

    /// Runs the plan and observes again; `None` when it was dropped in the middle.
    async fn carry_out(
        &self,
        global: &GlobalArgs,
        prepared: &Prepared,
        secret_store: &SecretStore,
        desired: &Desired,
        output: &mut Output,
    ) -> Result<Option<Outcome>, Failure> {
        let plan = &prepared.made.plan;
        if plan.is_empty() {
            let remaining = self.again(prepared, desired, output).await;
            return Ok(Some(Outcome { steps: Vec::new(), remaining, rollback_file: None, rollback_command: None }));
        }
        let state = State::lock(&self.state_dir, &plan.identity)?;
        let rollback_file = rollback_file(&state, &self.before(global, prepared, desired)?, output)?;
        let rollback_command = rollback_file.as_deref().and_then(|file| self.rollback_command(global, file));
        let journal = state.journal(plan)?;
        let progress = ProgressLine::new(plan.steps.len(), output);
        let told = |heard: Heard| progress.say(heard.text());
        let work = async {
            let options = RunOptions {
                cluster: &*prepared.connection.cluster,
                secret_store,
                jobs: self.pace.jobs(),
                retry_policy: self.pace.retry_policy(),
                stop: &prepared.stop,
                progress: &Both(&journal, &progress),
            };
            let steps = run(plan, &options).await;
            progress.finish();
            let remaining = self.again(prepared, desired, output).await;
            Outcome {
                steps,
                remaining,
                rollback_file: rollback_file.map(|file| file.display().to_string()),
                rollback_command,
            }
        };
        let outcome = interruptible(work, &prepared.stop, secret_store, told).await;
        if let Some(outcome) = &outcome {
            journal.over(outcome);
        }
        Ok(outcome)
    }

    fn before(&self, global: &GlobalArgs, prepared: &Prepared, desired: &Desired) -> Result<Before, Failure> {
        let directory = std::env::current_dir().map_err(|error| {
            Failure::new(&exit::ENVIRONMENT, format!("the current directory cannot be told: {error}"))
        })?;
        let mut cluster = desired.cluster.clone();
        match global.via {
            Some(ViaArg::Weka) => cluster.via = Via::Weka,
            Some(ViaArg::Rest) => cluster.via = Via::Rest,
            None => {}
        }
        let settings = Settings {
            cluster: &cluster,
            instead: global.cluster.as_deref(),
            credentials: desired.credentials.as_ref(),
            directory: &directory,
            state_dir: &self.state_dir,
        };
        Ok(before(&prepared.made.plan, &prepared.observed, settings, &prepared.catalogue))
    }

    /// The command that applies the rollback file, from where this one was given. Where nobody was asked, nobody will be.
    fn rollback_command(&self, global: &GlobalArgs, file: &Path) -> Option<String> {
        let is_default = self.state_dir == Path::new(STATE_DIR);
        let state_dir = if is_default { None } else { Some(argument(&self.state_dir)?) };
        let file = argument(file)?;
        let mut words = vec!["attune", "apply"];
        words.extend((self.yes || !self.approved.is_empty()).then_some("--yes"));
        words.extend(global.insecure.then_some("--insecure"));
        words.extend(state_dir.iter().flat_map(|dir| ["--state-dir", dir.as_str()]));
        words.extend(["--file", file.as_str()]);
        shell_line(words)
    }

    /// What a new plan finds to do; `None` when the cluster cannot be observed.
    async fn again(&self, prepared: &Prepared, desired: &Desired, output: &mut Output) -> Option<Box<Plan>> {
        let desired = &once_revoked(desired);
        match observe(&prepared.connection.retrying(&self.pace), desired, self.pace.jobs()).await {
            Ok(observed) => Some(Box::new(plan_with(desired, &observed, &prepared.catalogue))),
            Err(error) => {
                output.urgent(|out, _| {
                    writeln!(out, "the cluster could not be observed again: {error}")?;
                    error.help.iter().try_for_each(|help| writeln!(out, "  help: {help}"))
                });
                None
            }
        }
    }
}

/// A path as an argument, which is not taken for an option; `None` where no text says it exactly.
fn argument(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(if text.starts_with('-') { format!("./{text}") } else { text.to_owned() })
}

/// Writes the rollback file, and says what it cannot bring back. There is none where it could bring back nothing.
fn rollback_file(state: &State, before: &Before, output: &mut Output) -> Result<Option<PathBuf>, Failure> {
    let left_out = before.left_out.join("; ");
    if before.is_empty {
        output.warn(&format!("there is no rollback file, since nothing could be rolled back: {left_out}"));
        return Ok(None);
    }
    if !left_out.is_empty() {
        output.warn(&format!("the rollback file does not have everything: {left_out}"));
    }
    state.write_before(before).map(Some)
}

/// A plan, and what it was made from.
struct Prepared {
    connection: Connection,
    observed: Observed,
    catalogue: Catalogue,
    made: Made,
    stop: StopSignal,
}

/// Whether all is done, and no new secret may be lost.
fn well(outcome: &Outcome) -> bool {
    outcome.all_good() && outcome.converged() && !outcome.may_have_lost_a_secret()
}

fn dropped() -> Failure {
    let message = "interrupted twice: stopped at once, and calls under way may have happened or not";
    let help = "run `attune plan` to see where the cluster stands, and `attune apply` to go on";
    Failure::new(&exit::INTERRUPTED, message).help(help).exit(Exit::Interrupted)
}

/// Whether the plan is one of the approved ones. The journal decides nothing here: the state directory may lie where a
/// proposal can write, so its memory is only a hint for the person who reads the error.
fn approved(plan: &Plan, approvals: &[String], state_dir: &Path) -> Result<(), Failure> {
    if approvals.iter().any(|approval| plan.digest.approved_by(approval)) {
        return Ok(());
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
            help +=
                &format!("\nthe journal in {} says that plan {approval} was applied at {time}", state_dir.display());
        }
    }
    Err(Failure::new(&exit::STALE, message).help(help).exit(Exit::Stale))
}
