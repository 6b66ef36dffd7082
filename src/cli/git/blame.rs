//! The commit that last changed some lines of a file. Git only reads objects: the file itself is not read by Git, so that no
//! filter of a repository runs.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use similar::{DiffOp, TextDiff};
use time::OffsetDateTime;
use time::UtcOffset;

use super::program::{Git, text};
use super::repository::{GitProblem, Repository};

/// Who last changed some lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum LastChange {
    /// A commit.
    Commit(Commit),
    /// No commit: the lines, or the file, differ from the checked-out commit.
    Uncommitted,
}

/// A commit. Its author, date and summary are what its author wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Commit {
    /// Its whole hash.
    pub(in crate::cli) id: String,
    /// The day on which the author wrote it, in the author's time zone.
    pub(in crate::cli) date: String,
    /// The name of the author.
    pub(in crate::cli) author: String,
    /// The first line of the message.
    pub(in crate::cli) summary: String,
    /// Whether it is only the oldest commit that the clone has, so that an older one may have changed the lines.
    pub(in crate::cli) is_oldest_known: bool,
}

/// The last change of some lines, counted from 1, of a file with this text. `None` if the file is in no repository.
pub(in crate::cli) fn last_change(
    file: &Path,
    now: &str,
    lines: RangeInclusive<usize>,
) -> Result<Option<LastChange>, GitProblem> {
    let real = file.canonicalize().map_err(|error| GitProblem::failed("blame", &error))?;
    let repository = match Repository::find(&real) {
        Ok(repository) => repository,
        Err(GitProblem::NoRepository(_)) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let git = Git::open(&repository)?;
    let Some(head) = git.commit("HEAD")? else { return Ok(Some(LastChange::Uncommitted)) };
    let Some(blob) = git.blob(&head, &repository.inside)? else { return Ok(Some(LastChange::Uncommitted)) };
    let contents = git.read(&BTreeSet::from([blob.as_str()]))?;
    let committed = contents.get(&blob).map(|bytes| text(bytes)).unwrap_or_default();
    let Some(lines) = as_committed(&committed, now, lines) else { return Ok(Some(LastChange::Uncommitted)) };
    let history = History::read(&git, &head, &repository.inside)?;
    history.last_change(committed, lines).map(|commit| Some(LastChange::Commit(commit)))
}

/// The commits that change a file.
struct History<'g> {
    git: &'g Git<'g>,
    path: &'g Path,
    /// The newest first, each with those before it.
    commits: Vec<Vec<String>>,
}

impl<'g> History<'g> {
    fn read(git: &'g Git<'g>, head: &str, path: &'g Path) -> Result<Self, GitProblem> {
        Ok(Self { git, path, commits: git.commits_of(head, path)? })
    }

    /// The newest commit that changes the lines of the newest text. A merge that takes them from one side does not change them.
    fn last_change(&self, newest: String, lines: RangeInclusive<usize>) -> Result<Commit, GitProblem> {
        let (mut now, mut lines) = (newest, lines);
        let unreadable = || GitProblem::failed("rev-list", &"the history of the file cannot be read");
        let mut commit = self.commits.first().and_then(|all| all.first()).ok_or_else(unreadable)?;
        loop {
            let parents = self.commits.iter().find(|all| all.first() == Some(commit)).and_then(|all| all.get(1..));
            let texts = self.git.texts(parents.unwrap_or_default(), self.path)?;
            let unchanged = parents.unwrap_or_default().iter().find_map(|parent| {
                let before = texts.get(parent)?;
                Some((parent, before, as_committed(before, &now, lines.clone())?))
            });
            let Some((parent, before, same)) = unchanged else { break };
            (commit, now, lines) = (parent, before.clone(), same);
        }
        let objects = self.git.read(&BTreeSet::from([commit.as_str()]))?;
        let is_listed = self.commits.iter().any(|all| all.first() == Some(commit));
        let is_oldest_known = !is_listed || self.git.oldest_known()?.contains(commit);
        let object = objects.get(commit).map(|object| text(object)).ok_or_else(unreadable)?;
        read_commit(commit, &object, is_oldest_known).ok_or_else(unreadable)
    }
}

/// The same lines in the committed text. `None` if one of them is not committed as it is.
fn as_committed(committed: &str, now: &str, lines: RangeInclusive<usize>) -> Option<RangeInclusive<usize>> {
    // A checkout may have other ends of lines.
    let [committed, now] = [committed, now].map(|text| text.replace("\r\n", "\n"));
    let same = |op: &DiffOp| match *op {
        DiffOp::Equal { old_index, new_index, len } => {
            let is_in = new_index < *lines.start() && *lines.end() <= new_index + len;
            let at = |line: usize| line - new_index + old_index;
            is_in.then(|| at(*lines.start())..=at(*lines.end()))
        }
        DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => None,
    };
    TextDiff::from_lines(committed.as_str(), &now).ops().iter().find_map(same)
}

/// Reads a commit object.
fn read_commit(id: &str, object: &str, is_oldest_known: bool) -> Option<Commit> {
    let (head, message) = object.split_once("\n\n").unwrap_or((object, ""));
    let person = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let (author, date) = person("author")?.rsplit_once('>')?;
    let author = author.rsplit_once('<').map_or(author, |(name, _)| name).trim().to_owned();
    let summary = message.trim_start().lines().next().unwrap_or_default().to_owned();
    Some(Commit { id: id.to_owned(), date: day(date)?, author, summary, is_oldest_known })
}

/// The day of a time such as `1767225600 +0100`.
fn day(date: &str) -> Option<String> {
    let mut words = date.split_whitespace();
    let moment = OffsetDateTime::from_unix_timestamp(words.next()?.parse().ok()?).ok()?;
    let zone: i32 = words.next().and_then(|zone| zone.parse().ok()).unwrap_or_default();
    let offset = UtcOffset::from_whole_seconds((zone / 100 * 60 + zone % 100) * 60).unwrap_or(UtcOffset::UTC);
    let local = moment.checked_to_offset(offset)?;
    Some(format!("{:04}-{:02}-{:02}", local.year(), u8::from(local.month()), local.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_where_they_were_committed() {
        let committed = "a\nb\nc\nd\ne\n";
        let at = |now: &str, lines| as_committed(committed, now, lines);
        assert_eq!(at(committed, 2..=3), Some(2..=3));
        assert_eq!(at("x\ny\na\nb\nc\nd\ne\n", 4..=5), Some(2..=3));
        assert_eq!(at("b\nc\nd\ne\n", 1..=2), Some(2..=3));
        assert_eq!(at("a\nb\nc\nd\nx\n", 2..=3), Some(2..=3));
        assert_eq!(at("a\nb\nX\nd\ne\n", 2..=3), None);
        assert_eq!(at("a\nb\nd\ne\n", 2..=3), None, "a line between them is gone");
        assert_eq!(at("a\nb\nx\nc\nd\ne\n", 2..=4), None);
        assert_eq!(at("a\nb\nx\nc\nd\ne\n", 4..=5), Some(3..=4));
        assert_eq!(at("a\r\nb\r\nc\r\nd\r\ne\r\n", 2..=3), Some(2..=3));
        assert_eq!(as_committed("", "a\n", 1..=1), None);
    }

    #[test]
    fn a_commit_is_read_with_its_author_and_day() {
        let object =
            "tree aa\nparent bb\nauthor A <b> C <a@b> 1767222000 +0100\ncommitter D <d@d> 5 +0000\n\nFirst\nmore\n";
        let commit = read_commit("id", object, true).unwrap();
        assert_eq!(
            (commit.author.as_str(), commit.date.as_str(), commit.summary.as_str()),
            ("A <b> C", "2026-01-01", "First")
        );
        assert!(commit.is_oldest_known);
        let empty = read_commit("id", "author  <> 0 -1200\n\n", false).unwrap();
        assert_eq!((empty.author.as_str(), empty.date.as_str(), empty.summary.as_str()), ("", "1969-12-31", ""));
        assert_eq!(read_commit("id", "tree aa\n\n", false), None);
    }
}
