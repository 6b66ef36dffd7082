//! Warnings about key pairs that may be lost, according to journals. A proposal can write to the state directory, so no plan,
//! guard or exit code depends on it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::journal::{JournalLine, StepLine, own_lines};
use super::output::Output;
use super::state::State;
use crate::apply::files::{self, EMERGENCY};
use crate::base::{UserName, file_name, list_some};
use crate::observed::{Identity, Observed};

/// The most journals that are read, newest first.
const MAX_JOURNALS: usize = 64;

/// The most that is read of all journals; a step takes about 1000. Bytes.
const MAX_READ: u64 = 64 << 20;

/// How many users or files a warning names. The rest are only counted.
const MAX_NAMED: usize = 200;

pub(super) fn users_with_policy(observed: &Observed) -> BTreeSet<UserName> {
    observed.users.iter().filter(|(_, user)| user.attached.is_some()).map(|(name, _)| name.clone()).collect()
}

/// Warns about emergency files, and about each of these users whose key pair an interrupted run may have lost. Does nothing
/// while another run holds the lock. Returns whether it warned.
pub(super) fn warn(dir: &Path, identity: &Identity, users: &BTreeSet<UserName>, output: &mut Output) -> bool {
    if State::is_in_use(dir, identity) {
        return false;
    }
    let emergency_files = emergency_files(dir);
    if !emergency_files.is_empty() {
        output.warn(&format!(
            "emergency files contain new secrets: {}; unless its destination has a newer pair of the user, move each secret there; then \
             delete the file",
            listed(emergency_files.iter().map(String::as_str))
        ));
    }
    let lost = suspects(dir, identity);
    let lost: BTreeMap<_, _> = lost.into_iter().filter(|(user, _)| users.contains(user)).collect();
    if lost.is_empty() {
        return !emergency_files.is_empty();
    }
    let journals: BTreeSet<String> = lost.values().map(|path| path.display().to_string()).collect();
    output.warn(&format!(
        "a run ended before it recorded the new key pairs of {} ({}). If one of these users has no working key pair, run \
         `attune keys rotate NAME`. To end this warning, delete the journal",
        listed(lost.keys().map(UserName::as_str)),
        listed(journals.iter().map(String::as_str)),
    ));
    true
}

/// Names without control characters; of many, the first.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    list_some(&names.collect::<Vec<_>>(), MAX_NAMED, |name| format!("`{}`", name.escape_debug()))
}

/// The files of a directory whose names match, the newest first.
pub(super) fn files_in(dir: &Path, is_named: fn(&str) -> bool) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(files::dir_or_current(dir)).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_named));
    let mut found: Vec<_> = named.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))).collect();
    found.sort_by_cached_key(|(path, found)| Reverse((found.modified().ok(), path.clone())));
    found
}

/// The emergency files of these users. Once a user has a newer pair, the secret in its emergency file is useless.
pub(super) fn emergency_files_of<'a>(dir: &Path, users: impl Iterator<Item = &'a UserName>) -> Option<String> {
    let prefixes: Vec<String> = users.map(|user| format!("{EMERGENCY}{}-", file_name(user.as_str()))).collect();
    let is_of = |path: &String| {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = |rest: &str| rest.split('.').next().is_some_and(|n| n.parse::<usize>().is_ok());
        prefixes.iter().any(|prefix| name.strip_prefix(prefix.as_str()).is_some_and(number))
    };
    let found: Vec<String> = emergency_files(dir).into_iter().filter(is_of).collect();
    (!found.is_empty()).then(|| listed(found.iter().map(String::as_str)))
}

fn emergency_files(dir: &Path) -> BTreeSet<String> {
    let files = files_in(dir, |name| name.starts_with(EMERGENCY)).into_iter();
    let files = files.filter(|(_, found)| found.is_file() && found.len() > 0);
    files.map(|(path, _)| path.display().to_string()).collect()
}

fn suspects(dir: &Path, identity: &Identity) -> BTreeMap<UserName, PathBuf> {
    let journals = files_in(dir, |name| name.starts_with("journal-") && name.ends_with(".jsonl"));
    let mut left = MAX_READ;
    let mut events = Vec::new();
    for (path, _) in journals.into_iter().take(MAX_JOURNALS) {
        let Ok(file) = files::open(&path) else { continue };
        let mut read = BufReader::new(file.take(left));
        read_journal(&mut read, &path, identity, &mut events);
        left = read.into_inner().limit();
    }
    unresolved(events)
}

struct Event {
    time: OffsetDateTime,
    user: UserName,
    attempt: Attempt,
    kind: EventKind,
}

/// A call that may create a key pair: its journal, run and step. The step is 0 for `keys rotate`.
type Attempt = (PathBuf, usize, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventKind {
    /// The call was sent, or it ended, but the secret of a possible new pair is not known.
    Open,
    Settled,
    /// A secret was stored, which revokes all earlier pairs.
    Stored,
}

fn read_journal(read: &mut impl BufRead, path: &Path, identity: &Identity, events: &mut Vec<Event>) {
    for (run, line) in own_lines(read, identity) {
        if let Some((user, step, kind)) = line.key_event() {
            let time = OffsetDateTime::parse(&line.time, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            events.push(Event { time, user, attempt: (path.to_owned(), run, step), kind });
        }
    }
}

impl JournalLine {
    fn key_event(&self) -> Option<(UserName, usize, EventKind)> {
        let own = StepLine { id: 0, user: self.user.clone(), remarks: Vec::new(), status: None };
        let (step, kind) = match self.event.as_str() {
            "started" if self.may_create_keys => (self.step.as_ref()?, EventKind::Open),
            "ended" => {
                let ended = self.outcome.as_ref()?;
                let unknown = ended.remarks.iter().any(|remark| remark == "pair_unknown");
                (ended, if unknown { EventKind::Open } else { EventKind::Settled })
            }
            "generating" => (&own, EventKind::Open),
            "not_generated" => (&own, EventKind::Settled),
            "kept" if self.how.as_deref() == Some("lost") => (&own, EventKind::Open),
            "kept" => (&own, EventKind::Stored),
            _ => return None,
        };
        Some((UserName::reported(step.user.clone()?), step.id, kind))
    }
}

fn unresolved(mut events: Vec<Event>) -> BTreeMap<UserName, PathBuf> {
    events.sort_by_key(|event| event.time);
    let mut open: BTreeMap<UserName, BTreeSet<Attempt>> = BTreeMap::new();
    for Event { user, attempt, kind, .. } in events {
        let attempts = open.entry(user).or_default();
        match kind {
            EventKind::Open => _ = attempts.insert(attempt),
            EventKind::Settled => _ = attempts.remove(&attempt),
            EventKind::Stored => attempts.clear(),
        }
    }
    open.into_iter().filter_map(|(user, attempts)| Some((user, attempts.into_iter().next_back()?.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Release;

    fn lost(journals: &[&str]) -> Vec<String> {
        let identity = Identity {
            name: "w".to_owned(),
            guid: "g".to_owned(),
            release: Release::parse("5.1.2").unwrap(),
            tenant: "Root".to_owned(),
            user: UserName::reported("admin"),
            role: "ClusterAdmin".to_owned(),
        };
        let mut events = Vec::new();
        for (at, text) in journals.iter().enumerate() {
            read_journal(&mut text.as_bytes(), Path::new(&format!("journal-{at}")), &identity, &mut events);
        }
        unresolved(events).into_iter().map(|(user, path)| format!("{user} {}", path.display())).collect()
    }

    const BEGUN: &str = r#"{"event":"begun","guid":"g","tenant":"Root","time":"2026-01-01T00:00:00Z"}"#;

    fn started(user: &str, time: u8) -> String {
        format!(
            r#"{{"event":"started","may_create_keys":true,"step":{{"id":1,"call":"attach","user":"{user}"}},"time":"2026-01-01T00:00:{time:02}Z"}}"#
        )
    }

    fn ended(user: &str, remarks: &str, time: u8) -> String {
        format!(
            r#"{{"event":"ended","outcome":{{"id":1,"user":"{user}","status":"done","remarks":[{remarks}]}},"time":"2026-01-01T00:00:{time:02}Z"}}"#
        )
    }

    fn kept(user: &str, how: &str, time: u8) -> String {
        format!(r#"{{"event":"kept","user":"{user}","how":"{how}","time":"2026-01-01T00:00:{time:02}Z"}}"#)
    }

    #[test]
    fn a_user_is_named_from_an_unsettled_call_until_a_secret_is_stored() {
        let killed = format!("{BEGUN}\n{}\n", started("a", 1));
        assert_eq!(lost(&[&killed]), ["a journal-0"]);
        assert_eq!(lost(&[&format!("{killed}{}\n", ended("a", "", 2))]), [""; 0]);
        assert_eq!(lost(&[&format!("{killed}{}\n", ended("a", "\"pair_unknown\"", 2))]), ["a journal-0"]);
        assert_eq!(lost(&[&format!("{killed}{}\n", kept("a", "destination", 2))]), [""; 0]);
        assert_eq!(lost(&[&format!("{killed}{}\n", kept("a", "lost", 2))]), ["a journal-0"]);
        // A later run settles only its own call.
        let next = format!("{BEGUN}\n{}\n{}\n", started("a", 3), ended("a", "", 4));
        assert_eq!(lost(&[&killed, &next]), ["a journal-0"]);
        let generated =
            format!("{BEGUN}\n{{\"event\":\"generating\",\"user\":\"a\"}}\n{}\n", kept("a", "emergency", 5));
        assert_eq!(lost(&[&generated, &killed]), [""; 0]);
        // An earlier secret does not settle a later call.
        assert_eq!(lost(&[&format!("{BEGUN}\n{}\n", kept("a", "destination", 0)), &killed]), ["a journal-1"]);
    }

    #[test]
    fn journals_of_other_clusters_and_foreign_lines_are_skipped() {
        let other = BEGUN.replace("\"g\"", "\"h\"");
        for text in [
            format!("{other}\n{}\n", started("a", 1)),
            started("a", 1),
            format!("{BEGUN}\n{}", &started("a", 1)[..40]),
            format!("{BEGUN}\n{}\n", started("a", 1).replace("true", "false")),
            "[1]\n\u{1b}[31m\n{}\n".to_owned(),
        ] {
            assert_eq!(lost(&[&text]), [""; 0], "{text}");
        }
        let shared = format!("{other}\n{}\n{BEGUN}\n{}\n", started("a", 1), started("b", 1));
        assert_eq!(lost(&[&shared]), ["b journal-0"]);
        assert_eq!(listed(["a\u{1b}[31m"].into_iter()), "`a\\u{1b}[31m`");
    }
}
