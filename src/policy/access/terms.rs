//! A document compiled for some rules: its access is the union of its Allow terms, minus the union of its Deny terms.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::actions::ActionSet;
use super::conditions::{Atom, Atoms, Condition, Literal, positive_form};
use super::glob::Glob;
use super::is_of_user;
use super::patterns::{Dialect, Named, Pattern, PatternPairs, Requester};
use super::resources::ResourceSpace;
use super::rules::{BucketPolicies, Rules};
use crate::policy::normal::normal_statement;
use crate::policy::principals::IsAbout;
use crate::policy::{Clause, Document, Effect, Selector, Statement};

/// A set of resources under conditions: those that `pattern` covers and no exclusion covers, if all of `when` hold.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// The same for terms with the same meaning, see [`Numbers`].
    pub(super) id: usize,
    pub(super) pattern: Pattern,
    /// The patterns of `NotResource`.
    pub(super) exclusions: Vec<Exclusion>,
    /// The conditions, sorted.
    pub(super) when: Vec<Literal>,
}

#[derive(Debug, Clone)]
pub(super) struct Exclusion {
    pub(super) pattern: Pattern,
    /// The atom that must hold for the exclusion. `None` if it always applies.
    pub(super) atom: Option<usize>,
}

impl PartialEq for Exclusion {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.number == other.pattern.number && self.atom == other.atom
    }
}

#[derive(Debug, Clone)]
pub(super) struct CompiledStatement {
    pub(super) effect: Effect,
    pub(super) selects: Vec<bool>,
    /// The statement applies to the union of these.
    pub(super) terms: Vec<Term>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Compiler<'a> {
    pub(super) rules: Rules,
    pub(super) requester: Requester<'a>,
    pub(super) action_sets: &'a [ActionSet],
}

/// A document with its statements in their normal form.
pub(super) fn normal_statements(document: &Document) -> Document {
    let statements = document.statements.iter().map(normal_statement).collect();
    Document { version: document.version.clone(), id: None, statements, extra: BTreeMap::new() }
}

impl Compiler<'_> {
    /// Compiles a document whose statements are in normal form (see [`normal_statements`]).
    ///
    /// Members outside the grammar: those of the document have no meaning on any server, so they are ignored. Those of
    /// a statement make it unclear whether the statement applies: MinIO drops them, AWS refuses the document, and a
    /// member such as `Principal` would narrow the statement. So each one is an atom, which cancels out between
    /// documents that agree.
    ///
    /// `NotAction` and `NotResource` count under all rules. A server that does not know them finds no `Action` or
    /// `Resource` and refuses the document, so it has no such policy.
    pub(super) fn compile(
        self,
        document: &Document,
        atoms: &mut Atoms,
        numbers: &mut Numbers,
    ) -> Vec<CompiledStatement> {
        let current = document.version.as_deref() == Some("2012-10-17");
        let variables = current || !self.rules.variables_need_version;
        let dialect = Dialect { rules: self.rules, variables, requester: self.requester };
        let statements = document.statements.iter().map(|statement| CompiledStatement {
            effect: statement.effect,
            selects: self.selected(&statement.actions),
            terms: self.terms(statement, dialect, atoms, numbers),
        });
        statements.collect()
    }

    fn terms(self, statement: &Statement, dialect: Dialect<'_>, atoms: &mut Atoms, numbers: &mut Numbers) -> Vec<Term> {
        let mut when = BTreeSet::new();
        for clause in &statement.conditions {
            match literal(clause, dialect, atoms) {
                Tested::Never => return Vec::new(),
                Tested::Always => {}
                Tested::If(literal) => _ = when.insert(literal),
            }
        }
        match self.about(statement, dialect, atoms) {
            Tested::Never => return Vec::new(),
            Tested::Always => {}
            Tested::If(literal) => _ = when.insert(literal),
        }
        for (name, json) in &statement.extra {
            when.insert(yes(atoms.intern(Atom::Applies(format!("\"{name}\": {json}")))));
        }
        let when: Vec<_> = when.into_iter().collect();
        let mut covering = |pattern: &Pattern| {
            let covers = || dialect.about(pattern.shown.contains("${"), Atom::Covers(pattern.shown.to_string()));
            pattern.opaque.then(|| atoms.intern(covers()))
        };
        let patterns = statement.resources.patterns.iter().map(|text| Pattern::read(text, dialect));
        if statement.resources.negated {
            let exclusions = patterns.map(|pattern| Exclusion { atom: covering(&pattern), pattern }).collect();
            return vec![numbers.number(Term { id: 0, pattern: Pattern::read("*", dialect), exclusions, when })];
        }
        let term = |pattern: Pattern| {
            let mut when = when.clone();
            when.extend(covering(&pattern).map(yes));
            when.sort_unstable();
            numbers.number(Term { id: 0, pattern, exclusions: Vec::new(), when })
        };
        patterns.map(term).collect()
    }

    /// Whether a statement is about the requester: one of a bucket policy need not be.
    fn about(self, statement: &Statement, dialect: Dialect<'_>, atoms: &mut Atoms) -> Tested {
        let Some(principals) = &statement.principals else { return Tested::Always };
        let is_about = match (self.requester.is_anonymous, self.rules.bucket_policies) {
            (true, _) => principals.about_anonymous(),
            (false, BucketPolicies::Anonymous) => IsAbout::No,
            (false, BucketPolicies::Union) => principals.about_user(self.requester.user),
        };
        let atom = match is_about {
            IsAbout::Yes => return Tested::Always,
            IsAbout::No => return Tested::Never,
            IsAbout::Perhaps => dialect.about(true, Atom::IsAbout(principals.clone())),
        };
        Tested::If(yes(atoms.intern(atom)))
    }

    /// The action sets that a statement selects.
    fn selected(self, actions: &Selector) -> Vec<bool> {
        let globs: Vec<_> = actions.patterns.iter().map(|pattern| Glob::parse(&self.fold(pattern))).collect();
        let version = self.rules.version_implies_object && actions.patterns.iter().any(|p| p == "s3:GetObjectVersion");
        let named = |action_set: &ActionSet| {
            let matched = globs.iter().any(|glob| action_set.is_matched_by(glob, &self.rules));
            matched || (version && action_set.name == "s3:GetObject")
        };
        self.action_sets.iter().map(|action_set| named(action_set) != actions.negated).collect()
    }

    fn fold(self, action: &str) -> String {
        if self.rules.action_case_ignored { action.to_ascii_lowercase() } else { action.to_owned() }
    }
}

impl Term {
    /// The term as it applies in a space.
    pub(super) fn within(&self, space: ResourceSpace, numbers: &mut Numbers) -> Self {
        if space == ResourceSpace::Bare { self.changed(Pattern::in_bare_space, numbers) } else { self.clone() }
    }

    /// The term without globs that match nothing in a space. `None` if nothing is left.
    pub(super) fn reduced(&self, space: ResourceSpace, numbers: &mut Numbers) -> Option<Self> {
        let reduced = self.changed(|pattern| pattern.reduced(space), numbers);
        (!reduced.pattern.globs.is_empty()).then_some(reduced)
    }

    /// A term that applies everywhere where this one applies to the only resource of a space.
    pub(super) fn everywhere_if(&self, account: ResourceSpace, numbers: &mut Numbers) -> Option<Self> {
        let resource = Glob::literal(account.only_resource()?);
        let mut when = self.within(account, numbers).applies_when(&resource)?;
        when.sort_unstable();
        when.dedup();
        let pattern = Pattern { opaque: self.pattern.opaque, foreign: self.pattern.foreign, ..Pattern::everything() };
        Some(numbers.number(Self { id: 0, pattern, exclusions: Vec::new(), when }))
    }

    /// The term for a request with known values of some keys. `None` if it does not apply to it.
    pub(super) fn with_keys(&self, known: &[(&str, &str)], atoms: &Atoms, numbers: &mut Numbers) -> Option<Self> {
        self.answered(|atom| atoms.answer(atom, known), numbers)
    }

    /// The term for a request without the keys of its conditions. `None` if it does not apply to it.
    pub(super) fn without_keys(&self, atoms: &Atoms, numbers: &mut Numbers) -> Option<Self> {
        self.answered(|atom| atoms.answer_if_absent(atom), numbers)
    }

    fn answered(&self, answer: impl Fn(usize) -> Option<bool>, numbers: &mut Numbers) -> Option<Self> {
        let mut when = Vec::new();
        for literal in &self.when {
            match answer(literal.atom) {
                Some(answer) if answer != literal.holds => return None,
                Some(_) => {}
                None => when.push(*literal),
            }
        }
        Some(if when == self.when { self.clone() } else { numbers.number(Self { when, ..self.clone() }) })
    }

    /// A term for a pattern without conditions.
    pub(super) fn plain(text: &str, dialect: Dialect<'_>, numbers: &mut Numbers) -> Self {
        let pattern = Pattern::read(text, dialect);
        numbers.number(Self { id: 0, pattern, exclusions: Vec::new(), when: Vec::new() })
    }

    fn changed(&self, change: impl Fn(&Pattern) -> Pattern, numbers: &mut Numbers) -> Self {
        let mut changed = self.clone();
        changed.patterns_mut().for_each(|pattern| *pattern = change(pattern));
        let same = changed.patterns().map(|pattern| &pattern.globs).eq(self.patterns().map(|pattern| &pattern.globs));
        if same { changed } else { numbers.number(changed) }
    }

    /// Whether it covers, without conditions, everything that the other covers. It can be wrongly false.
    pub(super) fn covers(&self, other: &Self, pairs: &PatternPairs) -> bool {
        let is_harmless = |exclusion: &Exclusion| {
            other.exclusions.contains(exclusion) || !pairs.overlap(&exclusion.pattern, &other.pattern)
        };
        pairs.covers(&self.pattern, &other.pattern) && self.exclusions.iter().all(is_harmless)
    }

    /// Whether it can cover, without conditions, something that the pattern covers. It can be wrongly true.
    pub(super) fn overlaps(&self, pattern: &Pattern, pairs: &PatternPairs) -> bool {
        pairs.overlap(&self.pattern, pattern)
            && !self
                .exclusions
                .iter()
                .any(|exclusion| exclusion.atom.is_none() && pairs.covers(&exclusion.pattern, pattern))
    }

    /// The literals that must hold for it to apply to a resource. `None` if it cannot apply.
    pub(super) fn applies_when(&self, resource: &Glob) -> Option<Vec<Literal>> {
        if !self.pattern.matches(resource) {
            return None;
        }
        let mut when = self.when.clone();
        for exclusion in self.exclusions.iter().filter(|exclusion| exclusion.pattern.matches(resource)) {
            when.push(Literal { atom: exclusion.atom?, holds: false });
        }
        Some(when)
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        [&self.pattern].into_iter().chain(self.exclusions.iter().map(|exclusion| &exclusion.pattern))
    }

    fn patterns_mut(&mut self) -> impl Iterator<Item = &mut Pattern> {
        [&mut self.pattern].into_iter().chain(self.exclusions.iter_mut().map(|exclusion| &mut exclusion.pattern))
    }

    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        self.patterns().flat_map(|pattern| pattern.globs.iter().flat_map(Glob::letters))
    }

    /// Whether it applies wherever the other applies. It can be wrongly false.
    pub(super) fn includes(&self, other: &Self, facts: Facts<'_>) -> bool {
        self.covers(other, facts.pairs) && facts.atoms.all_follow(&self.when, &other.when)
    }
}

fn yes(atom: usize) -> Literal {
    Literal { atom, holds: true }
}

/// What is known about a condition before the request.
enum Tested {
    Always,
    Never,
    If(Literal),
}

fn literal(clause: &Clause, dialect: Dialect<'_>, atoms: &mut Atoms) -> Tested {
    let mut open = false;
    let fill = |value: &String| {
        let (value, unknown) = dialect.fill(value);
        open |= unknown;
        value
    };
    let mut values: BTreeSet<_> = clause.values.iter().map(fill).collect();
    let positive = positive_form(&clause.operator);
    let operator = dialect.without_absence(positive.unwrap_or(&clause.operator), &clause.key);
    if let Some(holds) = dialect.known_answer(operator, &clause.key, &values) {
        return if holds == positive.is_none() { Tested::Always } else { Tested::Never };
    }
    // A key is present exactly if it is not absent.
    let is_presence = clause.operator == "Null" && values.iter().eq(["false"]);
    if is_presence {
        values = BTreeSet::from(["true".to_owned()]);
    }
    let key = if dialect.rules.key_case_ignored { atoms.spelling(&clause.key) } else { &clause.key };
    let condition =
        Condition { operator: operator.to_owned(), key: key.to_owned(), values: values.into_iter().collect(), open };
    let is_personal = open || is_of_user(&condition.key);
    let atom = dialect.about(is_personal, Atom::Condition(condition));
    Tested::If(Literal { atom: atoms.intern(atom), holds: positive.is_none() && !is_presence })
}

impl Dialect<'_> {
    /// An atom about the sender, if it is personal, or about the request.
    fn about(self, is_personal: bool, atom: Atom) -> Atom {
        if self.requester.is_other && is_personal { Atom::OfOther(Box::new(atom)) } else { atom }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) atoms: &'a Atoms,
    pub(super) pairs: &'a PatternPairs,
}

/// Numbers for the patterns and terms of a comparison. Those with the same meaning have the same number.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    patterns: BTreeMap<PatternKey, usize>,
    terms: BTreeMap<TermKey, usize>,
}

/// The content of a pattern: its globs, whether it is bare, opaque and foreign, and its user name.
type PatternKey = (Rc<[Glob]>, [bool; 3], Option<Rc<Named>>);

/// The content of a term: its patterns, with the atoms of excluded ones, and its conditions.
type TermKey = (usize, Vec<(usize, Option<usize>)>, Vec<Literal>);

impl Numbers {
    pub(super) fn number(&mut self, mut term: Term) -> Term {
        for pattern in term.patterns_mut() {
            let flags = [pattern.bare, pattern.opaque, pattern.foreign];
            let meaning = (Rc::clone(&pattern.globs), flags, pattern.named.clone());
            let next = self.patterns.len();
            pattern.number = *self.patterns.entry(meaning).or_insert(next);
        }
        let exclusions = term.exclusions.iter().map(|exclusion| (exclusion.pattern.number, exclusion.atom)).collect();
        let next = self.terms.len();
        term.id = *self.terms.entry((term.pattern.number, exclusions, term.when.clone())).or_insert(next);
        term
    }

    pub(super) fn patterns(&self) -> usize {
        self.patterns.len()
    }
}
