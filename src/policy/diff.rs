//! The difference of two documents: by statement and entry, and in access.
//!
//! Both documents are compared in normal form. So another spelling is no change, and the edit of one action is one removed
//! line and one added line, wherever it is.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::access::{Access, Context, difference};
use super::document::{Document, Effect, Selector, Statement};
use super::json::quoted;
use super::normal::{Sameness, normal, normal_statement, sameness};

/// Two documents and their difference.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The older document.
    pub before: Document,
    /// The newer document.
    pub after: Document,
    /// Whether they are the same document.
    pub sameness: Sameness,
    /// The access that the newer document adds and removes.
    pub access: Access,
}

impl Compared {
    /// Whether certainly both give the same access.
    #[must_use]
    pub fn same_access(&self) -> bool {
        self.access.gains_nothing() && self.access.loses_nothing()
    }
}

/// Compares two documents. The access engine only runs if more than ids differ.
#[must_use]
pub fn compared(before: Document, after: Document, context: &Context<'_>) -> Compared {
    let sameness = sameness(&before, &after);
    let access = match sameness {
        Sameness::Same | Sameness::IdsOnly => Access::default(),
        Sameness::Different => difference(Some(&before), Some(&after), context),
    };
    Compared { before, after, sameness, access }
}

/// The changes between two documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentDiff {
    /// Changes outside the statements: `Version`, `Id`, members outside the grammar.
    pub lines: Vec<DiffLine>,
    /// The changed statements, in the order of the newer document; then the removed ones, in the order of the older.
    pub statements: Vec<StatementDiff>,
    /// The number of statements in both.
    pub unchanged: usize,
}

/// The changes of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementDiff {
    /// Its `Sid`, or else `statement N`, counted in the newer document (in the older one if it was removed).
    pub title: String,
    /// Whether it was added, changed or removed.
    pub change: Change,
    /// The removed and added entries, with the entries that a reader needs to understand them.
    pub lines: Vec<DiffLine>,
}

/// The kind of change of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the newer document has it.
    Added,
    /// Both have it, and it differs.
    Changed,
    /// Only the older document has it.
    Removed,
}

/// One value of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// Whether the entry was removed, added, or is context.
    pub kind: LineKind,
    /// The member, as the configuration names it: `action`, `not_resource`, `condition`.
    pub member: String,
    /// The value as JSON. For a condition, its operator and key come first.
    pub value: String,
}

/// The kind of change of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// It is in both, and the change cannot be read without it.
    Context,
    /// Only the older document has it.
    Remove,
    /// Only the newer document has it.
    Add,
}

/// The changes from `before` to `after`. `None` is no document.
#[must_use]
pub fn diff(before: Option<&Document>, after: Option<&Document>) -> DocumentDiff {
    let Pairing { pairs, removed } = pair(numbered(before), numbered(after));
    let mut unchanged = 0;
    let mut statements = Vec::new();
    for (before, after) in &pairs {
        match changed_statement(before.as_ref(), after) {
            Some(statement) => statements.push(statement),
            None => unchanged += 1,
        }
    }
    statements.extend(removed.iter().map(|statement| StatementDiff {
        title: title(statement),
        change: Change::Removed,
        lines: entry_lines(LineKind::Remove, statement_entries(&statement.statement)),
    }));
    let outside = |document: Option<&Document>| {
        document.map(|document| document_entries(normal(document).document())).unwrap_or_default()
    };
    DocumentDiff { lines: changed_lines(&outside(before), &outside(after)), statements, unchanged }
}

/// The statements of a document in normal form and in document order. A repeated one counts once.
fn numbered(document: Option<&Document>) -> Vec<Numbered> {
    let mut numbered: Vec<Numbered> = Vec::new();
    for (at, statement) in document.into_iter().flat_map(|document| document.statements.iter().enumerate()) {
        let statement = normal_statement(statement);
        if !numbered.iter().any(|earlier| earlier.statement == statement) {
            numbered.push(Numbered { number: at + 1, statement });
        }
    }
    numbered
}

/// `None` when nothing changed.
fn changed_statement(before: Option<&Numbered>, after: &Numbered) -> Option<StatementDiff> {
    let entries = statement_entries(&after.statement);
    let Some(before) = before else {
        let lines = entry_lines(LineKind::Add, entries);
        return Some(StatementDiff { title: title(after), change: Change::Added, lines });
    };
    let changed = changed_lines(&statement_entries(&before.statement), &entries);
    if changed.is_empty() {
        return None;
    }
    let mut lines = deny_context(&before.statement, &after.statement);
    lines.extend(changed);
    Some(StatementDiff { title: title(after), change: Change::Changed, lines })
}

/// In a `Deny` statement, an added entry narrows access and a removed one widens it. So the effect is shown.
fn deny_context(before: &Statement, after: &Statement) -> Vec<DiffLine> {
    let denies = |statement: &Statement| statement.effect == Effect::Deny;
    let entries = statement_entries(after).into_iter();
    let shown = entries.filter(|entry| denies(before) && denies(after) && entry.is_effect());
    entry_lines(LineKind::Context, shown.collect())
}

fn title(statement: &Numbered) -> String {
    statement.statement.sid.clone().unwrap_or_else(|| format!("statement {}", statement.number))
}

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
struct Entry {
    member: Member,
    value: String,
}

impl Entry {
    fn new(member: Member, value: impl Into<String>) -> Self {
        Self { member, value: value.into() }
    }

    fn is_effect(&self) -> bool {
        self.member == Member::Effect
    }

    /// Whether it belongs to the actions, resources or conditions.
    fn is_content(&self) -> bool {
        self.member > Member::Effect
    }

    fn line(&self, kind: LineKind) -> DiffLine {
        DiffLine { kind, member: self.member.name().to_owned(), value: self.value.clone() }
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

/// The entries outside the statements.
fn document_entries(document: &Document) -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    entries.extend(document.version.iter().map(|version| Entry::new(Member::Version, quoted(version))));
    entries.extend(document.id.iter().map(|id| Entry::new(Member::Id, quoted(id))));
    entries.extend(document.extra.iter().map(|(name, json)| Entry::new(Member::Other(name.clone()), json)));
    entries
}

fn statement_entries(statement: &Statement) -> BTreeSet<Entry> {
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

fn entry_lines(kind: LineKind, entries: BTreeSet<Entry>) -> Vec<DiffLine> {
    entries.into_iter().map(|entry| entry.line(kind)).collect()
}

/// The removed and added entries, member by member, removed ones first.
fn changed_lines(before: &BTreeSet<Entry>, after: &BTreeSet<Entry>) -> Vec<DiffLine> {
    let removed = before.difference(after).map(|entry| (&entry.member, LineKind::Remove, entry));
    let added = after.difference(before).map(|entry| (&entry.member, LineKind::Add, entry));
    let mut changed: Vec<_> = removed.chain(added).collect();
    changed.sort();
    changed.into_iter().map(|(_, kind, entry)| entry.line(kind)).collect()
}

/// The least similarity of two statements for one to continue the other, in thousandths. One action on one resource, with
/// the action or the resource replaced, reaches exactly this.
const MIN_SIMILARITY: usize = 500;

/// A statement with its number in its document, from 1.
#[derive(Debug)]
struct Numbered {
    number: usize,
    statement: Statement,
}

/// Each newer statement with the older one that it continues, and the removed statements.
#[derive(Debug)]
struct Pairing {
    pairs: Vec<(Option<Numbered>, Numbered)>,
    removed: Vec<Numbered>,
}

/// Pairs equal statements, then by equal `Sid`, then by equal content, then by similarity, the most similar first.
fn pair(before: Vec<Numbered>, after: Vec<Numbered>) -> Pairing {
    let mut matching = Matching::new(&before, &after);
    matching.by_key(|statement| Some(statement.clone()));
    matching.by_key(|statement| statement.sid.clone());
    matching.by_key(|statement| Some((statement.effect, content(statement))));
    matching.by_key(|statement| Some(content(statement)));
    matching.by_similarity();
    let older_of = matching.older_of;

    let mut before: Vec<Option<Numbered>> = before.into_iter().map(Some).collect();
    let pairs = after.into_iter().zip(older_of).map(|(after, older)| {
        let before = older.and_then(|older| before[older].take());
        (before, after)
    });
    let pairs = pairs.collect();
    Pairing { pairs, removed: before.into_iter().flatten().collect() }
}

struct Matching<'a> {
    before: &'a [Numbered],
    after: &'a [Numbered],
    /// For each newer statement, the index of the older one it continues.
    older_of: Vec<Option<usize>>,
}

impl<'a> Matching<'a> {
    fn new(before: &'a [Numbered], after: &'a [Numbered]) -> Self {
        Self { before, after, older_of: vec![None; after.len()] }
    }

    fn open_before(&self) -> Vec<usize> {
        (0..self.before.len()).filter(|older| !self.older_of.contains(&Some(*older))).collect()
    }

    fn open_after(&self) -> Vec<usize> {
        (0..self.after.len()).filter(|newer| self.older_of[*newer].is_none()).collect()
    }

    /// Pairs statements with the same key, in order. A statement without a key stays unpaired.
    fn by_key<K: PartialEq>(&mut self, key: impl Fn(&Statement) -> Option<K>) {
        let mut open: Vec<(usize, K)> = self
            .open_before()
            .into_iter()
            .filter_map(|older| key(&self.before[older].statement).map(|key| (older, key)))
            .collect();
        for newer in self.open_after() {
            let wanted = key(&self.after[newer].statement);
            let found = open.iter().position(|(_, key)| Some(key) == wanted.as_ref());
            self.older_of[newer] = found.map(|found| open.remove(found).0);
        }
    }

    fn by_similarity(&mut self) {
        let older: Vec<_> =
            self.open_before().into_iter().map(|at| (at, content(&self.before[at].statement))).collect();
        let newer: Vec<_> = self.open_after().into_iter().map(|at| (at, content(&self.after[at].statement))).collect();
        let mut candidates: Vec<(Reverse<usize>, usize, usize)> = Vec::new();
        for (newer, after) in &newer {
            let scored = older.iter().map(|(older, before)| (Reverse(similarity(before, after)), *newer, *older));
            candidates.extend(scored.filter(|(Reverse(similarity), _, _)| *similarity >= MIN_SIMILARITY));
        }
        candidates.sort();
        for (_, newer, older) in candidates {
            if self.older_of[newer].is_none() && !self.older_of.contains(&Some(older)) {
                self.older_of[newer] = Some(older);
            }
        }
    }
}

fn content(statement: &Statement) -> BTreeSet<Entry> {
    statement_entries(statement).into_iter().filter(Entry::is_content).collect()
}

/// The share of entries that are in both, in thousandths.
fn similarity(before: &BTreeSet<Entry>, after: &BTreeSet<Entry>) -> usize {
    let common = before.intersection(after).count();
    (2000 * common).checked_div(before.len() + after.len()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::normal::same_document;
    use super::super::properties::any_document;
    use super::super::read::read_lenient;
    use super::*;

    fn document(statements: &[&str]) -> Document {
        read_lenient(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))).unwrap()
    }

    /// The diff as a person would see it.
    fn shown(before: &[&str], after: &[&str]) -> String {
        show(&diff(Some(&document(before)), Some(&document(after))))
    }

    fn show(diff: &DocumentDiff) -> String {
        let line = |line: &DiffLine| {
            let sign = match line.kind {
                LineKind::Context => ' ',
                LineKind::Remove => '-',
                LineKind::Add => '+',
            };
            format!("{sign} {} {}", line.member, line.value)
        };
        let mut shown: Vec<String> = diff.lines.iter().map(line).collect();
        for statement in &diff.statements {
            shown.push(format!("{:?} {}", statement.change, statement.title));
            shown.extend(statement.lines.iter().map(line));
        }
        shown.push(format!("{} unchanged", diff.unchanged));
        shown.join("\n")
    }

    const READ: &str = r#"{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}"#;
    const WRITE: &str = r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::c/*"}"#;
    const DENY: &str = r#"{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::c/keep/*"}"#;

    #[test]
    fn the_same_documents_have_no_difference() {
        let other_writing = WRITE.replace(r#""s3:PutObject""#, r#"["s3:PutObject","s3:PutObject"]"#);
        assert_eq!(shown(&[READ, WRITE, WRITE, DENY], &[DENY, &other_writing, READ]), "3 unchanged");
    }

    #[test]
    fn one_action_is_one_line_out_and_one_line_in() {
        let edited = READ.replace("s3:GetObject", "s3:Get*");
        assert_eq!(
            shown(&[READ, WRITE], &[WRITE, &edited]),
            "Changed Read\n- action \"s3:GetObject\"\n+ action \"s3:Get*\"\n1 unchanged"
        );
        let fewer = READ.replace(r#","s3:ListBucket""#, "");
        assert_eq!(shown(&[READ, WRITE], &[&fewer, WRITE]), "Changed Read\n- action \"s3:ListBucket\"\n1 unchanged");
    }

    #[test]
    fn statements_without_an_id_are_matched_by_content() {
        let edited = WRITE.replace("c/*", "c/new/*");
        assert_eq!(
            shown(&[WRITE, READ], &[DENY, READ, &edited]),
            "Added statement 1\n\
             + effect \"Deny\"\n\
             + action \"s3:DeleteObject\"\n\
             + resource \"arn:aws:s3:::c/keep/*\"\n\
             Changed statement 3\n\
             - resource \"arn:aws:s3:::c/*\"\n\
             + resource \"arn:aws:s3:::c/new/*\"\n\
             1 unchanged"
        );
    }

    #[test]
    fn the_most_alike_statements_are_matched_first() {
        let statement = |actions: &str| format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"x"}}"#);
        let (ab, abc, abd) = (statement(r#""a","b""#), statement(r#""a","b","c""#), statement(r#""a","b","d""#));
        assert_eq!(
            shown(&[&ab, &abc], &[&abd, &abc]),
            "Changed statement 1\n+ action \"d\"\n1 unchanged",
            "equal content comes before likeness"
        );
        let abcd = statement(r#""a","b","c","d""#);
        assert_eq!(
            shown(&[&ab, &abc], &[&abcd]),
            "Changed statement 1\n+ action \"d\"\nRemoved statement 1\n- effect \"Allow\"\n- action \"a\"\n- action \"b\"\n- resource \"x\"\n0 unchanged"
        );
    }

    #[test]
    fn unlike_statements_are_one_gone_and_one_new() {
        let shown = shown(&[WRITE], &[DENY]);
        assert!(shown.starts_with("Added statement 1\n+ effect") && shown.contains("\nRemoved statement 1\n- effect"));
    }

    #[test]
    fn another_sid_is_shown_as_such() {
        let renamed = READ.replace("\"Read\"", "\"ReadAll\"");
        assert_eq!(
            shown(&[READ, DENY], &[&renamed, DENY]),
            "Changed ReadAll\n- sid \"Read\"\n+ sid \"ReadAll\"\n1 unchanged"
        );
        let named = WRITE.replace("{\"Effect\"", "{\"Sid\":\"W\",\"Effect\"");
        assert_eq!(shown(&[WRITE], &[&named]), "Changed W\n+ sid \"W\"\n0 unchanged");
    }

    #[test]
    fn the_effect_is_shown_where_it_turns_the_meaning_around() {
        let edited = DENY.replace("DeleteObject", "Delete*");
        assert_eq!(
            shown(&[DENY], &[&edited]),
            "Changed statement 1\n  effect \"Deny\"\n- action \"s3:DeleteObject\"\n+ action \"s3:Delete*\"\n0 unchanged"
        );
        let flipped = DENY.replace("Deny", "Allow");
        assert_eq!(
            shown(&[DENY], &[&flipped]),
            "Changed statement 1\n- effect \"Deny\"\n+ effect \"Allow\"\n0 unchanged"
        );
    }

    #[test]
    fn negation_conditions_and_unknown_members_are_compared_entry_by_entry() {
        let before = r#"{"Sid":"A","Effect":"Allow","Action":"x","Resource":"r","Principal":"*",
            "Condition":{"StringLike":{"s3:prefix":["a","b"]},"IpAddress":{"aws:SourceIp":[]}}}"#;
        let after = r#"{"Sid":"A","Effect":"Allow","NotAction":"x","Resource":"r",
            "Condition":{"StringLike":{"s3:prefix":["b","c"]},"IpAddress":{"aws:SourceIp":"10.0.0.1"}}}"#;
        assert_eq!(
            shown(&[before], &[after]),
            "Changed A\n\
             - action \"x\"\n\
             + not_action \"x\"\n\
             - condition IpAddress aws:SourceIp []\n\
             - condition StringLike s3:prefix \"a\"\n\
             + condition IpAddress aws:SourceIp \"10.0.0.1/32\"\n\
             + condition StringLike s3:prefix \"c\"\n\
             - Principal {\"AWS\":[\"*\"]}\n\
             0 unchanged"
        );
    }

    #[test]
    fn the_outside_of_a_document_is_compared_too() {
        let before = Document { version: Some("2008-10-17".into()), id: Some("i".into()), ..document(&[WRITE]) };
        let after = Document { version: None, ..document(&[WRITE]) };
        assert_eq!(
            show(&diff(Some(&before), Some(&after))),
            "- version \"2008-10-17\"\n+ version \"2012-10-17\"\n- id \"i\"\n1 unchanged"
        );
    }

    #[test]
    fn a_document_comes_and_goes_whole() {
        let whole = document(&[WRITE, READ]);
        let added = diff(None, Some(&whole));
        assert!(added.statements.iter().all(|statement| statement.change == Change::Added));
        assert!(show(&added).starts_with("+ version \"2012-10-17\"\nAdded statement 1\n+ effect \"Allow\""));
        let removed = diff(Some(&whole), None);
        assert_eq!(show(&removed).matches("Removed").count(), 2);
        assert_eq!(show(&diff(None, None)), "0 unchanged");
    }

    #[test]
    fn statements_that_changed_places_are_unchanged() {
        let allow = DENY.replace("Deny", "Allow");
        assert_eq!(shown(&[&allow, DENY], &[DENY, &allow]), "2 unchanged");
        let twin = READ.replace("s3:GetObject", "s3:PutObject");
        assert_eq!(shown(&[READ, &twin], &[&twin, READ]), "2 unchanged");
    }

    proptest! {
        #[test]
        fn there_is_a_difference_exactly_when_the_documents_are_not_the_same(
            before in any_document(),
            after in any_document(),
            kept in any::<bool>(),
        ) {
            let mut after = after;
            if kept {
                after = Document { statements: before.statements.iter().rev().cloned().collect(), ..after };
            }
            let diff = diff(Some(&before), Some(&after));
            prop_assert_eq!(diff.lines.is_empty() && diff.statements.is_empty(), same_document(&before, &after));
        }
    }
}
