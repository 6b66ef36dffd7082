//! The kinds of findings that a check of a cluster can have.

use crate::base::codes;

codes! {
    "All kinds of findings of this room.";
    ROLE = "role-too-weak", "The role of the login does not suffice to apply a plan.";
    NOT_TOLD = "read-failed", "A look that a plan needs was refused, or its answer cannot be read.";
    NO_CALL = "call-not-in-definition", "The cluster's own definition does not have a call that attune makes.";
    UNKNOWN_FIELD = "field-not-in-definition", "The cluster's own definition does not have a field that attune sends.";
    REQUIRED_FIELD = "field-not-sent", "The cluster's own definition requires a field that attune does not send, or not every time.";
    UNREADABLE = "definition-unreadable", "The cluster's own definition was not got, or cannot be read.";
    UNENCRYPTED = "unencrypted", "The password, the token and the calls go to the cluster in plain text.";
    ANY_CERTIFICATE = "any-certificate", "The certificate of the cluster is not checked (`--insecure`).";
    CLOCK = "clock-skew", "The clock of the cluster is more than a minute away from the one of this machine.";
    LEFTOVER = "leftover-temporary-policy", "An interrupted apply left a policy behind that stands in for another.";
    HOLDERS_UNKNOWN = "attachments-not-reported", "The release does not report who holds what, so that only policies can be added.";
    NO_DEFINITION = "no-api-definition", "The cluster has no definition of its own to hold the calls against, although its release should.";
}
