//! Key pairs that may be lost, by what journals say: warnings for people, and nothing else. The state directory lies where
//! a proposal can write, so that no plan, no guard and no exit code depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::output::Output;
use super::state::State;
use crate::apply::files::{self, EMERGENCY};
use crate::base::{UserName, list_some};
use crate::observed::{Identity, Observed};

/// How many journals are read, the newest first.
const JOURNALS: usize = 64;

/// How much of them is read in all, in bytes: a step takes about a thousand.
const READ: u64 = 64 << 20;

/// How many users or files are named before the rest is only counted: each lost pair has to be named.
const NAMED: usize = 200;

/// The users that have a policy.
pub(super) fn having(observed: &Observed) -> BTreeSet<UserName> {
    observed.users.iter().filter(|(_, user)| user.holds.is_some()).map(|(name, _)| name.clone()).collect()
}

/// Warns about each of these users whose key pair an interrupted run may have lost, and about emergency files that wait.
/// Says nothing while another run is under way.
pub(super) fn warn(dir: &Path, identity: &Identity, having: &BTreeSet<UserName>, output: &mut Output) {
    if State::is_in_use(dir, identity) {
        return;
    }
    let waiting = emergency_files(dir);
    if !waiting.is_empty() {
        output.warn(&format!(
            "new secrets wait in emergency files: {}; move each to its destination, then delete it",
            listed(waiting.iter().map(String::as_str))
        ));
    }
    let lost = suspects(dir, identity);
    let lost: BTreeMap<_, _> = lost.into_iter().filter(|(user, _)| having.contains(user)).collect();
    if lost.is_empty() {
        return;
    }
    let journals: BTreeSet<String> = lost.values().map(|path| path.display().to_string()).collect();
    output.warn(&format!(
        "a key pair may have been created and lost for {}: a run ended before it recorded one ({}). For each of them that has \
         no key pair that works, run `attune keys generate NAME --via weka`. Delete the journal to end this warning",
        listed(lost.keys().map(UserName::as_str)),
        listed(journals.iter().map(String::as_str)),
    ));
}

/// Names with nothing in them that a terminal acts on; of many, the first.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    list_some(&names.collect::<Vec<_>>(), NAMED, |name| format!("`{}`", name.escape_debug()))
}

/// The emergency files that hold something.
fn emergency_files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(files::dir_or_current(dir)).into_iter().flatten().flatten();
    let waiting = entries.filter(|entry| {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(EMERGENCY));
        named && entry.metadata().is_ok_and(|found| found.is_file() && found.len() > 0)
    });
    let mut names: Vec<String> = waiting.map(|entry| entry.path().display().to_string()).collect();
    names.sort();
    names
}

/// The users whose key pair may be lost, each with the journal that says so.
fn suspects(dir: &Path, identity: &Identity) -> BTreeMap<UserName, PathBuf> {
    let mut journals: Vec<_> = fs::read_dir(files::dir_or_current(dir))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.starts_with("journal-") && name.ends_with(".jsonl"))
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    journals.sort();
    let mut left = READ;
    let mut events = Vec::new();
    for (_, path) in journals.into_iter().rev().take(JOURNALS) {
        let Ok(file) = files::open(&path) else { continue };
        let mut read = BufReader::new(file.take(left));
        read_journal(&mut read, &path, identity, &mut events);
        left = read.into_inner().limit();
    }
    judged(events)
}

/// A line of a journal, as far as it is about key pairs.
#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    time: String,
    guid: Option<String>,
    tenant: Option<String>,
    user: Option<String>,
    how: Option<String>,
    #[serde(default)]
    may_create_keys: bool,
    step: Option<StepLine>,
    outcome: Option<StepLine>,
}

/// A step, or what became of it.
#[derive(Deserialize)]
struct StepLine {
    id: usize,
    user: Option<String>,
    #[serde(default)]
    remarks: Vec<String>,
}

/// Something that was done about the key pair of a user.
struct Event {
    time: OffsetDateTime,
    user: UserName,
    /// Which attempt it belongs to: the journal, the run in it, and the step.
    attempt: (PathBuf, usize, usize),
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A call was begun that may make one.
    Begun,
    /// It ended, and what it made is known.
    Settled,
    /// It ended, and the secret of what it may have made is not known.
    Unknown,
    /// A secret of the user was stored: whatever was lost before is worthless.
    Stored,
}

fn read_journal(read: &mut impl BufRead, path: &Path, identity: &Identity, events: &mut Vec<Event>) {
    let (mut run, mut ours) = (0, false);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let Ok(1..) = read.read_until(b'\n', &mut bytes) else { return };
        // A line that was cut off, or is none of attune's, says nothing.
        let Ok(line) = serde_json::from_slice::<Line>(&bytes) else { continue };
        if line.event == "begun" {
            run += 1;
            ours = line.guid.as_ref() == Some(&identity.guid) && line.tenant.as_ref() == Some(&identity.tenant);
        } else if ours && let Some((user, step, what)) = line.of_keys() {
            let time = OffsetDateTime::parse(&line.time, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            events.push(Event { time, user, attempt: (path.to_owned(), run, step), what });
        }
    }
}

impl Line {
    /// Whom it is about, which step, and what it says of a key pair.
    fn of_keys(&self) -> Option<(UserName, usize, What)> {
        let (user, step, what) = match self.event.as_str() {
            "started" if self.may_create_keys => {
                let step = self.step.as_ref()?;
                (step.user.as_ref()?, step.id, What::Begun)
            }
            "ended" => {
                let ended = self.outcome.as_ref()?;
                let unknown = ended.remarks.iter().any(|remark| remark == "pair_unknown");
                (ended.user.as_ref()?, ended.id, if unknown { What::Unknown } else { What::Settled })
            }
            "generating" => (self.user.as_ref()?, 0, What::Begun),
            "not_generated" => (self.user.as_ref()?, 0, What::Settled),
            "kept" if self.how.as_deref() == Some("lost") => (self.user.as_ref()?, 0, What::Unknown),
            "kept" => (self.user.as_ref()?, 0, What::Stored),
            _ => return None,
        };
        Some((UserName::reported(user.clone()), step, what))
    }
}

fn judged(mut events: Vec<Event>) -> BTreeMap<UserName, PathBuf> {
    events.sort_by_key(|event| event.time);
    let mut open: BTreeMap<UserName, BTreeSet<(PathBuf, usize, usize)>> = BTreeMap::new();
    for Event { user, attempt, what, .. } in events {
        match what {
            What::Begun | What::Unknown => {
                open.entry(user).or_default().insert(attempt);
            }
            What::Settled => {
                if let Some(attempts) = open.get_mut(&user) {
                    attempts.remove(&attempt);
                }
            }
            What::Stored => {
                open.remove(&user);
            }
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
        judged(events).into_iter().map(|(user, path)| format!("{user} {}", path.display())).collect()
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
    fn a_call_that_was_begun_and_not_settled_is_named_until_a_secret_is_stored() {
        let killed = format!("{BEGUN}\n{}\n", started("a", 1));
        assert_eq!(lost(&[&killed]), ["a journal-0"]);
        assert_eq!(lost(&[&format!("{killed}{}\n", ended("a", "", 2))]), [""; 0]);
        assert_eq!(lost(&[&format!("{killed}{}\n", ended("a", "\"pair_unknown\"", 2))]), ["a journal-0"]);
        assert_eq!(lost(&[&format!("{killed}{}\n", kept("a", "destination", 2))]), [""; 0]);
        assert_eq!(lost(&[&format!("{killed}{}\n", kept("a", "lost", 2))]), ["a journal-0"]);
        // The next run finds the user attached, or attaches it again: it had a pair by then.
        let next = format!("{BEGUN}\n{}\n{}\n", started("a", 3), ended("a", "", 4));
        assert_eq!(lost(&[&killed, &next]), ["a journal-0"]);
        let generated =
            format!("{BEGUN}\n{{\"event\":\"generating\",\"user\":\"a\"}}\n{}\n", kept("a", "emergency", 5));
        assert_eq!(lost(&[&generated, &killed]), [""; 0]);
        // What was stored before was not lost later.
        assert_eq!(lost(&[&format!("{BEGUN}\n{}\n", kept("a", "destination", 0)), &killed]), ["a journal-1"]);
    }

    #[test]
    fn what_is_of_another_cluster_or_no_journal_says_nothing() {
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
