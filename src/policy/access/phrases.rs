//! Requests in a phrase, with those together that people think of together.

use std::collections::BTreeSet;

use super::requests::RequestKind::{self, *};

/// Requests that are one phrase together. The first that is whole counts.
const TOGETHER: [(&[RequestKind], &str); 34] = [
    (&[List, ListVersions], "list keys and versions"),
    (&[Read, ReadVersion, CopyFrom], "read"),
    (&[Read, CopyFrom], "read (no old versions)"),
    (&[Write, CopyTo, WriteTags, WriteLegalHold, WriteRetention], "write"),
    (&[Write, CopyTo, WriteTags, WriteLegalHold], "write"),
    (&[Write, CopyTo, WriteTags, WriteRetention], "write"),
    (&[Write, CopyTo, WriteTags], "write"),
    (&[Write, CopyTo, WriteLegalHold, WriteRetention], "write (no tags)"),
    (&[Write, CopyTo, WriteRetention], "write (no tags)"),
    (&[Write, CopyTo], "write (no tags)"),
    (&[WriteTags, WriteLegalHold], "write with tags or a legal hold"),
    (&[Delete, DeleteVersion, DeleteLockedVersion], "delete (versions for good, too, also under governance retention)"),
    (&[Delete, DeleteVersion], "delete (versions for good, too)"),
    (&[DeleteVersion, DeleteLockedVersion], "delete versions for good (also under governance retention)"),
    (&[ShortenRetention, SetRetention], "set and shorten a retention"),
    (&[ReadRetention, ReadLegalHold], "read retentions and legal holds"),
    (&[ReadTags, ReadVersionTags, SetTags, SetVersionTags, DeleteTags, DeleteVersionTags], "read and change tags"),
    (&[ReadTags, SetTags, DeleteTags], "read and change tags (not of old versions)"),
    (&[ReadVersionTags, SetVersionTags, DeleteVersionTags], "read and change tags of versions"),
    (&[SetTags, SetVersionTags, DeleteTags, DeleteVersionTags], "change tags"),
    (&[ReadTags, ReadVersionTags], "read tags"),
    (&[SetTags, SetVersionTags], "set tags"),
    (&[DeleteTags, DeleteVersionTags], "delete tags"),
    (&[ListUploads, ListParts, AbortUpload], "list and abort uploads"),
    (&[ListParts, AbortUpload], "abort uploads, and list their parts"),
    (&[CreateBucket, CreateLockedBucket, DeleteBucket], "create and delete the bucket"),
    (&[CreateBucket, CreateLockedBucket], "create the bucket (with object lock, too)"),
    (&SETTINGS_READ, "read all its settings"),
    (&SETTINGS_CHANGED, "change all its settings (the bucket policy, too)"),
    (&[ChangeBucketPolicy, DeleteBucketPolicy], "change and delete the bucket policy"),
    (&[ReadTags], "read tags (not of old versions)"),
    (&[SetTags], "set tags (not of old versions)"),
    (&[DeleteTags], "delete tags (not of old versions)"),
    (&[SeeBuckets], "see the name"),
];

const SETTINGS_READ: [RequestKind; 8] = [
    ReadLocation,
    ReadBucketPolicy,
    ReadAcl,
    ReadLifecycle,
    ReadBucketTags,
    ReadVersioning,
    ReadLockConfiguration,
    ReadNotifications,
];

const SETTINGS_CHANGED: [RequestKind; 7] = [
    ChangeBucketPolicy,
    DeleteBucketPolicy,
    ChangeLifecycle,
    ChangeBucketTags,
    ChangeVersioning,
    ChangeLockConfiguration,
    ChangeNotifications,
];

/// Requests in a phrase: `read, write, delete (versions for good, too)`.
pub fn in_words(kinds: impl IntoIterator<Item = RequestKind>) -> String {
    let mut rest: BTreeSet<RequestKind> = kinds.into_iter().collect();
    if RequestKind::ALL.iter().all(|kind| rest.contains(kind)) {
        return "do everything".to_owned();
    }
    let mut phrases: Vec<(RequestKind, &str)> = Vec::new();
    for (all, phrase) in TOGETHER {
        if let Some(first) = all.iter().min().filter(|_| all.iter().all(|kind| rest.contains(kind))) {
            phrases.push((*first, phrase));
            rest.retain(|kind| !all.contains(kind));
        }
    }
    phrases.extend(rest.into_iter().map(|kind| (kind, kind.phrase())));
    phrases.sort_by_key(|(first, _)| *first);
    phrases.into_iter().map(|(_, phrase)| phrase).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_belong_together_are_one_phrase() {
        for (kinds, expected) in [
            (vec![Read, ReadVersion, CopyFrom], "read"),
            (vec![Delete, DeleteVersion, Read, CopyFrom], "read (no old versions), delete (versions for good, too)"),
            (vec![List, ListVersions, SeeBuckets], "see the name, list keys and versions"),
            (vec![DeleteVersion], "delete versions for good"),
            (RequestKind::ALL.to_vec(), "do everything"),
            (vec![], ""),
        ] {
            assert_eq!(in_words(kinds), expected);
        }
    }

    #[test]
    fn no_request_is_lost_in_a_phrase() {
        // An upload with a retention or a legal hold is for those who may set these: that is said apart.
        let is_told = |kind: &&RequestKind| !matches!(kind, WriteRetention | WriteLegalHold);
        for (all, _) in TOGETHER {
            for kind in all.iter().filter(is_told).filter(|_| all.len() > 1) {
                let without = all.iter().copied().filter(|one| one != kind);
                assert_ne!(in_words(without), in_words(all.iter().copied()), "{kind:?}");
            }
        }
    }
}
