//! The text form of rules, and when they are due.

use super::*;
use crate::sim::rules::Refusal;
use crate::sim::state::State;

fn rule(text: &str) -> Rule {
    text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn problem(text: &str) -> String {
    text.parse::<Rule>().unwrap_err().to_string()
}

/// The names of the faults of some calls in turn, `-` for none.
fn struck(rules: &[&str], calls: &[(&str, &str)]) -> Vec<String> {
    let mut armed = Armed::from(Rules(rules.iter().map(|text| rule(text)).collect()));
    let strike = |(method, path): &(&str, &str)| {
        let path = format!("/api/v2{path}");
        let faults = armed.next(Call { method, path: &path, writes: *method != "GET", others: 0 });
        let names: Vec<String> = faults.iter().map(Fault::name).collect();
        if names.is_empty() { "-".to_owned() } else { names.join("+") }
    };
    calls.iter().map(strike).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let behind = r#"{"add":{"tenant":"etl","policy":"a=b","document":{"Version":"2012-10-17"}}}"#;
    for text in [
        "call:1=drop-before",
        "write:3=drop-after",
        "crowd:4=429-before:2",
        "POST /s3/policies/attach#2=500-after",
        "* /s3/*,times=4=503-before:20",
        "GET /a=b=drop-after",
        "p=0.05,seed=7=reset",
        "p=1,seed=0,times=2=delay:1s 500ms",
        "call:2=refuse:409:it is =drop there: now",
        "call:2=html-after:200",
        &format!("call:2=behind:{behind}"),
        r#"call:2=behind:{"detach":{"user":"bob"}}"#,
    ] {
        assert_eq!(rule(text).to_string(), text);
    }
    for fault in Fault::all() {
        let text = fault.to_string();
        let read = text.parse::<Fault>();
        if matches!(fault, Fault::Kill(_)) {
            assert!(read.is_err(), "{text} is for in-process use");
        } else {
            assert_eq!(read, Ok(fault), "{text}");
        }
    }
}

#[test]
fn a_crowd_is_so_many_others_at_the_same_time() {
    let mut armed = Armed::from(Rules(vec![rule("crowd:2=429")]));
    let mut struck =
        |others| !armed.next(Call { method: "GET", path: "/api/v2/users", writes: false, others }).is_empty();
    assert_eq!([0, 1, 2, 3].map(&mut struck), [false, false, true, true]);
}

#[test]
fn what_is_left_out_is_filled_in() {
    for (short, long) in [
        ("drop", "drop-before"),
        ("429", "429-before"),
        ("html", "html-before:502"),
        ("refuse", "refuse:400:refused by a fault"),
        ("refuse:409", "refuse:409:refused by a fault"),
    ] {
        assert_eq!(short.parse::<Fault>().unwrap().to_string(), long);
    }
    assert_eq!(rule("p=0.5=drop").to_string(), "p=0.5,seed=0=drop-before");
}

#[test]
fn what_is_no_rule_says_what_one_is() {
    for (text, part) in [
        ("drop", "write `WHEN=FAULT`"),
        ("call:0=drop", "`call:0` does not say when"),
        ("third=drop", "`third` does not say when"),
        ("p=2=drop", "does not say when"),
        ("get /users=drop", "does not say when"),
        ("GET users=drop", "does not say when"),
        ("GET /users#x=drop", "does not say when"),
        ("GET /users,times=0=drop", "does not say when"),
        ("call:1=explode", "`explode` is not a fault"),
        ("call:1=404", "`404` is not a fault"),
        ("call:1=reset-after", "`reset-after` is not a fault"),
        ("call:1=drop:1", "`drop:1` is not a fault: it takes nothing"),
        ("call:1=refuse:500", "400 to 499"),
        ("call:1=delay", "a duration such as"),
        ("call:1=500:soon", "Retry-After"),
        ("call:1=html:x", "200 to 599"),
        (r#"call:1=behind:{"attach":{"policy":"p"}}"#, "missing field `user`"),
        (r#"call:1=behind:{"detach":{"user":"u","x":1}}"#, "unknown field `x`"),
    ] {
        let problem = problem(text);
        assert!(problem.contains(part), "{text}: {problem}");
    }
}

#[test]
fn calls_are_counted_as_the_rule_says() {
    let calls = [
        ("POST", "/login"),
        ("GET", "/users"),
        ("POST", "/s3/policies"),
        ("POST", "/s3/policies/attach"),
        ("GET", "/users"),
        ("POST", "/s3/policies/attach"),
    ];
    assert_eq!(struck(&["call:2=drop", "write:3=reset"], &calls), ["-", "drop-before", "-", "reset", "-", "-"]);
    assert_eq!(struck(&["POST /s3/policies/attach#2=drop"], &calls), ["-", "-", "-", "-", "-", "drop-before"]);
    assert_eq!(struck(&["POST /s3/policies=reset"], &calls), ["-", "-", "reset", "-", "-", "-"]);
    assert_eq!(struck(&["POST /s3/*=reset"], &calls), ["-", "-", "reset", "reset", "-", "reset"]);
    assert_eq!(struck(&["* /*,times=2=reset"], &calls), ["reset", "reset", "-", "-", "-", "-"]);
}

#[test]
fn one_fault_decides_and_the_others_happen_too() {
    let all = ["call:1=delay:1ms", "call:1=drop", "* /*=reset", r#"call:1=behind:{"detach":{"user":"u"}}"#];
    assert_eq!(struck(&all, &[("GET", "/users"); 2]), ["delay+behind+drop-before", "reset"]);
    // A rule whose fault gave way to another's is not used up.
    assert_eq!(struck(&["call:1=drop", "* /*,times=1=reset"], &[("GET", "/a"); 3]), ["drop-before", "reset", "-"]);
}

#[test]
fn chance_follows_from_the_seed() {
    let of = |seed: u64| struck(&[&format!("p=0.05,seed={seed}=drop")], &[("GET", "/users"); 2000]);
    let hits = of(7).iter().filter(|struck| *struck != "-").count();
    assert!((50..150).contains(&hits), "{hits} of 2000 at 0.05");
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
    assert!(struck(&["p=1=drop"], &[("GET", "/users"); 9]).iter().all(|struck| struck == "drop-before"));
    assert!(struck(&["p=0=drop"], &[("GET", "/users"); 9]).iter().all(|struck| struck == "-"));
}

#[test]
fn another_administrator_is_bound_by_the_same_rules() {
    let text = r#"{"tenants":{"Root":{"users":{"bob":{}}},"etl":{"users":{"eve":{"policy":"readonly"}}}}}"#;
    let mut state = serde_json::from_str::<State>(text).unwrap().complete().unwrap();
    let mut behind = |text: &str| serde_json::from_str::<Behind>(text).unwrap().apply(&mut state);
    let document = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    behind(&format!(r#"{{"add":{{"policy":"ml","document":{document}}}}}"#)).unwrap();
    behind(r#"{"attach":{"policy":"ml","user":"bob"}}"#).unwrap();
    assert!(matches!(behind(r#"{"remove":{"policy":"ml"}}"#), Err(Refusal::Invalid { .. })), "it is held");
    behind(r#"{"detach":{"user":"bob"}}"#).unwrap();
    behind(r#"{"remove":{"policy":"ml"}}"#).unwrap();
    behind(r#"{"detach":{"tenant":"etl","user":"eve"}}"#).unwrap();
    assert!(behind(r#"{"detach":{"tenant":"lab","user":"eve"}}"#).is_err());
    assert!(state.tenants.values().flat_map(|tenant| tenant.users.values()).all(|user| user.policy.is_none()));
}
