//! Interrupted rotations, according to their journal and the destination of the secrets. This decides nothing by itself: a
//! person says with `--resume` that the journal is to be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::journal::own_lines;
use super::state::open_keys_journal;
use crate::apply::SecretStore;
use crate::base::UserName;
use crate::observed::Identity;

/// The most that is read of a journal. A rotation of a user takes about 300. Bytes.
const MAX_READ: u64 = 64 << 20;

/// What the journal knows of a user whose rotation is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progressed {
    /// The call was about to be sent at this time.
    Sent(OffsetDateTime),
    /// The secret is at its destination.
    Stored,
}

/// The users that an unfinished rotation has done: their new secrets are at the destination.
pub(super) fn done(dir: &Path, identity: &Identity, store: &SecretStore) -> BTreeSet<UserName> {
    let Ok(file) = open_keys_journal(dir, identity) else { return BTreeSet::new() };
    let unfinished = unfinished(&mut BufReader::new(file.take(MAX_READ)), identity);
    let is_done = |(user, progressed): &(UserName, Progressed)| match progressed {
        Progressed::Stored => true,
        // The run ended between the storing and its record.
        Progressed::Sent(at) => store.has_file_since(user, (*at).into()),
    };
    unfinished.into_iter().filter(is_done).map(|(user, _)| user).collect()
}

fn unfinished(read: &mut impl BufRead, identity: &Identity) -> BTreeMap<UserName, Progressed> {
    let mut users: BTreeMap<UserName, Progressed> = BTreeMap::new();
    let mut of_run = Vec::new();
    for (_, line) in own_lines(read, identity) {
        let user = line.user.map(UserName::reported);
        match (line.event.as_str(), user) {
            ("begun", _) => of_run.clear(),
            ("rotating", _) => of_run = line.users.into_iter().map(UserName::reported).collect(),
            ("generating", Some(user)) => {
                let time = OffsetDateTime::parse(&line.time, &Rfc3339);
                _ = time.map(|time| users.insert(user, Progressed::Sent(time)));
            }
            ("kept", Some(user)) if line.how.as_deref() == Some("destination") => {
                users.insert(user, Progressed::Stored);
            }
            ("kept" | "not_generated", Some(user)) => _ = users.remove(&user),
            ("rotated", _) => of_run.drain(..).for_each(|user| _ = users.remove(&user)),
            _ => {}
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Release;

    fn found(lines: &[&str]) -> Vec<(String, bool)> {
        let identity = Identity {
            name: "w".to_owned(),
            guid: "g".to_owned(),
            release: Release::parse("5.1.2").unwrap(),
            tenant: "Root".to_owned(),
            user: UserName::reported("admin"),
            role: "ClusterAdmin".to_owned(),
        };
        let users = unfinished(&mut lines.join("\n").as_bytes(), &identity);
        users.into_iter().map(|(user, of)| (user.to_string(), of == Progressed::Stored)).collect()
    }

    const BEGUN: &str = r#"{"event":"begun","guid":"g","tenant":"Root"}"#;
    const ROTATING: &str = r#"{"event":"rotating","users":["a","b"]}"#;
    const SENT_A: &str = r#"{"event":"generating","user":"a","time":"2026-01-01T00:00:00Z"}"#;
    const KEPT_A: &str = r#"{"event":"kept","user":"a","how":"destination"}"#;
    const OVER: &str = r#"{"event":"rotated"}"#;

    #[test]
    fn a_user_is_done_until_its_rotation_is_over() {
        let a = |stored| vec![("a".to_owned(), stored)];
        assert_eq!(found(&[BEGUN, ROTATING, SENT_A]), a(false));
        assert_eq!(found(&[BEGUN, ROTATING, SENT_A, KEPT_A]), a(true));
        assert_eq!(found(&[BEGUN, ROTATING, SENT_A, KEPT_A, OVER]), []);
        // A rotation of other users ends only theirs.
        let other = r#"{"event":"rotating","users":["c"]}"#;
        assert_eq!(found(&[BEGUN, ROTATING, SENT_A, KEPT_A, BEGUN, other, OVER]), a(true));
        for end in [
            r#"{"event":"not_generated","user":"a"}"#,
            r#"{"event":"kept","user":"a","how":"emergency"}"#,
            r#"{"event":"kept","user":"a","how":"lost"}"#,
        ] {
            assert_eq!(found(&[BEGUN, ROTATING, SENT_A, end]), []);
        }
        let foreign = BEGUN.replace("\"g\"", "\"h\"");
        assert_eq!(found(&[&foreign, ROTATING, SENT_A, KEPT_A]), []);
        assert_eq!(found(&["{\"event\":", "[1]", KEPT_A]), []);
    }
}
