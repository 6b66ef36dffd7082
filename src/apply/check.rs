//! Checks the object of a call on the cluster: before the call, whether it matches the plan; after it, whether it had its effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::base::{PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, read_bucket_policy};
use crate::observed::Body;
use crate::plan::Call;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ObjectState {
    /// The effect of the call is there.
    Done,
    /// It is as the plan expects it before the call.
    Expected,
    /// It is different, in this way.
    Other(String),
}

/// How old a read may be to serve a check before a call. One read serves all calls in that time, so that many calls need few
/// reads. A foreign change within it is noticed only by the read after the last call.
const MAX_AGE: Duration = Duration::from_secs(1);

pub(super) struct Checker<'a> {
    cluster: &'a dyn Cluster,
    attachments: Recent<Attachments>,
    names: Recent<BTreeSet<PolicyName>>,
    documents: std::sync::Mutex<BTreeMap<PolicyName, Arc<Recent<Body>>>>,
    /// When the last call about a policy ended.
    called: std::sync::Mutex<BTreeMap<PolicyName, Instant>>,
}

/// The last read and when it began. It is locked while someone reads.
struct Recent<T>(Mutex<Option<(Instant, Arc<T>)>>);

struct Attachments {
    known: bool,
    /// By name: the policy in each record of the name, nearly always one record.
    by_principal: BTreeMap<Principal, Vec<Option<PolicyName>>>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(cluster: &'a dyn Cluster) -> Self {
        let documents = std::sync::Mutex::default();
        let called = std::sync::Mutex::default();
        Self { cluster, attachments: Recent::default(), names: Recent::default(), documents, called }
    }

    /// Remembers that a call about the policy has ended.
    pub(super) fn ended(&self, policy: &PolicyName) {
        if let Ok(mut called) = self.called.lock() {
            called.insert(policy.clone(), Instant::now());
        }
    }

    /// The documents that were read after the last call about them.
    pub(super) fn read_since(&self) -> BTreeMap<PolicyName, Body> {
        let (Ok(documents), Ok(called)) = (self.documents.lock(), self.called.lock()) else { return BTreeMap::new() };
        let read = |(policy, ended): (&PolicyName, &Instant)| {
            let last = documents.get(policy)?.0.try_lock().ok()?;
            let (_, body) = last.as_ref().filter(|(began, _)| began >= ended)?;
            Some((policy.clone(), Body::clone(body)))
        };
        called.iter().filter_map(read).collect()
    }

    /// Whether the object matches the plan. A recent read serves only if it shows the expected state: an object that this run
    /// has changed since never matches.
    pub(super) async fn before(&self, call: &Call) -> Result<ObjectState, CallError> {
        let now = Instant::now();
        match self.check(call, now.checked_sub(MAX_AGE).unwrap_or(now)).await? {
            ObjectState::Expected => Ok(ObjectState::Expected),
            ObjectState::Done | ObjectState::Other(_) => self.now(call).await,
        }
    }

    pub(super) async fn now(&self, call: &Call) -> Result<ObjectState, CallError> {
        self.check(call, Instant::now()).await
    }

    /// Checks with reads that began at `limit` or later.
    async fn check(&self, call: &Call, limit: Instant) -> Result<ObjectState, CallError> {
        match call {
            Call::AddPolicy { policy, document, has } => {
                let (found, attachments) = tokio::join!(self.document(policy, limit), self.attachments(limit));
                match found? {
                    None => Ok(attachments?.addition(policy, has)),
                    Some(found) if found.normal() == Some(document) => Ok(ObjectState::Done),
                    Some(_) => Ok(ObjectState::Other(format!("policy `{policy}` exists with another document"))),
                }
            }
            Call::RemovePolicy { policy, expects } => self.removal(policy, expects.as_deref(), limit).await,
            Call::Attach { principal, policy, expects, grants } => {
                // The document comes last: by it the user or group will have access.
                let (attachments, names) = tokio::join!(self.attachments(limit), self.names(limit));
                let attachments = attachments?;
                let state = attachments.state(principal, Some(policy), expects.as_ref());
                match grants {
                    Some(grants) if attachments.known => {
                        names?;
                        Ok(match self.document(policy, limit).await? {
                            Some(found) if found.text() == Some(grants) => state,
                            Some(_) => ObjectState::Other(format!("policy `{policy}` has another document now")),
                            None => ObjectState::Other(format!("policy `{policy}` does not exist")),
                        })
                    }
                    Some(_) | None => Ok(state),
                }
            }
            Call::SetBucketPolicy { bucket, policy, expects } => {
                let found = read_bucket_policy(self.cluster, bucket).await?;
                Ok(match found {
                    found if policy.is_met_by(&found) => ObjectState::Done,
                    found if found.text() == &**expects => ObjectState::Expected,
                    found => ObjectState::Other(format!("bucket `{bucket}` has another policy: {}", found.text())),
                })
            }
            // Whether a pair was created cannot be read. Another one does no harm while the user has a policy.
            Call::RevokeKeys { user } => Ok(self.attachments(limit).await?.has_any_policy(user)),
            Call::Detach { principal, policy } => {
                Ok(self.attachments(limit).await?.state(principal, None, Some(policy)))
            }
        }
    }

    async fn removal(
        &self,
        policy: &PolicyName,
        expects: Option<&str>,
        limit: Instant,
    ) -> Result<ObjectState, CallError> {
        let Some(found) = self.document(policy, limit).await? else { return Ok(ObjectState::Done) };
        if expects.is_some() && found.text() != expects {
            return Ok(ObjectState::Other(format!("policy `{policy}` has another document now")));
        }
        // Some clusters remove a policy that is attached, so this read is as late as possible.
        let attachments = self.attachments(Instant::now()).await?;
        Ok(match attachments.with_policy(policy).next() {
            Some(principal) => ObjectState::Other(format!("{principal} has policy `{policy}`")),
            None => ObjectState::Expected,
        })
    }

    async fn attachments(&self, limit: Instant) -> Result<Arc<Attachments>, CallError> {
        self.attachments
            .get(limit, || async {
                let (users, groups) = tokio::try_join!(self.cluster.users(), self.cluster.groups())?;
                let of_users = users.users.into_iter().map(|record| (Principal::User(record.name), record.policy));
                let groups = groups.unwrap_or_default();
                let of_groups = groups.into_iter().map(|group| (Principal::Group(group.name), group.policy));
                let mut by_principal: BTreeMap<_, Vec<_>> = BTreeMap::new();
                for (principal, policy) in of_users.chain(of_groups) {
                    by_principal.entry(principal).or_default().push(policy);
                }
                Ok(Attachments { known: users.attachments_known, by_principal })
            })
            .await
    }

    async fn names(&self, limit: Instant) -> Result<Arc<BTreeSet<PolicyName>>, CallError> {
        self.names.get(limit, || async { Ok(self.cluster.list_policies().await?.into_iter().collect()) }).await
    }

    async fn document(&self, policy: &PolicyName, limit: Instant) -> Result<Option<Arc<Body>>, CallError> {
        if !self.names(limit).await?.contains(policy) {
            return Ok(None);
        }
        let recent = match self.documents.lock() {
            Ok(mut documents) => Arc::clone(documents.entry(policy.clone()).or_default()),
            Err(_) => Arc::default(),
        };
        match recent.get(limit, || async { Ok(Body::read(&self.cluster.show_policy(policy).await?)) }).await {
            Ok(found) => Ok(Some(found)),
            // It may have been removed since it was listed.
            Err(error) => match self.cluster.list_policies().await?.contains(policy) {
                true => Err(error),
                false => Ok(None),
            },
        }
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Recent<T> {
    /// The last read if it is recent enough, else a new one. Concurrent callers share one new read.
    async fn get<F>(&self, limit: Instant, read: impl FnOnce() -> F) -> Result<Arc<T>, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut last = self.0.lock().await;
        if let Some((_, found)) = last.as_ref().filter(|(began, _)| *began >= limit) {
            return Ok(Arc::clone(found));
        }
        let began = Instant::now();
        let found = Arc::new(read().await?);
        *last = Some((began, Arc::clone(&found)));
        Ok(found)
    }
}

impl Attachments {
    /// An addition gives the policy to everyone who has its name: only the users and groups of the plan may have it.
    fn addition(&self, policy: &PolicyName, has: &[Principal]) -> ObjectState {
        let mut others = self.with_policy(policy).filter(|principal| has.binary_search(principal).is_err());
        match others.next() {
            Some(principal) => ObjectState::Other(format!("{principal} has the name of policy `{policy}` already")),
            None => ObjectState::Expected,
        }
    }

    fn with_policy(&self, policy: &PolicyName) -> impl Iterator<Item = &Principal> {
        let has_it = |attached: &[Option<PolicyName>]| attached.iter().flatten().any(|name| name.gives(policy));
        self.by_principal.iter().filter(move |(_, attached)| has_it(attached)).map(|(principal, _)| principal)
    }

    /// The attached policy, or why it is unknown. The cluster reports only groups that have a policy.
    fn attached(&self, principal: &Principal) -> Result<Option<&PolicyName>, String> {
        match (self.by_principal.get(principal).map(Vec::as_slice), principal) {
            (Some([attached]), _) => Ok(attached.as_ref()),
            (Some(records), _) => Err(format!("the cluster now reports {} records of {principal}", records.len())),
            (None, Principal::Group(_)) => Ok(None),
            (None, Principal::User(_)) => Err(format!("{principal} does not exist")),
        }
    }

    fn has_any_policy(&self, user: &UserName) -> ObjectState {
        let principal = Principal::from(user);
        match self.attached(&principal) {
            Ok(Some(_)) => ObjectState::Expected,
            Ok(None) => ObjectState::Other(format!("{principal} has no policy")),
            Err(problem) => ObjectState::Other(problem),
        }
    }

    fn state(&self, principal: &Principal, target: Option<&PolicyName>, expected: Option<&PolicyName>) -> ObjectState {
        match self.attached(principal) {
            Ok(attached) if attached == target => ObjectState::Done,
            Ok(attached) if attached == expected => ObjectState::Expected,
            Ok(Some(policy)) => ObjectState::Other(format!("{principal} has `{policy}`")),
            Ok(None) => ObjectState::Other(format!("{principal} has no policy")),
            Err(problem) => ObjectState::Other(problem),
        }
    }
}
