//! The commit that last changed some lines of a file. Git only reads objects: the file itself is not read by Git, so that no
//! filter of a repository runs.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use similar::{DiffOp, TextDiff};

use super::program::{Git, text};
use super::repository::{GitProblem, Repository};
use crate::render::json::LastChangeV1;

/// The last change of some lines, counted from 1, of a file with this text. `None` if the file is in no repository.
pub(in crate::cli) fn last_change(
    file: &Path,
    now: &str,
    lines: RangeInclusive<usize>,
) -> Result<Option<LastChangeV1>, GitProblem> {
    let real = file.canonicalize().map_err(|error| GitProblem::failed("log", &error))?;
    let repository = match Repository::find(&real) {
        Ok(repository) => repository,
        Err(GitProblem::NoRepository(_)) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let (git, path) = (Git::open(&repository)?, &repository.inside);
    let not_committed = Ok(Some(LastChangeV1::default()));
    let Some(head) = git.commit("HEAD")? else { return not_committed };
    let listed = git.list(&head, Some(path))?;
    let Some(entry) = listed.iter().find(|of| !of.is_link) else { return not_committed };
    let contents = git.read(&BTreeSet::from([entry.id.as_str()]))?;
    let committed = contents.get(&entry.id).map(|bytes| text(bytes)).unwrap_or_default();
    let Some(lines) = as_committed(&committed, now, lines) else { return not_committed };
    let found = git.last_change(&head, path, &lines)?;
    let mut lines = found.lines().map(str::to_owned);
    let [commit, date, author] = std::array::from_fn(|_| lines.next());
    let commit = commit.ok_or_else(|| GitProblem::failed("log", &"the history of the file cannot be read"))?;
    let summary = lines.find(|line| !line.trim().is_empty()).unwrap_or_default();
    Ok(Some(LastChangeV1 {
        committed: true,
        or_before: git.oldest_known()?.contains(&commit),
        commit: Some(commit),
        date,
        author,
        summary: Some(summary.trim_start().to_owned()),
    }))
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
}
