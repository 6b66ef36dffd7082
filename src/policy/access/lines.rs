//! Differences as a person reads them: the findings of the profiles put together, few lines for many actions.

use std::collections::{BTreeMap, BTreeSet};

use super::Profile;
use super::tally::{Cover, Tally};
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

/// A pattern for which the search was given up: it may give access, and is to be taken as if it did.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The document after gives what that before does not.
    Gained,
    /// The document before gives what that after does not.
    Lost,
}

/// The findings of each profile looked at.
pub(super) type Tallies = [(Profile, Tally)];

/// All lines, in order of pattern and of what they say.
pub(super) fn lines(tallies: &Tallies, wildcards: &Wildcards) -> Vec<Line> {
    let covers: BTreeSet<&Cover> = tallies.iter().flat_map(|(_, tally)| tally.found.keys()).collect();
    covers.into_iter().flat_map(|cover| lines_of(cover, tallies, wildcards)).collect()
}

fn lines_of(cover: &Cover, tallies: &Tallies, wildcards: &Wildcards) -> Vec<Line> {
    let found = tallies.iter().map(|(profile, tally)| (*profile, tally.found.get(cover)));
    let found: Vec<_> = found.map(|(profile, found)| (profile, found.cloned().unwrap_or_default())).collect();
    let shares = shares(&found, |actions| actions.keys().cloned().collect());
    let line = |(profile, actions): (Option<Profile>, BTreeSet<String>)| {
        let witnesses = found.iter().flat_map(|(_, witnesses)| witnesses.values());
        let witness = witnesses.filter(|witness| actions.contains(&witness.action)).min_by_key(|w| telling(w))?;
        Some(Line {
            actions: wildcards.shorten(&actions),
            pattern: cover.pattern.clone(),
            except: cover.except.iter().cloned().collect(),
            conditions: cover.conditions.iter().cloned().collect(),
            profile,
            cause: cover.cause.clone(),
            witness: witness.clone(),
        })
    };
    shares.into_iter().filter_map(line).collect()
}

/// What was not decided, in order of pattern.
pub(super) fn undecided(tallies: &Tallies, side: Side, wildcards: &Wildcards) -> Vec<Undecided> {
    let patterns: BTreeSet<&String> = tallies.iter().flat_map(|(_, tally)| tally.undecided.keys()).collect();
    let of_pattern = |pattern: &String| {
        let open = tallies.iter().map(|(profile, tally)| (*profile, tally.undecided.get(pattern)));
        let open: Vec<_> = open.map(|(profile, actions)| (profile, actions.cloned().unwrap_or_default())).collect();
        let shares = shares(&open, BTreeSet::clone).into_iter();
        let entry = |(profile, actions)| (profile, wildcards.shorten(&actions), pattern.clone());
        shares.map(entry).collect::<Vec<_>>()
    };
    let all = patterns.into_iter().flat_map(of_pattern);
    all.map(|(profile, actions, pattern)| Undecided { side, actions, pattern, profile }).collect()
}

/// The actions that all profiles have, and for each profile those that only it has.
fn shares<T>(
    by_profile: &[(Profile, T)],
    actions: impl Fn(&T) -> BTreeSet<String>,
) -> Vec<(Option<Profile>, BTreeSet<String>)> {
    let mut holders: BTreeMap<String, Vec<Profile>> = BTreeMap::new();
    for (profile, found) in by_profile {
        for action in actions(found) {
            holders.entry(action).or_default().push(*profile);
        }
    }
    let mut shares: BTreeMap<Option<Profile>, BTreeSet<String>> = BTreeMap::new();
    for (action, holders) in holders {
        let only = holders.first().copied().filter(|_| holders.len() < by_profile.len());
        shares.entry(only).or_default().insert(action);
    }
    shares.into_iter().collect()
}

/// Sorts the example that tells most first: what everybody knows, then what is short.
fn telling(witness: &Witness) -> (usize, usize, &str, &str) {
    const KNOWN: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"];
    let place = KNOWN.iter().position(|known| *known == witness.action).unwrap_or(KNOWN.len());
    (place, witness.resource.len(), &witness.action, &witness.resource)
}
