//! What the runs of one process share: the file of logins, and the files of base revisions.

use std::path::Path;
use std::sync::OnceLock;

use super::exit::{self, Failure};
use super::git::Checkouts;
use crate::cluster::{Logins, SetupProblem};

/// Each part is read when the first run needs it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) checkouts: Checkouts,
    logins: OnceLock<Result<Logins, SetupProblem>>,
}

impl Shared {
    /// The logins of the file at `path`, read by `read` at the first call.
    pub(super) fn logins(
        &self,
        path: &Path,
        read: impl FnOnce(&Path) -> Result<String, SetupProblem>,
    ) -> Result<&Logins, Failure> {
        let logins = self.logins.get_or_init(|| read(path).and_then(|text| Logins::parse(path, &text)));
        logins.as_ref().map_err(|problem| Failure::setup(&exit::NO_CREDENTIALS, problem.clone()))
    }
}
