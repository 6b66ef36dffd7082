//! Integration tests: one binary. `cfg(test)` is always so here; it tells clippy that `unwrap` is a test's.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod rest;
