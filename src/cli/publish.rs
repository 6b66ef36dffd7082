//! A file that others read at any time: whole or as it was, never half of it.

use std::io::{self, Write};
use std::path::Path;

/// Who may read such a file: everybody.
#[cfg(unix)]
const MODE: u32 = 0o644;

/// Writes a file under another name in the same directory, and puts it in place at once.
pub(super) fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".attune-").suffix(".tmp").tempfile_in(directory)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
