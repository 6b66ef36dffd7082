//! What a cluster does not report, and what the steps of a plan may do to those who are not reported.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::{Answers, Question};
use super::effects::Effects;
use crate::base::{Capabilities, PolicyName};
use crate::observed::Observed;
use crate::policy::access::Access;

/// A use of policies that the cluster does not report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotReported {
    /// Which groups have which policy: from 6.0, over REST (vendor documentation).
    Groups,
    /// Whom an identity provider gives policies by their names: from 5.1 (vendor definition), where one is configured or where
    /// that is not known.
    IdentityProvider,
    /// Service accounts and temporary credentials. They have what their user has, or less.
    ServiceAccounts,
}

/// What the steps of a plan may do to those whom the cluster does not report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreported {
    /// What is not reported, in order.
    pub kinds: Vec<NotReported>,
    /// The policies by whose names someone who is not reported may gain access, in order.
    pub by_name: Vec<NameAccess>,
}

/// What someone may gain who has a policy by its name and is not reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAccess {
    /// The policy.
    pub policy: PolicyName,
    /// How someone may have it, in order.
    pub by: Vec<NotReported>,
    /// What its document gives and takes compared with the one before.
    pub access: Arc<Access>,
}

impl Unreported {
    /// What is not reported of this cluster, and what these effects may do to it.
    pub(super) fn new(effects: &Effects, observed: &Observed, answers: &mut Answers<'_>) -> Self {
        let kinds = kinds(observed);
        let mut rows = Vec::new();
        for (policy, (before, after)) in &effects.documents {
            let by: Vec<NotReported> =
                kinds.iter().copied().filter(|kind| kind.may_have(observed.policies.contains_key(policy))).collect();
            if !by.is_empty() {
                rows.push((policy.clone(), by, Question::new(before.clone(), after.clone(), None)));
            }
        }
        let asked: Vec<Question> = rows.iter().map(|(.., question)| question.clone()).collect();
        let of = |((policy, by, _), access): ((PolicyName, Vec<NotReported>, Question), Arc<Access>)| {
            (!access.gains_nothing()).then_some(NameAccess { policy, by, access })
        };
        let by_name = rows.into_iter().zip(answers.all(&asked)).filter_map(of).collect();
        Self { kinds, by_name }
    }
}

impl NotReported {
    /// Whether a policy may be in use this way. A group is given a policy that exists, and the policy stays while it has it
    /// (vendor documentation, 6.0); an identity provider names a policy whether it exists or not.
    fn may_have(self, exists: bool) -> bool {
        match self {
            Self::Groups => exists,
            Self::IdentityProvider => true,
            Self::ServiceAccounts => false,
        }
    }
}

fn kinds(observed: &Observed) -> Vec<NotReported> {
    let can = Capabilities::of(&observed.identity.release);
    let groups = can.groups && !observed.groups_known;
    let provider = can.identity_provider && observed.identity_provider != Some(false);
    let kinds = [
        (groups, NotReported::Groups),
        (provider, NotReported::IdentityProvider),
        (can.service_accounts, NotReported::ServiceAccounts),
    ];
    kinds.into_iter().filter(|(there, _)| *there).map(|(_, kind)| kind).collect()
}
