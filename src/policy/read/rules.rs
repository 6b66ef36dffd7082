//! The rules of form: what a text must be to be a document.

use crate::base::{Code, Severity};

use super::super::rule::Example::{Document, OfLength, Statement};
use super::super::rule::Rule;

pub(in crate::policy) static JSON_SYNTAX: Rule = Rule {
    id: "S01",
    code: Code::new("json-syntax", "The text is not exactly one JSON value."),
    severity: Severity::Error,
    because: "A server refuses the text, or reads the front of it and drops the rest.",
    fires: &[
        Document(r#"{"Version": "2012-10-17", "Statement": [],}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []} }"#),
        Document("\u{feff}{\"Version\": \"2012-10-17\"}"),
    ],
    silent: &[Statement(r#""Action": "\u0073\u0033:GetObject""#)],
};

pub(in crate::policy) static DUPLICATE_MEMBER: Rule = Rule {
    id: "S02",
    code: Code::new("duplicate-member", "A member is there twice, or in two spellings that differ only in case."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage read names of members in any case, and the last one silently wins.",
    fires: &[
        Statement(r#""Action": "s3:GetObject", "action": "s3:*""#),
        Statement(r#""Condition": {"StringLike": {"s3:prefix": "a/*", "s3:prefix": "b/*"}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringLike": {"s3:prefix": ["a/*", "b/*"]}}"#)],
};

pub(in crate::policy) static UNKNOWN_MEMBER: Rule = Rule {
    id: "S03",
    code: Code::new("unknown-member", "A member is not part of the grammar of an identity policy."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage drop members they do not know, without a word: a misspelt `Condition` is no \
              condition.",
    fires: &[
        Statement(r#""Conditions": {"StringLike": {"s3:prefix": "a/*"}}"#),
        Statement(r#""NotResouce": "arn:aws:s3:::bucket/*""#),
        Statement(r#""effect": "Allow""#),
    ],
    silent: &[Statement(r#""NotResource": "arn:aws:s3:::bucket/*""#)],
};

pub(in crate::policy) static PRINCIPAL: Rule = Rule {
    id: "S04",
    code: Code::new("principal-in-identity", "A statement names a principal."),
    severity: Severity::Error,
    because: "An IAM policy applies to whoever it is attached to. A `Principal` is silently ignored, so the statement \
              looks restricted and is not.",
    fires: &[Statement(r#""Principal": {"AWS": "alice"}"#), Statement(r#""NotPrincipal": "*""#)],
    silent: &[Statement(r#""Sid": "Principal""#)],
};

pub(in crate::policy) static STATEMENT_FORM: Rule = Rule {
    id: "S07",
    code: Code::new("statement-form", "`Statement` is missing, empty, or a single statement instead of a list."),
    severity: Severity::Error,
    because: "A policy without statements grants nothing and is refused. A single statement is legal on AWS, while \
              servers of MinIO's lineage take only a list; it is a note, as a list is what is sent.",
    fires: &[
        Document(r#"{"Version": "2012-10-17"}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []}"#),
        Document(
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}}"#,
        ),
    ],
    silent: &[Statement("")],
};

pub(in crate::policy) static EFFECT: Rule = Rule {
    id: "S08",
    code: Code::new("effect", "`Effect` is missing, or neither `Allow` nor `Deny`."),
    severity: Severity::Error,
    because: "Its values are case-sensitive everywhere.",
    fires: &[
        Statement(r#""Effect": "allow""#),
        Document(r#"{"Statement": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#),
    ],
    silent: &[Statement(r#""Effect": "Deny""#)],
};

pub(in crate::policy) static ACTION_FORM: Rule = Rule {
    id: "S09",
    code: Code::new("action-form", "A statement has no actions, or both `Action` and `NotAction`."),
    severity: Severity::Error,
    because: "A server refuses the document, or reads only one of the two.",
    fires: &[
        Statement(r#""Action": []"#),
        Statement(r#""NotAction": []"#),
        Statement(r#""Action": "s3:*", "NotAction": "s3:DeleteObject""#),
    ],
    silent: &[Statement(r#""Action": ["s3:GetObject"]"#)],
};

pub(in crate::policy) static RESOURCE_FORM: Rule = Rule {
    id: "S10",
    code: Code::new("resource-form", "A statement has no resources, or both `Resource` and `NotResource`."),
    severity: Severity::Error,
    because: "A server refuses the document, or reads only one of the two.",
    fires: &[
        Statement(r#""Resource": []"#),
        Statement(r#""NotResource": []"#),
        Statement(r#""Resource": "arn:aws:s3:::bucket/*", "NotResource": "arn:aws:s3:::bucket/private/*""#),
    ],
    silent: &[Statement(r#""Resource": ["arn:aws:s3:::bucket/*"]"#)],
};

/// What is found in a document that is too long, or nearly.
pub const TOO_LONG: Code = Code::new("size", "The document is longer than a cluster takes, or close to it.");

pub(in crate::policy) static SIZE: Rule = Rule {
    id: "S12",
    code: TOO_LONG,
    severity: Severity::Error,
    because: "A cluster takes 2048 bytes. What counts here is the document as it is sent: minified, in normal form.",
    fires: &[OfLength(2049), OfLength(1900)],
    silent: &[OfLength(1800)],
};

pub(in crate::policy) static WRONG_KIND: Rule = Rule {
    id: "S16",
    code: Code::new("wrong-kind", "A member holds the wrong kind of value, such as a number for a string."),
    severity: Severity::Error,
    because: "A server refuses the document.",
    fires: &[
        Document("[]"),
        Document(r#"{"Version": 2012, "Statement": []}"#),
        Statement(r#""Action": ["s3:GetObject", null]"#),
        Statement(r#""Condition": ["s3:prefix"]"#),
    ],
    silent: &[Statement(r#""Condition": {"NumericLessThan": {"s3:max-keys": 10}}"#)],
};

pub(in crate::policy) static EMPTY_CONDITION: Rule = Rule {
    id: "C03",
    code: Code::new("empty-condition", "A condition asks for nothing: no operator, no key, or no value."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage refuse the document; elsewhere a key without values is never true.",
    fires: &[
        Statement(r#""Condition": {}"#),
        Statement(r#""Condition": {"StringLike": {}}"#),
        Statement(r#""Condition": {"StringLike": {"s3:prefix": []}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringLike": {"s3:prefix": [""]}}"#)],
};
