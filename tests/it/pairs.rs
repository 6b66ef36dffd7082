//! Random pairs of a configuration and a cluster: some policies and users, declared and attached in every way.

use attune::base::{NamePatterns, PolicyName, UserName};
use attune::desired::{
    Authored, DeclaredAttachment, Desired, ObjectPatterns, PolicyEntry, PolicyIntent, PrincipalEntry,
    Strategy as Replace,
};
use attune::sim::state::ClusterState;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::allowing;

const POLICIES: [&str; 4] = ["pa", "pb", "p c", "pd"];
const USERS: [&str; 4] = ["ua", "ub", "uc", "ud"];

/// A policy document; another one for each number.
pub(crate) fn document(number: u8) -> Value {
    allowing("s3:GetObject", &format!("arn:aws:s3:::bucket{number}/*"))
}

/// A file and a cluster, by numbers.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    there: Vec<Option<u8>>,
    attached: Vec<usize>,
    wished: Vec<u8>,
    users: Vec<usize>,
    owned: bool,
    gap: bool,
}

impl Pair {
    /// The file of this pair with the cluster of another.
    pub(crate) fn with_cluster_of(self, other: &Self) -> Self {
        Self { there: other.there.clone(), attached: other.attached.clone(), ..self }
    }
}

/// All of them.
pub(crate) fn pairs() -> impl Strategy<Value = Pair> {
    let there = prop::collection::vec(prop_oneof![1 => Just(None), 2 => (0..3_u8).prop_map(Some)], POLICIES.len());
    let attached = prop::collection::vec(0..7_usize, USERS.len());
    let wished = prop::collection::vec(0..5_u8, POLICIES.len());
    let users = prop::collection::vec(0..7_usize, USERS.len());
    (there, attached, wished, users, any::<bool>(), any::<bool>())
        .prop_map(|(there, attached, wished, users, owned, gap)| Pair { there, attached, wished, users, owned, gap })
}

/// The state file of the cluster of a pair.
pub(crate) fn state(pair: &Pair, release: &str, switches: &Value) -> ClusterState {
    let policies: serde_json::Map<String, Value> = POLICIES
        .iter()
        .zip(&pair.there)
        .filter_map(|(name, number)| Some((name.to_string(), json!({"document": document((*number)?)}))))
        .collect();
    let mut users = serde_json::Map::new();
    users.insert("admin".into(), json!({"role": "ClusterAdmin", "password": "admin"}));
    for (user, choice) in USERS.iter().zip(&pair.attached) {
        let attached = POLICIES.get(*choice).filter(|name| policies.contains_key(**name)).copied();
        let attached = attached.or((*choice == 4).then_some("readonly"));
        users.insert(user.to_string(), json!({"role": "S3", "policy": attached}));
    }
    serde_json::from_value(json!({
        "release": release, "switches": switches, "tenants": {"Root": {"users": users, "policies": policies}},
    }))
    .unwrap()
}

/// The file of a pair.
pub(crate) fn desired(pair: &Pair, only_additions: bool) -> Desired {
    let mut desired = Desired::default();
    for (name, choice) in POLICIES.iter().zip(&pair.wished) {
        let intent = match choice {
            0..=2 => PolicyIntent::Present(Authored::new(
                attune::policy::read(&document(*choice).to_string()).document.unwrap(),
                None,
            )),
            3 if !only_additions => PolicyIntent::Absent,
            _ => continue,
        };
        let entry = PolicyEntry::new(intent);
        desired.policies.insert(PolicyName::parse(name).unwrap(), entry);
    }
    if only_additions {
        return desired;
    }
    for (user, choice) in USERS.iter().zip(&pair.users) {
        let intent = match choice {
            0..=3 => DeclaredAttachment::Has(PolicyName::parse(POLICIES[*choice]).unwrap()),
            4 => DeclaredAttachment::Has(PolicyName::parse("readonly").unwrap()),
            5 => DeclaredAttachment::Detached,
            _ => continue,
        };
        desired.users.insert(UserName::parse(user).unwrap(), PrincipalEntry { intent, at: None });
    }
    let pattern = |text: &str| -> NamePatterns { [text].iter().map(|text| text.parse().unwrap()).collect() };
    if pair.owned {
        desired.ownership = ObjectPatterns {
            policies: pattern("p*"),
            users: pattern("u*"),
            groups: NamePatterns::default(),
            buckets: NamePatterns::default(),
        };
    }
    if pair.gap {
        desired.cluster.replace = Replace::Gap;
    }
    desired
}
