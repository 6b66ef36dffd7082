//! Configurations for tests.

use super::{Boundary, Desired, Loaded, load};

/// The desired state of a configuration.
pub(crate) fn desired(text: &str) -> Desired {
    loaded(&[("attune.toml", text)]).desired
}

/// The configuration of these files.
pub(super) fn loaded(files: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    load(&folder.path().join("attune.toml"), Boundary::Repository).unwrap()
}
