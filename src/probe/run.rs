//! Runs a probe: one question after the other, and a clean-up in any case.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Probe;
use super::asker::ServiceOptions;
use super::documents::{TRIALS, sized, spaced};
use crate::apply::StopSignal;
use crate::base::{BucketName, Capabilities, PolicyName, UserName};
use crate::cluster::rest::{CALLS, differences};
use crate::cluster::{CallError, Cluster, Effect};

/// The options of a probe.
pub struct ProbeOptions<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its own API definition, which has megabytes and is read once.
    pub definition: &'a Result<Option<String>, CallError>,
    /// Lower-case letters and digits that no bucket or policy has in its name.
    pub random: String,
    /// A user that exists for this alone; see [`unsuitable`](super::unsuitable).
    pub user: Option<UserName>,
    /// How the S3 service is asked, if it is; that needs a user.
    pub service: Option<ServiceOptions>,
    /// Told about each policy that the S3 service was asked about, with the number of all.
    pub progress: &'a (dyn Fn(usize, usize) + Send + Sync),
    /// The request to stop early.
    pub stop: &'a StopSignal,
    /// The record of events.
    pub record: &'a dyn ProbeRecord,
}

/// Records on the disk what a probe is about to make.
pub trait ProbeRecord: Sync {
    /// A policy is about to be added. After an error it is not.
    fn adding(&self, policy: &PolicyName) -> io::Result<()>;
    /// A policy is about to be attached to the user. After an error it is not.
    fn attaching(&self, user: &UserName, policy: &PolicyName) -> io::Result<()>;
    /// A policy of a bucket is about to be set. After an error it is not.
    fn opening(&self, bucket: &BucketName) -> io::Result<()>;
}

/// Why a probe stops before its end.
#[derive(Debug)]
pub(super) struct Stopped(pub(super) String);

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self(format!("the journal cannot be written: {error}"))
    }
}

/// The answer to a call that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Accepted,
    Refused,
}

pub(super) struct Run<'a> {
    pub(super) options: &'a ProbeOptions<'a>,
    /// The policies that may be there.
    pub(super) made: BTreeSet<PolicyName>,
    /// Whether the user had its keys before, so that they stay.
    pub(super) keys_are_theirs: bool,
    pub(super) found: Probe,
}

/// Asks all questions, and removes what it made, also after a failure.
/// If the cluster cannot be identified, nothing was changed.
pub async fn probe(options: &ProbeOptions<'_>) -> Result<Probe, CallError> {
    let identity = options.cluster.identity().await?;
    let found = Probe {
        transport: options.cluster.connection(&identity.release).transport,
        identity,
        answers: BTreeMap::new(),
        shapes: BTreeMap::new(),
        left: Vec::new(),
        user: None,
        service: None,
        opened: None,
        stopped: None,
    };
    let mut run = Run { options, made: BTreeSet::new(), keys_are_theirs: false, found };
    run.found.stopped = run.ask().await.err().map(|Stopped(why)| why);
    run.close_bucket().await;
    run.release_user().await;
    run.found.left = run.clean_up().await;
    run.found.shapes = shapes(options.cluster);
    Ok(run.found)
}

/// The shapes of the answers that the documents leave open.
fn shapes(cluster: &dyn Cluster) -> BTreeMap<String, String> {
    let is_documented =
        |call: &str| call.ends_with(" /cluster") || call.ends_with(" /docs/schema") || call == "weka status";
    cluster.shapes().into_iter().filter(|(call, _)| !is_documented(call)).collect()
}

impl Run<'_> {
    pub(super) fn answer(&mut self, question: &'static str, answer: impl Into<String>) {
        self.found.answers.insert(question, answer.into());
    }

    fn bucket(&self) -> String {
        format!("{}{}", PolicyName::PROBE_PREFIX, self.options.random)
    }

    /// A name for a policy of this probe.
    pub(super) fn policy(&self, end: &str) -> PolicyName {
        PolicyName::reported(format!("{}-{end}", self.bucket()))
    }

    /// A document for a policy of this probe. Different numbers give different ones.
    pub(super) fn document(&self, number: usize) -> String {
        sized(&self.bucket(), 200 + number)
    }

    pub(super) fn go_on(&self) -> Result<(), Stopped> {
        match self.options.stop.is_requested() {
            true => Err(Stopped("interrupted".to_owned())),
            false => Ok(()),
        }
    }

    async fn ask(&mut self) -> Result<(), Stopped> {
        self.ask_by_reading().await?;
        self.add_over().await?;
        for trial in &TRIALS {
            let document = trial.document(&self.bucket());
            let answer = match self.copy_of(&document).await? {
                Some(copy) => trial.judge(&document, &copy),
                None => "refused",
            };
            self.answer(trial.question, answer);
        }
        let whole = sized(&self.bucket(), 2048);
        let (longer, blanks) = (sized(&self.bucket(), 2049), spaced(&whole, 100));
        for (question, document) in [("bytes-2048", whole), ("bytes-2049", longer), ("blanks", blanks)] {
            let accepted = self.copy_of(&document).await?.is_some();
            self.answer(question, if accepted { "accepted" } else { "refused" });
        }
        match &self.options.user {
            Some(user) => self.ask_about_user(user).await,
            None => Ok(()),
        }
    }

    async fn ask_by_reading(&mut self) -> Result<(), Stopped> {
        let cluster = self.options.cluster;
        let users = cluster.users().await?;
        let names: BTreeSet<&UserName> = users.users.iter().map(|user| &user.name).collect();
        self.answer("user-twice", if names.len() < users.users.len() { "twice" } else { "once" });
        let provider = match cluster.identity_provider().await {
            Ok(Some(true)) => "configured",
            Ok(Some(false)) => "not configured",
            Ok(None) | Err(_) => "not reported",
        };
        self.answer("identity-provider", provider);
        let definition = match self.options.definition {
            Ok(Some(text)) => match differences(&CALLS, text) {
                Ok(found) if found.is_empty() => "has all calls of attune",
                Ok(_) => "differs from the calls of attune",
                Err(_) => "cannot be read",
            },
            Ok(None) => "is missing",
            Err(_) => "cannot be read",
        };
        self.answer("definition", definition);
        let has_reset = cluster.can_generate_keys();
        self.answer("key-reset", if has_reset { "is there" } else { "is not there" });
        Ok(())
    }

    async fn add_over(&mut self) -> Result<(), Stopped> {
        let (policy, [first, second]) = (self.policy("a"), [0, 1].map(|number| self.document(number)));
        if self.add(&policy, &first).await? == Change::Refused {
            return Err(Stopped("the cluster refuses to add a plain policy".to_owned()));
        }
        let listed = self.options.cluster.list_policies().await?;
        let times = match listed.iter().filter(|listed| **listed == policy).count() {
            0 => "not there",
            1 => "once",
            _ => "twice",
        };
        self.answer("policy-twice", times);
        let added = self.add_again(&policy, &second).await?;
        let shown = self.options.cluster.show_policy(&policy).await?;
        let key = |document: &str| document.matches('a').count();
        let is_new = key(&shown) != key(&first);
        let answer = match (added, is_new) {
            (Change::Refused, false) => "refused",
            (Change::Accepted, true) => "overwrites it",
            (Change::Accepted, false) => "accepted without an effect",
            (Change::Refused, true) => "refused, but overwrites it",
        };
        self.answer("add-over", answer);
        self.remove(&policy).await
    }

    /// The cluster's copy of a document; `None` if it is refused.
    async fn copy_of(&mut self, document: &str) -> Result<Option<String>, Stopped> {
        let policy = self.policy("t");
        if self.add(&policy, document).await? == Change::Refused {
            return Ok(None);
        }
        let copy = self.options.cluster.show_policy(&policy).await?;
        self.remove(&policy).await?;
        Ok(Some(copy))
    }

    /// Adds a policy of the probe that is not there.
    pub(super) async fn add(&mut self, policy: &PolicyName, document: &str) -> Result<Change, Stopped> {
        self.go_on()?;
        self.options.record.adding(policy)?;
        self.made.insert(policy.clone());
        let added = self.options.cluster.add_policy(policy, document).await;
        let is_clear = added.as_ref().map_or_else(|error| error.effect != Effect::UnknownOutcome, |()| true);
        let change = changed(added)?;
        if !is_clear && self.is_there(policy).await? {
            return Ok(Change::Accepted);
        }
        if change == Change::Refused {
            self.made.remove(policy);
        }
        Ok(change)
    }

    /// Adds a policy of the probe under a name that is there.
    async fn add_again(&mut self, policy: &PolicyName, document: &str) -> Result<Change, Stopped> {
        self.go_on()?;
        changed(self.options.cluster.add_policy(policy, document).await)
    }

    async fn is_there(&self, policy: &PolicyName) -> Result<bool, Stopped> {
        let policies = self.options.cluster.list_policies().await?;
        Ok(policies.contains(policy))
    }

    pub(super) async fn remove(&mut self, policy: &PolicyName) -> Result<(), Stopped> {
        self.options.cluster.remove_policy(policy).await?;
        self.made.remove(policy);
        Ok(())
    }

    /// Removes what is left. Returns the policies that may still be there.
    async fn clean_up(&mut self) -> Vec<PolicyName> {
        for policy in self.made.clone() {
            if self.options.cluster.remove_policy(&policy).await.is_ok() {
                self.made.remove(&policy);
            }
        }
        if self.made.is_empty() {
            return Vec::new();
        }
        // One that was never added cannot be removed either.
        let listed = self.options.cluster.list_policies().await;
        let is_there = |policy: &PolicyName| listed.as_ref().map_or(true, |listed| listed.contains(policy));
        self.made.iter().filter(|policy| is_there(policy)).cloned().collect()
    }
}

/// Whether the cluster did what was asked. A status such as 500 says nothing, and counts as a refusal.
pub(super) fn changed<T>(result: Result<T, CallError>) -> Result<Change, Stopped> {
    match result {
        Ok(_) => Ok(Change::Accepted),
        Err(CallError { effect: Effect::Refused(_) | Effect::UnknownOutcome, .. }) => Ok(Change::Refused),
        Err(error) => Err(error.into()),
    }
}
