//! `[[envelope]]`: what included files may declare, and what their policies may give.

use std::collections::BTreeSet;
use std::fmt;

use glob::{MatchOptions, Pattern};

use super::{Desired, codes};
use crate::base::{
    BucketName, Code, FileId, Finding, GroupName, Location, NamePattern, NamePatterns, PolicyName, Principal, UserName,
    list_some,
};
use crate::policy::Document;

/// The names and the access that included files may have.
#[derive(Debug, Clone)]
#[must_use]
pub struct Envelope {
    /// Its name; without one, its files.
    pub name: String,
    /// Why it is there, if the configuration says so.
    pub reason: Option<String>,
    /// What it says, in words.
    pub text: String,
    /// What policies may give: nothing but what this document allows.
    pub granted: Document,
    /// What else it allows.
    pub(super) limits: Limits,
    /// Whether the trusted revision (`--base`) has it. Without a base, none has.
    pub in_base: bool,
    /// Its place.
    pub at: Option<Location>,
}

/// The files that an envelope binds, and the names and documents that these may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) files: FilePatterns,
    pub(super) policies: NamePatterns,
    pub(super) users: NamePatterns,
    pub(super) groups: NamePatterns,
    pub(super) buckets: NamePatterns,
    pub(super) may_attach: NamePatterns,
    pub(super) documents: FilePatterns,
}

/// Patterns of paths from the directory of the main file. `*` and `?` match no `/`, `**` matches directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FilePatterns(pub(super) Vec<Pattern>);

impl FilePatterns {
    fn matches(&self, path: &str) -> bool {
        let exact =
            MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
        self.0.iter().any(|pattern| pattern.matches_with(path, exact))
    }

    fn shown(&self) -> String {
        list_some(&self.0, SHOWN, |pattern| pattern.as_str().to_owned())
    }
}

/// The number of patterns that a help lists.
const SHOWN: usize = 8;

/// An included file, with everything that it writes and that envelopes bind.
#[derive(Debug, Clone)]
pub struct IncludedFile {
    /// The file.
    pub(super) id: FileId,
    /// Its path from the directory of the main file, with links resolved.
    pub path: String,
    /// Its paths as it is included and with links resolved, and those of the files that include it. What binds one of them
    /// binds the file.
    pub(super) bound_as: BTreeSet<String>,
    /// The place of the `include` entry.
    pub at: Location,
    /// The names and documents that it writes, templates with each of their rows.
    pub(super) written: Vec<Written>,
}

/// A name or a document that a file writes, with its place.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) what: What,
    pub(super) text: String,
    pub(super) at: Location,
}

/// What a name in a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A policy that it declares, or the old name of one.
    Policy,
    /// A policy that it attaches or combines.
    Used,
    User,
    Group,
    Bucket,
    /// The path of a document, with links resolved.
    Document,
}

impl IncludedFile {
    /// The policies that it declares.
    pub fn policies(&self) -> BTreeSet<PolicyName> {
        self.named(What::Policy).filter_map(|name| PolicyName::parse(name).ok()).collect()
    }

    /// The users and groups that it names.
    pub fn principals(&self) -> BTreeSet<Principal> {
        let users = self.named(What::User).filter_map(|name| UserName::parse(name).ok().map(Principal::User));
        let groups = self.named(What::Group).filter_map(|name| GroupName::parse(name).ok().map(Principal::Group));
        users.chain(groups).collect()
    }

    /// The buckets that it names.
    pub fn buckets(&self) -> BTreeSet<BucketName> {
        self.named(What::Bucket).map(BucketName::reported).collect()
    }

    fn named(&self, what: What) -> impl Iterator<Item = &str> {
        self.written.iter().filter(move |written| written.what == what).map(|written| written.text.as_str())
    }

    /// The directory of the file, with `/` at its end; empty if it is that of the main file.
    fn directory(&self) -> &str {
        self.path.rfind('/').map_or("", |end| &self.path[..=end])
    }
}

impl Envelope {
    /// Whether the other one binds the same files in the same way, whatever its name and reason are.
    pub fn binds_like(&self, other: &Self) -> bool {
        (&self.limits, &self.granted) == (&other.limits, &other.granted)
    }

    /// Whether it binds a file.
    pub fn binds(&self, file: &IncludedFile) -> bool {
        file.bound_as.iter().any(|path| self.limits.files.matches(path))
    }

    /// The errors about the names and documents of a file that are outside.
    fn outside(&self, file: &IncludedFile) -> Vec<Finding> {
        let mut known = BTreeSet::new();
        let outside = file.written.iter().filter(|written| !self.allows(file, written));
        // An entry may name a user twice, as when its access ends; one error is enough.
        let outside = outside.filter(|written| known.insert((written.text.clone(), written.at.span.start)));
        outside.map(|written| self.error(file, written)).collect()
    }

    fn allows(&self, file: &IncludedFile, written: &Written) -> bool {
        let (limits, name) = (&self.limits, written.text.as_str());
        match written.what {
            What::Policy => limits.policies.matches(name),
            What::Used => {
                // A name with a comma is a list of policies.
                let one = |policy: PolicyName| {
                    limits.policies.matches(policy.as_str()) || limits.may_attach.matches(policy.as_str())
                };
                PolicyName::reported(name).listed().all(one)
            }
            What::User => limits.users.matches(name),
            What::Group => limits.groups.matches(name),
            What::Bucket => limits.buckets.matches(name),
            What::Document => {
                let below = name.strip_prefix(file.directory()).is_some_and(|rest| !rest.starts_with("../"));
                below || limits.documents.matches(name)
            }
        }
    }

    fn error(&self, file: &IncludedFile, written: &Written) -> Finding {
        let Written { what, text, at } = written;
        let limits = &self.limits;
        let named = |object: &str, kind: &str, patterns: &NamePatterns| {
            let help = match patterns.is_empty() {
                true => format!("it allows no {kind}"),
                false => format!("it allows the {kind} {}", shown(patterns)),
            };
            (codes::OUTSIDE_ENVELOPE, format!("the {object} `{text}`"), help)
        };
        let (code, object, help): (Code, String, String) = match what {
            What::Policy => named("policy", "policies", &limits.policies),
            What::Used => {
                let both = limits.policies.clone().and(limits.may_attach.clone());
                let (code, object, help) = named("use of the policy", "policies", &both);
                (code, object, format!("{help}; see `may_attach`"))
            }
            What::User => named("user", "users", &limits.users),
            What::Group => named("group", "groups", &limits.groups),
            What::Bucket => named("bucket", "buckets", &limits.buckets),
            What::Document => {
                let directory = file.directory().strip_suffix('/').unwrap_or(".");
                let documents = match limits.documents.0.is_empty() {
                    true => String::new(),
                    false => format!(", and {}", limits.documents.shown()),
                };
                let help = format!("it allows documents below `{directory}`{documents}");
                (codes::DOCUMENT_OUTSIDE_ENVELOPE, format!("the document `{text}`"), help)
            }
        };
        let message = format!("{object} in `{}` is outside the envelope {:?}", file.path, self.name);
        Finding::error(code, message).at(at.clone()).help(help).label(self.at.clone(), "the envelope")
    }

    pub(super) fn named(&self) -> (&str, &Option<Location>, &'static str) {
        (&self.name, &self.at, "rename one of the two")
    }
}

/// The patterns, some of them.
fn shown(patterns: &NamePatterns) -> String {
    let all: Vec<&str> = patterns.iter().map(NamePattern::as_str).collect();
    list_some(&all, SHOWN, |pattern| format!("`{pattern}`"))
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The error about an included file that no envelope binds.
fn unbound(file: &IncludedFile, more: &str) -> Finding {
    let message = format!("the included file `{}` is in no envelope{more}", file.path);
    let help = "add it to `files` of an `[[envelope]]` in the main file: as soon as there is one, each included file needs one";
    Finding::error(codes::NO_ENVELOPE, message).at(file.at.clone()).help(help)
}

impl Desired {
    /// The envelopes that bind a file.
    pub fn envelopes_of<'a>(&'a self, file: &'a IncludedFile) -> impl Iterator<Item = &'a Envelope> {
        self.envelopes.iter().filter(|envelope| envelope.binds(file))
    }

    /// What the envelopes of the base do not allow to a proposal: the name of each envelope, or of a file that is in none, and
    /// the error.
    pub fn outside_base(&self) -> Vec<(String, Finding)> {
        let of_base: Vec<&Envelope> = self.envelopes.iter().filter(|envelope| envelope.in_base).collect();
        let mut outside = Vec::new();
        for file in self.included.iter().filter(|_| !of_base.is_empty()) {
            if !of_base.iter().any(|envelope| envelope.limits.files.matches(&file.path)) {
                outside.push((file.path.clone(), unbound(file, " of the base")));
            }
            for envelope in of_base.iter().filter(|envelope| envelope.binds(file)) {
                outside.extend(envelope.outside(file).into_iter().map(|finding| (envelope.name.clone(), finding)));
            }
        }
        outside
    }
}

/// What the envelopes of a configuration do not allow to its included files.
pub(super) fn outside(desired: &Desired) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in desired.included.iter().filter(|_| !desired.envelopes.is_empty()) {
        if !desired.envelopes.iter().any(|envelope| envelope.limits.files.matches(&file.path)) {
            findings.push(unbound(file, ""));
        }
        findings.extend(desired.envelopes_of(file).flat_map(|envelope| envelope.outside(file)));
    }
    findings
}

/// The envelopes of a proposal, and those of its base that it does not have: removed and changed ones.
pub(super) fn of_both(proposal: Vec<Envelope>, base: &[Envelope]) -> Vec<Envelope> {
    let in_base = |envelope: &Envelope| base.iter().any(|known| known.binds_like(envelope));
    let proposal: Vec<Envelope> =
        proposal.into_iter().map(|envelope| Envelope { in_base: in_base(&envelope), ..envelope }).collect();
    let is_gone = |envelope: &&Envelope| !proposal.iter().any(|known| known.binds_like(envelope));
    let gone = base.iter().filter(is_gone).map(|envelope| {
        let is_changed = proposal.iter().any(|other| other.name == envelope.name);
        let more = if is_changed { " (base)" } else { "" };
        // Its place is in another revision.
        Envelope { name: format!("{envelope}{more}"), in_base: true, at: None, ..envelope.clone() }
    });
    let gone: Vec<Envelope> = gone.collect();
    proposal.into_iter().chain(gone).collect()
}
