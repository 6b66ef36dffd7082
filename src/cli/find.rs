//! Finds the configuration that no `--file` names: by `ATTUNE_FILE`, here, or in a directory above.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const NAME: &str = "attune.toml";

/// The configurations of a run.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// The file, if it was found in a directory above.
    pub(super) above: Option<PathBuf>,
    /// What to say if the file does not exist: why this one, or why not another one.
    pub(super) about: Option<String>,
}

/// The named files, else the one of `ATTUNE_FILE`, else `attune.toml`: here, or in the nearest directory above up to the top
/// level of the Git repository. Above, only a file of this user or of root counts: others may not choose a configuration.
pub(super) fn configuration(named: &[PathBuf]) -> Found {
    let files = |files| Found { files, above: None, about: None };
    if !named.is_empty() {
        return files(named.to_vec());
    }
    if let Some(file) = std::env::var_os("ATTUNE_FILE").filter(|file| !file.is_empty()) {
        return Found { about: Some("ATTUNE_FILE names it".to_owned()), ..files(vec![file.into()]) };
    }
    let here = files(vec![NAME.into()]);
    let Ok(directory) = std::env::current_dir() else { return here };
    if Path::new(NAME).symlink_metadata().is_ok() {
        return here;
    }
    let Some(above) = above(&directory) else { return here };
    match foreign(&above) {
        None => Found { files: vec![above.clone()], above: Some(above), about: None },
        Some(why) => Found { about: Some(format!("{} is not used, since {why}", above.display())), ..here },
    }
}

/// What a command needs that reads no configuration: where the state directory is.
pub(super) fn directory_above() -> Found {
    Found { files: Vec::new(), about: None, ..configuration(&[]) }
}

/// The nearest `attune.toml` above a directory, as a relative path. Outside of a repository there is none.
fn above(directory: &Path) -> Option<PathBuf> {
    let is_top = |directory: &&Path| directory.join(".git").symlink_metadata().is_ok();
    // The root of the file system is no repository.
    let top = directory.ancestors().filter(|directory| directory.parent().is_some()).find(is_top)?;
    let mut relative = PathBuf::new();
    for above in directory.ancestors().skip(1).take_while(|above| above.starts_with(top)) {
        relative.push("..");
        if above.join(NAME).symlink_metadata().is_ok() {
            return Some(relative.join(NAME));
        }
    }
    None
}

/// Why a file belongs to someone else; a link and the file that it leads to count.
fn foreign(file: &Path) -> Option<String> {
    let found = fs::symlink_metadata(file).and_then(|link| Ok([link, fs::metadata(file)?]));
    match found {
        Ok(found) => found.iter().find_map(owner_other_than_this_user).map(|owner| {
            format!("it belongs to user {owner}, neither to you nor to root; name it with `--file` if you trust it")
        }),
        Err(error) => Some(format!("it cannot be read: {error}")),
    }
}

fn owner_other_than_this_user(found: &Metadata) -> Option<u32> {
    let owner = found.uid();
    (owner != 0 && owner != rustix::process::geteuid().as_raw()).then_some(owner)
}
