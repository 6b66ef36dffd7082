//! The kinds of findings about expectations and envelopes.

use crate::base::{Code, codes};

codes! {
    "All kinds of findings of this room.";
    EXPECTATION_FAILED = "expectation-failed", "An expectation does not hold: in the configuration, or after the plan. The plan is refused.";
    EXPECTATION_UNDECIDED = "expectation-undecided", "An expectation cannot be checked offline: the document of a policy is not in the configuration.";
    EXPECTATION_FAILED_BEFORE = "expectation-failed-before", "An expectation fails on the cluster already, and the plan does not make it worse.";
    ENVELOPE_EXCEEDED = "envelope-exceeded", "A policy of an included file, of a user or group that the file names, or of a bucket that it declares gives more than an envelope of the file. The plan is refused.";
    ENVELOPE_UNDECIDED = "envelope-undecided", "An envelope cannot be checked offline: the document of a policy is not in the configuration, or only the cluster says what `download`, `upload` or `public` gives.";
    ENVELOPE_EXCEEDED_BEFORE = "envelope-exceeded-before", "The cluster exceeds an envelope already, and a plan of a part does not make it worse.";
}

/// An envelope refuses a plan by what policies give. By names and documents, the codes of `desired` do.
pub const EXCEEDED: Code = ENVELOPE_EXCEEDED;

/// An expectation refuses a plan.
pub const FAILED: Code = EXPECTATION_FAILED;
