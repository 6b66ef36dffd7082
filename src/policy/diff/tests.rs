//! An edit shows as that edit, wherever it stands.

use proptest::prelude::*;

use super::super::arbitrary::any_document;
use super::super::normal::same_document;
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
    let line = |line: &Line| {
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
fn statements_without_an_id_are_matched_by_what_they_are_about() {
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
    assert_eq!(shown(&[DENY], &[&flipped]), "Changed statement 1\n- effect \"Deny\"\n+ effect \"Allow\"\n0 unchanged");
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
