//! `attune test`: checks the expectations and envelopes of a configuration.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::args::{ActionArgs, CallArgs, GlobalArgs};
use super::connect::{CommandError, connect, read_valid};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::snapshot;
use crate::base::{Finding, Release};
use crate::cluster::observe_all;
use crate::contract::{
    self, Against, Checked, CheckedEnvelope, State, check_envelopes, envelope_findings, mutations,
    offline_envelope_findings,
};
use crate::desired::{Loaded, RepositoryPaths};
use crate::policy::Catalogue;
use crate::policy::access::Context;
use crate::render::json::{self, MutationsV1, TestV1};
use crate::render::{annotations, junit_of_expectations, sarif, text};

/// Check the expectations and envelopes of a configuration
///
/// Decides each entry of `[[expect]]` and `[[envelope]]` for all users, all keys and all conditions. By default, it checks the
/// configuration, offline. With --observed, it checks the cluster as it is. Exits with 3 if an expectation fails or an envelope is
/// exceeded. `attune plan` and `attune apply` check the state after the plan.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune test
  attune test --observed
  attune test --snapshot ../snapshot.json
  attune test --format junit > expectations.xml
  attune test --mutate            which wider policies would nobody notice?")]
pub(super) struct TestArgs {
    /// Check the cluster as it is
    #[arg(long)]
    observed: bool,
    /// Check the cluster of this file of `attune snapshot`
    #[arg(long, value_name = "FILE", conflicts_with = "observed")]
    snapshot: Option<PathBuf>,
    /// Also widen each statement in turn, and report what no expectation would notice
    #[arg(long, conflicts_with_all = ["observed", "snapshot"])]
    mutate: bool,
    /// Stop `--mutate` after this number of seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "mutate")]
    mutate_for: u64,
    /// Output format
    #[arg(long, value_enum, default_value_t = TestFormat::Text)]
    format: TestFormat,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// JUnit XML, for test reports
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// The checked expectations.
struct Tested {
    loaded: Loaded,
    state: &'static str,
    checked: Vec<Checked>,
    envelopes: Vec<CheckedEnvelope>,
    findings: Vec<Finding>,
    mutations: Option<MutationsV1>,
}

impl TestArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let tested = self.test(global, output).await.map_err(|error| error.reported(output))?;
        self.report(global, &tested, output)?;
        if tested.checked.is_empty() && tested.envelopes.is_empty() {
            output.warn(&format!("{} has no expectations, so nothing was checked", global.file_name()));
        }
        let holds = tested.checked.iter().all(Checked::holds) && tested.envelopes.iter().all(CheckedEnvelope::holds);
        Ok(if holds { Exit::Done } else { Exit::Refused })
    }

    async fn test(&self, global: &GlobalArgs, output: &mut Output) -> Result<Tested, CommandError> {
        let loaded = read_valid(global, output)?;
        let desired = &loaded.desired;
        let (observed, name) = if let Some(path) = &self.snapshot {
            (Some(snapshot::read(path, global, &desired.cluster)?.observed), "snapshot")
        } else if self.observed {
            let connection = connect(global, &desired.cluster, self.calls, output).await?;
            let observed = observe_all(&connection.retrying(), &[desired], self.calls.jobs()).await?;
            (Some(observed), "cluster")
        } else {
            (None, "configuration")
        };
        let release = match &observed {
            Some(observed) => observed.identity.release.clone(),
            None => self.actions.release_or(&Release::newest()),
        };
        let catalogue = self.actions.load_or(&release)?;
        let (state, against) = match &observed {
            Some(observed) => (State::of_cluster(observed, desired), Against::Cluster(observed)),
            None => (State::of_configuration(desired, &release), Against::Configuration(&release)),
        };
        let Checks { checked, envelopes, findings } = check(&loaded, &state, against, &catalogue);
        let mutations = self.mutate.then(|| self.mutations(&loaded, &state, &catalogue));
        Ok(Tested { loaded, state: name, checked, envelopes, findings, mutations })
    }

    fn report(&self, global: &GlobalArgs, tested: &Tested, output: &mut Output) -> Result<(), Failure> {
        let Tested { loaded, state, checked, envelopes, findings, mutations } = tested;
        let test = TestV1::of(state, checked, envelopes, findings, &loaded.sources);
        let test = TestV1 { mutations: mutations.clone(), ..test };
        let file = global.file_name().to_string();
        output.result(|out, styles| match self.format {
            TestFormat::Text => text::expectations(out, styles, &test),
            TestFormat::Json => json::write(out, &test),
            TestFormat::Junit => junit_of_expectations(out, &file, &test),
            TestFormat::Github => annotations(out, findings, &loaded.sources),
            TestFormat::Sarif => {
                let (findings, sources) = (findings.clone(), loaded.sources.clone());
                let paths = RepositoryPaths::of_main(&global.file);
                sarif(out, &[crate::render::Checked { file: file.clone(), paths, findings, sources }])
            }
        })
    }

    /// Tries the mutations of all declared policies, for as long as there is time.
    fn mutations(&self, loaded: &Loaded, state: &State, catalogue: &Catalogue) -> MutationsV1 {
        let context = Context { rules: loaded.desired.cluster.rules(), ..Context::new(catalogue) };
        let end = Instant::now() + Duration::from_secs(self.mutate_for);
        let all = mutations(&loaded.desired, &context);
        let mut result = MutationsV1 { possible: all.len(), ..MutationsV1::default() };
        for mutation in all {
            if Instant::now() >= end {
                break;
            }
            let verdict = mutation.result(&loaded.desired, state, &context);
            result.add(&mutation, verdict, &loaded.sources);
        }
        result
    }
}

/// The expectations and envelopes of a configuration, checked, and the findings about those that fail.
pub(super) struct Checks {
    checked: Vec<Checked>,
    envelopes: Vec<CheckedEnvelope>,
    pub(super) findings: Vec<Finding>,
}

/// Checks the expectations of a configuration against a state, and its envelopes against the same.
pub(super) fn check(loaded: &Loaded, state: &State, against: Against<'_>, catalogue: &Catalogue) -> Checks {
    let desired = &loaded.desired;
    let context = Context { rules: desired.cluster.rules(), ..Context::new(catalogue) };
    let checked = contract::check(&desired.expectations, None, state, &context);
    let envelopes = check_envelopes(desired, against, &context);
    let mut findings = contract::offline_findings(&checked, desired, &context);
    match against {
        Against::Configuration(_) => findings.extend(offline_envelope_findings(&envelopes, desired, &context)),
        Against::Cluster(_) | Against::Plan(_) | Against::Part { .. } => {
            findings.extend(envelopes.iter().flat_map(|of| envelope_findings(of, desired, &context)));
        }
    }
    Checks { checked, envelopes, findings }
}
