//! Rules of form that need no text: version, statements, elements, size.

use crate::base::{Code, Severity};

use super::super::document::Selector;
use super::super::place::{Part, Place};
use super::super::read::rules::{ACTION_FORM, RESOURCE_FORM, SIZE, STATEMENT_FORM};
use super::super::rule::Example::{Document, Statement};
use super::super::rule::Rule;
use super::context::Context;
use super::{Check, Lint, MAX_DOCUMENT};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ID_IN_IDENTITY, run: id_in_identity },
    Check { rule: &VERSION, run: version },
    Check { rule: &STATEMENT_FORM, run: no_statements },
    Check { rule: &ACTION_FORM, run: no_actions },
    Check { rule: &RESOURCE_FORM, run: no_resources },
    Check { rule: &NOT_ELEMENTS, run: not_elements },
    Check { rule: &SIZE, run: size },
];

static ID_IN_IDENTITY: Rule = Rule {
    id: "S05",
    code: Code::new("id-in-identity", "The document has an `Id`."),
    severity: Severity::Warning,
    because: "AWS does not allow `Id` in identity policies; elsewhere it has no effect.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Id": "p", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
    silent: &[Statement(r#""Sid": "p""#)],
};

fn id_in_identity(context: &Context<'_>) -> Vec<Lint> {
    let id = context.document.id.iter().filter(|id| !id.is_empty());
    id.map(|_| Lint::new(&ID_IN_IDENTITY, Place::Id, "`Id` has no place in an identity policy").help("remove it"))
        .collect()
}

static VERSION: Rule = Rule {
    id: "S06",
    code: Code::new("version", "`Version` is not `2012-10-17`."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage refuse any other version. Without one AWS reads `${…}` literally, so leaving \
              it out is a warning, and an error where a variable is used.",
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

/// The only version with policy variables.
const NEWEST_VERSION: &str = "2012-10-17";

fn version(context: &Context<'_>) -> Vec<Lint> {
    let lint = match &context.document.version {
        Some(version) if version == NEWEST_VERSION => return Vec::new(),
        Some(version) => {
            Lint::new(&VERSION, Place::Version, format!("`{version}` is not a version that a cluster takes"))
                .fix(NEWEST_VERSION)
        }
        None if context.normal.json().contains("${") => {
            Lint::new(&VERSION, Place::Document, "a variable is used, and there is no `Version`")
                .help(format!("add `Version` with the value `{NEWEST_VERSION}`"))
        }
        None => Lint::new(&VERSION, Place::Document, "there is no `Version`")
            .severity(Severity::Warning)
            .help(format!("add `Version` with the value `{NEWEST_VERSION}`, which is what is sent")),
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
    let empty = context.statements().filter(|(_, statement)| statement.actions.patterns.is_empty());
    let lint = |at, selector: &Selector| {
        let name = if selector.negated {
            "`NotAction` is empty: all actions are meant"
        } else {
            "the statement has no actions"
        };
        Lint::new(&ACTION_FORM, Place::Statement(at, Part::Actions), name).help("list the actions that are meant")
    };
    empty.map(|(at, statement)| lint(at, &statement.actions)).collect()
}

fn no_resources(context: &Context<'_>) -> Vec<Lint> {
    let empty = context.statements().filter(|(_, statement)| statement.resources.patterns.is_empty());
    let lint = |at, selector: &Selector| {
        let name = if selector.negated {
            "`NotResource` is empty: all resources are meant"
        } else {
            "the statement has no resources"
        };
        Lint::new(&RESOURCE_FORM, Place::Statement(at, Part::Resources), name).help("list the resources that are meant")
    };
    empty.map(|(at, statement)| lint(at, &statement.resources)).collect()
}

static NOT_ELEMENTS: Rule = Rule {
    id: "S11",
    code: Code::new("not-element-support", "A statement uses `NotAction` or `NotResource`."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage know `NotAction` since 2023 and `NotResource` since 2025; before, they drop the \
              element and refuse the statement, or read it without. Which of them a WEKA cluster has is not documented; \
              the older is assumed.",
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
            Lint::new(
                &NOT_ELEMENTS,
                Place::Statement(at, part),
                format!("`{name}` may not be understood by the cluster"),
            )
            .help("list what is meant, or deny the exceptions in a statement of their own")
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

/// From this length on a document is close to the limit: nine tenths of it.
const NEARLY: usize = MAX_DOCUMENT * 9 / 10;

pub(super) fn size(context: &Context<'_>) -> Vec<Lint> {
    let length = context.normal.len();
    if length < NEARLY {
        return Vec::new();
    }
    let saved = context.text_length.map(|text| text.saturating_sub(length)).filter(|saved| *saved > 0);
    let saved = saved.map(|saved| format!(", {saved} less than as it is written")).unwrap_or_default();
    let message = format!("the document is sent as {length} bytes{saved}; a cluster takes {MAX_DOCUMENT}");
    let lint = Lint::new(&SIZE, Place::Document, message).help("use fewer, wider patterns, or shorter ids");
    let severity = if length > MAX_DOCUMENT { Severity::Error } else { Severity::Warning };
    vec![lint.severity(severity)]
}
