//! `attune report`: a page of who may do what, and a table for an access review.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::access::SERVICE_ACCOUNTS;
use super::args::{ActionArgs, CallArgs, GlobalArgs};
use super::connect::{CommandError, connect, read_valid};
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::output::Output;
use super::results::{Form, Wanted};
use super::targets::TargetArgs;
use crate::base::{Principal, Release, file_name_without_capitals};
use crate::cluster::observe_all;
use crate::contract::{self, Checked};
use crate::desired::{ClusterSettings, Desired, Term};
use crate::observed::{Identity, Observed};
use crate::plan::{Digest, Plan, after, plan_with};
use crate::policy::Catalogue;
use crate::policy::access::{Context, RuleList};
#[cfg(feature = "html")]
use crate::render::html;
use crate::render::json::{self, ReportV1};
use crate::render::{Styles, access_review, text};
use crate::report::{Report, Scope, State, report, review};

/// Create an HTML page of who may do what, or a table for an access review
///
/// The page shows everyone's access to every bucket of a policy, all attachments, and the sizes of policies. It compares the
/// cluster with the configuration, and needs no network and no scripts. With --observed and --cluster, the configuration may
/// be missing. Nothing is changed.
///
/// On a terminal, it prints the same as text. With --format csv, each row is one user or group, one place and one request that it may make there.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune report                            as text, on a terminal
  attune report --out report.html
  attune report --observed --cluster https://weka01.example.com:14000 --out report.html
  attune report --desired > report.html   use only the configuration, offline
  attune report --observed --format csv --out access.csv
  attune report --file clusters --format html --out pages   a page for each
  attune report --format json | jq '.rows[] | select(any(.cells[].after[]; .admin != \"none\")) | .principals'")]
pub(super) struct ReportArgs {
    /// Show only the configuration and known predefined policies
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Show only the cluster
    #[arg(long)]
    observed: bool,
    #[cfg_attr(feature = "html", doc = "Output format [default: text on a terminal, html in a file or a pipe]")]
    #[cfg_attr(not(feature = "html"), doc = "Output format [default: text]")]
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,
    /// Output file, instead of stdout; several reports to this directory, a file for each
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    pub(super) targets: TargetArgs,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// An HTML page
    #[cfg(feature = "html")]
    Html,
    /// For people, in a terminal
    Text,
    /// For machines, with a published schema
    Json,
    /// A table for an access review
    Csv,
}

impl ReportFormat {
    #[cfg(feature = "html")]
    const IN_FILE: Self = Self::Html;
    #[cfg(not(feature = "html"))]
    const IN_FILE: Self = Self::Text;

    fn extension(self) -> &'static str {
        match self {
            #[cfg(feature = "html")]
            Self::Html => "html",
            Self::Text => "txt",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    fn is_page(self) -> bool {
        match self {
            #[cfg(feature = "html")]
            Self::Html => true,
            Self::Text | Self::Json | Self::Csv => false,
        }
    }
}

/// What a report is about.
struct Subject {
    scope: Scope,
    identity: Option<Identity>,
    digest: Option<Digest>,
    catalogue: Catalogue,
    rules: RuleList,
    /// When declared access begins and ends.
    terms: Vec<(Principal, Term)>,
    /// The checked expectations.
    expectations: Vec<Checked>,
}

impl ReportArgs {
    /// Text and JSON of several reports are printed. Pages and tables are a file for each.
    pub(super) fn of_many(&self) -> Result<Wanted<'_>, Failure> {
        let form = match (self.format, &self.out) {
            (Some(ReportFormat::Json), None) => Form::Json,
            (Some(ReportFormat::Text) | None, None) | (_, Some(_)) => Form::Text,
            (Some(_), None) => {
                let failure = Failure::new(&exit::NOT_SAVED, "pages and tables of several reports are a file for each");
                return Err(failure.help("name a directory for them with `--out`, or use `--format text` or `json`"));
            }
        };
        if let Some(directory) = &self.out {
            std::fs::create_dir_all(directory).map_err(|error| Failure::unwritten("the reports", directory, &error))?;
        }
        Ok(Wanted { form, out: None, metrics: None })
    }

    /// The file of this run's report; among several, a file of the directory.
    fn out(&self, global: &GlobalArgs, format: ReportFormat) -> Option<PathBuf> {
        let out = self.out.clone()?;
        if !global.one_of_many {
            return Some(out);
        }
        let id = global.target.clone().unwrap_or_else(|| global.file_name());
        Some(out.join(format!("{}.{}", file_name_without_capitals(&id), format.extension())))
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let prints_text = self.out.is_none() && (output.is_terminal() || global.one_of_many);
        let format = self.format.unwrap_or(if prints_text { ReportFormat::Text } else { ReportFormat::IN_FILE });
        let out = self.out(global, format);
        let out = out.as_deref();
        if format.is_page() && out.is_none() {
            output.refuse_page("`--out report.html`, or use `--format text`")?;
        }
        let subject = self.subject(global, output).await.map_err(|error| error.reported(output))?;
        match format {
            ReportFormat::Text => {
                let report = ReportV1::of(&subject.report());
                output.keep(&report);
                match out {
                    None => output.result(|out, styles| text::report(out, styles, &report))?,
                    Some(_) => write(out, output, |out| text::report(out, &Styles::default(), &report))?,
                }
            }
            #[cfg(feature = "html")]
            ReportFormat::Html => {
                let report = ReportV1::of(&subject.report());
                write(out, output, |out| html::report(out, &report))?;
            }
            ReportFormat::Json => {
                let report = ReportV1::of(&subject.report());
                write(out, output, |out| json::write(out, &report))?;
            }
            ReportFormat::Csv => {
                subject.check_attachments()?;
                let context = Context { rules: &subject.rules, ..Context::new(&subject.catalogue) };
                let [before, after] = review([subject.scope.before(), subject.scope.after()], &context);
                let of = subject.identity.as_ref();
                write(out, output, |out| access_review(out, of, before.as_deref(), after.as_deref()))?;
                output.info(|out, _| writeln!(out, "{SERVICE_ACCOUNTS}"));
            }
        }
        Ok(Exit::Done)
    }

    async fn subject(&self, global: &GlobalArgs, output: &mut Output) -> Result<Subject, CommandError> {
        if self.observed {
            // Without a configuration there are no expectations, and no rules of its own.
            let is_without = global.names_cluster() && !global.has_file();
            let loaded = if is_without { None } else { Some(read_valid(global, output)?) };
            let settings = loaded.as_ref().map_or_else(ClusterSettings::default, |of| of.desired.cluster.clone());
            let connection = connect(global, &settings, self.calls, output).await?;
            let declared: Vec<&Desired> = loaded.iter().map(|of| &of.desired).collect();
            let observed = observe_all(&connection.retrying(), &declared, self.calls.jobs()).await?;
            let catalogue = self.actions.load_or(&observed.identity.release)?;
            let scope = Scope::Cluster(State::of_cluster(&observed));
            let expectations = loaded.iter().flat_map(|of| {
                expectations(&of.desired, &contract::State::of_cluster(&observed, &of.desired), &catalogue)
            });
            let expectations = expectations.collect();
            let (identity, rules) = (Some(observed.identity), settings.rules().clone());
            return Ok(Subject { scope, identity, digest: None, catalogue, rules, terms: Vec::new(), expectations });
        }
        let loaded = read_valid(global, output)?;
        let rules = loaded.desired.cluster.rules().clone();
        if self.desired {
            let release = self.actions.release_or(&Release::newest());
            let scope = Scope::File(State::of_file(&loaded.desired, &release));
            let catalogue = self.actions.load_or(&release)?;
            let terms = terms(&loaded.desired);
            let state = contract::State::of_configuration(&loaded.desired, &release);
            let expectations = expectations(&loaded.desired, &state, &catalogue);
            return Ok(Subject { scope, identity: None, digest: None, catalogue, rules, terms, expectations });
        }
        let connection = connect(global, &loaded.desired.cluster, self.calls, output).await?;
        let observed = observe_all(&connection.retrying(), &[&loaded.desired], self.calls.jobs()).await;
        let observed = observed.map_err(Failure::from)?;
        let catalogue = self.actions.load_or(&observed.identity.release)?;
        let plan = plan_with(&loaded.desired, &observed, &catalogue);
        output.findings(&plan.findings, &loaded.sources);
        let terms = terms(&loaded.desired);
        Ok(Subject { terms, ..Subject::of_plan(&plan, &observed, catalogue, rules) })
    }
}

fn write(
    to: Option<&Path>,
    output: &mut Output,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match to {
        None => output.result(|out, _| write(out)),
        Some(path) => save("the report", path, write),
    }
}

impl Subject {
    fn of_plan(plan: &Plan, observed: &Observed, catalogue: Catalogue, rules: RuleList) -> Self {
        let before = State::of_cluster(observed);
        let after = before.after(plan).with_buckets(after(plan, observed).buckets);
        let (identity, digest) = (Some(observed.identity.clone()), Some(plan.digest.clone()));
        let (terms, expectations) = (plan.terms.clone(), plan.expectations.clone());
        Self { scope: Scope::Both { before, after }, identity, digest, catalogue, rules, terms, expectations }
    }

    fn report(self) -> Report {
        let report = report(self.scope, self.identity, self.digest, (&self.catalogue, &self.rules));
        Report { terms: self.terms, expectations: self.expectations, ..report }
    }

    /// A table without a user must not mean that nobody has access.
    fn check_attachments(&self) -> Result<(), Failure> {
        if [self.scope.before(), self.scope.after()].into_iter().flatten().all(|state| state.attachments_known) {
            return Ok(());
        }
        let message = "the cluster does not report who has which policy";
        Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("use `--desired` for the access in the configuration"))
    }
}

/// The expectations of a configuration, checked against a state.
fn expectations(desired: &Desired, state: &contract::State, catalogue: &Catalogue) -> Vec<Checked> {
    let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
    contract::check(&desired.expectations, None, state, &context)
}

/// When the access of the declared users and groups begins and ends.
fn terms(desired: &Desired) -> Vec<(Principal, Term)> {
    desired.terms().map(|(principal, term)| (principal.clone(), term)).collect()
}

pub(super) fn report_of_plan(plan: &Plan, observed: &Observed, (catalogue, rules): (&Catalogue, &RuleList)) -> Report {
    Subject::of_plan(plan, observed, catalogue.clone(), rules.clone()).report()
}
