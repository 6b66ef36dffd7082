//! What the values of the frozen copies are called.

use crate::render::json::{CallV1, ClassNameV1, KindV1, NoteV1, ProfileV1, ReachV1, ReplaceMethodV1, SeverityV1};

/// How far access goes: a symbol, and the word for it.
pub(super) fn reach(reach: ReachV1) -> (&'static str, &'static str) {
    match reach {
        ReachV1::None => ("○", "none"),
        ReachV1::Depends => ("?", "depends"),
        ReachV1::Part => ("◐", "part"),
        ReachV1::All => ("●", "all"),
        ReachV1::Unknown => ("!", "not known"),
    }
}

/// A class of actions: its letter, and its name.
pub(super) fn class(class: ClassNameV1) -> (&'static str, &'static str) {
    match class {
        ClassNameV1::Read => ("R", "read"),
        ClassNameV1::Write => ("W", "write"),
        ClassNameV1::Admin => ("A", "admin"),
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
pub(super) fn note(note: NoteV1) -> &'static str {
    match note {
        NoteV1::KeysKept => "The key pair stays valid and works again with any later attach.",
        NoteV1::KeysRevoked => "The key pair is made worthless before the detach.",
        NoteV1::KeysMayBeCreated => "A key pair is made if there is none; an old one works again.",
        NoteV1::Imported => "The user comes from a directory, whose next refresh sets its policy again.",
        NoteV1::NameAbsent => "The name is absent for a moment: identities mapped to it by name (OIDC) are affected.",
        NoteV1::NameGone => "Identities mapped to it by name (OIDC) lose it; the cluster does not report them here.",
        NoteV1::NoRoom => "A gap, because the cluster has no room for one policy more.",
        NoteV1::NoRoomToMove => "Without access for a moment, because the cluster has no room for one policy more.",
        NoteV1::Resumed => "Finishes an interrupted replacement.",
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
pub(super) fn severity(severity: SeverityV1) -> &'static str {
    match severity {
        SeverityV1::Error => "r",
        SeverityV1::Warning => "c",
        SeverityV1::Note => "dim",
    }
}

/// By whose rules.
pub(super) fn profile(profile: ProfileV1) -> &'static str {
    match profile {
        ProfileV1::Aws => "by AWS's rules only",
        ProfileV1::Minio => "on MinIO-derived servers only",
    }
}
