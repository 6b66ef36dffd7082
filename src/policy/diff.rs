//! The difference of two documents: by statement and entry, and in access.
//!
//! Both documents are compared in normal form. So another spelling is no change, and the edit of one action is one removed
//! line and one added line, wherever it is.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::access::{Access, Basis, Context, basis, difference};
use super::bucket_policy::for_everyone;
use super::document::{Document, Effect, Statement};
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
    /// What it rests on that the access is the same.
    pub basis: Vec<Basis>,
}

impl Compared {
    /// Whether certainly both give the same access.
    pub fn same_access(&self) -> bool {
        self.access.gains_nothing() && self.access.loses_nothing()
    }
}

/// Compares two documents. The access engine only runs if more than ids differ. The access of a bucket policy is that of
/// requests without a login.
pub fn compared(before: Document, after: Document, context: &Context<'_>) -> Compared {
    let sameness = sameness(&before, &after);
    let (access, basis) = match sameness {
        Sameness::Same | Sameness::IdsOnly => (Access::default(), Vec::new()),
        Sameness::Different => {
            let (before, after) = (for_everyone(&before), for_everyone(&after));
            let access = difference(Some(&before), Some(&after), context);
            let basis = if access == Access::default() { basis(&before, &after, context) } else { Vec::new() };
            (access, basis)
        }
    };
    Compared { before, after, sameness, access, basis }
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
    /// Its index in the newer document, if that has it.
    pub after: Option<usize>,
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
pub fn diff(before: Option<&Document>, after: Option<&Document>) -> DocumentDiff {
    let outside = |document: Option<&Document>| {
        document.map(|document| document_entries(normal(document).document())).unwrap_or_default()
    };
    let lines = changed_lines(&outside(before), &outside(after));
    let (before, after) = (numbered(before), numbered(after));
    let older_of = pair(&before, &after);
    let in_after = after.iter().zip(&older_of).map(|(after, older)| (older.map(|older| &before[older]), Some(after)));
    let removed = (0..before.len()).filter(|older| !older_of.contains(&Some(*older)));
    let all = in_after.chain(removed.map(|older| (Some(&before[older]), None)));
    let found: Vec<_> = all.map(|(before, after)| statement_diff(before, after)).collect();
    let unchanged = found.iter().filter(|change| change.is_none()).count();
    DocumentDiff { lines, statements: found.into_iter().flatten().collect(), unchanged }
}

struct Numbered {
    /// Its number in its document, from 1.
    number: usize,
    statement: Statement,
    entries: BTreeSet<Entry>,
    /// The entries behind the effect: actions, resources, conditions.
    content: BTreeSet<Entry>,
}

/// The statements of a document in document order. A repeated one counts once.
fn numbered(document: Option<&Document>) -> Vec<Numbered> {
    let mut numbered: Vec<Numbered> = Vec::new();
    for (at, statement) in document.into_iter().flat_map(|document| document.statements.iter().enumerate()) {
        let statement = normal_statement(statement);
        if !numbered.iter().any(|earlier| earlier.statement == statement) {
            let entries = statement_entries(&statement);
            let content = entries.iter().filter(|entry| entry.rank > rank_of(EFFECT)).cloned().collect();
            numbered.push(Numbered { number: at + 1, statement, entries, content });
        }
    }
    numbered
}

/// `None` when nothing changed.
fn statement_diff(before: Option<&Numbered>, after: Option<&Numbered>) -> Option<StatementDiff> {
    let change = match (before, after) {
        (None, _) => Change::Added,
        (Some(_), Some(_)) => Change::Changed,
        (Some(_), None) => Change::Removed,
    };
    let entries = |side: Option<&Numbered>| side.map(|statement| statement.entries.clone()).unwrap_or_default();
    let mut lines = changed_lines(&entries(before), &entries(after));
    if lines.is_empty() {
        return None;
    }
    let denies = |side: Option<&Numbered>| side.is_some_and(|one| one.statement.effect == Effect::Deny);
    if denies(before) && denies(after) {
        // An added entry narrows access and a removed one widens it. So the effect is shown.
        lines.insert(0, effect_entry(Effect::Deny).line(LineKind::Context));
    }
    let index = after.map(|after| after.number - 1);
    let Numbered { number, statement, .. } = after.or(before)?;
    let title = statement.sid.clone().unwrap_or_else(|| format!("statement {number}"));
    Some(StatementDiff { title, after: index, change, lines })
}

/// The members of a document or a statement, in the order in which they are shown. Others follow.
const MEMBERS: [&str; 9] =
    ["version", "id", "sid", EFFECT, "action", "not_action", "resource", "not_resource", "condition"];

const EFFECT: &str = "effect";

fn rank_of(member: &str) -> usize {
    MEMBERS.iter().position(|known| *known == member).unwrap_or(MEMBERS.len())
}

/// One value of one member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rank: usize,
    member: String,
    value: String,
}

impl Entry {
    fn new(member: &str, value: String) -> Self {
        Self { rank: rank_of(member), member: member.to_owned(), value }
    }

    fn line(&self, kind: LineKind) -> DiffLine {
        DiffLine { kind, member: self.member.clone(), value: self.value.clone() }
    }
}

fn document_entries(document: &Document) -> BTreeSet<Entry> {
    let version = document.version.iter().map(|version| Entry::new("version", quoted(version)));
    let id = document.id.iter().map(|id| Entry::new("id", quoted(id)));
    version.chain(id).chain(document.extra.iter().map(|(name, json)| Entry::new(name, json.clone()))).collect()
}

fn statement_entries(statement: &Statement) -> BTreeSet<Entry> {
    let mut entries = BTreeSet::from([effect_entry(statement.effect)]);
    entries.extend(statement.sid.iter().map(|sid| Entry::new("sid", quoted(sid))));
    for (selector, plain, negated) in
        [(&statement.actions, "action", "not_action"), (&statement.resources, "resource", "not_resource")]
    {
        let member = if selector.negated { negated } else { plain };
        entries.extend(selector.patterns.iter().map(|pattern| Entry::new(member, quoted(pattern))));
    }
    for clause in &statement.conditions {
        let value = |value| Entry::new("condition", format!("{} {} {value}", clause.operator, clause.key));
        entries.extend(clause.values.iter().map(|text| value(quoted(text))));
        entries.extend(clause.values.is_empty().then(|| value("[]".to_owned())));
    }
    entries.extend(statement.extra.iter().map(|(name, json)| Entry::new(name, json.clone())));
    entries
}

fn effect_entry(effect: Effect) -> Entry {
    Entry::new(EFFECT, quoted(effect.as_str()))
}

/// The removed and added entries, member by member, removed ones first.
fn changed_lines(before: &BTreeSet<Entry>, after: &BTreeSet<Entry>) -> Vec<DiffLine> {
    let removed = before.difference(after).map(|entry| (LineKind::Remove, entry));
    let added = after.difference(before).map(|entry| (LineKind::Add, entry));
    let mut changed: Vec<_> = removed.chain(added).collect();
    changed.sort_by_key(|(kind, entry)| (entry.rank, &entry.member, *kind, &entry.value));
    changed.into_iter().map(|(kind, entry)| entry.line(kind)).collect()
}

/// The least similarity of two statements for one to continue the other, in thousandths. One action on one resource, with
/// the action or the resource replaced, reaches exactly this.
const MIN_SIMILARITY: usize = 500;

/// For each newer statement, the index of the older one that it continues. The best pairs come first.
fn pair(before: &[Numbered], after: &[Numbered]) -> Vec<Option<usize>> {
    let mut candidates = Vec::new();
    for (newer, after) in after.iter().enumerate() {
        let ranked = before.iter().enumerate().filter_map(|(older, before)| Some((rank(before, after)?, newer, older)));
        candidates.extend(ranked);
    }
    candidates.sort_unstable();
    let mut older_of = vec![None; after.len()];
    for (_, newer, older) in candidates {
        if older_of[newer].is_none() && !older_of.contains(&Some(older)) {
            older_of[newer] = Some(older);
        }
    }
    older_of
}

/// How well a statement continues an older one, best first: equal, by equal `Sid`, by equal content, by similar content.
/// `None` if it does not.
fn rank(before: &Numbered, after: &Numbered) -> Option<(usize, Reverse<usize>)> {
    let step = if before.statement == after.statement {
        0
    } else if after.statement.sid.is_some() && before.statement.sid == after.statement.sid {
        1
    } else if before.content == after.content {
        if before.statement.effect == after.statement.effect { 2 } else { 3 }
    } else {
        let similarity = similarity(&before.content, &after.content);
        return (similarity >= MIN_SIMILARITY).then_some((4, Reverse(similarity)));
    };
    Some((step, Reverse(0)))
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
    use super::super::testing;
    use super::*;

    fn document(statements: &[&str]) -> Document {
        testing::document(&statements.join(","))
    }

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
