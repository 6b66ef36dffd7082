//! Programs that attune runs: where they are found, and what they see of its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Finds a program. A path is relative to the current directory; a bare name is looked up in the directories of
/// `search_path`. Empty and relative directories are skipped: the current directory may belong to a configuration under
/// review.
pub fn find(program: &Path, search_path: &OsStr) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return std::path::absolute(program).ok().filter(|path| is_executable(path));
    }
    let directories = std::env::split_paths(search_path).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(program)).find(|path| is_executable(path))
}

/// Hides environment variables with these prefixes from a program.
pub fn hide(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        if prefixes.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(name);
        }
    }
}

fn is_executable(path: &Path) -> bool {
    let ending = std::env::consts::EXE_EXTENSION;
    let with_ending = (!ending.is_empty()).then(|| path.with_extension(ending));
    let runs = |path: &Path| path.metadata().is_ok_and(|found| found.is_file() && may_run(&found));
    runs(path) || with_ending.is_some_and(|path| runs(&path))
}

#[cfg(unix)]
fn may_run(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn may_run(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_never_found_in_a_directory_that_is_relative_to_the_current_one() {
        let folder = tempfile::tempdir().unwrap();
        let here = std::env::current_dir().unwrap();
        let beside = tempfile::Builder::new().prefix("program-").tempdir_in(here.join("target")).unwrap();
        for directory in [folder.path(), beside.path()] {
            fs::write(directory.join("tool"), "").unwrap();
            fs::set_permissions(directory.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let relative = beside.path().strip_prefix(&here).unwrap().display().to_string();
        let tool = Path::new("tool");
        for path in ["", ":", ".", &relative, &format!("./{relative}:")] {
            assert_eq!(find(tool, OsStr::new(path)), None, "{path:?}");
        }
        let both = format!("{relative}::{}", folder.path().display());
        assert_eq!(find(tool, OsStr::new(&both)), Some(folder.path().join("tool")));
        assert_eq!(find(&Path::new(&relative).join("tool"), OsStr::new("")), Some(beside.path().join("tool")));
        fs::set_permissions(folder.path().join("tool"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find(&folder.path().join("tool"), OsStr::new("")), None);
    }
}
