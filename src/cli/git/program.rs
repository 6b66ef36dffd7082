//! Runs the `git` program to read objects.
//!
//! Git gets the path of the repository, and an environment without variables of hooks and without passwords of clusters. It
//! runs nothing that a repository or its configuration can name: no hook, `fsmonitor`, filter, pager, replacement of objects,
//! or fetch of missing ones.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{Read, Seek, Write};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::repository::{GitProblem, Repository};
use crate::cluster::program;

/// Git's message for a directory outside of a repository. An untrusted repository has the same exit code.
const NO_REPOSITORY: &str = "not a git repository";

/// The most output that is read: the names of a million files. Bytes.
const MAX_OUTPUT: u64 = 512 << 20;

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

    /// The commits that one has and another has not, the newest first; at most `most`.
    pub(super) fn between(&self, base: &str, head: &str, most: usize) -> Result<Vec<String>, GitProblem> {
        let most = format!("--max-count={most}");
        let found = text(&self.output("rev-list", &[&most, head, "--not", base, "--"], b"")?);
        Ok(found.lines().map(str::to_owned).collect())
    }

    pub(super) fn refs(&self, names: &[String]) -> Result<Vec<String>, GitProblem> {
        let args: Vec<&str> = ["--format=%(refname)"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let found = text(&self.output("for-each-ref", &args, b"")?);
        // A name also matches all names that start with it and a `/`.
        Ok(found.lines().filter(|name| names.iter().any(|of| of == name)).map(str::to_owned).collect())
    }

    /// The files and links of a commit, or only those at a path. Skips submodules, and names that are not a plain path.
    pub(super) fn list(&self, commit: &str, path: Option<&Path>) -> Result<Vec<Entry>, GitProblem> {
        let path = path.map(Path::to_string_lossy);
        let args: Vec<&str> =
            ["-r", "-z", "-l", "--full-tree", commit, "--"].into_iter().chain(path.as_deref()).collect();
        let listed = self.output("ls-tree", &args, b"")?;
        Ok(listed.split(|byte| *byte == 0).filter_map(Entry::read).collect())
    }

    /// The newest commit that changes these lines of a file of a commit, in lines: its hash, the day on which the author wrote
    /// it, the author, and the message. A merge that takes the lines from one side does not change them.
    pub(super) fn last_change(
        &self,
        commit: &str,
        path: &Path,
        lines: &RangeInclusive<usize>,
    ) -> Result<String, GitProblem> {
        let lines = format!("-L{},{}:{}", lines.start(), lines.end(), path.display());
        let options = ["--max-count=1", "--no-patch", "--no-renames", "--no-show-signature", "--date=short"];
        let args: Vec<&str> = options.into_iter().chain(["--format=%H%n%ad%n%an%n%B", &lines, commit]).collect();
        Ok(text(&self.output("log", &args, b"")?))
    }

    /// The oldest commits of a shallow clone.
    pub(super) fn oldest_known(&self) -> Result<BTreeSet<String>, GitProblem> {
        let found = text(&self.output("rev-parse", &["--git-path", "shallow"], b"")?);
        let path = self.repository.top.join(found.trim_end_matches('\n'));
        Ok(std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect())
    }

    /// The contents of objects.
    pub(super) fn read(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<u8>>, GitProblem> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let lines: Vec<u8> = ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
        let output = self.output("cat-file", &["--batch"], &lines)?;
        match contents(&output) {
            Some(contents) if contents.len() == ids.len() => Ok(contents),
            Some(_) => Err(GitProblem::Incomplete("the content of a file".to_owned())),
            None => Err(GitProblem::failed("cat-file", &"its output cannot be parsed")),
        }
    }

    /// What Git prints if it succeeds.
    fn output(&self, name: &'static str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, GitProblem> {
        succeeded(name, self.run(name, args, input)?)
    }

    fn run(&self, name: &'static str, args: &[&str], input: &[u8]) -> Result<Output, GitProblem> {
        let mut git = command(&self.repository.top)?;
        let mut dir = std::ffi::OsString::from("--git-dir=");
        dir.push(&self.repository.git_dir);
        finish(name, git.arg(dir).arg(name).args(args), input)
    }
}

/// A file or a link of a commit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) id: String,
    /// In bytes; `None` if the clone does not have the content.
    pub(super) size: Option<u64>,
    pub(super) is_link: bool,
}

impl Entry {
    /// Reads an entry of `ls-tree -r -z -l`.
    fn read(entry: &[u8]) -> Option<Self> {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let about = text(&entry[..tab]);
        let mut about = about.split_whitespace();
        let (mode, kind, id, size) = (about.next()?, about.next()?, about.next()?, about.next()?);
        let path = PathBuf::from(OsStr::from_bytes(&entry[tab + 1..]));
        let is_plain =
            |part: Component<'_>| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git"));
        let is_file = kind == "blob" && path.file_name().is_some() && path.components().all(is_plain);
        let entry = Self { path, id: id.to_owned(), size: size.parse().ok(), is_link: mode == "120000" };
        is_file.then_some(entry)
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
        // What Git says if it may not fetch what a partial clone lacks.
        why if why.contains("from promisor remote") => Err(GitProblem::Incomplete("a file".to_owned())),
        why => Err(GitProblem::failed(name, &why)),
    }
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

    #[test]
    fn submodules_and_unsafe_names_are_skipped() {
        let listed: [&[u8]; 6] = [
            b"100644 blob aa      12\tattune.toml",
            b"160000 commit cc       -\tmodule",
            b"120000 blob dd       3\ta link",
            b"100755 blob ee       3\tx/../../y",
            b"100644 blob ff       3\t.GIT/config",
            b"100644 blob ab       3\t/etc/passwd",
        ];
        let read: Vec<Entry> = listed.into_iter().filter_map(Entry::read).collect();
        let read: Vec<_> = read.iter().map(|of| (of.path.to_str().unwrap(), &*of.id, of.size, of.is_link)).collect();
        assert_eq!(read, [("attune.toml", "aa", Some(12), false), ("a link", "dd", Some(3), true)]);
    }
}
