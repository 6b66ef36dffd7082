//! A document taken apart for one profile: who it allows what is the union of its Allow terms less that of its Deny terms.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Profile;
use super::atoms::{Atom, Atoms, Condition, Literal, positive_form};
use super::glob::Glob;
use super::pattern::{Dialect, Pattern};
use super::universe::Universe;
use super::verbs::Verb;
use crate::policy::normal::normal_statement;
use crate::policy::{Clause, Document, Effect, Selector, Statement};

/// A set of resources under conditions: those `pattern` covers and none of `minus` does, where all of `when` hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// Which one it is.
    pub(super) id: TermId,
    /// What it covers.
    pub(super) pattern: Pattern,
    /// What `NotResource` takes out of it.
    pub(super) minus: Vec<Minus>,
    /// The conditions, sorted.
    pub(super) when: Vec<Literal>,
}

/// Where a term comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TermId {
    /// The number of the document in the comparison.
    pub(super) document: usize,
    /// The index of the statement in the document.
    pub(super) statement: usize,
    /// The index of the term in the statement.
    pub(super) term: usize,
}

/// A pattern taken out of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Minus {
    /// The pattern.
    pub(super) pattern: Pattern,
    /// The atom that must hold for it to cover what it matches; none when it always does.
    pub(super) atom: Option<usize>,
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
    pub(super) fn take(self, number: usize, document: &Document, atoms: &mut Atoms) -> Vec<Taken> {
        let current = document.version.as_deref() == Some("2012-10-17");
        let variables = self.profile == Profile::Minio || current;
        let dialect = Dialect { profile: self.profile, variables, user: self.user };
        let take = |(index, statement)| {
            let mut taken = self.statement(&normal_statement(statement), dialect, atoms);
            for (place, term) in taken.terms.iter_mut().enumerate() {
                term.id = TermId { document: number, statement: index, term: place };
            }
            taken
        };
        document.statements.iter().enumerate().map(take).collect()
    }

    fn statement(self, statement: &Statement, dialect: Dialect<'_>, atoms: &mut Atoms) -> Taken {
        let mut when: BTreeSet<_> = statement.conditions.iter().map(|clause| literal(clause, dialect, atoms)).collect();
        for (name, json) in &statement.extra {
            when.insert(yes(atoms.intern(Atom::Applies(format!("\"{name}\": {json}")))));
        }
        let terms = terms(&statement.resources, &when, dialect, atoms);
        Taken { effect: statement.effect, about: self.about(&statement.actions), terms }
    }

    /// Which verbs a statement is about. AWS compares action names without regard to case, MinIO's line exactly; there,
    /// `s3:GetObjectVersion` written out also means `s3:GetObject`.
    fn about(self, actions: &Selector) -> Vec<bool> {
        let globs: Vec<_> = actions.patterns.iter().map(|pattern| Glob::parse(&self.fold(pattern))).collect();
        let version = self.profile == Profile::Minio && actions.patterns.iter().any(|p| p == "s3:GetObjectVersion");
        let named = |verb: &Verb| {
            let name = match self.profile {
                Profile::Aws => &verb.folded,
                Profile::Minio => &verb.exact,
            };
            globs.iter().any(|glob| glob.subsumes(name)) || (version && verb.name == "s3:GetObject")
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

    /// The term as it works in a universe: of equal effect there, without globs that have none; `None` when nothing is
    /// left.
    pub(super) fn pruned(&self, universe: Universe) -> Option<Self> {
        let pruned = self.map(|pattern| pattern.pruned(universe));
        (!pruned.pattern.globs.is_empty()).then_some(pruned)
    }

    fn map(&self, change: impl Fn(&Pattern) -> Pattern) -> Self {
        let minus = self.minus.iter().map(|minus| Minus { pattern: change(&minus.pattern), atom: minus.atom });
        let (pattern, minus) = (change(&self.pattern), minus.collect());
        Self { id: self.id, pattern, minus, when: self.when.clone() }
    }

    /// Whether it applies to the same as the other for being written the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.pattern.globs == other.pattern.globs && self.when == other.when && self.minus == other.minus
    }

    /// Whether it covers, conditions aside, all that the other covers. May be wrongly false.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let kept = |minus: &Minus| other.minus.contains(minus) || !minus.pattern.overlaps(&other.pattern);
        self.pattern.covers(&other.pattern) && self.minus.iter().all(kept)
    }

    /// Whether it may cover, conditions aside, something that the pattern covers. May be wrongly true.
    pub(super) fn overlaps(&self, pattern: &Pattern) -> bool {
        self.pattern.overlaps(pattern)
            && !self.minus.iter().any(|minus| minus.atom.is_none() && minus.pattern.covers(pattern))
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

    /// The letters its patterns ask for.
    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        let patterns = [&self.pattern].into_iter().chain(self.minus.iter().map(|minus| &minus.pattern));
        patterns.flat_map(|pattern| pattern.globs.iter().flat_map(Glob::letters))
    }

    /// Whether it includes another term: everything the other applies to, wherever the other applies. May be wrongly
    /// false.
    pub(super) fn includes(&self, other: &Self, atoms: &Atoms) -> bool {
        self.covers(other) && atoms.all_follow(&self.when, &other.when)
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

fn terms(resources: &Selector, when: &BTreeSet<Literal>, dialect: Dialect<'_>, atoms: &mut Atoms) -> Vec<Term> {
    let read = resources.patterns.iter().map(|text| Pattern::read(text, dialect));
    let mut covering =
        |pattern: &Pattern| pattern.opaque.then(|| atoms.intern(Atom::Covers(pattern.shown.to_string())));
    if resources.negated {
        let minus = read.map(|pattern| Minus { atom: covering(&pattern), pattern }).collect();
        let when = when.iter().copied().collect();
        return vec![Term { id: TermId::default(), pattern: Pattern::everything(), minus, when }];
    }
    read.filter(|pattern| !pattern.globs.is_empty())
        .map(|pattern| {
            let mut when = when.clone();
            when.extend(covering(&pattern).map(yes));
            Term { id: TermId::default(), pattern, minus: Vec::new(), when: when.into_iter().collect() }
        })
        .collect()
}
