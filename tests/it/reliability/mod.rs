//! Apply that survives anything: faults at every request of a run, random ones, and a program that is killed.
//!
//! `scenarios` is what is applied, `world` runs it with faults, `invariants` is what must hold at every instant.

mod exhaustive;
mod invariants;
mod scenarios;
mod world;
