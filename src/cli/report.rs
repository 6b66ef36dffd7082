//! `attune report`: a page of who may do what, and a table for an access review.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;

use super::access::SERVICE_ACCOUNTS;
use super::args::{ActionArgs, CallArgs, Format, GlobalArgs};
use super::connect::{CommandError, cluster_settings, connect, read_valid};
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::output::Output;
use crate::base::{Principal, Release};
use crate::cluster::observe_all;
use crate::desired::{Desired, Term};
use crate::observed::{Identity, Observed};
use crate::plan::{Digest, Plan, plan_with};
use crate::policy::Catalogue;
use crate::policy::access::{Context, RuleList};
use crate::render::json::{self, ReportV1};
use crate::render::{access_review, html};
use crate::report::{Report, Scope, State, report, review};

/// Create an HTML page of who may do what, or a table for an access review
///
/// The page shows everyone's access to every bucket of a policy, all attachments, and the sizes of policies. It compares the
/// cluster with the configuration, and needs no network and no scripts. With --observed and --cluster, the configuration may
/// be missing. Nothing is changed.
///
/// With --format csv, each row is one user or group, one place and one request that it may make there.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune report --out report.html
  attune report --observed --cluster https://weka01.example.com:14000 --out report.html
  attune report --desired > report.html   use only the configuration, offline
  attune report --observed --format csv --out access.csv
  attune report --format json | jq '.rows[] | select(any(.cells[].after[]; .admin != \"none\")) | .principals'")]
pub(super) struct ReportArgs {
    /// Show only the configuration and known predefined policies
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Show only the cluster
    #[arg(long)]
    observed: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    format: ReportFormat,
    /// Output file, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// An HTML page
    Html,
    /// For machines, with a published schema
    Json,
    /// A table for an access review
    Csv,
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
}

impl ReportArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if self.format == ReportFormat::Html && self.out.is_none() {
            output.refuse_page("`--out report.html`, or use `--format csv`")?;
        }
        let of_failure = if self.format == ReportFormat::Json { Format::Json } else { Format::Text };
        let subject = self.subject(global, output).await.map_err(|error| error.reported(of_failure, output))?;
        match self.format {
            ReportFormat::Html => {
                let report = ReportV1::of(&subject.report());
                self.write(output, |out| html::report(out, &report))?;
            }
            ReportFormat::Json => {
                let report = ReportV1::of(&subject.report());
                self.write(output, |out| json::write(out, &report))?;
            }
            ReportFormat::Csv => {
                subject.check_attachments()?;
                let context = Context { rules: &subject.rules, ..Context::new(&subject.catalogue) };
                let [before, after] = [subject.scope.before(), subject.scope.after()];
                let [before, after] = [before, after].map(|state| state.map(|state| review(state, &context)));
                let of = subject.identity.as_ref();
                self.write(output, |out| access_review(out, of, before.as_deref(), after.as_deref()))?;
                output.info(|out, _| writeln!(out, "{SERVICE_ACCOUNTS}"));
            }
        }
        Ok(Exit::Done)
    }

    fn write(&self, output: &mut Output, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        match &self.out {
            None => output.result(|out, _| write(out)),
            Some(path) => save("the report", path, write),
        }
    }

    async fn subject(&self, global: &GlobalArgs, output: &mut Output) -> Result<Subject, CommandError> {
        if self.observed {
            let settings = cluster_settings(global, output)?;
            let connection = connect(global, &settings, self.calls, output).await?;
            let observed = observe_all(&connection.retrying(), &[], self.calls.jobs()).await?;
            let catalogue = self.actions.load_or(&observed.identity.release)?;
            let scope = Scope::Cluster(State::of_cluster(&observed));
            let (identity, rules) = (Some(observed.identity), settings.rules().clone());
            return Ok(Subject { scope, identity, digest: None, catalogue, rules, terms: Vec::new() });
        }
        let loaded = read_valid(global, output)?;
        let rules = loaded.desired.cluster.rules().clone();
        if self.desired {
            let release = self.actions.release_or(&Release::newest());
            let scope = Scope::File(State::of_file(&loaded.desired, &release));
            let catalogue = self.actions.load_or(&release)?;
            let terms = terms(&loaded.desired);
            return Ok(Subject { scope, identity: None, digest: None, catalogue, rules, terms });
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

impl Subject {
    fn of_plan(plan: &Plan, observed: &Observed, catalogue: Catalogue, rules: RuleList) -> Self {
        let before = State::of_cluster(observed);
        let after = before.after(plan);
        let (identity, digest) = (Some(observed.identity.clone()), Some(plan.digest.clone()));
        Self { scope: Scope::Both { before, after }, identity, digest, catalogue, rules, terms: plan.terms.clone() }
    }

    fn report(self) -> Report {
        let report = report(self.scope, self.identity, self.digest, (&self.catalogue, &self.rules));
        Report { terms: self.terms, ..report }
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

/// When the access of the declared users and groups begins and ends.
fn terms(desired: &Desired) -> Vec<(Principal, Term)> {
    desired.terms().map(|(principal, term)| (principal.clone(), term)).collect()
}

pub(super) fn report_of_plan(plan: &Plan, observed: &Observed, (catalogue, rules): (&Catalogue, &RuleList)) -> Report {
    Subject::of_plan(plan, observed, catalogue.clone(), rules.clone()).report()
}
