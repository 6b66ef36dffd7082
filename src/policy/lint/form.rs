//! Rules on the form of a document: version, statements and their ids, elements, size.

use std::collections::BTreeMap;

use super::super::document::{Part, Place, Selector, Statement as PolicyStatement};
use super::super::normal::normal_statement;
use super::super::rule::Example::{Document, Statement};
use super::super::rule::{ACTION_FORM, RESOURCE_FORM, Rule, SIZE, STATEMENT_FORM};
use super::context::{Check, Context};
use super::finding::{Lint, MAX_DOCUMENT};
use crate::base::{Code, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ID_IN_IDENTITY, run: id_in_identity },
    Check { rule: &VERSION, run: version },
    Check { rule: &STATEMENT_FORM, run: no_statements },
    Check { rule: &ACTION_FORM, run: no_actions },
    Check { rule: &RESOURCE_FORM, run: no_resources },
    Check { rule: &NOT_ELEMENTS, run: not_elements },
    Check { rule: &SIZE, run: size },
    Check { rule: &DUPLICATE_STATEMENT, run: duplicate_statement },
    Check { rule: &DUPLICATE_SID, run: duplicate_sid },
    Check { rule: &SID_CHARACTERS, run: sid_characters },
];

static ID_IN_IDENTITY: Rule = Rule {
    id: "S05",
    code: Code::new("id-in-identity", "The document has an `Id`."),
    severity: Severity::Warning,
    explanation: "AWS does not allow `Id` in identity policies. Other servers ignore it.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Id": "p", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
    silent: &[Statement(r#""Sid": "p""#)],
};

fn id_in_identity(context: &Context<'_>) -> Vec<Lint> {
    let id = context.document.id.iter().filter(|id| !id.is_empty());
    id.map(|_| Lint::new(&ID_IN_IDENTITY, Place::Id, "an identity policy cannot have an `Id`").help("remove it"))
        .collect()
}

static VERSION: Rule = Rule {
    id: "S06",
    code: Code::new("version", "`Version` is not `2012-10-17`."),
    severity: Severity::Error,
    explanation: "MinIO servers refuse any other version. Without a version, AWS reads `${…}` literally. So a missing \
                  version is a warning, or an error if the document has a variable.",
    fires: &[
        Document(
            r#"{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
        Document(
            r#"{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
    ],
    silent: &[Statement("")],
};

/// The only version with variables.
const NEWEST_VERSION: &str = "2012-10-17";

fn version(context: &Context<'_>) -> Vec<Lint> {
    let lint = match &context.document.version {
        Some(version) if version == NEWEST_VERSION => return Vec::new(),
        Some(version) => {
            Lint::new(&VERSION, Place::Version, format!("a cluster does not accept the version `{version}`"))
                .fix(NEWEST_VERSION)
        }
        None if context.normal.json().contains("${") => {
            Lint::new(&VERSION, Place::Document, "the document has a variable and no `Version`")
                .help(format!("add `Version` with the value `{NEWEST_VERSION}`"))
        }
        None => Lint::new(&VERSION, Place::Document, "the document has no `Version`")
            .severity(Severity::Warning)
            .help(format!("add `Version` with the value `{NEWEST_VERSION}`; attune sends it anyway")),
    };
    vec![lint]
}

fn no_statements(context: &Context<'_>) -> Vec<Lint> {
    if context.document.statements.is_empty() {
        vec![
            Lint::new(&STATEMENT_FORM, Place::Statements, "the document has no statements")
                .help("remove the policy instead"),
        ]
    } else {
        Vec::new()
    }
}

fn no_actions(context: &Context<'_>) -> Vec<Lint> {
    no_entries(context, &ACTION_FORM, Part::Actions, "actions", |statement| &statement.actions)
}

fn no_resources(context: &Context<'_>) -> Vec<Lint> {
    no_entries(context, &RESOURCE_FORM, Part::Resources, "resources", |statement| &statement.resources)
}

fn no_entries(
    context: &Context<'_>,
    rule: &'static Rule,
    part: Part,
    entries: &str,
    selector: fn(&PolicyStatement) -> &Selector,
) -> Vec<Lint> {
    let empty = context.statements().filter(|(_, statement)| selector(statement).patterns.is_empty());
    let lint = |(at, statement): (usize, &PolicyStatement)| {
        let message = match (selector(statement).negated, part) {
            (false, _) => format!("the statement has no {entries}"),
            (true, Part::Actions) => "`NotAction` is empty and matches all actions".to_owned(),
            (true, _) => "`NotResource` is empty and matches all resources".to_owned(),
        };
        Lint::new(rule, Place::Statement(at, part), message).help(format!("list the intended {entries}"))
    };
    empty.map(lint).collect()
}

static NOT_ELEMENTS: Rule = Rule {
    id: "S11",
    code: Code::new("not-element-support", "A statement uses `NotAction` or `NotResource`."),
    severity: Severity::Error,
    explanation: "MinIO servers support `NotAction` since 2023 and `NotResource` since 2025. Older ones drop the \
                  element, and then refuse the statement or read it without. WEKA does not document which it \
                  supports, so attune assumes the older behavior.",
    fires: &[
        Statement(r#""NotAction": "s3:DeleteObject""#),
        Statement(r#""NotResource": "arn:aws:s3:::bucket/private/*""#),
    ],
    silent: &[Statement(r#""Effect": "Deny", "Action": "s3:DeleteObject""#)],
};

fn not_elements(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.statements() {
        let lint = |part, name| {
            Lint::new(&NOT_ELEMENTS, Place::Statement(at, part), format!("the cluster may not support `{name}`"))
                .help("list the intended entries, or deny the exceptions in a separate statement")
        };
        if statement.actions.negated {
            found.push(lint(Part::Actions, "NotAction"));
        }
        if statement.resources.negated {
            found.push(lint(Part::Resources, "NotResource"));
        }
    }
    found
}

/// The length from which a document is close to the limit.
const NEARLY_TOO_LONG: usize = MAX_DOCUMENT * 9 / 10;

pub(super) fn size(context: &Context<'_>) -> Vec<Lint> {
    let length = context.normal.len();
    if length < NEARLY_TOO_LONG {
        return Vec::new();
    }
    let saved = context.text_length.map(|text| text.saturating_sub(length)).filter(|saved| *saved > 0);
    let saved = saved.map(|saved| format!(", {saved} fewer than the text")).unwrap_or_default();
    let message = format!("the sent document has {length} bytes{saved}; a cluster accepts {MAX_DOCUMENT}");
    let lint = Lint::new(&SIZE, Place::Document, message).help("use fewer and wider patterns, or shorter ids");
    let severity = if length > MAX_DOCUMENT { Severity::Error } else { Severity::Warning };
    vec![lint.severity(severity)]
}

static DUPLICATE_STATEMENT: Rule = Rule {
    id: "S13",
    code: Code::new("duplicate-statement", "Two statements are equal except for their `Sid`."),
    severity: Severity::Error,
    explanation: "MinIO servers from before October 2021 drop duplicates when they load a policy. They drop the wrong \
                  statement: `[A, B, B]` becomes `[B]`. If the `Sid` is also equal, this is a warning, because attune \
                  sends the statement once.",
    fires: &[
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "B", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
    ],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
};

fn duplicate_statement(context: &Context<'_>) -> Vec<Lint> {
    if context.document.statements.len() < 2 {
        return Vec::new();
    }
    let without_sid = |statement| {
        let mut statement = normal_statement(statement);
        (statement.sid.take(), statement)
    };
    let normal: Vec<(Option<String>, PolicyStatement)> = context.document.statements.iter().map(without_sid).collect();
    let mut found = Vec::new();
    for (at, (sid, statement)) in normal.iter().enumerate() {
        if let Some(first) = normal[..at].iter().position(|(_, other)| other == statement) {
            let message = format!("statement {} is equal to statement {}", at + 1, first + 1);
            let repeated = normal[first].0 == *sid;
            let severity = if repeated { Severity::Warning } else { Severity::Error };
            let place = Place::Statement(at, Part::Whole);
            found.push(Lint::new(&DUPLICATE_STATEMENT, place, message).severity(severity).help("remove one of them"));
        }
    }
    found
}

static DUPLICATE_SID: Rule = Rule {
    id: "S14",
    code: Code::new("duplicate-sid", "Two statements have the same `Sid`."),
    severity: Severity::Error,
    explanation: "A `Sid` must be unique within a document. Otherwise AWS refuses the document.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "A", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "a", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}]}"#,
    )],
};

fn duplicate_sid(context: &Context<'_>) -> Vec<Lint> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, sid) in sids(context) {
        if let Some(first) = seen.get(sid) {
            let message = format!("`{sid}` is already the `Sid` of statement {}", first + 1);
            found.push(Lint::new(&DUPLICATE_SID, Place::Statement(at, Part::Sid), message).help("choose another one"));
        } else if !sid.is_empty() {
            seen.insert(sid, at);
        }
    }
    found
}

static SID_CHARACTERS: Rule = Rule {
    id: "S15",
    code: Code::new("sid-characters", "A `Sid` is empty, or has characters other than `A-Z a-z 0-9`."),
    severity: Severity::Warning,
    explanation: "AWS refuses other characters. An empty `Sid` counts as absent.",
    fires: &[Statement(r#""Sid": "read models""#), Statement(r#""Sid": """#)],
    silent: &[Statement(r#""Sid": "ReadModels2""#)],
};

fn sid_characters(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, sid) in sids(context) {
        let place = Place::Statement(at, Part::Sid);
        if sid.is_empty() {
            let lint = Lint::new(&SID_CHARACTERS, place, "the `Sid` is empty and counts as absent").help("remove it");
            found.push(lint.severity(Severity::Note));
        } else if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            let message = format!("some servers refuse the characters of the `Sid` `{sid}`");
            let plain: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
            let lint = Lint::new(&SID_CHARACTERS, place, message).help("use letters and digits only");
            let taken = sids(context).any(|(_, other)| other == plain);
            found.push(if plain.is_empty() || taken { lint } else { lint.fix(plain) });
        }
    }
    found
}

fn sids<'a>(context: &Context<'a>) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    context.statements().filter_map(|(at, statement)| statement.sid.as_deref().map(|sid| (at, sid)))
}
