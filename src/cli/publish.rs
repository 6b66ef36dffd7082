//! Files that others read at any time: whole or as they were, never half of one.

use std::fs::Permissions;
use std::io::{self, Write};
use std::path::Path;

use crate::apply::files::{self, here};

/// Who may read a new file of this kind: everybody.
#[cfg(unix)]
const MODE: u32 = 0o644;

/// Writes a file for everybody to read, in place of one that is there.
pub(super) fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    let permissions = Some(std::os::unix::fs::PermissionsExt::from_mode(MODE));
    #[cfg(not(unix))]
    let permissions = None;
    put(path, bytes, permissions)
}

/// Writes a file under another name in the same directory, and puts it in place at once.
fn put(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let directory = here(path.parent().unwrap_or(Path::new("")));
    files::clean(directory);
    let file = files::Temporary::create(directory, ".attune-", ".tmp")?;
    file.as_file().write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)
}
