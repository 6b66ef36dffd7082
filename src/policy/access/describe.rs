//! Differences as a person reads them: a few lines for many actions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{ActionSet, Wildcards};
use super::conditions::{Atom, Atoms, Condition, Literal, split};
use super::patterns::Pattern;
use super::resources::ResourceSpace;
use super::rules::Rules;
use super::search::{SearchResult, maximal};
use super::terms::{Facts, Term};

/// A set of requests that only one of two documents allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLine {
    /// The actions. A wildcard means only actions of the catalogue that the line is about.
    pub actions: Vec<String>,
    /// The resources, as a pattern of one of the documents.
    pub pattern: String,
    /// The excluded resources: a pattern or `everything but …`, either perhaps with `when …`.
    pub except: Vec<String>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<String>,
    /// The only rules with this difference. Empty if all checked rules have it.
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
    /// The only rules with this possible difference. Empty if all checked rules have it.
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

/// What was found by groups of rules that evaluate alike.
pub(super) type GroupFindings<'a> = Vec<(Vec<Rules>, Findings<'a>)>;

/// All lines, ordered by pattern and content.
pub(super) fn lines(all_findings: &GroupFindings<'_>, wildcards: &Wildcards<'_>) -> Vec<AccessLine> {
    let mut lines = Vec::new();
    for description in all_findings.iter().flat_map(|(_, findings)| findings.found.keys()).collect::<BTreeSet<_>>() {
        let all: Vec<_> = all_findings
            .iter()
            .map(|(group, findings)| (group, findings.found.get(description).cloned().unwrap_or_default()))
            .collect();
        for (rules, actions) in shares(all.iter().map(|(group, examples)| (*group, examples.keys().copied()))) {
            let fitting = all.iter().flat_map(|(_, examples)| examples).filter(|(action, _)| actions.contains(*action));
            let Some((action, example)) = fitting.min_by_key(|(action, example)| example_order(action, example)) else {
                continue;
            };
            lines.push(AccessLine {
                actions: wildcards.shorten(&actions),
                pattern: description.pattern.to_string(),
                except: description.except.iter().map(ToString::to_string).collect(),
                conditions: description.conditions.iter().map(ToString::to_string).collect(),
                rules,
                cause: description.deny.as_ref().map_or(Cause::Allow, |deny| Cause::Deny { pattern: deny.to_string() }),
                witness: Witness {
                    action: (*action).to_owned(),
                    resource: example.resource.clone(),
                    conditions: example.conditions.iter().map(ToString::to_string).collect(),
                },
            });
        }
    }
    lines
}

/// The undecided differences, ordered by pattern.
pub(super) fn undecided(all_findings: &GroupFindings<'_>, side: Side, wildcards: &Wildcards<'_>) -> Vec<Undecided> {
    let patterns: BTreeSet<_> = all_findings.iter().flat_map(|(_, findings)| findings.undecided.keys()).collect();
    let of_pattern = |pattern: &Rc<str>| {
        let open = all_findings
            .iter()
            .map(|(group, findings)| (group, findings.undecided.get(pattern).into_iter().flatten().copied()));
        let entry = |(rules, actions)| {
            let (actions, pattern) = (wildcards.shorten(&actions), pattern.to_string());
            Undecided { side, actions, pattern, rules }
        };
        shares(open).into_iter().map(entry).collect::<Vec<_>>()
    };
    patterns.into_iter().flat_map(of_pattern).collect()
}

/// The actions by the only rules that have them: without rules those that all have.
fn shares<'a, 'r>(
    by_group: impl ExactSizeIterator<Item = (&'r Vec<Rules>, impl Iterator<Item = &'a str>)>,
) -> BTreeMap<Vec<Rules>, BTreeSet<&'a str>> {
    let count = by_group.len();
    let mut groups: BTreeMap<&str, Vec<&Vec<Rules>>> = BTreeMap::new();
    for (group, actions) in by_group {
        actions.for_each(|action| groups.entry(action).or_default().push(group));
    }
    let mut shares: BTreeMap<Vec<Rules>, BTreeSet<&str>> = BTreeMap::new();
    for (action, groups) in groups {
        let only = if groups.len() < count { groups.into_iter().flatten().copied().collect() } else { Vec::new() };
        shares.entry(only).or_default().insert(action);
    }
    shares
}

/// A sort key for examples: well-known actions first, then short resources.
fn example_order<'a>(action: &'a str, example: &'a Example) -> (usize, usize, &'a str, &'a str) {
    const KNOWN: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"];
    let place = KNOWN.iter().position(|known| *known == action).unwrap_or(KNOWN.len());
    (place, example.resource.len(), action, &example.resource)
}

/// The description of a difference without its actions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Description {
    pub(super) pattern: Rc<str>,
    pub(super) except: BTreeSet<Rc<str>>,
    pub(super) conditions: BTreeSet<Rc<str>>,
    /// The resources of the Deny that causes the difference. `None` if an Allow causes it.
    pub(super) deny: Option<Rc<str>>,
}

/// An example of a difference without its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The resource as a policy names it.
    pub(super) resource: String,
    pub(super) conditions: Vec<Rc<str>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Findings<'a> {
    /// For each description, its actions with examples.
    pub(super) found: BTreeMap<Description, BTreeMap<&'a str, Rc<Example>>>,
    /// For each pattern, the undecided actions.
    pub(super) undecided: BTreeMap<Rc<str>, BTreeSet<&'a str>>,
}

impl<'a> Findings<'a> {
    /// Adds the result of a search for a class of actions. A difference about unknown actions is undecided.
    pub(super) fn enter(
        &mut self,
        actions: &[&'a ActionSet],
        description: Description,
        answer: SearchResult,
        space: ResourceSpace,
        atoms: &Atoms,
    ) {
        let names = |known: bool| {
            actions
                .iter()
                .filter(move |action_set| action_set.known == known)
                .map(|action_set| action_set.name.as_str())
        };
        match answer {
            SearchResult::Nothing => {}
            SearchResult::Undecided => self.add_undecided(&description.pattern, names(true).chain(names(false))),
            SearchResult::Found(point) => {
                self.add_undecided(&description.pattern, names(false));
                if names(true).next().is_none() {
                    return;
                }
                let resource = space.written(&point.resource);
                let conditions = point.answers.iter().map(|answer| text(*answer, atoms)).collect();
                let example = Rc::new(Example { resource, conditions });
                let examples = self.found.entry(description).or_default();
                for action in names(true) {
                    examples.entry(action).or_insert_with(|| Rc::clone(&example));
                }
            }
        }
    }

    fn add_undecided(&mut self, pattern: &Rc<str>, actions: impl Iterator<Item = &'a str>) {
        let mut actions = actions.peekable();
        if actions.peek().is_some() {
            self.undecided.entry(Rc::clone(pattern)).or_default().extend(actions);
        }
    }

    /// Records that all unknown actions are undecided for all resources.
    pub(super) fn add_all_unknown(&mut self) {
        self.undecided.entry("*".into()).or_default().insert("*:*");
    }
}

/// The parts of a difference that its description needs.
#[derive(Debug, Clone)]
pub(super) struct Describer<'a> {
    pub(super) facts: Facts<'a>,
    /// The Allow term that gives the access.
    pub(super) candidate: &'a Term,
    /// The Deny term of the other document, if it causes the difference.
    pub(super) deny: Option<&'a Term>,
    /// The terms that must not apply.
    pub(super) none: &'a [&'a Term],
}

impl Describer<'_> {
    pub(super) fn description(&self) -> Description {
        let limits = || [Some(self.candidate), self.deny].into_iter().flatten();
        let given: Vec<_> = limits().flat_map(|term| &term.when).copied().collect();
        let narrowest = self.deny.filter(|deny| self.is_within(deny)).unwrap_or(self.candidate);
        let excluded = limits().flat_map(|term| &term.exclusions).map(|exclusion| Rc::clone(&exclusion.pattern.shown));
        let meets = |term: &&Term| {
            term.overlaps(&narrowest.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&term.when, &given)
        };
        let none: Vec<&Term> = self.none.iter().copied().filter(meets).collect();
        let widest = maximal(none, |wide, narrow| self.excludes(wide, narrow, &given)).into_iter();
        let exceptions = widest.map(|term| self.exception(term, &narrowest.pattern, &given));
        let covered = limits().map(|term| &*term.pattern.shown).collect::<Vec<_>>();
        Description {
            pattern: Rc::clone(&narrowest.pattern.shown),
            except: excluded.chain(exceptions).collect(),
            conditions: self.conditions(&given, &covered),
            deny: self.deny.map(resources_text),
        }
    }

    fn is_within(&self, deny: &Term) -> bool {
        let candidate = &self.candidate.pattern;
        deny.exclusions.is_empty()
            && !candidate.opaque
            && self.facts.pairs.covers(candidate, &deny.pattern)
            && !self.facts.pairs.covers(&deny.pattern, candidate)
    }

    /// The text for what a term excludes from a pattern, if the literals of `given` hold.
    fn exception(&self, term: &Term, pattern: &Pattern, given: &[Literal]) -> Rc<str> {
        let open = term.when.iter().filter(|when| !self.facts.atoms.follows(**when, given));
        let conditions = self.conditions(&open.copied().collect::<Vec<_>>(), &[&term.pattern.shown]);
        if conditions.is_empty() {
            return resources_text(term);
        }
        let whole =
            term.exclusions.is_empty() && self.facts.pairs.covers(&term.pattern, pattern) && !term.pattern.opaque;
        let when = conditions.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" and ");
        if whole { format!("when {when}").into() } else { format!("{} when {when}", resources_text(term)).into() }
    }

    /// Whether a term excludes everything that a narrower one excludes, if the literals of `given` hold.
    fn excludes(&self, wide: &Term, narrow: &Term, given: &[Literal]) -> bool {
        let atoms = self.facts.atoms;
        let follows = |when: &Literal| atoms.follows(*when, &narrow.when) || atoms.follows(*when, given);
        wide.exclusions.is_empty()
            && self.facts.pairs.covers(&wide.pattern, &narrow.pattern)
            && wide.when.iter().all(follows)
    }

    /// Conditions as texts, without those that only say that a shown pattern covers the resource.
    fn conditions(&self, literals: &[Literal], shown: &[&str]) -> BTreeSet<Rc<str>> {
        let obvious = |literal: &&Literal| match self.facts.atoms.get(literal.atom) {
            Atom::Covers(pattern) => literal.holds && shown.contains(&pattern.as_str()),
            Atom::Condition(_) | Atom::Applies(_) => false,
        };
        literals.iter().filter(|literal| !obvious(literal)).map(|literal| text(*literal, self.facts.atoms)).collect()
    }
}

fn resources_text(term: &Term) -> Rc<str> {
    if term.exclusions.is_empty() {
        return Rc::clone(&term.pattern.shown);
    }
    let exclusions: Vec<_> = term.exclusions.iter().map(|exclusion| &*exclusion.pattern.shown).collect();
    format!("everything but {}", exclusions.join(", ")).into()
}

/// The text of a condition or of its negation.
pub(super) fn text(literal: Literal, atoms: &Atoms) -> Rc<str> {
    let text = match (atoms.get(literal.atom), literal.holds) {
        (Atom::Condition(condition), holds) => condition_text(condition, holds),
        (Atom::Covers(pattern), true) => format!("covered by {pattern}"),
        (Atom::Covers(pattern), false) => format!("not covered by {pattern}"),
        (Atom::Applies(member), true) => format!("its unknown member {member} lets it apply"),
        (Atom::Applies(member), false) => format!("its unknown member {member} keeps it from applying"),
    };
    text.into()
}

fn condition_text(condition: &Condition, holds: bool) -> String {
    let (quantifier, test, optional) = split(&condition.operator);
    let subject = match quantifier {
        "" => condition.key.clone(),
        "ForAnyValue:" => format!("some {}", condition.key),
        "ForAllValues:" => format!("every {}", condition.key),
        _ => format!("{quantifier}{}", condition.key),
    };
    let (yes, no) = relation(test, &condition.values.join(" or "));
    match (holds, optional || !quantifier.is_empty()) {
        (true, _) => format!("{subject} {yes}{}", if optional { ", if present" } else { "" }),
        (false, false) => format!("{subject} {no}"),
        (false, true) => format!("not ({subject} {yes}{})", if optional { ", if present" } else { "" }),
    }
}

/// The text of a test and of its negation.
fn relation(test: &str, values: &str) -> (String, String) {
    let word = match test {
        "StringEquals" | "NumericEquals" | "DateEquals" | "ArnEquals" | "BinaryEquals" | "Bool" => {
            return (format!("is {values}"), format!("is not {values}"));
        }
        "Null" if values == "true" => return ("is absent".to_owned(), "is present".to_owned()),
        "Null" if values == "false" => return ("is present".to_owned(), "is absent".to_owned()),
        "StringLike" | "ArnLike" => "like",
        "StringEqualsIgnoreCase" => "is, in any case,",
        "IpAddress" => "in",
        "NumericLessThan" | "DateLessThan" => "<",
        "NumericLessThanEquals" | "DateLessThanEquals" => "<=",
        "NumericGreaterThan" | "DateGreaterThan" => ">",
        "NumericGreaterThanEquals" | "DateGreaterThanEquals" => ">=",
        _ => test,
    };
    (format!("{word} {values}"), format!("not {word} {values}"))
}
