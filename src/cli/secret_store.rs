//! Where new secrets go, and whether they can go there.

use std::path::Path;
use std::time::Duration;

use super::exit::{self, Failure};
use super::output::Output;
use crate::apply::{SecretStore, SecretStoreContext};
use crate::base::{Finding, Sources, UserName};
use crate::desired::Desired;
use crate::observed::Identity;

/// How long storing one key pair may take: a command does no more than a call or two to a store of secrets.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How new secrets are stored.
#[derive(Debug, clap::Args)]
pub(super) struct SecretStoreArgs {
    /// Show what a `[credentials]` command that fails says on stderr: it may show the new secret, in any disguise
    #[arg(long)]
    show_command_output: bool,
}

/// The secret_store that the configuration asks for.
pub(super) fn secret_store(
    identity: &Identity,
    desired: &Desired,
    state_dir: &Path,
    args: &SecretStoreArgs,
) -> SecretStore {
    let context = SecretStoreContext {
        cluster: identity.name.clone(),
        tenant: identity.tenant.clone(),
        state_dir: state_dir.to_path_buf(),
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        timeout: TIMEOUT,
        show_output: args.show_command_output,
    };
    SecretStore::new(desired.credentials.as_ref(), context)
}

/// Tries it, before the first call, for all that may get a key pair.
pub(super) async fn tried(secret_store: &SecretStore, users: &[UserName], output: &mut Output) -> Result<(), Failure> {
    let Err(problems) = secret_store.check(users).await else { return Ok(()) };
    let findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding::error(exit::CREDENTIAL_SINK, problem.message).help(problem.help))
        .collect();
    output.findings(&findings, &Sources::default());
    Err(Failure::new(&exit::CREDENTIAL_SINK, "new secrets could not be kept, as said before; nothing was changed"))
}
