//! `docs/simulator.md` stays true.

use serde_json::Value;

use super::super::Switches;
use super::super::state::State;

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
