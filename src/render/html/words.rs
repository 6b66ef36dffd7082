//! What the values of the frozen copies are called.

use crate::base::Severity;
use crate::plan::Note;
use crate::policy::access::Profile;
use crate::render::json::{CallV1, KindV1, ReplaceMethodV1};
use crate::report::{Class, Reach};

/// How far access goes: a symbol, and the word for it.
pub(super) fn reach(reach: Reach) -> (&'static str, &'static str) {
    match reach {
        Reach::None => ("○", "none"),
        Reach::Depends => ("?", "depends"),
        Reach::Part => ("◐", "part"),
        Reach::All => ("●", "all"),
        Reach::Unknown => ("!", "not known"),
    }
}

/// A class of actions: its letter, and its name.
pub(super) fn class(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Read => ("R", "read"),
        Class::Write => ("W", "write"),
        Class::Admin => ("A", "admin"),
    }
}

/// A kind of change: the class of its style, its mark, and what happens.
pub(super) fn kind(kind: KindV1) -> (&'static str, &'static str, &'static str) {
    match kind {
        KindV1::AddPolicy => ("a", "+", "add policy"),
        KindV1::ReplacePolicy => ("c", "±", "replace policy"),
        KindV1::RemovePolicy => ("r", "−", "remove policy"),
        KindV1::Attach => ("a", "+", "attach"),
        KindV1::Move => ("c", ">", "move"),
        KindV1::Detach => ("r", "−", "detach"),
    }
}

/// How a policy is replaced.
pub(super) fn method(method: ReplaceMethodV1) -> &'static str {
    match method {
        ReplaceMethodV1::Swap => "Swapped: its holders keep access throughout.",
        ReplaceMethodV1::Gap => "With a gap: its holders are without access for a moment.",
        ReplaceMethodV1::Plain => "Removed and added again; nobody holds it.",
        ReplaceMethodV1::Finish => "An interrupted replacement is finished; its holders keep access throughout.",
    }
}

/// What else to know.
pub(super) fn note(note: Note) -> &'static str {
    match note {
        Note::KeysKept => "The key pair stays valid and works again with any later attach.",
        Note::KeysRevoked => "The key pair is made worthless before the detach.",
        Note::KeysMayBeCreated => "A key pair is made if there is none; an old one works again.",
        Note::Imported => "The user comes from a directory, whose next refresh sets its policy again.",
        Note::NameAbsent => "The name is absent for a moment: identities mapped to it by name (OIDC) are affected.",
        Note::NameGone => "Identities mapped to it by name (OIDC) lose it; the cluster does not report them here.",
        Note::NoRoom => "A gap, because the cluster has no room for one policy more.",
        Note::NoRoomToMove => "Without access for a moment, because the cluster has no room for one policy more.",
        Note::Resumed => "Finishes an interrupted replacement.",
    }
}

/// A call.
pub(super) fn call(call: CallV1) -> &'static str {
    match call {
        CallV1::AddPolicy => "add policy",
        CallV1::RemovePolicy => "remove policy",
        CallV1::Attach => "attach",
        CallV1::RevokeKeys => "revoke the keys of",
        CallV1::Detach => "detach",
    }
}

/// How much a finding weighs: the class of its style.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "r",
        Severity::Warning => "c",
        Severity::Note => "dim",
    }
}

/// By whose rules.
pub(super) fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Aws => "by AWS's rules only",
        Profile::Minio => "on MinIO-derived servers only",
    }
}
