//! Differences as a person reads them: the findings of the profiles put together, few lines for many actions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Profile;
use super::tally::{Cover, Example, Tally};
use super::verbs::Wildcards;

/// A set of requests by which two documents differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The actions, in few words: a wildcard stands for just those actions of the catalogue that the line is about.
    pub actions: Vec<String>,
    /// The resources, as a pattern of one of the documents.
    pub pattern: String,
    /// What is taken out of them: a pattern, `everything but …`, or either with `when …` behind it.
    pub except: Vec<String>,
    /// The conditions under which this is so, all of them; none when it is always so.
    pub conditions: Vec<String>,
    /// The only profile in which this is so, when both were looked at and the other does not show it.
    pub profile: Option<Profile>,
    /// What makes the difference.
    pub cause: Cause,
    /// One of the requests.
    pub witness: Witness,
}

/// What makes a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An Allow that the other document does not have. All resources of the pattern are meant.
    Allow,
    /// A Deny that only the other document has: what is gained was allowed before as well, and no longer is denied;
    /// what is lost is still allowed, and now is denied.
    Deny {
        /// The resources the Deny is about; only those of the line's pattern that are among them are meant.
        pattern: String,
    },
}

/// A request by which two documents differ: as short as there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The action.
    pub action: String,
    /// The resource, as an ARN; `*` or `arn:aws:s3:::*` for an action on no bucket.
    pub resource: String,
    /// What else must hold or must not; a condition of the documents that is not named does not hold.
    pub conditions: Vec<String>,
}

/// A pattern that may give access, and is to be taken as if it did: the actions or the resources are not known, or the search
/// was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// Whether it would be gained or lost.
    pub side: Side,
    /// The actions, in few words.
    pub actions: Vec<String>,
    /// The resources within which a difference may be.
    pub pattern: String,
    /// The only profile in which this is so, when both were looked at.
    pub profile: Option<Profile>,
}

/// A direction of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The document after gives what that before does not.
    Gained,
    /// The document before gives what that after does not.
    Lost,
}

/// The findings of each profile looked at.
pub(super) type Tallies<'a> = Vec<(Profile, Tally<'a>)>;

/// All lines, in order of pattern and of what they say.
pub(super) fn lines(tallies: &[(Profile, Tally<'_>)], wildcards: &Wildcards<'_>) -> Vec<Line> {
    let covers: BTreeSet<&Cover> = tallies.iter().flat_map(|(_, tally)| tally.found.keys()).collect();
    covers.into_iter().flat_map(|cover| lines_of(cover, tallies, wildcards)).collect()
}

fn lines_of(cover: &Cover, tallies: &[(Profile, Tally<'_>)], wildcards: &Wildcards<'_>) -> Vec<Line> {
    let found: Vec<_> = tallies.iter().map(|(profile, tally)| (*profile, tally.found.get(cover))).collect();
    let shares = shares(&found, |found| found.into_iter().flat_map(|examples| examples.keys().copied()));
    let line = |(profile, actions): (Option<Profile>, BTreeSet<&str>)| {
        let examples = found.iter().filter_map(|(_, found)| *found).flatten();
        let fitting = examples.filter(|(action, _)| actions.contains(*action));
        let (action, example) = fitting.min_by_key(|(action, example)| telling(action, example))?;
        let conditions = example.conditions.iter().map(ToString::to_string).collect();
        Some(Line {
            actions: wildcards.shorten(&actions),
            pattern: cover.pattern.to_string(),
            except: cover.except.iter().map(ToString::to_string).collect(),
            conditions: cover.conditions.iter().map(ToString::to_string).collect(),
            profile,
            cause: cover.deny.as_ref().map_or(Cause::Allow, |deny| Cause::Deny { pattern: deny.to_string() }),
            witness: Witness { action: (*action).to_owned(), resource: example.resource.clone(), conditions },
        })
    };
    shares.into_iter().filter_map(line).collect()
}

/// What was not decided, in order of pattern.
pub(super) fn undecided(tallies: &[(Profile, Tally<'_>)], side: Side, wildcards: &Wildcards<'_>) -> Vec<Undecided> {
    let patterns: BTreeSet<_> = tallies.iter().flat_map(|(_, tally)| tally.undecided.keys()).collect();
    let of_pattern = |pattern: &Rc<str>| {
        let open = tallies.iter().map(|(profile, tally)| (*profile, tally.undecided.get(pattern)));
        let open: Vec<_> = open.collect();
        let shares =
            shares(&open, |open| open.into_iter().flat_map(|actions: &BTreeSet<&str>| actions.iter().copied()))
                .into_iter();
        let entry = |(profile, actions)| (profile, wildcards.shorten(&actions), pattern.to_string());
        shares.map(entry).collect::<Vec<_>>()
    };
    let all = patterns.into_iter().flat_map(of_pattern);
    all.map(|(profile, actions, pattern)| Undecided { side, actions, pattern, profile }).collect()
}

/// The actions that all profiles have, and for each profile those that only it has.
fn shares<'a, T, A: Iterator<Item = &'a str>>(
    by_profile: &[(Profile, Option<&'a T>)],
    actions: impl Fn(Option<&'a T>) -> A,
) -> Vec<(Option<Profile>, BTreeSet<&'a str>)> {
    let mut holders: BTreeMap<&str, Vec<Profile>> = BTreeMap::new();
    for (profile, found) in by_profile {
        for action in actions(*found) {
            holders.entry(action).or_default().push(*profile);
        }
    }
    let mut shares: BTreeMap<Option<Profile>, BTreeSet<&str>> = BTreeMap::new();
    for (action, holders) in holders {
        let only = holders.first().copied().filter(|_| holders.len() < by_profile.len());
        shares.entry(only).or_default().insert(action);
    }
    shares.into_iter().collect()
}

/// Sorts the example that tells most first: what everybody knows, then what is short.
fn telling<'a>(action: &'a str, example: &'a Example) -> (usize, usize, &'a str, &'a str) {
    const KNOWN: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"];
    let place = KNOWN.iter().position(|known| *known == action).unwrap_or(KNOWN.len());
    (place, example.resource.len(), action, &example.resource)
}
