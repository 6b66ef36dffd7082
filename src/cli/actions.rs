//! By which actions and whose rules a command reads documents when it has no cluster to ask.

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Failure;
use super::plan::catalogue;
use crate::base::Release;
use crate::policy::Catalogue;
use crate::policy::access::Profile;

/// Which actions there are.
#[derive(Debug, clap::Args)]
pub(super) struct ActionArgs {
    /// The release of the cluster [default: the newest known]
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    release: Option<Release>,
    /// The actions of the cluster instead of the built-in table: JSON, `[{"name": …, "kind": "account|bucket|object"}]`
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

impl ActionArgs {
    /// The release that was given.
    pub(super) fn release(&self) -> Option<&Release> {
        self.release.as_ref()
    }

    /// The actions of the release that was given, or else of this one.
    pub(super) fn catalogue_or(&self, release: &Release) -> Result<Catalogue, Failure> {
        match &self.catalogue {
            Some(path) => catalogue(path),
            None => Ok(Catalogue::of(self.release().unwrap_or(release))),
        }
    }

    /// The actions of the release that was given, or else of the newest.
    pub(super) fn catalogue(&self) -> Result<Catalogue, Failure> {
        self.catalogue_or(&Release::newest())
    }
}

fn release(text: &str) -> Result<Release, String> {
    Release::parse(text).ok_or_else(|| "a release is of the form 5.1 or 5.1.2".to_owned())
}

/// Whose rules documents are evaluated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Rules {
    /// AWS's
    Aws,
    /// Those of servers of MinIO's lineage, of which WEKA's S3 shows signs
    Minio,
    /// Both: what holds by one of them only is marked
    Both,
}

impl Rules {
    /// The one profile, when it is only one.
    pub(super) fn profile(self) -> Option<Profile> {
        match self {
            Self::Aws => Some(Profile::Aws),
            Self::Minio => Some(Profile::Minio),
            Self::Both => None,
        }
    }
}
