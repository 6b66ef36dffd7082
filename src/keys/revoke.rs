//! Revokes users in an incident: a new key pair that nobody gets, then the detach.

use std::future::Future;

use super::KeyOptions;
use crate::base::{Capabilities, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, Effect};
use crate::observed::Identity;

/// A user to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The user.
    pub user: UserName,
    /// Its policies: several if the cluster reports several records under its name. Empty if it has none.
    pub policies: Vec<PolicyName>,
    /// Whether a directory gives its policy.
    pub is_imported: bool,
    /// Whether the cluster reports policies of users. If not, the user may have one.
    pub is_reported: bool,
}

/// How the revocation of a user ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The user.
    pub user: UserName,
    /// Whether a directory gives its policy.
    pub is_imported: bool,
    /// What became of its key pair.
    pub keys: RevokedKeys,
    /// What became of its policy.
    pub detached: Detached,
}

/// The key pair of a revoked user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedKeys {
    /// The pair is revoked: the cluster made another one, whose secret nobody has.
    Revoked,
    /// The pair works again with the next policy, for this reason.
    Kept(String),
    /// Whether the pair is revoked is unknown, for this reason.
    Unknown(String),
}

/// The attachment of a revoked user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detached {
    /// It is detached.
    Detached,
    /// It had no policy.
    HadNone,
    /// It still has the policy, for this reason.
    Failed(String),
    /// Whether it still has the policy is unknown, for this reason.
    Unknown(String),
}

impl Revoked {
    /// Whether the keys are revoked and the user has no policy.
    pub fn is_complete(&self) -> bool {
        self.keys == RevokedKeys::Revoked && matches!(self.detached, Detached::Detached | Detached::HadNone)
    }
}

impl Revocation {
    /// Why the keys cannot be revoked, as far as it is known before the first call; `None` if they can. `no_new_keys` is of
    /// [`no_new_keys`].
    pub fn keys_stay(&self, no_new_keys: Option<&str>) -> Option<String> {
        let no_policy = "the user has no policy, and the cluster makes keys only for users with one";
        no_new_keys.or_else(|| self.policies.is_empty().then_some(no_policy)).map(str::to_owned)
    }

    fn ended(&self, keys: RevokedKeys, detached: Detached) -> Revoked {
        Revoked { user: self.user.clone(), is_imported: self.is_imported, keys, detached }
    }
}

/// Why a cluster makes no new key pairs here; `None` if it does.
pub fn no_new_keys(cluster: &dyn Cluster, identity: &Identity, can: Capabilities) -> Option<String> {
    let release = &identity.release;
    if !can.key_pairs {
        return Some(format!("before 5.1 (this is WEKA {release}) the name and the password are the key pair"));
    }
    (!cluster.can_generate_keys()).then(|| "this cluster has no REST call that makes a key pair".to_owned())
}

/// Revokes users in order. A failure never stops the rest: each step takes access away. `no_new_keys` is of [`no_new_keys`].
pub async fn revoke(users: &[Revocation], no_new_keys: Option<&str>, options: &KeyOptions<'_>) -> Vec<Revoked> {
    let mut ended = Vec::new();
    for user in users {
        if options.stop.is_requested() {
            let why = "interrupted before it began";
            let (keys, detached) = (RevokedKeys::Kept(why.into()), Detached::Failed(why.into()));
            ended.push(user.ended(keys, detached));
            continue;
        }
        let keys = match user.keys_stay(no_new_keys) {
            Some(why) => RevokedKeys::Kept(why),
            None => revoke_keys(&user.user, options).await,
        };
        let detached = detach(user, options).await;
        let revoked = user.ended(keys, detached);
        options.record.revoked(&revoked);
        ended.push(revoked);
    }
    ended
}

/// Makes a new pair and drops it. A second pair does no harm, so a call with an unknown outcome is repeated.
async fn revoke_keys(user: &UserName, options: &KeyOptions<'_>) -> RevokedKeys {
    let generated = repeated(options, || options.cluster.revoke_keys(user)).await;
    let Err(error) = generated else { return RevokedKeys::Revoked };
    let why = error.to_string();
    match error.effect {
        Effect::UnknownOutcome => RevokedKeys::Unknown(why),
        Effect::Refused(_) | Effect::Unauthorized(_) | Effect::NotSent => RevokedKeys::Kept(why),
    }
}

async fn detach(user: &Revocation, options: &KeyOptions<'_>) -> Detached {
    let policy = match user.policies.first() {
        Some(policy) => policy.clone(),
        None if user.is_reported => return Detached::HadNone,
        // The call of these releases names only the user.
        None => PolicyName::reported("unknown"),
    };
    let principal = Principal::from(&user.user);
    let detached = repeated(options, || options.cluster.detach(&policy, &principal)).await;
    // The cluster knows better than an error who has a policy.
    let still = still_attached(&user.user, options).await;
    match (still, detached) {
        (Ok(false), _) | (Err(_), Ok(())) => Detached::Detached,
        (Ok(true), Ok(())) => Detached::Failed("the cluster says that it still has a policy".to_owned()),
        (Ok(true), Err(error)) => Detached::Failed(error.to_string()),
        (Err(unread), Err(error)) => Detached::Unknown(format!("{error}; and {unread}")),
    }
}

/// Whether a user has a policy. An error if the cluster does not report it.
async fn still_attached(user: &UserName, options: &KeyOptions<'_>) -> Result<bool, String> {
    let users = options.cluster.users().await.map_err(|error| error.to_string())?;
    if !users.attachments_known {
        return Err("the cluster does not report who has a policy".to_owned());
    }
    Ok(users.users.iter().any(|of| of.name == *user && of.policy.is_some()))
}

/// Repeats a call that was not sent, or whose outcome is unknown.
async fn repeated<F>(options: &KeyOptions<'_>, call: impl Fn() -> F) -> Result<(), CallError>
where
    F: Future<Output = Result<(), CallError>>,
{
    let mut retries = 0;
    loop {
        let Err(error) = call().await else { return Ok(()) };
        let may_help = matches!(error.effect, Effect::NotSent | Effect::UnknownOutcome);
        if !may_help || retries == options.retry_policy.retries || options.cluster.stopped().is_some() {
            return Err(error);
        }
        retries += 1;
        options.retry_policy.pause(retries).await;
    }
}
