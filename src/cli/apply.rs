//! `attune apply`: runs the plan, once somebody has agreed to it.

use std::path::PathBuf;

use super::args::{Format, GlobalArgs, GuardArgs, Jobs};
use super::connect::{Connection, connect};
use super::custody::{custody, tried};
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::plan::{blocked, planned, refused};
use super::progress::Progress;
use crate::apply::{Custody, Outcome, run};
use crate::cluster::observe;
use crate::desired::{Desired, Loaded};
use crate::plan::Plan;
use crate::render::json::{self, OutcomeV1, PlanV1};
use crate::render::text;

/// Run the plan
///
/// Plans anew, shows the plan, and asks on a terminal. Elsewhere it needs `--approved DIGEST`, which runs the plan that
/// was reviewed or nothing, or `--yes`. Afterwards the cluster is observed again and must be as the file says.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune apply
  attune apply --approved 3f9c21ab90d4e6f7   the digest that `attune plan` printed
  attune apply --yes --format json")]
pub(super) struct ApplyArgs {
    /// Do not ask
    #[arg(short, long, conflicts_with = "approved")]
    yes: bool,
    /// Run only the plan with this digest: the whole, or the 16 digits that `plan` shows
    #[arg(long, value_name = "DIGEST")]
    approved: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where emergency files go: a new secret whose sink fails is kept there
    #[arg(long, value_name = "DIR", default_value = ".attune")]
    state_dir: PathBuf,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    jobs: Jobs,
}

impl ApplyArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let mut loaded = match read_whole(global, output) {
            Ok(loaded) => loaded,
            Err(not_ready) => return not_ready.reported(self.format, output),
        };
        let prepared = self.prepare(global, &mut loaded, output).await;
        let (connection, plan) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return NotReady::from(failure).reported(self.format, output),
        };
        self.show(&plan, &loaded, output)?;
        let custody = custody(&plan, &loaded.desired, &self.state_dir);
        let ready = match self.agreed(&plan, output) {
            Ok(()) => tried(&custody, &plan, output).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = ready {
            if self.format == Format::Json {
                output.result(|out, _| json::write(out, &PlanV1::of(&plan, &loaded.sources)))?;
            }
            return Err(failure);
        }
        let outcome = self.carry_out(&plan, &loaded.desired, &connection, &custody, output).await;
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &OutcomeV1::of(&plan, &outcome)))?,
            Format::Text if plan.is_empty() => {}
            Format::Text => output.result(|out, styles| text::outcome(out, styles, &plan, &outcome))?,
        }
        Ok(if outcome.all_good() && outcome.converged() { Exit::Done } else { Exit::Partial })
    }

    async fn prepare(
        &self,
        global: &GlobalArgs,
        loaded: &mut Loaded,
        output: &mut Output,
    ) -> Result<(Connection, Plan), Failure> {
        let connection = connect(global, &loaded.desired.cluster, output).await?;
        let observed = observe(&connection.cluster, &loaded.desired, self.jobs.get()).await?;
        let plan = planned(loaded, &observed, &self.guards)?;
        Ok((connection, plan))
    }

    /// The plan is part of the text result; beside JSON it goes to stderr.
    fn show(&self, plan: &Plan, loaded: &Loaded, output: &mut Output) -> Result<(), Failure> {
        output.findings(&plan.findings, &loaded.sources);
        match self.format {
            Format::Text => output.result(|out, styles| text::plan(out, styles, plan)),
            Format::Json => {
                output.aside(|out, styles| text::plan(out, styles, plan));
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
            return Err(refused());
        }
        if let Some(approval) = &self.approved {
            return approved(plan, approval);
        }
        if plan.is_empty() || self.yes {
            return Ok(());
        }
        if !output.can_ask() {
            let help =
                format!("review the plan, then run `attune apply --approved {}` (or `--yes`)", plan.digest.short());
            return Err(Failure::new(&exit::NOT_CONFIRMED, "nobody is here to confirm the plan").help(help));
        }
        match output.ask("apply this plan? Only `yes` is taken: ")?.as_str() {
            "yes" => Ok(()),
            _ => Err(Failure::new(&exit::NOT_CONFIRMED, "not confirmed; nothing was changed")),
        }
    }

    async fn carry_out(
        &self,
        plan: &Plan,
        desired: &Desired,
        connection: &Connection,
        custody: &Custody,
        output: &mut Output,
    ) -> Outcome {
        let progress = Progress::new(plan.steps.len(), output);
        let steps = run(plan, &connection.cluster, custody, self.jobs.get(), &progress).await;
        progress.finish();
        let remaining = match observe(&connection.cluster, desired, self.jobs.get()).await {
            Ok(observed) => Some(Box::new(crate::plan::plan(desired, &observed))),
            Err(error) => {
                output.urgent(|out, _| writeln!(out, "the cluster could not be observed again: {error}"));
                None
            }
        };
        Outcome { steps, remaining }
    }
}

fn approved(plan: &Plan, approval: &str) -> Result<(), Failure> {
    if plan.digest.approved_by(approval) {
        return Ok(());
    }
    let message = format!("the plan is now {}, not the approved {approval}; nothing was changed", plan.digest.short());
    let help = "the cluster or the file has changed since the review: review the plan above and approve its digest";
    Err(Failure::new(&exit::STALE, message).help(help).exit(Exit::Stale))
}
