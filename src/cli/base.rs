//! The revision that is trusted (`--base`): its settings decide, and drift is told apart from what is proposed.

use std::path::{Path, PathBuf};

use super::args::{GlobalArgs, ViaArg};
use super::exit::{self, Failure};
use super::git::{self, Checkout, GitProblem, checkout};
use crate::base::Finding;
use crate::desired::{Boundary, ClusterSettings, Desired, Destination, Loaded, load};
use crate::observed::Observed;
use crate::plan::{after, plan_with};
use crate::policy::Catalogue;
use crate::render::json::BaseV1;

/// A configuration that was agreed on before.
pub(super) struct Base {
    /// As it was given.
    pub(super) revision: String,
    /// What it declares, with the paths of its settings in the work tree.
    pub(super) desired: Desired,
    /// How the cluster is reached: certificates to trust are those of the revision, and not of the work tree.
    pub(super) connection: ClusterSettings,
    /// The program of `[credentials] command`, where the repository holds it: a proposal can change that.
    pub(super) program: Option<PathBuf>,
    /// Whether the file was there.
    pub(super) there: bool,
    /// The files of the revision, as long as they are needed.
    _checkout: Option<Checkout>,
}

/// Drift and what is proposed, and what to know about it.
pub(super) struct BaseComparison {
    /// Both; `None` where they could not be told apart.
    pub(super) base: Option<BaseV1>,
    /// Why not, or what else to know.
    pub(super) findings: Vec<Finding>,
}

/// Reads the base of `file`, whose directory is `directory`: a file where it is written as the path of one, else a revision
/// of the repository that the file is in. Which of the two depends on how it is written alone, so that no file that a proposal
/// adds can take the place of a revision.
pub(super) fn read(base: &str, file: &Path, directory: &Path) -> Result<Base, Failure> {
    if is_path(base) {
        let loaded = load(Path::new(base), Boundary::Repository).map_err(|error| {
            Failure::new(&exit::NO_BASE, format!("the base {error}"))
                .help("what begins with `/`, `./` or `../` or ends in `.toml` is a file, all else a revision of git")
        })?;
        let desired = whole(base, loaded, |text| text.to_owned())?;
        return Ok(Base::of(base, desired.cluster.clone(), desired, None));
    }
    let checkout = checkout(base, file).map_err(|problem| failure(&problem))?;
    if !checkout.file.exists() {
        let desired = Desired { directory: directory.to_path_buf(), ..Desired::default() };
        let absent = Base::of(base, ClusterSettings::default(), desired, None);
        return Ok(Base { there: false, ..absent });
    }
    let loaded = load(&checkout.file, Boundary::Below(&checkout.tree()))
        .map_err(|error| Failure::new(&exit::NO_BASE, checkout.named(&format!("the base {error}"), base)))?;
    let desired = whole(base, loaded, |text| checkout.named(text, base))?;
    let ca_file = desired.cluster.ca_file.clone();
    let program = match &desired.credentials {
        Some(Destination::Command { program, .. }) => program.strip_prefix(checkout.tree()).ok().map(Path::to_path_buf),
        Some(Destination::Age { .. } | Destination::File { .. }) | None => None,
    };
    let desired = desired.moved_to(directory);
    let connection = ClusterSettings { ca_file, ..desired.cluster.clone() };
    Ok(Base { program, ..Base::of(base, connection, desired, Some(checkout)) })
}

/// What a base declares, if it has no error: a guard that cannot be read would be none.
fn whole(base: &str, loaded: Loaded, named: impl Fn(&str) -> String) -> Result<Desired, Failure> {
    let errors: Vec<&Finding> = loaded.findings.iter().filter(|finding| finding.is_error()).collect();
    let Some(first) = errors.first() else { return Ok(loaded.desired) };
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let message =
        format!("the base {base} has errors, so its settings cannot be trusted: {}{more}", named(&first.message));
    Err(Failure::new(&exit::NO_BASE, message)
        .help("name an earlier revision without errors, or correct it there first"))
}

/// The configurations that the base has in a directory. A base that is a file has none.
pub(super) fn configurations(base: &str, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_path(base) {
        return Ok(Vec::new());
    }
    git::configurations(base, directory).map_err(|problem| failure(&problem))
}

/// Whether a base is a file, and no revision.
pub(super) fn is_path(base: &str) -> bool {
    let file = Path::new(base).extension().is_some_and(|end| end == "toml") && !base.contains(':');
    file || ["/", "./", "../"].iter().any(|start| base.starts_with(start))
}

fn failure(problem: &GitProblem) -> Failure {
    Failure::new(&exit::NO_BASE, format!("the base cannot be read: {problem}")).help(problem.help())
}

impl Base {
    fn of(base: &str, connection: ClusterSettings, desired: Desired, checkout: Option<Checkout>) -> Self {
        Self { revision: base.to_owned(), desired, connection, program: None, there: true, _checkout: checkout }
    }

    /// Whether something that is trusted says where the cluster is. A proposal does not.
    pub(super) fn says_where(&self, global: &GlobalArgs) -> Result<(), Failure> {
        let by_hand = global.cluster.is_some() || global.via == Some(ViaArg::Weka);
        if self.there || by_hand {
            return Ok(());
        }
        let message = format!(
            "{} is not there at {}, so no trusted settings say where the cluster is",
            global.file.display(),
            self.revision
        );
        Err(Failure::new(&exit::NO_TRUSTED_SETTINGS, message).help(
            "name the cluster on the command line, such as `--cluster https://HOST:14000`; its certificate must then be \
             trusted by this machine",
        ))
    }

    /// Tells drift from what is proposed. Nothing is told where the base could not be planned: what it would leave is not
    /// known then.
    pub(super) fn apart(&self, proposal: &Desired, observed: &Observed, catalogue: &Catalogue) -> BaseComparison {
        let drift = plan_with(&self.desired, observed, catalogue);
        if drift.is_blocked() {
            let errors: Vec<&Finding> = drift.findings.iter().filter(|finding| finding.is_error()).collect();
            return self.not_told(&errors);
        }
        let between = after(&drift, observed);
        let proposed = plan_with(proposal, &between, catalogue);
        let base = BaseV1::of(&self.revision, &drift.changes, &proposed.changes);
        let absent = || {
            let message = format!("the file is not there at {}: everything is proposed", self.revision);
            let help = "only its guards count: no other setting of a proposal is trusted before it is merged";
            Finding::note(exit::BASE_WITHOUT_FILE, message).help(help)
        };
        BaseComparison { base: Some(base), findings: (!self.there).then(absent).into_iter().collect() }
    }

    fn not_told(&self, errors: &[&Finding]) -> BaseComparison {
        let first = errors.first().map(|first| first.message.as_str()).unwrap_or_default();
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        let message =
            format!("{} cannot be planned, so drift is not told from what is proposed: {first}{more}", self.revision);
        let finding = Finding::warning(exit::BASE_NOT_PLANNED, message).help("only the whole plan is shown");
        BaseComparison { base: None, findings: vec![finding] }
    }

    /// What is wrong with a program that a proposal can change.
    pub(super) fn untrusted_program(&self) -> Option<Finding> {
        let program = self.program.as_ref()?;
        let message = format!(
            "the program {} of `[credentials]` lies in the repository, where a proposal can change it",
            program.display()
        );
        let help = "name a program of PATH, or one by an absolute path outside of the repository";
        Some(Finding::warning(exit::CREDENTIAL_SINK, message).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_is_written_says_whether_it_is_a_file() {
        for path in ["/a/b", "./main", "../old", "before.toml", "dir/before.toml"] {
            assert!(is_path(path), "{path}");
        }
        for revision in ["main", "origin/main", "HEAD~1", "v1.0", "HEAD^{/a.toml}", "v1.toml^{commit}", "main:a.toml"] {
            assert!(!is_path(revision), "{revision}");
        }
    }
}
