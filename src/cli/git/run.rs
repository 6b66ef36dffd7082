//! The `git` program, as a reader of objects.
//!
//! It gets the repository by name, so that it looks for none, and an environment without the hook's variables and without the
//! passwords of clusters. Nothing that a repository or its configuration can name is run: no hook, no `fsmonitor`, no filter
//! (there is no checkout), no pager, no replacement of objects, no fetch of missing ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::GitProblem;
use super::repository::Repository;
use crate::cluster::program;

/// What Git says to a directory that is in no repository; a repository that it does not trust has the same exit code.
const NO_REPOSITORY: &str = "not a git repository";

/// How much is read of what Git prints, in bytes: the names of a million files.
const MOST_OUTPUT: u64 = 512 << 20;

/// What a repository could otherwise make Git do.
const QUIET: [&str; 12] = [
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

/// Variables of Git that stay: where the operator's own configuration is, and its tracing. All others name the repository
/// of a hook, or change what is read.
const KEPT: [&str; 5] = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_TEST_", "GIT_TRACE"];

/// Git, for one repository.
pub(super) struct Git<'a> {
    repository: &'a Repository,
}

impl<'a> Git<'a> {
    /// Git for a repository that it trusts: whose it is, and `safe.directory`, are looked at by Git itself.
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

    /// The commit that a revision is, if it is one.
    pub(super) fn commit(&self, revision: &str) -> Result<Option<String>, GitProblem> {
        let found = self.run("rev-parse", &["--verify", "--quiet", &format!("{revision}^{{commit}}")], b"")?;
        let commit = text(&found.stdout).trim().to_owned();
        Ok(Some(commit).filter(|commit| found.status.success() && !commit.is_empty()))
    }

    /// Those of these references that exist.
    pub(super) fn refs(&self, names: &[String]) -> Result<Vec<String>, GitProblem> {
        let args: Vec<&str> = ["--format=%(refname)"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let found = text(&succeeded("for-each-ref", self.run("for-each-ref", &args, b"")?)?);
        // A name stands for all that begins with it and a `/`, too.
        Ok(found.lines().filter(|name| names.iter().any(|of| of == name)).map(str::to_owned).collect())
    }

    /// All entries of a commit, each ended by a zero byte.
    pub(super) fn list(&self, commit: &str) -> Result<Vec<u8>, GitProblem> {
        succeeded("ls-tree", self.run("ls-tree", &["-r", "-z", "--full-tree", commit], b"")?)
    }

    /// Whether a revision has an entry; one that does not exist has none.
    pub(super) fn has(&self, revision: &str, path: &Path) -> Result<bool, GitProblem> {
        let found = self.run("ls-tree", &["-z", "--full-tree", revision, &path.to_string_lossy()], b"")?;
        Ok(found.status.success() && !found.stdout.is_empty())
    }

    /// The sizes of objects. Those that are not here are left out.
    pub(super) fn sizes(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, u64>, GitProblem> {
        let args = ["--batch-check=%(objectname) %(objecttype) %(objectsize)"];
        let told = text(&succeeded("cat-file", self.run("cat-file", &args, &lines(ids))?)?);
        let size = |line: &str| {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some(id), Some("blob"), Some(size)) => Some((id.to_owned(), size.parse().ok()?)),
                (Some(_), _, _) | (None, _, _) => None,
            }
        };
        Ok(told.lines().filter_map(size).collect())
    }

    /// The contents of objects. Those that are not here are left out.
    pub(super) fn read(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<u8>>, GitProblem> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let told = succeeded("cat-file", self.run("cat-file", &["--batch"], &lines(ids))?)?;
        contents(&told).ok_or_else(|| GitProblem::failed("cat-file", &"its answer cannot be read"))
    }

    fn run(&self, what: &'static str, args: &[&str], input: &[u8]) -> Result<Output, GitProblem> {
        let mut git = command(&self.repository.top)?;
        let mut dir = std::ffi::OsString::from("--git-dir=");
        dir.push(&self.repository.git_dir);
        finish(what, git.arg(dir).arg(what).args(args), input)
    }
}

/// Git in a directory, with nothing of the environment that it must not have.
fn command(directory: &Path) -> Result<Command, GitProblem> {
    let found = program::find(Path::new("git"), &std::env::var_os("PATH").unwrap_or_default());
    let missing = || GitProblem::NoGit(std::io::Error::other("it is in no absolute directory of PATH"));
    let mut git = Command::new(found.ok_or_else(missing)?);
    git.args(QUIET).current_dir(directory);
    program::hide(&mut git, &["ATTUNE_", "WEKA_"]);
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("GIT_") && !KEPT.iter().any(|kept| known.starts_with(kept)) {
            git.env_remove(&name);
        }
    }
    // Its messages are read here; nothing is asked and nothing is fetched.
    git.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(git)
}

fn finish(what: &'static str, git: &mut Command, input: &[u8]) -> Result<Output, GitProblem> {
    let mut child = git.spawn().map_err(GitProblem::NoGit)?;
    let failed = |error: std::io::Error| GitProblem::failed(what, &error);
    let stdin = child.stdin.take();
    let read = std::thread::scope(|scope| {
        // It answers before it has read everything.
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input may be gone by now; how it ended says more.
                let _ = stdin.write_all(input);
            }
        });
        let stderr = child.stderr.take();
        let said = scope.spawn(move || bounded(stderr));
        let stdout = bounded(child.stdout.take());
        let stderr = said.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread ended early")));
        stdout.and_then(|stdout| Ok((stdout, stderr?)))
    });
    match read {
        Ok((stdout, stderr)) => Ok(Output { status: child.wait().map_err(failed)?, stdout, stderr }),
        Err(error) => {
            stop(&mut child);
            Err(failed(error))
        }
    }
}

fn stop(child: &mut Child) {
    // It may be gone already.
    let _ = child.kill();
    let _ = child.wait();
}

fn bounded(stream: Option<impl Read>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MOST_OUTPUT + 1).read_to_end(&mut bytes)?;
    }
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= MOST_OUTPUT => Ok(bytes),
        Ok(_) | Err(_) => Err(std::io::Error::other(format!("it prints more than {} MiB", MOST_OUTPUT >> 20))),
    }
}

fn succeeded(what: &'static str, output: Output) -> Result<Vec<u8>, GitProblem> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    match text(&output.stderr).trim() {
        "" => Err(GitProblem::failed(what, &format!("ended with {}", output.status))),
        why => Err(GitProblem::failed(what, &why)),
    }
}

fn lines(ids: &BTreeSet<&str>) -> Vec<u8> {
    ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect()
}

/// What `cat-file --batch` says: `ID TYPE SIZE`, a line break, so many bytes and a line break; or `ID missing`.
fn contents(mut told: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut contents = BTreeMap::new();
    while !told.is_empty() {
        let end = told.iter().position(|byte| *byte == b'\n')?;
        let head = text(&told[..end]);
        told = &told[end + 1..];
        let words: Vec<&str> = head.split(' ').collect();
        match words.as_slice() {
            [_, "missing"] => {}
            [id, _, size] => {
                let size: usize = size.parse().ok()?;
                contents.insert((*id).to_owned(), told.get(..size)?.to_vec());
                told = told.get(size + 1..)?;
            }
            [] | [_] | [_, _] | [_, _, _, _, ..] => return None,
        }
    }
    Some(contents)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_by_their_sizes_and_missing_ones_are_left_out() {
        let told = b"aa blob 4\na\n\nb\nbb missing\ncc blob 0\n\n";
        let read = contents(told).unwrap();
        assert_eq!(read, BTreeMap::from([("aa".to_owned(), b"a\n\nb".to_vec()), ("cc".to_owned(), Vec::new())]));
        assert_eq!(contents(b"aa blob 9\nx\n"), None);
        assert_eq!(contents(b"aa\n"), None);
    }
}
