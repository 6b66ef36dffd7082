//! New access that was agreed to for one run.

use crate::base::UserName;
use crate::policy::access::pattern_covers;

/// New access that was agreed to: for these users, these actions, on these resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    user: String,
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

    /// Reads `user:action:pattern`; all three are patterns (`*` any run, `?` one character).
    fn from_str(text: &str) -> Result<Self, NoExemption> {
        let parts = text.split_once(":s3:").and_then(|(user, rest)| Some((user, rest.split_once(':')?)));
        match parts {
            Some((user, (action, pattern))) if ![user, action, pattern].contains(&"") => {
                let bare = pattern.strip_prefix(ARN).unwrap_or(pattern);
                Ok(Self { user: user.to_owned(), action: format!("s3:{action}"), pattern: format!("{ARN}{bare}") })
            }
            Some(_) | None => Err(NoExemption(text.to_owned())),
        }
    }
}

impl Exemption {
    /// Whether all of this access of this user was agreed to.
    #[must_use]
    pub fn covers(&self, user: &UserName, actions: &[String], pattern: &str) -> bool {
        pattern_covers(&self.user, user.as_str())
            && actions.iter().all(|action| pattern_covers(&self.action, action))
            && pattern_covers(&self.pattern, pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemption_covers_what_it_says_and_no_more() {
        let exemption: Exemption = "bob:s3:Put*:logs/*".parse().unwrap();
        let covers = |user: &str, action: &str, pattern: &str| {
            exemption.covers(&UserName::reported(user), &[action.to_owned()], pattern)
        };
        assert!(covers("bob", "s3:PutObject", "arn:aws:s3:::logs/x/*"));
        assert!(!covers("bobby", "s3:PutObject", "arn:aws:s3:::logs/x/*"));
        assert!(!covers("bob", "s3:*", "arn:aws:s3:::logs/x"));
        assert!(!covers("bob", "s3:PutObject", "arn:aws:s3:::logs*"));
    }

    #[test]
    fn a_text_with_a_part_missing_is_no_exemption() {
        for text in ["bob", "bob:s3:PutObject", ":s3:PutObject:x", "bob:s3::x", "bob:iam:Get:x"] {
            assert!(text.parse::<Exemption>().is_err(), "{text}");
        }
    }
}
