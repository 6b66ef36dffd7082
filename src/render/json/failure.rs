//! What breaks an expectation, or exceeds an envelope, in machine output.

use super::requests::names;
use crate::base::PolicyName;
use crate::contract::Why;
use crate::policy::access::{Counterexample, Holder, RequestOrAction};

json_types! {
    /// A user, group or role for which an expectation fails.
    #[derive(PartialEq, Eq)]
    pub struct FailureV1 of(who: Option<&Holder>, policy: Option<&PolicyName>, why: &Why, is_new: bool) {
        /// The user, `group/NAME`, `roles NAME`, or `@anonymous` for anyone without a login; missing if it is about everyone.
        who?: String = who.map(Holder::label),
        /// The policy that it has; missing if it has none.
        policy?: String = policy.map(ToString::to_string),
        /// The reason: `allowed`, `not_allowed`, `undecided`, `unknown_document`, `no_such_principal` or `not_reported`.
        why: String = match why {
            Why::Allowed(example) | Why::NotAllowed(example) if example.is_open => "undecided",
            Why::Allowed(_) => "allowed",
            Why::NotAllowed(_) => "not_allowed",
            Why::UnknownDocument => "unknown_document",
            Why::NoSuchPrincipal => "no_such_principal",
            Why::NotReported(_) => "not_reported",
        }
        .to_owned(),
        /// Whether the plan causes it or makes it worse.
        new: bool = is_new,
        /// The word of a request that proves it, or the action.
        request?: String = example(why).map(|of| word(&of.what)),
        /// The resource of that request: an ARN. If `undecided`, a pattern.
        resource?: String = example(why).map(|of| of.resource.clone()),
        /// The conditions that hold for that request; missing when there are none.
        conditions*: String = example(why).map(|of| of.conditions.clone()).unwrap_or_default(),
        /// The rules by which it is so; missing when all rules that count agree.
        rules*: String = example(why).map(|of| names(&of.rules)).unwrap_or_default(),
    }
}

/// The word of a request, or the action.
pub(super) fn word(of: &RequestOrAction) -> String {
    match of {
        RequestOrAction::Request(kind) => kind.word().to_owned(),
        RequestOrAction::Action(action) => action.clone(),
    }
}

fn example(why: &Why) -> Option<&Counterexample> {
    if let Why::Allowed(example) | Why::NotAllowed(example) = why { Some(example) } else { None }
}
