//! Which documents are the same, for chosen pairs and for random spellings of random documents.

use proptest::prelude::*;

use super::*;
use crate::policy::properties::{Random, any_document};
use crate::policy::read::{read, read_lenient};
use crate::policy::testing::completed;

fn statement(members: &str) -> Document {
    document(&completed(members))
}

fn document(text: &str) -> Document {
    read_lenient(text).unwrap()
}

#[track_caller]
fn assert_same(before: &Document, after: &Document) {
    assert_eq!(normal(before).json(), normal(after).json());
    assert_eq!(sameness(before, after), Sameness::Same);
}

#[track_caller]
fn assert_different(before: &Document, after: &Document) {
    assert_ne!(normal(before).json(), normal(after).json());
    assert_eq!(sameness(before, after), Sameness::Different);
}

#[test]
fn the_rendering_is_minified_and_in_one_order() {
    let document = document(
        r#"{"Statement": [
            {"Resource": "b", "Effect": "Deny", "NotAction": ["s3:b", "s3:a", "s3:b"], "Sid": "Z"},
            {"Condition": {"StringLike": {"k": "v"}, "Bool": {"y": true, "x": "1"}}, "NotResource": "c", "Action": "s3:*", "Effect": "Allow"}
        ], "Id": "i"}"#,
    );
    let expected = concat!(
        r#"{"Version":"2012-10-17","Id":"i","Statement":["#,
        r#"{"Effect":"Allow","Action":["s3:*"],"NotResource":["c"],"#,
        r#""Condition":{"Bool":{"x":["1"],"y":["true"]},"StringLike":{"k":["v"]}}},"#,
        r#"{"Sid":"Z","Effect":"Deny","NotAction":["s3:a","s3:b"],"Resource":["b"]}]}"#,
    );
    assert_eq!(normal(&document).json(), expected);
    assert_eq!(normal(&document).len(), expected.len());
}

/// Each pair is one writing difference within a statement.
#[test]
fn statements_that_differ_in_writing_are_the_same() {
    let pairs = [
        (r#""Action": "s3:*", "Resource": "x""#, r#""Resource":"x","Action":"s3:\u002a""#),
        (r#""Action": "s3:a", "Resource": "x""#, r#""Action": ["s3:a"], "Resource": ["x"]"#),
        (r#""NotAction": "s3:a", "NotResource": "x""#, r#""NotAction": ["s3:a"], "NotResource": ["x"]"#),
        (r#""Action": ["s3:a", "s3:b"]"#, r#""Action": ["s3:b", "s3:a", "s3:b"]"#),
        (r#""Resource": ["x", "y"]"#, r#""Resource": ["y", "x", "y"]"#),
        (
            r#""Condition": {"StringLike": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}"#,
            r#""Condition": {"Bool": {"c": ["true"]}, "StringLike": {"b": ["2", "2"], "a": "1"}}"#,
        ),
        (r#""Condition": {"StringLike": {"a": ["1", "2"]}}"#, r#""Condition": {"StringLike": {"a": ["2", "1"]}}"#),
        (r#""Condition": {"Bool": {"a": true}}"#, r#""Condition": {"Bool": {"a": "true"}}"#),
        (r#""Condition": {"NumericEquals": {"a": 10}}"#, r#""Condition": {"NumericEquals": {"a": "10"}}"#),
        (r#""Condition": {"StringEquals": {"a": 100.01}}"#, r#""Condition": {"StringEquals": {"a": "100.01"}}"#),
        (r#""Condition": {"IpAddress": {"a": "10.0.0.1"}}"#, r#""Condition": {"IpAddress": {"a": "10.0.0.1/32"}}"#),
        (
            r#""Condition": {"NotIpAddress": {"a": "192.168.1.10/24"}}"#,
            r#""Condition": {"NotIpAddress": {"a": "192.168.1.0/24"}}"#,
        ),
        (r#""Condition": {"NumericEquals": {"a": "010"}}"#, r#""Condition": {"NumericEquals": {"a": 10}}"#),
        (r#""Condition": {"Null": {"a": "T"}}"#, r#""Condition": {"Null": {"a": true}}"#),
        (
            r#""Condition": {"DateLessThan": {"a": "2024-05-01T02:00:00+02:00"}}"#,
            r#""Condition": {"DateLessThan": {"a": "2024-05-01T00:00:00Z"}}"#,
        ),
        (r#""Sid": """#, ""),
        (r#""Action": "s3:**", "Resource": "b/*?*""#, r#""Action": "s3:*", "Resource": "b/?*""#),
        (r#""Principal": "*""#, r#""Principal": {"AWS": "*"}"#),
        (r#""Principal": {"AWS": ["*"]}"#, r#""Principal": {"AWS": "*"}"#),
        (r#""Principal": {"AWS": ["b", "a", "b"]}"#, r#""Principal": {"AWS": ["a", "b"]}"#),
    ];
    for (before, after) in pairs {
        assert_same(&statement(before), &statement(after));
    }
}

const ONE: &str = r#"{"Effect": "Allow", "Action": "s3:a", "Resource": "x"}"#;

#[test]
fn documents_that_differ_in_writing_are_the_same() {
    let one =
        document(r#"{"Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":"s3:a","Resource":"x"}]}"#);
    let others = [
        r#"{"Statement": [{"Effect":"Allow","Action":"s3:a","Resource":"x"}], "Version": "2012-10-17"}"#,
        r#"{"Version": "2012-10-17", "Statement": {"Effect":"Allow","Action":"s3:a","Resource":"x"}}"#,
        r#"{"Version": "2012-10-17", "Id": "", "Statement": {"Effect":"Allow","Action":"s3:a","Resource":"x"}}"#,
        r#"{"Statement": {"Effect":"Allow","Action":"s3:a","Resource":"x"}}"#,
        r#"{"Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":"s3:a","Resource":"x"},
                                                    {"Effect":"Allow","Action":["s3:a"],"Resource":"x"}]}"#,
    ];
    for other in others {
        assert_same(&one, &document(other));
    }
    let id = format!(r#"{{"Id": "i", "Statement": [{ONE}]}}"#);
    assert_same(&read_lenient(&id).unwrap(), &read_lenient(&id.replace("\"Id\"", "\"ID\"")).unwrap());
}

#[test]
fn the_order_of_statements_does_not_count() {
    let text = |first: &str, second: &str| {
        let [first, second] = [first, second].map(|action| ONE.replace("s3:a", action));
        read_lenient(&format!(r#"{{"Statement": [{first}, {second}]}}"#)).unwrap()
    };
    assert_same(&text("s3:b", "s3:c"), &text("s3:c", "s3:b"));
}

/// Each pair looks like a difference of writing, and is more.
#[test]
fn statements_that_mean_something_else_to_some_server_are_different() {
    let pairs = [
        (r#""Action": "s3:GetObject""#, r#""Action": "s3:getobject""#),
        (r#""Action": "s3:GetObject""#, r#""Action": "S3:GetObject""#),
        (r#""Resource": "arn:aws:s3:::b""#, r#""Resource": "arn:aws:s3:::B""#),
        (r#""Condition": {"StringLike": {"aws:A": "1"}}"#, r#""Condition": {"StringLike": {"aws:a": "1"}}"#),
        (r#""Condition": {"StringLike": {"a": "1"}}"#, r#""Condition": {"stringlike": {"a": "1"}}"#),
        (r#""Resource": "${aws:username}""#, r#""Resource": "${AWS:UserName}""#),
        (r#""Action": "*""#, r#""Action": "s3:*""#),
        (r#""Resource": "*""#, r#""Resource": "arn:aws:s3:::*""#),
        (r#""Action": ["s3:GetObject", "s3:GetObjectTagging"]"#, r#""Action": "s3:GetObject*""#),
        (r#""Action": ["s3:Get*", "s3:GetObject"]"#, r#""Action": "s3:Get*""#),
        (r#""Resource": ["b/*", "b/x/*"]"#, r#""Resource": "b/*""#),
        (r#""Resource": "b""#, r#""Resource": "b/""#),
        (r#""Resource": "b/*""#, r#""Resource": "b/?*""#),
        (r#""Resource": "b/x""#, r#""Resource": "b/x/""#),
        (r#""Principal": "*""#, ""),
        (r#""Principal": {"AWS": []}"#, ""),
        (r#""Condition": {}"#, ""),
        (r#""Condition": {"StringLike": {}}"#, ""),
        (r#""Condition": {"Bool": {"a": "True"}}"#, r#""Condition": {"Bool": {"a": "true"}}"#),
        (r#""Condition": {"Bool": {"a": "1"}}"#, r#""Condition": {"Bool": {"a": "true"}}"#),
        (r#""Condition": {"IpAddress": {"a": "::1"}}"#, r#""Condition": {"IpAddress": {"a": "::1/128"}}"#),
        (r#""Condition": {"StringEquals": {"a": "010"}}"#, r#""Condition": {"StringEquals": {"a": "10"}}"#),
        (r#""Resource": "b/\u00e9""#, r#""Resource": "b/e\u0301""#),
        (r#""Resource": "x", "Comment": 1"#, r#""Resource": "x""#),
    ];
    for (before, after) in pairs {
        assert_different(&statement(before), &statement(after));
    }
}

#[test]
fn split_statements_and_other_versions_are_different() {
    let split = document(
        r#"{"Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":"s3:a","Resource":"x"},
                                                    {"Effect":"Allow","Action":"s3:b","Resource":"x"}]}"#,
    );
    assert_different(&split, &statement(r#""Action": ["s3:a", "s3:b"], "Resource": "x""#));
    let version = |version: &str| Document { version: Some(version.into()), ..split.clone() };
    assert_different(&version("2008-10-17"), &split);
    assert_same(&version(""), &split);
}

#[test]
fn no_version_is_not_the_usual_one_where_variables_are_used() {
    let with = statement(r#""Resource": "arn:aws:s3:::b/${aws:username}/*""#);
    assert_different(&Document { version: None, ..with.clone() }, &with);
    let value = statement(r#""Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}"#);
    assert_different(&Document { version: None, ..value.clone() }, &value);
}

#[test]
fn other_ids_are_a_difference_of_ids_only() {
    let named = statement(r#""Sid": "A""#);
    assert_eq!(sameness(&named, &statement(r#""Sid": "B""#)), Sameness::IdsOnly);
    assert_eq!(sameness(&named, &statement("")), Sameness::IdsOnly);
    assert_eq!(sameness(&named, &Document { id: Some("i".into()), ..named.clone() }), Sameness::IdsOnly);
    assert!(!same_document(&named, &statement("")));

    let mut twice = named.clone();
    twice.statements.push(Statement { sid: Some("B".into()), ..named.statements[0].clone() });
    assert_eq!(sameness(&named, &twice), Sameness::Different);
}

#[test]
fn a_change_of_ids_does_not_hide_behind_another_order() {
    let pair = |first: &str, second: &str| {
        let text = format!(
            r#"{{"Statement": [{{"Sid":"{first}","Effect":"Allow","Action":"s3:a","Resource":"x"}},
                              {{"Sid":"{second}","Effect":"Allow","Action":"s3:b","Resource":"x"}}]}}"#
        );
        read_lenient(&text).unwrap()
    };
    assert_eq!(sameness(&pair("A", "B"), &pair("B", "A")), Sameness::IdsOnly);
}

#[test]
fn values_have_one_spelling() {
    let cases = [
        ("IpAddress", "10.1.2.3", "10.1.2.3/32"),
        ("NotIpAddress", "192.168.1.10/24", "192.168.1.0/24"),
        ("IpAddress", "10.1.2.3/0", "0.0.0.0/0"),
        ("IpAddress", "10.1.2.3/33", "10.1.2.3/33"),
        ("IpAddress", "10.1.2.3/+8", "10.1.2.3/+8"),
        ("IpAddress", "2001:DB8:0::1/32", "2001:db8::/32"),
        ("IpAddress", "::1/0", "::/0"),
        ("IpAddress", "2001:DB8::1", "2001:DB8::1"),
        ("NumericLessThan", "010", "10"),
        ("NumericEquals", "-0", "0"),
        ("NumericEquals", "1.0", "1.0"),
        ("NumericEqualsIfExists", "+7", "7"),
        ("Null", "T", "true"),
        ("Null", "0", "false"),
        ("Null", "yes", "yes"),
        ("DateLessThan", "2024-05-01T02:00:00+02:00", "2024-05-01T00:00:00Z"),
        ("DateLessThan", "2024-05-01T00:00:00.75Z", "2024-05-01T00:00:00Z"),
        ("DateLessThan", "2024-05-01", "2024-05-01"),
        ("ForAnyValue:NumericEquals", "007", "7"),
        ("Bool", "True", "True"),
        ("StringEquals", "010", "010"),
    ];
    for (operator, value, folded) in cases {
        assert_eq!(fold_value(operator, value), folded, "{operator} {value}");
    }
}

#[test]
fn runs_of_wildcards_have_one_spelling() {
    let cases = [
        ("**", "*"),
        ("*?", "?*"),
        ("?*?*", "??*"),
        ("??", "??"),
        ("a**b*?c", "a*b?*c"),
        ("${*}**", "${*}*"),
        ("${a*?}$*?", "${a*?}$?*"),
        ("${unclosed**", "${unclosed*"),
        ("é**", "é*"),
        ("", ""),
    ];
    for (pattern, folded) in cases {
        assert_eq!(fold_wildcards(pattern), folded, "{pattern}");
    }
}

/// Another spelling of a document.
fn respelled(document: &Document, random: &mut Random) -> Document {
    let patterns = |selector: &Selector, random: &mut Random| {
        let patterns =
            selector.patterns.iter().map(|text| text.replace('*', random.pick(&["*", "**", "***"]))).collect();
        Selector { negated: selector.negated, patterns: mixed(patterns, random) }
    };
    let statements = document.statements.iter().map(|statement| Statement {
        actions: patterns(&statement.actions, random),
        resources: patterns(&statement.resources, random),
        conditions: {
            let clauses = statement.conditions.iter();
            let clauses = clauses
                .map(|clause| Clause { values: mixed(clause.values.clone(), random), ..clause.clone() })
                .collect();
            mixed(clauses, random)
        },
        ..statement.clone()
    });
    let statements = statements.collect();
    Document { statements: mixed(statements, random), ..document.clone() }
}

/// A set in another order, perhaps with a repeated element.
fn mixed<T: Clone>(mut items: Vec<T>, random: &mut Random) -> Vec<T> {
    if !items.is_empty() && random.below(2) == 0 {
        items.push(random.pick(&items));
    }
    for end in (1..items.len()).rev() {
        items.swap(end, random.below(end + 1));
    }
    items
}

proptest! {
    #[test]
    fn the_normal_form_does_not_depend_on_the_spelling(document in any_document(), seed in any::<u64>()) {
        let (respelled, plain) = (normal(&respelled(&document, &mut Random(seed))), normal(&document));
        prop_assert_eq!(respelled.json(), plain.json());
    }

    #[test]
    fn the_normal_form_is_its_own_normal_form(document in any_document()) {
        let once = normal(&document);
        let read = read(once.json());
        prop_assert_eq!(read.problems.len(), 0);
        let read = read.document.unwrap();
        prop_assert_eq!(&read, once.document());
        let twice = normal(&read);
        prop_assert_eq!(twice.json(), once.json());
    }
}
