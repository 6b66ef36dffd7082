//! The error of the simulator.

/// Why the simulator cannot start, read a setting or use its state file. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SimError(pub(super) String);
