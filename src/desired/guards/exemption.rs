//! New access that was agreed to for one run.

use crate::base::{PolicyName, Principal};
use crate::policy::access::pattern_covers;

/// New access that was agreed to: for these users or groups, these actions, on these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    who: String,
    action: String,
    pattern: String,
}

/// A text is no exemption.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `user:action:pattern`, such as `bob:s3:PutObject:logs/*`")]
pub struct NoExemption(String);

/// What every ARN of S3 begins with; it may be left out of an exemption's pattern.
const ARN: &str = "arn:aws:s3:::";

impl std::str::FromStr for Exemption {
    type Err = NoExemption;

    /// Reads `user:action:pattern`; all three are patterns (`*` any run, `?` one character). A group is written
    /// `group/NAME`.
    fn from_str(text: &str) -> Result<Self, NoExemption> {
        let parts = text.split_once(":s3:").and_then(|(user, rest)| Some((user, rest.split_once(':')?)));
        match parts {
            Some((user, (action, pattern))) if ![user, action, pattern].contains(&"") => {
                let bare = pattern.strip_prefix(ARN).unwrap_or(pattern);
                Ok(Self { who: user.to_owned(), action: format!("s3:{action}"), pattern: format!("{ARN}{bare}") })
            }
            Some(_) | None => Err(NoExemption(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Exemption {
    /// As it is written on the command line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bare = self.pattern.strip_prefix(ARN).unwrap_or(&self.pattern);
        write!(f, "{}:{}:{bare}", self.who, self.action)
    }
}

impl Exemption {
    /// Whether all of this access of this user or group was agreed to.
    #[must_use]
    pub fn covers(&self, principal: &Principal, actions: &[String], pattern: &str) -> bool {
        self.is_of(principal)
            && actions.iter().all(|action| pattern_covers(&self.action, action))
            && pattern_covers(&self.pattern, pattern)
    }

    /// Whether all of this access, by the name of a policy, of someone whom the cluster does not report was agreed to. It is
    /// written `policy/NAME`.
    #[must_use]
    pub fn covers_policy(&self, policy: &PolicyName, actions: &[String], pattern: &str) -> bool {
        self.who.strip_prefix("policy/").is_some_and(|who| pattern_covers(who, policy.as_str()))
            && actions.iter().all(|action| pattern_covers(&self.action, action))
            && pattern_covers(&self.pattern, pattern)
    }

    /// What is said of all users is not said of any group.
    fn is_of(&self, principal: &Principal) -> bool {
        match (self.who.strip_prefix("group/"), principal) {
            (Some(who), Principal::Group(group)) => pattern_covers(who, group.as_str()),
            (None, Principal::User(user)) => pattern_covers(&self.who, user.as_str()),
            (Some(_), Principal::User(_)) | (None, Principal::Group(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{GroupName, UserName};

    #[test]
    fn an_exemption_covers_what_it_says_and_no_more() {
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
}
