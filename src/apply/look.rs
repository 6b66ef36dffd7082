//! Looks at the cluster: before a call, whether all is as the plan saw it; after one, whether it has had its effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::base::{PolicyName, Principal, UserName};
use crate::cluster::{CallError, Cluster, body};
use crate::observed::Body;
use crate::plan::Call;

/// What the cluster shows of the object of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The effect is there.
    Done,
    /// It is as the plan expects it before the call.
    Before,
    /// It is something else, in these words.
    Other(String),
}

/// How old a look may be for all to count as it was seen. One look serves all calls in that time, so that many calls
/// cost few looks; a foreign change within it is noticed only by the observation after the last call.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// How old a look may be before it is made again while it still serves: one call waits for that, and no other.
const AGEING: Duration = Duration::from_millis(850);

/// Looks, and remembers for a moment what it saw.
pub(super) struct Looker<'a> {
    cluster: &'a dyn Cluster,
    holdings: Memory<Holdings>,
    names: Memory<BTreeSet<PolicyName>>,
    documents: std::sync::Mutex<BTreeMap<PolicyName, Arc<Memory<Body>>>>,
}

/// Something seen, for as long as it serves.
struct Memory<T> {
    /// What was seen last, and when the asking began.
    seen: std::sync::Mutex<Option<(Instant, Arc<T>)>>,
    /// Held by the one who asks.
    asking: Mutex<()>,
}

/// As of when something must have been seen.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// Within the last second.
    Recently(Instant),
    /// Not before this.
    From(Instant),
}

/// Who holds what; nothing for a user that is there and holds nothing.
struct Holdings {
    known: bool,
    /// By name: what each record of the name says, nearly always one.
    by_holder: BTreeMap<Principal, Vec<Option<PolicyName>>>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(cluster: &'a dyn Cluster) -> Self {
        Self { cluster, holdings: Memory::default(), names: Memory::default(), documents: std::sync::Mutex::default() }
    }

    /// Whether all is as the call expects it. What was seen a moment ago will do as long as it is what is expected:
    /// what this run has changed since then is never that.
    pub(super) async fn before(&self, call: &Call) -> Result<Seen, CallError> {
        match self.look(call, Since::Recently(Instant::now())).await? {
            Seen::Before => Ok(Seen::Before),
            Seen::Done | Seen::Other(_) => self.now(call).await,
        }
    }

    /// What there is now.
    pub(super) async fn now(&self, call: &Call) -> Result<Seen, CallError> {
        self.look(call, Since::From(Instant::now())).await
    }

    async fn look(&self, call: &Call, since: Since) -> Result<Seen, CallError> {
        match call {
            Call::AddPolicy { policy, document, has } => {
                let Some(there) = self.document(policy, since).await? else {
                    return self.addition(policy, has, since).await;
                };
                Ok(match there.normal() == Some(document) {
                    true => Seen::Done,
                    false => Seen::Other(format!("policy `{policy}` is there with another document")),
                })
            }
            Call::RemovePolicy { policy, expects } => self.removal(policy, expects.as_deref(), since).await,
            Call::Attach { principal, policy, expects, grants } => {
                // The document comes last: it is what the holder will have access by.
                let (holdings, names) = tokio::join!(self.holdings(since), self.names(since));
                let holdings = holdings?;
                let seen = holdings.seen(principal, Some(policy), expects.as_ref());
                match grants {
                    Some(grants) if holdings.known => {
                        names?;
                        Ok(self.granting(policy, grants, since).await?.unwrap_or(seen))
                    }
                    Some(_) | None => Ok(seen),
                }
            }
            // Whether a pair was made cannot be seen. Making another one does no harm, as long as the user holds a policy.
            Call::RevokeKeys { user } => Ok(self.holdings(since).await?.holding_any(user)),
            Call::Detach { principal, policy } => Ok(self.holdings(since).await?.seen(principal, None, Some(policy))),
        }
    }

    /// Who has a name has the policy as soon as it is added: nobody may but those whom the plan shows.
    async fn addition(&self, policy: &PolicyName, has: &[Principal], since: Since) -> Result<Seen, CallError> {
        let holdings = self.holdings(since).await?;
        let has_it = |attached: &PolicyName| attached.gives(policy);
        let mut others = holdings.by_holder.iter().filter(|(principal, attached)| {
            attached.iter().flatten().any(has_it) && has.binary_search(principal).is_err()
        });
        Ok(match others.next() {
            Some((principal, _)) => Seen::Other(format!("{principal} has the name of policy `{policy}` already")),
            None => Seen::Before,
        })
    }

    async fn removal(&self, policy: &PolicyName, expects: Option<&str>, since: Since) -> Result<Seen, CallError> {
        let Some(there) = self.document(policy, since).await? else { return Ok(Seen::Done) };
        if expects.is_some() && there.text() != expects {
            return Ok(Seen::Other(format!("policy `{policy}` has another document now")));
        }
        // Some clusters let a policy be removed that is held: who holds it is looked at as late as can be.
        let holdings = self.holdings(Since::From(Instant::now())).await?;
        let has_it = |attached: &PolicyName| attached.gives(policy);
        let holder = holdings.by_holder.iter().find(|(_, attached)| attached.iter().flatten().any(has_it));
        Ok(match holder {
            Some((holder, _)) => Seen::Other(format!("{holder} holds policy `{policy}`")),
            None => Seen::Before,
        })
    }

    /// What is wrong with a policy that is to be attached, if anything: it must give the access that was reviewed.
    async fn granting(&self, policy: &PolicyName, grants: &str, since: Since) -> Result<Option<Seen>, CallError> {
        Ok(match self.document(policy, since).await? {
            None => Some(Seen::Other(format!("policy `{policy}` is not there"))),
            Some(there) if there.text() == Some(grants) => None,
            Some(_) => Some(Seen::Other(format!("policy `{policy}` has another document now"))),
        })
    }

    async fn holdings(&self, since: Since) -> Result<Arc<Holdings>, CallError> {
        self.holdings
            .since(since, || async {
                let (users, groups) = tokio::try_join!(self.cluster.users(), self.cluster.groups())?;
                let groups = groups.unwrap_or_default();
                let users_hold = users.users.into_iter().map(|record| (Principal::User(record.name), record.policy));
                let groups_hold = groups.into_iter().map(|group| (Principal::Group(group.name), group.policy));
                let mut by_holder: BTreeMap<_, Vec<_>> = BTreeMap::new();
                for (holder, policy) in users_hold.chain(groups_hold) {
                    by_holder.entry(holder).or_default().push(policy);
                }
                Ok(Holdings { known: users.attachments_known, by_holder })
            })
            .await
    }

    async fn names(&self, since: Since) -> Result<Arc<BTreeSet<PolicyName>>, CallError> {
        self.names.since(since, || async { Ok(self.cluster.list_policies().await?.into_iter().collect()) }).await
    }

    /// The document of a policy; `None` where there is no such policy.
    async fn document(&self, policy: &PolicyName, since: Since) -> Result<Option<Arc<Body>>, CallError> {
        if !self.names(since).await?.contains(policy) {
            return Ok(None);
        }
        let memory = match self.documents.lock() {
            Ok(mut documents) => Arc::clone(documents.entry(policy.clone()).or_default()),
            Err(_) => Arc::default(),
        };
        match memory.since(since, || async { Ok(body(self.cluster.show_policy(policy).await?)) }).await {
            Ok(there) => Ok(Some(there)),
            // It may have gone since it was listed.
            Err(error) => match self.cluster.list_policies().await?.contains(policy) {
                true => Err(error),
                false => Ok(None),
            },
        }
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { seen: std::sync::Mutex::default(), asking: Mutex::default() }
    }
}

impl<T> Memory<T> {
    /// What is remembered since then, else what `ask` finds. Several that ask at once share one answer, as long as it was
    /// asked for late enough. What is about to be too old is asked for by one, while it serves the others.
    async fn since<F>(&self, since: Since, ask: impl FnOnce() -> F) -> Result<Arc<T>, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let _asking = match (self.seen_since(since), self.asking.try_lock()) {
            (Some((age, seen)), _) if age < AGEING => return Ok(seen),
            // Somebody asks already.
            (Some((_, seen)), Err(_)) => return Ok(seen),
            (Some(_), Ok(asking)) => asking,
            (None, asking) => {
                drop(asking);
                let asking = self.asking.lock().await;
                if let Some((_, seen)) = self.seen_since(since) {
                    return Ok(seen);
                }
                asking
            }
        };
        let began = Instant::now();
        let seen = Arc::new(ask().await?);
        if let Ok(mut memory) = self.seen.lock() {
            *memory = Some((began, Arc::clone(&seen)));
        }
        Ok(seen)
    }

    /// What was seen since then, and how long ago.
    fn seen_since(&self, since: Since) -> Option<(Duration, Arc<T>)> {
        let seen = self.seen.lock().ok()?;
        let (began, seen) = seen.as_ref()?;
        let age = began.elapsed();
        let serves = match since {
            Since::Recently(now) => now.saturating_duration_since(*began) <= FRESH,
            Since::From(then) => *began >= then,
        };
        serves.then(|| (age, Arc::clone(seen)))
    }
}

impl Holdings {
    /// What there is of a user that should hold something.
    fn holding_any(&self, user: &UserName) -> Seen {
        let principal = Principal::from(user);
        match self.by_holder.get(&principal).map(Vec::as_slice) {
            Some([Some(_)]) => Seen::Before,
            Some([None]) => Seen::Other(format!("user `{user}` holds no policy")),
            Some(records) => Seen::Other(several(&principal, records)),
            None => Seen::Other(format!("user `{user}` is not there")),
        }
    }

    /// What there is of a user or group that should go from one policy to another. Of groups, only those that hold one are
    /// told.
    fn seen(&self, principal: &Principal, target: Option<&PolicyName>, expected: Option<&PolicyName>) -> Seen {
        let held = match (self.by_holder.get(principal).map(Vec::as_slice), principal) {
            (Some([held]), _) => held.as_ref(),
            (Some(records), _) => return Seen::Other(several(principal, records)),
            (None, Principal::Group(_)) => None,
            (None, Principal::User(_)) => return Seen::Other(format!("{principal} is not there")),
        };
        match held {
            held if held == target => Seen::Done,
            held if held == expected => Seen::Before,
            Some(policy) => Seen::Other(format!("{principal} holds `{policy}`")),
            None => Seen::Other(format!("{principal} holds no policy")),
        }
    }
}

fn several(principal: &Principal, records: &[Option<PolicyName>]) -> String {
    format!("the cluster now reports {} records of {principal}", records.len())
}
