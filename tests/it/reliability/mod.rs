//! Apply that survives anything: faults at every request of a run, random ones, and a program that is killed.
//!
//! `scenarios` are the inputs, `world` runs them with faults, `invariants` must hold at every instant.

mod buckets;
mod exhaustive;
mod invariants;
mod killed;
mod random;
mod scenarios;
mod two;
mod two_buckets;
mod world;
