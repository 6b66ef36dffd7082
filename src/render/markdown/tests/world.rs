//! Plans for the tests.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::base::Severity;
use crate::plan::Note;
use crate::render::json::{
    AccessChangeV1, AccessLineV1, AttachedPrincipalV1, ChangeV1, ClusterV1, DeclaredV1, ExampleV1, FindingV1, KindV1,
    LimitsV1, OverrideV1, PlanV1, ReplaceMethodV1, ReviewV1, SettingChangeV1, SummaryV1, UnchangedV1, UndeclaredV1,
    UnmanagedV1,
};

/// A plan of these changes.
pub(super) fn plan_of(changes: Vec<ChangeV1>) -> PlanV1 {
    let number = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let summary = SummaryV1 {
        add: number(KindV1::AddPolicy),
        replace: number(KindV1::ReplacePolicy),
        remove: number(KindV1::RemovePolicy),
        attach: number(KindV1::Attach),
        r#move: number(KindV1::Move),
        detach: number(KindV1::Detach),
        calls: changes.len(),
        ..SummaryV1::default()
    };
    PlanV1 {
        format: "attune.plan/1".into(),
        tool_version: "0.0.0".into(),
        digest: "0123456789abcdef".repeat(4),
        cluster: ClusterV1 {
            name: "stewie".into(),
            guid: "6e2bb63c-a0a7".into(),
            release: "5.1.2-abc".into(),
            tenant: "Root".into(),
        },
        summary,
        unchanged: UnchangedV1 { policies: 1, users: 2, groups: 0 },
        limits: LimitsV1 { policies: 1024, document_bytes: 2048 },
        changes,
        steps: Vec::new(),
        unmanaged: UnmanagedV1 { predefined: Vec::new(), policies: Vec::new(), users: Vec::new(), groups: Vec::new() },
        unreported: crate::render::json::UnreportedV1::default(),
        base: None,
        review: None,
        options: Vec::new(),
        new_keys: None,
        findings: Vec::new(),
        refusals: Vec::new(),
        overrides: Vec::new(),
    }
}

/// A change of a kind, with nothing else said about it.
fn bare(kind: KindV1, id: String) -> ChangeV1 {
    ChangeV1 {
        id,
        kind,
        policy: None,
        user: None,
        group: None,
        before: None,
        after: None,
        method: None,
        attached_to: Vec::new(),
        temporary_policies: Vec::new(),
        access: Vec::new(),
        notes: Vec::new(),
    }
}

fn raw(value: &impl serde::Serialize) -> Option<Box<RawValue>> {
    Some(to_raw_value(value).unwrap())
}

pub(super) fn added(policy: &str, document: &Value) -> ChangeV1 {
    let bare = bare(KindV1::AddPolicy, format!("policy/{policy}"));
    ChangeV1 { policy: Some(policy.into()), after: raw(document), ..bare }
}

pub(super) fn removed(policy: &str, document: &Value) -> ChangeV1 {
    let bare = bare(KindV1::RemovePolicy, format!("policy/{policy}"));
    ChangeV1 { policy: Some(policy.into()), before: raw(document), ..bare }
}

pub(super) fn replaced(policy: &str, before: &Value, after: &Value, holder: &str) -> ChangeV1 {
    let attached_to = vec![AttachedPrincipalV1 { user: Some(holder.into()), group: None, declared: false }];
    let bare = bare(KindV1::ReplacePolicy, format!("policy/{policy}"));
    let (before, after) = (raw(before), raw(after));
    ChangeV1 { policy: Some(policy.into()), before, after, method: Some(ReplaceMethodV1::Swap), attached_to, ..bare }
}

pub(super) fn attached(user: &str, after: &str) -> ChangeV1 {
    let notes = vec![Note::KeysMayBeCreated];
    let access = vec![gains(user, after)];
    let bare = bare(KindV1::Attach, format!("user/{user}"));
    ChangeV1 { user: Some(user.into()), after: raw(&after), notes, access, ..bare }
}

pub(super) fn moved(user: &str, before: &str, after: &str) -> ChangeV1 {
    let mut access = gains(user, after);
    access.lost = vec![line(before)];
    let bare = bare(KindV1::Move, format!("user/{user}"));
    ChangeV1 { user: Some(user.into()), before: raw(&before), after: raw(&after), access: vec![access], ..bare }
}

pub(super) fn detached(group: &str, before: &str) -> ChangeV1 {
    let bare = bare(KindV1::Detach, format!("group/{group}"));
    ChangeV1 { group: Some(group.into()), before: raw(&before), ..bare }
}

fn gains(user: &str, bucket: &str) -> AccessChangeV1 {
    let gained = vec![line(bucket)];
    AccessChangeV1 {
        user: Some(user.into()),
        group: None,
        policy: None,
        gained,
        lost: Vec::new(),
        undecided: Vec::new(),
    }
}

fn line(bucket: &str) -> AccessLineV1 {
    AccessLineV1 {
        actions: vec!["s3:GetObject".into(), "s3:PutObject".into()],
        pattern: format!("arn:aws:s3:::{bucket}/*"),
        except: vec![format!("arn:aws:s3:::{bucket}/private/*")],
        conditions: vec![format!("aws:username is {bucket}")],
        profile: None,
        denied: None,
        example: ExampleV1 {
            action: "s3:GetObject".into(),
            resource: format!("arn:aws:s3:::{bucket}/x"),
            conditions: Vec::new(),
        },
    }
}

/// A document that is about a bucket.
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
    FindingV1 {
        code: "some-code".into(),
        severity,
        message: message.into(),
        file: Some(message.into()),
        line: Some(7),
        column: Some(1),
        help: Some(format!("do this:\n  --override {message}")),
    }
}

pub(super) fn overridden(given: &str) -> OverrideV1 {
    OverrideV1 { given: given.into(), code: "guard-max-removals".into(), message: given.into() }
}

/// A review in which these names are gone and set.
pub(super) fn review(revision: &str, user: &str, value: &str) -> ReviewV1 {
    let gone = UndeclaredV1 {
        id: format!("user/{user}"),
        policy: None,
        user: Some(user.to_owned()),
        group: None,
        declared: DeclaredV1::Attached,
        declared_policy: Some(value.to_owned()),
        owned: false,
    };
    let setting =
        SettingChangeV1 { name: format!("policies.{user}.lint.allow"), before: Some(value.to_owned()), after: None };
    ReviewV1 { revision: revision.to_owned(), undeclared: vec![gone], settings: vec![setting] }
}
