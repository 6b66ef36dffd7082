//! What access a document gives, and what access one gives that another does not: exact, offline, and never wrongly
//! nothing.
//!
//! A request is an action, a resource, and an answer to each condition. What is found is a request that one document
//! allows and the other does not, or that there is none. Where a document leaves something open (conditions, variables
//! whose value is not known), both answers are taken as possible, so that more may be reported than there is. Where the
//! search is given up, it says so; and where a document names actions or resources that are not known (another service's,
//! `s3:*Acl`, a resource that is no ARN of S3), a difference is not decided, never nothing.

mod anchors;
mod atoms;
mod automaton;
mod class;
mod compare;
mod decide;
mod frontier;
mod glob;
mod hygiene;
mod lines;
mod pairs;
mod pattern;
mod placed;
mod report;
mod request;
mod search;
mod searches;
mod solve;
mod tally;
mod terms;
mod universe;
mod verbs;
mod views;
mod wording;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod unknown_tests;

pub use decide::{Decision, Ground, Verdict, decide};
pub use hygiene::{dead_denies, grants_nothing, never_grants, redundant_statements};
pub use lines::{Cause, Line, Side, Undecided, Witness};
pub use report::{Answer, Holder, Report};
pub use request::{Request, RequestProblem};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Catalogue, Document, Statement};
use crate::base::{Principal, UserName};
use compare::compare;
use lines::Tallies;
use verbs::{Wildcards, verbs};

/// Whose rules a document is evaluated by. WEKA does not publish which its servers follow; its S3 shows signs of MinIO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// AWS's, as its user guide has them.
    Aws,
    /// Those of servers of MinIO's line: a bucket as a whole is `bucket/`, so that `bucket/*` covers it.
    Minio,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Aws, Self::Minio];
}

/// What a document is read by.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The actions there are.
    pub catalogue: &'a Catalogue,
    /// Whose rules apply; both when not known, and then a difference under either is one.
    pub profile: Option<Profile>,
    /// The user that `${aws:username}` stands for. Without one, it may stand for anything.
    pub user: Option<&'a str>,
    /// How many states one search may look at before it gives up, and half of what all searches of a comparison may.
    pub state_cap: usize,
}

/// Enough for every document of 2048 bytes that a person would write, and a fraction of a second.
pub const STATE_CAP: usize = 50_000;

impl<'a> Context<'a> {
    /// Both profiles, no user, the usual cap.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, profile: None, user: None, state_cap: STATE_CAP }
    }

    /// The same, for a user.
    #[must_use]
    pub fn with_user<'b>(self, user: &'b str) -> Context<'b>
    where
        'a: 'b,
    {
        Context { user: Some(user), ..self }
    }

    /// The same, for a user or a group: in a group's document a variable stands for the name of any member.
    #[must_use]
    pub fn with<'b>(self, principal: &'b Principal) -> Context<'b>
    where
        'a: 'b,
    {
        Context { user: principal.user().map(UserName::as_str), ..self }
    }
}

/// What access one document gives or takes compared with another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// What the document after gives and that before does not.
    pub gained: Vec<Line>,
    /// What the document before gives and that after does not.
    pub lost: Vec<Line>,
    /// What was not decided: to be taken as gained, or lost.
    pub undecided: Vec<Undecided>,
}

impl Access {
    /// Whether it is certain that nothing is gained.
    #[must_use]
    pub fn gains_nothing(&self) -> bool {
        self.gained.is_empty() && !self.undecided.iter().any(|open| open.side == Side::Gained)
    }

    /// Whether it is certain that nothing is lost.
    #[must_use]
    pub fn loses_nothing(&self) -> bool {
        self.lost.is_empty() && !self.undecided.iter().any(|open| open.side == Side::Lost)
    }
}

/// What access `after` gives or takes compared with `before`. `None` is no policy, which is no access.
#[must_use]
pub fn difference(before: Option<&Document>, after: Option<&Document>, context: &Context<'_>) -> Access {
    let wildcards = Wildcards::new(context.catalogue);
    let verbs = verbs(context.catalogue, before.into_iter().chain(after));
    let found = compare(before, after, &[Side::Gained, Side::Lost], &verbs, context);
    let lines = |side| found.get(&side).map_or(Vec::new(), |found| lines::lines(found, &wildcards));
    let undecided = |(side, found): (&Side, &Tallies<'_>)| lines::undecided(found, *side, &wildcards);
    let (gained, lost) = (lines(Side::Gained), lines(Side::Lost));
    Access { gained, lost, undecided: found.iter().flat_map(undecided).collect() }
}

/// What `after` gives that `before` does not: half of a difference, for half the time. `lost` stays empty.
#[must_use]
pub fn gains(before: Option<&Document>, after: Option<&Document>, context: &Context<'_>) -> Access {
    let wildcards = Wildcards::new(context.catalogue);
    let verbs = verbs(context.catalogue, before.into_iter().chain(after));
    let found = compare(before, after, &[Side::Gained], &verbs, context);
    let gained = found.values().flat_map(|found| lines::lines(found, &wildcards)).collect();
    let undecided = found.values().flat_map(|found| lines::undecided(found, Side::Gained, &wildcards)).collect();
    Access { gained, lost: Vec::new(), undecided }
}

/// What a document allows.
#[must_use]
pub fn summary(document: &Document, context: &Context<'_>) -> Access {
    difference(None, Some(document), context)
}

/// Whether it is certain that `narrow` allows nothing that `wide` does not.
#[must_use]
pub fn includes(wide: &Document, narrow: &Document, context: &Context<'_>) -> bool {
    let verbs = verbs(context.catalogue, [wide, narrow]);
    let gained = compare(Some(wide), Some(narrow), &[Side::Gained], &verbs, context);
    gained.values().flatten().all(|(_, tally)| tally.found.is_empty() && tally.undecided.is_empty())
}

/// Whether the texts that `narrow` matches are all matched by `wide`, both patterns of `*` and `?`.
#[must_use]
pub fn pattern_covers(wide: &str, narrow: &str) -> bool {
    glob::Glob::parse(wide).subsumes(&glob::Glob::parse(narrow))
}

/// Whether there is a text that both match, both patterns of `*` and `?`.
#[must_use]
pub fn patterns_overlap(one: &str, other: &str) -> bool {
    glob::Glob::parse(one).overlaps(&glob::Glob::parse(other))
}

/// Whether a document may mean something else for each user, so that it is to be looked at user by user.
#[must_use]
pub fn depends_on_user(document: &Document) -> bool {
    let values = |statement: &Statement| {
        let conditions = statement.conditions.iter().flat_map(|clause| &clause.values);
        statement.resources.patterns.iter().chain(conditions).any(|text| text.contains("${"))
    };
    document.statements.iter().any(values)
}

/// Whether it is certain that two documents allow the same.
#[must_use]
pub fn same_access(one: &Document, another: &Document, context: &Context<'_>) -> bool {
    includes(one, another, context) && includes(another, one, context)
}
