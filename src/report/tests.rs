//! The meaning of cells, by documents for each case.

use std::collections::BTreeMap;

use super::{Bucket, Cell, Grade, Grades, Matrix, Reach, Scope, State, report};
use crate::base::{GroupName, PolicyName, Principal, UserName};
use crate::observed::Body;
use crate::policy::access::{ALL_RULES, RuleList};
use crate::policy::{Catalogue, normal, read};

fn state(policies: &[(&str, &str)], attachments: &[(&str, Option<&str>)]) -> State {
    let document = |statements: &str| {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        Body::Known(normal(&read(&text).document.unwrap()))
    };
    let who = |name: &str| match name.strip_prefix("group/") {
        Some(group) => Principal::from(&GroupName::reported(group)),
        None => Principal::from(&UserName::reported(name)),
    };
    State {
        policies: policies.iter().map(|(name, text)| (PolicyName::reported(*name), document(text))).collect(),
        attachments: attachments.iter().map(|(name, policy)| (who(name), policy.map(PolicyName::reported))).collect(),
        lists: BTreeMap::new(),
        attachments_known: true,
        groups_known: true,
        ..State::default()
    }
}

fn allow(actions: &str, resource: &str) -> String {
    statement("Allow", actions, resource, "")
}

fn statement(effect: &str, actions: &str, resource: &str, more: &str) -> String {
    let list = |texts: &str, prefix: &str| {
        texts.split(' ').map(|text| format!("\"{prefix}{text}\"")).collect::<Vec<_>>().join(",")
    };
    let (actions, resources) = (list(actions, "s3:"), list(resource, "arn:aws:s3:::"));
    format!(r#"{{"Effect": "{effect}", "Action": [{actions}], "Resource": [{resources}]{more}}}"#)
}

fn matrix(looked: Scope) -> Matrix {
    by_rules(looked, &ALL_RULES)
}

fn by_rules(scope: Scope, rules: &RuleList) -> Matrix {
    report(scope, None, None, (&Catalogue::newest(), rules)).matrix
}

/// The columns with the letters of one document's grades by both rules: `-` none, `?` depends, `p` part, `a` all, `!` unknown.
fn cells(document: &str, principal: &str) -> BTreeMap<String, String> {
    let matrix = matrix(Scope::Cluster(state(&[("p", document)], &[(principal, Some("p"))])));
    let shown = |cell: &Cell| (name(&matrix.buckets[cell.bucket]), letters(cell.before));
    matrix.rows.iter().flat_map(|row| &row.cells).map(shown).collect()
}

fn name(bucket: &Bucket) -> String {
    match bucket {
        Bucket::Named(name) => name.clone(),
        Bucket::Pattern(pattern) => format!("~{pattern}"),
        Bucket::Others(_) => "others".to_owned(),
    }
}

fn letters(Grades { aws, minio }: Grades) -> String {
    let letter = |reach| match reach {
        Reach::None => '-',
        Reach::Depends => '?',
        Reach::Part => 'p',
        Reach::All => 'a',
        Reach::Unknown => '!',
    };
    let letters = |grade: Grade| [grade.read, grade.write, grade.admin].map(letter).iter().collect::<String>();
    if aws == minio { letters(aws) } else { format!("{} {}", letters(aws), letters(minio)) }
}

fn expect(document: &str, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())).collect();
    assert_eq!(cells(document, "al"), expected, "{document}");
}

#[test]
fn cells_have_none_part_and_all_of_each_class() {
    expect(&allow("GetObject ListBucket", "logs logs/*"), &[("logs", "a--")]);
    expect(&allow("GetObject", "logs/*"), &[("logs", "p--")]);
    expect(&allow("GetObject", "logs/2024/*"), &[("logs", "p--")]);
    expect(&allow("GetObjectTagging", "logs/*"), &[("logs", "p--")]);
    expect(&allow("PutObject DeleteObject", "logs/*"), &[("logs", "-a-")]);
    expect(&allow("PutBucketPolicy", "logs"), &[("logs", "--p")]);
    expect(&allow("*", "logs logs/*"), &[("logs", "aaa")]);
    expect(&allow("ListAllMyBuckets", "*"), &[]);
}

#[test]
fn rules_that_disagree_have_two_grades() {
    expect(&allow("*", "logs/*"), &[("logs", "pap aaa")]);
}

#[test]
fn denied_access_is_missing() {
    let denied =
        |resource: &str| [allow("GetObject ListBucket", "*"), statement("Deny", "GetObject", resource, "")].join(",");
    expect(&denied("logs/*"), &[("logs", "p--"), ("others", "a--")]);
    expect(&denied("logs/secret/*"), &[("logs", "p--"), ("others", "a--")]);
    let all = [allow("*", "*"), statement("Deny", "*", "logs logs/*", "")].join(",");
    expect(&all, &[("others", "aaa")]);
}

#[test]
fn conditional_access_depends_unless_something_is_always_allowed() {
    let inside = r#", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#;
    let conditional = statement("Allow", "GetObject ListBucket", "logs logs/*", inside);
    expect(&conditional, &[("logs", "?--")]);
    expect(&[conditional, allow("GetObject", "logs/public/*")].join(","), &[("logs", "p--")]);
    let denied = statement("Deny", "*", "logs logs/*", inside);
    expect(&[allow("GetObject ListBucket", "logs logs/*"), denied].join(","), &[("logs", "?--")]);
}

#[test]
fn wildcards_have_a_column_and_count_for_matching_buckets() {
    let document = [allow("GetObject ListBucket", "ml-*"), allow("PutObject DeleteObject", "ml-data/*")].join(",");
    expect(&document, &[("ml-data", "aa-"), ("~ml-*", "ap-")]);
    expect(&allow("GetObject ListBucket", "*"), &[("others", "a--")]);
}

#[test]
fn a_variable_is_the_user_of_the_row_and_open_for_a_group() {
    let home = allow("GetObject ListBucket", "home-${aws:username} home-${aws:username}/*");
    expect(&home, &[("~home-${aws:username}", "a--")]);
    let group = cells(&home, "group/ml");
    assert_eq!(group["~home-${aws:username}"], "?--");
    let state = state(
        &[("own", &home), ("als", &allow("GetObject ListBucket", "home-al home-al/*"))],
        &[("al", Some("als")), ("bo", Some("als")), ("cy", Some("own"))],
    );
    let matrix = matrix(Scope::File(state));
    let of = |row: usize, column: &str| {
        let cell = matrix.rows[row].cells.iter().find(|cell| name(&matrix.buckets[cell.bucket]) == column);
        cell.map(|cell| letters(cell.after)).unwrap_or_default()
    };
    assert_eq!(of(0, "~home-${aws:username}"), "a--", "the bucket is al's own");
    assert_eq!(of(1, "~home-${aws:username}"), "");
    assert_eq!(of(1, "home-al"), "a--");
    assert_eq!(of(2, "~home-${aws:username}"), "a--");
}

#[test]
fn equal_rows_are_merged_with_before_and_after() {
    let (old, new) = (allow("GetObject", "logs/*"), allow("GetObject ListBucket", "logs logs/*"));
    let before = state(&[("p", &old)], &[("al", Some("p")), ("bo", None), ("cy", Some("p"))]);
    let after = state(&[("p", &new)], &[("al", Some("p")), ("bo", None), ("cy", Some("p"))]);
    let matrix = matrix(Scope::Both { before, after });
    assert_eq!(matrix.rows.len(), 2);
    assert_eq!(matrix.rows[0].principals.len(), 2);
    let cell = matrix.rows[0].cells[0];
    assert_eq!((letters(cell.before), letters(cell.after)), ("p--".to_owned(), "a--".to_owned()));
    assert!(matrix.rows[1].cells.is_empty());
}

#[test]
fn an_unknown_document_is_unknown_access() {
    let attachments = [("al", Some("p")), ("bo", Some("unread")), ("cy", Some("gone"))];
    let mut unknown = state(&[("p", &allow("GetObject", "logs/*"))], &attachments);
    unknown.policies.insert(PolicyName::reported("unread"), Body::NotRead);
    let matrix = matrix(Scope::Cluster(unknown));
    assert_eq!(letters(matrix.rows[1].cells[0].before), "!!!");
    assert!(matrix.rows[2].cells.is_empty(), "a policy that does not exist gives nothing");
}

#[test]
fn only_the_rules_that_count_give_access() {
    let document = allow("ListBucket GetObject", "logs/*");
    let cell = |rules: &str| {
        let scope = Scope::Cluster(state(&[("p", &document)], &[("al", Some("p"))]));
        let matrix = by_rules(scope, &rules.parse().unwrap());
        matrix.rows.iter().flat_map(|row| &row.cells).map(|cell| cell.before).next().unwrap()
    };
    let all = Grade { read: Reach::All, ..Grade::default() };
    let part = Grade { read: Reach::Part, ..Grade::default() };
    assert_eq!(cell("minio-2021, minio-2026, aws"), Grades { aws: part, minio: all });
    assert_eq!(cell("minio-2021"), Grades { aws: Grade::default(), minio: all });
    assert_eq!(cell("aws"), Grades { aws: part, minio: Grade::default() });
}
