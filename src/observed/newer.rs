//! A release that nobody here knows yet.

use super::codes::NEWER;
use crate::base::{Finding, Release};

/// What is to be said of a release that is newer than all that are known.
#[must_use]
pub fn newer_than_known(release: &Release) -> Option<Finding> {
    let newest = Release::newest();
    let message = format!("WEKA {release} is newer than {newest}, the newest release that attune knows");
    let help = format!(
        "it is spoken to like {newest}; `attune doctor` compares the calls with the cluster's own definition, where it has one"
    );
    release.is_newer_than_known().then(|| Finding::note(NEWER, message).help(help))
}
