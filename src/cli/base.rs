//! The configuration under review, and its base (`--base`): the trusted version whose settings apply.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::allowed_signers;
use super::args::{BaseArg, GlobalArgs, GuardArgs, OnlyArg};
use super::connect::{CommandError, read_part, read_valid};
use super::exit::{self, Failure};
use super::git::{self, Checkout, GitProblem};
use super::output::Output;
use crate::base::{Finding, Sources};
use crate::desired::{
    Boundary, ClusterSettings, Desired, Destination, Loaded, ObjectPatterns, S3Settings, SignedApprovals, Tree,
    is_stdin, load_with, read_named, template_changes,
};
use crate::observed::Observed;
use crate::plan::{Ahead, Only, Plan, Review, SettingChange, after, plan_knowing, plan_part};
use crate::policy::Catalogue;
use crate::render::json::{BaseV1, PlanSnapshotV1, PlanV1, ReviewV1};

pub(super) struct Reviewed {
    /// The configuration; with a base, under its settings.
    pub(super) loaded: Loaded,
    connection: ClusterSettings,
    pub(super) base: Option<Base>,
    /// The part that a plan is for; `None` if it is for everything.
    pub(super) only: Option<Only>,
    review: Review,
}

pub(super) struct ReviewedPlan {
    pub(super) plan: Plan,
    base: Option<BaseV1>,
    review: Option<ReviewV1>,
}

impl Reviewed {
    pub(super) fn read(
        global: &GlobalArgs,
        base: &BaseArg,
        only: &OnlyArg,
        output: &mut Output,
    ) -> Result<Self, CommandError> {
        let Some(base) = &base.base else {
            let (loaded, only) = read_part(global, only, output)?;
            return Ok(Self { only, ..Self::without_base(loaded, global) });
        };
        if is_stdin(&global.file) {
            let failure = Failure::new(
                &exit::NO_BASE,
                "`--base` needs the path of the configuration, and standard input has none",
            );
            return Err(failure.help("name the file with `--file`").into());
        }
        if !global.has_file() {
            return Self::removed(global, base, output);
        }
        let (mut loaded, only) = read_part(global, only, output)?;
        let base = read(base, global, &loaded.desired.directory)?;
        let mut review = Review::of(&base.desired, &loaded.desired);
        review.settings.extend(base.changed_signers(&global.file));
        let review = if let Some(only) = &only { review.of_part(only) } else { review };
        loaded.desired = std::mem::take(&mut loaded.desired).under(&base.desired);
        loaded.desired.cluster.insecure = global.insecure;
        Ok(Self { loaded, connection: base.connection.clone(), base: Some(base), only, review })
    }

    fn without_base(mut loaded: Loaded, global: &GlobalArgs) -> Self {
        loaded.desired.cluster.insecure = global.insecure;
        let connection = loaded.desired.cluster.clone();
        Self { loaded, connection, base: None, only: None, review: Review::default() }
    }

    /// A configuration that only the base has. Everything that it declares becomes unmanaged, so nothing changes on the
    /// cluster, whatever `[ownership]` covers.
    fn removed(global: &GlobalArgs, base: &str, output: &mut Output) -> Result<Self, CommandError> {
        let directory = global.file.parent().unwrap_or(Path::new(""));
        let mut base = read(base, global, directory)?;
        if !base.exists {
            return read_valid(global, output).map(|loaded| Self::without_base(loaded, global));
        }
        base.desired.ownership = ObjectPatterns::default();
        let cluster = ClusterSettings { insecure: global.insecure, ..base.desired.cluster.clone() };
        let desired = Desired { directory: directory.to_path_buf(), cluster, ..Desired::default() };
        let review = Review { settings: Vec::new(), ..Review::of(&base.desired, &desired) };
        let file = global.file_name();
        let message = format!("{file} is removed: everything that it declares at {} becomes unmanaged", base.revision);
        let finding = Finding::warning(exit::CONFIGURATION_REMOVED, message)
            .help("to remove access instead, declare `detached = true` and `absent = true` first");
        let loaded = Loaded {
            desired,
            sources: Sources::default(),
            files: Vec::new(),
            findings: vec![finding],
            repeats: Vec::new(),
            not_included: Vec::new(),
            documents: BTreeMap::new(),
        };
        output.findings(&loaded.findings, &loaded.sources);
        Ok(Self { loaded, connection: base.connection.clone(), base: Some(base), only: None, review })
    }

    /// Who must sign an approval: how many people, and the trusted file with their names and keys.
    pub(super) fn signed_approvals(&self) -> Option<SignedApprovals> {
        let signed = self.loaded.desired.guards.signed.clone()?;
        let of_base = self.base.as_ref().and_then(|base| base.allowed_signers.clone());
        Some(SignedApprovals { allowed_signers: of_base.unwrap_or(signed.allowed_signers), ..signed })
    }

    /// The settings to connect with. Only trusted ones name a cluster.
    pub(super) fn connection(&self, global: &GlobalArgs) -> Result<&ClusterSettings, Failure> {
        self.base.as_ref().map_or(Ok(()), |base| base.check_names_cluster(global))?;
        Ok(&self.connection)
    }

    /// The cluster that the configuration is about, whether or not anything can connect to it.
    pub(super) fn cluster(&self) -> &ClusterSettings {
        &self.connection
    }

    pub(super) fn states(&self) -> Vec<&Desired> {
        std::iter::once(&self.loaded.desired).chain(self.base.iter().map(|base| &base.desired)).collect()
    }

    pub(super) fn review(&self) -> Option<ReviewV1> {
        let base = self.base.as_ref().filter(|_| !self.review.is_empty())?;
        Some(ReviewV1::of(&base.revision, &self.review))
    }

    pub(super) fn plan(
        &mut self,
        observed: &Observed,
        guards: &GuardArgs,
        catalogue: &Catalogue,
        ahead: Option<Ahead>,
    ) -> ReviewedPlan {
        guards.add_to(&mut self.loaded.desired.guards);
        let only = self.only.as_ref();
        let mut plan = plan_knowing(&self.loaded.desired, observed, catalogue, only, ahead);
        let review = self.review();
        let Some(base) = &self.base else { return ReviewedPlan { plan, base: None, review } };
        plan.findings.extend(template_changes(&base.desired, &self.loaded.desired, &self.loaded.sources));
        let compared = base.compare(&self.loaded.desired, observed, catalogue, only);
        plan.findings.extend(compared.as_ref().err().map(|finding| (**finding).clone()).or_else(|| base.missing()));
        if plan.new_keys.is_some() {
            plan.findings.extend(base.untrusted_program());
        }
        ReviewedPlan { plan, base: compared.ok(), review }
    }
}

impl ReviewedPlan {
    /// The plan as JSON, with the snapshot that it was made from.
    pub(super) fn to_json(&self, loaded: &Loaded, target: Option<&str>, snapshot: Option<PlanSnapshotV1>) -> PlanV1 {
        let plan = match snapshot {
            Some(snapshot) => PlanV1::of_snapshot(&self.plan, snapshot, &loaded.sources),
            None => PlanV1::of(&self.plan, &loaded.sources),
        };
        let target = target.map(ToOwned::to_owned);
        let signatures = loaded.desired.guards.signed.as_ref().map(|of| of.people);
        PlanV1 { target, base: self.base.clone(), review: self.review.clone(), signatures, ..plan }
    }
}

/// The trusted version of a configuration.
pub(super) struct Base {
    pub(super) revision: String,
    /// Its desired state; paths are those of the work tree.
    pub(super) desired: Desired,
    /// Its connection settings; trusted certificates are those of the revision, not of the work tree.
    connection: ClusterSettings,
    /// The file of the people who may sign approvals: that of the revision, not of the work tree.
    allowed_signers: Option<PathBuf>,
    /// The program of `[credentials] command`, if it lies in the repository, where a proposal can change it.
    program: Option<PathBuf>,
    exists: bool,
    /// The files of the revision; they are removed with this.
    _checkout: Option<Checkout>,
}

/// Reads the base of `file`. The spelling alone decides between a path and a revision, so no file of a proposal can take the
/// place of a revision.
fn read(base: &str, global: &GlobalArgs, directory: &Path) -> Result<Base, Failure> {
    let (file, variables) = (&global.file, global.variables().for_base());
    if is_path(base) {
        let loaded = load_with(Path::new(base), Boundary::Repository, &variables).map_err(|error| {
            Failure::new(&exit::NO_BASE, format!("cannot read the base {}: {}", error.path, error.cause)).help(
                "arguments that start with `/`, `./` or `../`, or end in `.toml`, are files; anything else is a Git revision",
            )
        })?;
        let mut desired = without_errors(base, loaded, |text| text.to_owned())?.at(global.as_of());
        desired.choose_tenant(global.tenant.as_deref());
        return Ok(Base::new(base, desired.cluster.clone(), desired, None));
    }
    let checkout = global.shared.checkouts.get(base, file).map_err(|problem| failure(&problem))?;
    if !checkout.file.exists() {
        let desired = Desired { directory: directory.to_path_buf(), ..Desired::default() };
        return Ok(Base { exists: false, ..Base::new(base, ClusterSettings::default(), desired, None) });
    }
    let loaded = load_with(&checkout.file, Boundary::Below(&checkout.tree()), &variables).map_err(|error| {
        let message = format!("cannot read the base {}: {}", error.path, error.cause);
        Failure::new(&exit::NO_BASE, checkout.with_repository_paths(&message, base))
    })?;
    let desired = without_errors(base, loaded, |text| checkout.with_repository_paths(text, base))?;
    let desired = desired.at(global.as_of());
    let allowed_signers = desired.guards.signed.as_ref().map(|of| of.allowed_signers.clone());
    let (ca_file, s3_ca_file) = (desired.cluster.ca_file.clone(), desired.cluster.s3.ca_file.clone());
    let program = match &desired.credentials {
        Some(Destination::Command { program, .. }) => program.strip_prefix(checkout.tree()).ok().map(Path::to_path_buf),
        Some(Destination::Age { .. } | Destination::File { .. }) | None => None,
    };
    let mut desired = desired.moved_to(directory);
    desired.choose_tenant(global.tenant.as_deref());
    // The certificates to trust are those of the base, not files of the proposal.
    let s3 = S3Settings { ca_file: s3_ca_file, ..desired.cluster.s3.clone() };
    let connection = ClusterSettings { ca_file, s3, ..desired.cluster.clone() };
    Ok(Base { program, allowed_signers, ..Base::new(base, connection, desired, Some(checkout)) })
}

/// The desired state of a base without errors. An unreadable guard would be no guard.
fn without_errors(base: &str, loaded: Loaded, shown: impl Fn(&str) -> String) -> Result<Desired, Failure> {
    let Some(errors) = first_error(&loaded.findings) else { return Ok(loaded.desired) };
    let message = format!("the base {base} has errors, so its settings cannot be trusted: {}", shown(&errors));
    Err(Failure::new(&exit::NO_BASE, message).help("name an earlier revision without errors, or fix the base first"))
}

fn first_error(findings: &[Finding]) -> Option<String> {
    let mut errors = findings.iter().filter(|finding| finding.is_error());
    let first = &errors.next()?.message;
    match errors.count() {
        0 => Some(first.clone()),
        more => Some(format!("{first} (and {more} more)")),
    }
}

/// The text of a configuration at the base; `None` if it has none that can be read.
pub(super) fn text_of(base: &str, global: &GlobalArgs, file: &Path) -> Result<Option<String>, Failure> {
    if is_path(base) {
        return Ok(read_named(Path::new(base)).ok());
    }
    let checkout = global.shared.checkouts.get(base, file).map_err(|problem| failure(&problem))?;
    Ok(Tree::open(&checkout.file, Boundary::Below(&checkout.tree())).and_then(|tree| tree.read_main()).ok())
}

/// The configurations that the base has in a directory; none if the base is a file.
pub(super) fn configurations(base: &str, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_path(base) {
        return Ok(Vec::new());
    }
    git::configurations(base, directory).map_err(|problem| failure(&problem))
}

pub(super) fn is_path(base: &str) -> bool {
    let file = Path::new(base).extension().is_some_and(|end| end == "toml") && !base.contains(':');
    file || ["/", "./", "../"].iter().any(|start| base.starts_with(start))
}

fn failure(problem: &GitProblem) -> Failure {
    Failure::new(&exit::NO_BASE, format!("cannot read the base: {problem}")).help(problem.help())
}

impl Base {
    fn new(base: &str, connection: ClusterSettings, desired: Desired, checkout: Option<Checkout>) -> Self {
        let allowed_signers = desired.guards.signed.as_ref().map(|of| of.allowed_signers.clone());
        let revision = base.to_owned();
        Self { revision, desired, connection, allowed_signers, program: None, exists: true, _checkout: checkout }
    }

    /// The change of the file of allowed signers, at the path that the base gives it.
    fn changed_signers(&self, file: &Path) -> Option<SettingChange> {
        let (before, signed) = (self.allowed_signers.as_ref()?, self.desired.guards.signed.as_ref()?);
        allowed_signers::change(before, &signed.allowed_signers, &git::top(file)?)
    }

    fn check_names_cluster(&self, global: &GlobalArgs) -> Result<(), Failure> {
        if self.exists || global.names_cluster() {
            return Ok(());
        }
        let (file, revision) = (global.file_name(), &self.revision);
        let message = format!("{file} does not exist at {revision}, so no trusted settings name the cluster");
        Err(Failure::new(&exit::NO_TRUSTED_SETTINGS, message)
            .help("name the cluster with `--cluster https://HOST:14000`; this machine must trust its certificate"))
    }

    /// Separates drift from proposed changes; a warning if the base cannot be planned.
    fn compare(
        &self,
        proposal: &Desired,
        observed: &Observed,
        catalogue: &Catalogue,
        only: Option<&Only>,
    ) -> Result<BaseV1, Box<Finding>> {
        let revision = &self.revision;
        let drift = plan_part(&self.desired, observed, catalogue, only.map(Only::or_nothing).as_ref());
        if drift.is_blocked() {
            let error = first_error(&drift.findings).unwrap_or_default();
            let message =
                format!("{revision} cannot be planned, so drift and proposed changes are not separated: {error}");
            return Err(Finding::warning(exit::BASE_NOT_PLANNED, message).help("only the whole plan is shown").into());
        }
        let proposed = plan_part(proposal, &after(&drift, observed), catalogue, only);
        Ok(BaseV1::of(revision, &drift.changes, &proposed.changes))
    }

    fn missing(&self) -> Option<Finding> {
        let message = format!("the configuration does not exist at {}: every change is proposed", self.revision);
        let help = "only its guards apply: no other setting of a proposal is trusted before it is merged";
        (!self.exists).then(|| Finding::note(exit::BASE_WITHOUT_FILE, message).help(help))
    }

    pub(super) fn untrusted_program(&self) -> Option<Finding> {
        let program = self.program.as_ref()?.display();
        let message =
            format!("the `[credentials]` program {program} lies in the repository, where a proposal can change it");
        let help = "name a program in PATH, or an absolute path outside the repository";
        Some(Finding::warning(exit::CREDENTIAL_SINK, message).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_of_a_base_decides_whether_it_is_a_file() {
        for path in ["/a/b", "./main", "../old", "before.toml", "dir/before.toml"] {
            assert!(is_path(path), "{path}");
        }
        for revision in ["main", "origin/main", "HEAD~1", "v1.0", "HEAD^{/a.toml}", "v1.toml^{commit}", "main:a.toml"] {
            assert!(!is_path(revision), "{revision}");
        }
    }
}
