//! Rules on condition operators, and on how many values they take.

use std::collections::BTreeSet;

use crate::base::{Code, Severity};

use super::super::document::Effect;
use super::super::normal::fold_value;
use super::super::place::Part;
use super::super::read::rules::EMPTY_CONDITION;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{ClauseAt, Context};
use super::vocabulary::{OPERATORS, ValueType, operator};
use super::{Check, Lint};
use crate::base::nearest;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_OPERATOR, run: unknown_operator },
    Check { rule: &EMPTY_CONDITION, run: no_values },
    Check { rule: &DUPLICATE_VALUE, run: duplicate_value },
    Check { rule: &MANY_VALUES, run: many_values },
    Check { rule: &FOR_ALL_VALUES, run: for_all_values },
];

static UNKNOWN_OPERATOR: Rule = Rule {
    id: "C01",
    code: Code::new("unknown-operator", "A condition operator is not known."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage know 23 operators, spelled exactly so, and refuse the document with any other: \
              `…IfExists` and `Arn…` are of AWS only.",
    fires: &[
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLikeIfExists": {"s3:prefix": "a/*"}}"#,
        ),
        Statement(r#""Condition": {"ipAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#),
    ],
    silent: &[Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#)],
};

fn unknown_operator(context: &Context<'_>) -> Vec<Lint> {
    let lint = |clause: ClauseAt<'_>| {
        let written = &clause.clause.operator;
        let lint =
            Lint::new(&UNKNOWN_OPERATOR, clause.place(Part::Operator), format!("`{written}` is not an operator"));
        let known = || OPERATORS.iter().map(|(name, _)| *name);
        if let Some(proper) = known().find(|name| name.eq_ignore_ascii_case(written)) {
            lint.fix(proper)
        } else if let Some(near) = nearest(written.trim_end_matches("IfExists"), known()) {
            lint.help(format!("the nearest one is `{near}`"))
        } else {
            lint
        }
    };
    context.clauses().filter(|clause| operator(&clause.clause.operator).is_none()).map(lint).collect()
}

fn no_values(context: &Context<'_>) -> Vec<Lint> {
    let empty = context.clauses().filter(|clause| clause.clause.values.is_empty());
    let message = |clause: &ClauseAt<'_>| format!("`{}` has no values", clause.clause.key);
    let lint = |clause: ClauseAt<'_>| Lint::new(&EMPTY_CONDITION, clause.place(Part::Clause), message(&clause));
    empty.map(|clause| lint(clause).help("give it a value, or leave it out")).collect()
}

static DUPLICATE_VALUE: Rule = Rule {
    id: "C04",
    code: Code::new("duplicate-value", "A condition lists a value twice."),
    severity: Severity::Warning,
    because: "Servers of MinIO's lineage refuse the document as it is written; it is sent with the value once.",
    fires: &[
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.1", "10.0.0.1/32"]}}"#),
        Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "alice"]}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "Alice"]}}"#)],
};

fn duplicate_value(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses() {
        let mut seen = BTreeSet::new();
        for (place, value) in clause.values() {
            if !seen.insert(fold_value(&clause.clause.operator, value)) {
                let message = format!("`{value}` is listed twice for `{}`", clause.clause.key);
                found.push(Lint::new(&DUPLICATE_VALUE, place, message).help("remove one of them"));
            }
        }
    }
    found
}

static MANY_VALUES: Rule = Rule {
    id: "C05",
    code: Code::new("many-values", "An operator on numbers, dates or truth has more than one value."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage refuse the document.",
    fires: &[Statement(
        r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"NumericLessThan": {"s3:max-keys": [10, 20]}}"#,
    )],
    silent: &[Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "bob"]}}"#)],
};

fn many_values(context: &Context<'_>) -> Vec<Lint> {
    let single = |clause: &ClauseAt<'_>| match operator(&clause.clause.operator) {
        Some((_, ValueType::Number | ValueType::Instant | ValueType::Truth | ValueType::Presence)) => true,
        Some((_, ValueType::Pattern | ValueType::Text | ValueType::Binary | ValueType::Network)) | None => false,
    };
    let different = |clause: &ClauseAt<'_>| {
        clause.values().map(|(_, value)| fold_value(&clause.clause.operator, value)).collect::<BTreeSet<_>>().len()
    };
    let many = context.clauses().filter(|clause| single(clause) && different(clause) > 1);
    let message = |clause: &ClauseAt<'_>| format!("`{}` takes one value only", clause.clause.operator);
    many.map(|clause| {
        Lint::new(&MANY_VALUES, clause.place(Part::Clause), message(&clause)).help("make a statement for each value")
    })
    .collect()
}

static FOR_ALL_VALUES: Rule = Rule {
    id: "C08",
    code: Code::new("forallvalues-allow", "An `Allow` depends on `ForAllValues`."),
    severity: Severity::Warning,
    because: "`ForAllValues` is also true where the request does not have the key at all, so the statement allows more than \
              it seems to.",
    fires: &[Statement(r#""Condition": {"ForAllValues:StringEquals": {"jwt:groups": "ml"}}"#)],
    silent: &[
        Statement(r#""Condition": {"ForAnyValue:StringEquals": {"jwt:groups": "ml"}}"#),
        Statement(r#""Effect": "Deny", "Condition": {"ForAllValues:StringEquals": {"jwt:groups": "guests"}}"#),
    ],
};

fn for_all_values(context: &Context<'_>) -> Vec<Lint> {
    let is_it = |clause: &ClauseAt<'_>| {
        clause.statement.effect == Effect::Allow && clause.clause.operator.starts_with("ForAllValues:")
    };
    let message = "`ForAllValues` is true where the key is missing";
    let lint = |clause: ClauseAt<'_>| {
        let lint = Lint::new(&FOR_ALL_VALUES, clause.place(Part::Operator), message);
        lint.help("use `ForAnyValue`, or also ask with `Null` that the key is there")
    };
    context.clauses().filter(is_it).map(lint).collect()
}
