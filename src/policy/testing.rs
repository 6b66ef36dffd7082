//! Documents for tests.

use super::{Document, Effect, Selector, Statement, read_lenient};

/// The text of a document with these statements.
pub(super) fn text(statements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

/// A document with these statements.
pub(super) fn document(statements: &str) -> Document {
    read_lenient(&text(statements)).unwrap()
}

/// The text of a statement about resources behind the prefix of S3, with more members, each behind a comma.
pub(super) fn statement(effect: &str, action: &str, resource: &str, more: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Action": "{action}", "Resource": "arn:aws:s3:::{resource}"{more}}}"#)
}

/// The text of a document with one statement of these members. The missing ones are
/// `"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"`.
pub(super) fn completed(members: &str) -> String {
    let usual = [
        ("\"Effect\"", "\"Effect\"", r#""Effect": "Allow""#),
        ("\"Action\"", "\"NotAction\"", r#""Action": "s3:GetObject""#),
        ("\"Resource\"", "\"NotResource\"", r#""Resource": "arn:aws:s3:::bucket/*""#),
    ];
    let missing = usual.iter().filter(|(name, other, _)| !members.contains(name) && !members.contains(other));
    let all = missing.map(|(_, _, member)| *member).chain([members]).filter(|member| !member.is_empty());
    text(&format!("{{{}}}", all.collect::<Vec<_>>().join(", ")))
}

/// A document of statements: effect, actions and resources. Several are separated by `|`; behind a `!`, they are those that are
/// left out.
pub(super) fn plain(statements: &[(&str, &str, &str)]) -> Document {
    let selector = |texts: &str| match texts.strip_prefix('!') {
        Some(others) => Selector { negated: true, ..Selector::any_of(others.split('|')) },
        None => Selector::any_of(texts.split('|')),
    };
    let statement = |(effect, actions, resources): &(&str, &str, &str)| {
        let effect = if *effect == "Deny" { Effect::Deny } else { Effect::Allow };
        let (actions, resources) = (selector(actions), selector(resources));
        Statement { actions, resources, ..Statement::plain(effect, [], []) }
    };
    let version = Some("2012-10-17".to_owned());
    Document { version, statements: statements.iter().map(statement).collect(), ..Document::default() }
}
