//! Runs the `git` program to read objects.
//!
//! Git gets the path of the repository, and an environment without variables of hooks and without passwords of clusters. It
//! runs nothing that a repository or its configuration can name: no hook, `fsmonitor`, filter, pager, replacement of objects,
//! or fetch of missing ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::repository::{GitProblem, Repository};
use crate::cluster::program;

/// Git's message for a directory outside of a repository. An untrusted repository has the same exit code.
const NO_REPOSITORY: &str = "not a git repository";

/// The most output that is read: the names of a million files. Bytes.
const MAX_OUTPUT: u64 = 512 << 20;

/// The most commits of one file that are looked at.
const MAX_COMMITS: usize = 500;

/// Options that keep a repository from making Git run anything.
const SAFE_OPTIONS: [&str; 12] = [
    "--no-pager",
    "--no-replace-objects",
    "--no-optional-locks",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "safe.bareRepository=explicit",
];

/// Prefixes of the Git variables that stay: the operator's configuration, and tracing. All others name the repository of a
/// hook, or change which objects are read.
const ALLOWED_VARIABLES: [&str; 5] =
    ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_TEST_", "GIT_TRACE"];

pub(super) struct Git<'a> {
    repository: &'a Repository,
}

impl<'a> Git<'a> {
    /// Opens a repository that Git trusts: Git itself checks its owner and `safe.directory`.
    pub(super) fn open(repository: &'a Repository) -> Result<Self, GitProblem> {
        let mut git = command(&repository.top)?;
        if let Some(above) = repository.top.parent() {
            git.env("GIT_CEILING_DIRECTORIES", above);
        }
        let found = finish("rev-parse", git.args(["rev-parse", "--absolute-git-dir"]), b"")?;
        if !found.status.success() && text(&found.stderr).contains(NO_REPOSITORY) {
            return Err(GitProblem::NoRepository(repository.top.display().to_string()));
        }
        let found = succeeded("rev-parse", found)?;
        let found = Path::new(text(&found).trim_end_matches(['\n', '\r'])).canonicalize();
        let expected = repository.git_dir.canonicalize();
        match (found, expected) {
            (Ok(found), Ok(expected)) if found == expected => Ok(Self { repository }),
            (Ok(_), Ok(_)) => Err(GitProblem::Nested(repository.top.display().to_string())),
            (Err(error), _) | (_, Err(error)) => Err(GitProblem::failed("rev-parse", &error)),
        }
    }

    pub(super) fn commit(&self, revision: &str) -> Result<Option<String>, GitProblem> {
        let found = self.run("rev-parse", &["--verify", "--quiet", &format!("{revision}^{{commit}}")], b"")?;
        let commit = text(&found.stdout).trim().to_owned();
        Ok(Some(commit).filter(|commit| found.status.success() && !commit.is_empty()))
    }

    pub(super) fn refs(&self, names: &[String]) -> Result<Vec<String>, GitProblem> {
        let args: Vec<&str> = ["--format=%(refname)"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let found = text(&succeeded("for-each-ref", self.run("for-each-ref", &args, b"")?)?);
        // A name also matches all names that start with it and a `/`.
        Ok(found.lines().filter(|name| names.iter().any(|of| of == name)).map(str::to_owned).collect())
    }

    pub(super) fn list(&self, commit: &str) -> Result<Vec<u8>, GitProblem> {
        succeeded("ls-tree", self.run("ls-tree", &["-r", "-z", "--full-tree", commit], b"")?)
    }

    pub(super) fn has(&self, revision: &str, path: &Path) -> Result<bool, GitProblem> {
        let found = self.run("ls-tree", &["-z", "--full-tree", revision, &path.to_string_lossy()], b"")?;
        Ok(found.status.success() && !found.stdout.is_empty())
    }

    /// The file of a revision; `None` if it has none, or if it is a link.
    pub(super) fn blob(&self, revision: &str, path: &Path) -> Result<Option<String>, GitProblem> {
        let args = ["-z", "--full-tree", revision, "--", &path.to_string_lossy()];
        let listed = text(&succeeded("ls-tree", self.run("ls-tree", &args, b"")?)?);
        let mut words = listed.split(['\t', ' ']);
        Ok(match (words.next(), words.next(), words.next()) {
            (Some("100644" | "100755"), Some("blob"), Some(id)) => Some(id.to_owned()),
            (Some(_) | None, _, _) => None,
        })
    }

    /// The commits that change a file, the newest first, each with those before it.
    pub(super) fn commits_of(&self, commit: &str, path: &Path) -> Result<Vec<Vec<String>>, GitProblem> {
        let limit = format!("--max-count={MAX_COMMITS}");
        let args = ["--parents", "--topo-order", &limit, commit, "--", &path.to_string_lossy()];
        let listed = text(&succeeded("rev-list", self.run("rev-list", &args, b"")?)?);
        Ok(listed.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect())
    }

    /// The oldest commits of a shallow clone.
    pub(super) fn oldest_known(&self) -> Result<BTreeSet<String>, GitProblem> {
        let found = text(&succeeded("rev-parse", self.run("rev-parse", &["--git-path", "shallow"], b"")?)?);
        let path = self.repository.top.join(found.trim_end_matches('\n'));
        Ok(std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect())
    }

    /// The texts of a file at some commits. Missing ones are skipped.
    pub(super) fn texts(&self, commits: &[String], path: &Path) -> Result<BTreeMap<String, String>, GitProblem> {
        let blobs = commits.iter().map(|commit| Ok((commit, self.blob(commit, path)?)));
        let blobs: Vec<(&String, Option<String>)> = blobs.collect::<Result<_, GitProblem>>()?;
        let contents = self.read(&blobs.iter().filter_map(|(_, blob)| blob.as_deref()).collect())?;
        let of_commit = |(commit, blob): (&String, Option<String>)| Some((commit.clone(), text(contents.get(&blob?)?)));
        Ok(blobs.into_iter().filter_map(of_commit).collect())
    }

    /// The sizes of objects. Missing ones are skipped.
    pub(super) fn sizes(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, u64>, GitProblem> {
        let args = ["--batch-check=%(objectname) %(objecttype) %(objectsize)"];
        let listed = text(&succeeded("cat-file", self.run("cat-file", &args, &lines(ids))?)?);
        let size = |line: &str| {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some(id), Some("blob"), Some(size)) => Some((id.to_owned(), size.parse().ok()?)),
                (Some(_), _, _) | (None, _, _) => None,
            }
        };
        Ok(listed.lines().filter_map(size).collect())
    }

    /// The contents of objects. Missing ones are skipped.
    pub(super) fn read(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<u8>>, GitProblem> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let output = succeeded("cat-file", self.run("cat-file", &["--batch"], &lines(ids))?)?;
        contents(&output).ok_or_else(|| GitProblem::failed("cat-file", &"its output cannot be parsed"))
    }

    fn run(&self, name: &'static str, args: &[&str], input: &[u8]) -> Result<Output, GitProblem> {
        let mut git = command(&self.repository.top)?;
        let mut dir = std::ffi::OsString::from("--git-dir=");
        dir.push(&self.repository.git_dir);
        finish(name, git.arg(dir).arg(name).args(args), input)
    }
}

fn command(directory: &Path) -> Result<Command, GitProblem> {
    let found = program::find(Path::new("git"), &std::env::var_os("PATH").unwrap_or_default());
    let missing = || GitProblem::NoGit(std::io::Error::other("it is not in an absolute directory of PATH"));
    let mut git = Command::new(found.ok_or_else(missing)?);
    git.args(SAFE_OPTIONS).current_dir(directory);
    program::hide(&mut git, &["ATTUNE_", "WEKA_"]);
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("GIT_") && !ALLOWED_VARIABLES.iter().any(|allowed| known.starts_with(allowed)) {
            git.env_remove(&name);
        }
    }
    // Its messages are parsed. It asks for nothing and fetches nothing.
    git.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    git.stdout(Stdio::piped());
    Ok(git)
}

/// Runs Git. Its input and messages are in files, so that neither side waits for the other.
fn finish(name: &'static str, git: &mut Command, input: &[u8]) -> Result<Output, GitProblem> {
    let failed = |error: std::io::Error| GitProblem::failed(name, &error);
    let file = || tempfile::tempfile().and_then(|file| Ok((file.try_clone()?, file)));
    let ((stdin, mut given), (stderr, mut said)) = file().and_then(|given| Ok((given, file()?))).map_err(failed)?;
    given.write_all(input).and_then(|()| given.rewind()).map_err(failed)?;
    let mut child = git.stdin(stdin).stderr(stderr).spawn().map_err(GitProblem::NoGit)?;
    let stdout = bounded(child.stdout.take());
    if stdout.is_err() {
        // It may have ended.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let stderr = said.rewind().and_then(|()| bounded(Some(said)));
    Ok(Output { status, stdout: stdout.map_err(failed)?, stderr: stderr.map_err(failed)? })
}

fn bounded(stream: Option<impl Read>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_OUTPUT + 1).read_to_end(&mut bytes)?;
    }
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= MAX_OUTPUT => Ok(bytes),
        Ok(_) | Err(_) => Err(std::io::Error::other(format!("its output is larger than {} MiB", MAX_OUTPUT >> 20))),
    }
}

fn succeeded(name: &'static str, output: Output) -> Result<Vec<u8>, GitProblem> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    match text(&output.stderr).trim() {
        "" => Err(GitProblem::failed(name, &format!("ended with {}", output.status))),
        why => Err(GitProblem::failed(name, &why)),
    }
}

fn lines(ids: &BTreeSet<&str>) -> Vec<u8> {
    ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect()
}

/// Parses `cat-file --batch`: `ID TYPE SIZE`, a line break, that many bytes and a line break; or `ID missing`.
fn contents(mut output: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut contents = BTreeMap::new();
    while !output.is_empty() {
        let end = output.iter().position(|byte| *byte == b'\n')?;
        let head = text(&output[..end]);
        output = &output[end + 1..];
        let words: Vec<&str> = head.split(' ').collect();
        match words.as_slice() {
            [_, "missing"] => {}
            [id, _, size] => {
                let size: usize = size.parse().ok()?;
                contents.insert((*id).to_owned(), output.get(..size)?.to_vec());
                output = output.get(size + 1..)?;
            }
            [] | [_] | [_, _] | [_, _, _, _, ..] => return None,
        }
    }
    Some(contents)
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_by_their_sizes_and_missing_ones_are_skipped() {
        let output = b"aa blob 4\na\n\nb\nbb missing\ncc blob 0\n\n";
        let read = contents(output).unwrap();
        assert_eq!(read, BTreeMap::from([("aa".to_owned(), b"a\n\nb".to_vec()), ("cc".to_owned(), Vec::new())]));
        assert_eq!(contents(b"aa blob 9\nx\n"), None);
        assert_eq!(contents(b"aa\n"), None);
    }
}
