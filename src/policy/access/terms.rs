//! A document taken apart for one profile: who it allows what is the union of its Allow terms less that of its Deny terms.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Profile;
use super::atoms::{Atom, Atoms, Condition, Literal, positive_form};
use super::glob::Glob;
use super::pairs::{Facts, Numbers, Pairs};
use super::pattern::{Dialect, Pattern};
use super::universe::Universe;
use super::verbs::Verb;
use crate::policy::normal::normal_statement;
use crate::policy::{Clause, Document, Effect, Selector, Statement};

/// A set of resources under conditions: those `pattern` covers and none of `minus` does, where all of `when` hold.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// The number of what it says; see [`Numbers::enter`].
    pub(super) id: usize,
    /// What it covers.
    pub(super) pattern: Pattern,
    /// What `NotResource` takes out of it.
    pub(super) minus: Vec<Minus>,
    /// The conditions, sorted.
    pub(super) when: Vec<Literal>,
}

/// A pattern taken out of a term.
#[derive(Debug, Clone)]
pub(super) struct Minus {
    /// The pattern.
    pub(super) pattern: Pattern,
    /// The atom that must hold for it to cover what it matches; none when it always does.
    pub(super) atom: Option<usize>,
}

impl PartialEq for Minus {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.number == other.pattern.number && self.atom == other.atom
    }
}

/// A statement, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// Its effect.
    pub(super) effect: Effect,
    /// For each verb, whether the statement is about it.
    pub(super) about: Vec<bool>,
    /// What it applies to: the union of these.
    pub(super) terms: Vec<Term>,
}

/// What is the same for both documents of a comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// By whose rules.
    pub(super) profile: Profile,
    /// The user, when known.
    pub(super) user: Option<&'a str>,
    /// The actions that are told apart.
    pub(super) verbs: &'a [Verb],
}

/// A document with its statements in their normal form.
pub(super) fn normal_statements(document: &Document) -> Document {
    let statements = document.statements.iter().map(normal_statement).collect();
    Document { version: document.version.clone(), id: None, statements, extra: BTreeMap::new() }
}

impl Setting<'_> {
    /// Takes a document apart. A document without a policy is one without statements.
    ///
    /// Members that are not part of the grammar: those of the document itself are ignored, as no server gives them a
    /// meaning. Those of a statement make it doubtful whether it applies: MinIO drops them (so that it applies to
    /// everyone), AWS refuses the document, and one such as `Principal` would narrow it where it is honoured. So they
    /// are an atom of their own, which cancels out between documents that agree.
    ///
    /// `NotAction` and `NotResource` are honoured in both profiles: a server that does not know them finds no `Action`
    /// or `Resource` and refuses the document, so it can hold none.
    ///
    /// The statements are in their normal form (see [`normal_statements`]).
    pub(super) fn take(self, document: &Document, atoms: &mut Atoms, numbers: &mut Numbers) -> Vec<Taken> {
        let current = document.version.as_deref() == Some("2012-10-17");
        let variables = self.profile == Profile::Minio || current;
        let dialect = Dialect { profile: self.profile, variables, user: self.user };
        let mut taken: Vec<Taken> = Vec::with_capacity(document.statements.len());
        for (index, statement) in document.statements.iter().enumerate() {
            let before = document.statements[..index].iter().position(|other| other.actions == statement.actions);
            let about = before.map_or_else(|| self.about(&statement.actions), |before| taken[before].about.clone());
            let terms = self.terms(statement, dialect, atoms, numbers);
            taken.push(Taken { effect: statement.effect, about, terms });
        }
        taken
    }

    fn terms(self, statement: &Statement, dialect: Dialect<'_>, atoms: &mut Atoms, numbers: &mut Numbers) -> Vec<Term> {
        let mut when: BTreeSet<_> = statement.conditions.iter().map(|clause| literal(clause, dialect, atoms)).collect();
        for (name, json) in &statement.extra {
            when.insert(yes(atoms.intern(Atom::Applies(format!("\"{name}\": {json}")))));
        }
        let when: Vec<_> = when.into_iter().collect();
        let patterns: Vec<_> = statement.resources.patterns.iter().map(|text| numbers.read(text, dialect)).collect();
        let mut covering =
            |pattern: &Pattern| pattern.opaque.then(|| atoms.intern(Atom::Covers(pattern.shown.to_string())));
        if statement.resources.negated {
            let minus = patterns.into_iter().map(|pattern| Minus { atom: covering(&pattern), pattern }).collect();
            let mut term = Term { id: 0, pattern: numbers.read("*", dialect), minus, when };
            numbers.enter(&mut term);
            return vec![term];
        }
        let term = |pattern: Pattern| {
            let mut when = when.clone();
            if let Some(covers) = covering(&pattern).map(yes) {
                when.push(covers);
                when.sort_unstable();
            }
            let mut term = Term { id: 0, pattern, minus: Vec::new(), when };
            numbers.enter(&mut term);
            term
        };
        patterns.into_iter().map(term).collect()
    }

    /// Which verbs a statement is about. AWS compares action names without regard to case, MinIO's line exactly; there,
    /// `s3:GetObjectVersion` written out also means `s3:GetObject`.
    fn about(self, actions: &Selector) -> Vec<bool> {
        let globs: Vec<_> = actions.patterns.iter().map(|pattern| Glob::parse(&self.fold(pattern))).collect();
        let version = self.profile == Profile::Minio && actions.patterns.iter().any(|p| p == "s3:GetObjectVersion");
        let named = |verb: &Verb| {
            let matched = globs.iter().any(|glob| verb.is_matched_by(glob, self.profile));
            matched || (version && verb.name == "s3:GetObject")
        };
        self.verbs.iter().map(|verb| named(verb) != actions.negated).collect()
    }

    fn fold(self, action: &str) -> String {
        match self.profile {
            Profile::Aws => action.to_ascii_lowercase(),
            Profile::Minio => action.to_owned(),
        }
    }
}

impl Term {
    /// The term as it is put in a universe.
    pub(super) fn within(&self, universe: Universe) -> Cow<'_, Self> {
        match universe {
            Universe::Bare => Cow::Owned(self.map(Pattern::without_prefix_taken)),
            Universe::Star | Universe::Root | Universe::Bucket | Universe::BucketSlash | Universe::Object => {
                Cow::Borrowed(self)
            }
        }
    }

    fn map(&self, change: impl Fn(&Pattern) -> Pattern) -> Self {
        let minus = self.minus.iter().map(|minus| Minus { pattern: change(&minus.pattern), atom: minus.atom });
        let (pattern, minus) = (change(&self.pattern), minus.collect());
        Self { id: self.id, pattern, minus, when: self.when.clone() }
    }

    /// Whether it applies to the same as the other for being written the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Whether it covers, conditions aside, all that the other covers. May be wrongly false.
    pub(super) fn covers(&self, other: &Self, pairs: &Pairs) -> bool {
        let kept = |minus: &Minus| other.minus.contains(minus) || !pairs.meet(&minus.pattern, &other.pattern);
        pairs.covers(&self.pattern, &other.pattern) && self.minus.iter().all(kept)
    }

    /// Whether it may cover, conditions aside, something that the pattern covers. May be wrongly true.
    pub(super) fn overlaps(&self, pattern: &Pattern, pairs: &Pairs) -> bool {
        pairs.meet(&self.pattern, pattern)
            && !self.minus.iter().any(|minus| minus.atom.is_none() && pairs.covers(&minus.pattern, pattern))
    }

    /// Whether it applies to a resource, whatever the conditions' answers are.
    pub(super) fn always_applies_to(&self, resource: &Glob) -> bool {
        self.when.is_empty()
            && self.pattern.matches(resource)
            && !self.minus.iter().any(|minus| minus.pattern.matches(resource))
    }

    /// What must hold for it to apply to a resource; `None` when it cannot.
    pub(super) fn applies_when(&self, resource: &Glob) -> Option<Vec<Literal>> {
        if !self.pattern.matches(resource) {
            return None;
        }
        let mut when = self.when.clone();
        for minus in self.minus.iter().filter(|minus| minus.pattern.matches(resource)) {
            when.push(Literal { atom: minus.atom?, holds: false });
        }
        Some(when)
    }

    /// Its patterns.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        [&self.pattern].into_iter().chain(self.minus.iter().map(|minus| &minus.pattern))
    }

    /// Its patterns, to be changed.
    pub(super) fn patterns_mut(&mut self) -> impl Iterator<Item = &mut Pattern> {
        [&mut self.pattern].into_iter().chain(self.minus.iter_mut().map(|minus| &mut minus.pattern))
    }

    /// The letters its patterns ask for.
    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        self.patterns().flat_map(|pattern| pattern.globs.iter().flat_map(Glob::letters))
    }

    /// Whether it includes another term: everything the other applies to, wherever the other applies. May be wrongly
    /// false.
    pub(super) fn includes(&self, other: &Self, facts: Facts<'_>) -> bool {
        self.covers(other, facts.pairs) && facts.atoms.all_follow(&self.when, &other.when)
    }
}

fn yes(atom: usize) -> Literal {
    Literal { atom, holds: true }
}

fn literal(clause: &Clause, dialect: Dialect<'_>, atoms: &mut Atoms) -> Literal {
    let mut open = false;
    let fill = |value: &String| {
        let (value, unknown) = dialect.fill(value);
        open |= unknown;
        value
    };
    let values: BTreeSet<_> = clause.values.iter().map(fill).collect();
    let positive = positive_form(&clause.operator);
    let condition = Condition {
        operator: positive.unwrap_or(&clause.operator).to_owned(),
        key: clause.key.clone(),
        values: values.into_iter().collect(),
        open,
    };
    Literal { atom: atoms.intern(Atom::Condition(condition)), holds: positive.is_none() }
}
