//! The simulated cluster: real HTTP on loopback, state in a JSON file, releases 3.14, 4.0, 4.4, 5.1 and 6.0.
//!
//! `state` is the data and the file's shape, `rules` what a cluster does with a call, `release` what differs between
//! releases, `store` the file on disk, `rest` the API over it, `faults` what goes wrong, `serve` the listener, `observe`
//! what it saw. `docs/simulator.md` describes it for users and says which behaviours are assumed.

mod document;
pub mod faults;
mod ids;
mod json;
pub mod observe;
pub mod release;
pub mod rest;
pub mod rules;
mod serve;
pub mod state;
pub mod store;
pub mod switches;
pub mod weka;

pub use document::Document;
pub use faults::{Applied, Fault, Rule, Rules, When};
pub use observe::{By, Event, Shown, Snapshot, history};
pub use release::{SimRelease, UnknownRelease};
pub use serve::{Ended, Hook, Options, Place, Running, SimError, TlsError, start};
pub use switches::{SwitchProblem, Switches};

#[cfg(test)]
mod tests;
