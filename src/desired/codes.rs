//! The kinds of findings that reading a desired-state file can give.

use crate::base::codes;

codes! {
    "All kinds of findings of this room.";
    TOML_SYNTAX = "toml-syntax", "The file is not TOML.";
    UNKNOWN_KEY = "unknown-key", "A key that attune does not know; nothing is ever ignored silently.";
    WRONG_TYPE = "wrong-type", "A value of another type than the key takes.";
    SECRET_IN_FILE = "secret-in-file", "A password, token or secret stands in the file; they belong in the environment.";
    UNREADABLE = "unreadable-file", "An included file or a policy document cannot be read.";
    OUTSIDE = "path-outside", "A document or an included file is outside the repository, by its path or by a symbolic link, or has a name in its path that begins with a dot. It is not opened.";
    READ_LIMIT = "read-limit", "A file is larger, or a configuration has more files, than attune reads.";
    INCLUDE_EMPTY = "include-matches-nothing", "An `include` entry matches no file.";
    SECTION_IN_INCLUDE = "section-in-include", "An included file holds a section that only the main file may hold.";
    DECLARED_TWICE = "declared-twice", "A policy or user is declared in two places.";
    BAD_NAME = "bad-name", "A policy or user name that no call to the cluster can carry safely.";
    RESERVED_NAME = "reserved-name", "A policy name that attune keeps for policies in transit.";
    PREDEFINED = "predefined-policy", "A predefined policy is declared; it can be held, never changed or removed.";
    POLICY_EMPTY = "policy-without-document", "A policy declares neither a document, nor statements, nor `absent = true`.";
    POLICY_CONFLICT = "policy-conflict", "A policy declares more than one of document, statements and `absent = true`.";
    BAD_STATEMENT = "incomplete-statement", "An inline statement lacks a part, or has both a part and its complement.";
    USER_EMPTY = "user-without-policy", "A user declares neither a policy nor `detached = true`.";
    USER_CONFLICT = "user-conflict", "A user declares both a policy and `detached = true`.";
    HOLDS_ABSENT = "attached-policy-absent", "A user is to hold a policy that the files say must be absent.";
    BAD_PATTERN = "bad-pattern", "A pattern of names, in `[ownership]` or `[guards]`, that cannot be read.";
    BAD_LIMIT = "bad-limit", "A limit of `[guards]` that is neither a number nor a percentage of at most 100.";
    BAD_FINGERPRINT = "bad-fingerprint", "A fingerprint that is not `sha256:` and 64 hexadecimal digits.";
    BAD_RELEASE = "bad-release", "A release that does not begin with its numbers.";
    UNKNOWN_LINT = "unknown-lint", "A rule that is to be allowed, by a name that no rule has.";
    NO_DESTINATION = "credentials-without-destination", "`[credentials]` does not say where new secrets go.";
    SINK_CONFLICT = "credentials-conflict", "`[credentials]` says more than one place for new secrets, or something that means nothing there.";
    SINK_WITHOUT_DIR = "credentials-without-dir", "`[credentials]` is to write files and names no directory for them.";
    BAD_RECIPIENT = "bad-age-recipient", "What stands under `age` is not an age recipient.";
    BAD_COMMAND = "bad-credentials-command", "The command that takes new secrets is empty, or holds a place that stands for nothing.";
    BAD_IGNORE = "incomplete-ignore", "An entry of `[[drift.ignore]]` lacks its object, its reason or its last day, or has one that cannot be read.";
    CONFUSABLE = "confusable-name", "A name that is easily taken for another: it looks like one, or mixes letters of several scripts.";
    REVOKE_ALONE = "revoke-keys-without-detach", "The keys of a user are to be revoked that is not declared detached.";
}
