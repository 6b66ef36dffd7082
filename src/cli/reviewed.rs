//! The configuration under review, under the settings that are trusted: those of `--base`, else its own.

use std::path::Path;

use super::args::{BaseArg, GlobalArgs, GuardArgs};
use super::base::{self, Base};
use super::desired::{NotReady, read_whole};
use super::exit;
use super::output::Output;
use crate::base::{Finding, Sources};
use crate::desired::{ClusterSettings, Desired, Loaded, Ownership};
use crate::observed::Observed;
use crate::plan::{Plan, Review, plan_with};
use crate::policy::Catalogue;
use crate::render::json::{BaseV1, PlanV1, ReviewV1};

/// A configuration with the settings that are in force.
pub(super) struct Reviewed {
    /// The configuration; with a base, under the settings of that.
    pub(super) loaded: Loaded,
    /// How the cluster is reached.
    pub(super) connection: ClusterSettings,
    /// The revision that is trusted, where one was given.
    pub(super) base: Option<Base>,
    review: Review,
}

/// A plan, and what is shown with it.
pub(super) struct Made {
    pub(super) plan: Plan,
    base: Option<BaseV1>,
    review: Option<ReviewV1>,
}

impl Reviewed {
    /// Reads the configuration and its base.
    pub(super) fn read(global: &GlobalArgs, base: &BaseArg, output: &mut Output) -> Result<Self, NotReady> {
        let Some(base) = &base.base else { return Ok(Self::alone(read_whole(global, output)?, global)) };
        if !global.file.exists() {
            return Self::removed(global, base, output);
        }
        let mut loaded = read_whole(global, output)?;
        let base = base::read(base, &global.file, &loaded.desired.directory)?;
        base.says_where(global)?;
        let review = Review::of(&base.desired, &loaded.desired);
        loaded.desired = std::mem::take(&mut loaded.desired).under(&base.desired);
        loaded.desired.cluster.insecure = global.insecure;
        Ok(Self { loaded, connection: base.connection.clone(), base: Some(base), review })
    }

    /// A configuration with its own settings.
    fn alone(mut loaded: Loaded, global: &GlobalArgs) -> Self {
        loaded.desired.cluster.insecure = global.insecure;
        let connection = loaded.desired.cluster.clone();
        Self { loaded, connection, base: None, review: Review::default() }
    }

    /// A configuration that only the base has. After the merge nobody manages what it declares, so that everything stays as it
    /// is, whatever its ownership covers.
    fn removed(global: &GlobalArgs, base: &str, output: &mut Output) -> Result<Self, NotReady> {
        let directory = global.file.parent().unwrap_or(Path::new(""));
        let mut base = base::read(base, &global.file, directory)?;
        if !base.there {
            return read_whole(global, output).map(|loaded| Self::alone(loaded, global));
        }
        base.desired.ownership = Ownership::default();
        let cluster = ClusterSettings { insecure: global.insecure, ..base.desired.cluster.clone() };
        let desired = Desired { directory: directory.to_path_buf(), cluster, ..Desired::default() };
        let review = Review { settings: Vec::new(), ..Review::of(&base.desired, &desired) };
        let message = format!(
            "{} is removed: everything that it declares at {} becomes unmanaged",
            global.file.display(),
            base.revision
        );
        let finding = Finding::warning(exit::CONFIGURATION_REMOVED, message)
            .help("to take access away instead, declare `detached = true` and `absent = true` first");
        let loaded = Loaded { desired, sources: Sources::default(), findings: vec![finding] };
        output.findings(&loaded.findings, &loaded.sources);
        Ok(Self { loaded, connection: base.connection.clone(), base: Some(base), review })
    }

    /// The configurations for which the cluster is observed.
    pub(super) fn states(&self) -> Vec<&Desired> {
        std::iter::once(&self.loaded.desired).chain(self.base.iter().map(|base| &base.desired)).collect()
    }

    /// What is no longer declared and which settings change, where there is anything.
    pub(super) fn review(&self) -> Option<ReviewV1> {
        let base = self.base.as_ref().filter(|_| !self.review.is_empty())?;
        Some(ReviewV1::of(&base.revision, &self.review))
    }

    /// Makes the plan of a run: the one place where the configuration, the guards of the command line and the actions meet.
    pub(super) fn planned(&mut self, observed: &Observed, guards: &GuardArgs, catalogue: &Catalogue) -> Made {
        guards.add_to(&mut self.loaded.desired.guards);
        let mut plan = plan_with(&self.loaded.desired, observed, catalogue);
        let review = self.review();
        let Some(base) = &self.base else { return Made { plan, base: None, review } };
        let apart = base.apart(&self.loaded.desired, observed, catalogue);
        plan.findings.extend(apart.findings);
        if plan.new_keys.as_ref().is_some_and(|keys| !keys.users.is_empty()) {
            plan.findings.extend(base.untrusted_program());
        }
        Made { plan, base: apart.base, review }
    }
}

impl Made {
    /// A copy of the plan for those who read it.
    pub(super) fn copy(&self, loaded: &Loaded) -> PlanV1 {
        let (base, review) = (self.base.clone(), self.review.clone());
        PlanV1 { base, review, ..PlanV1::of(&self.plan, &loaded.sources) }
    }
}
