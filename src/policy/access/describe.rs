//! Differences as a person reads them: a few lines for many actions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{ActionSet, Wildcards};
use super::conditions::{Atom, Atoms, Literal};
use super::glob::{Glob, Token};
use super::patterns::{Dialect, Pattern};
use super::resources::ResourceSpace;
use super::rules::Rules;
use super::search::{SearchResult, maximal};
use super::terms::{Exclusion, Facts, Term};
use super::wording::{of_example, text};
use crate::policy::json::quoted;

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

/// Requests that a line does not mean, although its pattern covers them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exception {
    /// The resources: a pattern or `everything but …`. `None` means all resources of the line.
    pub resources: Option<String>,
    /// The conditions, all of which must hold. Those of the line are not repeated.
    pub conditions: Vec<String>,
    /// Why the line does not mean them.
    pub reason: Reason,
}

/// Why an exception is no part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The other document allows them too: they were had before, or are still had after.
    Had,
    /// A `Deny` denies them.
    Denied,
    /// The `NotResource` of the statement leaves them out.
    LeftOut,
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

/// What was found by groups of rules that evaluate alike.
pub(super) type GroupFindings<'a> = Vec<(Vec<Rules>, Findings<'a>)>;

/// Examples, and the rules that alone have them.
type OfRules<'a> = (Examples<'a>, Vec<Rules>);

/// All lines: those of the leading rules, ordered by pattern and content; then those that only other rules have.
pub(super) fn lines(all_findings: &GroupFindings<'_>, wildcards: &Wildcards<'_>) -> Vec<AccessLine> {
    let Some(((leading, first), others)) = all_findings.split_first() else { return Vec::new() };
    let line = |description: &Description, examples: &Examples<'_>, rules: Vec<Rules>| {
        let order = |(action, example): &(&&str, &Rc<Example>)| {
            let (place, length) = example_order(action, example);
            (place, length, (**action).to_owned(), example.resource.clone())
        };
        let (action, example) = examples.iter().min_by_key(order)?;
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
            let is_new = |action: &str| {
                !first.found.iter().any(|(wide, actions)| {
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

/// Those about some resources come first.
fn described_exceptions(description: &Description) -> Vec<Exception> {
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

/// A sort key for examples: well-known actions first, then short resources.
fn example_order(action: &str, example: &Example) -> (usize, usize) {
    const KNOWN: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"];
    let place = KNOWN.iter().position(|known| *known == action).unwrap_or(KNOWN.len());
    (place, example.resource.len())
}

/// The description of a difference without its actions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Description {
    pub(super) pattern: Rc<str>,
    pub(super) except: BTreeSet<Exception>,
    pub(super) conditions: BTreeSet<Rc<str>>,
    /// The resources of the Deny that causes the difference. `None` if an Allow causes it.
    pub(super) deny: Option<Rc<str>>,
}

impl Description {
    /// Whether a reader of this line, by the first rules, knows everything that the other line says by the second rules,
    /// for an action in a resource space. It can be wrongly false.
    fn covers(&self, other: &Self, space: ResourceSpace, [rules, other_rules]: [Rules; 2]) -> bool {
        let same = (self.deny.is_none() || self.deny == other.deny)
            && self.conditions.is_subset(&other.conditions)
            && self.except.is_subset(&other.except);
        let read = |text: &str, rules| Pattern::read(text, Dialect { rules, variables: true, user: None });
        let (wide, narrow) = (read(&self.pattern, rules), read(&other.pattern, other_rules));
        let is_wider = || match space {
            ResourceSpace::BucketSlash => {
                let narrow = ResourceSpace::Bucket.reduce(&narrow.globs);
                let with_slash = |glob: &Glob| Glob::new(glob.tokens().iter().copied().chain([Token::One('/')]));
                narrow.iter().all(|glob| wide.globs.iter().any(|wide| wide.subsumes(&with_slash(glob))))
            }
            ResourceSpace::Bare
            | ResourceSpace::Star
            | ResourceSpace::Root
            | ResourceSpace::Bucket
            | ResourceSpace::Object
            | ResourceSpace::TrimmedObject => wide.covers(&narrow),
        };
        same && (self.pattern == other.pattern || (!wide.opaque && !narrow.opaque && is_wider()))
    }
}

/// An example of a difference without its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The resource as a policy names it.
    pub(super) resource: String,
    pub(super) conditions: Vec<Rc<str>>,
    pub(super) space: ResourceSpace,
}

/// The actions of a difference with their examples.
type Examples<'a> = BTreeMap<&'a str, Rc<Example>>;

#[derive(Debug, Clone, Default)]
pub(super) struct Findings<'a> {
    /// For each description, its actions with examples.
    pub(super) found: BTreeMap<Description, Examples<'a>>,
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
        (atoms, dialect): (&Atoms, Dialect<'_>),
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
                let conditions = of_example(&point, atoms, dialect);
                let example = Rc::new(Example { resource, conditions, space });
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
    pub(super) none: &'a [(&'a Term, Reason)],
}

impl Describer<'_> {
    pub(super) fn description(&self) -> Description {
        let limits = || [Some(self.candidate), self.deny].into_iter().flatten();
        let given: Vec<_> = limits().flat_map(|term| &term.when).copied().collect();
        let narrowest = self.deny.filter(|deny| self.is_within(deny)).unwrap_or(self.candidate);
        let left_out = |exclusion: &Exclusion| Exception {
            resources: Some(exclusion.pattern.shown.to_string()),
            conditions: Vec::new(),
            reason: Reason::LeftOut,
        };
        let excluded = limits().flat_map(|term| &term.exclusions).map(left_out);
        let meets = |(term, _): &(&Term, Reason)| {
            term.overlaps(&narrowest.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&term.when, &given)
        };
        let none: Vec<_> = self.none.iter().copied().filter(meets).collect();
        let widest = maximal(none, |(wide, _), (narrow, _)| self.excludes(wide, narrow, &given)).into_iter();
        let exceptions = widest.map(|(term, reason)| self.exception(term, reason, &narrowest.pattern, &given));
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

    /// What a term excludes from a pattern, if the literals of `given` hold.
    fn exception(&self, term: &Term, reason: Reason, pattern: &Pattern, given: &[Literal]) -> Exception {
        let open = term.when.iter().filter(|when| !self.facts.atoms.follows(**when, given));
        let conditions = self.conditions(&open.copied().collect::<Vec<_>>(), &[&term.pattern.shown]);
        let whole =
            term.exclusions.is_empty() && self.facts.pairs.covers(&term.pattern, pattern) && !term.pattern.opaque;
        let resources = (!whole || conditions.is_empty()).then(|| resources_text(term).to_string());
        Exception { resources, conditions: conditions.iter().map(ToString::to_string).collect(), reason }
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
    let exclusions: Vec<_> = term.exclusions.iter().map(|exclusion| quoted_if_odd(&exclusion.pattern.shown)).collect();
    format!("everything but {}", exclusions.join(", ")).into()
}

/// A pattern in a list, in quotes if it could be mistaken for the text around it.
fn quoted_if_odd(pattern: &str) -> String {
    let is_odd = pattern.contains(|c: char| c.is_whitespace() || c == ',' || c == '"');
    if is_odd { quoted(pattern) } else { pattern.to_owned() }
}
