//! The files of a revision of a git repository, without touching its work tree or its index.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Files above this are left out: they are no desired state, and a repository may hold much else. Bytes.
const LARGEST: u64 = 4 << 20;

/// What git says to a directory that is in no repository; a repository that it does not trust has the same exit code.
const NO_REPOSITORY: &str = "not a git repository";

/// Large files that are kept elsewhere are not fetched: they are no desired state.
const WITHOUT_LARGE_FILES: [&str; 6] =
    ["-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"];

/// The files of a revision, in a directory that is gone when this is dropped.
pub(super) struct Checkout {
    /// Where the file that was asked for would be.
    pub(super) file: PathBuf,
    directory: TempDir,
}

/// Why the files of a revision cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitProblem {
    /// There is no program of that name, or it cannot be run.
    #[error("git cannot be run: {0}")]
    NoGit(io::Error),
    /// Not in a repository.
    #[error("{0} is in no git repository")]
    NoRepository(String),
    /// No such revision.
    #[error("there is no revision `{0}` in the git repository")]
    NoRevision(String),
    /// Something else went wrong.
    #[error("git {what}: {why}")]
    Failed {
        /// What git was to do.
        what: &'static str,
        /// What it said.
        why: String,
    },
}

/// Gets the files of `revision`, of the repository that `file` is in.
pub(super) fn checkout(revision: &str, file: &Path) -> Result<Checkout, GitProblem> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(|error| failed("rev-parse", &error))?;
    let top = run(&parent, "rev-parse", ["--show-toplevel"], None)?;
    if !top.status.success() && text(&top.stderr).contains(NO_REPOSITORY) {
        return Err(GitProblem::NoRepository(parent.display().to_string()));
    }
    let top = PathBuf::from(text(&succeeded("rev-parse", &top)?).trim_end_matches(['\n', '\r']));
    let commit = commit(&top, revision)?;
    let directory = tempfile::Builder::new().prefix("attune-base-").tempdir().map_err(|error| failed("", &error))?;
    let tree = directory.path().join("tree");
    std::fs::create_dir(&tree).map_err(|error| failed("checkout-index", &error))?;
    write_files(&top, &commit, directory.path(), &tree)?;
    let inside = parent.strip_prefix(top.canonicalize().unwrap_or(top)).map_err(|error| failed("rev-parse", &error))?;
    let file = tree.join(inside).join(file.file_name().unwrap_or_default());
    Ok(Checkout { file, directory })
}

impl Checkout {
    /// A text with the paths of the repository in place of those of the directory.
    pub(super) fn named(&self, text: &str, revision: &str) -> String {
        text.replace(&format!("{}/tree/", self.directory.path().display()), &format!("{revision}:"))
    }
}

fn commit(top: &Path, revision: &str) -> Result<String, GitProblem> {
    let unknown = || GitProblem::NoRevision(revision.to_owned());
    // What begins so would be an option, and is the name of no revision.
    if revision.is_empty() || revision.starts_with('-') {
        return Err(unknown());
    }
    let found = run(top, "rev-parse", ["--verify", "--quiet", &format!("{revision}^{{commit}}")], None)?;
    let commit = text(&found.stdout).trim().to_owned();
    if !found.status.success() || commit.is_empty() { Err(unknown()) } else { Ok(commit) }
}

/// Reads the tree of a commit into an index of its own, and writes the files from that.
fn write_files(top: &Path, commit: &str, directory: &Path, tree: &Path) -> Result<(), GitProblem> {
    let index = directory.join("index");
    let index = Some((index.as_path(), &b""[..]));
    succeeded("read-tree", &run(top, "read-tree", [commit], index)?)?;
    let listed = run(top, "ls-tree", ["-r", "-l", "-z", "--full-tree", commit], None)?;
    let names = small_files(&succeeded("ls-tree", &listed)?);
    let mut prefix = tree.as_os_str().to_owned();
    prefix.push("/");
    let mut option = OsStr::new("--prefix=").to_owned();
    option.push(prefix);
    let args = [OsStr::new("-q"), OsStr::new("-z"), OsStr::new("--stdin"), &option];
    let written = run(top, "checkout-index", args, index.map(|(index, _)| (index, names.as_slice())))?;
    succeeded("checkout-index", &written).map(drop)
}

/// The names of the files that are not too large, each ended by a zero byte, out of what `ls-tree -l -z` says.
fn small_files(listed: &[u8]) -> Vec<u8> {
    let mut names = Vec::new();
    for entry in listed.split(|byte| *byte == 0) {
        let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
        let (about, name) = (text(&entry[..tab]), &entry[tab + 1..]);
        let mut about = about.split_whitespace();
        let is_file = about.next().is_some_and(|mode| mode.starts_with("100") || mode == "120000");
        let size: Option<u64> = about.nth(2).and_then(|size| size.parse().ok());
        if is_file && size.is_some_and(|size| size <= LARGEST) {
            names.extend_from_slice(name);
            names.push(0);
        }
    }
    names
}

fn run<A: AsRef<OsStr>>(
    directory: &Path,
    command: &'static str,
    args: impl IntoIterator<Item = A>,
    index: Option<(&Path, &[u8])>,
) -> Result<Output, GitProblem> {
    let mut git = Command::new("git");
    git.args(WITHOUT_LARGE_FILES).arg("-C").arg(directory).arg(command).args(args);
    // Its messages are read here.
    git.env("LC_ALL", "C");
    // In a hook these name the repository and the index of the hook.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some((index, _)) = index {
        git.env("GIT_INDEX_FILE", index);
    }
    let mut child = git.spawn().map_err(GitProblem::NoGit)?;
    let input = index.map_or(&b""[..], |(_, input)| input);
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input may be gone by now; how it ended says more.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(|error| failed(command, &error))
}

fn succeeded(what: &'static str, output: &Output) -> Result<Vec<u8>, GitProblem> {
    if output.status.success() {
        return Ok(output.stdout.clone());
    }
    let mut why = text(&output.stderr).trim().to_owned();
    if why.is_empty() {
        let _ = write!(why, "ended with {}", output.status);
    }
    Err(GitProblem::Failed { what, why })
}

fn failed(what: &'static str, error: &dyn std::fmt::Display) -> GitProblem {
    GitProblem::Failed { what, why: error.to_string() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_other_repositories_and_large_files_are_left_out() {
        let listed = b"100644 blob aa      12\tattune.toml\x00100644 blob bb 9999999\tdata.bin\x00\
            160000 commit cc       -\tmodule\x00120000 blob dd       3\ta link\x00";
        assert_eq!(small_files(listed), b"attune.toml\0a link\0");
    }
}
