//! The kinds of findings when a configuration is loaded.

use crate::base::{Code, codes};

codes! {
    "All kinds of findings of this room.";
    OTHER_VERSION = "other-version", "The configuration requires another version of attune (`required_version`). Nothing else of it is checked.";
    BAD_VERSION = "bad-version", "`required_version` is no requirement of versions.";
    TOML_SYNTAX = "toml-syntax", "The file is not valid TOML.";
    UNKNOWN_KEY = "unknown-key", "attune does not know the key. Unknown keys are never ignored.";
    WRONG_TYPE = "wrong-type", "The value has another type than the key takes.";
    SECRET_IN_FILE = "secret-in-file", "The configuration has a password, token or secret. Secrets belong in the environment.";
    BAD_VARIABLE = "bad-variable", "A variable has an invalid name, no value, or a value with characters that only descriptions take.";
    UNKNOWN_VARIABLE = "unknown-variable", "A placeholder, `--var` or the environment names a variable that the configuration does not declare.";
    UNUSED_VARIABLE = "unused-variable", "No placeholder uses a variable.";
    BAD_PLACEHOLDER = "bad-placeholder", "Two braces begin no placeholder, or a placeholder is where attune replaces none.";
    BAD_ROWS = "bad-rows", "A row has other columns than the first one, or a column has an invalid name, no value, or the name of a variable.";
    UNKNOWN_TABLE = "unknown-table", "`each` names a table of rows that is not declared.";
    UNUSED_TABLE = "unused-table", "No entry uses a table of rows.";
    UNUSED_COLUMN = "unused-column", "No placeholder uses a column of a table of rows or of `each`.";
    TEMPLATE_CHANGED = "template-changed", "Entries that rows make of a template differ from those of `--base`.";
    UNREADABLE = "unreadable-file", "attune cannot read an included file or a policy document.";
    OUTSIDE = "path-outside", "A document or included file is outside the repository, by its path or by a symbolic link, or a name in its path starts with a dot. attune does not open it.";
    READ_LIMIT = "read-limit", "A file is larger, or a configuration has more files or entries, than attune reads.";
    INCLUDE_EMPTY = "include-matches-nothing", "An `include` entry matches no file.";
    SECTION_IN_INCLUDE = "section-in-include", "An included file has a section that only the main file may have.";
    DECLARED_TWICE = "declared-twice", "Two places declare the same policy, user, group, expectation or table of rows, or two rows make the same name.";
    BAD_NAME = "bad-name", "API calls cannot carry the name of a policy, user or group safely.";
    RESERVED_NAME = "reserved-name", "The policy name is reserved for attune's temporary policies.";
    PREDEFINED = "predefined-policy", "The configuration declares a predefined policy. Predefined policies can be attached, never changed or removed.";
    POLICY_EMPTY = "policy-without-document", "A policy has no document, no statements, no policies to combine and no `absent = true`.";
    POLICY_CONFLICT = "policy-conflict", "A policy has more than one of document, statements, `combine` and `absent = true`, or is both abstract and absent.";
    BAD_COMBINE = "bad-combine", "`combine` names a policy that cannot be combined: an unknown, absent or predefined one, or the policy itself. Or the result would be too large.";
    NOT_COMBINED = "abstract-not-combined", "A policy is abstract, and no policy combines it.";
    BAD_RENAME = "bad-rename", "The old name in `renamed_from` is declared as well, is the name of the policy itself, or is the old name of two policies.";
    ATTACHED_RENAMED = "attached-policy-renamed", "A user or group has a policy by the old name of a `renamed_from`.";
    BAD_STATEMENT = "incomplete-statement", "An inline statement lacks a part, or has both a part and its complement.";
    USER_EMPTY = "user-without-policy", "A user or group has neither a policy nor `detached = true`.";
    USER_CONFLICT = "user-conflict", "A user or group has both a policy and `detached = true`.";
    ATTACHED_ABSENT = "attached-policy-absent", "A user or group has a policy that is declared absent.";
    ATTACHED_PATTERN = "pattern-in-attached-to", "`attached_to` of a policy has a pattern. It takes names.";
    ATTACHED_ENTRY = "bad-attached-to", "An entry of `attached_to` names neither a user nor a group, or both.";
    BAD_TERM = "bad-term", "`from` or `until` is neither a day nor a time with an offset, access ends before it begins, or one of `from`, `until`, `before` and `then` lacks the key that it needs.";
    ATTACHED_ABSTRACT = "attached-policy-abstract", "A user or group has a policy that is abstract. Abstract policies are not on the cluster.";
    BAD_PATTERN = "bad-pattern", "A pattern of names in `[ownership]` or `[guards]`, or of files in `include`, is invalid.";
    BAD_APPROVALS = "bad-approvals-guard", "`approvals` of `[guards]` is not a number from 1 to 16, or it and `allowed_signers` are not set together.";
    BAD_LIMIT = "bad-limit", "A limit of `[guards]` is neither a number nor a percentage of at most 100.";
    BAD_FINGERPRINT = "bad-fingerprint", "A fingerprint is not `sha256:` and 64 hexadecimal digits.";
    BAD_RELEASE = "bad-release", "A release does not start with its numbers.";
    BAD_TENANTS = "bad-tenants", "`[cluster] tenants` is empty, names a tenant twice or beside `*`, or stands beside `tenant`; or `*` is used with the `weka` command, which lists no tenants.";
    BAD_RULES = "bad-rules", "`rules` of `[cluster]` names no rules that attune knows.";
    UNKNOWN_LINT = "unknown-lint", "`allow` has a name that no rule has.";
    NO_DESTINATION = "credentials-without-destination", "`[credentials]` has no destination for new secrets.";
    DESTINATION_CONFLICT = "credentials-conflict", "`[credentials]` has more than one destination for new secrets, or a key that its destination does not use.";
    DESTINATION_WITHOUT_DIR = "credentials-without-dir", "`[credentials]` writes files and has no directory for them.";
    BAD_RECIPIENT = "bad-age-recipient", "An entry of `age` is not an age recipient.";
    BAD_COMMAND = "bad-credentials-command", "The command for new secrets is empty, or has an unknown or unsafe placeholder.";
    BAD_IGNORE = "incomplete-ignore", "An entry of `[[drift.ignore]]` lacks its object, reason or last day, or one of them is invalid.";
    BUCKET_CONFLICT = "bucket-conflict", "A bucket has more than one of policy, document and statements, or none of them.";
    BUCKET_POLICY = "bad-bucket-policy", "The policy of a bucket has a name that no bucket policy has.";
    OWNED_BUCKETS = "owned-buckets-without-limit", "`[ownership]` covers buckets, and no `max_buckets_closed` limits how many may be closed at once.";
    CONFUSABLE = "confusable-name", "A name looks like another one, or mixes letters of several scripts.";
    BAD_EXPECTATION = "bad-expectation", "An entry of `[[expect]]` lacks a part, has two that exclude each other, or has an action or resource that fits nothing.";
    BAD_ENVELOPE = "bad-envelope", "An entry of `[[envelope]]` lacks a part, or has an action, resource or pattern of files that fits nothing; or a row of an included file makes one.";
    NO_ENVELOPE = "file-without-envelope", "The configuration has envelopes, and an included file is in none of them. A file counts by its path with links resolved.";
    OUTSIDE_ENVELOPE = "outside-envelope", "An included file has the name of a policy, user, group or bucket that its envelope does not allow.";
    DOCUMENT_OUTSIDE_ENVELOPE = "document-outside-envelope", "An included file uses a document outside its own directory that its envelope does not allow.";
    NAME_PATTERN = "name-with-wildcard", "The name of a user has `*` or `?`, and its policy has `${aws:username}`. By MinIO rules, they are wildcards there.";
    REVOKE_ALONE = "revoke-keys-without-detach", "A user has `revoke_keys` and keeps a policy: it has neither `detached = true` nor an `until`, or a policy in `then`.";
}

/// The errors about envelopes, and about what an envelope does not allow.
pub const ENVELOPES: [Code; 4] = [BAD_ENVELOPE, NO_ENVELOPE, OUTSIDE_ENVELOPE, DOCUMENT_OUTSIDE_ENVELOPE];
