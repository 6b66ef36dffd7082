//! The selection of objects for a plan of a part of them (`--only`), and which errors of a configuration block such a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::base::{Finding, NamePattern, ObjectId, Severity, nearest};
use crate::desired::{About, Declarations, Loaded, ObjectPatterns, Unread};

use super::codes;

/// A pattern of `--only`: of objects (`policy/ml-*`, `user/NAME`, `group/NAME`, `bucket/NAME`), or of files (`file:teams/ml.toml`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnlyPattern {
    /// The objects whose kind and name match.
    Objects(NamePattern),
    /// The objects that a file declares, by its path from the current directory or from the main file.
    File(NamePattern),
}

impl FromStr for OnlyPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || {
            format!(
                "`{text}` is not a pattern: write `policy/NAME`, `user/NAME`, `group/NAME`, `bucket/NAME` or `file:PATH`; `*` \
                 matches any run of characters, `?` one"
            )
        };
        if let Some(path) = text.strip_prefix("file:") {
            return path.parse().map(Self::File).map_err(|_| problem());
        }
        let name = ["policy/", "user/", "group/", "bucket/"].iter().find_map(|kind| text.strip_prefix(kind));
        let pattern = text.parse().ok().filter(|_| name.is_some_and(|name| !name.is_empty()));
        pattern.map(Self::Objects).ok_or_else(problem)
    }
}

impl fmt::Display for OnlyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(pattern) => pattern.fmt(f),
            Self::File(pattern) => write!(f, "file:{pattern}"),
        }
    }
}

/// The selection of `--only` for a configuration, and the parts of the configuration that could not be read.
#[derive(Debug, Clone, Default)]
pub struct Only {
    objects: BTreeSet<NamePattern>,
    /// The objects that the files of each pattern declare.
    files: BTreeMap<NamePattern, BTreeSet<ObjectId>>,
    unread: Unread,
    /// The errors outside of the selection, as warnings.
    errors: Vec<Finding>,
    /// Whether a pattern may match nothing.
    may_be_empty: bool,
}

impl Only {
    /// The selection of these patterns. The errors of the configuration that block nothing of it become warnings of the plan;
    /// all other findings stay with the configuration. `directory` is the directory of the main file.
    pub fn new(patterns: &[OnlyPattern], loaded: &mut Loaded, directory: &str) -> Self {
        let mut only = Self::default();
        let mut blocking = Vec::new();
        let declarations = Declarations::of(loaded);
        let matches = |pattern: &NamePattern, path: &str| {
            let (pattern, path) = (normalized(pattern.as_str()), normalized(path));
            let Ok(pattern) = pattern.parse::<NamePattern>() else { return false };
            let below = path.strip_prefix(&format!("{}/", normalized(directory)));
            pattern.matches(&path) || below.is_some_and(|below| pattern.matches(below))
        };
        for pattern in patterns {
            match pattern {
                OnlyPattern::Objects(pattern) => _ = only.objects.insert(pattern.clone()),
                OnlyPattern::File(pattern) => {
                    let paths = declarations.paths().filter(|path| matches(pattern, path));
                    let objects = paths.flat_map(|path| declarations.of_file(path)).collect();
                    only.files.insert(pattern.clone(), objects);
                }
            }
        }
        let shown = loaded.findings.iter().map(|finding| (finding, true));
        // An error that another finding says already blocks its objects, too.
        let repeats = loaded.repeats.iter().filter(|finding| finding.is_error()).map(|finding| (finding, false));
        for (finding, is_shown) in shown.chain(repeats) {
            let about = if finding.is_error() { declarations.about(finding) } else { About::Settings };
            let path = declarations.path(finding).unwrap_or_default();
            let is_inside = match &about {
                About::Settings => true,
                About::Objects(objects) => objects.iter().any(|id| only.covers(id)),
                About::File => false,
            };
            let is_of_file = || only.files.keys().any(|pattern| matches(pattern, path));
            if is_inside || is_of_file() && !loaded.not_included.contains(finding) {
                let is_said = |known: &Finding| known.code == finding.code && known.message == finding.message;
                if is_shown || !blocking.iter().any(is_said) {
                    blocking.push(finding.clone());
                }
                continue;
            }
            match about {
                About::Objects(objects) => only.unread.objects.extend(objects),
                About::File | About::Settings => _ = only.unread.files.insert(path.to_owned()),
            }
            if is_shown {
                only.errors.push(left_out(finding));
            }
        }
        if !only.errors.is_empty() {
            blocking.extend(only.unread_by_others(&declarations, &blocking));
        }
        loaded.findings = blocking;
        only
    }

    /// Notes the objects that could not be read, although the error is elsewhere: a policy that combines another one. Those that
    /// are selected are errors.
    fn unread_by_others(&mut self, declarations: &Declarations<'_>, blocking: &[Finding]) -> Vec<Finding> {
        let mut errors = Vec::new();
        for (id, at) in declarations.unread() {
            let is_known = || {
                blocking.iter().any(
                    |finding| matches!(declarations.about(finding), About::Objects(objects) if objects.contains(&id)),
                )
            };
            if self.covers(&id) && !is_known() {
                let message = format!("{} cannot be read, because of an error in another part", id.described());
                let help = "fix the errors of the configuration, or leave this object out, too";
                errors.push(Finding::error(codes::ONLY_NEEDS, message).at(at).help(help));
            }
            self.unread.objects.insert(id);
        }
        errors
    }

    /// The patterns as written, in order.
    pub fn patterns(&self) -> Vec<String> {
        let objects = self.objects.iter().cloned().map(OnlyPattern::Objects);
        objects.chain(self.files.keys().cloned().map(OnlyPattern::File)).map(|pattern| pattern.to_string()).collect()
    }

    /// Whether a pattern selects an object.
    pub fn covers(&self, id: &ObjectId) -> bool {
        let name = id.to_string();
        self.objects.iter().any(|pattern| pattern.matches(&name)) || self.files.values().any(|ids| ids.contains(id))
    }

    /// The same selection, whose patterns may match nothing: in the base of a configuration, or after an apply that removed what
    /// they matched.
    #[must_use]
    pub fn or_nothing(&self) -> Self {
        Self { may_be_empty: true, ..self.clone() }
    }

    /// The parts of the configuration that could not be read.
    pub fn unread(&self) -> &Unread {
        &self.unread
    }

    /// The errors of the configuration outside of the selection, as warnings.
    pub fn errors(&self) -> &[Finding] {
        &self.errors
    }

    /// The patterns that select nothing among the objects that are declared or exist. A pattern of objects that `[ownership]` covers
    /// is only a warning: they may be removed by now.
    pub(super) fn of_nothing(&self, known: &BTreeSet<ObjectId>, ownership: &ObjectPatterns) -> Vec<Finding> {
        if self.may_be_empty {
            return Vec::new();
        }
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        let objects = self.objects.iter().filter(|pattern| !names.iter().any(|name| pattern.matches(name)));
        let objects = objects.map(|pattern| {
            let near = nearest(pattern.as_str(), names.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `--only {near}`?"),
                None => "write the name of an object that is declared or exists, or a pattern with `*`".to_owned(),
            };
            let message = format!("`--only {pattern}` matches nothing that is declared or exists");
            if is_owned(pattern, ownership) {
                let message = format!("{message}; if `[ownership]` removed it, nothing is left to do");
                return Finding::warning(codes::ONLY_NOTHING, message).help(help);
            }
            Finding::error(codes::ONLY_NOTHING, message).help(help)
        });
        let files = self.files.iter().filter(|(_, objects)| objects.is_empty()).map(|(pattern, _)| {
            let message =
                format!("`--only file:{pattern}` matches no file of the configuration that declares something");
            let help = "write the path from the current directory, or from the directory of the main file";
            Finding::error(codes::ONLY_NOTHING, message).help(help)
        });
        objects.chain(files).collect()
    }
}

/// Whether a pattern can match a name that `[ownership]` covers.
fn is_owned(pattern: &NamePattern, ownership: &ObjectPatterns) -> bool {
    let ObjectPatterns { policies, users, groups, buckets } = ownership;
    [("policy/", policies), ("user/", users), ("group/", groups), ("bucket/", buckets)].into_iter().any(
        |(kind, owned)| {
            let name = pattern.as_str().strip_prefix(kind).and_then(|name| name.parse::<NamePattern>().ok());
            name.is_some_and(|name| owned.iter().any(|owned| owned.overlaps(&name)))
        },
    )
}

/// A path without `.`, and without `..` where a name is before it.
fn normalized(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// An error outside of the selection: shown, and blocking nothing.
pub(super) fn left_out(finding: &Finding) -> Finding {
    let message = format!("{} (left out by `--only`)", finding.message);
    Finding { severity: Severity::Warning, message, ..finding.clone() }
}

/// The part of the configuration that a plan is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// The patterns, as written, in order; with `--expired`, words instead.
    pub patterns: Vec<String>,
    /// The objects that no pattern selects and that a step needs, in the order of their names.
    pub needed: Vec<Needed>,
    /// The differences that the plan leaves out, in the order of their names.
    pub left_out: Vec<ObjectId>,
    /// The number of errors of the configuration outside of the selection. What they are about is left out, too.
    pub errors: usize,
    /// The number of errors that would block a plan for everything.
    pub problems: usize,
}

impl Partial {
    /// What `attune apply --expired` is for.
    pub(super) fn of_expired() -> Self {
        Self { patterns: vec!["access that has expired".to_owned()], ..Self::default() }
    }

    /// Whether the plan leaves out a difference, something that could not be read, or an error of a plan for everything.
    pub fn leaves_out(&self) -> bool {
        !self.left_out.is_empty() || self.errors > 0 || self.problems > 0
    }
}

/// An object that comes along, since the change of another object needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The object.
    pub id: ObjectId,
    /// The object whose change needs it.
    pub by: ObjectId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_one_kind() {
        for text in ["policy/ml-*", "user/a", "group/?", "file:teams/ml.toml"] {
            assert_eq!(text.parse::<OnlyPattern>().unwrap().to_string(), text);
        }
        for text in ["", "ml-*", "policy/", "users/a", "file:", "*"] {
            assert!(text.parse::<OnlyPattern>().unwrap_err().contains("`file:PATH`"), "{text}");
        }
    }

    #[test]
    fn paths_are_compared_without_dots() {
        let cases = [
            ("teams/ml.toml", "teams/ml.toml"),
            ("./teams//ml.toml", "teams/ml.toml"),
            ("clusters/east/../../teams/ml.toml", "teams/ml.toml"),
            ("../teams/ml.toml", "../teams/ml.toml"),
            ("/a/../b", "/b"),
            ("/../b", "/../b"),
        ];
        for (path, expected) in cases {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }
}
