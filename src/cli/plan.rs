//! `attune plan` and `attune show`: a plan, made now or saved before.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use super::ahead::observe_ahead;
use super::args::{BaseArg, CallArgs, GlobalArgs, GuardArgs, MaxChars, OnlyArg, PlanFormat, StateDir};
use super::base::{Reviewed, ReviewedPlan};
use super::connect::{CommandError, connect};
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::lost_keys::{self, users_with_policy};
use super::output::Output;
use super::preflight::check_plan;
use super::report::report_of_plan;
use super::results::{Form, INDEX, Results, Wanted};
use super::snapshot::{self, Snapshot};
use super::targets::TargetArgs;
use crate::cluster::observe_all;
use crate::desired::{is_stdin, shown_path};
use crate::observed::Observed;
use crate::plan::Ahead;
#[cfg(feature = "html")]
use crate::render::html;
use crate::render::json::{self, ManyV1, OneV1, PlanSnapshotV1, PlanV1, ReportV1, Saved};
use crate::render::{markdown, text};

/// Show the changes that apply would make
///
/// Reads the cluster and changes nothing. The digest identifies these API calls and the current state of the objects that
/// they change. `attune apply --approved DIGEST` runs only the plan with that digest.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune plan
  attune plan --detailed-exitcode            exit with 2 if there are changes
  attune plan --format json | jq .summary
  attune plan --out plan.json                print text, and save JSON
  attune plan --format markdown              print a comment for a pull request
  attune plan --format markdown --max-chars 1000000 > comment.md
  attune plan --format html > plan.html      write a page with everyone's access
  attune plan --base origin/main             use the settings of main
  attune plan --snapshot ../snapshot.json    plan without a login
  attune plan --only 'policy/ml-*' --only 'user/svc-ml-*'
  attune plan --only file:teams/ml.toml      plan what this file declares, and what it needs
  attune plan --override max_removals=12     override a guard for this run")]
pub(super) struct PlanArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    max_chars: MaxChars,
    /// Also save the plan as JSON to this file; several plans to this directory, a file for each
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    only: OnlyArg,
    #[command(flatten)]
    pub(super) base: BaseArg,
    #[command(flatten)]
    pub(super) targets: TargetArgs,
    /// Plan from this file of `attune snapshot`, without a login; such a plan cannot be approved
    ///
    /// The file must lie outside of every Git repository, where no proposal can put one. `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cluster", "via"])]
    snapshot: Option<PathBuf>,
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    calls: CallArgs,
}

struct Planned {
    reviewed: Reviewed,
    planned: ReviewedPlan,
    snapshot: Option<PlanSnapshotV1>,
    report: Option<ReportV1>,
}

impl PlanArgs {
    pub(super) fn of_many(&self, output: &Output) -> Result<Wanted<'_>, Failure> {
        if self.snapshot.is_some() {
            return Err(Failure::one_only("`--snapshot`"));
        }
        if self.format.is_page() {
            output.refuse_page("`attune plan --format html > plan.html`")?;
        }
        Ok(Wanted { form: Form::of_plans(self.format, &self.max_chars), out: self.out.as_deref(), metrics: None })
    }

    /// Whether `--out` names a directory: one that exists, or by a `/` at its end.
    pub(super) fn saves_many(&self) -> bool {
        self.out.as_ref().is_some_and(|out| out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/"))
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if self.format.is_page() {
            output.refuse_page("`attune plan --format html > plan.html`")?;
        }
        let Planned { reviewed, planned, snapshot, report } =
            self.plan(global, output).await.map_err(|error| error.reported(output))?;
        let plan = &planned.plan;
        output.findings(&plan.findings, &reviewed.loaded.sources);
        let plan_json = planned.to_json(&reviewed.loaded, global.target.as_deref(), snapshot);
        output.summary = Some(text::verdict(&plan_json));
        output.keep(&plan_json);
        if !global.one_of_many || matches!(self.format, PlanFormat::Text | PlanFormat::Json) {
            print_plan(&plan_json, report.as_ref(), self.format, &self.max_chars, output)?;
        }
        if let Some(path) = self.out.as_ref().filter(|_| !global.one_of_many) {
            save("the plan", path, |out| json::write(out, &plan_json))?;
        }
        check_plan(plan)?;
        let differs = plan.leaves_out() || self.detailed_exitcode && !plan.is_empty();
        Ok(if differs { Exit::Changes } else { Exit::Done })
    }

    async fn plan(&self, global: &GlobalArgs, output: &mut Output) -> Result<Planned, CommandError> {
        let mut reviewed = Reviewed::read(global, &self.base, &self.only, output)?;
        let ((observed, ahead), taken) = match &self.snapshot {
            Some(path) => {
                let Snapshot { observed, about, old } = snapshot::read(path, global, reviewed.cluster())?;
                ((observed, None), Some((about, old)))
            }
            None => (self.observe(global, &reviewed, output).await?, None),
        };
        lost_keys::warn(&self.state_dir.of(global), &observed.identity, &users_with_policy(&observed), output);
        let catalogue = self.guards.catalogue.load_or(&observed.identity.release)?;
        let mut planned = reviewed.plan(&observed, &self.guards, &catalogue, ahead);
        let snapshot = taken.map(|(about, old)| {
            planned.plan.findings.extend(old);
            about
        });
        let with_report = self.format.is_page() && !global.one_of_many;
        let by = (&catalogue, reviewed.loaded.desired.cluster.rules());
        let report = with_report.then(|| ReportV1::of(&report_of_plan(&planned.plan, &observed, by)));
        Ok(Planned { reviewed, planned, snapshot, report })
    }

    async fn observe(
        &self,
        global: &GlobalArgs,
        reviewed: &Reviewed,
        output: &mut Output,
    ) -> Result<(Observed, Option<Ahead>), Failure> {
        let connection = connect(global, reviewed.connection(global)?, self.calls, output).await?;
        let (cluster, jobs) = (connection.retrying(), self.calls.jobs());
        if self.format.is_page() && !global.one_of_many {
            return Ok((observe_all(&cluster, &reviewed.states(), jobs).await?, None));
        }
        Ok(observe_ahead(&cluster, reviewed, jobs).await?)
    }
}

fn print_plan(
    plan: &PlanV1,
    #[cfg_attr(not(feature = "html"), expect(unused_variables, reason = "only a page shows it"))] report: Option<
        &ReportV1,
    >,
    format: PlanFormat,
    max: &MaxChars,
    output: &mut Output,
) -> Result<(), Failure> {
    match format {
        PlanFormat::Text => output.result(|out, styles| text::plan(out, styles, plan)),
        PlanFormat::Json => output.result(|out, _| json::write(out, plan)),
        PlanFormat::Markdown => output.result(|out, _| write!(out, "{}", markdown::plan(plan, max.max_chars))),
        #[cfg(feature = "html")]
        PlanFormat::Html => output.result(|out, _| html::plan(out, plan, report)),
    }
}

/// Show a saved plan or outcome, or several plans
///
/// Shows a file written by `attune plan --out FILE`, `attune plan --format json` or `attune apply --format json`. Reads only
/// that file, so it shows exactly what was reviewed. A saved plan is never run: `attune apply --approved DIGEST` plans again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune plan --out plan.json; attune show plan.json
  attune show plan.json --format markdown > comment.md
  attune plan --file clusters --out plans; attune show plans
  attune apply --yes --format json | attune show -")]
pub(super) struct ShowArgs {
    /// Saved file, several, or a directory of `attune plan --out DIR`; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    saved: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    max_chars: MaxChars,
}

impl ShowArgs {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        if self.format.is_page() {
            output.refuse_page("`attune show FILE --format html > plan.html`")?;
        }
        match read_all_saved(&self.saved)? {
            Saved::Plan(plan) => {
                if self.format == PlanFormat::Text {
                    output.info(|out, styles| text::saved_findings(out, styles, &plan.findings));
                }
                print_plan(&plan, None, self.format, &self.max_chars, output)?;
            }
            Saved::Outcome(outcome) => match self.format {
                PlanFormat::Text => output.result(|out, styles| text::outcome(out, styles, &outcome))?,
                PlanFormat::Json => output.result(|out, _| json::write(out, &outcome))?,
                PlanFormat::Markdown => {
                    let comment = markdown::outcome(&outcome, self.max_chars.max_chars);
                    output.result(|out, _| write!(out, "{comment}"))?;
                }
                #[cfg(feature = "html")]
                PlanFormat::Html => output.result(|out, _| html::outcome(out, &outcome))?,
            },
            Saved::Many(many) => {
                Results::of_saved(many).print(Form::of_plans(self.format, &self.max_chars), output)?;
            }
        }
        Ok(Exit::Done)
    }
}

/// What files have that commands saved, or a directory of `attune plan --out DIR`.
pub(super) fn read_all_saved(paths: &[PathBuf]) -> Result<Saved, Failure> {
    match paths {
        [one] if one.is_dir() => read_directory(one),
        [one] => read_saved(one),
        several => read_several(several),
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let read = if is_stdin(path) { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    read.map_err(|error| {
        Failure::new(&exit::NOT_SAVED, format!("cannot read {}: {error}", shown_path(path)))
            .help("name a file that `attune plan --out FILE` wrote")
    })
}

fn read_saved(path: &Path) -> Result<Saved, Failure> {
    Saved::read(&read_text(path)?).map_err(|problem| not_shown(path, &problem.to_string()))
}

fn read_raw(path: &Path) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(read_text(path)?.trim().to_owned()).map_err(|error| not_shown(path, &error.to_string()))
}

fn not_shown(path: &Path, problem: &str) -> Failure {
    let failure = Failure::new(&exit::NOT_SAVED, format!("cannot show {}: {problem}", shown_path(path)));
    failure.help("use a file that `attune plan --out FILE` or `attune apply --format json` wrote")
}

/// The plans that `attune plan --out DIR` wrote. Other files of the directory are ignored.
fn read_directory(directory: &Path) -> Result<Saved, Failure> {
    let index = directory.join(INDEX);
    let Saved::Many(mut many) = read_saved(&index)? else {
        return Err(not_shown(&index, "it is no list of several plans"));
    };
    for run in &mut many.runs {
        let Some(name) = run.saved.take() else { continue };
        if Path::new(&name).file_name() != Some(name.as_ref()) {
            return Err(not_shown(&index, &format!("`{name}` is not the name of a file beside it")));
        }
        let path = directory.join(&name);
        run.result = Some(read_raw(&path)?);
    }
    Ok(Saved::Many(many))
}

fn read_several(paths: &[PathBuf]) -> Result<Saved, Failure> {
    let mut runs = Vec::new();
    for path in paths {
        let result = Some(read_raw(path)?);
        runs.push(OneV1 { file: shown_path(path), result, ..OneV1::default() });
    }
    let named = paths.iter().map(|path| shown_path(path)).collect();
    Ok(Saved::Many(ManyV1::of(None, Exit::Done.number(), named, runs)))
}
