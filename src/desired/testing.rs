//! Desired states for tests.

use super::{Boundary, Desired, load};

/// The desired state of a configuration.
pub(crate) fn desired(text: &str) -> Desired {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("attune.toml");
    std::fs::write(&path, text).unwrap();
    load(&path, Boundary::Repository).unwrap().desired
}
