//! What the API definitions of clusters say, kept between runs in the user's cache directory: a definition has megabytes.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::{ApiFacts, Release};

const FORMAT: &str = "attune.api-facts/1";

/// The longest file that is read, in bytes. One has about 300.
const LARGEST: u64 = 4096;

/// The file for one build of one cluster. A file that is not exactly what this writes is ignored.
#[derive(Debug)]
pub(super) struct FactsCache<'a> {
    directory: &'a Path,
    guid: &'a str,
    release: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    format: String,
    guid: String,
    release: String,
    facts: ApiFacts,
}

impl<'a> FactsCache<'a> {
    pub(super) fn new(directory: &'a Path, guid: &'a str, release: &Release) -> Self {
        Self { directory, guid, release: release.to_string() }
    }

    pub(super) fn read(&self) -> Option<ApiFacts> {
        let mut text = String::new();
        open(&self.path()).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let is_own = entry.format == FORMAT && entry.guid == self.guid && entry.release == self.release;
        is_own.then_some(entry.facts)
    }

    /// Writes the file. Without it, the next run asks the cluster again.
    pub(super) fn write(&self, facts: ApiFacts) {
        let (guid, release) = (self.guid.to_owned(), self.release.clone());
        let entry = Entry { format: FORMAT.to_owned(), guid, release, facts };
        if let Err(error) = self.try_write(&entry) {
            tracing::debug!(path = %self.path().display(), %error, "not cached");
        }
    }

    fn try_write(&self, entry: &Entry) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.directory)?;
        let mut file = tempfile::Builder::new().prefix(".attune-").suffix(".tmp").tempfile_in(self.directory)?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        file.persist(self.path()).map_err(|error| error.error).map(drop)
    }

    /// The guid and the release come from the cluster, so that neither is in the name.
    fn path(&self) -> PathBuf {
        let digest = hex::encode(Sha256::digest(format!("{}\n{}", self.guid, self.release)));
        self.directory.join(format!("api-facts-{}.json", &digest[..32]))
    }
}

/// Opens a regular file that nobody else may change. Links are not followed.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    let file = options.open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.len() <= LARGEST && is_private(&found) {
        Ok(file)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

fn is_private(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(found) & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const FACTS: ApiFacts = ApiFacts {
        key_reset: true,
        users_have_policy: None,
        user_policies: true,
        identity_provider: true,
        tenants: false,
    };

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap()
    }

    #[test]
    fn facts_are_kept_for_one_cluster_and_one_exact_release() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/b");
        let cache = FactsCache::new(&directory, "../g", &release("5.1.21.26"));
        assert_eq!(cache.read(), None);
        cache.write(FACTS);
        assert_eq!(cache.read(), Some(FACTS));
        for (guid, other) in [("../h", "5.1.21.26"), ("../g", "5.1.21.27"), ("../g", "5.1.21.26-x")] {
            assert_eq!(FactsCache::new(&directory, guid, &release(other)).read(), None, "{guid} {other}");
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&cache.path())), (0o700, 0o600));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_this_did_not_write_is_ignored_and_written_again() {
        let home = tempfile::tempdir().unwrap();
        let cache = FactsCache::new(home.path(), "g", &release("5.1.2"));
        cache.write(FACTS);
        let (path, good) = (cache.path(), fs::read_to_string(cache.path()).unwrap());
        for bad in [
            String::new(),
            "{".to_owned(),
            good[..good.len() - 1].to_owned(),
            good.replace("api-facts/1", "api-facts/2"),
            good.replace("\"g\"", "\"h\""),
            good.replace("5.1.2", "5.1.3"),
            good.replace("\"key_reset\":true,", ""),
            good.replace("\"key_reset\"", "\"more\":1,\"key_reset\""),
            format!("{good}{}", " ".repeat(5000)),
        ] {
            fs::write(&path, &bad).unwrap();
            assert_eq!(cache.read(), None, "{bad}");
            cache.write(FACTS);
            assert_eq!(cache.read(), Some(FACTS));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
        assert_eq!(cache.read(), None, "others may change it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(cache.read(), Some(FACTS));
        fs::rename(&path, home.path().join("elsewhere")).unwrap();
        symlink(home.path().join("elsewhere"), &path).unwrap();
        assert_eq!(cache.read(), None, "a link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(cache.read(), None);
        cache.write(FACTS);
        assert_eq!(cache.read(), None, "what cannot be written is no error");
    }
}
