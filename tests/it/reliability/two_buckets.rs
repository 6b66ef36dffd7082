//! Two applies that set the policy of one bucket: the call of the second comes at every request of the first.

use std::collections::BTreeMap;

use attune::apply::Status;
use attune::base::BucketName;
use attune::cluster::observe;
use attune::desired::Desired;
use attune::observed::BucketPolicy;
use attune::sim::state::{ClusterState, ROOT};
use attune::sim::{Bucket, Event, Fault, FaultRules, ForeignChange, Trigger};

use super::buckets::{bucket_word, in_state};
use super::scenarios::plain;
use super::world::{World, run};
use crate::inside::client;

/// Policies of a bucket, as words of scenarios.
pub(super) const POLICIES: [&str; 5] = ["none", "download", "public", "doc", "other"];

/// The policy of the bucket `data` with this word, as another apply sets it.
fn foreign(policy: &str) -> ForeignChange {
    let (bucket, intent) = bucket_word(&format!("bucket/data={policy}")).unwrap();
    let policy = in_state(&intent);
    let policy = serde_json::from_str(&policy).unwrap_or_else(|_| serde_json::json!(policy));
    ForeignChange::SetBucketPolicy {
        tenant: ROOT.to_owned(),
        bucket: bucket.to_string(),
        policy: serde_json::from_value(policy).unwrap(),
    }
}

/// The buckets after another apply.
fn after(start: &ClusterState, policy: &str) -> BTreeMap<String, Bucket> {
    let ForeignChange::SetBucketPolicy { bucket, policy, .. } = foreign(policy) else { unreachable!() };
    let mut buckets = start.tenants[ROOT].buckets.clone();
    buckets.get_mut(&bucket).unwrap().policy = policy;
    buckets
}

fn sets_policy(event: &Event) -> bool {
    event.writes == Some(true)
}

/// How the first apply ended, for each request at which the second came.
async fn interleaved(start: &'static str, first: &str, second: &str) -> [usize; 3] {
    let word = |policy: &str| &*format!("bucket/data={policy}").leak();
    let scenario = plain("two", word(first), word(start));
    let state = scenario.state();
    let plan = World::start(&state, FaultRules::default()).await.plan(&scenario.desired()).await.unwrap().unwrap();
    assert_eq!(plan.steps.len(), 1, "{:?}", plan.findings);
    let clean = run(&state, &plan, FaultRules::default(), 1).await;
    let calls = u64::try_from(clean.events.len()).unwrap();
    let (of_first, of_second) = (&clean.state.tenants[ROOT].buckets, &after(&state, second));
    let (mut overwritten, mut noticed, mut same) = (0, 0, 0);
    for call in 1..=calls {
        let rules = FaultRules::one(Trigger::Call(call), Fault::Behind(foreign(second)));
        let ran = run(&state, &plan, rules, 1).await;
        let at = format!("from {start} to {first}, and to {second} before request {call}");
        let Some(came) = ran.events.iter().position(|event| !event.foreign_changes.is_empty()) else { continue };
        let sent = ran.events.iter().position(sets_policy);
        let status = &ran.steps.as_ref().unwrap()[0].status;
        let end = &ran.state.tenants[ROOT].buckets;
        match status {
            Status::AlreadyDone => {
                assert!(sent.is_none() && first == second && end == of_second, "{at}");
                same += 1;
            }
            Status::Drifted(what) => {
                assert!(sent.is_none() && end == of_second, "{at}");
                assert!(what.starts_with("bucket `data` has another policy: "), "{at}: {what}");
                noticed += 1;
            }
            // No read comes between.
            Status::Done => {
                assert!(sent == Some(came) && end == of_first, "{at}: sent at {sent:?}");
                overwritten += 1;
            }
            Status::Refused(_)
            | Status::UnknownOutcome(_)
            | Status::Failed(_)
            | Status::NotReached(_)
            | Status::Interrupted => panic!("{at}: {status:?}"),
        }
    }
    [overwritten, noticed, same]
}

#[test]
fn an_apply_overwrites_only_a_policy_that_came_after_its_last_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut counts = [0; 3];
    for start in POLICIES {
        let others = || POLICIES.into_iter().filter(|policy| *policy != start);
        for (first, second) in others().flat_map(|first| others().map(move |second| (first, second))) {
            let found = runtime.block_on(interleaved(start, first, second));
            assert_eq!(found[0], 1, "from {start} to {first}, and to {second}: {found:?}");
            counts = [0, 1, 2].map(|index: usize| counts[index] + found[index]);
        }
    }
    println!("two policies of one bucket: {} overwritten, {} noticed, {} the same", counts[0], counts[1], counts[2]);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

/// What an observation says about the bucket, with another apply before a request; `None` if it makes fewer requests.
async fn observed(state: &ClusterState, desired: &Desired, behind: Option<(u64, &str)>) -> Option<BucketPolicy> {
    let rules = behind.map(|(call, policy)| FaultRules::one(Trigger::Call(call), Fault::Behind(foreign(policy))));
    let world = World::start(state, rules.unwrap_or_default()).await;
    let observed = observe(&client(&world.running), &[desired], 1).await.unwrap();
    let happened = world.events().await.iter().any(|event| !event.foreign_changes.is_empty());
    let bucket = observed.buckets.get(&BucketName::parse("data").unwrap()).unwrap();
    (happened || behind.is_none()).then(|| bucket.clone())
}

#[test]
fn a_policy_that_is_replaced_while_it_is_read_is_the_old_or_the_new_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tried = 0;
    for (start, second) in POLICIES.into_iter().flat_map(|start| POLICIES.map(|second| (start, second))) {
        let word = |policy: &str| &*format!("bucket/data={policy}").leak();
        let scenario = plain("two", "bucket/data=none", word(start));
        let (desired, state) = (scenario.desired(), scenario.state());
        let later = plain("two", "bucket/data=none", word(second)).state();
        let whole = [&state, &later].map(|state| runtime.block_on(observed(state, &desired, None)).unwrap());
        for call in 1.. {
            let found = runtime.block_on(observed(&state, &desired, Some((call, second))));
            let Some(found) = found else { break };
            // Its name may be of before, but then the document has none.
            let is_document = found.canned.is_none() && whole.iter().any(|one| one.document == found.document);
            assert!(is_document || whole.contains(&found), "{start} to {second} before request {call}: {found:?}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}
