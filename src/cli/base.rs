//! The desired state that a plan is held against with `--base`, to tell drift from what is proposed.

use std::path::Path;

use super::exit::{self, Failure};
use super::git::{GitProblem, checkout};
use crate::base::Finding;
use crate::desired::{Desired, Loaded, load};
use crate::observed::Observed;
use crate::plan::{after, plan_with};
use crate::policy::Catalogue;
use crate::render::json::BaseV1;

/// A desired state that was agreed on before.
pub(super) struct Base {
    /// As it was given.
    revision: String,
    /// What it declares; as good as nothing where it has errors.
    pub(super) desired: Desired,
    /// Why it cannot be used.
    errors: Vec<String>,
    /// Whether the file was there.
    there: bool,
}

/// Drift and what is proposed, and what to know about it.
pub(super) struct Apart {
    /// Both; `None` where they could not be told apart.
    pub(super) base: Option<BaseV1>,
    /// Why not, or what else to know.
    pub(super) findings: Vec<Finding>,
}

/// Reads the base: a file where it is written as the path of one, else a revision of the repository that the file is in. What
/// it is depends on how it is written alone, so that no file that a review adds can take the place of a revision.
pub(super) fn read(base: &str, file: &Path) -> Result<Base, Failure> {
    if is_path(base) {
        let loaded = load(Path::new(base)).map_err(|error| {
            Failure::new(&exit::NO_BASE, format!("the base {error}"))
                .help("what begins with `/`, `./` or `../` or ends in `.toml` is a file, all else a revision of git")
        })?;
        return Ok(Base::of(base, loaded, |text| text.to_owned()));
    }
    let checkout = checkout(base, file).map_err(|problem| failure(&problem))?;
    if !checkout.file.exists() {
        return Ok(Base { revision: base.to_owned(), desired: Desired::default(), errors: Vec::new(), there: false });
    }
    let loaded = load(&checkout.file)
        .map_err(|error| Failure::new(&exit::NO_BASE, checkout.named(&format!("the base {error}"), base)))?;
    Ok(Base::of(base, loaded, |text| checkout.named(text, base)))
}

fn is_path(base: &str) -> bool {
    let file = Path::new(base).extension().is_some_and(|end| end == "toml") && !base.contains(':');
    file || ["/", "./", "../"].iter().any(|start| base.starts_with(start))
}

fn failure(problem: &GitProblem) -> Failure {
    let help = match problem {
        GitProblem::NoGit(_) => "put git on PATH, or give the path of a file, such as `--base ./before.toml`",
        GitProblem::NoRepository(_) => "give the path of a file instead, such as `--base ./before.toml`",
        GitProblem::NoRevision(_) => {
            "name a branch, a tag or a commit; in a shallow clone, fetch it first, such as with `git fetch origin main`; \
             a file is named as `./NAME`"
        }
        GitProblem::Failed { .. } => "see whether `git status` works there",
    };
    Failure::new(&exit::NO_BASE, format!("the base cannot be read: {problem}")).help(help)
}

impl Base {
    fn of(base: &str, loaded: Loaded, named: impl Fn(&str) -> String) -> Self {
        let errors = loaded.findings.iter().filter(|finding| finding.is_error());
        let errors = errors.map(|finding| named(&finding.message)).collect();
        Self { revision: base.to_owned(), desired: loaded.desired, errors, there: true }
    }

    /// Tells drift from what is proposed. Nothing is told where the base could not be planned: what it would leave is not
    /// known then.
    pub(super) fn apart(&self, file: &Desired, observed: &Observed, catalogue: &Catalogue) -> Apart {
        if !self.errors.is_empty() {
            return self.not_told(&self.errors);
        }
        let drift = plan_with(&self.desired, observed, catalogue);
        if drift.is_blocked() {
            let errors = drift.findings.iter().filter(|finding| finding.is_error());
            return self.not_told(&errors.map(|finding| finding.message.clone()).collect::<Vec<_>>());
        }
        let between = after(&drift, observed);
        let proposed = plan_with(file, &between, catalogue);
        let base = BaseV1::of(&self.revision, &drift.changes, &proposed.changes);
        let absent = || {
            let message = format!("the file is not there at {}: everything is proposed", self.revision);
            Finding::note(exit::BASE_WITHOUT_FILE, message)
        };
        Apart { base: Some(base), findings: (!self.there).then(absent).into_iter().collect() }
    }

    fn not_told(&self, errors: &[String]) -> Apart {
        let first = errors.first().map(String::as_str).unwrap_or_default();
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        let message =
            format!("{} cannot be planned, so drift is not told from what is proposed: {first}{more}", self.revision);
        let help = "only the whole plan is shown; it and its digest do not depend on the base";
        Apart { base: None, findings: vec![Finding::warning(exit::BASE_NOT_PLANNED, message).help(help)] }
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
