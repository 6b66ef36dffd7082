//! Phrases that text, Markdown and HTML share. Each form decides how a name is written.

mod access;
mod change;
mod command;
mod refusals;
mod review;
mod verify;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::json::{
    AccessChangeV1, AttachedPrincipalV1, CallV1, ChangeV1, ClusterV1, KindV1, PlanSnapshotV1, PlanV1, PublicV1,
    ReplaceMethodV1, StepV1, SummaryV1, UnchangedV1, UnmanagedV1,
};
pub(super) use crate::base::count;
use crate::base::{Severity, list, list_some, visible};
use crate::plan::{NotReported, Note};
use crate::policy::access::{Basis, BasisKind, RequestKind, in_words};
use crate::policy::{self, Document};

pub(super) use access::*;
pub(super) use change::*;
pub(super) use command::command;
pub use refusals::Refusals;
pub(super) use refusals::*;
pub(super) use review::*;
pub(super) use verify::*;

/// How a name is written: with hidden characters escaped, as a code span, or inside HTML.
pub(super) type Name = fn(&str) -> String;

/// How many users and groups are named before the rest is only counted.
pub(super) const NAMED: usize = 8;

/// The values by their keys, in the order of the first of each key.
pub(super) fn grouped<K: Ord + Clone, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let (mut places, mut groups) = (BTreeMap::new(), Vec::<(K, Vec<V>)>::new());
    for (key, value) in pairs {
        let place = *places.entry(key.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[place].1.push(value);
    }
    groups
}

/// The counts that are not 0: `1 policy`, `2 users`.
pub(super) fn counted<const N: usize>(counts: [(usize, &str, &str); N]) -> Vec<String> {
    counts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(n, one, many)).collect()
}

/// The same text with a capital first.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Foreign text on one line, with hidden characters escaped.
pub(super) fn shown(text: &str) -> String {
    visible(text).into_owned()
}

pub(super) fn blocked(plan: &PlanV1) -> Option<String> {
    let errors = plan.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    (errors > 0).then(|| format!("plan blocked: {}", count(errors, "error", "errors")))
}

/// Why a plan from a snapshot has no command that applies it, and what to do.
pub(super) const NOT_TO_BE_APPROVED: &str =
    "A plan from a snapshot cannot be approved: plan again with a login, and approve that plan.";

/// Who must sign the approval of a plan that can be applied.
pub(super) fn to_be_signed(plan: &PlanV1) -> Option<String> {
    let people = plan.signatures.filter(|_| !plan.changes.is_empty())?;
    let verb = if people == 1 { "signs" } else { "sign" };
    Some(format!("apply needs an approval that {} {verb}: see `attune approve`", count(people, "person", "people")))
}

/// `snapshot of 2026-11-27T10:00:00Z, 3 hours old: the cluster was not read`.
pub(super) fn of_snapshot(snapshot: &PlanSnapshotV1, name: Name) -> String {
    let PlanSnapshotV1 { taken, age_seconds } = snapshot;
    format!("snapshot of {}, {} old: the cluster was not read", name(taken), age(*age_seconds))
}

fn age(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let (number, one, many) = match seconds {
        0..MINUTE => return "less than a minute".to_owned(),
        MINUTE..HOUR => (seconds / MINUTE, "minute", "minutes"),
        HOUR..DAY => (seconds / HOUR, "hour", "hours"),
        DAY.. => (seconds / DAY, "day", "days"),
    };
    format!("{number} {}", if number == 1 { one } else { many })
}

pub(super) fn release(cluster: &ClusterV1) -> &str {
    cluster.release.split('-').next().unwrap_or_default()
}

/// `1 to add, 2 to remove`; empty when there are no changes.
pub(super) fn counts(summary: &SummaryV1) -> String {
    let SummaryV1 {
        add,
        replace,
        rename,
        remove,
        attach,
        r#move,
        detach,
        unchanged: _,
        unmanaged: _,
        calls: _,
        set_bucket_policy,
    } = *summary;
    numbers(&[
        (add, "to add"),
        (replace, "to replace"),
        (rename, "to rename"),
        (remove, "to remove"),
        (attach, "to attach"),
        (r#move, "to move"),
        (detach, "to detach"),
        (set_bucket_policy, if set_bucket_policy == 1 { "bucket policy to set" } else { "bucket policies to set" }),
    ])
}

/// The numbers that are not 0, each with its label.
pub(super) fn numbers(numbers: &[(usize, &str)]) -> String {
    let some: Vec<_> = numbers.iter().filter(|(n, _)| *n > 0).map(|(n, label)| format!("{n} {label}")).collect();
    some.join(", ")
}

pub(super) fn api_calls(number: usize) -> String {
    count(number, "API call", "API calls")
}

/// `3 policies and 5 users match the configuration`.
pub(super) fn unchanged(UnchangedV1 { policies, users, groups, buckets }: UnchangedV1) -> String {
    let mut words = vec![count(policies, "policy", "policies"), count(users, "user", "users")];
    words.extend(counted([(groups, "group", "groups"), (buckets, "bucket", "buckets")]));
    format!("{} match the configuration", list(&words))
}

/// `1 policy, 2 users; 3 predefined policies`; empty when there are none.
pub(super) fn unmanaged(of: &UnmanagedV1) -> String {
    let own = counted([
        (of.policies.len(), "policy", "policies"),
        (of.users.len(), "user", "users"),
        (of.groups.len(), "group", "groups"),
    ]);
    let predefined = counted([(of.predefined.len(), "predefined policy", "predefined policies")]);
    let parts = [own.join(", "), predefined.join("")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A user by its name, a group with its kind: `alice`, `group ml`.
pub(super) fn who(user: Option<&str>, group: Option<&str>, name: Name) -> String {
    match (user, group) {
        (Some(user), _) => name(user),
        (None, Some(group)) => format!("group {}", name(group)),
        (None, None) => "nobody".to_owned(),
    }
}

/// Whom a bucket policy lets in.
pub(super) const EVERYONE: &str = "everyone without a login";

/// The user or group of an access change, or anyone who has a policy by its name and whom the cluster does not report.
pub(super) fn whose(of: &AccessChangeV1, name: Name) -> String {
    match &of.policy {
        None if of.anonymous => EVERYONE.to_owned(),
        Some(policy) => format!("anyone who has policy {}", name(policy)),
        None => who(of.user.as_deref(), of.group.as_deref(), name),
    }
}

pub(super) const UNREPORTED_GAINS: &str = "access that others may gain, not reported by the cluster";

pub(super) fn not_reported(kinds: &[NotReported]) -> String {
    let one = |kind: &NotReported| match kind {
        NotReported::Groups => "attachments of groups",
        NotReported::IdentityProvider => "policies that an identity provider assigns by name",
        NotReported::BucketPolicies => "policies of buckets, so that it is unknown what anyone can do without a login",
        NotReported::ServiceAccounts => {
            "service accounts and temporary credentials, which an administrator cannot see (they have at most the access of their user)"
        }
    };
    kinds.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What anyone can do with a bucket without a login: whether they can read, list or write something, and what else.
pub(super) fn public(of: Option<&PublicV1>, name: Name) -> String {
    let Some(of) = of else { return "nothing".to_owned() };
    let policy = of.policy.as_deref().map(|policy| format!(" (policy {})", name(policy))).unwrap_or_default();
    if !of.known {
        return format!("perhaps everything, since it is not known what its policy gives{policy}");
    }
    let kinds = of.can.iter().filter_map(|word| RequestKind::of_word(word));
    format!("{}{policy}", in_words(kinds))
}

pub(super) fn object(change: &ChangeV1, name: Name) -> String {
    let ChangeV1 { id, policy, user, group, bucket, .. } = change;
    object_of([bucket, policy, user, group], id, name)
}

/// The bucket, policy, user or group that is there.
fn object_of([bucket, policy, user, group]: [&Option<String>; 4], id: &str, name: Name) -> String {
    let kinds = [("bucket", bucket), ("policy", policy), ("user", user), ("group", group)];
    let found = kinds.into_iter().find_map(|(kind, of)| Some((kind, of.as_ref()?)));
    found.map_or_else(|| name(id), |(kind, of)| format!("{kind} {}", name(of)))
}

/// The string that a value is: the name of a policy, or an unreadable document. `None` for a document.
pub(super) fn text_in(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

pub(super) fn document(raw: &RawValue) -> Option<Document> {
    document_or_text(raw).ok()
}

/// A document of a plan or a drift, or the text of an unreadable one.
pub(super) fn document_or_text(raw: &RawValue) -> Result<Document, String> {
    let text = text_in(Some(raw)).unwrap_or_else(|| raw.get().to_owned());
    policy::read_lenient(&text).map_err(|_| text)
}

/// An API call: `attach ml-training to alice`.
pub(super) fn call(step: &StepV1, name: Name) -> String {
    let StepV1 { call, policy, user, group, bucket, bucket_policy, .. } = step;
    let of = |text: &Option<String>| name(text.as_deref().unwrap_or_default());
    let (policy, who) = (of(policy), who(user.as_deref(), group.as_deref(), name));
    match call {
        CallV1::SetBucketPolicy => {
            let policy = bucket_policy.as_deref().map_or_else(|| "a document".to_owned(), name);
            format!("set the policy of bucket {} to {policy}", of(bucket))
        }
        CallV1::AddPolicy => format!("add policy {policy}"),
        CallV1::RemovePolicy => format!("remove policy {policy}"),
        CallV1::Attach => format!("attach {policy} to {who}"),
        CallV1::RevokeKeys => format!("revoke the keys of {who}"),
        CallV1::Detach => format!("detach {policy} from {who}"),
    }
}

/// The change of a user or group: `attach ml`, `ml → readonly` or `detach ml`. `None` for a policy.
pub(super) fn attachment_change(change: &ChangeV1, name: Name) -> Option<String> {
    let policy = |value: Option<&RawValue>| name(&text_in(value).unwrap_or_default());
    let (before, after) = (policy(change.before.as_deref()), policy(change.after.as_deref()));
    match change.kind {
        KindV1::AddPolicy | KindV1::ReplacePolicy | KindV1::RenamePolicy | KindV1::RemovePolicy => None,
        KindV1::Attach => Some(format!("attach {after}")),
        KindV1::Move => Some(format!("{before} → {after}")),
        KindV1::Detach => Some(format!("detach {before}")),
        KindV1::SetBucketPolicy => {
            let [before, after] = [&change.before, &change.after].map(|side| bucket_policy(side.as_deref(), name));
            Some(format!("{before} → {after}"))
        }
    }
}

pub(super) fn size(plan: &PlanV1, change: &ChangeV1) -> Option<String> {
    let after = change.after.as_ref()?;
    // How large the document of a bucket may be, only the cluster knows.
    if change.bucket.is_some() {
        return Some(format!("{} bytes", after.get().len()));
    }
    Some(format!("{} of {} bytes", after.get().len(), plan.limits.document_bytes))
}

pub(super) fn attached_at_once(principals: &[AttachedPrincipalV1], most: usize, name: Name) -> String {
    format!("applies at once to {}, with this policy name already", named(principals, most, name))
}

/// `renamed from NAME`.
pub(super) fn renamed(change: &ChangeV1, name: Name) -> String {
    format!("renamed from {}", name(change.renamed_from.as_deref().unwrap_or_default()))
}

/// How a policy is renamed. `attached` are the users and groups that move to the new name; `interrupted` those that a gap
/// interrupts.
pub(super) fn renaming(change: &ChangeV1, attached: &str, interrupted: &str, name: Name) -> String {
    let resumes = !change.temporary_policies.is_empty();
    let finishes = if resumes { "finishes an interrupted rename; " } else { "" };
    let how = match (change.method, change.attached_to.is_empty()) {
        (Some(ReplaceMethodV1::Gap), _) => format!(" with a gap, interrupts access of {interrupted}"),
        (Some(ReplaceMethodV1::Swap | ReplaceMethodV1::Plain | ReplaceMethodV1::Finish) | None, true) => {
            ", attached to nobody".to_owned()
        }
        (Some(ReplaceMethodV1::Swap | ReplaceMethodV1::Plain | ReplaceMethodV1::Finish) | None, false) => {
            format!(" without interruption for {attached}")
        }
    };
    let and_document = if changes_document(change) { ", with a new document" } else { "" };
    format!("{finishes}{}{how}{and_document}", renamed(change, name))
}

fn changes_document(change: &ChangeV1) -> bool {
    let [before, after] = [&change.before, &change.after].map(|side| side.as_ref().map(|raw| raw.get()));
    before.is_some() && before != after
}

pub(super) const NO_ATTACHMENTS_LEFT: &str = "no attachments left";

/// The temporary policies that a change removes, such as `removes temporary policy NAME`.
pub(super) fn removes_temporary(change: &ChangeV1, name: Name) -> String {
    let names: Vec<String> = change.temporary_policies.iter().map(|policy| name(policy)).collect();
    format!("removes temporary {} {}", if names.len() == 1 { "policy" } else { "policies" }, list(&names))
}

pub(super) fn principals(of: &[AttachedPrincipalV1]) -> String {
    let groups = of.iter().filter(|principal| principal.group.is_some()).count();
    list(&counted([(of.len() - groups, "user", "users"), (groups, "group", "groups")]))
}

/// `2 users: alice and bob (unmanaged)`, with at most [`NAMED`] names.
pub(super) fn counted_and_named(of: &[AttachedPrincipalV1], name: Name) -> String {
    format!("{}: {}", principals(of), named(of, NAMED, name))
}

pub(super) fn named(of: &[AttachedPrincipalV1], most: usize, name: Name) -> String {
    list_some(of, most, |principal| {
        let who = who(principal.user.as_deref(), principal.group.as_deref(), name);
        if principal.declared { who } else { format!("{who} (unmanaged)") }
    })
}

/// A note. `Resumed` has none: the change itself says it.
pub(super) fn note(note: Note) -> Option<&'static str> {
    match note {
        Note::Resumed => None,
        Note::KeysStay => Some("S3 keys stay valid for a later attach"),
        Note::KeysRevoked => Some("revokes the S3 keys first"),
        Note::KeysMayBeCreated => Some(KEYS_MAY_BE_CREATED),
        Note::Imported => Some("the user comes from a directory, whose next refresh sets its policy again"),
        Note::NameAbsent => {
            Some("the policy is missing for a moment: identities mapped to it by name (OIDC) are affected")
        }
        Note::NameGone => Some("identities mapped to it by name (OIDC) lose it; the cluster does not report them here"),
        Note::OldNameGone => Some(
            "identities mapped to the old name (OIDC) lose their access until they are mapped to the new one; the cluster does not report them here",
        ),
        Note::NoRoom => Some("with a gap, because the cluster has no room for one more policy"),
        Note::OnlyIds => Some(ONLY_IDS),
        Note::SameAccess => Some("no access change: both documents allow the same"),
        Note::NoRoomToMove => Some("interrupts access, because the cluster has no room for one more policy"),
    }
}

/// What it rests on that no access changes.
pub(super) fn basis(of: &Basis, name: Name) -> String {
    let pattern = name(access::bare(&of.pattern));
    match of.kind {
        BasisKind::NoSuchResource => format!("{pattern} counts for nothing: no bucket can have such a name"),
        BasisKind::NoSuchAction => format!("{pattern} counts for nothing: no release has such an action"),
        BasisKind::OnlyKnownActions => format!("{pattern} counts for known actions only; others may change"),
    }
}

pub(super) fn is_of_keys(note: Note) -> bool {
    matches!(note, Note::KeysStay | Note::KeysRevoked | Note::KeysMayBeCreated)
}

pub(super) const ONLY_IDS: &str = "only ids change: no access change";

pub(super) const KEYS_MAY_BE_CREATED: &str = "creates S3 keys if the user has none, re-enables existing ones";
