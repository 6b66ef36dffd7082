//! Files that others read at any time: whole or as they were, never half of one.

use std::fs::{self, Permissions};
use std::io;
use std::path::Path;

use crate::apply::files;

/// Who may read a new file of this kind: everybody.
#[cfg(unix)]
const MODE: u32 = 0o644;

/// Writes a file for everybody to read, in place of one that is there.
pub(super) fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_special(path) {
        return fs::write(path, bytes);
    }
    #[cfg(unix)]
    let permissions = Some(std::os::unix::fs::PermissionsExt::from_mode(MODE));
    #[cfg(not(unix))]
    let permissions = None;
    put(path, bytes, permissions)
}

/// Whether there is something that is no plain file, such as a pipe: it is written to, never replaced or read.
pub(super) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a file that the command line names: as a whole or not at all, unless it is no plain file, such as a pipe.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => put(&fs::canonicalize(path)?, bytes, Some(found.permissions())),
        Ok(_) | Err(_) => publish(path, bytes),
    }
}

fn put(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    files::remove_stale(path.parent().unwrap_or(Path::new("")));
    files::write_atomic(path, bytes, permissions)
}
