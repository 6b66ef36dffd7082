//! Plans for the tests.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::base::Severity;
use crate::render::json::{ChangeV1, FindingV1, KindV1, OverrideV1, PlanV1, ReviewV1};

/// A value of a format. It is read from text, as documents are kept byte for byte.
pub(super) fn of_json<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

pub(super) fn plan_of(changes: Vec<ChangeV1>) -> PlanV1 {
    let number = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let plan: PlanV1 = of_json(&json!({
        "format": "attune.plan/1",
        "tool_version": "0.0.0",
        "digest": "0123456789abcdef".repeat(4),
        "cluster": {"name": "stewie", "guid": "6e2bb63c-a0a7", "release": "5.1.2-abc", "tenant": "Root"},
        "summary": {
            "add": number(KindV1::AddPolicy),
            "replace": number(KindV1::ReplacePolicy),
            "rename": number(KindV1::RenamePolicy),
            "remove": number(KindV1::RemovePolicy),
            "attach": number(KindV1::Attach),
            "move": number(KindV1::Move),
            "detach": number(KindV1::Detach),
            "unchanged": 0,
            "unmanaged": 0,
            "calls": changes.len(),
        },
        "unchanged": {"policies": 1, "users": 2, "groups": 0},
        "limits": {"policies": 1024, "document_bytes": 2048},
        "unmanaged": {"predefined": [], "policies": [], "users": []},
        "changes": [], "steps": [], "findings": [], "refusals": [],
    }));
    PlanV1 { changes, ..plan }
}

/// A change of an object such as `user/alice`, with these members.
fn change(kind: &str, object: &str, name: &str, members: &Value) -> ChangeV1 {
    let mut change = json!({"id": format!("{object}/{name}"), "kind": kind, object: name, "attached_to": []});
    change.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    of_json(&change)
}

pub(super) fn added(policy: &str, document: &Value) -> ChangeV1 {
    change("add_policy", "policy", policy, &json!({"after": document}))
}

pub(super) fn removed(policy: &str, document: &Value) -> ChangeV1 {
    change("remove_policy", "policy", policy, &json!({"before": document}))
}

pub(super) fn replaced(policy: &str, before: &Value, after: &Value, holder: &str) -> ChangeV1 {
    let attached_to = json!([{"user": holder, "declared": false}]);
    let members = json!({"before": before, "after": after, "method": "swap", "attached_to": attached_to});
    change("replace_policy", "policy", policy, &members)
}

pub(super) fn attached(user: &str, after: &str) -> ChangeV1 {
    let access = json!([{"user": user, "gained": [line(after)], "lost": [], "undecided": []}]);
    change("attach", "user", user, &json!({"after": after, "notes": ["keys_may_be_created"], "access": access}))
}

pub(super) fn moved(user: &str, before: &str, after: &str) -> ChangeV1 {
    let access = json!([{"user": user, "gained": [line(after)], "lost": [line(before)], "undecided": []}]);
    change("move", "user", user, &json!({"before": before, "after": after, "access": access}))
}

pub(super) fn detached(group: &str, before: &str) -> ChangeV1 {
    change("detach", "group", group, &json!({"before": before}))
}

fn line(bucket: &str) -> Value {
    json!({
        "actions": ["s3:GetObject", "s3:PutObject"],
        "pattern": format!("arn:aws:s3:::{bucket}/*"),
        "except": [{"resources": format!("arn:aws:s3:::{bucket}/private/*"), "conditions": [], "reason": "denied"}],
        "conditions": [format!("aws:username is {bucket}")],
        "example": {"action": "s3:GetObject", "resource": format!("arn:aws:s3:::{bucket}/x"), "conditions": []},
    })
}

pub(super) fn document(sid: &str, bucket: &str) -> Value {
    let keep = json!({"Sid": "Keep", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::keep"});
    let other = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": format!("arn:aws:s3:::{bucket}/*"),
        "Condition": {"StringEquals": {"aws:username": bucket}},
    });
    json!({"Version": "2012-10-17", "Statement": [keep, other]})
}

pub(super) fn finding(severity: Severity, message: &str) -> FindingV1 {
    let help = format!("do this:\n  --override {message}");
    of_json(&json!({
        "code": "some-code", "severity": severity, "message": message, "file": message, "line": 7, "column": 1,
        "help": help,
    }))
}

pub(super) fn overridden(given: &str) -> OverrideV1 {
    OverrideV1 { given: given.into(), code: "guard-max-removals".into(), message: given.into() }
}

pub(super) fn review(revision: &str, user: &str, value: &str) -> ReviewV1 {
    let id = format!("user/{user}");
    let gone = json!({"id": id, "user": user, "declared": "attached", "declared_policy": value, "owned": false});
    let setting = json!({"name": format!("policies.{user}.lint.allow"), "before": value});
    of_json(&json!({"revision": revision, "undeclared": [gone], "settings": [setting]}))
}
