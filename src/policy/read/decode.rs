//! The grammar: turns JSON into a document.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::document::{Clause, Document, Effect, Part, Place, Places, Selector, Statement};
use super::super::json::{Json, Node, Pair};
use super::super::rule::{self, Rule};
use crate::base::{Severity, nearest};

/// One problem of a text.
#[derive(Debug)]
pub struct Problem {
    /// The broken rule.
    pub rule: &'static Rule,
    /// The severity in this case.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The byte range in the text.
    pub span: Range<usize>,
    /// What to do next.
    pub help: Option<String>,
}

const DOCUMENT: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// How strictly a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A text that a person wrote: every oddity is a problem.
    Strict,
    /// A text from a cluster: every oddity is kept.
    Lenient,
}

/// Turns JSON into a document, and collects places and problems.
pub(super) struct Decoder {
    mode: Mode,
    pub(super) places: Places,
    pub(super) problems: Vec<Problem>,
}

/// The differences between `Action` and `Resource`.
struct SelectorForm {
    plain: &'static str,
    negated: &'static str,
    rule: &'static Rule,
    whole: Part,
    entry: fn(usize) -> Part,
}

const ACTIONS: SelectorForm = SelectorForm {
    plain: "Action",
    negated: "NotAction",
    rule: &rule::ACTION_FORM,
    whole: Part::Actions,
    entry: Part::Action,
};

const RESOURCES: SelectorForm = SelectorForm {
    plain: "Resource",
    negated: "NotResource",
    rule: &rule::RESOURCE_FORM,
    whole: Part::Resources,
    entry: Part::Resource,
};

impl Decoder {
    pub(super) fn new(mode: Mode) -> Self {
        Self { mode, places: Places::default(), problems: Vec::new() }
    }

    pub(super) fn report(&mut self, rule: &'static Rule, span: Range<usize>, message: String, help: Option<String>) {
        self.problems.push(Problem { rule, severity: rule.severity, message, span, help });
    }

    pub(super) fn document(&mut self, node: &Node) -> Option<Document> {
        self.places.insert(Place::Document, node.span.clone());
        let members = self.members(node, "a document", DOCUMENT)?;
        let version = self.text(members.get("Version"), Place::Version);
        let id = self.text(members.get("Id"), Place::Id);
        let statements = match members.get("Statement") {
            Some(pair) => self.statements(&pair.value)?,
            None => {
                self.report(&rule::STATEMENT_FORM, node.span.clone(), "the document has no `Statement`".into(), None);
                return None;
            }
        };
        Some(Document { version, id, statements, extra: members.extra })
    }

    fn statements(&mut self, node: &Node) -> Option<Vec<Statement>> {
        self.places.insert(Place::Statements, node.span.clone());
        match &node.value {
            Json::Array(nodes) => {
                let read: Vec<_> = nodes.iter().enumerate().map(|(at, node)| self.statement(at, node)).collect();
                read.into_iter().collect()
            }
            Json::Object(_) => {
                self.single_statement(node);
                self.statement(0, node).map(|statement| vec![statement])
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                self.wrong_kind("`Statement`", "a list of statements", node);
                None
            }
        }
    }

    fn single_statement(&mut self, node: &Node) {
        if self.mode == Mode::Strict {
            let start = node.span.start;
            self.problems.push(Problem {
                rule: &rule::STATEMENT_FORM,
                severity: Severity::Note,
                message: "`Statement` is a single statement; MinIO servers accept only a list".to_owned(),
                span: start..start + 1,
                help: Some("attune sends a list of one; write `[…]` around the statement".to_owned()),
            });
        }
    }

    fn statement(&mut self, at: usize, node: &Node) -> Option<Statement> {
        let place = |part| Place::Statement(at, part);
        self.places.insert(place(Part::Whole), node.span.clone());
        let mut members = self.members(node, "a statement", STATEMENT)?;
        let sid = self.text(members.get("Sid"), place(Part::Sid));
        let effect = self.effect(members.get("Effect"), node, place(Part::Effect));
        let actions = self.selector(&members, &ACTIONS, at);
        let resources = self.selector(&members, &RESOURCES, at);
        let conditions = match members.get("Condition") {
            Some(pair) => {
                // `Vec<Clause>` cannot hold an operator without a key.
                if self.mode == Mode::Lenient && has_empty_object(&pair.value.value) {
                    members.extra.insert("Condition".to_owned(), pair.value.value.minified());
                }
                self.conditions(at, &pair.value)
            }
            None => Some(Vec::new()),
        };
        Some(Statement {
            sid,
            effect: effect?,
            actions: actions?,
            resources: resources?,
            conditions: conditions?,
            extra: members.extra,
        })
    }

    fn effect(&mut self, pair: Option<&Pair>, statement: &Node, place: Place) -> Option<Effect> {
        let Some(pair) = pair else {
            let brace = statement.span.start..statement.span.start + 1;
            self.report(&rule::EFFECT, brace, "the statement has no `Effect`".into(), Some(EFFECTS.into()));
            return None;
        };
        match self.text(Some(pair), place)?.as_str() {
            "Allow" => Some(Effect::Allow),
            "Deny" => Some(Effect::Deny),
            other => {
                let message = format!("`{other}` is not an effect");
                self.report(&rule::EFFECT, pair.value.span.clone(), message, Some(EFFECTS.into()));
                None
            }
        }
    }

    fn selector(&mut self, members: &Members<'_>, form: &SelectorForm, at: usize) -> Option<Selector> {
        let (pair, negated) = match (members.get(form.plain), members.get(form.negated)) {
            (Some(_), Some(second)) => {
                let message = format!("the statement has both `{}` and `{}`", form.plain, form.negated);
                let help = "keep one of them, or write two statements".to_owned();
                self.report(form.rule, second.name_span.clone(), message, Some(help));
                return None;
            }
            (Some(pair), None) => (pair, false),
            (None, Some(pair)) => (pair, true),
            (None, None) => return Some(Selector { negated: false, patterns: Vec::new() }),
        };
        self.places.insert(Place::Statement(at, form.whole), pair.value.span.clone());
        let patterns = self.entries(&pair.name, &pair.value, |entry| Place::Statement(at, (form.entry)(entry)))?;
        Some(Selector { negated, patterns })
    }

    fn entries(&mut self, name: &str, node: &Node, place: impl Fn(usize) -> Place) -> Option<Vec<String>> {
        let nodes = node.list();
        let mut entries = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            self.places.insert(place(at), node.span.clone());
            if let Json::String(text) = &node.value {
                entries.push(text.clone());
            } else {
                self.wrong_kind(&format!("`{name}`"), "a string or a list of strings", node);
            }
        }
        (entries.len() == nodes.len()).then_some(entries)
    }

    fn conditions(&mut self, at: usize, node: &Node) -> Option<Vec<Clause>> {
        self.places.insert(Place::Statement(at, Part::Conditions), node.span.clone());
        let mut clauses = Vec::new();
        for operator in self.named("`Condition`", "an object of operators", node)? {
            for key in self.named(&format!("`{}`", operator.name), "an object of keys", &operator.value)? {
                let clause = self.clause(at, clauses.len(), operator, key)?;
                clauses.push(clause);
            }
        }
        Some(clauses)
    }

    fn clause(&mut self, at: usize, index: usize, operator: &Pair, key: &Pair) -> Option<Clause> {
        let place = |part| Place::Statement(at, part);
        self.places.insert(place(Part::Clause(index)), key.name_span.start..key.value.span.end);
        self.places.insert(place(Part::Operator(index)), operator.name_span.clone());
        self.places.insert(place(Part::Key(index)), key.name_span.clone());
        let mut values = Vec::new();
        for (value, node) in key.value.list().iter().enumerate() {
            self.places.insert(place(Part::Value(index, value)), node.span.clone());
            let Some(text) = node.value.scalar() else {
                self.wrong_kind(&format!("`{}`", key.name), "a value or a list of values", node);
                return None;
            };
            values.push(text);
        }
        Some(Clause { operator: operator.name.clone(), key: key.name.clone(), values })
    }

    fn text(&mut self, pair: Option<&Pair>, place: Place) -> Option<String> {
        let pair = pair?;
        self.places.insert(place, pair.value.span.clone());
        if let Json::String(text) = &pair.value.value {
            Some(text.clone())
        } else {
            self.wrong_kind(&format!("`{}`", pair.name), "a string", &pair.value);
            None
        }
    }

    fn wrong_kind(&mut self, what: &str, wanted: &str, node: &Node) {
        let message = format!("{what} must be {wanted}, not {}", node.value.kind());
        self.report(&rule::WRONG_KIND, node.span.clone(), message, None);
    }
}

/// Whether a `Condition` or one of its operators is an empty object.
fn has_empty_object(condition: &Json) -> bool {
    let empty = |value: &Json| matches!(value, Json::Object(pairs) if pairs.is_empty());
    let Json::Object(operators) = condition else { return false };
    empty(condition) || operators.iter().any(|operator| empty(&operator.value.value))
}

const EFFECTS: &str = "an effect is exactly `Allow` or `Deny`";

/// The members of an object: known ones by their correct name, and the others as minified JSON.
struct Members<'n> {
    known: BTreeMap<&'static str, &'n Pair>,
    extra: BTreeMap<String, String>,
}

impl<'n> Members<'n> {
    fn get(&self, name: &str) -> Option<&'n Pair> {
        self.known.get(name).copied()
    }
}

/// Whether names that differ only in case are the same name. Servers ignore the case of members of the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Ignored,
    Significant,
}

impl Decoder {
    fn members<'n>(&mut self, node: &'n Node, what: &str, grammar: &'static [&'static str]) -> Option<Members<'n>> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, "an object", node);
            return None;
        };
        let mut members = Members { known: BTreeMap::new(), extra: BTreeMap::new() };
        for pair in self.last_of_each(pairs, Case::Ignored) {
            let known = grammar.iter().find(|name| name.eq_ignore_ascii_case(&pair.name));
            match (known, self.mode) {
                (Some(_), Mode::Lenient) if pair.value.value == Json::Null => {}
                (Some(name), Mode::Lenient) => _ = members.known.insert(name, pair),
                (None, Mode::Lenient) => _ = members.extra.insert(pair.name.clone(), pair.value.value.minified()),
                (Some(name), Mode::Strict) => {
                    self.check_case(pair, name);
                    members.known.insert(name, pair);
                }
                (None, Mode::Strict) => self.unknown_member(pair, what, grammar),
            }
        }
        Some(members)
    }

    /// The members of a condition or of one of its operators. Any name is possible; at least one is required.
    fn named<'n>(&mut self, what: &str, wanted: &str, node: &'n Node) -> Option<Vec<&'n Pair>> {
        let Json::Object(pairs) = &node.value else {
            self.wrong_kind(what, wanted, node);
            return None;
        };
        if pairs.is_empty() && self.mode == Mode::Strict {
            let help = "remove it, or add a condition".to_owned();
            self.report(&rule::EMPTY_CONDITION, node.span.clone(), format!("{what} is empty"), Some(help));
        }
        Some(self.last_of_each(pairs, Case::Significant))
    }

    /// The last member of each name, in the order of the first ones.
    fn last_of_each<'n>(&mut self, pairs: &'n [Pair], case: Case) -> Vec<&'n Pair> {
        let mut slots: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept: Vec<&Pair> = Vec::new();
        for pair in pairs {
            let fold = case == Case::Ignored || self.mode == Mode::Strict;
            let name = if fold { pair.name.to_ascii_lowercase() } else { pair.name.clone() };
            if let Some(&slot) = slots.get(&name) {
                self.repeated(kept[slot], pair);
                kept[slot] = pair;
            } else {
                slots.insert(name, kept.len());
                kept.push(pair);
            }
        }
        kept
    }

    fn repeated(&mut self, first: &Pair, second: &Pair) {
        if self.mode == Mode::Strict {
            let message = if first.name == second.name {
                format!("`{}` is repeated", second.name)
            } else {
                format!("`{}` and `{}` are the same member", first.name, second.name)
            };
            let help = "keep one; servers silently use the last one".to_owned();
            self.report(&rule::DUPLICATE_MEMBER, second.name_span.clone(), message, Some(help));
        }
    }

    /// MinIO spells `Id` as `ID`.
    fn check_case(&mut self, pair: &Pair, proper: &str) {
        if pair.name != proper && pair.name != "ID" {
            let message = format!("`{}` is not the correct spelling", pair.name);
            let help = format!("write `{proper}`");
            self.report(&rule::UNKNOWN_MEMBER, pair.name_span.clone(), message, Some(help));
        }
    }

    fn unknown_member(&mut self, pair: &Pair, what: &str, grammar: &[&'static str]) {
        let span = pair.name_span.clone();
        if ["Principal", "NotPrincipal"].iter().any(|name| name.eq_ignore_ascii_case(&pair.name)) {
            let message = format!("`{}` belongs in bucket policies; servers silently ignore it here", pair.name);
            let help = "remove it, and attach the policy to the intended users".to_owned();
            self.report(&rule::PRINCIPAL, span, message, Some(help));
        } else {
            let message = format!("`{}` is not a member of {what}", pair.name);
            let help = match nearest(&pair.name, grammar.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its members are {}", grammar.join(", ")),
            };
            self.report(&rule::UNKNOWN_MEMBER, span, message, Some(help));
        }
    }
}
