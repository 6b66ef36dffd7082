//! The kinds of findings about expectations.

use crate::base::{Code, codes};

codes! {
    "All kinds of findings of this room.";
    EXPECTATION_FAILED = "expectation-failed", "An expectation does not hold: in the configuration, or after the plan. The plan is refused.";
    EXPECTATION_UNDECIDED = "expectation-undecided", "An expectation cannot be checked offline: the document of a policy is not in the configuration.";
    EXPECTATION_FAILED_BEFORE = "expectation-failed-before", "An expectation fails on the cluster already, and the plan does not make it worse.";
}

/// An expectation refuses a plan.
pub const FAILED: Code = EXPECTATION_FAILED;
