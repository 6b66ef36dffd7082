//! `[guards]`: limits on what a plan may do, and their overrides for one run.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::raw::RawGuards;
use super::spanned::{At, Entries, Report};
use super::{ObjectPatterns, codes};
use crate::base::{BucketName, GroupName, NamePattern, NamePatterns, NameProblem, PolicyName, Principal, UserName};
use crate::policy::access::{ARN, Holder, RequestKind, pattern_covers};

/// The guards of a configuration, and their exceptions for one run.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Guards {
    /// Refuses a plan by which anyone gains access, or may gain access.
    pub deny_new_access: bool,
    /// `deny_new_access` comes from the command line only.
    pub deny_for_this_run: bool,
    /// The exceptions from `deny_new_access`.
    pub allow_access: Vec<Exemption>,
    /// How many policies may be removed. All limits apply.
    pub max_removals: Vec<Limit>,
    /// How many users and groups may lose all access. All limits apply.
    pub max_detached: Vec<Limit>,
    /// Policies that are never removed or replaced, users and groups that are never detached or moved, and buckets whose policies
    /// are never changed.
    pub protected: ObjectPatterns,
    /// How many buckets may stop being readable by everyone. All limits apply.
    pub max_buckets_closed: Vec<Limit>,
    /// Refuses a plan by which requests without a login gain access, or may gain access.
    pub deny_public: bool,
    /// The policies of `[roles]`, which an identity provider gives by name: never removed.
    pub roles: BTreeSet<PolicyName>,
    /// The overrides of this run.
    pub overrides: Vec<Override>,
    /// Who must sign an approval. With a base, its own counts.
    pub signed: Option<SignedApprovals>,
}

/// How many people must sign the approval of a plan, and who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedApprovals {
    /// The number of people.
    pub people: usize,
    /// The file with their names and keys.
    pub allowed_signers: PathBuf,
}

/// The most people whose signatures a guard can demand.
const MOST_PEOPLE: i64 = 16;

impl Guards {
    /// The guards of both configurations: a plan has to pass all of them. Exceptions for one run stay. The people who sign are
    /// those of the first one: a proposal cannot choose who approves it.
    pub fn and(self, other: Self) -> Self {
        Self {
            deny_new_access: self.deny_new_access || other.deny_new_access,
            deny_for_this_run: self.deny_for_this_run && !other.deny_new_access,
            allow_access: self.allow_access,
            overrides: self.overrides,
            max_removals: [self.max_removals, other.max_removals].concat(),
            max_detached: [self.max_detached, other.max_detached].concat(),
            protected: self.protected.and(other.protected),
            max_buckets_closed: [self.max_buckets_closed, other.max_buckets_closed].concat(),
            deny_public: self.deny_public || other.deny_public,
            roles: self.roles.into_iter().chain(other.roles).collect(),
            signed: self.signed,
        }
    }

    pub(super) fn read(raw: &At<RawGuards>, directory: &Path, report: &mut Report) -> Self {
        let (table, raw) = (raw.span(), raw.get());
        let mut limits = |key, entries: &Option<Entries>| {
            entries.as_ref().map(|entries| limits(key, entries, &table, report)).unwrap_or_default()
        };
        Self {
            deny_new_access: raw.deny_new_access.unwrap_or(false),
            max_removals: limits("max_removals", &raw.max_removals),
            max_detached: limits("max_detached", &raw.max_detached),
            max_buckets_closed: limits("max_buckets_closed", &raw.max_buckets_closed),
            protected: ObjectPatterns {
                policies: patterns(&raw.protected_policies, report),
                users: patterns(&raw.protected_users, report),
                groups: patterns(&raw.protected_groups, report),
                buckets: patterns(&raw.protected_buckets, report),
            },
            deny_public: raw.deny_public.unwrap_or(false),
            signed: signed(raw, directory, report),
            ..Self::default()
        }
    }
}

fn limits(key: &str, entries: &Entries, table: &Range<usize>, report: &mut Report) -> Vec<Limit> {
    if entries.0.is_empty() {
        let message = format!("`{key}` is an empty list, which limits nothing");
        report.error(codes::BAD_LIMIT, table.clone(), message, "add a limit, or remove the key");
    }
    let limit = |(text, span): &(String, Range<usize>)| {
        let help = "write a number (`5`), a percentage (`\"10%\"`), or a list of limits that all apply";
        let bad = |problem| report.error(codes::BAD_LIMIT, span.clone(), format!("`{key}`: {problem}"), help);
        text.parse::<Limit>().map_err(bad).ok()
    };
    entries.0.iter().filter_map(limit).collect()
}

fn signed(raw: &RawGuards, directory: &Path, report: &mut Report) -> Option<SignedApprovals> {
    let help = "write `approvals = 2` and `allowed_signers = \"allowed_signers\"`, both in `[guards]`";
    match (&raw.approvals, &raw.allowed_signers) {
        (None, None) => None,
        (Some(one), None) => {
            report.error(codes::BAD_APPROVALS, one.span(), "`approvals` needs `allowed_signers`: who may sign", help);
            None
        }
        (None, Some(one)) => {
            report.error(
                codes::BAD_APPROVALS,
                one.span(),
                "`allowed_signers` needs `approvals`: how many must sign",
                help,
            );
            None
        }
        (Some(people), Some(file)) => {
            let number = usize::try_from(*people.get()).ok().filter(|_| (1..=MOST_PEOPLE).contains(people.get()));
            if number.is_none() {
                let message = format!("`approvals` is {}, and not a number from 1 to {MOST_PEOPLE}", people.get());
                report.error(codes::BAD_APPROVALS, people.span(), message, "write how many people must sign");
            }
            number.map(|people| SignedApprovals { people, allowed_signers: directory.join(file.get()) })
        }
    }
}

pub(super) fn patterns(texts: &[At<String>], report: &mut Report) -> NamePatterns {
    texts.iter().filter_map(|text| report.pattern(codes::BAD_PATTERN, text.get(), text.span())).collect()
}

/// A maximum: a number, or a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// A number.
    Number(usize),
    /// A percentage, at most 100.
    Percent(u8),
}

impl Limit {
    /// Whether `count` of `all` exceeds the limit. Nothing is rounded: 1 of 5 exceeds 10%.
    pub fn is_exceeded_by(self, count: usize, all: usize) -> bool {
        match self {
            Self::Number(most) => count > most,
            Self::Percent(percent) => count as u128 * 100 > u128::from(percent) * all as u128,
        }
    }

    /// The limit for a message, with the number that a percentage allows.
    pub fn of(self, all: usize) -> String {
        match self {
            Self::Number(most) => most.to_string(),
            Self::Percent(percent) => {
                let most = u128::from(percent) * all as u128 / 100;
                format!("{percent}% of {all}, which is {most},")
            }
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    /// Reads `5` or `10%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let neither = || format!("`{text}` is neither a number nor a percentage such as `10%`");
        let digits = text.strip_suffix('%').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(neither());
        }
        if digits.len() == text.len() {
            return digits.parse().map(Self::Number).map_err(|_| neither());
        }
        match digits.parse() {
            Ok(percent) if percent <= 100 => Ok(Self::Percent(percent)),
            Ok(_) | Err(_) => Err(format!("`{text}` is more than 100%")),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(most) => most.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// `--override GUARD=VALUE`: one guard, overridden for one run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Override {
    /// Replaces `max_removals`.
    MaxRemovals(Limit),
    /// Replaces `max_detached`.
    MaxDetached(Limit),
    /// A user or group that is not protected.
    Principal(Principal),
    /// A policy that is not protected.
    Policy(PolicyName),
    /// Replaces `max_buckets_closed`.
    MaxBucketsClosed(Limit),
    /// A bucket that is not protected.
    Bucket(BucketName),
    /// A bucket to which requests without a login may gain access.
    Public(BucketName),
    /// An expectation that may fail, by its name.
    Expectation(String),
    /// An envelope that may be exceeded, by its name; or an included file that is in none of the base's, by its path.
    Envelope(String),
}

impl FromStr for Override {
    type Err = String;

    /// Reads `GUARD=VALUE`.
    fn from_str(text: &str) -> Result<Self, String> {
        let no_guard = || {
            format!(
                "`{text}` is none of max_removals=LIMIT, max_detached=LIMIT, max_buckets_closed=LIMIT, protected_users=NAME, \
                 protected_groups=NAME, protected_policies=NAME, protected_buckets=BUCKET, deny_public=BUCKET, expect=NAME, \
                 envelope=NAME"
            )
        };
        let (guard, value) = text.split_once('=').ok_or_else(no_guard)?;
        let invalid = |problem: NameProblem| format!("the name {value:?} {problem}");
        Ok(match guard {
            "max_removals" => Self::MaxRemovals(value.parse()?),
            "expect" => Self::Expectation(value.to_owned()),
            "envelope" => Self::Envelope(value.to_owned()),
            "max_buckets_closed" => Self::MaxBucketsClosed(value.parse()?),
            "protected_buckets" => Self::Bucket(BucketName::parse(value).map_err(invalid)?),
            "deny_public" => Self::Public(BucketName::parse(value).map_err(invalid)?),
            "max_detached" => Self::MaxDetached(value.parse()?),
            "protected_users" => Self::Principal(Principal::User(UserName::parse(value).map_err(invalid)?)),
            "protected_groups" => Self::Principal(Principal::Group(GroupName::parse(value).map_err(invalid)?)),
            "protected_policies" => Self::Policy(PolicyName::parse(value).map_err(invalid)?),
            _ => return Err(no_guard()),
        })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRemovals(limit) => write!(f, "max_removals={limit}"),
            Self::MaxDetached(limit) => write!(f, "max_detached={limit}"),
            Self::Principal(principal) => write!(f, "protected_{}s={}", principal.kind(), principal.name()),
            Self::MaxBucketsClosed(limit) => write!(f, "max_buckets_closed={limit}"),
            Self::Bucket(bucket) => write!(f, "protected_buckets={bucket}"),
            Self::Public(bucket) => write!(f, "deny_public={bucket}"),
            Self::Policy(policy) => write!(f, "protected_policies={policy}"),
            Self::Expectation(name) => write!(f, "expect={name}"),
            Self::Envelope(name) => write!(f, "envelope={name}"),
        }
    }
}

/// `--allow-access PRINCIPAL:ACTION:PATTERN`, with an action or the word of a request: new access that `deny_new_access` does not refuse in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    principal: NamePattern,
    action: String,
    pattern: String,
}

impl FromStr for Exemption {
    type Err = String;

    /// Reads `user:action:pattern`, with the name of an action or the word of a request, such as `delete-version`. All three are
    /// patterns (`*` any run, `?` one character); a group is written `group/NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        let of_action = || {
            let (user, rest) = text.split_once(":s3:")?;
            let (action, pattern) = rest.split_once(':').filter(|(action, _)| !action.is_empty())?;
            Some((user, format!("s3:{action}"), pattern))
        };
        let of_request = |kind: &RequestKind| {
            let (user, pattern) = text.split_once(&format!(":{}:", kind.word()))?;
            Some((user, kind.word().to_owned(), pattern))
        };
        match of_action().or_else(|| RequestKind::ALL.iter().find_map(of_request)) {
            Some((user, action, pattern)) if ![user, pattern].contains(&"") => {
                let bare = pattern.strip_prefix(ARN).unwrap_or(pattern);
                let principal = user.parse().map_err(|problem| format!("the user in `{text}` {problem}"))?;
                Ok(Self { principal, action, pattern: format!("{ARN}{bare}") })
            }
            Some(_) | None => Err(format!(
                "`{text}` is not `user:action:pattern`, such as `bob:s3:PutObject:logs/*` or `bob:delete-version:logs/*`"
            )),
        }
    }
}

impl fmt::Display for Exemption {
    /// As written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.pattern.strip_prefix(ARN).unwrap_or(&self.pattern);
        write!(f, "{}:{}:{bare}", self.principal, self.action)
    }
}

impl Exemption {
    /// Whether it covers all of this access of a user or group. A pattern of users matches no group.
    pub fn covers(&self, principal: &Principal, actions: &[String], pattern: &str) -> bool {
        let is_of_groups = self.principal.as_str().starts_with(Principal::GROUP);
        is_of_groups == principal.group().is_some()
            && self.principal.matches(&principal.label())
            && self.covers_access(actions, pattern)
    }

    /// Whether it covers all of this access of requests without a login. The principal is written `@anonymous`: a pattern of users
    /// matches nobody without a login.
    pub fn covers_anonymous(&self, actions: &[String], pattern: &str) -> bool {
        self.principal.as_str() == Holder::ANONYMOUS && self.covers_access(actions, pattern)
    }

    /// Whether it covers all of this access through a policy, for users that the cluster does not report. The principal is
    /// written `policy/NAME`.
    pub fn covers_policy(&self, policy: &PolicyName, actions: &[String], pattern: &str) -> bool {
        self.principal.as_str().starts_with("policy/")
            && self.principal.matches(&format!("policy/{policy}"))
            && self.covers_access(actions, pattern)
    }

    fn covers_access(&self, actions: &[String], pattern: &str) -> bool {
        actions.iter().all(|action| pattern_covers(&self.action, action)) && pattern_covers(&self.pattern, pattern)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_a_number_or_at_most_100_percent() {
        let parse = |text: &str| text.parse::<Limit>();
        assert_eq!(parse("0"), Ok(Limit::Number(0)));
        assert_eq!(parse("12"), Ok(Limit::Number(12)));
        assert_eq!(parse("0%"), Ok(Limit::Percent(0)));
        assert_eq!(parse("100%"), Ok(Limit::Percent(100)));
        for text in ["", "%", "ten", "-1", "+1", "1.5", "2.5%", "10 %", " 10%", "99999999999999999999999"] {
            assert!(parse(text).unwrap_err().contains("neither a number"), "{text:?}");
        }
        for text in ["101%", "256%", "1000%"] {
            assert_eq!(parse(text), Err(format!("`{text}` is more than 100%")), "{text:?}");
        }
    }

    #[test]
    fn one_of_a_few_is_more_than_a_tenth_of_them() {
        let tenth = Limit::Percent(10);
        assert!(tenth.is_exceeded_by(1, 5) && tenth.is_exceeded_by(1, 9));
        assert!(!tenth.is_exceeded_by(1, 10) && !tenth.is_exceeded_by(1, 19) && tenth.is_exceeded_by(2, 19));
        assert!(!tenth.is_exceeded_by(0, 0) && tenth.is_exceeded_by(1, 0));
        assert_eq!(tenth.of(19), "10% of 19, which is 1,");
    }

    proptest! {
        #[test]
        fn a_percentage_is_exact(percent in 0..=100_u8, all in 0..400_usize, count in 0..400_usize) {
            let most = (0..=all).take_while(|some| some * 100 <= usize::from(percent) * all).count() - 1;
            prop_assert_eq!(Limit::Percent(percent).is_exceeded_by(count, all), count > most);
            prop_assert_eq!(Limit::Number(most).is_exceeded_by(count, all), count > most);
        }

        #[test]
        fn a_higher_limit_is_never_exceeded_by_less(low in 0..=100_u8, more in 0..=100_u8, count: usize, all: usize) {
            let high = low.saturating_add(more).min(100);
            let exceeded = |percent: u8| Limit::Percent(percent).is_exceeded_by(count, all);
            prop_assert!(exceeded(low) || !exceeded(high));
        }

        #[test]
        fn limits_are_displayed_as_they_are_read(limit in prop_oneof![any::<usize>().prop_map(Limit::Number), (0..=100_u8).prop_map(Limit::Percent)]) {
            prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }

    #[test]
    fn an_exemption_covers_only_its_access() {
        let exemption: Exemption = "bob:s3:Put*:logs/*".parse().unwrap();
        let covers = |user: &str, action: &str, pattern: &str| {
            exemption.covers(&Principal::User(UserName::reported(user)), &[action.to_owned()], pattern)
        };
        assert!(covers("bob", "s3:PutObject", "arn:aws:s3:::logs/x/*"));
        assert!(!covers("bobby", "s3:PutObject", "arn:aws:s3:::logs/x/*"));
        assert!(!covers("bob", "s3:*", "arn:aws:s3:::logs/x"));
        assert!(!covers("bob", "s3:PutObject", "arn:aws:s3:::logs*"));
        let group = Principal::Group(GroupName::reported("bob"));
        let covers_group = |text: &str| {
            text.parse::<Exemption>().unwrap().covers(&group, &["s3:PutObject".to_owned()], "arn:aws:s3:::logs/x")
        };
        assert_eq!(exemption.to_string(), "bob:s3:Put*:logs/*");
        assert!(covers_group("group/b*:s3:Put*:logs/*"));
        assert!(!covers_group("bob:s3:Put*:logs/*") && !covers_group("*:s3:*:*"));
    }

    #[test]
    fn a_text_with_a_part_missing_is_no_exemption() {
        for text in ["bob", "bob:s3:PutObject", ":s3:PutObject:x", "bob:s3::x", "bob:iam:Get:x"] {
            assert!(text.parse::<Exemption>().is_err(), "{text}");
        }
    }

    #[test]
    fn overrides_are_displayed_as_they_are_read() {
        for text in [
            "max_removals=12",
            "max_detached=5%",
            "protected_users=bob",
            "protected_groups=ml",
            "protected_policies=a=b c",
            "max_buckets_closed=1",
            "protected_buckets=data",
            "deny_public=data",
            "expect=nobody reads",
            "envelope=teams/ml.toml",
        ] {
            assert_eq!(text.parse::<Override>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_error_of_an_override_lists_the_guards() {
        for text in ["", "max_removals", "max_removal=3", "deny_new_access=false"] {
            let error = text.parse::<Override>().unwrap_err().to_string();
            assert!(error.contains("max_removals=LIMIT") && error.contains("protected_policies=NAME"), "{error}");
        }
        for text in
            ["max_removals=", "max_removals=ten", "max_detached=101%", "protected_users=", "protected_policies=a/b"]
        {
            assert!(text.parse::<Override>().is_err(), "{text}");
        }
    }
}
