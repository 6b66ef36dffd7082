//! Differences as a person reads them: a few lines for many actions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::Wildcards;
use super::describe::{Description, Exception};
use super::findings::{Example, Examples, GroupFindings};
use super::rules::Rules;

/// A set of requests that only one of two documents allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLine {
    /// The actions. A wildcard means only actions of the catalogue that the line is about.
    pub actions: Vec<String>,
    /// The same in words, if they are all of a kind.
    pub in_words: Option<String>,
    /// The resources, as a pattern of one of the documents.
    pub pattern: String,
    /// The requests of the pattern that are no part of the line.
    pub except: Vec<Exception>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<String>,
    /// The only rules with this difference. Empty if the leading rules have it.
    pub rules: Vec<Rules>,
    /// The cause of the difference.
    pub cause: Cause,
    /// An example request.
    pub witness: Witness,
}

/// The statement that causes a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An Allow that the other document does not have. The line means all resources of its pattern.
    Allow,
    /// A Deny that only the other document has. Gained access was already allowed and is no longer denied; lost access
    /// is still allowed and now denied.
    Deny {
        /// The resources of the Deny. The line means only resources of its pattern that are also in this one.
        pattern: String,
    },
}

/// An example request that only one of two documents allows, with a short resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The action.
    pub action: String,
    /// The resource as an ARN. For an action without a bucket it is `*` or `arn:aws:s3:::*`.
    pub resource: String,
    /// The conditions that must hold or not hold. All other conditions of the documents do not hold.
    pub conditions: Vec<String>,
}

/// A possible difference, which counts as a difference: its actions or resources are unknown, or the search was too
/// long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// The direction.
    pub side: Side,
    /// The actions, as in [`AccessLine`].
    pub actions: Vec<String>,
    /// The resources that can have a difference.
    pub pattern: String,
    /// The only rules with this possible difference. Empty if the leading rules have it.
    pub rules: Vec<Rules>,
}

/// The direction of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The document after gives what that before does not.
    Gained,
    /// The document before gives what that after does not.
    Lost,
}

impl Side {
    /// The other direction.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Gained => Self::Lost,
            Self::Lost => Self::Gained,
        }
    }
}

/// Examples, and the rules that alone have them.
type OfRules<'a> = (Examples<'a>, Vec<Rules>);

/// All lines: those of the leading rules, ordered by pattern and content; then those that only other rules have.
pub(super) fn lines(all_findings: &GroupFindings<'_>, wildcards: &Wildcards<'_>) -> Vec<AccessLine> {
    let Some(((leading, first), others)) = all_findings.split_first() else { return Vec::new() };
    let line = |description: &Description, examples: &Examples<'_>, rules: Vec<Rules>| {
        let (action, example) = best(examples)?;
        Some(AccessLine {
            actions: wildcards.shorten(&examples.keys().copied().collect()),
            in_words: wildcards.in_words(&examples.keys().copied().collect()),
            pattern: description.pattern.to_string(),
            except: described_exceptions(description),
            conditions: description.conditions.iter().map(ToString::to_string).collect(),
            rules,
            cause: description.deny.as_ref().map_or(Cause::Allow, |deny| Cause::Deny { pattern: deny.to_string() }),
            witness: Witness {
                action: (*action).to_owned(),
                resource: example.resource.clone(),
                conditions: example.conditions.iter().map(ToString::to_string).collect(),
            },
        })
    };
    let mut lines: Vec<_> =
        first.found.iter().filter_map(|(description, examples)| line(description, examples, Vec::new())).collect();
    let mut only: BTreeMap<(&Description, Vec<&str>), OfRules<'_>> = BTreeMap::new();
    for (group, findings) in others {
        let readings = [leading, group].map(|rules| rules.first().copied().unwrap_or(Rules::MINIO_2021));
        for (description, examples) in &findings.found {
            let same = first.found.get(description);
            let is_new = |action: &str| {
                !same.is_some_and(|actions| actions.contains_key(action))
                    && !first.found.iter().any(|(wide, actions)| {
                        actions.get(action).is_some_and(|example| wide.covers(description, example.space, readings))
                    })
            };
            let new: Examples<'_> =
                examples.iter().filter(|(action, _)| is_new(action)).map(|(a, e)| (*a, Rc::clone(e))).collect();
            let key = (description, new.keys().copied().collect());
            only.entry(key).or_insert_with(|| (new, Vec::new())).1.extend(group);
        }
    }
    lines.extend(
        only.into_iter().filter_map(|((description, _), (examples, rules))| line(description, &examples, rules)),
    );
    lines
}

/// The most readable example: of a well-known action, and with a short resource.
fn best<'e, 'a>(examples: &'e Examples<'a>) -> Option<(&'e &'a str, &'e Rc<Example>)> {
    const KNOWN: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"];
    examples.iter().min_by_key(|(action, example)| {
        let place = KNOWN.iter().position(|known| known == *action).unwrap_or(KNOWN.len());
        (place, example.resource.len(), **action, example.resource.as_str())
    })
}

/// Those about some resources come first.
pub(super) fn described_exceptions(description: &Description) -> Vec<Exception> {
    let mut except: Vec<_> = description.except.iter().cloned().collect();
    except.sort_by_key(|exception| exception.resources.is_none());
    except
}

/// The undecided differences, ordered by pattern: those of the leading rules, then those that only other rules have.
pub(super) fn undecided(all_findings: &GroupFindings<'_>, side: Side, wildcards: &Wildcards<'_>) -> Vec<Undecided> {
    let mut all = Vec::new();
    let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (index, (group, findings)) in all_findings.iter().enumerate() {
        for (pattern, actions) in &findings.undecided {
            let known = told.entry(pattern).or_default();
            let new: BTreeSet<_> = actions.difference(known).copied().collect();
            if !new.is_empty() {
                let rules = if index == 0 { Vec::new() } else { group.clone() };
                all.push(Undecided { side, actions: wildcards.shorten(&new), pattern: pattern.to_string(), rules });
                known.extend(new);
            }
        }
    }
    all
}
