//! The kinds of findings that adopting a cluster can have.

use crate::base::codes;

codes! {
    "All kinds of findings of this room.";
    UNDECLARABLE_NAME = "name-not-declarable", "A name on the cluster that no file can declare; what has it is left out.";
    UNDECLARABLE_DOCUMENT = "document-not-declarable", "A document on the cluster that no file can declare; its policy is left out.";
    IN_TRANSIT = "temporary-policy", "An interrupted apply left a policy behind that stands in for another; it and who holds it are left out.";
    CANNOT_HOLD = "user-cannot-have-policy", "A user holds a policy although its role lets it hold none; it is left out.";
    HELD_MISSING = "attached-policy-missing", "Somebody holds a policy that is not on the cluster; who does is left out.";
    HOLDERS_UNKNOWN = "attachments-not-imported", "The release does not report who holds what; no user is written.";
    BROKEN_RULES = "broken-rules-allowed", "A document breaks rules for which a plan would stop; the file allows it to.";
    NOT_INLINE = "not-inline", "A document that cannot be written as statements in the file; it is in a file of its own.";
    FROM_DIRECTORY = "users-from-a-directory", "Users come from a directory, which sets their policies again at the next refresh.";
    NO_MATCH = "pattern-matches-nothing", "A pattern of names to import matches nothing on the cluster.";
}
