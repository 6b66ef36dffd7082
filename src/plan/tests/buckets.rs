//! Bucket policies beside those of users.

use std::collections::BTreeMap;

use super::*;
use crate::base::BucketName;
use crate::observed::{BucketPolicy, Buckets};
use crate::policy::access::{AWS_RULES, Holder, MINIO_2021_RULES, RuleList};

/// Everyone can read bucket `data`.
fn public() -> Buckets {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    Buckets::Known(BTreeMap::from([(BucketName::parse("data").unwrap(), BucketPolicy::custom(Body::read(text)))]))
}

/// The plan that takes a `Deny` on bucket `data` out of the policy of `alice`, who may read another bucket.
fn undenied(rules: &RuleList) -> Plan {
    let allow = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::own/*"}"#;
    let deny = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let world = World::new().with("p", 1).attached("alice", "p");
    let mut observed = Observed { buckets: public(), ..world.observed("5.1.2") };
    observed.policies.insert(policy("p"), Body::Known(normalize(&of_statements(&format!("{allow},{deny}")))));
    let mut declared = Declared::default().has("alice", "p").document("p", of_statements(allow));
    declared.0.cluster.rules = Some(rules.clone());
    declared.0.guards.deny_new_access = true;
    plan(&declared.0, &observed)
}

#[test]
fn a_user_gains_what_a_bucket_allows_and_its_policy_no_longer_denies() {
    let gains = |plan: &Plan| {
        let access = plan.effects[&who("alice")].access.clone();
        access.is_some_and(|access| !access.gains_nothing())
    };
    let by_aws = undenied(&AWS_RULES);
    assert!(gains(&by_aws) && by_aws.is_refused(), "{by_aws:#?}");
    let by_minio = undenied(&MINIO_2021_RULES);
    assert!(!gains(&by_minio) && !by_minio.is_refused(), "{by_minio:#?}");
}

#[test]
fn a_closed_bucket_is_lost_by_anonymous_and_by_aws_rules_by_users_without_a_policy() {
    let lost_by = |rules: &RuleList| {
        let observed = Observed { buckets: public(), ..World::new().attached("alice", "").observed("5.1.2") };
        let mut declared = Declared::default();
        declared.0.cluster.rules = Some(rules.clone());
        declared.0.ownership.buckets = ["*".parse().unwrap()].into_iter().collect();
        let plan = plan(&declared.0, &observed);
        let access = plan.changes.iter().flat_map(|change| &change.access);
        access.filter(|of| !of.access.lost.is_empty()).map(|of| of.holder.clone()).collect::<Vec<_>>()
    };
    assert_eq!(lost_by(&MINIO_2021_RULES), [Holder::Anonymous]);
    assert_eq!(lost_by(&AWS_RULES), [Holder::Anonymous, Holder::Principal(who("alice"))]);
}
