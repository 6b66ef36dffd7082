//! Who holds which document: by the file, or on the cluster.

use crate::base::{PolicyName, Release};
use crate::cli::exit::{self, Failure};
use crate::desired::{Desired, PolicyIntent, UserIntent};
use crate::observed::{Body, Observed};
use crate::policy::access::Holder;
use crate::policy::{Document, predefined};

/// The users that the files declare, with what they declare for them.
pub(super) fn declared(desired: &Desired, release: &Release) -> Vec<Holder> {
    let document = |policy: &PolicyName| -> Option<Document> {
        match desired.policies.get(policy).map(|entry| &entry.intent) {
            Some(PolicyIntent::Present(authored)) => Some(authored.document.clone()),
            Some(PolicyIntent::Absent) => None,
            None => predefined(policy, release),
        }
    };
    let holder = |(user, policy): (_, Option<&PolicyName>)| Holder {
        user,
        policy: policy.cloned(),
        document: policy.and_then(document),
    };
    let users = desired.users.iter().map(|(user, entry)| match &entry.intent {
        UserIntent::Holds(policy) => (user.clone(), Some(policy)),
        UserIntent::Detached | UserIntent::Retired => (user.clone(), None),
    });
    users.map(holder).collect()
}

/// The users of the cluster, with what they hold there.
pub(super) fn observed(observed: &Observed) -> Result<Vec<Holder>, Failure> {
    if !observed.attachments_known {
        let message = format!("WEKA {} does not report over REST who holds what", observed.identity.release);
        return Err(Failure::new(&exit::UNKNOWN_ACCESS, message).help("ask the file instead: leave out `--observed`"));
    }
    let document = |policy: &PolicyName| observed.policies.get(policy).and_then(Body::normal);
    let users = observed.users.iter().map(|(user, found)| Holder {
        user: user.clone(),
        policy: found.holds.clone(),
        document: found.holds.as_ref().and_then(document).map(|normal| normal.document().clone()),
    });
    Ok(users.collect())
}
