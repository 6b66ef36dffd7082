//! A document taken apart into entries that can be compared one by one.

use std::collections::BTreeSet;

use super::super::document::{Document, Effect, Selector, Statement};
use super::super::json::quoted;
use super::{Line, LineKind};

/// The members of a statement or a document, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Version,
    Id,
    Sid,
    Effect,
    Action,
    NotAction,
    Resource,
    NotResource,
    Condition,
    Other(String),
}

/// One value of one member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    member: Member,
    value: String,
}

impl Entry {
    fn new(member: Member, value: impl Into<String>) -> Self {
        Self { member, value: value.into() }
    }

    pub(super) fn is_effect(&self) -> bool {
        self.member == Member::Effect
    }

    /// Whether it says what the statement is about, and not what it is called or whether it denies.
    pub(super) fn is_about(&self) -> bool {
        self.member > Member::Effect
    }

    fn line(&self, kind: LineKind) -> Line {
        Line { kind, member: self.member.name().to_owned(), value: self.value.clone() }
    }
}

impl Member {
    fn name(&self) -> &str {
        match self {
            Self::Version => "version",
            Self::Id => "id",
            Self::Sid => "sid",
            Self::Effect => "effect",
            Self::Action => "action",
            Self::NotAction => "not_action",
            Self::Resource => "resource",
            Self::NotResource => "not_resource",
            Self::Condition => "condition",
            Self::Other(name) => name,
        }
    }
}

/// The entries of a document outside its statements.
pub(super) fn document_entries(document: &Document) -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    entries.extend(document.version.iter().map(|version| Entry::new(Member::Version, quoted(version))));
    entries.extend(document.id.iter().map(|id| Entry::new(Member::Id, quoted(id))));
    entries.extend(document.extra.iter().map(|(name, json)| Entry::new(Member::Other(name.clone()), json)));
    entries
}

/// The entries of a statement.
pub(super) fn statement_entries(statement: &Statement) -> BTreeSet<Entry> {
    let effect = match statement.effect {
        Effect::Allow => "\"Allow\"",
        Effect::Deny => "\"Deny\"",
    };
    let mut entries = BTreeSet::from([Entry::new(Member::Effect, effect)]);
    entries.extend(statement.sid.iter().map(|sid| Entry::new(Member::Sid, quoted(sid))));
    entries.extend(selected(&statement.actions, Member::Action, Member::NotAction));
    entries.extend(selected(&statement.resources, Member::Resource, Member::NotResource));
    for clause in &statement.conditions {
        let front = format!("{} {}", clause.operator, clause.key);
        if clause.values.is_empty() {
            entries.insert(Entry::new(Member::Condition, format!("{front} []")));
        }
        let values = clause.values.iter().map(|value| format!("{front} {}", quoted(value)));
        entries.extend(values.map(|value| Entry::new(Member::Condition, value)));
    }
    entries.extend(statement.extra.iter().map(|(name, json)| Entry::new(Member::Other(name.clone()), json)));
    entries
}

fn selected(selector: &Selector, plain: Member, negated: Member) -> Vec<Entry> {
    let member = if selector.negated { negated } else { plain };
    selector.patterns.iter().map(|pattern| Entry::new(member.clone(), quoted(pattern))).collect()
}

/// All entries as lines of one kind.
pub(super) fn all(kind: LineKind, entries: BTreeSet<Entry>) -> Vec<Line> {
    entries.into_iter().map(|entry| entry.line(kind)).collect()
}

/// What went and what came, member by member, what went first.
pub(super) fn compare(before: &BTreeSet<Entry>, after: &BTreeSet<Entry>) -> Vec<Line> {
    let removed = before.difference(after).map(|entry| (&entry.member, LineKind::Remove, entry));
    let added = after.difference(before).map(|entry| (&entry.member, LineKind::Add, entry));
    let mut changed: Vec<_> = removed.chain(added).collect();
    changed.sort();
    changed.into_iter().map(|(_, kind, entry)| entry.line(kind)).collect()
}
