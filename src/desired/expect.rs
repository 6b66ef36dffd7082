//! `[[expect]]`: promises about who can do what.

use std::fmt;

use crate::base::{Location, NamePatterns, PolicyName, Principal};
use crate::policy::Document;
use crate::policy::access::RequestSet;

/// A promise about who can do what. It is about everything that the access engine can decide: all keys, all conditions.
#[derive(Debug, Clone)]
#[must_use]
pub struct Expectation {
    /// Its name; without one, what it says.
    pub name: String,
    /// Why it is there, if the configuration says so.
    pub reason: Option<String>,
    /// Whom it is about.
    pub who: Who,
    /// What they can or cannot do.
    pub demand: Demand,
    /// Whether a plan that does not make it worse is refused as well, if it fails already.
    pub strict: bool,
    /// What it says, in words.
    pub text: String,
    /// Its place.
    pub at: Option<Location>,
}

/// Whom an expectation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// One user or group.
    One(Principal),
    /// All users, groups and roles that a pattern matches, and requests without a login, but no exception.
    Matching(Box<HolderPatterns>),
}

/// What an expectation demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// All of this is allowed, without any condition.
    Can(RequestSet),
    /// None of this is allowed, under any condition.
    Cannot(RequestSet),
    /// Nothing is allowed but what this document allows.
    Only(Document),
}

/// Patterns of users, groups and roles, with exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HolderPatterns {
    pub(super) users: NamePatterns,
    pub(super) groups: NamePatterns,
    pub(super) roles: NamePatterns,
    pub(super) except_users: NamePatterns,
    pub(super) except_groups: NamePatterns,
    pub(super) except_roles: NamePatterns,
    /// Whether it is about requests without a login.
    pub(super) anonymous: bool,
    pub(super) except_anonymous: bool,
    /// Whether these are named, not only a part of everyone.
    pub(super) names_anonymous: bool,
}

impl HolderPatterns {
    /// Whether a user or group matches.
    fn covers(&self, principal: &Principal) -> bool {
        let (patterns, except) = match principal {
            Principal::User(_) => (&self.users, &self.except_users),
            Principal::Group(_) => (&self.groups, &self.except_groups),
        };
        patterns.matches(principal.name()) && !except.matches(principal.name())
    }
}

impl Who {
    fn patterns(&self) -> Option<&HolderPatterns> {
        if let Self::Matching(patterns) = self { Some(patterns) } else { None }
    }

    /// Whether it is about requests without a login.
    #[must_use]
    pub fn covers_anonymous(&self) -> bool {
        self.patterns().is_some_and(|patterns| patterns.anonymous && !patterns.except_anonymous)
    }

    /// The same, and it names them.
    #[must_use]
    pub fn names_anonymous(&self) -> bool {
        self.patterns().is_some_and(|patterns| patterns.names_anonymous)
    }

    /// Whether it is about this user or group.
    #[must_use]
    pub fn covers(&self, principal: &Principal) -> bool {
        match self {
            Self::One(one) => one == principal,
            Self::Matching(patterns) => patterns.covers(principal),
        }
    }

    /// Whether it is about users.
    #[must_use]
    pub fn has_users(&self) -> bool {
        match self {
            Self::One(principal) => principal.user().is_some(),
            Self::Matching(patterns) => !patterns.users.is_empty(),
        }
    }

    /// Whether it is about groups.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        match self {
            Self::One(principal) => principal.group().is_some(),
            Self::Matching(patterns) => !patterns.groups.is_empty(),
        }
    }

    /// Whether it is about everyone with a role.
    #[must_use]
    pub fn covers_role(&self, role: &PolicyName) -> bool {
        let covers = |of: &HolderPatterns| of.roles.matches(role.as_str()) && !of.except_roles.matches(role.as_str());
        self.patterns().is_some_and(covers)
    }
}

/// The expectations of a proposal, and those of its base that it does not have: removed and changed ones.
pub(super) fn of_both(proposal: Vec<Expectation>, base: &[Expectation]) -> Vec<Expectation> {
    let is_gone = |expectation: &&Expectation| !proposal.iter().any(|known| known.demands_like(expectation));
    let gone = base.iter().filter(is_gone).map(|expectation| {
        let is_changed = proposal.iter().any(|other| other.name == expectation.name);
        let more = if is_changed { " (base)" } else { "" };
        // Its place is in another revision.
        Expectation { name: format!("{expectation}{more}"), at: None, ..expectation.clone() }
    });
    let gone: Vec<Expectation> = gone.collect();
    proposal.into_iter().chain(gone).collect()
}

impl Expectation {
    /// Whether the other one demands the same, whatever its name and reason are.
    pub fn demands_like(&self, other: &Self) -> bool {
        (&self.who, &self.demand, self.strict) == (&other.who, &other.demand, other.strict)
    }

    pub(super) fn named(&self) -> (&str, &Option<Location>, &'static str) {
        let help = if self.name == self.text { "remove one of the two" } else { "rename one of the two" };
        (&self.name, &self.at, help)
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
