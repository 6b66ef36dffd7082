//! What a reviewer should know beside a change, for machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Note;

/// What else to know before agreeing to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteV1 {
    /// The user's key pair stays valid and works again with any later attach.
    KeysKept,
    /// The user's key pair is made worthless before it is detached.
    KeysRevoked,
    /// A key pair is made if the user has none; one it has works again.
    KeysMayBeCreated,
    /// The user comes from a directory, whose next refresh sets its policy again.
    Imported,
    /// The name is absent for a moment: identities mapped to it by name are affected.
    NameAbsent,
    /// Identities mapped to the policy by name lose it.
    NameGone,
    /// Holders are without access for a moment, because the cluster has no room for one policy more.
    NoRoom,
    /// The user is without access for a moment, because the cluster has no room for one policy more.
    NoRoomToMove,
    /// An interrupted replacement is finished.
    Resumed,
}

impl NoteV1 {
    /// A copy of a note.
    #[must_use]
    pub fn of(note: Note) -> Self {
        match note {
            Note::KeysKept => Self::KeysKept,
            Note::KeysRevoked => Self::KeysRevoked,
            Note::KeysMayBeCreated => Self::KeysMayBeCreated,
            Note::Imported => Self::Imported,
            Note::NameAbsent => Self::NameAbsent,
            Note::NameGone => Self::NameGone,
            Note::NoRoom => Self::NoRoom,
            Note::NoRoomToMove => Self::NoRoomToMove,
            Note::Resumed => Self::Resumed,
        }
    }
}
