//! Expectations of random configurations, compared with what each user's document allows.

use super::{MutationResult, Why, check, mutations, offline_findings};
use crate::base::{Principal, Release};
use crate::contract::State;
use crate::desired::testing::desired;
use crate::desired::{Authored, DeclaredAttachment, Demand, Desired, PolicyIntent};
use crate::policy::access::{Context, Holder, RequestOn, RequestOrAction, Verdict, decide_request, gains};
use crate::policy::{Catalogue, Random};

const ACTIONS: [&str; 6] =
    ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:Get*", "s3:*", "s3:DeleteObjectVersion"];
const WORDS: [&str; 6] = ["read", "write", "delete", "delete-version", "s3:GetObject", "s3:Delete*"];
const RESOURCES: [&str; 6] =
    ["arn:aws:s3:::abc/*", "arn:aws:s3:::abc/a", "arn:aws:s3:::ab*", "*", "arn:aws:s3:::xyz/b*", "arn:aws:s3:::*/a"];
const ON: [&str; 5] = ["abc/*", "abc/a", "xyz/*", "*", "abc/b?"];
/// The objects of the universe. Every pattern above has one of them that no other pattern needs to be told apart.
const OBJECTS: [&str; 8] = ["abc/a", "abc/b", "abc/ba", "abc/c", "xyz/a", "xyz/b", "xyz/c", "zzz/a"];

/// Three policies, one user for each, and one expectation.
fn random(random: &mut Random) -> String {
    let mut text = String::new();
    for policy in ["p0", "p1", "p2"] {
        for effect in ["Allow", "Allow", "Deny"] {
            let (action, on) = (random.pick(&ACTIONS), random.pick(&RESOURCES));
            let condition = random.pick(&["", "", "condition = { StringEquals = { \"aws:UserAgent\" = \"x\" } }\n"]);
            text += &format!(
                "[[policies.{policy}.statement]]\neffect = \"{effect}\"\naction = \"{action}\"\nresource = \"{on}\"\n{condition}\n"
            );
        }
    }
    text += "[users]\nu0 = \"p0\"\nu1 = \"p1\"\nu2 = \"p2\"\n\n[[expect]]\n";
    text += random.pick(&["nobody = ", "user = \"u0\"\ncan = ", "users = \"u*\"\nexcept = [\"u1\"]\ncannot = "]);
    text + &format!("\"{}\"\non = \"{}\"\n", random.pick(&WORDS), random.pick(&ON))
}

fn verdicts(desired: &Desired, principal: &Principal, word: &str, object: &str, context: &Context<'_>) -> Vec<Verdict> {
    let DeclaredAttachment::Has(policy) = &desired.entry(principal).unwrap().intent else { panic!() };
    let PolicyIntent::Present(authored) = &desired.policies[policy].intent else { panic!() };
    let request = RequestOn::parse(word, object).unwrap();
    let context = context.with(principal);
    context
        .rules
        .iter()
        .map(|rules| decide_request(Some(authored.document()), &request, &context, rules).verdict)
        .collect()
}

#[test]
fn expectations_are_those_of_single_decisions() {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let (mut held, mut failed) = (0, 0);
    for seed in 0..400 {
        let text = random(&mut Random(seed));
        let desired = desired(&text);
        let state = State::of_configuration(&desired, &Release::newest());
        let checked = &check(&desired.expectations, None, &state, &context)[0];
        for (principal, _) in desired.principals() {
            let expectation = &checked.expectation;
            let failure = checked.failures.iter().find(|of| of.who == Some(Holder::Principal(principal.clone())));
            if !expectation.who.covers(&principal) {
                assert_eq!(failure, None, "{text}");
                continue;
            }
            let (set, can) = match &expectation.demand {
                Demand::Can(set) => (set, true),
                Demand::Cannot(set) => (set, false),
                Demand::Only(_) => panic!("{text}"),
            };
            let broken = |word: &str, object: &str| {
                let verdicts = verdicts(&desired, &principal, word, object, &context);
                if can { verdicts.contains(&Verdict::Denied) } else { verdicts.iter().any(|of| *of != Verdict::Denied) }
            };
            let words = ["read", "write", "delete", "delete-version", "delete-tags", "delete-version-tags"];
            let asked: Vec<(&str, &str)> = words
                .iter()
                .flat_map(|word| OBJECTS.iter().map(move |object| (*word, *object)))
                .filter(|(word, object)| set.has_request(word, object))
                .collect();
            if asked.iter().any(|(word, object)| broken(word, object)) {
                assert!(failure.is_some(), "{principal}\n{text}");
            }
            if let Some(failure) = failure {
                let (Why::Allowed(example) | Why::NotAllowed(example)) = &failure.why else { panic!("{failure:?}") };
                let RequestOrAction::Request(kind) = &example.what else { panic!("{failure:?}") };
                assert!(set.has_request(kind.word(), &example.resource), "{failure:?}\n{text}");
                let verdicts = verdicts(&desired, &principal, kind.word(), &example.resource, &context);
                let unmet = if can { Verdict::Allowed } else { Verdict::Denied };
                assert!(verdicts.iter().any(|of| *of != unmet), "{failure:?} {verdicts:?}\n{text}");
            }
            *(if failure.is_some() { &mut failed } else { &mut held }) += 1;
        }
        assert_eq!(offline_findings(std::slice::from_ref(checked), &desired, &context).is_empty(), checked.holds());
    }
    assert!(held > 100 && failed > 100, "{held} {failed}");
}

#[test]
fn a_condition_is_not_met_for_can_and_may_be_met_for_cannot() {
    let statement = |operator: &str| {
        format!(
            "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::abc/*\"\n\
             condition = {{ {operator} = {{ \"aws:SourceIp\" = \"10.0.0.0/8\" }} }}\n[users]\nal = \"p\"\n"
        )
    };
    let fails = |operator: &str, demand: &str| {
        let desired =
            desired(&format!("{}[[expect]]\nuser = \"al\"\n{demand} = \"read\"\non = \"abc\"\n", statement(operator)));
        let catalogue = Catalogue::newest();
        let state = State::of_configuration(&desired, &Release::newest());
        !check(&desired.expectations, None, &state, &Context::new(&catalogue))[0].holds()
    };
    assert!(fails("IpAddress", "can") && fails("IpAddress", "cannot"));
    assert!(!fails("NotIpAddress", "can") && fails("NotIpAddress", "cannot"));
}

#[test]
fn every_mutation_that_is_said_to_be_caught_breaks_an_expectation_and_no_other_does() {
    let catalogue = Catalogue::newest();
    let context = Context::new(&catalogue);
    let mut counts = [0, 0, 0];
    for seed in 1000..1012 {
        let desired = desired(&random(&mut Random(seed)));
        let state = State::of_configuration(&desired, &Release::newest());
        for mutation in mutations(&desired, &context) {
            let mut wide = desired.clone();
            let entry = wide.policies.get_mut(&mutation.policy).unwrap();
            let PolicyIntent::Present(authored) = &entry.intent else { panic!() };
            let document = mutation.document(authored.document());
            let gains_nothing = gains(Some(authored.document()), Some(&document), &context).gains_nothing();
            entry.intent = PolicyIntent::Present(Authored::new(document, None));
            // The whole configuration, as if somebody proposed it.
            let after = State::of_configuration(&wide, &Release::newest());
            let checked = check(&desired.expectations, Some(&state), &after, &context);
            let is_broken = checked.iter().any(super::Checked::refuses);
            let expected = match (gains_nothing, is_broken) {
                (true, _) => MutationResult::NoGain,
                (false, true) => MutationResult::Caught,
                (false, false) => MutationResult::Missed,
            };
            assert_eq!(mutation.result(&desired, &state, &context), expected, "{mutation:?}");
            counts[expected as usize] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
}
