//! Names of policies, users and groups, checked where they enter, and patterns of names. A clone of a name shares the text.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text cannot be the name of a policy, user or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// The name is empty.
    #[error("is empty")]
    Empty,
    /// The name is `.` or `..`, which a URL path resolves away: `DELETE /s3/policies/..` would reach
    /// `DELETE /s3`, the call that deletes the whole S3 cluster.
    #[error("is `.` or `..`, which a URL path resolves to another call")]
    Dots,
    /// The name contains `/` or `\`, which some proxies take for a path separator.
    #[error("contains a `/` or `\\`, which a URL path cannot carry safely")]
    Separator,
    /// The name contains a control character.
    #[error("contains a control character")]
    Control,
    /// The name starts or ends with white space, which commands and proxies strip.
    #[error("starts or ends with white space")]
    Edge,
    /// A policy name contains a comma. Servers of MinIO's lineage read such a name as a list: attaching `a,b` gives
    /// both policies (measured on two of them).
    #[error("contains a comma, which makes it a list of policies")]
    Comma,
    /// The name cannot be the name of a bucket.
    #[error(
        "is no name of a bucket: 3 to 63 characters of `a-z`, `0-9`, `.` and `-` that begin and end with a letter or digit, and no IP address"
    )]
    Bucket,
}

fn check_bucket(name: &str) -> Result<(), NameProblem> {
    let of_bucket = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let has_edges = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric());
    let is_address = name.parse::<std::net::Ipv4Addr>().is_ok();
    let fits = (3..=63).contains(&name.len()) && name.bytes().all(of_bucket) && has_edges && !is_address;
    if fits { Ok(()) } else { Err(NameProblem::Bucket) }
}

fn check(name: &str) -> Result<(), NameProblem> {
    match name {
        "" => Err(NameProblem::Empty),
        "." | ".." => Err(NameProblem::Dots),
        _ if name.chars().any(char::is_control) => Err(NameProblem::Control),
        _ if name.contains(['/', '\\']) => Err(NameProblem::Separator),
        _ if name.trim() != name => Err(NameProblem::Edge),
        _ => Ok(()),
    }
}

fn check_policy(name: &str) -> Result<(), NameProblem> {
    check(name)?;
    if name.contains(',') { Err(NameProblem::Comma) } else { Ok(()) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes a name that a person wrote. Refuses a name that no API call can carry safely.
            pub fn parse(name: &str) -> Result<Self, NameProblem> {
                $check(name).map(|()| Self(name.into()))
            }

            /// Takes a name as a cluster reports it. An API call may be unable to carry it: see
            /// [`addressable`](Self::addressable).
            pub fn reported(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// Checks that an API call can carry this name.
            pub fn addressable(&self) -> Result<(), NameProblem> {
                $check(&self.0)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// Names have the same order as their texts.
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of an IAM policy. Matched case-sensitively (vendor documentation, 6.0).
    PolicyName, check_policy
}

name! {
    /// The name of a user of one tenant.
    UserName, check
}

name! {
    /// The name of a group of one tenant, as its directory has it. Groups can have policies since 6.0 (vendor
    /// documentation).
    GroupName, check
}

name! {
    /// The name of a bucket. Unique in the cluster (vendor documentation).
    BucketName, check_bucket
}

impl PolicyName {
    /// The policies that every cluster has from the start (vendor's CLI page). They can be attached, never changed or
    /// removed.
    pub const PREDEFINED: [&str; 3] = ["readonly", "readwrite", "writeonly"];

    /// Whether this is one of [`PREDEFINED`](Self::PREDEFINED).
    pub fn is_predefined(&self) -> bool {
        Self::PREDEFINED.contains(&self.as_str())
    }

    /// The name of a temporary policy starts with this. Users have the temporary policy while their policy is replaced.
    /// It has only letters and hyphens: it is unknown which other characters every release takes.
    pub const TEMPORARY_PREFIX: &str = "attune-swap-";

    /// The name of a policy that `attune doctor --probe` makes starts with this.
    pub const PROBE_PREFIX: &str = "attune-probe-";

    /// The temporary policy for this policy and the document with that tag (8 hexadecimal digits).
    pub fn temporary(&self, tag: &str) -> Self {
        Self(format!("{}{tag}-{}", Self::TEMPORARY_PREFIX, self.0).into())
    }

    /// The policy of this temporary policy, by its name alone. Predefined policies are never replaced, so
    /// they have no temporary policy.
    pub fn temporary_for(&self) -> Option<Self> {
        let rest = self.0.strip_prefix(Self::TEMPORARY_PREFIX)?;
        let (tag, name) = rest.split_once('-')?;
        let is_tag = tag.len() == 8 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_tag && check_policy(name).is_ok()).then(|| Self(name.into())).filter(|policy| !policy.is_predefined())
    }

    /// The policy that this name is about: for a temporary policy, the policy of that temporary policy.
    pub fn meant(&self) -> Cow<'_, Self> {
        self.temporary_for().map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// Whether this is a list of policies rather than one name: it contains a comma.
    pub fn is_list(&self) -> bool {
        self.0.contains(',')
    }

    /// Whether a user or group that this name is attached to has that policy.
    pub fn gives(&self, policy: &Self) -> bool {
        self.listed().any(|listed| listed == *policy)
    }

    /// The policies that a user or group has when this name is attached: this one, or each one of the list.
    pub fn listed(&self) -> impl Iterator<Item = Self> + '_ {
        let whole = (!self.is_list()).then(|| self.clone());
        let parts = self.0.split(',').map(str::trim).filter(|part| self.is_list() && !part.is_empty());
        whole.into_iter().chain(parts.map(Self::reported))
    }
}

/// A user, or since 6.0 a group, that a policy can be attached to. Users come first in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// A user.
    User(UserName),
    /// A group of a directory: its members have the policy of the group.
    Group(GroupName),
}

impl Principal {
    /// The name of a group in a list of users and groups starts with this.
    pub const GROUP: &str = "group/";

    /// Takes a name from a list of users and groups: `alice` or `user/alice`, `group/ml`.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        match text.strip_prefix(Self::GROUP) {
            Some(group) => GroupName::parse(group).map(Self::Group),
            None => UserName::parse(text.strip_prefix("user/").unwrap_or(text)).map(Self::User),
        }
    }

    /// `user` or `group`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// The name alone. A user and a group can have the same name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Group(group) => group.as_str(),
        }
    }

    /// The user, if this is one.
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::User(user) => Some(user),
            Self::Group(_) => None,
        }
    }

    /// The group, if this is one.
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::User(_) => None,
            Self::Group(group) => Some(group),
        }
    }

    /// The name in a list of users and groups: `alice`, `group/ml`. No user name contains a `/`.
    pub fn label(&self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Group(group) => format!("{}{group}", Self::GROUP),
        }
    }

    /// Checks that an API call can carry the name.
    pub fn addressable(&self) -> Result<(), NameProblem> {
        match self {
            Self::User(user) => user.addressable(),
            Self::Group(group) => group.addressable(),
        }
    }
}

/// As in messages: user `alice`, group `ml`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.name())
    }
}

impl From<&UserName> for Principal {
    fn from(user: &UserName) -> Self {
        Self::User(user.clone())
    }
}

impl From<&GroupName> for Principal {
    fn from(group: &GroupName) -> Self {
        Self::Group(group.clone())
    }
}

/// A pattern of names: `*` matches any run of characters, `?` one, and every other character itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern(Arc<str>);

impl NamePattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        matches(&self.0, name)
    }

    /// Whether a name can match both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        overlap(&self.0.chars().collect::<Vec<_>>(), &other.0.chars().collect::<Vec<_>>())
    }
}

fn overlap(ours: &[char], theirs: &[char]) -> bool {
    // Whether one text can match ours up to a place, and theirs up to each place.
    let mut row = vec![false; theirs.len() + 1];
    row[0] = true;
    for one in ours.iter().map(Some).chain([None]) {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            let other = theirs.get(at);
            if row[at] && (one == Some(&'*') || other == Some(&'*')) {
                next[at] = true;
                if other.is_some() {
                    row[at + 1] = true;
                }
            } else if let (true, Some(one), Some(other)) = (row[at], one, other) {
                next[at + 1] |= *one == '?' || *other == '?' || one == other;
            }
        }
        if one.is_some() {
            row = next;
        }
    }
    row[theirs.len()]
}

/// Whether the pattern matches the text. After a mismatch, only the last `*` takes one more character.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut retry = None;
    loop {
        let before = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = before;
                retry = Some((pattern.clone(), text.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            (Some(_) | None, _) => {
                let Some((after, mut from)) = retry.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
                retry = Some((after, from));
            }
        }
    }
}

impl FromStr for NamePattern {
    type Err = NameProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Err(NameProblem::Empty) } else { Ok(Self(text.into())) }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Several patterns of names. A name matches if it matches one of them, and is none of the exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct NamePatterns {
    patterns: Vec<NamePattern>,
    /// Names that do not match, whatever the patterns say.
    except: BTreeSet<Box<str>>,
}

impl NamePatterns {
    /// Whether a name matches one of the patterns.
    pub fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name)) && !self.except.contains(name)
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns, without the exceptions.
    pub fn iter(&self) -> impl Iterator<Item = &NamePattern> {
        self.patterns.iter()
    }

    /// The patterns of both, with the exceptions of both.
    pub fn and(mut self, other: Self) -> Self {
        self.patterns.extend(other.patterns);
        self.except(other.except)
    }

    /// The same patterns, which do not match these names.
    pub fn except(mut self, names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.except.extend(names.into_iter().map(Into::into));
        self
    }
}

impl FromIterator<NamePattern> for NamePatterns {
    fn from_iter<I: IntoIterator<Item = NamePattern>>(patterns: I) -> Self {
        Self { patterns: patterns.into_iter().collect(), except: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_policy_names_its_policy() {
        let policy = PolicyName::parse("ml-training").unwrap();
        let temporary = policy.temporary("0a1b2c3d");
        assert_eq!(temporary.as_str(), "attune-swap-0a1b2c3d-ml-training");
        assert_eq!(temporary.temporary_for(), Some(policy.clone()));
        assert_eq!(policy.temporary_for(), None);
        let predefined = PolicyName::reported("readwrite").temporary("deadbeef");
        assert_eq!(predefined.temporary_for(), None, "a predefined policy is never replaced");
        assert_eq!(PolicyName::reported("attune-swap-nothex00-x").temporary_for(), None);
        assert_eq!(PolicyName::reported("attune-swap-0a1b2c3d-").temporary_for(), None);
    }

    #[test]
    fn a_comma_makes_a_list_of_policies_and_of_nothing_else() {
        assert_eq!(PolicyName::parse("x,readwrite"), Err(NameProblem::Comma));
        assert_eq!(PolicyName::reported("x,readwrite").addressable(), Err(NameProblem::Comma));
        assert_eq!(PolicyName::reported("attune-swap-0a1b2c3d-a,readwrite").temporary_for(), None);
        assert!(UserName::parse("Doe, Jane").is_ok() && GroupName::parse("cn=a,dc=b").is_ok());
        let listed = |name: &str| PolicyName::reported(name).listed().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed("a, readonly,,b,"), ["a", "readonly", "b"]);
        assert_eq!(listed(" a "), [" a "]);
        assert_eq!(listed(","), [""; 0]);
    }

    #[test]
    fn names_that_break_a_url_are_refused() {
        let cases = [
            ("", NameProblem::Empty),
            (".", NameProblem::Dots),
            ("..", NameProblem::Dots),
            ("a/b", NameProblem::Separator),
            ("a\\b", NameProblem::Separator),
            ("a\nb", NameProblem::Control),
            (" a", NameProblem::Edge),
        ];
        for (name, problem) in cases {
            assert_eq!(PolicyName::parse(name), Err(problem), "{name:?}");
            assert_eq!(PolicyName::reported(name).addressable(), Err(problem), "{name:?}");
        }
        for name in ["a", "...", "a b", "ünï?#%", "ml-training"] {
            assert!(UserName::parse(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn two_patterns_overlap_if_a_name_matches_both() {
        let all = |most: usize, letters: &str| -> Vec<String> {
            let mut texts = vec![String::new()];
            for from in 0.. {
                let Some(text) = texts.get(from).filter(|text| text.len() < most).cloned() else { break };
                texts.extend(letters.chars().map(|letter| format!("{text}{letter}")));
            }
            texts
        };
        let (patterns, names) = (all(3, "ab*?"), all(6, "ab"));
        let patterns: Vec<NamePattern> = patterns.iter().filter_map(|text| text.parse().ok()).collect();
        let matching: Vec<Vec<bool>> =
            patterns.iter().map(|pattern| names.iter().map(|name| pattern.matches(name)).collect()).collect();
        for (one, ours) in patterns.iter().zip(&matching) {
            for (other, theirs) in patterns.iter().zip(&matching) {
                let any = ours.iter().zip(theirs).any(|(ours, theirs)| *ours && *theirs);
                assert_eq!(one.overlaps(other), any, "{one} {other}");
            }
        }
    }

    #[test]
    fn only_a_star_and_a_question_mark_are_special_in_a_pattern() {
        let matching = [
            ("svc-*", "svc-backup"),
            ("svc-*", "svc-"),
            ("a[1]", "a[1]"),
            ("a*", "a*"),
            ("{a,b}", "{a,b}"),
            ("***", ""),
            ("u?r", "uär"),
            ("*a*b", "aab-ab"),
            ("a**?", "ab"),
        ];
        let other = [
            ("svc-*", "svc"),
            ("svc-*", "Svc-a"),
            ("a[1]", "a1"),
            ("a[1]", "a"),
            ("[a-z]", "b"),
            ("?", ""),
            ("a", "ab"),
            ("*a*b", "ba"),
            ("?*?", "a"),
        ];
        let matches = |(pattern, name): &(&str, &str)| pattern.parse::<NamePattern>().unwrap().matches(name);
        assert_eq!(matching.iter().find(|case| !matches(case)), None);
        assert_eq!(other.iter().find(|case| matches(case)), None);
        assert_eq!("".parse::<NamePattern>(), Err(NameProblem::Empty));
    }

    #[test]
    fn a_name_matches_one_of_several_patterns() {
        let patterns: NamePatterns = ["svc-*", "bob"].iter().map(|text| text.parse().unwrap()).collect();
        assert!(patterns.matches("bob") && patterns.matches("svc-a") && !patterns.matches("bobby"));
        let patterns = patterns.except(["svc-a"]);
        assert!(patterns.matches("bob") && patterns.matches("svc-b") && !patterns.matches("svc-a"));
    }
}
