//! Who holds which document: by the file, or on the cluster.

use crate::base::{PolicyName, Principal, Release};
use crate::cli::exit::{self, Failure};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent, PrincipalEntry};
use crate::observed::{Observed, granted};
use crate::policy::access::Holder;
use crate::policy::{Document, predefined};

/// The users and groups that the files declare, with what they declare for them.
pub(super) fn declared(desired: &Desired, release: &Release) -> Vec<Holder> {
    let document = |policy: &PolicyName| -> Option<Document> {
        match desired.policies.get(policy).map(|entry| &entry.intent) {
            Some(PolicyIntent::Present(authored)) => Some(authored.document().clone()),
            Some(PolicyIntent::Absent) => None,
            None => predefined(policy, release),
        }
    };
    let holder = |(principal, entry): (Principal, &PrincipalEntry)| {
        let policy = match &entry.intent {
            DeclaredAttachment::Has(policy) => Some(policy),
            DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
        };
        Holder { principal, policy: policy.cloned(), document: policy.and_then(document) }
    };
    desired.holders().map(holder).collect()
}

/// The users and, where it is told, the groups of the cluster, with what they hold there.
pub(super) fn observed(observed: &Observed) -> Result<Vec<Holder>, Failure> {
    if !observed.attachments_known {
        let message = format!("WEKA {} does not report over REST who holds what", observed.identity.release);
        return Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("ask the file instead: leave out `--observed`"));
    }
    let document =
        |policy: &PolicyName| granted(&observed.policies, policy)?.normal().map(|normal| normal.document().clone());
    let holder = |principal: Principal| {
        let policy = observed.attached_to(&principal);
        let document = policy.as_ref().and_then(document);
        Holder { policy, document, principal }
    };
    let users = observed.users.keys().map(Principal::from);
    Ok(users.chain(observed.groups.keys().map(Principal::from)).map(holder).collect())
}
