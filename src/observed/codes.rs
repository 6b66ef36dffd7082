//! The kinds of findings about what a cluster reports.

use crate::base::codes;

codes! {
    "All kinds of findings of this room.";
    NEWER = "release-newer-than-known", "The release is newer than the newest that attune knows, and is spoken to like that one.";
    SEVERAL_RECORDS = "several-records", "The cluster reports several records under one name, so it is unknown which of them a call changes.";
}
