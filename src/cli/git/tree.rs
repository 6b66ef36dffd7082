//! The entries of a revision: files, and links that lead to files of the same revision.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Component, Path, PathBuf};

use super::MOST_FILES;

/// How many links may be followed for one.
const MOST_LINKS: usize = 40;

/// An entry: the id of the object that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
}

/// The entries by their paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    files: BTreeMap<PathBuf, Entry>,
    links: BTreeMap<PathBuf, Entry>,
}

impl Tree {
    /// The entries out of what `ls-tree -r -z` says. Other repositories, and names that are no plain path, are left out.
    pub(super) fn of_listing(listed: &[u8]) -> Self {
        let mut tree = Self::default();
        for entry in listed.split(|byte| *byte == 0) {
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let (about, Some(path)) = (String::from_utf8_lossy(&entry[..tab]), path(&entry[tab + 1..])) else {
                continue;
            };
            let mut about = about.split_whitespace();
            let (Some(mode), Some("blob"), Some(id)) = (about.next(), about.next(), about.next()) else { continue };
            let entries = if mode == "120000" { &mut tree.links } else { &mut tree.files };
            entries.insert(path, Entry { id: id.to_owned() });
        }
        tree
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&PathBuf, &Entry)> {
        self.files.iter()
    }

    pub(super) fn links(&self) -> impl Iterator<Item = (&PathBuf, &Entry)> {
        self.links.iter()
    }

    /// Puts files in the places of links, by what they lead to. A link that leads out of the tree or to nothing is none.
    pub(super) fn resolve_links(&mut self, contents: &BTreeMap<String, Vec<u8>>) {
        let links = std::mem::take(&mut self.links);
        let target = |(link, entry): (PathBuf, Entry)| Some((link, path_of(contents.get(&entry.id)?)?));
        let targets: BTreeMap<PathBuf, PathBuf> = links.into_iter().filter_map(target).collect();
        let mut copies = Vec::new();
        for link in targets.keys() {
            let Some(end) = resolved(link, &targets) else { continue };
            let below = self.files.range(end.clone()..).take_while(|(path, _)| path.starts_with(&end));
            for (path, entry) in below {
                let Ok(rest) = path.strip_prefix(&end) else { continue };
                let place = if rest.as_os_str().is_empty() { link.clone() } else { link.join(rest) };
                copies.push((place, entry.clone()));
                if copies.len() > MOST_FILES {
                    return;
                }
            }
        }
        self.files.extend(copies);
    }
}

/// Where a link leads to in the end, in the tree.
fn resolved(link: &Path, targets: &BTreeMap<PathBuf, PathBuf>) -> Option<PathBuf> {
    let mut left: VecDeque<Component<'_>> = link.components().collect();
    let mut done = PathBuf::new();
    let mut followed = 0;
    while let Some(part) = left.pop_front() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !done.pop() {
                    return None;
                }
            }
            Component::Normal(name) => {
                done.push(name);
                let Some(target) = targets.get(&done) else { continue };
                followed += 1;
                if followed > MOST_LINKS {
                    return None;
                }
                done.pop();
                for part in target.components().rev() {
                    left.push_front(part);
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(done)
}

/// A path that stays below the place it is put in, and is none of Git's own.
fn path(bytes: &[u8]) -> Option<PathBuf> {
    let path = path_of(bytes)?;
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
    };
    (path.components().next().is_some() && path.components().all(plain)).then_some(path)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every name is a path")]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(tree: &Tree) -> Vec<(&str, &str)> {
        tree.files().map(|(path, entry)| (path.to_str().unwrap(), entry.id.as_str())).collect()
    }

    #[test]
    fn other_repositories_and_strange_names_are_left_out() {
        let listed = b"100644 blob aa\tattune.toml\x00160000 commit cc\tmodule\x00120000 blob dd\ta link\x00\
            100755 blob ee\tx/../../y\x00100644 blob ff\t.GIT/config\x00100644 blob ab\t/etc/passwd\x00";
        let tree = Tree::of_listing(listed);
        assert_eq!(paths(&tree), [("attune.toml", "aa")]);
        assert_eq!(tree.links().count(), 1);
    }

    #[test]
    fn links_lead_to_files_of_the_same_tree_or_nowhere() {
        let listed = [
            ("100644", "doc", "shared/policies/ml.json"),
            ("120000", "a", "live/policies"),
            ("120000", "b", "live/one.json"),
            ("120000", "c", "live/out.json"),
            ("120000", "d", "live/loop"),
            ("120000", "e", "live/root"),
            ("120000", "f", "live/through"),
        ];
        let listed: String = listed.iter().map(|(mode, id, path)| format!("{mode} blob {id}\t{path}\0")).collect();
        let mut tree = Tree::of_listing(listed.as_bytes());
        let targets = [
            ("a", "../shared/policies"),
            ("b", "policies/ml.json"),
            ("c", "../../etc/passwd"),
            ("d", "loop"),
            ("e", "/etc"),
            ("f", "policies/../../../etc"),
        ];
        tree.resolve_links(&targets.map(|(id, to)| (id.to_owned(), to.as_bytes().to_vec())).into());
        assert_eq!(
            paths(&tree),
            [("live/one.json", "doc"), ("live/policies/ml.json", "doc"), ("shared/policies/ml.json", "doc")]
        );
    }
}
