//! Comparisons of two users, and questions about some or all of something, by brute force.

use super::requests::{ACTIONS, ALL, KINDS, Kind, Pair, can_do, server};
use super::*;
use crate::base::UserName;

const NAMES: [&str; 2] = ["a", "b"];

/// A document that may name its user in its resources and conditions.
fn of_users(mut document: Document, random: &mut Random) -> Document {
    document.version = Some("2012-10-17".to_owned());
    for statement in &mut document.statements {
        if random.below(3) == 0 {
            let named = |text: &String| text.replacen("ab", "${aws:username}b", 1);
            statement.resources.patterns = statement.resources.patterns.iter().map(named).collect();
        }
        if random.below(5) == 0 {
            let [key, value] = ["aws:username", random.pick(&NAMES)].map(str::to_owned);
            statement.conditions.push(Clause { operator: "StringEquals".to_owned(), key, values: vec![value] });
        }
    }
    document
}

/// What the document of a user says, without a variable and without a condition on the name.
fn of_user(document: &Document, name: &str) -> Document {
    let mut document = document.clone();
    let is_name = |clause: &Clause| clause.key == "aws:username";
    let is_other = |of: &Statement| of.conditions.iter().any(|clause| is_name(clause) && clause.values != [name]);
    document.statements.retain(|statement| !is_other(statement));
    for statement in &mut document.statements {
        statement.conditions.retain(|clause| !is_name(clause));
        let named = |text: &String| text.replace("${aws:username}", name);
        statement.resources.patterns = statement.resources.patterns.iter().map(named).collect();
    }
    document
}

fn attachment(name: &str, document: &Document) -> Attachment {
    let holder = Holder::Principal(Principal::from(&UserName::reported(name)));
    Attachment { holder, policy: None, document: Some(document.clone()) }
}

/// What both can do, by brute force.
fn check_both(
    oracles: &mut [Oracle; 2],
    found: &Comparison,
    documents: [&Document; 2],
    kinds: &[&'static Kind],
    used: &[&str],
) {
    for kind in kinds {
        for (index, rules) in ALL.into_iter().enumerate() {
            let oracle = &mut oracles[server(index)];
            for keys in all_keys(used).iter().filter(|keys| index == 2 || on_minio(used, keys)) {
                let mut both = oracle.nothing(kind.resource);
                for account in 0..=server(index) {
                    let [mut one, other] = documents.map(|document| oracle.can(document, index, kind, keys, account));
                    change(&mut one, &other, |one, other| one & other);
                    change(&mut both, &one, |all, one| all | one);
                }
                let told = oracle.told(&found.both.gained, (kind, rules), keys, None);
                let wrong = oracle.first_other(kind.resource, &both, &told);
                assert!(wrong.is_none(), "{} by {rules} with {keys:?} on {wrong:?}: {found:#?}", kind.word);
            }
        }
    }
    for line in &found.both.gained {
        let kind = KINDS.iter().find(|kind| kind.word == line.witness.request.word()).unwrap();
        let rules = ALL.iter().position(|rules| line.rules.is_empty() || line.rules.contains(rules)).unwrap();
        let [one, other] = documents.map(|document| can_do(document, rules, kind, &line.witness));
        assert!((0..2).any(|account| one[account] && other[account]), "{line:#?}");
    }
}

fn run(seed: u64, pairs: usize, conditions: bool) {
    let catalogue = Catalogue::newest();
    let mut random = Random(seed);
    let mut oracles = Server::ALL.map(Oracle::new);
    let pool: Vec<_> = (0..200).map(|_| random.pattern()).collect();
    let context = Context::new(&catalogue);
    let all: Vec<&Kind> = KINDS.iter().collect();
    let mut relations = BTreeMap::<String, usize>::new();
    for round in 0..pairs {
        let keys: Vec<&str> = (0..2).map(|_| random.pick(&["k", "n"])).filter(|_| conditions).collect();
        let vocabulary = Vocabulary { actions: &ACTIONS, pool: &pool, keys: &keys };
        let one = random.document(&vocabulary);
        let one = of_users(one, &mut random);
        let other = if round % 3 == 0 { one.clone() } else { random.variant(&one, &vocabulary) };
        let other = if round % 3 == 0 { other } else { of_users(other, &mut random) };
        let [of_a, of_b] = [attachment("a", &one), attachment("b", &other)];
        let found = compare(of_a.clone(), of_b.clone(), &context);
        let (a, b) = (of_user(&one, "a"), of_user(&other, "b"));
        let kinds: Vec<&Kind> = (0..6).map(|_| random.pick(&all)).collect();
        let pair = |before, after| Pair { before: Some(before), after, used: &keys, kinds: &kinds };
        pair(&b, &a).check(&mut oracles, &found.only_one.gained, None);
        pair(&a, &b).check(&mut oracles, &found.only_other.gained, None);
        check_both(&mut oracles, &found, [&a, &b], &kinds, &keys);
        let mirrored = compare(of_b, of_a, &context).relation();
        let expected = match found.relation() {
            Relation::OneHasMore => Relation::OtherHasMore,
            Relation::OtherHasMore => Relation::OneHasMore,
            same @ (Relation::Same | Relation::SameRequests | Relation::EachHasMore) => same,
        };
        assert_eq!(mirrored, expected, "{found:#?}");
        *relations.entry(format!("{expected:?}")).or_default() += 1;
        check_questions(&mut oracles, &a, &keys, &mut random, &pool);
    }
    assert!(conditions || relations.len() >= 4, "{relations:?}");
}

/// Whether some, or all, of what matches two patterns is allowed: by each of the rules.
fn check_questions(
    oracles: &mut [Oracle; 2],
    document: &Document,
    used: &[&str],
    random: &mut Random,
    pool: &[String],
) {
    let catalogue = Catalogue::newest();
    let (kind, pattern) = (random.pick(&KINDS.iter().collect::<Vec<_>>()), random.pick(pool));
    let Ok(whole) = Whole::parse(&kind.word, &pattern, &catalogue) else { return };
    let Ok(some) = RequestQuestion::parse(&kind.word, &pattern) else { return };
    let patterns = some.asked[0].1.clone();
    for (index, rules) in ALL.into_iter().enumerate() {
        let list = RuleList::from(rules);
        let context = Context { rules: &list, ..Context::new(&catalogue) };
        let missing = whole.missing(Some(document), &context).remove(0).1;
        let is_some = !some.allowed(document, &context).gains_nothing();
        let oracle = &mut oracles[server(index)];
        let (mut any, mut lacking) = (false, false);
        for keys in all_keys(used).iter().filter(|keys| index == 2 || on_minio(used, keys)) {
            let mut asked = oracle.nothing(kind.resource);
            for pattern in &patterns {
                change(&mut asked, &oracle.named(pattern, kind.resource), |all, one| all | one);
            }
            oracle.cut(kind.resource, &mut asked);
            for account in 0..=server(index) {
                let can = oracle.can(document, index, kind, keys, account);
                any |= asked.iter().zip(&can).any(|(asked, can)| asked & can != 0);
                lacking |= asked.iter().zip(&can).any(|(asked, can)| asked & !can != 0);
            }
        }
        let what = format!("{} on {pattern} by {rules}: {missing:?}\n{}", kind.word, shown(document));
        assert!(is_some || !any, "some: {what}");
        assert!(missing.is_some() || !lacking, "all: {what}");
        if let Some(found) = missing {
            let RequestOrAction::Request(request) = found.what else { panic!("{what}") };
            let (resource, conditions) = (found.resource, found.conditions);
            let allowed = can_do(document, index, kind, &RequestWitness { request, resource, conditions });
            assert!(allowed.contains(&false), "{what}");
        }
    }
}

#[test]
fn comparisons_are_those_of_brute_force() {
    run(31, pairs(30), false);
}

#[test]
fn comparisons_under_conditions_are_those_of_brute_force() {
    run(32, pairs(8), true);
}
