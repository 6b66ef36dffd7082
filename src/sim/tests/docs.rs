//! `docs/simulator.md` stays true.

use serde_json::Value;

use super::super::state::State;
use super::super::{Fault, Rule, Switches, When};

const PAGE: &str = include_str!("../../../docs/simulator.md");

#[test]
fn the_state_file_shown_is_one() {
    let (_, rest) = PAGE.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let state: State = serde_json::from_str(example).unwrap();
    state.complete().unwrap();
}

#[test]
fn every_switch_is_listed_with_its_default_first() {
    let Value::Object(switches) = serde_json::to_value(Switches::default()).unwrap() else { panic!() };
    for (name, value) in switches {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(PAGE.contains(&format!("| `{name}` | `{value}`, ")), "{name}, {value}");
    }
}

/// The texts in backticks in the first column of the table with this head.
fn first_column(head: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(&format!("| {head} |")).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_fault_is_listed_and_what_is_listed_is_one() {
    for when in first_column("when") {
        when.parse::<When>().unwrap_or_else(|problem| panic!("{problem}"));
    }
    let listed = first_column("fault");
    for fault in &listed {
        fault.parse::<Fault>().unwrap_or_else(|problem| panic!("{problem}"));
    }
    let named = |fault: &Fault| listed.iter().any(|text| text.split(':').next() == Some(fault.name().as_str()));
    let others = |fault: &Fault| matches!(fault, Fault::Status { .. } | Fault::Kill(_));
    for fault in Fault::all().iter().filter(|fault| !others(fault)) {
        assert!(named(fault), "{fault} is not listed");
    }
    let rules = PAGE.split("--fault ").skip(1).filter_map(|text| text.split([' ', '\n']).next());
    let rules: Vec<&str> = rules.filter(|rule| rule.contains(":3=")).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.parse::<Rule>().is_ok()), "{rules:?}");
}
