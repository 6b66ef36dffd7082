//! Commits as they are stored: what is checked out, what a proposal adds to its base, and who signed it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::commit;
use super::program::{Git, text};
use super::repository::{GitProblem, Repository};

/// The most commits of a proposal whose signatures are read.
const MAX_COMMITS: usize = 1000;

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Commit {
    pub(in crate::cli) id: String,
    tree: String,
    parents: Vec<String>,
    /// Its signature, in the form of its program.
    pub(in crate::cli) signature: Option<String>,
    /// What is signed: the commit without its signature.
    pub(in crate::cli) signed: Vec<u8>,
}

impl Commit {
    /// Reads a stored commit. Lines that start with a blank continue a header; an empty line ends the headers.
    fn read(id: &str, stored: &[u8]) -> Self {
        let mut of =
            Self { id: id.to_owned(), tree: String::new(), parents: Vec::new(), signature: None, signed: Vec::new() };
        let (mut rest, mut signature, mut is_signature) = (stored, Vec::new(), false);
        while !rest.is_empty() && !rest.starts_with(b"\n") {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            let (name, value) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
            // A continued line has no name.
            if !name.is_empty() {
                // The one of the other hash function is not signed either.
                is_signature = name == b"gpgsig" || name == b"gpgsig-sha256";
            }
            match name {
                _ if is_signature => signature.extend_from_slice(value.get(1..).unwrap_or_default()),
                b"tree" => of.tree = text(value).trim().to_owned(),
                b"parent" => of.parents.push(text(value).trim().to_owned()),
                _ => {}
            }
            if !is_signature {
                of.signed.extend_from_slice(line);
            }
        }
        of.signed.extend_from_slice(rest);
        of.signature = (!signature.is_empty()).then(|| text(&signature));
        of
    }
}

fn read(git: &Git<'_>, ids: &[String]) -> Result<Vec<Commit>, GitProblem> {
    let stored = git.read(&ids.iter().map(String::as_str).collect::<BTreeSet<_>>())?;
    Ok(ids.iter().filter_map(|id| Some(Commit::read(id, stored.get(id)?))).collect())
}

/// The commits that an approval may name: the one that is checked out where this file is and, if that is a merge, its parents
/// that have the same files.
pub(in crate::cli) fn approvable(file: &Path) -> Result<Vec<String>, GitProblem> {
    let repository = Repository::find(file)?;
    let git = Git::open(&repository)?;
    let Some(head) = git.commit("HEAD")? else { return Ok(Vec::new()) };
    let Some(merge) = read(&git, &[head])?.pop() else { return Ok(Vec::new()) };
    // A shallow clone may lack them.
    let parents = if merge.parents.len() > 1 { read(&git, &merge.parents).unwrap_or_default() } else { Vec::new() };
    let same = parents.into_iter().filter(|parent| parent.tree == merge.tree).map(|parent| parent.id);
    Ok([merge.id].into_iter().chain(same).collect())
}

/// The top level of the repository of a file.
pub(in crate::cli) fn top(file: &Path) -> Option<PathBuf> {
    Repository::find(file).ok().map(|repository| repository.top)
}

/// The full hash of a revision of the repository of this file.
pub(in crate::cli) fn full_hash(revision: &str, file: &Path) -> Result<String, GitProblem> {
    let repository = Repository::find(file)?;
    commit(&Git::open(&repository)?, &repository, revision)
}

/// The commits that are checked out where this file is and that a base does not have.
pub(in crate::cli) fn proposed(base: &str, file: &Path) -> Result<Vec<Commit>, GitProblem> {
    let repository = Repository::find(file)?;
    let git = Git::open(&repository)?;
    let base = commit(&git, &repository, base)?;
    let Some(head) = git.commit("HEAD")? else { return Ok(Vec::new()) };
    let ids = git.between(&base, &head, MAX_COMMITS + 1)?;
    if ids.len() > MAX_COMMITS {
        return Err(GitProblem::failed("rev-list", &format!("the proposal has more than {MAX_COMMITS} commits")));
    }
    let oldest = git.oldest_known()?;
    if ids.iter().any(|id| oldest.contains(id)) {
        return Err(GitProblem::Incomplete("commits of the proposal".to_owned()));
    }
    read(&git, &ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_without_its_signature() {
        let stored = b"tree t1\nparent p1\nparent p2\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\
            gpgsig -----BEGIN SSH SIGNATURE-----\n AAA\n \n -----END SSH SIGNATURE-----\nencoding x\n\ngpgsig no\n parent p3\n";
        let of = Commit::read("id", stored);
        assert_eq!((of.tree.as_str(), of.parents), ("t1", vec!["p1".to_owned(), "p2".to_owned()]));
        let signature = "-----BEGIN SSH SIGNATURE-----\nAAA\n\n-----END SSH SIGNATURE-----\n";
        assert_eq!(of.signature.as_deref(), Some(signature));
        let signed = "tree t1\nparent p1\nparent p2\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\nencoding x\n\n\
            gpgsig no\n parent p3\n";
        assert_eq!(text(&of.signed), signed);
        let unsigned = b"tree t1\nauthor A <a@x> 1 +0000\n\ntext\n";
        let of = Commit::read("id", unsigned);
        assert_eq!((of.signature, of.signed.as_slice()), (None, &unsigned[..]));
        // One that ends in its headers is read, too.
        assert_eq!(Commit::read("id", b"tree t1").tree, "t1");
    }
}
