//! The file of the people who may sign approvals: how it is read, and what a proposal changes in it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::approvals::AllowedSigners;
use crate::base::list;
use crate::plan::SettingChange;

/// The largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Reads a file of at most so many bytes. A pipe or a device may never end.
pub(super) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    let is_larger = u64::try_from(bytes.len()).is_ok_and(|length| length > most);
    if is_larger { Err(io::Error::other(format!("it is larger than {} KiB", most >> 10))) } else { Ok(bytes) }
}

/// Reads the file, and the people that it names.
pub(super) fn read(path: &Path) -> Result<(String, AllowedSigners), String> {
    let bytes = read_bounded(path, MAX_FILE).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let allowed = AllowedSigners::read(&text)?;
    Ok((text, allowed))
}

/// What a proposal changes in the file of a base. A file outside of the repository is not read: a proposal can lead there by a
/// link.
pub(super) fn change(before: &Path, after: &Path, top: &Path) -> Option<SettingChange> {
    let is_inside = |path: &Path| Some(path.canonicalize().ok()?.starts_with(top.canonicalize().ok()?));
    if before == after {
        return None;
    }
    let is_outside = after.exists() && is_inside(after) != Some(true);
    let after = if is_outside { "a file outside of the repository".to_owned() } else { described(after) };
    let before = described(before);
    let name = "guards.allowed_signers: people".to_owned();
    (before != after).then_some(SettingChange { name, before: Some(before), after: Some(after) })
}

/// The people of a file, and the start of its hash.
fn described(path: &Path) -> String {
    match read(path) {
        Ok((text, allowed)) => {
            let names: Vec<String> = allowed.names().into_iter().map(str::to_owned).collect();
            let hash = hex::encode(Sha256::digest(&text));
            format!("{} (sha256:{})", list(&names), hash.get(..16).unwrap_or(&hash))
        }
        Err(_) => "none that can be read".to_owned(),
    }
}
