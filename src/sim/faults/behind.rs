//! What another administrator does behind the client's back.

use serde::{Deserialize, Serialize};

use crate::sim::document::Document;
use crate::sim::rules::{Caller, Refusal, attachments, policies};
use crate::sim::state::{ROOT, Role, State};

/// A call of somebody else, in JSON such as `{"attach":{"policy":"ml","user":"bob"}}`. `tenant` is `Root` when left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Behind {
    /// A user is given a policy.
    Attach {
        /// The tenant.
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        /// The policy.
        policy: String,
        /// The user.
        user: String,
    },
    /// The policy it holds is taken from a user.
    Detach {
        /// The tenant.
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        /// The user.
        user: String,
    },
    /// A policy is added.
    Add {
        /// The tenant.
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        /// The policy.
        policy: String,
        /// Its document.
        document: Document,
    },
    /// A policy is removed.
    Remove {
        /// The tenant.
        #[serde(default = "root", skip_serializing_if = "is_root")]
        tenant: String,
        /// The policy.
        policy: String,
    },
}

impl Behind {
    /// Makes the call.
    ///
    /// # Errors
    /// The cluster refuses it, as it would refuse anybody.
    pub fn apply(&self, state: &mut State) -> Result<(), Refusal> {
        let caller = |tenant: &str| Caller {
            tenant: tenant.to_owned(),
            user: "another administrator".to_owned(),
            role: Role::ClusterAdmin,
        };
        match self {
            Self::Attach { tenant, policy, user } => {
                attachments::attach(state, &caller(tenant), policy, user).map(|_| ())
            }
            Self::Detach { tenant, user } => attachments::detach(state, &caller(tenant), user),
            Self::Add { tenant, policy, document } => policies::add(state, &caller(tenant), policy, document.clone()),
            Self::Remove { tenant, policy } => policies::remove(state, &caller(tenant), policy),
        }
    }
}

fn root() -> String {
    ROOT.to_owned()
}

fn is_root(tenant: &str) -> bool {
    tenant == ROOT
}
