//! What is asked of a cluster that is to be adopted: everything that is wanted, with the documents as they are told.

use std::collections::BTreeMap;

use super::Selection;
use crate::base::{GroupName, PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, documents, groups_by_name};
use crate::observed::{Duplicates, Identity, ObservedUser};

/// What a cluster told.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Which cluster and tenant.
    pub identity: Identity,
    /// All policies; those that are wanted with their documents as text.
    pub policies: BTreeMap<PolicyName, Option<String>>,
    /// All users.
    pub users: BTreeMap<UserName, ObservedUser>,
    /// The groups that hold a policy, as far as it is told.
    pub groups: BTreeMap<GroupName, PolicyName>,
    /// The names that have several records.
    pub duplicates: Duplicates,
    /// Whether the cluster says who holds what.
    pub attachments_known: bool,
}

impl Survey {
    /// Who holds what, users first.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (Principal, &PolicyName)> {
        let users = self.users.iter().filter_map(|(name, user)| Some((Principal::from(name), user.holds.as_ref()?)));
        users.chain(self.groups.iter().map(|(name, policy)| (Principal::from(name), policy)))
    }
}

/// Asks a cluster, at most `jobs` documents at a time.
///
/// # Errors
/// The first look that fails; an incomplete survey is never returned.
pub async fn look(cluster: &dyn Cluster, selection: &Selection, jobs: usize) -> Result<Survey, CallError> {
    let identity = cluster.identity().await?;
    let users = cluster.users().await?;
    let groups = cluster.groups().await?.unwrap_or_default();
    let names = cluster.list_policies().await?;
    let mut duplicates = Duplicates::default();
    duplicates.policies(&names);
    let attachments_known = users.attachments_known;
    let mut survey = Survey {
        identity,
        policies: names.into_iter().map(|name| (name, None)).collect(),
        users: users.by_name(&mut duplicates),
        groups: groups_by_name(groups, &mut duplicates),
        duplicates,
        attachments_known,
    };
    let wanted = survey.declarable_policies(selection);
    for (name, text) in documents(cluster, &wanted, jobs).await? {
        match text {
            Some(text) => survey.policies.insert(name, Some(text)),
            None => survey.policies.remove(&name),
        };
    }
    Ok(survey)
}
