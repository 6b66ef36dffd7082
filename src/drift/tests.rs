//! A drift is a plan read backwards, and a memory of it tells what is new.

use super::*;
use crate::base::{Release, UserName};
use crate::desired::{Allowed, Authored, PolicyEntry, PolicyIntent, PrincipalEntry};
use crate::observed::{Duplicates, Limits, ObservedUser};
use crate::plan::plan;
use crate::policy;

fn document(action: &str) -> policy::Document {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::models/*"}}]}}"#
    );
    policy::read(&text).document.unwrap()
}

fn desired(users: &[(&str, Option<&str>)]) -> Desired {
    let mut desired = Desired::default();
    let intent = PolicyIntent::Present(Authored::new(document("s3:GetObject"), None));
    let entry = PolicyEntry { description: None, intent, lint: Allowed::default(), at: None };
    desired.policies.insert(PolicyName::reported("p"), entry);
    for (user, held) in users {
        let intent =
            held.map_or(DeclaredAttachment::Detached, |held| DeclaredAttachment::Has(PolicyName::reported(held)));
        desired.users.insert(UserName::reported(*user), PrincipalEntry { intent, at: None });
    }
    desired
}

fn observed(action: &str, users: &[(&str, Option<&str>)]) -> Observed {
    let body = |action| Body::Known(policy::normal(&document(action)));
    let user = |held: &Option<&str>| ObservedUser {
        role: "S3".into(),
        source: "Internal".into(),
        holds: held.map(PolicyName::reported),
    };
    Observed {
        identity: Identity {
            name: "stewie".into(),
            guid: "guid".into(),
            release: Release::parse("5.1.2").unwrap(),
            tenant: "Root".into(),
            user: UserName::reported("admin"),
            role: "ClusterAdmin".into(),
        },
        policies: [("p", body(action)), ("q", body("s3:DeleteObject"))]
            .map(|(name, body)| (PolicyName::reported(name), body))
            .into(),
        users: users.iter().map(|(name, held)| (UserName::reported(*name), user(held))).collect(),
        groups: std::collections::BTreeMap::new(),
        groups_known: false,
        duplicates: Duplicates::default(),
        identity_provider: Some(false),
        attachments_known: true,
        keys_can_be_generated: false,
        limits: Limits::default(),
    }
}

fn found(desired: &Desired, observed: &Observed, ignores: &[&str]) -> Drift {
    let ignores: Vec<Ignore> = ignores.iter().map(|text| text.parse().unwrap()).collect();
    let today = Date::from_calendar_date(2026, time::Month::May, 1).unwrap();
    drift(desired, observed, &plan(desired, observed), &ignores, today)
}

fn kinds(drift: &Drift) -> Vec<(String, &'static str)> {
    drift.objects.iter().map(|object| (object.id.to_string(), object.kind.name())).collect()
}

#[test]
fn what_a_plan_would_take_is_what_the_cluster_has_too_much() {
    let desired = desired(&[("a", Some("p")), ("b", None), ("c", Some("p")), ("d", Some("p")), ("e", Some("p"))]);
    let observed = observed("s3:PutObject", &[("a", Some("p")), ("b", Some("q")), ("c", Some("q")), ("d", None)]);
    let drift = found(&desired, &observed, &[]);
    let expected = [
        ("policy/p", "policy_changed"),
        ("user/b", "user_attached"),
        ("user/c", "user_moved"),
        ("user/d", "user_detached"),
        ("user/e", "user_removed"),
    ];
    assert_eq!(kinds(&drift), expected.map(|(id, kind)| (id.to_owned(), kind)));
    let gained = |index: usize| drift.objects[index].access[0].access.gained.clone();
    assert_eq!(gained(0)[0].actions, ["s3:PutObject"]);
    assert_eq!(gained(1)[0].actions, ["s3:DeleteObject"]);
    assert!(gained(3).is_empty() && !drift.objects[3].access[0].access.lost.is_empty());
    assert_eq!(drift.gained(), 3);
    assert!(!drift.is_unknown(), "{:?}", drift.findings);
    assert!(drift.objects.iter().all(|object| Kind::ALL.contains(&object.kind)));
}

#[test]
fn what_is_not_told_by_the_cluster_is_unknown() {
    let desired = desired(&[("a", Some("p"))]);
    let observed = Observed { attachments_known: false, ..observed("s3:GetObject", &[("a", None)]) };
    assert!(found(&desired, &observed, &[]).is_unknown());
}

#[test]
fn only_what_is_new_is_new_and_what_is_ignored_is_not_over() {
    let desired = desired(&[("a", Some("p")), ("b", None)]);
    let memory = Memory::default();
    let first = found(&desired, &observed("s3:GetObject", &[("a", None), ("b", Some("q"))]), &[]);
    let news = memory.compare(&first, "monday");
    assert_eq!(news.new.iter().collect::<Vec<_>>(), ["user/a", "user/b"]);
    let memory = news.memory;
    // The same again, and another policy for one.
    let second = found(&desired, &observed("s3:GetObject", &[("a", Some("q")), ("b", Some("q"))]), &[]);
    let news = memory.compare(&second, "tuesday");
    assert_eq!(news.new.iter().collect::<Vec<_>>(), ["user/a"]);
    assert_eq!((news.memory.0["user/a"].since.as_str(), news.memory.0["user/b"].since.as_str()), ("tuesday", "monday"));
    let memory = news.memory;
    let third = found(&desired, &observed("s3:GetObject", &[("a", Some("p")), ("b", Some("q"))]), &["user/b"]);
    let news = memory.compare(&third, "wednesday");
    assert_eq!((news.new.len(), news.memory.0.len()), (0, 0));
    assert_eq!(news.over.0.keys().collect::<Vec<_>>(), ["user/a"]);
}
