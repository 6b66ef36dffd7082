//! Who a statement of a bucket policy is about.

use std::collections::BTreeSet;

use super::json::{self, Json};
use crate::base::BucketName;

/// The members of a statement that say who it is about.
pub(super) const PRINCIPALS: [&str; 2] = ["Principal", "NotPrincipal"];

/// Who a statement of a bucket policy is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principals {
    /// Those of a `Principal`.
    Named(Named),
    /// Everyone but those of a `NotPrincipal`.
    AllBut(Named),
    /// The policy of a bucket is not known, or servers read it differently: this text says which one it is.
    Unknown {
        /// The bucket.
        bucket: BucketName,
        /// The text. With the same text, the policy is the same.
        text: String,
        /// Whether the statement stands for what it denies, not for what it allows.
        denies: bool,
    },
}

/// The entries of a `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Named {
    /// The member as minified JSON, in one spelling.
    json: String,
    /// Whether everyone is among them, also without a login.
    everyone: bool,
    /// Whether an entry may mean everyone: servers read it differently.
    perhaps_everyone: bool,
    /// The names of users.
    users: BTreeSet<String>,
    /// Whether there are others who may be users: accounts, roles, patterns.
    others: bool,
}

/// Whether a statement is about a requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IsAbout {
    Yes,
    No,
    /// It cannot be told.
    Perhaps,
}

impl Principals {
    /// The name and the JSON of the member, if there is one.
    pub fn member(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Named(named) => Some(("Principal", &named.json)),
            Self::AllBut(named) => Some(("NotPrincipal", &named.json)),
            Self::Unknown { .. } => None,
        }
    }

    /// Whether it is about requests without a login.
    pub(super) fn about_anonymous(&self) -> IsAbout {
        match self {
            Self::Named(named) if named.everyone => IsAbout::Yes,
            Self::Named(named) if !named.perhaps_everyone => IsAbout::No,
            // By the AWS user guide, it never leaves them out alone. MinIO servers refuse it.
            Self::AllBut(named) if named.everyone => IsAbout::No,
            Self::AllBut(named) if !named.perhaps_everyone => IsAbout::Yes,
            Self::Named(_) | Self::AllBut(_) | Self::Unknown { .. } => IsAbout::Perhaps,
        }
    }

    /// Whether it is about the requests of a user, with its own keys or perhaps with others, or of anyone with a login.
    pub(super) fn about_user(&self, user: Option<(&str, bool)>) -> IsAbout {
        let Self::Named(named) = self else { return IsAbout::Perhaps };
        let is_named = user.map(|(user, has_own_keys)| (named.users.contains(user), has_own_keys));
        match is_named {
            _ if named.everyone => IsAbout::Yes,
            Some((true, true)) => IsAbout::Yes,
            _ if named.perhaps_everyone || named.others => IsAbout::Perhaps,
            Some((false, _)) => IsAbout::No,
            None if named.users.is_empty() => IsAbout::No,
            Some((true, false)) | None => IsAbout::Perhaps,
        }
    }

    /// Whether it cannot be told whether it is about requests without a login.
    pub fn may_be_anonymous(&self) -> bool {
        self.about_anonymous() == IsAbout::Perhaps
    }

    /// Whether it can depend on the user.
    pub(super) fn depends_on_user(&self) -> bool {
        match self {
            Self::Named(named) => !named.everyone,
            Self::AllBut(_) => true,
            Self::Unknown { .. } => false,
        }
    }
}

impl Named {
    /// Whether it cannot be told whether everyone is among them.
    pub(super) fn may_be_everyone(&self) -> bool {
        self.perhaps_everyone && !self.everyone
    }

    /// Reads the JSON of a member in its normal form.
    pub(super) fn parse(json: &str) -> Self {
        let mut named = Self { json: json.to_owned(), ..Self::default() };
        match json::parse(json).map(|node| node.value) {
            Ok(Json::String(all)) if all == "*" => named.everyone = true,
            Ok(Json::Object(pairs)) => {
                for pair in &pairs {
                    let is_aws = pair.name == "AWS";
                    pair.value.list().iter().for_each(|entry| named.add(&entry.value, is_aws));
                }
            }
            Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
                (named.perhaps_everyone, named.others) = (true, true);
            }
        }
        named
    }

    /// Adds an entry of the member `AWS`, or of another one.
    fn add(&mut self, entry: &Json, is_aws: bool) {
        let Json::String(entry) = entry else {
            (self.perhaps_everyone, self.others) = (true, true);
            return;
        };
        // MinIO servers compare the entry as a pattern with the name of the requester, which is empty without a login.
        let is_wild = entry.chars().all(|letter| matches!(letter, '*' | '?'));
        match user_of(entry) {
            _ if is_aws && entry == "*" => self.everyone = true,
            _ if is_wild => (self.perhaps_everyone, self.others) = (true, true),
            Some(user) if is_aws => _ = self.users.insert(user.to_owned()),
            Some(_) | None => self.others = true,
        }
    }
}

/// The name of the user that an entry means: `alice`, or `arn:aws:iam::123456789012:user/alice`. `None` if it may mean others.
fn user_of(entry: &str) -> Option<&str> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    // Keys and IDs of principals are such texts.
    let is_id =
        |text: &str| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if entry.contains(['*', '?', '$']) {
        return None;
    }
    match entry.strip_prefix("arn:aws:iam::") {
        Some(rest) => {
            let (account, path) = rest.split_once(":user/")?;
            let name = path.rsplit('/').next()?;
            ((account.is_empty() || is_account(account)) && !name.is_empty() && !name.contains(':')).then_some(name)
        }
        None => (!entry.contains([':', '/']) && !is_account(entry) && !is_id(entry)).then_some(entry),
    }
}
