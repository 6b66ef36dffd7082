//! From a tree of JSON to a document: the grammar.

use std::ops::Range;

use crate::base::Severity;

use super::super::document::{Clause, Document, Effect, Selector, Statement};
use super::super::json::{Json, Node, Pair};
use super::super::place::{Part, Place, Places};
use super::super::rule::Rule;
use super::members::Members;
use super::{Problem, rules};

const DOCUMENT: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A person's: everything odd is reported.
    Strict,
    /// A cluster's: everything odd is kept as it is.
    Lenient,
}

/// Collects places and problems while the tree is turned into a document.
pub(super) struct Decoder {
    pub(super) manner: Manner,
    pub(super) places: Places,
    pub(super) problems: Vec<Problem>,
}

/// How `Action` and `Resource` differ.
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
    rule: &rules::ACTION_FORM,
    whole: Part::Actions,
    entry: Part::Action,
};

const RESOURCES: SelectorForm = SelectorForm {
    plain: "Resource",
    negated: "NotResource",
    rule: &rules::RESOURCE_FORM,
    whole: Part::Resources,
    entry: Part::Resource,
};

impl Decoder {
    pub(super) fn new(manner: Manner) -> Self {
        Self { manner, places: Places::default(), problems: Vec::new() }
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
                self.report(&rules::STATEMENT_FORM, node.span.clone(), "the document has no `Statement`".into(), None);
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
        if self.manner == Manner::Strict {
            let start = node.span.start;
            self.problems.push(Problem {
                rule: &rules::STATEMENT_FORM,
                severity: Severity::Note,
                message: "`Statement` is a single statement; servers of MinIO's lineage take only a list".to_owned(),
                span: start..start + 1,
                help: Some("it is sent as a list of one; write `[…]` around it to say so".to_owned()),
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
                // A list of clauses cannot hold an operator without a key.
                if self.manner == Manner::Lenient && asks_for_nothing(&pair.value.value) {
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
            self.report(&rules::EFFECT, brace, "the statement has no `Effect`".into(), Some(EFFECTS.into()));
            return None;
        };
        match self.text(Some(pair), place)?.as_str() {
            "Allow" => Some(Effect::Allow),
            "Deny" => Some(Effect::Deny),
            other => {
                let message = format!("`{other}` is not an effect");
                self.report(&rules::EFFECT, pair.value.span.clone(), message, Some(EFFECTS.into()));
                None
            }
        }
    }

    fn selector(&mut self, members: &Members<'_>, form: &SelectorForm, at: usize) -> Option<Selector> {
        let (pair, negated) = match (members.get(form.plain), members.get(form.negated)) {
            (Some(_), Some(second)) => {
                let message = format!("the statement has both `{}` and `{}`", form.plain, form.negated);
                let help = "keep one of them, or make two statements of it".to_owned();
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

    /// A string, or a list of strings.
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

    pub(super) fn wrong_kind(&mut self, what: &str, wanted: &str, node: &Node) {
        let message = format!("{what} must be {wanted}, not {}", node.value.kind());
        self.report(&rules::WRONG_KIND, node.span.clone(), message, None);
    }
}

/// Whether a `Condition` or one of its operators is an empty object.
fn asks_for_nothing(condition: &Json) -> bool {
    let empty = |value: &Json| matches!(value, Json::Object(pairs) if pairs.is_empty());
    let Json::Object(operators) = condition else { return false };
    empty(condition) || operators.iter().any(|operator| empty(&operator.value.value))
}

const EFFECTS: &str = "an effect is exactly `Allow` or `Deny`";
