//! Asks a cluster what no document says, with policies of its own that give nobody anything, and removes them again.

mod asker;
mod documents;
mod rules;
mod run;
mod service;
mod trials;
mod user;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{BucketName, PolicyName, UserName};
use crate::cluster::UserRecord;
use crate::observed::{Identity, ObservedUser};
use crate::policy::access::{Preset, RuleList, Rules};

pub use asker::ServiceOptions;
pub use rules::{ServiceFound, rule_questions};
pub use run::{ProbeOptions, ProbeRecord, probe};
pub use user::unsuitable_bucket;

/// The questions, in order: how each is named, and what it asks.
pub const QUESTIONS: [(&str, &str); 33] = [
    ("add-over", "adding a policy under a name that exists"),
    ("order", "lists in a document come back"),
    ("scalars", "a text in place of a list comes back"),
    ("empty-sid", "an empty Sid comes back"),
    ("numbers", "a number in a condition comes back"),
    ("networks", "a network with host bits comes back"),
    ("repeated-statements", "a repeated statement comes back"),
    ("unknown-member", "a member that no document has comes back"),
    ("single-statement", "a statement outside a list comes back"),
    ("no-version", "a document without a version comes back"),
    ("every-resource", "the resource `*` comes back"),
    ("lower-case-action", "an action in small letters comes back"),
    ("not-action", "NotAction comes back"),
    ("bytes-2048", "a document of 2048 bytes is"),
    ("bytes-2049", "a document of 2049 bytes is"),
    ("blanks", "a document that only blanks make longer is"),
    ("policy-twice", "a policy is listed"),
    ("user-twice", "a user is listed"),
    ("identity-provider", "an identity provider is"),
    ("definition", "the cluster's own API definition"),
    ("key-reset", "the REST call that replaces a key pair"),
    ("attach-keys", "the key pair of an attach is"),
    ("key-length", "the two keys of a new pair have"),
    ("attach-again", "attaching the policy that a user has already"),
    ("attach-over", "attaching a policy to a user that has another"),
    ("comma", "attaching two names with a comma between"),
    ("remove-held", "removing a policy that a user has"),
    ("keys-reset", "a new key pair for the user is"),
    ("session", "temporary credentials are"),
    ("detach-other", "a detach that names another policy"),
    ("detach-again", "detaching a user without a policy"),
    ("reported", "the policy of a user is"),
    ("missing-policy", "attaching a policy that does not exist"),
];

/// What a probe found. It has no name and no secret of the cluster, except in [`left`](Self::left).
#[derive(Debug, Clone)]
#[must_use]
pub struct Probe {
    /// The cluster. Its name is not part of what is printed for machines.
    pub identity: Identity,
    /// The transport, such as `REST`.
    pub transport: &'static str,
    /// The answers by the names of the questions. A question without an answer was not asked.
    pub answers: BTreeMap<&'static str, String>,
    /// The shapes of the cluster's answers, by call.
    pub shapes: BTreeMap<String, String>,
    /// The policies of the probe that it could not remove.
    pub left: Vec<PolicyName>,
    /// What became of the user; `None` if there was none.
    pub user: Option<UserEnd>,
    /// What the S3 service told; `None` if it was not asked.
    pub service: Option<ServiceFound>,
    /// The bucket that may have a policy of the probe.
    pub opened: Option<BucketName>,
    /// Why not all questions were asked.
    pub stopped: Option<String>,
}

/// What became of the user of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProbeUserV1")]
pub enum UserEnd {
    /// It has no policy and no key pair that anybody knows.
    AsBefore,
    /// It has no policy. It may have a key pair that cannot be replaced here: delete the user.
    KeysLeft,
    /// It may have a policy of the probe.
    Attached,
}

impl Probe {
    /// The rules of evaluation that the answers point to, for `[cluster] rules`; `None` if they point to none. If the S3
    /// service told anything, that alone decides.
    pub fn rules(&self) -> Option<RuleList> {
        match self.service.as_ref().filter(|service| !service.answers.is_empty()) {
            Some(service) => service.rules(),
            None => self.rules_by_api().map(|preset| Rules::of(preset).into()),
        }
    }

    /// Whether the answers contradict these rules.
    pub fn contradicts(&self, rules: &Rules) -> bool {
        match self.service.as_ref().filter(|service| !service.answers.is_empty()) {
            Some(service) => !service.fits(rules),
            None => self.rules_by_api().is_some_and(|preset| preset != rules.like),
        }
    }

    /// Measured on two servers of the lineage: that of 2021 drops other statements when one is repeated, and takes a removed
    /// policy from its users; that of 2026 drops only the copy.
    fn rules_by_api(&self) -> Option<Preset> {
        let is = |question: &str, answer: &str| self.answers.get(question).is_some_and(|given| given == answer);
        let of_2021 =
            is("repeated-statements", "other statements dropped") || is("remove-held", "takes it from the user");
        let of_2026 = is("repeated-statements", "the copy dropped");
        match (of_2021, of_2026) {
            (true, false) => Some(Preset::Minio2021),
            (false, true) => Some(Preset::Minio2026),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether all questions were asked and nothing is left on the cluster.
    pub fn is_complete(&self) -> bool {
        let is_clean = self.left.is_empty() && self.user != Some(UserEnd::Attached) && self.opened.is_none();
        let is_told = self.service.as_ref().is_none_or(|service| service.stopped.is_none());
        is_clean && is_told && self.stopped.is_none()
    }
}

/// Why a user cannot be the user of a probe; `None` if it can. It is made for this: an attach would take a policy away from
/// anybody else, and make old keys work again.
pub fn unsuitable(user: &UserName, records: &[&UserRecord], attachments_known: bool) -> Option<String> {
    let record = match records {
        [] => return Some(format!("`{user}` does not exist")),
        [record] => record,
        _ => return Some(format!("the cluster lists several users named `{user}`")),
    };
    let observed =
        ObservedUser { role: record.role.clone(), source: record.source.clone(), attached: record.policy.clone() };
    if !attachments_known {
        return Some("this cluster does not report who has a policy".to_owned());
    }
    if let Some(policy) = &record.policy {
        return Some(format!("`{user}` has the policy `{policy}`"));
    }
    if observed.is_imported() {
        return Some(format!("`{user}` is from a directory"));
    }
    (!record.role.eq_ignore_ascii_case("S3")).then(|| format!("`{user}` has the role {}, not S3", record.role))
}
