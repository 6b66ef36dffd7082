//! Integration tests: one binary. `cfg(test)` is always so here; it tells clippy that `unwrap` is a test's.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod schemas;
