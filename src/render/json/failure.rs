//! What breaks an expectation, or exceeds an envelope, in machine output.

use crate::base::PolicyName;
use crate::contract::{Failure, Why};
use crate::policy::access::{Counterexample, Holder, RequestOrAction};

json_types! {
    /// A user, group or role for which an expectation fails.
    #[derive(PartialEq, Eq)]
    pub struct FailureV1 {
        /// The user, `group/NAME`, `roles NAME`, or `@anonymous` for anyone without a login; missing if it is about everyone.
        who?: String,
        /// The policy that it has; missing if it has none.
        policy?: String,
        /// The reason: `allowed`, `not_allowed`, `undecided`, `unknown_document`, `no_such_principal` or `not_reported`.
        why: String,
        /// Whether the plan causes it or makes it worse.
        new: bool,
        /// The word of a request that proves it, or the action.
        request?: String,
        /// The resource of that request: an ARN. If `undecided`, a pattern.
        resource?: String,
        /// The conditions that hold for that request; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<String>,
        /// The rules by which it is so; missing when all rules that count agree.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
    }
}

impl FailureV1 {
    pub(super) fn of(of: &Failure) -> Self {
        failure(of.who.as_ref(), of.policy.as_ref(), &of.why, of.is_new)
    }
}

/// A failure as data.
pub(super) fn failure(who: Option<&Holder>, policy: Option<&PolicyName>, why: &Why, is_new: bool) -> FailureV1 {
    let (why, example) = match why {
        Why::Allowed(example) | Why::NotAllowed(example) if example.is_open => ("undecided", Some(example)),
        Why::Allowed(example) => ("allowed", Some(example)),
        Why::NotAllowed(example) => ("not_allowed", Some(example)),
        Why::UnknownDocument => ("unknown_document", None),
        Why::NoSuchPrincipal => ("no_such_principal", None),
        Why::NotReported(_) => ("not_reported", None),
    };
    let request = |example: &Counterexample| match &example.what {
        RequestOrAction::Request(kind) => kind.word().to_owned(),
        RequestOrAction::Action(action) => action.clone(),
    };
    FailureV1 {
        who: who.map(Holder::label),
        policy: policy.map(ToString::to_string),
        why: why.to_owned(),
        new: is_new,
        request: example.map(request),
        resource: example.map(|example| example.resource.clone()),
        conditions: example.map(|example| example.conditions.clone()).unwrap_or_default(),
        rules: example.into_iter().flat_map(|of| &of.rules).map(ToString::to_string).collect(),
    }
}
