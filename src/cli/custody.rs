//! Where new secrets go, and whether they can go there.

use std::path::Path;
use std::time::Duration;

use super::exit::{self, Failure};
use super::output::Output;
use crate::apply::{Custody, CustodyContext};
use crate::base::{Finding, Sources, UserName};
use crate::desired::Desired;
use crate::observed::Identity;

/// How long a command may take to store one key pair: it does no more than a call or two to a store of secrets.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The custody that the file asks for.
pub(super) fn custody(identity: &Identity, desired: &Desired, state_dir: &Path) -> Custody {
    let context = CustodyContext {
        cluster: identity.name.clone(),
        tenant: identity.tenant.clone(),
        state_dir: state_dir.to_path_buf(),
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        command_timeout: COMMAND_TIMEOUT,
    };
    Custody::new(desired.credentials.as_ref(), context)
}

/// Tries it, before the first call, for all that may get a key pair.
pub(super) async fn tried(custody: &Custody, users: &[UserName], output: &mut Output) -> Result<(), Failure> {
    let problems = match custody.check(users).await {
        Ok(warnings) => {
            warnings.iter().for_each(|warning| output.warn(warning));
            return Ok(());
        }
        Err(problems) => problems,
    };
    let findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding::error(exit::CREDENTIAL_SINK, problem.message).help(problem.help))
        .collect();
    output.findings(&findings, &Sources::default());
    Err(Failure::new(&exit::CREDENTIAL_SINK, "a new secret could not be kept; nothing was changed"))
}
