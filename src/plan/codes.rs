//! The kinds of findings of a plan.

use crate::base::{Code, codes};

codes! {
    "All kinds of findings of this room.";
    NO_SUCH_USER = "no-such-user", "A user that is to have a policy does not exist on the cluster.";
    NOT_S3_USER = "not-an-s3-user", "A user that is to have a policy cannot: its role is not S3.";
    NO_SUCH_POLICY = "no-such-policy", "A policy that a user or group is to have is neither declared nor on the cluster.";
    NO_SUCH_POLICY_LATER = "no-such-policy-later", "A policy that a user or group gets when its access begins or ends is neither declared nor on the cluster.";
    ATTACHED_ELSEWHERE = "attached-to-unmanaged-user", "A policy is to be removed while an unmanaged user or group has it.";
    GROUPS_UNKNOWN = "groups-unknown", "A group is declared, and the cluster does not report the policies of groups.";
    ATTACHED_NOT_DECLARED = "attached-but-not-declared", "A declared user has an owned policy that is not declared, so the plan would remove it.";
    RENAME_OF_BOTH = "renamed-and-there", "Both the old and the new name of a rename exist on the cluster, and nothing tells that the rename is under way. It is an error if their documents differ.";
    RENAME_WITHOUT_EFFECT = "rename-without-effect", "The old name of a rename does not exist on the cluster, so `renamed_from` has no effect.";
    TOO_LARGE = "document-too-large", "A document is larger than the cluster takes.";
    TOO_MANY = "too-many-policies", "The cluster would have more policies than it takes.";
    ATTACHMENTS_UNKNOWN = "attachments-unknown", "The release does not report over REST who has which policy.";
    UNMANAGED_TEMPORARY = "unmanaged-temporary-policy", "A temporary policy belongs to a policy that the configuration does not declare, or does not exist and is attached all the same. It stays as it is.";
    SEVERAL_POLICIES = "several-policies-at-once", "A user or group has a list of policies, and the plan removes or adds one of them while the list is attached.";
    NOT_SHOWN = "plan-not-shown", "A defect of attune: a step has no shown change, or an effect no shown line. attune makes no plan.";
    UNADDRESSABLE = "unaddressable-name", "An object on the cluster has a name that no call can carry safely. A policy stays unmanaged; a user or group that the plan would change is an error.";
    IMPORTED_USER = "imported-user", "A user comes from a directory, which sets its policy again at the next refresh.";
    GIVEN_BY_DIRECTORY = "policy-of-a-directory", "A policy is to be removed that a directory gives to users: their next refresh would fail.";
    NOT_REVOKED = "keys-cannot-be-revoked", "A key pair is to be revoked, and this cluster offers no call for it, or the user has no policy.";
    KEYS_WITHOUT_DESTINATION = "no-credentials-destination", "A plan may create key pairs, whose secrets the cluster shows once, and the configuration names no destination for them.";
    USER_ABSENT = "detached-user-absent", "A user that is declared detached does not exist on the cluster.";
    ONLY_NOTHING = "only-matches-nothing", "A pattern of `--only` matches no object that is declared or exists, or no file.";
    ONLY_NEEDS = "only-needs-more", "A change that `--only` selects needs an object that cannot come along.";
    NO_SUCH_BUCKET = "no-such-bucket", "A declared bucket does not exist on the cluster. attune adds no buckets.";
    BUCKETS_UNKNOWN = "buckets-unknown", "Buckets are declared or owned, and their policies could not be read.";
    BUCKETS_CLOSED = "guard-buckets-closed", "A plan would close more buckets than `max_buckets_closed` allows: not everyone can read them any more.";
    PROTECTED_BUCKET = "guard-protected-bucket", "A plan would change the policy of a bucket of `protected_buckets`.";
    PUBLIC = "guard-public", "A plan would give requests without a login new access, or may, and `deny_public` refuses that.";
    REMOVALS = "guard-removals", "A plan would remove more policies than `max_removals` allows.";
    DETACHED = "guard-detached", "A plan would leave more users and groups without access than `max_detached` allows.";
    PROTECTED_POLICY = "guard-protected-policy", "A plan would remove or replace a policy of `protected_policies`.";
    MAPPED_POLICY = "guard-mapped-policy", "A plan would remove a policy of `[roles]`, which an identity provider gives by name.";
    PROTECTED_USER = "guard-protected-user", "A plan would detach or move a user of `protected_users` or a group of `protected_groups`, or leave it without access.";
    OWN_USER = "guard-own-user", "A plan would detach or move the user that attune is logged in as, or leave it without access.";
    NEW_ACCESS = "guard-new-access", "A plan would give new access, and a guard refuses that.";
}

/// Errors about the configuration, or that prevent its comparison with the cluster. All others only block calls.
pub const NOT_COMPARED: &[Code] = &[ATTACHMENTS_UNKNOWN, GROUPS_UNKNOWN, BUCKETS_UNKNOWN, TOO_LARGE, ONLY_NOTHING];

/// The error that a user does not exist.
pub const USER_GONE: Code = NO_SUCH_USER;

/// The refusal that is not by a guard: a plan may create keys, and there is no destination for their secrets.
pub const NO_DESTINATION: Code = KEYS_WITHOUT_DESTINATION;
