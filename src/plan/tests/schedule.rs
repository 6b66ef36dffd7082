//! Random schedules with a moving clock.

use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use super::shown::worlds;
use super::*;
use crate::desired::{AsOf, Moment, Phase, Schedule};
use crate::plan::{after, expired};
use crate::policy::Catalogue;

const USERS: [&str; 4] = ["a", "b", "c", "d"];
const POLICIES: [&str; 4] = ["p", "q", "wide", ""];

/// Midnight at the beginning of the first day.
fn origin() -> OffsetDateTime {
    "2030-12-28T00:00:00Z".parse::<Moment>().unwrap().begin()
}

fn as_of(seconds: i64) -> AsOf {
    AsOf { at: origin() + Duration::seconds(seconds), is_given: false }
}

/// A day, or an instant near a midnight.
fn moment() -> impl Strategy<Value = Moment> {
    let near = prop_oneof![Just(-1), Just(0), Just(1), -90_000i64..90_000];
    (0i64..6, near, any::<bool>()).prop_map(|(day, near, is_day)| {
        let at = origin() + Duration::days(day);
        if is_day { Moment::Day(at.date()) } else { Moment::Instant(at + Duration::seconds(near)) }
    })
}

fn attachment(index: usize) -> DeclaredAttachment {
    match POLICIES[index] {
        "" => DeclaredAttachment::Detached,
        name => DeclaredAttachment::Has(policy(name)),
    }
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let kinds = (0usize..4, 0usize..3, 0usize..4);
    (proptest::option::of(moment()), kinds, proptest::option::of(moment())).prop_map(|(from, kinds, until)| Schedule {
        from,
        before: attachment(kinds.0),
        attachment: attachment(kinds.1),
        until,
        then: attachment(kinds.2),
    })
}

/// `wide` gives what `p` and `q` give.
fn wide() -> Document {
    let [mut wide, other] = [document(1), document(2)];
    wide.statements.extend(other.statements);
    wide
}

#[derive(Debug, Clone)]
struct Scene {
    desired: Desired,
    world: World,
}

fn scene() -> impl Strategy<Value = Scene> {
    let users = proptest::collection::vec((proptest::option::weighted(0.8, schedule()), 0usize..4, 0usize..4), 4);
    users.prop_map(|users| {
        let mut declared = Declared::default().policy("p", 1).policy("q", 2).document("wide", wide());
        let mut world = World::new().with("p", 1).with("q", 2);
        world.policies.insert(policy("wide"), normalize(&wide()));
        for (name, (schedule, intent, attached)) in USERS.into_iter().zip(users) {
            let intent = schedule.as_ref().map_or(attachment(intent), |schedule| schedule.attachment.clone());
            declared.0.users.insert(user(name), PrincipalEntry { intent, at: None });
            declared.0.schedules.extend(schedule.map(|schedule| (who(name), schedule)));
            world = world.attached(name, POLICIES[attached]);
        }
        Scene { desired: declared.0, world }
    })
}

/// What a user is to have, by its schedule alone, counted in seconds.
fn by_hand(of: &Schedule, seconds: i64) -> DeclaredAttachment {
    let second = |moment: OffsetDateTime| (moment - origin()).whole_seconds();
    let ends = of.until.map(|until| match until {
        Moment::Day(day) => second(day.midnight().assume_utc()) + 24 * 60 * 60,
        Moment::Instant(at) => second(at),
    });
    let begins = of.from.map(|from| second(from.begin()));
    if ends.is_some_and(|ends| seconds >= ends) {
        of.then.clone()
    } else if begins.is_some_and(|begins| seconds < begins) {
        of.before.clone()
    } else {
        of.attachment.clone()
    }
}

#[test]
fn a_deny_is_not_taken_from_a_user_that_a_group_may_give_what_it_denies() {
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#;
    let declared = crate::desired::testing::desired(
        "[users]\na = { policy = 'wall', until = 2030-01-01 }\nb = { policy = 'p', until = 2030-01-01 }\n",
    );
    let mut world = World::new().with("p", 1).with("q", 2).attached("a", "wall").attached("b", "p");
    world.policies.insert(policy("wall"), normalize(&read(deny).document.unwrap()));
    let ends = |world: &World, release: &str| -> Vec<String> {
        let of = expired(&declared.clone().at(as_of(0)), &world.observed(release), &Catalogue::newest());
        assert_eq!(of.left_out.len() + of.desired.users.len(), 2, "{of:?}");
        of.desired.users.keys().map(ToString::to_string).collect()
    };
    assert_eq!(ends(&world, "5.1.2"), ["a", "b"]);
    assert_eq!(ends(&world, "6.0"), ["a", "b"], "no group has a policy");
    assert_eq!(ends(&world.clone().attached("group/g", "q"), "6.0"), ["b"]);
    let unreported = Observed { groups_known: false, ..world.observed("6.0") };
    let of = expired(&declared.clone().at(as_of(0)), &unreported, &Catalogue::newest());
    assert!(of.left_out.contains_key(&who("a")) && !of.left_out.contains_key(&who("b")));
}

const SECONDS: std::ops::Range<i64> = -100_000..800_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_at_an_instant_is_that_of_the_declarations_written_by_hand(scene in scene(), seconds in SECONDS) {
        let Scene { desired, world } = scene;
        let observed = world.observed("5.1.2");
        let mut written = desired.clone();
        for (principal, schedule) in std::mem::take(&mut written.schedules) {
            let entry = written.users.get_mut(principal.user().unwrap()).unwrap();
            entry.intent = by_hand(&schedule, seconds);
        }
        let at = plan(&desired.at(as_of(seconds)), &observed);
        prop_assert_eq!(&at.steps, &plan(&written, &observed).steps);
        prop_assert!(!at.is_blocked(), "{:?}", at.findings);
    }

    #[test]
    fn between_two_events_an_approval_stays_valid(scene in scene(), first in SECONDS, second in SECONDS) {
        let Scene { desired, world } = scene;
        let observed = world.observed("5.1.2");
        let phases = |seconds| -> Vec<Phase> {
            desired.schedules.values().map(|schedule| schedule.phase(as_of(seconds).at)).collect()
        };
        let digest = |seconds| plan(&desired.clone().at(as_of(seconds)), &observed).digest;
        if phases(first) == phases(second) {
            prop_assert_eq!(digest(first), digest(second));
        }
        let steps = |seconds| plan(&desired.clone().at(as_of(seconds)), &observed).steps;
        if steps(first) != steps(second) {
            prop_assert!(digest(first) != digest(second), "an approval before an event is none for something else after it");
        }
    }

    #[test]
    fn what_has_expired_is_taken_away_and_nothing_else_happens(scene in scene(), seconds in SECONDS) {
        let Scene { desired, world } = scene;
        let (observed, desired) = (world.observed("5.1.2"), desired.at(as_of(seconds)));
        let of = expired(&desired, &observed, &Catalogue::newest());
        let made = plan(&of.desired, &observed);
        prop_assert!(!made.is_blocked(), "{:?}", made.findings);
        let rank = |attached: &Option<PolicyName>| attached.as_ref().map_or(0, |name| match name.as_str() {
            "p" => 1u8,
            "q" => 2,
            _ => 3,
        });
        for name in desired.users.keys() {
            let principal = Principal::from(name);
            let before = world.attached[&principal].clone();
            let ended = desired.term(&principal).filter(|term| term.phase == Phase::Ended);
            let wanted = ended.as_ref().map(|_| desired.users[name].intent.policy().cloned());
            let has = after(&made, &observed).attached_to(&principal);
            match wanted {
                // As sets of buckets: what it has then is within what it has now.
                Some(wanted) if rank(&wanted) & rank(&before) == rank(&wanted) => prop_assert_eq!(has, wanted),
                Some(_) | None => prop_assert_eq!(has, before),
            }
        }
        prop_assert!(made.effects.values().all(|effect| effect.access.as_ref().is_none_or(|access| access.gains_nothing())));
        let again = expired(&desired, &after(&made, &observed), &Catalogue::newest());
        prop_assert!(plan(&again.desired, &after(&made, &observed)).is_empty());
    }

    #[test]
    fn an_apply_that_is_killed_around_midnight_is_finished_by_the_next(
        scene in scene(),
        first in SECONDS,
        second in SECONDS,
        most in 0usize..6,
        more in 0usize..3,
        choices in proptest::collection::vec(any::<u16>(), 8),
    ) {
        let Scene { desired, world } = scene;
        // Two policies are replaced meanwhile, one by a temporary policy that its users have in between.
        let mut world = world.with("p", 7).with("q", 8);
        let at = |seconds| desired.clone().at(as_of(seconds));
        let begun = plan(&at(first), &world.observed("5.1.2"));
        run(&begun, &mut world, &choices, most, |_| Ok(())).unwrap();
        let has: BTreeMap<Principal, Option<Normal>> =
            world.attached.keys().map(|who| (who.clone(), world.access(who).cloned())).collect();
        let observed = world.observed("5.1.2");
        let of = expired(&at(second), &observed, &Catalogue::newest());
        run(&plan(&of.desired, &observed), &mut world, &choices, more, |world| {
            // Each call takes away, or leaves what was there.
            let is_fine = |(who, before): (&Principal, &Option<Normal>)| {
                let after = world.access(who);
                let statements = |of: Option<&Normal>| of.map(|of| of.document().statements.clone()).unwrap_or_default();
                let before = statements(before.as_ref());
                statements(after).iter().all(|statement| before.contains(statement))
            };
            if has.iter().all(is_fine) { Ok(()) } else { Err("someone gains access".to_owned()) }
        }).unwrap();
        let rest = plan(&at(second), &world.observed("5.1.2"));
        prop_assert!(!rest.is_blocked(), "{:?}", rest.findings);
        run(&rest, &mut world, &choices, usize::MAX, |_| Ok(())).unwrap();
        let observed = world.observed("5.1.2");
        prop_assert!(plan(&at(second), &observed).is_empty());
        prop_assert!(plan(&expired(&at(second), &observed, &Catalogue::newest()).desired, &observed).is_empty());
    }
}
